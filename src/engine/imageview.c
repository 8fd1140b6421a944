#include "engine/imageview.h"

#include <sys/mount.h>

#include "engine/images.h"
#include "sys/kernel.h"
#include "sys/mnt.h"
#include "sys/ns.h"
#include "sys/overlay_mount.h"

int imageview_open(const struct engine *en, struct arena *a, const char *const *chains, size_t n, struct err *e)
{
	const char **lowers = arena_array(a, n + 1, sizeof(*lowers));
	const struct overlay_args args = { .lower = lowers, .n_lower = n, .userns = -1, .base_userns = -1, .of_user = en->user.on };
	CLEANUP_FD int fd = -1;
	pid_t helper = 0;
	int r;

	if (n == 0)
		return err_set(e, ERR_NOTFOUND, "there are no files in it");
	for (size_t i = 0; lowers && i < n; i++) {
		char path[STORE_LAYER_PATH_LEN];

		store_layer_path(chains[i], path);
		lowers[i] = arena_printf(a, "%s/%s", en->root, path);
	}
	if (arena_error(a) < 0)
		return err_errno(e, -ENOMEM, "layers");
	fd = overlay_mount(&args, &helper, e);
	ns_reap(helper);
	if (fd < 0)
		return fd;
	r = mnt_setattr(fd, false, MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV, 0, 0);
	return r < 0 ? err_errno(e, r, "view of the image") : take_fd(&fd);
}

static int chains_of(const struct engine *en, struct arena *a, const char *what, const char *const **chains, size_t *n, struct err *e)
{
	struct image img;
	int r = image_find(en->catalog, a, what, &img, e);

	return r < 0 ? r : image_layers(en->catalog, a, img.id, chains, n, e);
}

/* Without any layer: -1, and no error. */
static int open_or_none(const struct engine *en, struct arena *a, const char *const *chains, size_t n, int *fd, struct err *e)
{
	*fd = n ? imageview_open(en, a, chains, n, e) : -1;
	return n && *fd < 0 ? *fd : 0;
}

int imageview_diff(const struct engine *en, struct arena *a, const char *what, const char *other, struct change **out, size_t *n,
		   struct err *e)
{
	CLEANUP_STORE struct store store = STORE_INIT;
	CLEANUP_FD int hold = -1, old = -1, new = -1;
	const char *const *was = NULL, *const *is = NULL;
	size_t n_was = 0, n_is = 0;
	int r = store_open(en->root_fd, &store, e);

	*n = 0;
	*out = NULL;
	if (r < 0)
		return r;
	hold = store_hold(&store, e);
	r = hold < 0 ? hold : chains_of(en, a, what, &was, &n_was, e);
	is = was;
	n_is = n_was;
	if (r == 0 && other)
		r = chains_of(en, a, other, &is, &n_is, e);
	if (r == 0 && !other && n_was) {
		was++;
		n_was--;
	}
	if (r == 0)
		r = open_or_none(en, a, was, n_was, &old, e);
	if (r == 0)
		r = open_or_none(en, a, is, n_is, &new, e);
	return r < 0 || (old < 0 && new < 0) ? r : changes_list(a, old, new, NULL, out, n, e);
}

/* A container's ids are a range of the host's, and so are those of what it wrote. A view maps them back: an id-mapped mount of the upper
 * folder, whose map is the container's turned round. File capabilities, which say whose root they are for, are turned with it. The merged
 * tree is an overlay of its own, where that view is the topmost of the lowers. */
#include "engine/rootview.h"

#include <fcntl.h>
#include <string.h>

#include "base/io.h"
#include "base/json.h"
#include "engine/folder.h"
#include "engine/images.h"
#include "sys/idmap.h"
#include "sys/mnt.h"
#include "sys/ns.h"
#include "sys/overlay_mount.h"


void rootview_end(struct rootview *v)
{
	for (size_t i = 0; i < v->n_lowers; i++)
		close_fd(v->lowers[i]);
	v->n_lowers = 0;
	v->upper = close_fd(v->upper);
	v->userns = close_fd(v->userns);
}

static int no_memory(struct err *e)
{
	return err_errno(e, -ENOMEM, "the container's files");
}

static int read_description(const struct engine *en, struct arena *a, const char *id, const struct json **doc, struct err *e)
{
	CLEANUP_FREE char *text = NULL;
	CLEANUP_FD int dir = folder_open(en, id, e);
	size_t len;
	int r;

	if (dir < 0)
		return dir;
	r = io_read_file(dir, "config.json", FOLDER_CONFIG_MAX, &text, &len);
	return r < 0 ? err_errno(e, r, "the container's config.json") : json_parse(a, text, len, NULL, doc, e);
}

static int find_stubs(struct arena *a, const struct json *doc, const char *const **out, struct err *e)
{
	const struct json *mounts = json_get(json_get(doc, "spec"), "mounts");
	const char **v = arena_array(a, (mounts ? mounts->len : 0) + 1, sizeof(*v));
	size_t n = 0;

	if (!v)
		return no_memory(e);
	json_each(it, mounts) {
		const char *at = NULL;
		int r = json_get_str(it, "mounts", "destination", &at, e);

		if (r < 0)
			return r;
		while (at && *at == '/')
			at++;
		if (at && *at)
			v[n++] = at;
	}
	*out = v;
	return 0;
}

static int open_layers(const struct engine *en, struct arena *a, const char *image, struct rootview *v, struct err *e)
{
	const char **paths;
	size_t n;
	int r = image_layers(en->catalog, a, image, &v->chains, &n, e);

	if (r < 0)
		return r;
	v->lowers = arena_array(a, n + 1, sizeof(*v->lowers));
	v->layers = paths = arena_array(a, n + 1, sizeof(*paths));
	if (!v->lowers || !paths)
		return no_memory(e);
	for (size_t i = 0; i < n; i++) {
		char path[STORE_LAYER_PATH_LEN];

		store_layer_path(v->chains[i], path);
		paths[i] = arena_printf(a, "%s/%s", en->root, path);
		v->lowers[i] = openat(en->root_fd, path, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		if (v->lowers[i] < 0)
			return err_errno(e, -errno, "open layer %s", v->chains[i]);
		v->n_lowers++;
	}
	return arena_error(a) < 0 ? no_memory(e) : 0;
}

int rootview_layers(const struct engine *en, struct arena *a, const struct record *rec, struct rootview *out, struct err *e)
{
	const struct json *doc;
	const char *path = NULL;
	int r;

	if (rec->image)
		return open_layers(en, a, rec->image, out, e);
	r = read_description(en, a, rec->id, &doc, e);
	if (r == 0)
		r = json_get_str(json_get(doc, "rootfs"), "rootfs", "path", &path, e);
	if (r < 0 || !path)
		return r;
	out->lowers = arena_array(a, 1, sizeof(*out->lowers));
	if (!out->lowers)
		return no_memory(e);
	out->lowers[0] = open(path, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (out->lowers[0] < 0)
		return err_errno(e, -errno, "%s", path);
	out->n_lowers = 1;
	return 0;
}

static int turned_round(const struct record *rec, struct err *e)
{
	const struct idmap_range map = { .inside = rec->id_base, .outside = 0, .size = rec->id_size };
	CLEANUP_FD int proc = open("/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int fd = proc < 0 ? -errno : idmap_userns(proc, &map, 1, &map, 1);

	return fd < 0 ? err_errno(e, fd, "the map of the container's ids") : fd;
}

static int open_upper(struct rootview *v, struct err *e)
{
	int r;

	v->upper = mnt_clone_tree(AT_FDCWD, v->upper_path, false);
	if (v->upper < 0)
		return err_errno(e, v->upper, "%s", v->upper_path);
	r = v->userns >= 0 ? mnt_idmap(v->upper, false, v->userns) : 0;
	if (r == -EINVAL || r == -EOPNOTSUPP)
		return err_set(e, ERR_UNSUPPORTED, "%s: its file system cannot be id-mapped; use another store", v->upper_path);
	return r < 0 ? err_errno(e, r, "mapping ids of %s", v->upper_path) : 0;
}

static int find_upper(const struct engine *en, struct arena *a, const struct record *rec, const struct json *doc, struct rootview *v,
		      struct err *e)
{
	const struct json *rootfs = json_get(doc, "rootfs");
	bool mapped = false;
	int userns, r = 0;

	v->upper_path = folder_upper(en, a, rec->id);
	v->folder = !rec->image;
	if (v->folder)
		r = json_get_str(rootfs, "rootfs", "path", &v->upper_path, e);
	if (r == 0)
		r = json_get_bool(rootfs, "rootfs", "idmap", &mapped, e);
	if (r < 0)
		return r;
	if (!v->upper_path)
		return arena_error(a) < 0 ? no_memory(e) : err_set(e, ERR_UNSUPPORTED, "it is a step of a build");
	if (!mapped && rec->id_size && rec->id_base && !en->user.on) {
		userns = turned_round(rec, e);
		if (userns < 0)
			return userns;
		v->userns = userns;
	}
	return open_upper(v, e);
}

int rootview_open(const struct engine *en, struct arena *a, const struct record *rec, struct rootview *out, struct err *e)
{
	const struct json *doc;
	int r = read_description(en, a, rec->id, &doc, e);

	out->of_user = en->user.on;
	if (r == 0)
		r = find_stubs(a, doc, &out->stubs, e);
	if (r == 0)
		r = find_upper(en, a, rec, doc, out, e);
	if (r == 0 && rec->image)
		r = open_layers(en, a, rec->image, out, e);
	return r;
}

int rootview_mount(const struct rootview *v, struct arena *a, struct err *e)
{
	const char **lowers = arena_array(a, v->n_lowers + 2, sizeof(*lowers));
	int *maps = arena_array(a, v->n_lowers + 1, sizeof(*maps)), fd;
	struct overlay_args args = { .lower = lowers, .n_lower = v->n_lowers + 1, .userns = -1, .each = maps, .base_userns = -1,
				     .of_user = v->of_user };
	pid_t helper = 0;

	if (!lowers || !maps)
		return no_memory(e);
	lowers[0] = v->upper_path;
	maps[0] = v->userns;
	for (size_t i = 0; i < v->n_lowers; i++) {
		lowers[i + 1] = v->layers[i];
		maps[i + 1] = -1;
	}
	fd = overlay_mount(&args, &helper, e);
	ns_reap(helper);
	return fd;
}

#include "engine/imagemount.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include "base/io.h"
#include "base/json.h"
#include "base/text.h"
#include "engine/images.h"
#include "engine/imageview.h"
#include "sys/mnt.h"

#define FOLDER "image-mounts"
#define INFO_MAX 16384

static int namespace_of(const char *pid, uint64_t *out)
{
	char path[64];
	struct stat st;

	(void)snprintf(path, sizeof(path), "/proc/%.20s/ns/mnt", pid);
	if (stat(path, &st) < 0)
		return -errno;
	*out = st.st_ino;
	return 0;
}

static int own_namespace(uint64_t *out, struct err *e)
{
	int r = namespace_of("self", out);

	return r < 0 ? err_errno(e, r, "/proc/self/ns/mnt") : 0;
}

/* ---- entries ---- */

static int open_folder(const struct engine *en)
{
	return openat(en->state_fd, FOLDER, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
}

static int read_entry(struct arena *a, int folder, const char *name, struct imagemount *out, struct err *e)
{
	CLEANUP_FREE char *text = NULL;
	char path[NAME_MAX + sizeof("/info.json")];
	const struct json *doc;
	size_t len;
	int r;

	(void)snprintf(path, sizeof(path), "%s/info.json", name);
	r = io_read_file(folder, path, INFO_MAX, &text, &len);
	*out = (struct imagemount){ .name = arena_strdup(a, name) };
	if (r < 0)
		return err_errno(e, r, "%s/%s", FOLDER, path);
	r = json_parse(a, text, len, NULL, &doc, e);
	if (r == 0)
		r = json_get_str(doc, path, "image", &out->image, e);
	if (r == 0)
		r = json_get_str(doc, path, "path", &out->path, e);
	if (r == 0)
		r = json_get_u64(doc, path, "namespace", &out->namespace, e);
	if (r == 0)
		r = json_get_u64(doc, path, "mount", &out->mount, e);
	if (r == 0 && (!out->image || !out->path || !out->name))
		r = err_set(e, ERR_INTERNAL, "%s/%s is damaged", FOLDER, path);
	return r;
}

/* The folder where it was mounted, if that is ours, goes with it; one that still has something is not ours to remove. */
static void forget(const struct engine *en, int folder, const struct imagemount *m)
{
	char path[NAME_MAX + sizeof("/info.json")];

	(void)snprintf(path, sizeof(path), "%s/fs", m->name);
	(void)unlinkat(folder, path, AT_REMOVEDIR);
	(void)snprintf(path, sizeof(path), "%s/info.json", m->name);
	(void)unlinkat(folder, path, 0);
	(void)unlinkat(folder, m->name, AT_REMOVEDIR);
	(void)unlinkat(en->state_fd, FOLDER, AT_REMOVEDIR); /* the last one's */
}

/* ---- whether it is there ---- */

static bool namespace_lives(uint64_t number)
{
	CLEANUP_DIR DIR *d = opendir("/proc");
	struct dirent *de;

	while (d && (de = readdir(d))) {
		uint64_t theirs;

		if (de->d_name[0] >= '1' && de->d_name[0] <= '9' && namespace_of(de->d_name, &theirs) == 0 && theirs == number)
			return true;
	}
	return !d;
}

static bool is_mounted(const struct imagemount *m)
{
	CLEANUP_FD int fd = open(m->path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	uint64_t id;
	bool root;

	return fd >= 0 && mnt_id(fd, &id, &root) == 0 && root && id == m->mount;
}

int imagemount_list(const struct engine *en, struct arena *a, struct imagemount **out, size_t *n, struct err *e)
{
	CLEANUP_FD int folder = open_folder(en), fd = folder < 0 ? -1 : openat(folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	CLEANUP_DIR DIR *d = fd < 0 ? NULL : fdopendir(fd);
	struct imagemount *v = NULL;
	size_t cap = 0;
	struct dirent *de;
	uint64_t own;
	int r;

	*n = 0;
	*out = NULL;
	if (folder < 0)
		return errno == ENOENT ? 0 : err_errno(e, -errno, FOLDER);
	if (!d)
		return err_errno(e, -errno, FOLDER);
	(void)take_fd(&fd);
	r = own_namespace(&own, e);
	while (r == 0 && (de = readdir(d))) {
		struct err ignored;

		if (!text_is_hex(de->d_name, 16))
			continue;
		v = arena_grow(a, v, *n, &cap, sizeof(*v));
		if (!v)
			return err_errno(e, -ENOMEM, FOLDER);
		if (read_entry(a, folder, de->d_name, &v[*n], &ignored) < 0) /* one that is being made, or was when its maker died */
			continue;
		v[*n].here = v[*n].namespace == own;
		if (v[*n].here ? is_mounted(&v[*n]) : namespace_lives(v[*n].namespace))
			++*n;
		else
			forget(en, folder, &v[*n]);
	}
	*out = v;
	return r;
}

int imagemount_of(const struct engine *en, struct arena *a, const char *image, const char **where, struct err *e)
{
	struct imagemount *v;
	size_t n;
	int r = imagemount_list(en, a, &v, &n, e);

	*where = NULL;
	for (size_t i = 0; r == 0 && i < n && !*where; i++)
		if (strcmp(v[i].image, image) == 0)
			*where = v[i].path;
	return r;
}

/* ---- making ---- */

struct making {
	const struct engine *en;
	struct arena *a;
	struct imagemount m;
	int folder; /* image-mounts */
	int view;
	struct err *e;
};

static int make_entry(struct making *k)
{
	CLEANUP_STRBUF struct strbuf text = STRBUF_INIT;
	struct json_writer w = JSON_WRITER(&text);
	CLEANUP_FD int dir = -1;
	int r;

	jw_object(&w, NULL);
	jw_str(&w, "image", k->m.image);
	jw_str(&w, "path", k->m.path);
	jw_u64(&w, "namespace", k->m.namespace);
	jw_u64(&w, "mount", k->m.mount);
	jw_end_object(&w);
	dir = openat(k->folder, k->m.name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	r = dir < 0 ? -errno : sb_error(&text);
	if (r == 0)
		r = io_replace_file(dir, "info.json", sb_str(&text), text.len, 0600, false);
	return r < 0 ? err_errno(k->e, r, "make %s/%s", FOLDER, k->m.name) : 0;
}

/* The entry's folder, and where to mount: absolute, as the kernel will have it. */
static int make_place(struct making *k, const char *path)
{
	char name[17], real[PATH_MAX], own[64];
	int r = text_random_hex(8, name);

	(void)snprintf(own, sizeof(own), "%s/fs", name);
	if (r == 0 && mkdirat(k->en->state_fd, FOLDER, 0700) < 0 && errno != EEXIST)
		r = -errno;
	if (r == 0)
		k->folder = open_folder(k->en);
	if (r == 0 && (k->folder < 0 || mkdirat(k->folder, name, 0700) < 0 || (!path && mkdirat(k->folder, own, 0700) < 0)))
		r = -errno;
	if (r < 0)
		return err_errno(k->e, r, "make a place in %s", FOLDER);
	k->m.name = arena_strdup(k->a, name);
	k->m.path = path && realpath(path, real) ? arena_strdup(k->a, real) : path ? NULL : arena_printf(k->a, "%s/" FOLDER "/%s", k->en->state, own);
	if (path && !k->m.path && errno)
		return err_errno(k->e, -errno, "%s", path);
	return k->m.name && k->m.path ? 0 : err_errno(k->e, -ENOMEM, "mount");
}

/* Two on top of each other would be told apart by nobody who gives the place. */
static int refuse_twice(struct making *k)
{
	struct imagemount *v;
	size_t n;
	int r = imagemount_list(k->en, k->a, &v, &n, k->e);

	for (size_t i = 0; r == 0 && i < n; i++)
		if (v[i].here && strcmp(v[i].path, k->m.path) == 0)
			r = err_set(k->e, ERR_CONFLICT, "an image is mounted at %s already: tare image umount it first", v[i].path);
	return r;
}

static int find_and_view(struct making *k, const char *what)
{
	const char *const *chains;
	struct image img;
	bool root;
	size_t n;
	int r = image_find(k->en->catalog, k->a, what, &img, k->e);

	if (r == 0)
		r = image_layers(k->en->catalog, k->a, img.id, &chains, &n, k->e);
	if (r == 0)
		r = own_namespace(&k->m.namespace, k->e);
	if (r < 0)
		return r;
	k->m.image = img.id;
	k->view = imageview_open(k->en, k->a, chains, n, k->e);
	if (k->view < 0)
		return k->view;
	r = mnt_id(k->view, &k->m.mount, &root);
	return r < 0 ? err_errno(k->e, r, "number of the mount") : 0;
}

int imagemount_make(const struct engine *en, struct arena *a, const char *what, const char *path, const char **where, struct err *e)
{
	CLEANUP_CATALOG_TXN struct catalog *c = en->catalog;
	struct making k = { .en = en, .a = a, .folder = -1, .view = -1, .e = e };
	int r = 0;

	if (en->user.on)
		return err_set(e, ERR_UNSUPPORTED, "an ordinary user's mount would be seen by tare alone: tare image export gives the image's files, as a tar");
	r = catalog_begin(c, CATALOG_LAZY, e);
	if (r == 0)
		r = find_and_view(&k, what);
	if (r == 0)
		r = make_place(&k, path);
	if (r == 0 && path)
		r = refuse_twice(&k);
	if (r == 0)
		r = make_entry(&k);
	if (r == 0) {
		r = mnt_attach_at(k.view, AT_FDCWD, k.m.path);
		r = r < 0 ? err_errno(e, r, "mount at %s", k.m.path) : 0;
	}
	if (r < 0 && k.m.name)
		forget(en, k.folder, &k.m);
	k.folder = close_fd(k.folder);
	k.view = close_fd(k.view);
	if (r == 0)
		r = catalog_commit(c, e);
	*where = k.m.path;
	return r;
}

int imagemount_end(const struct engine *en, const struct imagemount *m, bool force, struct err *e)
{
	CLEANUP_FD int folder = open_folder(en);

	if (!m->here)
		return err_set(e, ERR_CONFLICT, "%s is mounted in another mount namespace: umount it there", m->path);
	if (umount2(m->path, UMOUNT_NOFOLLOW | (force ? MNT_DETACH : 0)) < 0) {
		if (errno == EBUSY)
			return err_set(e, ERR_BUSY, "%s is in use: by a program whose folder or open file is there; -f takes it away all the same", m->path);
		return err_errno(e, -errno, "umount %s", m->path);
	}
	forget(en, folder, m);
	return 0;
}

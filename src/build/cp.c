/* Two ends, each a root and a path in it: the container's tree (engine/inside.h), and the machine's. Both are looked up in the same way,
 * by handles, and so is what lies in them; the container may run, and be hostile: what it exchanges while we look changes what is
 * copied of its own files, and nothing else. In the machine the root is narrowed to the folder that is written to before the first
 * entry is, so that no link that came out of the container leads on.
 *
 * A tar that comes in is unpacked by tare-worker before a byte of it is in the container; one that goes out is written by it. */
#include "build/cp.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/beneath.h"
#include "base/io.h"
#include "base/log.h"
#include "build/pick.h"
#include "build/put.h"
#include "build/tarball.h"
#include "engine/events.h"
#include "engine/inside.h"
#include "image/pack.h"
#include "sys/fsids.h"
#include "sys/kernelfs.h"

struct end {
	int root;
	const char *shown;
	char path[PATH_MAX]; /* clean: without "." and "..", and without slashes at its ends; "": the root */
	char name[NAME_MAX + 1]; /* its last part, as it was asked for; "": of the root, or of "." */
	bool folder, content;    /* it says that it is a folder, or what is in one */
};

struct cp {
	const struct engine *en;
	const struct cp_args *args;
	struct arena arena;
	struct hold hold;
	struct inside inside;
	struct store store;
	struct end there, here;
	int machine; /* its root */
	uint64_t *bytes;
	size_t left_out;
};

static void cp_end(struct cp *c)
{
	store_close(&c->store);
	inside_end(&c->inside);
	hold_end(&c->hold);
	c->machine = close_fd(c->machine);
	arena_free(&c->arena);
}

/* ---- paths ---- */

/* What a shell's user means by it: ".." is taken off the path that was written. */
static int clean(const char *raw, char out[PATH_MAX])
{
	size_t used = 0;

	for (const char *p = raw; *p; p += strspn(p, "/")) {
		size_t len = strcspn(p, "/");

		if (len == 2 && strncmp(p, "..", 2) == 0) {
			while (used > 0 && out[used - 1] != '/')
				used--;
			used -= used > 0;
		} else if (len && !(len == 1 && *p == '.')) {
			if (used + len + 2 > PATH_MAX || len > NAME_MAX)
				return -ENAMETOOLONG;
			if (used)
				out[used++] = '/';
			memcpy(out + used, p, len);
			used += len;
		}
		p += len;
	}
	out[used] = '\0';
	return 0;
}

static int read_end(struct end *end, int root, const char *above, const char *path, struct err *e)
{
	const char *last = strrchr(path, '/');
	char whole[2 * PATH_MAX];
	int r;

	if (!*path)
		return err_set(e, ERR_INVALID, "a path is missing");
	last = last ? last + 1 : path;
	end->root = root;
	end->shown = path;
	end->content = strcmp(last, ".") == 0;
	end->folder = end->content || !*last || strcmp(last, "..") == 0;
	if (snprintf(whole, sizeof(whole), "%s/%s", *path == '/' ? "" : above, path) >= (int)sizeof(whole))
		return err_errno(e, -ENAMETOOLONG, "%.100s…", path);
	r = clean(whole, end->path);
	if (r < 0)
		return err_errno(e, r, "%.100s…", path);
	last = strrchr(end->path, '/');
	last = last ? last + 1 : end->path;
	memcpy(end->name, last, strlen(last) + 1); /* clean() has seen to its length */
	end->content |= !*end->path;
	return 0;
}

static const char *shown(struct cp *c, const struct end *end)
{
	return end == &c->there ? arena_printf(&c->arena, "%s of container %s", end->shown, c->hold.rec.name) : end->shown;
}

/* ---- the source ---- */

static int no_source(struct cp *c, const struct end *end, int r, struct err *e)
{
	if (r == -ENOENT)
		return err_set(e, ERR_NOTFOUND, "there is no %s", shown(c, end));
	return err_errno(e, r, "%s", shown(c, end));
}

/* Looks at what is to be copied; a link that is to be followed is replaced by where it leads, but one to a folder, which opens by itself. */
static int find_source(struct cp *c, struct end *end, mode_t *mode, struct err *e)
{
	bool follow = end->folder || c->args->follow;
	CLEANUP_FD int fd = beneath_open(end->root, *end->path ? end->path : ".", BENEATH_IN_ROOT, O_PATH | (follow ? 0 : O_NOFOLLOW), 0);
	struct stat st;
	int r = fd < 0 ? fd : fstat(fd, &st) < 0 ? -errno : 0;

	if (r == 0 && end->folder && !S_ISDIR(st.st_mode))
		return err_set(e, ERR_INVALID, "%s is no folder", shown(c, end));
	if (r == 0 && follow && !S_ISDIR(st.st_mode))
		r = beneath_follow(end->root, end->path);
	if (r < 0)
		return no_source(c, end, r, e);
	if (S_ISSOCK(st.st_mode))
		return err_set(e, ERR_INVALID, "%s is a socket, and cannot be copied", shown(c, end));
	if (end == &c->there && kernelfs(fd)) /* their sizes are not those of what they say */
		return err_set(e, ERR_UNSUPPORTED, "%s is no file but the kernel's word; read it in the container (tare exec)", shown(c, end));
	*mode = st.st_mode;
	return 0;
}

/* Opens it for walking: a folder, or the one that it is in. */
static int open_source(struct cp *c, const struct end *end, mode_t mode, char name[NAME_MAX + 1], struct err *e)
{
	int fd;

	name[0] = '\0';
	fd = S_ISDIR(mode) ? beneath_open(end->root, *end->path ? end->path : ".", BENEATH_IN_ROOT, O_RDONLY | O_DIRECTORY, 0)
			   : beneath_parent(end->root, end->path, BENEATH_IN_ROOT, 0, name);
	return fd < 0 ? no_source(c, end, fd, e) : fd;
}

/* ---- the destination ---- */

struct place {
	int root; /* the folder that is written to */
	char dest[NAME_MAX + 1]; /* in it; "": what is in the source goes there */
	bool itself;
};

static int no_place(struct cp *c, const struct end *end, int r, struct err *e)
{
	if (r == -ENOENT || r == -ENOTDIR)
		return err_set(e, ERR_NOTFOUND, "%s: there is no folder for it; make that first", shown(c, end));
	return err_errno(e, r, "%s", shown(c, end));
}

static int into_folder(struct cp *c, const struct end *to, const struct end *from, mode_t mode, struct place *out, struct err *e)
{
	out->root = beneath_open(to->root, *to->path ? to->path : ".", BENEATH_IN_ROOT, O_RDONLY | O_DIRECTORY, 0);
	if (out->root < 0)
		return err_errno(e, out->root, "%s", shown(c, to));
	out->dest[0] = '\0';
	out->itself = false;
	if (from && !from->content) {
		memcpy(out->dest, from->name, sizeof(out->dest));
		out->itself = S_ISDIR(mode);
	}
	return 0;
}

/* A new name, or that of a file which goes. */
static int as_name(struct cp *c, struct end *to, mode_t mode, bool exists, struct place *out, struct err *e)
{
	int r;

	if (!exists && to->folder && !S_ISDIR(mode))
		return err_set(e, ERR_NOTFOUND, "there is no folder %s", shown(c, to));
	r = beneath_follow(to->root, to->path);
	if (r == 0)
		r = out->root = beneath_parent(to->root, to->path, BENEATH_IN_ROOT, 0, out->dest);
	out->itself = S_ISDIR(mode);
	return r < 0 ? no_place(c, to, r, e) : 0;
}

/* from: NULL: a tar, which goes into a folder. */
static int find_place(struct cp *c, struct end *to, const struct end *from, mode_t mode, struct place *out, struct err *e)
{
	CLEANUP_FD int fd = beneath_open(to->root, *to->path ? to->path : ".", BENEATH_IN_ROOT, O_PATH, 0);
	struct statvfs fs;
	struct stat st;
	int r;

	if (fd < 0 && fd != -ENOENT)
		return no_place(c, to, fd, e);
	if (fd >= 0 && fstat(fd, &st) < 0)
		return err_errno(e, -errno, "%s", shown(c, to));
	if (!from && (fd < 0 || !S_ISDIR(st.st_mode)))
		return err_set(e, fd < 0 ? ERR_NOTFOUND : ERR_INVALID, "%s must be a folder that is there: a tar is unpacked in it", shown(c, to));
	if (fd >= 0 && S_ISDIR(st.st_mode))
		r = into_folder(c, to, from, mode, out, e);
	else if (fd >= 0 && to->folder)
		return err_set(e, ERR_INVALID, "%s is no folder", shown(c, to));
	else if (fd >= 0 && S_ISDIR(mode))
		return err_set(e, ERR_INVALID, "%s is a file, and a folder cannot be copied onto it", shown(c, to));
	else if (fd >= 0 && !S_ISREG(st.st_mode))
		return err_set(e, ERR_INVALID, "%s must be a folder or a regular file", shown(c, to));
	else
		r = as_name(c, to, mode, fd >= 0, out, e);
	if (r == 0 && fstatvfs(out->root, &fs) == 0 && (fs.f_flag & ST_RDONLY))
		r = err_set(e, ERR_DENIED, "%s is read-only there", shown(c, to));
	return r;
}

/* ---- copying ---- */

static const struct ignore nothing;

static void leave_out(const char *path, void *data)
{
	struct cp *c = data;

	(void)path;
	c->left_out++;
}

/* What is made in the container is made as its root: what it has mounted may have no place for us. */
static int put(struct cp *c, const struct put_to *how, const struct pick_from *from, const struct pick_item *item, const struct end *to,
	       const char *dest, struct err *e)
{
	CLEANUP_FSIDS struct fsids before = { 0 };
	int r = how->ids.base ? fsids_become(how->ids.base, how->ids.base, &before) : 0;

	r = r < 0 ? err_errno(e, r, "become the container's root") : put_item(how, from, item, dest, e);
	if (r < 0 && e->cls == ERR_NOSPACE) /* not the store's, as of a stage */
		r = err_set(e, ERR_NOSPACE, "the file system of %s is full", shown(c, to));
	return r;
}

static int copy(struct cp *c, struct end *from, struct end *to, struct put_to *how, struct err *e)
{
	struct pick_from source = { .root = -1, .ignore = &nothing, .excludes = &nothing, .owners = true, .live = true };
	struct pick_item item = { .name = from->name, .below = "", .last = IGNORE_NONE };
	struct place place = { .root = -1 };
	struct image_limits limits;
	CLEANUP_FD int root = -1, dest = -1;
	char name[NAME_MAX + 1];
	int r = find_source(c, from, &item.mode, e);

	if (r == 0)
		r = find_place(c, to, from, item.mode, &place, e);
	dest = place.root;
	if (r < 0)
		return r;
	root = open_source(c, from, item.mode, name, e);
	if (root < 0)
		return root;
	image_limits_default(&limits);
	source.max_depth = limits.depth;
	source.root = root;
	item.path = name;
	how->root = dest;
	how->itself = place.itself;
	r = put(c, how, &source, &item, to, place.dest, e);
	return r < 0 ? err_ctx(e, "%s", shown(c, from)) : 0;
}

static int begin(struct cp *c, enum inside_use use, struct err *e)
{
	char cwd[PATH_MAX] = "";
	int r = hold_container(c->en, &c->arena, c->args->container, &c->hold, e);

	if (r == 0 && inside_open(c->en, &c->arena, &c->hold, use, &c->inside, e) < 0)
		r = err_ctx(e, "container %s", c->hold.rec.name);
	if (r < 0)
		return r;
	/* What is read, and what is copied of or to one that runs, needs no standing still: it may be started, stopped or removed meanwhile. Who takes a
	 * tar may take his time. */
	if (use == INSIDE_READ || hold_runs(&c->hold))
		hold_let_go(&c->hold);
	c->machine = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (c->machine < 0 || (c->args->here[0] != '/' && !getcwd(cwd, sizeof(cwd))))
		return err_errno(e, -errno, "the current folder");
	r = read_end(&c->there, c->inside.root, "", c->args->inside, e);
	return r < 0 ? r : read_end(&c->here, c->machine, cwd, c->args->here, e);
}

#define CP_INIT(EN, ARGS, BYTES)                                                                                               \
	{ .en = (EN), .args = (ARGS), .hold = HOLD_INIT, .inside = INSIDE_INIT, .store = STORE_INIT, .machine = -1, .bytes = (BYTES) }

/* ---- out ---- */

static int tar_out(struct cp *c, struct err *e)
{
	CLEANUP_INGEST struct store_ingest in = STORE_INGEST_INIT;
	struct pack_out pack = { .tree = c->inside.root, .live = true, .id_base = c->inside.id_base, .id_size = c->inside.id_size };
	char worker[PATH_MAX];
	const char *slash;
	mode_t mode;
	int r = find_source(c, &c->there, &mode, e);

	if (r == 0)
		r = engine_program("tare-worker", worker, e);
	if (r == 0)
		r = store_open(c->en->root_fd, &c->store, e);
	if (r == 0)
		r = store_ingest_begin(&c->store, &in, e);
	if (r < 0)
		return r;
	slash = strrchr(c->there.path, '/');
	pack.worker = worker;
	pack.part = S_ISDIR(mode) ? arena_printf(&c->arena, "%s/", *c->there.path ? c->there.path : ".") : c->there.path;
	pack.as = c->there.content ? "." : slash ? slash + 1 : c->there.path;
	store_ingest_alone(&in);
	return pack.part ? image_pack_out(&in, &pack, c->args->tar, e) : err_errno(e, -ENOMEM, "path");
}

int cp_out(const struct engine *en, const struct cp_args *args, uint64_t *bytes, struct err *e)
{
	CLEANUP(cp_end) struct cp c = CP_INIT(en, args, bytes);
	struct put_to how = { .chown = !args->archive, .uid = geteuid(), .gid = getegid(), .in_use = true, .data = &c, .bytes = bytes };
	int r = begin(&c, INSIDE_READ, e);

	if (r < 0)
		return r;
	how.from_ids = (struct put_ids){ c.inside.id_base, c.inside.id_size };
	how.left_out = args->archive ? NULL : leave_out;
	r = strcmp(args->here, "-") == 0 ? tar_out(&c, e) : copy(&c, &c.there, &c.here, &how, e);
	if (r == 0)
		r = hold_still_there(en, &c.arena, &c.hold, e);
	if (r == 0)
		events_container(en, &c.hold.rec, "archive-path", NULL);
	if (r == 0 && c.left_out)
		log_warning("%zu devices or pipes were left out; with -a they are copied, too", c.left_out);
	return r;
}

/* ---- what is there ---- */

static void stat_link(const struct end *end, int fd, struct cp_stat *out)
{
	char path[PATH_MAX];
	ssize_t n;

	memcpy(path, end->path, sizeof(path));
	if (beneath_follow(end->root, path) == 0) {
		(void)snprintf(out->link, sizeof(out->link), "/%.*s", PATH_MAX - 2, path);
		return;
	}
	n = readlinkat(fd, "", out->link, sizeof(out->link) - 1); /* it leads nowhere */
	out->link[n > 0 ? n : 0] = '\0';
}

int cp_stat(const struct engine *en, const char *container, const char *inside, struct cp_stat *out, struct err *e)
{
	const struct cp_args args = { .container = container, .inside = inside, .here = "/" };
	CLEANUP(cp_end) struct cp c = CP_INIT(en, &args, NULL);
	CLEANUP_FD int fd = -1;
	struct stat st;
	int r = begin(&c, INSIDE_READ, e);

	if (r < 0)
		return r;
	fd = beneath_open(c.there.root, *c.there.path ? c.there.path : ".", BENEATH_IN_ROOT, O_PATH | (c.there.folder ? 0 : O_NOFOLLOW), 0);
	r = fd < 0 ? fd : fstat(fd, &st) < 0 ? -errno : 0;
	if (r == 0 && c.there.folder && !S_ISDIR(st.st_mode))
		r = -ENOTDIR;
	if (r < 0)
		return no_source(&c, &c.there, r, e);
	*out = (struct cp_stat){ .mode = st.st_mode, .size = st.st_size, .mtime = (int64_t)st.st_mtim.tv_sec * 1000000000 + st.st_mtim.tv_nsec };
	(void)snprintf(out->name, sizeof(out->name), "%s", c.there.name[0] ? c.there.name : "/");
	if (S_ISLNK(st.st_mode))
		stat_link(&c.there, fd, out);
	return 0;
}

/* ---- in ---- */

/* What would be refused is refused before anything is read. */
static int look_in(const struct engine *en, const struct cp_args *args, struct err *e)
{
	CLEANUP(cp_end) struct cp c = CP_INIT(en, args, NULL);
	struct place place = { .root = -1 };
	int r = begin(&c, INSIDE_WRITE, e);

	if (r == 0)
		r = find_place(&c, &c.there, NULL, S_IFDIR, &place, e);
	close_fd(place.root);
	return r;
}

/* Whoever writes the tar may take for ever: while it is read nothing is held of the container. */
static int read_tar(const struct engine *en, int fd, struct store *store, struct tarball *tar, struct err *e)
{
	char worker[PATH_MAX];
	int r = engine_program("tare-worker", worker, e);

	if (r == 0)
		r = store_open(en->root_fd, store, e);
	return r < 0 ? r : tarball_open_files(store, worker, fd, fd == STDIN_FILENO ? "standard input" : "the archive", tar, e);
}

static int tar_in(struct cp *c, const struct tarball *tar, struct put_to *how, struct err *e)
{
	const struct pick_item all = { .path = "", .name = "", .below = "", .last = IGNORE_NONE, .mode = S_IFDIR };
	struct pick_from source = { .ignore = &nothing, .excludes = &nothing, .owners = true };
	struct place place = { .root = -1 };
	struct image_limits limits;
	CLEANUP_FD int dest = -1;
	int r = find_place(c, &c->there, NULL, S_IFDIR, &place, e);

	dest = place.root;
	if (r < 0)
		return r;
	image_limits_default(&limits);
	source.max_depth = limits.depth;
	source.root = tar->root;
	how->root = dest;
	how->chown = c->args->owner != NULL;
	how->uid = how->chown ? c->args->owner[0] : 0;
	how->gid = how->chown ? c->args->owner[1] : 0;
	how->archive = true;
	return put(c, how, &source, &all, &c->there, "", e);
}

int cp_in(const struct engine *en, const struct cp_args *args, uint64_t *bytes, struct err *e)
{
	CLEANUP(cp_end) struct cp c = CP_INIT(en, args, bytes);
	struct put_to how = { .chown = !args->archive, .in_use = true, .replace = args->replace, .bytes = bytes };
	CLEANUP(store_close) struct store store = STORE_INIT;
	CLEANUP_TARBALL struct tarball tar = TARBALL_INIT;
	bool piped = strcmp(args->here, "-") == 0;
	int r = piped ? look_in(en, args, e) : 0;

	if (r == 0 && piped)
		r = read_tar(en, args->tar, &store, &tar, e);
	if (r == 0 && piped)
		r = arrival_check(&args->arrival, e);
	if (r == 0)
		r = begin(&c, INSIDE_WRITE, e);
	if (r < 0)
		return r;
	how.ids = (struct put_ids){ c.inside.id_base, c.inside.id_size };
	r = piped ? tar_in(&c, &tar, &how, e) : copy(&c, &c.here, &c.there, &how, e);
	if (r == 0)
		events_container(en, &c.hold.rec, "extract-to-dir", NULL);
	return r;
}

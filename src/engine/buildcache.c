/* A build holds the store's load lock from its begin until its image is recorded, so nothing that is found here goes away
 * before (image/store.h). */
#include "engine/buildcache.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "base/io.h"
#include "base/text.h"
#include "engine/fetch.h"
#include "engine/images.h"
#include "engine/usage.h"

/* How exactly it is known when something was used. */
#define USED_NS INT64_C(60000000000)

/* *used: when it was last. */
static int read_row(const struct engine *en, struct arena *a, const char *key, struct image_layer *out, int64_t *used, struct err *e)
{
	CLEANUP_STMT struct cat_stmt *s = NULL;
	int r = cat_prepare(en->catalog, &s, e, "SELECT chain, diff, blob, blob_size, size, max_id, used FROM build_cache WHERE key = ?1",
			    "s", key);

	if (r == 0)
		r = cat_step(s, e);
	if (r <= 0)
		return r;
	*out = (struct image_layer){
		.chain_id = arena_strdup(a, cat_text(s, 0)),
		.diff_id = arena_strdup(a, cat_text(s, 1)),
		.blob = arena_strdup(a, cat_text(s, 2)),
		.blob_size = (uint64_t)cat_int(s, 3),
		.size = (uint64_t)cat_int(s, 4),
		.max_id = (uint32_t)cat_int(s, 5),
		.existed = true,
	};
	*used = cat_int(s, 6);
	return arena_error(a) < 0 ? err_errno(e, -ENOMEM, "build cache") : 1;
}

/* A build of many steps need not write for each. */
static int touch(const struct engine *en, const char *key, int64_t used, struct err *e)
{
	CLEANUP_CATALOG_TXN struct catalog *c = en->catalog;
	int64_t now = clock_now_ns();
	int r;

	if (now >= used && now - used < USED_NS)
		return 1;
	r = catalog_begin(c, CATALOG_LAZY, e);
	if (r == 0)
		r = cat_exec(c, e, "UPDATE build_cache SET used = ?2 WHERE key = ?1", "si", key, now);
	if (r >= 0)
		r = catalog_commit(c, e);
	return r < 0 ? r : 1;
}

int buildcache_find(const struct engine *en, const struct store *store, struct arena *a, const char *key,
		    struct image_layer *out, struct err *e)
{
	int64_t used = 0;
	int r = read_row(en, a, key, out, &used, e);

	if (r <= 0 || !store_has_layer(store, out->chain_id) || !store_has_blob(store, out->blob))
		return r < 0 ? r : 0;
	return touch(en, key, used, e);
}

/* A byte of one file for each key: nothing to be removed afterwards. Keys that share one wait for each other in vain, and no more. */
int buildcache_lock(const struct engine *en, const char *key, bool wait, struct err *e)
{
	CLEANUP_FD int fd = openat(en->root_fd, BUILDCACHE_LOCK, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
	struct flock fl = { .l_type = F_WRLCK, .l_whence = SEEK_SET, .l_len = 1 };
	char head[16];
	int r;

	(void)snprintf(head, sizeof(head), "%.15s", digest_hex(key));
	fl.l_start = (off_t)strtoull(head, NULL, 16);
	do
		r = fd >= 0 && fcntl(fd, wait ? F_OFD_SETLKW : F_OFD_SETLK, &fl) == 0 ? 0 : -errno;
	while (r == -EINTR);
	if (r == -EACCES && fd >= 0)
		r = -EAGAIN;
	if (r == -EAGAIN && !wait)
		return r;
	return r < 0 ? err_errno(e, r, BUILDCACHE_LOCK) : take_fd(&fd);
}

static int put(const struct engine *en, const char *key, const struct image_layer *layer, const char *description, int64_t now, struct err *e)
{
	CLEANUP_CATALOG_TXN struct catalog *c = en->catalog;
	int r = catalog_begin(c, CATALOG_LAZY, e);

	if (r == 0)
		r = cat_exec(c, e,
			     "INSERT OR REPLACE INTO build_cache(key, chain, diff, blob, blob_size, size, max_id, created, used, description)"
			     " VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?8, ?9)",
			     "ssssiiiis", key, layer->chain_id, layer->diff_id, layer->blob, (int64_t)layer->blob_size, (int64_t)layer->size,
			     (int64_t)layer->max_id, now, description);
	return r < 0 ? r : catalog_commit(c, e);
}

int buildcache_put(const struct engine *en, const char *key, const struct image_layer *layer, const char *description,
		   struct err *e)
{
	return put(en, key, layer, description, clock_now_ns(), e);
}

/* 1: there is such a row; *created is its own. */
static int read_times(const struct engine *en, const char *key, int64_t *created, int64_t *used, struct err *e)
{
	CLEANUP_STMT struct cat_stmt *s = NULL;
	int r = cat_prepare(en->catalog, &s, e, "SELECT created, used FROM build_cache WHERE key = ?1", "s", key);

	if (r == 0)
		r = cat_step(s, e);
	if (r > 0) {
		*created = cat_int(s, 0);
		*used = cat_int(s, 1);
	}
	return r;
}

int buildcache_seen(const struct engine *en, const char *key, const struct image_layer *layer, const char *description, bool anew, int64_t *created,
		    struct err *e)
{
	struct image_layer nothing;
	int64_t used = 0;
	int r = layer && !anew ? read_times(en, key, created, &used, e) : 0;

	if (r != 0)
		return r < 0 ? r : touch(en, key, used, e);
	*created = clock_now_ns();
	if (!layer)
		return 0;
	nothing = *layer;
	nothing.size = nothing.blob_size = 0; /* they are the step's that made it: this row says a time, and keeps nothing (images.c) */
	return put(en, key, &nothing, description, *created, e);
}

/* ---- listing ---- */

struct listing {
	struct arena *a;
	struct buildcache_row *v;
	size_t n, cap;
};

static int add_row(struct listing *l, const struct buildcache_row *row, struct err *e)
{
	struct buildcache_row *v = arena_grow(l->a, l->v, l->n, &l->cap, sizeof(*v));

	if (!v || !row->id || !row->description)
		return err_errno(e, -ENOMEM, "build cache");
	l->v = v;
	v[l->n++] = *row;
	return 0;
}

static int list_steps(const struct engine *en, struct listing *l, struct err *e)
{
	static const char sql[] = "SELECT key, description, size + blob_size, created, used,"
				  " EXISTS (SELECT 1 FROM layers WHERE chain = build_cache.chain) FROM build_cache ORDER BY used DESC, key";
	CLEANUP_STMT struct cat_stmt *s = NULL;
	int r = cat_prepare(en->catalog, &s, e, sql, "");

	while (r == 0 && (r = cat_step(s, e)) > 0) {
		const char *key = cat_text(s, 0);
		const struct buildcache_row row = { .id = arena_strdup(l->a, digest_hex(key)), .description = arena_strdup(l->a, cat_text(s, 1)),
						    .bytes = (uint64_t)cat_int(s, 2), .created = cat_int(s, 3), .used = cat_int(s, 4),
						    .in_use = cat_int(s, 5) != 0 };

		r = add_row(l, &row, e);
	}
	return r;
}

static int list_folders(const struct engine *en, struct listing *l, struct err *e)
{
	int top = openat(en->root_fd, BUILDCACHE_FOLDER, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	CLEANUP_DIR DIR *d = top < 0 ? NULL : fdopendir(top);
	struct dirent *de;
	int r = 0;

	if (!d)
		return top < 0 && errno == ENOENT ? 0 : err_errno(e, -errno, BUILDCACHE_FOLDER);
	while (r == 0 && (de = readdir(d))) {
		int fd = text_is_hex(de->d_name, 64) ? openat(top, de->d_name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC) : -1;
		struct buildcache_row row = { .id = arena_strdup(l->a, de->d_name), .description = "RUN --mount=type=cache", .folder = true };
		const char *url;
		struct stat st;

		if (fd < 0)
			continue;
		st.st_mtim = (struct timespec){ 0 };
		(void)!fstat(fd, &st);
		url = fetch_remembered(fd, l->a);
		if (url)
			row.description = url;
		row.created = row.used = (int64_t)st.st_mtim.tv_sec * 1000000000 + st.st_mtim.tv_nsec;
		row.bytes = usage_of_folder(fd);
		r = add_row(l, &row, e);
	}
	return r;
}

int buildcache_list(const struct engine *en, struct arena *a, struct buildcache_row **out, size_t *n, struct err *e)
{
	struct listing l = { .a = a };
	int r = list_steps(en, &l, e);

	if (r == 0)
		r = list_folders(en, &l, e);
	*out = l.v;
	*n = l.n;
	return r;
}

/* ---- pruning ---- */

/* The keys that go, the one used last first. */
static int choose(struct catalog *c, struct arena *a, const struct buildcache_prune *args, const char ***out, size_t *n, struct err *e)
{
	static const char all[] = "SELECT key, size + blob_size, used FROM build_cache ORDER BY used DESC, key";
	static const char unused[] = "SELECT key, size + blob_size, used FROM build_cache WHERE NOT EXISTS"
				     " (SELECT 1 FROM layers WHERE chain = build_cache.chain) ORDER BY used DESC, key";
	CLEANUP_STMT struct cat_stmt *s = NULL;
	uint64_t kept = 0;
	size_t cap = 0;
	int r = cat_prepare(c, &s, e, args->all ? all : unused, "");

	while (r == 0 && (r = cat_step(s, e)) > 0) {
		uint64_t size = (uint64_t)cat_int(s, 1);

		r = 0;
		if (cat_int(s, 2) >= args->until || (args->keep && kept + size <= args->keep)) {
			kept += size;
			continue;
		}
		*out = arena_grow(a, *out, *n, &cap, sizeof(**out));
		if (!*out)
			return err_errno(e, -ENOMEM, "build cache");
		(*out)[(*n)++] = arena_strdup(a, cat_text(s, 0));
	}
	return r < 0 ? r : arena_error(a) < 0 ? err_errno(e, -ENOMEM, "build cache") : 0;
}

static int forget(const struct engine *en, const struct buildcache_prune *args, struct err *e)
{
	CLEANUP_CATALOG_TXN struct catalog *c = en->catalog;
	CLEANUP_ARENA struct arena a = ARENA_INIT;
	const char **keys = NULL;
	size_t n = 0;
	int r = catalog_begin(c, CATALOG_DURABLE, e);

	if (r == 0)
		r = choose(c, &a, args, &keys, &n, e);
	for (size_t i = 0; r >= 0 && i < n; i++)
		r = cat_exec(c, e, "DELETE FROM build_cache WHERE key = ?1", "s", keys[i]);
	return r < 0 ? r : catalog_commit(c, e);
}

bool buildcache_folder_is(const struct engine *en, const char *name, int fd)
{
	struct stat have, there;

	return fstat(fd, &have) == 0 && fstatat(en->root_fd, name, &there, AT_SYMLINK_NOFOLLOW) == 0 && have.st_ino == there.st_ino &&
	       have.st_dev == there.st_dev;
}

/* Those that nobody uses just now. What was locked may be another by then than what has the name, which somebody uses. */
static int remove_folders(const struct engine *en, struct err *e)
{
	int top = openat(en->root_fd, BUILDCACHE_FOLDER, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	CLEANUP_DIR DIR *d = top < 0 ? NULL : fdopendir(top);
	struct dirent *de;

	if (!d)
		return top < 0 && errno == ENOENT ? 0 : err_errno(e, -errno, BUILDCACHE_FOLDER);
	while ((de = readdir(d))) {
		CLEANUP_FD int fd = text_is_hex(de->d_name, 64) ? openat(top, de->d_name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC) : -1;
		char name[sizeof(BUILDCACHE_FOLDER) + NAME_MAX + 1];
		int r;

		if (text_starts(de->d_name, "." BUILDCACHE_DIGESTS "."))
			(void)unlinkat(top, de->d_name, 0); /* of a build that was killed */
		(void)snprintf(name, sizeof(name), BUILDCACHE_FOLDER "/%s", de->d_name);
		if (fd < 0 || flock(fd, LOCK_EX | LOCK_NB) < 0 || !buildcache_folder_is(en, name, fd))
			continue;
		r = io_remove_tree(top, de->d_name);
		if (r < 0)
			return err_errno(e, r, "remove " BUILDCACHE_FOLDER "/%s", de->d_name);
	}
	return 0;
}

int buildcache_prune(const struct engine *en, const struct buildcache_prune *args, uint64_t *freed, struct err *e)
{
	struct store_gc_result gc = { 0 };
	int r = forget(en, args, e);

	(void)unlinkat(en->root_fd, BUILDCACHE_FOLDER "/" BUILDCACHE_DIGESTS, 0);
	if (r == 0 && args->all && args->until == INT64_MAX && !args->keep)
		r = remove_folders(en, e);
	if (r == 0)
		r = image_gc(en, &gc, e);
	*freed = gc.bytes;
	return r;
}

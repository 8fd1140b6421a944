/* What comes into the store is made under ingest/RANDOM and moved to its final name when it is whole and durable.
 *
 * A staging folder is alive while its `lock` file is flock()ed: the kernel drops that lock with its owner, however it
 * dies, so a folder whose lock can be taken was abandoned. The lock file appears under its name already locked (made
 * as lock.new, locked, renamed), so a sweeper never mistakes a beginner for a corpse. A folder without a lock file is
 * one whose owner died, or is, between mkdir and rename; it is swept only when nobody at all is between begin and end,
 * which the shared lock on ingest/load.lock tells.
 *
 * The order at the end of a load: everything staged is synced (one syncfs, or file by file where it is little), then renamed, then the folders that got
 * new names are synced, then the catalog names them, then the locks go. A power cut leaves whole things without a
 * catalog row, or nothing; never a name whose bytes are missing. */
#include "image/store.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/xattr.h>

#include "base/beneath.h"
#include "base/io.h"
#include "base/json.h"
#include "base/log.h"
#include "base/sha256.h"
#include "base/text.h"
#include "sys/overlay.h"

/* Bytes of all paths of one layer's opaque folders. */
#define MAX_OPAQUE (64U << 20)

#define RENAME_NOREPLACE_FLAG 1U /* linux/fs.h and stdio.h do not agree in every libc */
#define RENAME_EXCHANGE_FLAG 2U

static int lock_new_ingest(struct store_ingest *in)
{
	in->lock = openat(in->dir, "lock.new", O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (in->lock < 0 || flock(in->lock, LOCK_EX | LOCK_NB) < 0)
		return -errno;
	if (renameat(in->dir, "lock.new", in->dir, "lock") < 0)
		return -errno;
	if (mkdirat(in->dir, "blobs", 0700) < 0 || mkdirat(in->dir, "layers", 0700) < 0)
		return -errno;
	return 0;
}

int store_hold(const struct store *s, struct err *e)
{
	CLEANUP_FD int fd = openat(s->ingest, "load.lock", O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);

	if (fd < 0 || flock(fd, LOCK_SH) < 0)
		return err_errno(e, -errno, "store: lock ingest/load.lock");
	return take_fd(&fd);
}

int store_ingest_begin(const struct store *s, struct store_ingest *out, struct err *e)
{
	CLEANUP_INGEST struct store_ingest in = STORE_INGEST_INIT;
	int r;

	in.store = s;
	in.shared = store_hold(s, e);
	if (in.shared < 0)
		return in.shared;
	r = text_random_hex(16, in.name);
	if (r < 0)
		return err_errno(e, r, "random name");
	if (mkdirat(s->ingest, in.name, 0700) < 0)
		return err_errno(e, -errno, "store: make ingest/%s", in.name);
	in.dir = openat(s->ingest, in.name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	r = in.dir < 0 ? -errno : lock_new_ingest(&in);
	if (r < 0)
		return err_errno(e, r, "store: make ingest/%s", in.name);
	*out = in;
	in = (struct store_ingest)STORE_INGEST_INIT;
	return 0;
}

void store_ingest_alone(struct store_ingest *in)
{
	in->shared = close_fd(in->shared);
}

int store_ingest_keep(struct store_ingest *in, const char *digest, struct err *e)
{
	char path[sizeof("blobs/") + 64];

	if (!digest_valid(digest))
		return err_set(e, ERR_INVALID, "'%s' is no sha256 digest", digest);
	(void)snprintf(path, sizeof(path), "blobs/%s", digest_hex(digest));
	if (linkat(in->store->blobs, digest_hex(digest), in->dir, path, 0) < 0 && errno != ENOENT && errno != EEXIST)
		return err_errno(e, -errno, "keep blob %s", digest);
	return 0;
}

void store_ingest_end(struct store_ingest *in)
{
	int r = in->name[0] ? io_remove_tree(in->store->ingest, in->name) : 0;

	if (r < 0)
		log_warning("ingest/%s stays behind until the next prune: %s", in->name, strerror(-r));
	in->dir = close_fd(in->dir);
	in->lock = close_fd(in->lock);
	in->shared = close_fd(in->shared);
	*in = (struct store_ingest)STORE_INGEST_INIT;
}

int store_ingest_blob(struct store_ingest *in, const void *data, size_t len, char digest[DIGEST_LEN + 1],
		      struct err *e)
{
	CLEANUP_FD int dir = openat(in->dir, "blobs", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	int r = dir < 0 ? -errno : 0;

	sha256_digest(data, len, digest);
	if (r == 0)
		r = io_replace_file(dir, digest_hex(digest), data, len, 0600, false);
	return r < 0 ? err_errno(e, r, "write blob %s", digest) : 0;
}

int store_ingest_open(const struct store_ingest *in, const char *digest, struct err *e)
{
	CLEANUP_FD int fd = -1;
	char path[sizeof("blobs/") + 64];
	struct stat st;

	if (!digest_valid(digest))
		return err_set(e, ERR_INVALID, "'%s' is no sha256 digest", digest);
	(void)snprintf(path, sizeof(path), "blobs/%s", digest_hex(digest));
	fd = beneath_open(in->dir, path, BENEATH_NOLINKS, O_RDONLY | O_NONBLOCK, 0);
	if (fd == -ENOENT)
		fd = store_blob_open(in->store, digest, e);
	else if (fd < 0)
		return err_errno(e, fd, "blob %s", digest);
	if (fd < 0)
		return fd;
	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
		return err_set(e, ERR_INTERNAL, "staged blob %s is no regular file: the unpacker misbehaved", digest);
	return take_fd(&fd);
}

int store_ingest_read(const struct store_ingest *in, const char *digest, size_t max, char **out, size_t *len,
		      struct err *e)
{
	CLEANUP_FREE char *text = NULL;
	CLEANUP_FD int fd = store_ingest_open(in, digest, e);
	char actual[DIGEST_LEN + 1];
	int r;

	if (fd < 0)
		return fd;
	r = io_read_fd(fd, max, &text, len);
	if (r < 0)
		return err_errno(e, r, "read blob %s", digest);
	sha256_digest(text, *len, actual);
	if (strcmp(actual, digest) != 0)
		return err_set(e, ERR_INVALID, "blob %s has the digest %s: it is damaged", digest, actual);
	*out = take_ptr(text);
	return 0;
}

/* layers/HEX of the staging folder, when it is what it should be. */
static int open_staged_layer(const struct store_ingest *in, const char *chain_id, struct err *e)
{
	CLEANUP_FD int layers = openat(in->dir, "layers", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	CLEANUP_FD int dir = -1, fs = -1;

	if (layers >= 0)
		dir = openat(layers, digest_hex(chain_id), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (dir >= 0)
		fs = openat(dir, "fs", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fs < 0)
		return err_errno(e, -errno, "staged layer %s", chain_id);
	return take_fd(&dir);
}

int store_ingest_tree(const struct store_ingest *in, const char *chain_id, struct err *e)
{
	CLEANUP_FD int dir = open_staged_layer(in, chain_id, e);
	int fs = dir < 0 ? dir : openat(dir, "fs", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	return dir < 0 || fs >= 0 ? fs : err_errno(e, -errno, "staged layer %s", chain_id);
}

int store_ingest_layer_info(struct store_ingest *in, const char *chain_id, const struct store_layer_info *info,
			    struct err *e)
{
	CLEANUP_FD int dir = open_staged_layer(in, chain_id, e);
	CLEANUP_STRBUF struct strbuf text = STRBUF_INIT;
	struct json_writer w = JSON_WRITER(&text);
	int r;

	if (dir < 0)
		return dir;
	jw_object(&w, NULL);
	jw_str(&w, "diffId", info->diff_id);
	jw_u64(&w, "size", info->size);
	jw_u64(&w, "entries", info->entries);
	jw_u64(&w, "maxId", info->max_id);
	jw_end_object(&w);
	r = sb_error(&text);
	if (r == 0)
		r = io_replace_file(dir, "info.json", sb_str(&text), text.len, 0600, false);
	return r < 0 ? err_errno(e, r, "write info.json of layer %s", chain_id) : 0;
}

/* paths: NUL-terminated one after the other, as the worker wrote them. */
static int mark_opaque(int dir, const char *paths, size_t len, struct err *e)
{
	CLEANUP_FD int fs = openat(dir, "fs", O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	char shown[200];

	if (fs < 0)
		return err_errno(e, -errno, "fs");
	for (const char *p = paths; p < paths + len; p += strlen(p) + 1) {
		CLEANUP_FD int fd = beneath_open(fs, p, BENEATH_NOLINKS, O_RDONLY | O_DIRECTORY, 0);

		if (fd == -ENOENT || fd == -ENOTDIR) /* a later entry of the layer replaced it */
			continue;
		if (fd < 0)
			return err_errno(e, fd, "open the folder '%s'", text_escape(p, shown, sizeof(shown)));
		if (fsetxattr(fd, overlay_opaque(), "y", 1, 0) < 0)
			return err_errno(e, -errno, "mark '%s' opaque", text_escape(p, shown, sizeof(shown)));
	}
	return 0;
}

int store_ingest_opaque(struct store_ingest *in, const char *chain_id, struct err *e)
{
	CLEANUP_FD int dir = open_staged_layer(in, chain_id, e), fd = -1;
	CLEANUP_FREE char *paths = NULL;
	struct stat st;
	size_t len;
	int r;

	if (dir < 0)
		return dir;
	fd = openat(dir, "opaque", O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0)
		return errno == ENOENT ? 0 : err_errno(e, -errno, "layer %s: opaque", chain_id);
	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
		return err_set(e, ERR_INTERNAL, "layer %s: opaque is no regular file: the unpacker misbehaved", chain_id);
	r = io_read_fd(fd, MAX_OPAQUE, &paths, &len);
	if (r < 0)
		return err_errno(e, r, "layer %s: read opaque", chain_id);
	r = mark_opaque(dir, paths, len, e);
	if (r == 0 && unlinkat(dir, "opaque", 0) < 0)
		r = err_errno(e, -errno, "remove opaque");
	return r < 0 ? err_ctx(e, "layer %s", chain_id) : 0;
}

int store_ingest_sync(struct store_ingest *in, struct err *e)
{
	return syncfs(in->dir) < 0 ? err_errno(e, -errno, "store: sync") : 0;
}

/* Up to this many entries are synced one by one: syncfs() would wait for what all others have written, too. */
#define FEW_ENTRIES 64U

static int sync_entries(int dir, unsigned *left);

/* The kind that dirent tells may be unknown. What is no file or folder is made durable with the folder that it is in. */
static int sync_entry(int dir, const char *name, unsigned *left)
{
	CLEANUP_FD int fd = -1;
	struct stat st;

	if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode) && !S_ISDIR(st.st_mode))
		return 0;
	fd = openat(dir, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	return S_ISDIR(st.st_mode) ? sync_entries(fd, left) : fsync(fd) < 0 ? -errno : 0;
}

static int sync_entries(int dir, unsigned *left)
{
	int copy = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	CLEANUP_DIR DIR *d = copy < 0 ? NULL : fdopendir(copy);
	struct dirent *de;

	if (!d)
		return -errno;
	while ((de = readdir(d))) {
		int r = strcmp(de->d_name, ".") == 0 || strcmp(de->d_name, "..") == 0 ? 0 : !*left ? -E2BIG : 1;

		if (r > 0) {
			(*left)--;
			r = sync_entry(dir, de->d_name, left);
		}
		if (r < 0)
			return r;
	}
	return fsync(dir) < 0 ? -errno : 0;
}

int store_ingest_sync_staged(struct store_ingest *in, struct err *e)
{
	static const char *const folders[] = { "blobs", "layers" };
	unsigned left = FEW_ENTRIES;
	int r = 0;

	for (size_t i = 0; r == 0 && i < sizeof(folders) / sizeof(*folders); i++)
		r = sync_entry(in->dir, folders[i], &left);
	return r < 0 ? store_ingest_sync(in, e) : 0; /* too many, or one that its owner may not read */
}

/* Moves FROM/hex to TO/hex. Present at either end is success. */
static int move_in(int from, int to, const char *hex)
{
	if (renameat2(from, hex, to, hex, RENAME_NOREPLACE_FLAG) == 0 || errno == EEXIST)
		return 0;
	if (errno == EINVAL && faccessat(to, hex, F_OK, AT_SYMLINK_NOFOLLOW) < 0) /* no NOREPLACE on this file system */
		return renameat(from, hex, to, hex) < 0 ? -errno : 0;
	if (errno == ENOENT && faccessat(to, hex, F_OK, AT_SYMLINK_NOFOLLOW) == 0)
		return 0;
	return -errno;
}

int store_commit_blob(struct store_ingest *in, const char *digest, struct err *e)
{
	CLEANUP_FD int dir = openat(in->dir, "blobs", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	struct stat st;
	int r;

	if (dir < 0)
		return err_errno(e, -errno, "staged blobs");
	if (store_has_blob(in->store, digest))
		return 0;
	if (fstatat(dir, digest_hex(digest), &st, AT_SYMLINK_NOFOLLOW) < 0)
		return err_errno(e, -errno, "staged blob %s", digest);
	if (!S_ISREG(st.st_mode))
		return err_set(e, ERR_INTERNAL, "staged blob %s is no regular file: the unpacker misbehaved", digest);
	r = move_in(dir, in->store->blobs, digest_hex(digest));
	return r < 0 ? err_errno(e, r, "commit blob %s", digest) : 0;
}

int store_commit_layer(struct store_ingest *in, const char *chain_id, struct err *e)
{
	CLEANUP_FD int dir = -1, layers = -1;
	int r;

	if (store_has_layer(in->store, chain_id))
		return 0;
	dir = open_staged_layer(in, chain_id, e);
	if (dir < 0)
		return dir;
	layers = openat(in->dir, "layers", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	r = layers < 0 ? -errno : move_in(layers, in->store->layers, digest_hex(chain_id));
	return r < 0 ? err_errno(e, r, "commit layer %s", chain_id) : 0;
}

int store_replace_layer(struct store_ingest *in, const char *chain_id, struct err *e)
{
	CLEANUP_FD int dir = open_staged_layer(in, chain_id, e), layers = -1;
	const char *hex = digest_hex(chain_id);
	char old[sizeof("old-") + 64];

	if (dir < 0)
		return dir;
	if (!store_has_layer(in->store, chain_id))
		return store_commit_layer(in, chain_id, e);
	layers = openat(in->dir, "layers", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (layers < 0)
		return err_errno(e, -errno, "staged layers");
	if (renameat2(layers, hex, in->store->layers, hex, RENAME_EXCHANGE_FLAG) == 0)
		return 0;
	if (errno != EINVAL) /* not on every file system */
		return err_errno(e, -errno, "replace layer %s", chain_id);
	(void)snprintf(old, sizeof(old), "old-%s", hex);
	if (renameat(in->store->layers, hex, layers, old) < 0)
		return err_errno(e, -errno, "replace layer %s", chain_id);
	return store_commit_layer(in, chain_id, e);
}

int store_commit_sync(struct store_ingest *in, struct err *e)
{
	if (fsync(in->store->blobs) < 0 || fsync(in->store->layers) < 0)
		return err_errno(e, -errno, "store: sync");
	return 0;
}

/* ---- sweeping ---- */

/* 1 when the folder's owner is gone (then *lock keeps it ours), 0 when it lives. alone: nobody else is between begin
 * and end, so a folder without a lock file has no owner either. */
static int abandoned(int ingest, const char *name, bool alone, int *lock)
{
	CLEANUP_FD int dir = openat(ingest, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	if (dir < 0)
		return errno == ENOENT ? 0 : -errno;
	*lock = openat(dir, "lock", O_RDWR | O_NOFOLLOW | O_CLOEXEC);
	if (*lock < 0)
		return errno == ENOENT ? alone : -errno;
	if (flock(*lock, LOCK_EX | LOCK_NB) == 0)
		return 1;
	return errno == EWOULDBLOCK ? 0 : -errno;
}

int store_ingest_sweep(const struct store *s, uint64_t *removed, struct err *e)
{
	CLEANUP_FD int shared = openat(s->ingest, "load.lock", O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
	CLEANUP_FD int fd = openat(s->ingest, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	bool alone = shared >= 0 && flock(shared, LOCK_EX | LOCK_NB) == 0;
	CLEANUP_DIR DIR *d = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *de;

	if (!d)
		return err_errno(e, -errno, "store: list ingest");
	(void)take_fd(&fd);
	while ((de = readdir(d))) {
		CLEANUP_FD int lock = -1;
		int r;

		if (!text_is_hex(de->d_name, 32))
			continue;
		r = abandoned(s->ingest, de->d_name, alone, &lock);
		if (r > 0)
			r = io_remove_tree(s->ingest, de->d_name);
		else if (r == 0)
			continue;
		if (r < 0)
			return err_errno(e, r, "store: remove the abandoned ingest/%s", de->d_name);
		*removed += 1;
	}
	return 0;
}

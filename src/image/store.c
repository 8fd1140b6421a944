/* Reading the store, listing it, taking out of it.
 *
 * Everything goes through the four folder handles opened once; names are hex digits checked before they become file
 * names. A layer leaves in two steps: renamed into a staging folder of ours (atomic: from then on it is gone), then
 * deleted at leisure; a crash in between leaves an abandoned ingest, which has a name and a sweeper. */
#include "image/store.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>

#include "base/io.h"
#include "base/json.h"
#include "base/text.h"
#include "image/partial.h"

#define LAYER_INFO_MAX 4096

static int open_folder(int root, const char *path, int *out, struct err *e)
{
	int r = io_mkdirs(root, path, 0700);

	if (r < 0)
		return err_errno(e, r, "store: make %s", path);
	*out = openat(root, path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	return *out < 0 ? err_errno(e, -errno, "store: open %s", path) : 0;
}

int store_open(int root, struct store *out, struct err *e)
{
	CLEANUP_STORE struct store s = STORE_INIT;
	int r;

	s.root = openat(root, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (s.root < 0)
		return err_errno(e, -errno, "store: open its root");
	r = open_folder(s.root, "content/blobs/sha256", &s.blobs, e);
	if (r == 0)
		r = open_folder(s.root, "layers", &s.layers, e);
	if (r == 0)
		r = open_folder(s.root, "ingest", &s.ingest, e);
	if (r < 0)
		return r;
	*out = s;
	s = (struct store)STORE_INIT;
	return 0;
}

void store_close(struct store *s)
{
	s->root = close_fd(s->root);
	s->blobs = close_fd(s->blobs);
	s->layers = close_fd(s->layers);
	s->ingest = close_fd(s->ingest);
}

static int folder_of(const struct store *s, enum store_kind kind)
{
	return kind == STORE_BLOB ? s->blobs : s->layers;
}

bool store_has_blob(const struct store *s, const char *digest)
{
	return digest_valid(digest) && faccessat(s->blobs, digest_hex(digest), F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

bool store_has_layer(const struct store *s, const char *chain_id)
{
	return digest_valid(chain_id) && faccessat(s->layers, digest_hex(chain_id), F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

int store_blob_open(const struct store *s, const char *digest, struct err *e)
{
	int fd;

	if (!digest_valid(digest))
		return err_set(e, ERR_INVALID, "'%s' is no sha256 digest", digest);
	fd = openat(s->blobs, digest_hex(digest), O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	return fd < 0 ? err_errno(e, -errno, "blob %s", digest) : fd;
}

int store_blob_read(const struct store *s, const char *digest, size_t max, char **out, size_t *len, struct err *e)
{
	CLEANUP_FD int fd = store_blob_open(s, digest, e);
	int r;

	if (fd < 0)
		return fd;
	r = io_read_fd(fd, max, out, len);
	if (r == -EFBIG)
		return err_set(e, ERR_LIMIT, "blob %s is larger than %zu bytes", digest, max);
	return r < 0 ? err_errno(e, r, "read blob %s", digest) : 0;
}

void store_layer_path(const char *chain_id, char out[STORE_LAYER_PATH_LEN])
{
	(void)snprintf(out, STORE_LAYER_PATH_LEN, "layers/%.64s/fs", digest_hex(chain_id));
}

int store_layer_open(const struct store *s, const char *chain_id, struct err *e)
{
	char path[STORE_LAYER_PATH_LEN];
	int fd;

	if (!digest_valid(chain_id))
		return err_set(e, ERR_INVALID, "'%s' is no chain id", chain_id);
	store_layer_path(chain_id, path);
	fd = openat(s->root, path, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	return fd < 0 ? err_errno(e, -errno, "layer %s", chain_id) : fd;
}

/* ---- info.json ---- */

static int parse_info(const char *text, size_t len, struct store_layer_info *out, struct err *e)
{
	CLEANUP_ARENA struct arena a = ARENA_INIT;
	const struct json *doc;
	const char *diff = "";
	int r = json_parse(&a, text, len, NULL, &doc, e);

	*out = (struct store_layer_info){ 0 };
	if (r == 0)
		r = json_get_str(doc, "layer", "diffId", &diff, e);
	if (r == 0)
		r = json_get_u64(doc, "layer", "size", &out->size, e);
	if (r == 0)
		r = json_get_u64(doc, "layer", "entries", &out->entries, e);
	if (r == 0)
		r = json_get_u32(doc, "layer", "maxId", &out->max_id, e);
	if (r == 0 && !digest_valid(diff))
		r = err_set(e, ERR_INVALID, "diffId is no digest");
	if (r == 0)
		memcpy(out->diff_id, diff, sizeof(out->diff_id));
	return r;
}

int store_layer_info(const struct store *s, const char *chain_id, struct store_layer_info *out, struct err *e)
{
	CLEANUP_FREE char *text = NULL;
	char path[64 + sizeof("/info.json")];
	size_t len;
	int r;

	if (!digest_valid(chain_id))
		return err_set(e, ERR_INVALID, "'%s' is no chain id", chain_id);
	(void)snprintf(path, sizeof(path), "%s/info.json", digest_hex(chain_id));
	r = io_read_file(s->layers, path, LAYER_INFO_MAX, &text, &len);
	if (r < 0)
		return err_errno(e, r, "layer %s", chain_id);
	r = parse_info(text, len, out, e);
	return r < 0 ? err_ctx(e, "layers/%s", path) : 0;
}

/* ---- listing ---- */

int store_list(const struct store *s, enum store_kind kind, store_list_fn fn, void *data, struct err *e)
{
	CLEANUP_FD int fd = openat(folder_of(s, kind), ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	CLEANUP_DIR DIR *d = NULL;
	struct dirent *de;

	d = fd < 0 ? NULL : fdopendir(fd);
	if (!d)
		return err_errno(e, -errno, "store: list");
	(void)take_fd(&fd);
	for (errno = 0; (de = readdir(d)); errno = 0) {
		char digest[DIGEST_LEN + 1];
		int r;

		if (!text_is_hex(de->d_name, 64))
			continue;
		(void)snprintf(digest, sizeof(digest), DIGEST_PREFIX "%.64s", de->d_name);
		r = fn(digest, data);
		if (r != 0)
			return r;
	}
	return errno ? err_errno(e, -errno, "store: list") : 0;
}

uint64_t store_bytes(const struct store *s, enum store_kind kind, const char *digest)
{
	struct store_layer_info info;
	struct stat st;
	struct err ignored;

	if (kind == STORE_LAYER)
		return store_layer_info(s, digest, &info, &ignored) == 0 ? info.size : 0;
	if (fstatat(s->blobs, digest_hex(digest), &st, AT_SYMLINK_NOFOLLOW) < 0)
		return 0;
	return (uint64_t)st.st_blocks * 512;
}

struct usage_walk {
	const struct store *store;
	enum store_kind kind;
	uint64_t *count, *bytes;
};

static int add_usage(const char *digest, void *data)
{
	struct usage_walk *w = data;

	*w->count += 1;
	*w->bytes += store_bytes(w->store, w->kind, digest);
	return 0;
}

int store_usage(const struct store *s, struct store_usage *out, struct err *e)
{
	struct usage_walk blobs = { s, STORE_BLOB, &out->blobs, &out->blob_bytes };
	struct usage_walk layers = { s, STORE_LAYER, &out->layers, &out->layer_bytes };
	int r;

	*out = (struct store_usage){ 0 };
	r = store_list(s, STORE_BLOB, add_usage, &blobs, e);
	if (r == 0)
		r = store_list(s, STORE_LAYER, add_usage, &layers, e);
	return r < 0 ? r : partial_usage(s->root, &out->partials, &out->partial_bytes, e);
}

/* ---- removing ---- */

/* Takes one thing out of the store into `trash`, where it is deleted later. */
static int discard(const struct store *s, enum store_kind kind, const char *digest, struct store_ingest *trash,
		   struct err *e)
{
	const char *hex = digest_hex(digest);
	char to[sizeof("layers/") + 64];

	(void)snprintf(to, sizeof(to), "%s/%s", kind == STORE_BLOB ? "blobs" : "layers", hex);
	if (renameat(folder_of(s, kind), hex, trash->dir, to) < 0 && errno != ENOENT)
		return err_errno(e, -errno, "store: remove %s", digest);
	return 0;
}

int store_remove(const struct store *s, enum store_kind kind, const char *digest, struct err *e)
{
	CLEANUP_INGEST struct store_ingest trash = STORE_INGEST_INIT;
	int r;

	if (!digest_valid(digest))
		return err_set(e, ERR_INVALID, "'%s' is no sha256 digest", digest);
	r = store_ingest_begin(s, &trash, e);
	return r < 0 ? r : discard(s, kind, digest, &trash, e);
}

struct gc_walk {
	const struct store *store;
	enum store_kind kind;
	store_referenced_fn referenced;
	void *data;
	struct store_ingest *trash;
	struct store_gc_result *out;
	struct err *e;
};

static int gc_one(const char *digest, void *data)
{
	struct gc_walk *w = data;
	uint64_t bytes;
	int r;

	if (w->referenced(w->kind, digest, w->data))
		return 0;
	bytes = store_bytes(w->store, w->kind, digest);
	r = discard(w->store, w->kind, digest, w->trash, w->e);
	if (r < 0)
		return r;
	w->out->bytes += bytes;
	*(w->kind == STORE_BLOB ? &w->out->blobs : &w->out->layers) += 1;
	return 0;
}

/* Two collectors queue on ingest/gc.lock; a running load (ingest/load.lock held shared) makes us leave content alone. */
static int gc_content(const struct store *s, store_referenced_fn referenced, void *data, struct store_gc_result *out,
		      struct err *e)
{
	CLEANUP_FD int queue = openat(s->ingest, "gc.lock", O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
	CLEANUP_INGEST struct store_ingest trash = STORE_INGEST_INIT;
	struct gc_walk w = { s, STORE_LAYER, referenced, data, &trash, out, e };
	int r;

	if (queue < 0 || flock(queue, LOCK_EX) < 0)
		return err_errno(e, -errno, "store: lock ingest/gc.lock");
	r = store_ingest_begin(s, &trash, e);
	if (r < 0)
		return r;
	if (flock(trash.shared, LOCK_EX | LOCK_NB) < 0) {
		out->busy = errno == EWOULDBLOCK;
		return out->busy ? 0 : err_errno(e, -errno, "store: lock ingest/load.lock");
	}
	r = store_list(s, STORE_LAYER, gc_one, &w, e);
	if (r < 0)
		return r;
	w.kind = STORE_BLOB;
	return store_list(s, STORE_BLOB, gc_one, &w, e);
}

int store_gc(const struct store *s, store_referenced_fn referenced, void *data, struct store_gc_result *out,
	     struct err *e)
{
	int r;

	*out = (struct store_gc_result){ 0 };
	r = store_ingest_sweep(s, &out->ingests, e);
	if (r == 0)
		r = partial_sweep(s->root, STORE_PARTIAL_AGE, &out->partials, &out->bytes, e);
	return r < 0 ? r : gc_content(s, referenced, data, out, e);
}

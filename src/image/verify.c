#include "image/verify.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/io.h"
#include "base/log.h"
#include "base/sha256.h"
#include "image/compare.h"
#include "image/partial.h"
#include "image/unpack.h"

#define BUFFER (256U << 10)

struct job {
	struct store_ingest *in;
	const struct verify_layer *layer;
	verify_fn fn;
	void *data;
	uint64_t size; /* of the blob */
	struct err *e;
};

/* As a pull asks for it: one blob, all of which is here, and no lanes. */
static void write_request(struct json_writer *w, const void *data)
{
	const struct job *j = data;

	jw_u64(w, "lanes", 0);
	jw_array(w, "blobs");
	jw_object(w, NULL);
	jw_str(w, "digest", j->layer->blob);
	jw_u64(w, "size", j->size);
	jw_end_object(w);
	jw_end_array(w);
	jw_array(w, "chunks");
	jw_end_array(w);
	jw_array(w, "layers");
	jw_object(w, NULL);
	jw_u64(w, "blob", 0);
	jw_str(w, "diffId", j->layer->diff_id);
	jw_str(w, "chainId", j->layer->chain_id);
	jw_bool(w, "tree", true);
	jw_end_object(w);
	jw_end_array(w);
}

static void on_arrived(size_t blob, uint64_t bytes, void *data)
{
	(void)blob;
	(void)bytes;
	(void)data;
}

static int full_map(struct job *j)
{
	size_t n = (size_t)((j->size + PARTIAL_GRANULE - 1) / PARTIAL_GRANULE);
	CLEANUP_FREE char *map = malloc(n + 1);
	int fd;

	if (!map)
		return err_errno(j->e, -ENOMEM, "verify");
	memset(map, 1, n);
	fd = io_memfd("tare-map", map, n, false);
	return fd < 0 ? err_errno(j->e, fd, "verify") : fd;
}

/* The limits were checked when the layer came; it may have come with higher ones than today's defaults. */
static struct image_limits no_limits(void)
{
	struct image_limits l;

	image_limits_default(&l);
	for (size_t i = 0; i < image_limit_count; i++)
		*image_limit_at(&l, &image_limit_rows[i]) = INT64_MAX;
	return l;
}

static int unpack(struct job *j, const char *worker, int blob)
{
	CLEANUP_ARENA struct arena a = ARENA_INIT;
	CLEANUP_FD int map = full_map(j);
	struct image_load_args args = { .worker = worker, .input = -1, .name = "layer", .limits = no_limits() };
	const int files[] = { blob, map };
	const struct unpack_pull more = { .write = write_request, .arrived = on_arrived, .data = j, .files = files, .n_files = 2 };
	struct unpack_report report;
	int r;

	if (map < 0)
		return map;
	r = unpack_run("pull", j->in, &args, &more, &a, &report, j->e);
	if (r == 0)
		r = image_load_finish_layer(j->in, &report, j->layer->chain_id, j->layer->diff_id, j->e);
	return r < 0 ? r : r > 0 ? 0 : err_set(j->e, ERR_INTERNAL, "tare-worker did not unpack layer %s", j->layer->chain_id);
}

static void tell(struct job *j, const char *where, const char *what)
{
	j->fn(where, what, j->data);
}

/* The digest of all that can be read of it; negative errno. */
static int digest_of(int fd, char out[DIGEST_LEN + 1])
{
	CLEANUP_FREE unsigned char *buf = malloc(BUFFER);
	unsigned char sum[32];
	struct sha256 hash;
	char hex[65];
	ssize_t n;

	if (!buf)
		return -ENOMEM;
	if (lseek(fd, 0, SEEK_SET) < 0)
		return -errno;
	sha256_init(&hash);
	while ((n = io_read_full(fd, buf, BUFFER)) > 0)
		sha256_add(&hash, buf, (size_t)n);
	if (n < 0)
		return (int)n;
	sha256_end(&hash, sum);
	sha256_hex(sum, hex);
	(void)snprintf(out, DIGEST_LEN + 1, DIGEST_PREFIX "%s", hex);
	return 0;
}

/* The unpacker failed, and that may have a hundred reasons of which a changed byte is one: whether the blob is as it was decides. Gives 0
 * when it is damaged, else the unpacker's error. */
static int find_damage(struct job *j, int fd, const char *where)
{
	char is[DIGEST_LEN + 1], what[200];
	int r = digest_of(fd, is);

	if (r == 0 && strcmp(is, j->layer->blob) == 0)
		return j->e->code;
	if (r == -ENOMEM)
		return err_errno(j->e, r, "verify");
	if (r < 0)
		(void)snprintf(what, sizeof(what), "cannot be read: %s", strerror(-r));
	else
		(void)snprintf(what, sizeof(what), "is damaged: it has the digest %s", is);
	tell(j, where, what);
	return 0;
}

/* 1: the blob is good, and its tree is staged; 0: it is not. */
static int check_blob(struct job *j, const char *worker)
{
	CLEANUP_FD int fd = store_blob_open(j->in->store, j->layer->blob, j->e);
	char where[DIGEST_LEN + 8];
	struct stat st;
	int r;

	(void)snprintf(where, sizeof(where), "blob %s", j->layer->blob);
	if (fd < 0 && j->e->cls == ERR_NOTFOUND) {
		tell(j, where, "is missing");
		return 0;
	}
	if (fd < 0)
		return fd;
	if (fstat(fd, &st) < 0)
		return err_errno(j->e, -errno, "%s", where);
	if (!S_ISREG(st.st_mode)) {
		tell(j, where, "is no regular file");
		return 0;
	}
	j->size = (uint64_t)st.st_size;
	r = unpack(j, worker, fd);
	return r < 0 ? find_damage(j, fd, where) : 1;
}

static int open_staged(struct job *j)
{
	char path[STORE_LAYER_PATH_LEN];
	int fd;

	store_layer_path(j->layer->chain_id, path);
	fd = openat(j->in->dir, path, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	return fd < 0 ? err_errno(j->e, -errno, "staged layer") : fd;
}

static int staged_info(struct job *j, struct store_layer_info *out)
{
	CLEANUP_FD int layers = openat(j->in->dir, "layers", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	const struct store staged = { .root = -1, .blobs = -1, .layers = layers, .ingest = -1 };

	return layers < 0 ? err_errno(j->e, -errno, "staged layers") : store_layer_info(&staged, j->layer->chain_id, out, j->e);
}

/* 1: info.json is what it ought to be. */
static int check_info(struct job *j)
{
	struct store_layer_info want, have;
	struct err why;
	int r = staged_info(j, &want);

	if (r < 0)
		return r;
	if (store_layer_info(j->in->store, j->layer->chain_id, &have, &why) < 0) {
		tell(j, "info.json", why.msg);
		return 0;
	}
	if (strcmp(want.diff_id, have.diff_id) == 0 && want.size == have.size && want.entries == have.entries && want.max_id == have.max_id)
		return 1;
	tell(j, "info.json", "has other facts than the layer");
	return 0;
}

/* 1: it is. */
static int check_tree(struct job *j)
{
	CLEANUP_FD int want = open_staged(j), have = -1;
	int r, found;

	if (want < 0)
		return want;
	have = store_layer_open(j->in->store, j->layer->chain_id, j->e);
	if (have < 0 && (j->e->cls == ERR_NOTFOUND || have == -ENOTDIR || have == -ELOOP)) {
		tell(j, NULL, "its unpacked tree is missing");
		return 0;
	}
	if (have < 0)
		return have;
	r = check_info(j);
	if (r < 0)
		return r;
	found = compare_trees(want, have, VERIFY_MOST, j->fn, j->data, j->e);
	return found < 0 ? found : r && found == 0;
}

int verify_layer(struct store_ingest *in, const char *worker, const struct verify_layer *l, verify_fn fn, void *data,
		 enum verify_result *out, struct err *e)
{
	struct job j = { .in = in, .layer = l, .fn = fn, .data = data, .e = e };
	int r;

	verify_drop(in, l); /* of a first look */
	r = check_blob(&j, worker);
	*out = VERIFY_BLOB;
	if (r > 0) {
		r = check_tree(&j);
		*out = r > 0 ? VERIFY_GOOD : VERIFY_TREE;
	}
	if (r < 0 || *out != VERIFY_TREE)
		verify_drop(in, l);
	return r < 0 ? err_ctx(e, "layer %s", l->chain_id) : 0;
}

void verify_drop(struct store_ingest *in, const struct verify_layer *l)
{
	char name[sizeof("layers/") + 64];
	int r;

	(void)snprintf(name, sizeof(name), "layers/%s", digest_hex(l->chain_id));
	r = io_remove_tree(in->dir, name);
	if (r < 0 && r != -ENOENT)
		log_warning("ingest/%s/%s stays until the end: %s", in->name, name, strerror(-r));
}

#include "image/verify.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/io.h"
#include "base/log.h"
#include "base/sha256.h"
#include "image/compare.h"
#include "image/unpack_blob.h"

#define BUFFER (256U << 10)

struct job {
	struct store_ingest *in;
	const struct verify_layer *layer;
	verify_fn fn;
	void *data;
	struct err *e;
};

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
	r = unpack_blob(j->in, &(const struct unpack_blob){ .worker = worker, .blob = j->layer->blob, .diff_id = j->layer->diff_id,
							   .chain_id = j->layer->chain_id, .fd = fd, .size = (uint64_t)st.st_size },
			j->e);
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

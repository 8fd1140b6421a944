/* Two threads and a ring of blocks. The feeder reads packed bytes, hashes them, copies them into the blob, inflates,
 * hashes again (the diff id) and fills blocks; the taker parses tar and writes the tree. Memory is the ring's and the
 * decoder's, however large the layer is.
 *
 * Nothing is believed before its end: digests are compared after the last byte, and only then do blob and tree get the
 * names the caller looks for. Bombs are cut off while they inflate, by the ratio of what came out to what went in. */
#include "image/worker/layer.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/io.h"
#include "image/worker/hash.h"
#include "image/worker/ring.h"
#include "image/worker/unwrap.h"
#include "image/worker/writer.h"

#define RATIO_GRACE (UINT64_C(256) << 20) /* below this a bomb does no harm, and sparse files compress well */
#define PLAIN_WEIGHT 8 /* what packing usually leaves of a tar, generously */
#define FEEDER_STACK (256U << 10)

struct feed {
	struct task *task;
	struct layer_job *job;
	struct ring *ring; /* NULL: nobody wants the tar, only digests */
	struct inflate *inflate;
	struct unwrap *unwrap; /* between source and tap: what comes out of it counts as the layer's bytes */
	struct hash *packed, *unpacked;
	int blob; /* copy of the packed bytes, -1 = none */
	uint64_t in, out;
	struct err e;
	int result;
};

static int disk_error(struct err *e, int r, const char *what)
{
	if (r == -ENOSPC || r == -EDQUOT)
		return err_set(e, ERR_NOSPACE, "the store's file system is full");
	return err_errno(e, r, "%s", what);
}

/* The packed bytes on their way into the decoder. */
static ssize_t tap(void *ctx, void *buf, size_t len, struct err *e)
{
	struct feed *f = ctx;
	ssize_t n = f->unwrap ? unwrap_read(f->unwrap, buf, len, e) : source_read(&f->job->source, buf, len, e);
	int r;

	if (n <= 0)
		return n;
	hash_add(f->packed, buf, (size_t)n);
	f->in += (uint64_t)n;
	if (f->blob < 0)
		return n;
	r = io_write_full(f->blob, buf, (size_t)n);
	return r < 0 ? disk_error(e, r, "write the blob") : n;
}

static int check_bomb(struct feed *f, size_t n)
{
	const struct image_limits *limits = &f->task->limits;
	uint64_t all = atomic_fetch_add(&f->task->unpacked, n) + n, in = f->unwrap ? unwrap_taken(f->unwrap) : f->in;

	f->out += n;
	if (all > limits->unpacked_bytes)
		return err_set(&f->e, ERR_LIMIT, "its layers unpack to more than %llu bytes (limit 'unpacked')",
			       (unsigned long long)limits->unpacked_bytes);
	if (f->out > RATIO_GRACE && f->out / limits->ratio > in)
		return err_set(&f->e, ERR_LIMIT, "it unpacks to more than %llu times its size (limit 'ratio'): a compression bomb?",
			       (unsigned long long)limits->ratio);
	return 0;
}

static int feed_blocks(struct feed *f, unsigned char *scratch)
{
	for (;;) {
		unsigned char *block = f->ring ? ring_fill(f->ring) : scratch;
		ssize_t n;
		int r;

		if (!block)
			return 0; /* the taker failed: its error counts */
		if (task_cancelled(f->task))
			return task_cancelled_error(&f->e);
		n = inflate_read(f->inflate, block, RING_BLOCK_SIZE, &f->e);
		if (n <= 0)
			return (int)n;
		if (inflate_packing(f->inflate) != PACKING_NONE)
			hash_add(f->unpacked, block, (size_t)n);
		r = check_bomb(f, (size_t)n);
		if (r < 0)
			return r;
		if (f->ring) {
			bool plain = inflate_packing(f->inflate) == PACKING_NONE;

			atomic_store_explicit(&f->ring->weight, plain ? f->in / PLAIN_WEIGHT : f->in, memory_order_relaxed);
			ring_filled(f->ring, (size_t)n);
		}
	}
}

static int feed_all(struct feed *f)
{
	CLEANUP_FREE unsigned char *scratch = NULL;
	int r = f->job->unwrap ? unwrap_new(source_read, &f->job->source, &f->unwrap, &f->e) : 0;

	if (r == 0)
		r = inflate_new(tap, f, &f->inflate, &f->e);
	if (r < 0)
		return r;
	if (!f->ring) {
		scratch = malloc(RING_BLOCK_SIZE);
		if (!scratch)
			return err_errno(&f->e, -ENOMEM, "buffers");
	}
	return feed_blocks(f, scratch);
}

static void *feed_main(void *arg)
{
	struct feed *f = arg;

	f->result = feed_all(f);
	if (f->ring)
		ring_end(f->ring);
	return NULL;
}

/* ---- the blob ---- */

static int begin_blob(struct feed *f, unsigned int number, char name[32])
{
	(void)snprintf(name, 32, "spool/job-%u", number);
	if (!f->job->want_blob || f->job->spooled)
		return 0;
	f->blob = openat(f->task->staging, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	return f->blob < 0 ? disk_error(&f->e, -errno, "make the blob") : 0;
}

static int finish_blob(struct feed *f, const char *name, struct err *e)
{
	struct layer_job *job = f->job;
	char final[sizeof("blobs/") + 64];

	if (!job->want_blob)
		return 0;
	(void)snprintf(final, sizeof(final), "blobs/%s", digest_hex(job->blob_digest));
	/* a link, not a rename: two chains may hold the same layer */
	if (linkat(f->task->staging, job->spooled ? job->spooled : name, f->task->staging, final, 0) < 0 && errno != EEXIST)
		return disk_error(e, -errno, "name the blob");
	return 0;
}

/* ---- verdict ---- */

static int check_digests(struct feed *f, struct err *e)
{
	struct layer_job *job = f->job;
	int r = hash_end(f->packed, job->blob_digest, e);

	job->blob_size = f->in;
	job->packing = inflate_packing(f->inflate);
	if (r == 0 && job->packing != PACKING_NONE)
		r = hash_end(f->unpacked, job->diff_digest, e);
	else
		memcpy(job->diff_digest, job->blob_digest, sizeof(job->diff_digest));
	if (r < 0)
		return r;
	if (job->blob && strcmp(job->blob, job->blob_digest) != 0)
		return err_set(e, ERR_INVALID, "its bytes have the digest %s, the image says %s: the archive is damaged or was "
					       "tampered with", job->blob_digest, job->blob);
	if (job->diff_id && strcmp(job->diff_id, job->diff_digest) != 0)
		return err_set(e, ERR_INVALID, "its content has the digest %s, the image says %s: the archive is damaged or was "
					       "tampered with", job->diff_digest, job->diff_id);
	return 0;
}

/* ---- the tree ---- */

struct staged_tree {
	char name[sizeof("layers/") + 64];
	int meta, fs;
};

static int begin_tree(struct task *t, const struct layer_job *job, unsigned int number, struct staged_tree *st,
		      struct err *e)
{
	if (job->chain_id)
		(void)snprintf(st->name, sizeof(st->name), "layers/%s", digest_hex(job->chain_id));
	else
		(void)snprintf(st->name, sizeof(st->name), "layers/job-%u", number);
	if (mkdirat(t->staging, st->name, 0700) < 0)
		return disk_error(e, -errno, "make its folder");
	st->meta = openat(t->staging, st->name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (st->meta < 0 || mkdirat(st->meta, "fs", 0755) < 0)
		return disk_error(e, -errno, "make its folder");
	st->fs = openat(st->meta, "fs", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	return st->fs < 0 || futimens(st->fs, writer_no_time) < 0 ? disk_error(e, -errno, "make its folder") : 0;
}

static int finish_tree(struct task *t, const struct layer_job *job, const struct staged_tree *st, struct err *e)
{
	char final[sizeof("layers/") + 64];

	if (job->chain_id)
		return 0;
	(void)snprintf(final, sizeof(final), "layers/%s", digest_hex(job->diff_digest));
	return renameat(t->staging, st->name, t->staging, final) < 0 ? disk_error(e, -errno, "name the layer") : 0;
}

/* Feeder on a thread of its own, taker here. */
static int run_pipeline(struct feed *f, const struct staged_tree *st, struct err *e)
{
	struct ring ring;
	pthread_attr_t attr;
	pthread_t thread;
	int r = ring_init(&ring, e);

	if (r < 0)
		return r;
	f->ring = &ring;
	(void)pthread_attr_init(&attr);
	(void)pthread_attr_setstacksize(&attr, FEEDER_STACK);
	r = pthread_create(&thread, &attr, feed_main, f);
	(void)pthread_attr_destroy(&attr);
	if (r != 0) {
		ring_free(&ring);
		return err_errno(e, -r, "start a thread");
	}
	r = tree_write(f->task, &ring, st->fs, st->meta, &f->job->facts, e);
	ring_stop(&ring);
	(void)pthread_join(thread, NULL);
	ring_free(&ring);
	if (f->result < 0) { /* what the taker saw of it was only an early end */
		*e = f->e;
		return f->result;
	}
	return r;
}

static int run(struct feed *f, unsigned int number, struct err *e)
{
	struct staged_tree st = { .meta = -1, .fs = -1 };
	char blob[32];
	int r = begin_blob(f, number, blob);

	if (r < 0) {
		*e = f->e;
		return r;
	}
	if (f->job->want_tree) {
		r = begin_tree(f->task, f->job, number, &st, e);
		if (r == 0)
			r = run_pipeline(f, &st, e);
		st.meta = close_fd(st.meta);
		st.fs = close_fd(st.fs);
	} else {
		(void)feed_main(f);
		r = f->result;
		*e = f->e;
	}
	if (r == 0)
		r = check_digests(f, e);
	if (r == 0)
		r = finish_blob(f, blob, e);
	if (r == 0 && f->job->want_tree)
		r = finish_tree(f->task, f->job, &st, e);
	return r;
}

int layer_run(struct task *t, struct layer_job *job, unsigned int number, struct err *e)
{
	struct feed f = { .task = t, .job = job, .blob = -1 };
	int r = hash_new(&f.packed, e);

	if (r == 0)
		r = hash_new(&f.unpacked, e);
	if (r == 0)
		r = run(&f, number, e);
	hash_free(f.packed);
	hash_free(f.unpacked);
	inflate_free(f.inflate);
	unwrap_free(f.unwrap);
	f.blob = close_fd(f.blob);
	return r;
}

#include "image/worker/gather.h"

#include <string.h>

#include "base/clock.h"
#include "base/io.h"
#include "image/worker/report.h"

#define LANE_STACK (128U << 10)
#define REPORT_MS 100

struct gather_lane {
	struct gather *g;
	int fd;
};

/* ---- what is there ---- */

/* The first byte of the blob that is not there yet. */
static uint64_t prefix(struct gather *g, struct gather_blob *b)
{
	while (b->first < b->end && g->chunks[b->first].start + g->chunks[b->first].received == g->chunks[b->first].end)
		b->first++;
	return b->first < b->end ? g->chunks[b->first].start + g->chunks[b->first].received : b->size;
}

/* Written, not mapped: a disk that is full is then an error, and no signal. */
static int mark(struct gather_blob *b, uint64_t from, uint64_t to)
{
	uint64_t i = from / PARTIAL_GRANULE, last = to == b->size ? (to + PARTIAL_GRANULE - 1) / PARTIAL_GRANULE : to / PARTIAL_GRANULE;
	char ones[PARTIAL_FRAME_MAX / PARTIAL_GRANULE + 2];

	memset(ones, 1, sizeof(ones));
	return i < last ? io_pwrite_full(b->map_fd, ones, (size_t)(last - i), (off_t)i) : 0;
}

static void fail(struct gather *g, const struct err *e)
{
	(void)pthread_mutex_lock(&g->lock);
	if (g->e.code == 0)
		g->e = *e;
	(void)pthread_cond_broadcast(&g->moved);
	(void)pthread_mutex_unlock(&g->lock);
}

/* ---- lanes ---- */

static int damaged(struct err *e)
{
	return err_set(e, ERR_INTERNAL, "what tare-transfer sends is damaged");
}

static int ended(struct err *e)
{
	return err_set(e, ERR_UNAVAILABLE, "it did not arrive whole");
}

static int disk_error(struct err *e, int r)
{
	if (r == -ENOSPC || r == -EDQUOT)
		return err_set(e, ERR_NOSPACE, "the store's file system is full");
	return err_errno(e, r, "write a blob");
}

/* Takes the place of the next bytes of the chunk. */
static int reserve(struct gather *g, const struct partial_frame *f, uint64_t *at, struct err *e)
{
	struct gather_chunk *c;
	int r = 0;

	if (f->chunk >= g->n_chunks || f->len == 0 || f->len > PARTIAL_FRAME_MAX)
		return damaged(e);
	c = &g->chunks[f->chunk];
	(void)pthread_mutex_lock(&g->lock);
	if (c->busy || f->len > c->end - c->start - c->received)
		r = damaged(e);
	c->busy = r == 0 || c->busy;
	*at = c->start + c->received;
	(void)pthread_mutex_unlock(&g->lock);
	return r;
}

static void arrived(struct gather *g, struct gather_chunk *c, uint32_t len)
{
	struct gather_blob *b = &g->blobs[c->blob];
	int64_t now = clock_ms();
	uint64_t sum = 0;
	bool tell;

	(void)pthread_mutex_lock(&g->lock);
	c->busy = false;
	c->received += len;
	sum = b->arrived += len;
	tell = sum == b->size || now - g->told > REPORT_MS;
	if (tell)
		g->told = now;
	(void)pthread_cond_broadcast(&g->moved);
	(void)pthread_mutex_unlock(&g->lock);
	if (tell)
		report_arrived(g->task, c->blob, sum);
}

static int take_frame(struct gather_lane *l, const struct partial_frame *f, unsigned char *buf, struct err *e)
{
	struct gather *g = l->g;
	struct gather_blob *b;
	uint64_t at = 0;
	int r = reserve(g, f, &at, e);
	ssize_t n;

	if (r < 0)
		return r;
	b = &g->blobs[g->chunks[f->chunk].blob];
	n = io_read_full(l->fd, buf, f->len);
	if (n != (ssize_t)f->len)
		return n < 0 ? err_errno(e, (int)n, "read from tare-transfer") : ended(e);
	r = io_pwrite_full(b->fd, buf, f->len, (off_t)at);
	if (r == 0)
		r = mark(b, at, at + f->len); /* from the granule that the chunk had begun */
	if (r < 0)
		return disk_error(e, r);
	arrived(g, &g->chunks[f->chunk], f->len);
	return 0;
}

static int run_lane(struct gather_lane *l, struct err *e)
{
	CLEANUP_FREE unsigned char *buf = malloc(PARTIAL_FRAME_MAX);

	if (!buf)
		return err_errno(e, -ENOMEM, "buffers");
	for (;;) {
		struct partial_frame f;
		ssize_t n = io_read_full(l->fd, &f, sizeof(f));
		int r;

		if (n == 0)
			return 0;
		if (n != (ssize_t)sizeof(f))
			return n < 0 ? err_errno(e, (int)n, "read from tare-transfer") : ended(e);
		if (task_cancelled(l->g->task))
			return task_cancelled_error(e);
		r = take_frame(l, &f, buf, e);
		if (r < 0)
			return r;
	}
}

static void *lane_main(void *arg)
{
	struct gather_lane *l = arg;
	struct err e = { 0 };

	if (run_lane(l, &e) < 0)
		fail(l->g, &e);
	(void)pthread_mutex_lock(&l->g->lock);
	l->g->open_lanes--;
	(void)pthread_cond_broadcast(&l->g->moved);
	(void)pthread_mutex_unlock(&l->g->lock);
	return NULL;
}

/* ---- beginning and end ---- */

/* Chunks belong to their blobs in order, begin at a granule, and do not overlap. */
static int check_chunks(struct gather *g, struct err *e)
{
	size_t at = 0;

	for (size_t i = 0; i < g->n_blobs; i++) {
		struct gather_blob *b = &g->blobs[i];
		uint64_t last = 0;

		b->arrived = b->size;
		for (b->first = at; at < g->n_chunks && g->chunks[at].blob == i; at++) {
			const struct gather_chunk *c = &g->chunks[at];

			if (c->start < last || c->start >= c->end || c->end > b->size || c->start % PARTIAL_GRANULE || c->received)
				return err_set(e, ERR_INTERNAL, "the request is damaged: chunks");
			last = c->end;
			b->arrived -= c->end - c->start;
		}
		b->end = at;
	}
	return at == g->n_chunks ? 0 : err_set(e, ERR_INTERNAL, "the request is damaged: chunks of no blob");
}

static int start_threads(struct gather *g, const int *lanes, size_t n, struct err *e)
{
	pthread_attr_t attr;
	int r = 0;

	(void)pthread_attr_init(&attr);
	(void)pthread_attr_setstacksize(&attr, LANE_STACK);
	for (size_t i = 0; r == 0 && i < n; i++) {
		g->lanes[i] = (struct gather_lane){ .g = g, .fd = lanes[i] };
		g->open_lanes++; /* alone until the first thread runs; then under the lock of nobody else: see below */
		r = pthread_create(&g->threads[i], &attr, lane_main, &g->lanes[i]);
		if (r == 0)
			g->n_lanes++;
		else
			g->open_lanes--;
	}
	(void)pthread_attr_destroy(&attr);
	return r == 0 ? 0 : err_errno(e, -r, "start a thread");
}

int gather_start(struct gather *g, const int *lanes, size_t n, struct err *e)
{
	int r = check_chunks(g, e);

	if (r < 0)
		return r;
	g->lanes = calloc(n, sizeof(*g->lanes));
	g->threads = calloc(n, sizeof(*g->threads));
	if (!g->lanes || !g->threads)
		return err_errno(e, -ENOMEM, "lanes");
	(void)pthread_mutex_lock(&g->lock);
	r = start_threads(g, lanes, n, e);
	(void)pthread_mutex_unlock(&g->lock);
	return r;
}

void gather_join(struct gather *g)
{
	while (g->n_lanes > 0)
		(void)pthread_join(g->threads[--g->n_lanes], NULL);
}

void gather_free(struct gather *g)
{
	gather_join(g);
	free(g->lanes);
	free(g->threads);
}

/* ---- reading ---- */

/* How far the blob can be read, when that is beyond offset. */
static int await(struct gather *g, struct gather_blob *b, uint64_t offset, uint64_t *end, struct err *e)
{
	int r = 0;

	(void)pthread_mutex_lock(&g->lock);
	while (r == 0 && (*end = prefix(g, b)) <= offset && offset < b->size) {
		if (g->e.code != 0) {
			*e = g->e;
			r = e->code;
		} else if (task_cancelled(g->task)) {
			r = task_cancelled_error(e);
		} else if (g->open_lanes == 0) {
			r = ended(e);
		} else {
			(void)pthread_cond_wait(&g->moved, &g->lock);
		}
	}
	(void)pthread_mutex_unlock(&g->lock);
	return r;
}

ssize_t gather_read(struct gather *g, size_t blob, uint64_t offset, void *buf, size_t len, struct err *e)
{
	struct gather_blob *b = &g->blobs[blob];
	uint64_t end = 0;
	ssize_t n;
	int r = await(g, b, offset, &end, e);

	if (r < 0)
		return r;
	if (len > end - offset)
		len = (size_t)(end - offset);
	do
		n = pread(b->fd, buf, len, (off_t)offset);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return err_errno(e, -errno, "read a blob");
	return n == 0 && len > 0 ? err_set(e, ERR_INTERNAL, "the partial file of a blob was cut short") : n;
}

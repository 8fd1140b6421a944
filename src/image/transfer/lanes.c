/* A thread per lane, each with its connections; each takes the next chunk that nobody has.
 *
 * Whether a registry gives parts is found out by asking: of a blob of several chunks the first lane asks alone, and only when it got a
 * part do others join. Where it gets all of it instead, it takes all the blob's chunks upon itself. Where the registry sends us to another
 * host for a blob, its later chunks are asked there at once; when that is refused (such addresses expire), the registry is asked again. */
#include "image/transfer/lanes.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/io.h"
#include "image/digest.h"
#include "image/partial.h"
#include "image/transfer/registry.h"

#define MAX_LANES 64
#define LANE_STACK (512U << 10)
#define HELD_MAX PARTIAL_GRANULE /* libcurl gives 16 KiB at a time, and each frame costs both sides some system calls */

enum parts { PARTS_UNKNOWN, PARTS_GIVEN, PARTS_REFUSED };

struct blob {
	const char *digest;
	uint64_t size;
	enum parts parts;
	bool asking;      /* a lane finds out whether parts are given */
	char *landed;     /* where it is, when that is another host; owned */
};

struct chunk {
	size_t blob;
	uint64_t start, end, sent;
	bool taken;
};

struct lanes {
	struct session *session;
	size_t endpoint; /* the first that is asked */
	struct blob *blobs;
	size_t n_blobs;
	struct chunk *chunks;
	size_t n_chunks;
	pthread_mutex_t lock;
	pthread_cond_t changed;
	struct err first;
};

struct lane {
	struct lanes *all;
	int fd;
	struct registry registry;
	unsigned char *held; /* a frame: its head, and bytes of the lane's chunk that were not written yet */
	size_t n_held;
	/* the answer that is being read */
	struct chunk *chunk;  /* that its next byte belongs to, or that comes after it; NULL: the rest is of no use */
	uint64_t at;          /* of its next byte in the blob */
	enum parts parts;     /* what the answers to this lane say */
	bool started, came;
};

/* ---- what is to be done ---- */

static struct chunk *free_chunk(struct lanes *l, bool *more)
{
	*more = false;
	for (size_t i = 0; i < l->n_chunks; i++) {
		struct chunk *c = &l->chunks[i];

		if (c->taken)
			continue;
		*more = true;
		if (!l->blobs[c->blob].asking)
			return c;
	}
	return NULL;
}

static bool is_alone(const struct lanes *l, const struct chunk *c)
{
	size_t i = (size_t)(c - l->chunks);

	return (i == 0 || l->chunks[i - 1].blob != c->blob) && (i + 1 == l->n_chunks || l->chunks[i + 1].blob != c->blob);
}

/* Waits while all that is left depends on what other lanes find out; NULL: nothing is left, or somebody failed. */
static struct chunk *take_chunk(struct lanes *l)
{
	struct chunk *c = NULL;
	bool more = true;

	(void)pthread_mutex_lock(&l->lock);
	while (l->first.code == 0 && !(c = free_chunk(l, &more)) && more)
		(void)pthread_cond_wait(&l->changed, &l->lock);
	if (l->first.code != 0)
		c = NULL;
	if (c) {
		struct blob *b = &l->blobs[c->blob];

		c->taken = true;
		b->asking = b->parts == PARTS_UNKNOWN && !is_alone(l, c);
	}
	(void)pthread_mutex_unlock(&l->lock);
	return c;
}

static void found_out(struct lanes *l, struct chunk *c, enum parts parts)
{
	struct blob *b = &l->blobs[c->blob];

	(void)pthread_mutex_lock(&l->lock);
	/* All of it comes here: nobody else needs to ask. Where the next answer is a part after all (another host gives it), what has not
	 * come yet is everybody's again. */
	for (struct chunk *o = l->chunks; o < l->chunks + l->n_chunks; o++)
		if (o->blob == c->blob && o != c && (parts == PARTS_REFUSED || b->parts == PARTS_REFUSED))
			o->taken = parts == PARTS_REFUSED || o->sent == o->end - o->start;
	b->parts = parts;
	b->asking = false;
	(void)pthread_cond_broadcast(&l->changed);
	(void)pthread_mutex_unlock(&l->lock);
}

static void failed(struct lanes *l, const struct err *e)
{
	(void)pthread_mutex_lock(&l->lock);
	if (l->first.code == 0)
		l->first = *e;
	(void)pthread_cond_broadcast(&l->changed);
	(void)pthread_mutex_unlock(&l->lock);
}

/* ---- bytes ---- */

static int send_held(struct lane *n, struct err *e)
{
	struct partial_frame f = { .chunk = (uint32_t)(n->chunk - n->all->chunks), .len = (uint32_t)n->n_held };
	int r;

	if (n->n_held == 0)
		return 0;
	memcpy(n->held, &f, sizeof(f));
	r = io_write_full(n->fd, n->held, sizeof(f) + n->n_held);
	n->n_held = 0;
	return r < 0 ? err_errno(e, r, "hand on a blob") : 0;
}

/* Bytes that follow what the lane's chunk has, and do not go beyond it. */
static int hand_on(struct lane *n, const char *bytes, size_t len, struct err *e)
{
	struct chunk *c = n->chunk;
	int r = 0;

	while (r == 0 && len > 0) {
		size_t piece = len < HELD_MAX - n->n_held ? len : HELD_MAX - n->n_held;

		memcpy(n->held + sizeof(struct partial_frame) + n->n_held, bytes, piece);
		n->n_held += piece;
		c->sent += piece;
		bytes += piece;
		len -= piece;
		if (n->n_held == HELD_MAX || c->sent == c->end - c->start)
			r = send_held(n, e);
	}
	return r;
}

/* The next chunk of the blob that is not whole. */
static struct chunk *next_of_blob(struct lane *n)
{
	struct chunk *end = n->all->chunks + n->all->n_chunks;

	for (struct chunk *c = n->chunk + 1; c < end && c->blob == n->chunk->blob; c++)
		if (c->sent < c->end - c->start)
			return c;
	return NULL;
}

static int damaged_range(const struct lane *n, const struct blob *b, struct err *e)
{
	return err_set(e, ERR_INVALID, "blob %s: %s sends another part of it than was asked for", b->digest, n->registry.endpoint->name);
}

/* The answer's head: which byte comes first, and is it as long as it must be? */
static int begin(struct lane *n, const struct http_answer *a, struct err *e)
{
	struct lanes *l = n->all;
	struct blob *b = &l->blobs[n->chunk->blob];
	uint64_t first = 0, last = 0, total = 0;

	n->started = true;
	n->at = 0;
	if (a->status == 206) {
		n->at = n->chunk->start + n->chunk->sent;
		if (!a->content_range || sscanf(a->content_range, "bytes %" SCNu64 "-%" SCNu64 "/%" SCNu64, &first, &last, &total) < 2 ||
		    first != n->at || (total && total != b->size))
			return damaged_range(n, b, e);
		n->parts = PARTS_GIVEN;
		found_out(l, n->chunk, n->parts);
		return 0;
	}
	if (a->length >= 0 && (uint64_t)a->length != b->size)
		return err_set(e, ERR_INVALID, "blob %s: %s sends %lld bytes, its manifest says %llu", b->digest, n->registry.endpoint->name,
			       (long long)a->length, (unsigned long long)b->size);
	/* where others have their parts already this one makes do with its own */
	(void)pthread_mutex_lock(&l->lock);
	n->parts = b->parts == PARTS_GIVEN || is_alone(l, n->chunk) ? b->parts : PARTS_REFUSED;
	(void)pthread_mutex_unlock(&l->lock);
	found_out(l, n->chunk, n->parts);
	return 0;
}

/* What goes on beyond the blob's size is not looked at: whether the blob is right, its digest says. */
static int enough(struct err *e)
{
	return err_set(e, ERR_UNAVAILABLE, "the rest of the answer is of no use");
}

static int take(void *data, const struct http_answer *a, const void *bytes, size_t len, struct err *e)
{
	struct lane *n = data;
	struct blob *b = &n->all->blobs[n->chunk->blob];
	const char *p = bytes;
	int r = n->started ? 0 : begin(n, a, e);

	while (r == 0 && len > 0 && n->at < b->size) {
		uint64_t want = n->chunk->start + n->chunk->sent;
		size_t piece = len;

		if (n->at < want) { /* what is there already */
			piece = want - n->at < len ? (size_t)(want - n->at) : len;
		} else if (want < n->chunk->end) {
			piece = n->chunk->end - want < len ? (size_t)(n->chunk->end - want) : len;
			r = hand_on(n, p, piece, e);
			n->came = true;
		}
		n->at += piece;
		p += piece;
		len -= piece;
		if (n->chunk->sent == n->chunk->end - n->chunk->start && n->parts == PARTS_REFUSED)
			n->chunk = next_of_blob(n) ? next_of_blob(n) : n->chunk;
		else if (n->chunk->sent == n->chunk->end - n->chunk->start && len > 0)
			return enough(e);
	}
	return r == 0 && len > 0 ? enough(e) : r;
}

/* ---- one chunk ---- */

static char *known_place(struct lane *n, const struct blob *b)
{
	char *url;

	(void)pthread_mutex_lock(&n->all->lock);
	url = b->landed ? strdup(b->landed) : NULL;
	(void)pthread_mutex_unlock(&n->all->lock);
	return url;
}

static void know_place(struct lane *n, struct blob *b, const char *landed)
{
	bool elsewhere = landed && !http_same_host(landed, n->registry.endpoint->http.base);

	(void)pthread_mutex_lock(&n->all->lock);
	free(b->landed);
	b->landed = elsewhere ? strdup(landed) : NULL;
	(void)pthread_mutex_unlock(&n->all->lock);
}

/* One request for what the chunk lacks. */
static int ask(struct lane *n, struct http_answer *a, struct err *e)
{
	struct blob *b = &n->all->blobs[n->chunk->blob];
	CLEANUP_FREE char *url = known_place(n, b);
	char path[32 + DIGEST_LEN], range[80];
	const char *const headers[] = { range, NULL }, *landed = NULL;
	uint64_t from = n->chunk->start + n->chunk->sent;
	bool part = from > 0 || n->chunk->end < b->size;
	struct http_request rq = { .method = "GET", .headers = part ? headers : NULL, .sink = take, .data = n };
	int r;

	(void)snprintf(path, sizeof(path), "blobs/%s", b->digest);
	(void)snprintf(range, sizeof(range), "Range: bytes=%" PRIu64 "-%" PRIu64, from, n->chunk->end - 1);
	n->started = n->came = false;
	r = registry_exchange(&n->registry, url, path, &rq, a, &landed, e);
	if (r == 0 && url && a->status / 100 == 4 && a->status != 429) { /* its time is over */
		know_place(n, b, NULL);
		r = registry_exchange(&n->registry, NULL, path, &rq, a, &landed, e);
	}
	if (r == 0 && a->status / 100 == 2)
		know_place(n, b, landed);
	return r;
}

static bool is_done(struct lane *n)
{
	const struct chunk *c = n->chunk;

	return c->sent == c->end - c->start && (n->parts != PARTS_REFUSED || !next_of_blob(n));
}

static int fetch_from(struct lane *n, struct err *e)
{
	struct retry again = { 0 };
	struct http_answer a;
	char what[16 + DIGEST_LEN];
	int r;

	do {
		struct err broken;

		r = ask(n, &a, e);
		if (send_held(n, &broken) < 0) {
			*e = broken;
			return e->code;
		}
		if (n->came)
			again.failures = 0;
		if (is_done(n))
			return 0;
		if (r == 0 && a.status / 100 == 2)
			r = err_set(e, ERR_UNAVAILABLE, "blob %s: %s sends less than its manifest says", n->all->blobs[n->chunk->blob].digest,
				    n->registry.endpoint->name);
	} while (retry_again(&n->registry, &again, r, &a, e));
	(void)snprintf(what, sizeof(what), "blob %s", n->all->blobs[n->chunk->blob].digest);
	return r < 0 ? r : registry_complaint(&n->registry, &a, what, e);
}

/* The endpoint that had the manifest, and then those after it. */
static int fetch(struct lane *n, struct err *e)
{
	struct session *s = n->all->session;
	size_t i = n->all->endpoint;
	int r;

	for (;;) {
		if (n->registry.endpoint != &s->endpoints[i]) {
			registry_close(&n->registry);
			r = registry_open(s, &s->endpoints[i], SCOPE_PULL, &n->registry, e);
			if (r < 0)
				return r;
		}
		r = fetch_from(n, e);
		do
			i++;
		while (i < s->n && session_passes_over(s, i));
		if (r == 0 || i == s->n || e->cls == ERR_INTERNAL)
			return r;
		know_place(n, &n->all->blobs[n->chunk->blob], NULL);
	}
}

static void *lane_main(void *arg)
{
	struct lane *n = arg;
	CLEANUP_FREE unsigned char *held = malloc(sizeof(struct partial_frame) + HELD_MAX);
	struct err e = { 0 };

	n->held = held;
	if (!held) {
		(void)err_errno(&e, -ENOMEM, "lane");
		failed(n->all, &e);
	}
	while ((n->chunk = take_chunk(n->all))) {
		struct chunk *c = n->chunk;

		n->parts = PARTS_UNKNOWN;
		if (fetch(n, &e) < 0) {
			failed(n->all, &e);
			break;
		}
		if (n->all->blobs[c->blob].asking)
			found_out(n->all, c, n->all->blobs[c->blob].parts);
	}
	registry_close(&n->registry);
	n->fd = close_fd(n->fd);
	return NULL;
}

/* ---- all of them ---- */

static int read_request(struct lanes *l, struct arena *a, const struct json *rq, uint64_t *lanes, struct err *e)
{
	const struct json *blobs = NULL, *chunks = NULL;
	uint64_t endpoint = 0;
	int r = json_get_u64(rq, "request", "endpoint", &endpoint, e);

	if (r == 0)
		r = json_get_u64(rq, "request", "lanes", lanes, e);
	if (r == 0)
		r = json_get_array(rq, "request", "blobs", &blobs, e);
	if (r == 0)
		r = json_get_array(rq, "request", "chunks", &chunks, e);
	if (r < 0)
		return r;
	l->endpoint = endpoint;
	l->blobs = arena_array(a, (blobs ? blobs->len : 0) + 1, sizeof(*l->blobs));
	l->chunks = arena_array(a, (chunks ? chunks->len : 0) + 1, sizeof(*l->chunks));
	if (!l->blobs || !l->chunks)
		return err_errno(e, -ENOMEM, "request");
	json_each(it, blobs) {
		struct blob *b = &l->blobs[l->n_blobs++];

		r = json_get_str(it, "request", "digest", &b->digest, e);
		if (r == 0)
			r = json_get_u64(it, "request", "size", &b->size, e);
		if (r < 0)
			return r;
	}
	json_each(it, chunks) {
		struct chunk *c = &l->chunks[l->n_chunks++];
		uint64_t blob = UINT64_MAX;

		if (it->len != 3 || json_as_u64(it->child, &blob) < 0 || json_as_u64(it->child->next, &c->start) < 0 ||
		    json_as_u64(it->child->next->next, &c->end) < 0 || blob >= l->n_blobs)
			return err_set(e, ERR_INTERNAL, "the request is damaged: chunks");
		c->blob = blob;
	}
	return endpoint < l->session->n && *lanes <= MAX_LANES ? 0 : err_set(e, ERR_INTERNAL, "the request is damaged: lanes");
}

static int run_threads(struct lanes *l, size_t n, struct err *e)
{
	struct lane lanes[MAX_LANES];
	pthread_t threads[MAX_LANES];
	pthread_attr_t attr;
	size_t started = 0;

	(void)pthread_attr_init(&attr);
	(void)pthread_attr_setstacksize(&attr, LANE_STACK);
	for (size_t i = 0; i < n; i++) {
		lanes[i] = (struct lane){ .all = l, .fd = TRANSFER_FILES_FD + (int)i };
		if (started == i && pthread_create(&threads[i], &attr, lane_main, &lanes[i]) == 0)
			started++;
		else
			(void)close_fd(lanes[i].fd);
	}
	(void)pthread_attr_destroy(&attr);
	for (size_t i = 0; i < started; i++)
		(void)pthread_join(threads[i], NULL);
	if (n > 0 && started == 0)
		return err_set(e, ERR_INTERNAL, "no thread can be started");
	*e = l->first;
	return e->code;
}

int lanes_run(struct session *s, const struct json *rq, struct err *e)
{
	CLEANUP_ARENA struct arena a = ARENA_INIT;
	CLEANUP_STRBUF struct strbuf line = STRBUF_INIT;
	struct lanes l = { .session = s, .lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER };
	uint64_t lanes = 0;
	int r = read_request(&l, &a, rq, &lanes, e);

	if (r == 0)
		r = run_threads(&l, lanes, e);
	for (size_t i = 0; i < l.n_blobs; i++)
		free(l.blobs[i].landed);
	sb_puts(&line, "{\"type\":\"fetched\"}");
	return r < 0 ? r : session_say(s, &line, NULL, 0, e);
}

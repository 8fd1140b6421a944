/* A thread, because a write(2) into a file may hang in the kernel: nothing else would go on taking the container's
 * output. Whatever is behind write() is that thread's alone from logring_begin() on; what both see is the list, under
 * the lock. Batches are allocated one by one, so that a container whose log keeps up costs no buffer.
 *
 * What is in memory is lost with the process. Nobody who asks for a log that is not waited for can have both. */
#include "monitor/logring.h"

#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

/* How long a write that was told to hurry may take. */
#define HURRY_MS 1000

struct logring {
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t more, done;
	struct logring_batch *first, **last;
	size_t bytes, max; /* what waits or is being written, with what holds it */
	uint64_t lost;     /* since the last batch */
	bool ending, ended;
	bool hurry; /* atomic */
	logring_fn write;
	void *data;
};

static struct logring_batch *next_batch(struct logring *r)
{
	struct logring_batch *b;

	pthread_mutex_lock(&r->lock);
	while (!r->first && !r->ending)
		pthread_cond_wait(&r->more, &r->lock);
	b = r->first;
	if (b) {
		r->first = b->next;
		r->last = r->first ? r->last : &r->first;
	}
	pthread_mutex_unlock(&r->lock);
	return b;
}

static void *run(void *data)
{
	struct logring *r = data;
	struct logring_batch *b;

	while ((b = next_batch(r))) {
		r->write(b, r->data);
		pthread_mutex_lock(&r->lock);
		r->bytes -= sizeof(*b) + b->len;
		pthread_mutex_unlock(&r->lock);
		free(b);
	}
	pthread_mutex_lock(&r->lock);
	r->ended = true;
	pthread_cond_signal(&r->done);
	pthread_mutex_unlock(&r->lock);
	return NULL;
}

static int start(struct logring *r)
{
	sigset_t all, before;
	int failed;

	sigfillset(&all);
	(void)pthread_sigmask(SIG_BLOCK, &all, &before); /* signals are for the thread that knows of them */
	failed = pthread_create(&r->thread, NULL, run, r);
	(void)pthread_sigmask(SIG_SETMASK, &before, NULL);
	return -failed;
}

int logring_begin(size_t max, logring_fn write, void *data, struct logring **out)
{
	struct logring *r = calloc(1, sizeof(*r));
	int failed;

	if (!r)
		return -ENOMEM;
	r->max = max;
	r->write = write;
	r->data = data;
	r->last = &r->first;
	pthread_mutex_init(&r->lock, NULL);
	pthread_cond_init(&r->more, NULL);
	pthread_cond_init(&r->done, NULL);
	failed = start(r);
	if (failed < 0) {
		free(r);
		return failed;
	}
	*out = r;
	return 0;
}

/* ---- what comes in ---- */

/* The whole records at data, and how many bytes of them there is room for: a record where nothing waits, whatever its
 * size. */
static size_t measure(const struct logring *r, const char *data, size_t len, bool final, size_t *fits, uint64_t *lost)
{
	size_t done = 0, record;
	bool part;

	*fits = 0;
	*lost = 0;
	while ((record = logrecord_cut(data + done, len - done, final, &part))) {
		done += record;
		if (*lost == 0 && (r->bytes + sizeof(struct logring_batch) + done <= r->max || (r->bytes == 0 && *fits == 0)))
			*fits = done;
		else
			++*lost;
	}
	return done;
}

static void append(struct logring *r, struct logring_batch *b)
{
	b->lost = r->lost;
	r->lost = 0;
	r->bytes += sizeof(*b) + b->len;
	*r->last = b;
	r->last = &b->next;
	pthread_cond_signal(&r->more);
}

static bool add(struct logring *r, const struct logring_batch *how, const char *data, size_t len)
{
	struct logring_batch *b = malloc(sizeof(*b) + len);

	if (!b)
		return false;
	*b = *how;
	b->len = len;
	clock_gettime(CLOCK_REALTIME, &b->time);
	if (len)
		memcpy(b->data, data, len);
	append(r, b);
	return true;
}

size_t logring_put(struct logring *r, enum log_stream stream, const char *data, size_t len, bool more, bool final)
{
	struct logring_batch how = {.stream = stream, .final = final};
	size_t taken, fits;
	uint64_t lost;

	pthread_mutex_lock(&r->lock);
	taken = measure(r, data, len, final, &fits, &lost);
	if (!taken && more) {
		how.part = true;
		taken = len;
		fits = r->bytes == 0 || r->bytes + sizeof(how) + len <= r->max ? len : 0;
		lost = fits ? 0 : 1;
	}
	if (fits && !add(r, &how, data, fits))
		lost++; /* some */
	r->lost += lost;
	pthread_mutex_unlock(&r->lock);
	return taken;
}

/* ---- the end ---- */

bool logring_hurries(const struct logring *r)
{
	return __atomic_load_n(&r->hurry, __ATOMIC_SEQ_CST);
}

/* With the lock. */
static bool await(struct logring *r, int ms)
{
	struct timespec until;

	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += ms / 1000;
	until.tv_nsec += ms % 1000 * 1000000;
	until.tv_sec += until.tv_nsec / 1000000000;
	until.tv_nsec %= 1000000000;
	while (!r->ended && pthread_cond_timedwait(&r->done, &r->lock, &until) == 0)
		;
	return r->ended;
}

bool logring_end(struct logring *r, int timeout_ms)
{
	const struct logring_batch nothing = {.stream = LOG_STDERR};
	bool ended;

	if (!r)
		return true;
	pthread_mutex_lock(&r->lock);
	if (r->lost)
		(void)add(r, &nothing, NULL, 0);
	r->ending = true;
	pthread_cond_signal(&r->more);
	if (!await(r, timeout_ms)) {
		__atomic_store_n(&r->hurry, true, __ATOMIC_SEQ_CST);
		(void)await(r, HURRY_MS);
	}
	ended = r->ended;
	pthread_mutex_unlock(&r->lock);
	if (!ended)
		return false;
	(void)pthread_join(r->thread, NULL);
	free(r);
	return true;
}

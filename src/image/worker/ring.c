#include "image/worker/ring.h"

int ring_init(struct ring *r, struct err *e)
{
	*r = (struct ring){ .lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER };
	r->memory = malloc((size_t)RING_BLOCKS * RING_BLOCK_SIZE);
	return r->memory ? 0 : err_errno(e, -ENOMEM, "buffers");
}

void ring_free(struct ring *r)
{
	free(r->memory);
	r->memory = NULL;
}

static unsigned char *block(struct ring *r, size_t n)
{
	return r->memory + (n % RING_BLOCKS) * RING_BLOCK_SIZE;
}

unsigned char *ring_fill(struct ring *r)
{
	bool stopped;

	(void)pthread_mutex_lock(&r->lock);
	while (!r->stopped && r->filled - r->taken == RING_BLOCKS)
		(void)pthread_cond_wait(&r->changed, &r->lock);
	stopped = r->stopped;
	(void)pthread_mutex_unlock(&r->lock);
	return stopped ? NULL : block(r, r->filled);
}

void ring_filled(struct ring *r, size_t len)
{
	(void)pthread_mutex_lock(&r->lock);
	r->len[r->filled % RING_BLOCKS] = len;
	r->filled++;
	(void)pthread_cond_signal(&r->changed);
	(void)pthread_mutex_unlock(&r->lock);
}

void ring_end(struct ring *r)
{
	(void)pthread_mutex_lock(&r->lock);
	r->ended = true;
	(void)pthread_cond_signal(&r->changed);
	(void)pthread_mutex_unlock(&r->lock);
}

const unsigned char *ring_take(struct ring *r, size_t *len)
{
	const unsigned char *data = NULL;

	(void)pthread_mutex_lock(&r->lock);
	if (r->holding) {
		r->taken++;
		r->holding = false;
		(void)pthread_cond_signal(&r->changed);
	}
	while (!r->ended && r->filled == r->taken)
		(void)pthread_cond_wait(&r->changed, &r->lock);
	*len = 0;
	if (r->filled != r->taken) {
		data = block(r, r->taken);
		*len = r->len[r->taken % RING_BLOCKS];
		r->holding = true;
	}
	(void)pthread_mutex_unlock(&r->lock);
	return data;
}

void ring_stop(struct ring *r)
{
	(void)pthread_mutex_lock(&r->lock);
	r->stopped = true;
	(void)pthread_cond_signal(&r->changed);
	(void)pthread_mutex_unlock(&r->lock);
}

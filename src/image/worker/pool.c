#include "image/worker/pool.h"

#define POOL_STACK (512U << 10)
#define MAX_POOL 4

struct pool {
	struct task *task;
	size_t n;
	pool_fn fn;
	void *data;
	atomic_size_t next;
	pthread_mutex_t lock;
	struct err first; /* the failure that counts */
};

static void *pool_main(void *arg)
{
	struct pool *pool = arg;
	size_t i;

	while ((i = atomic_fetch_add(&pool->next, 1)) < pool->n && !task_cancelled(pool->task)) {
		struct err e = { 0 };

		if (pool->fn(i, pool->data, &e) == 0)
			continue;
		(void)pthread_mutex_lock(&pool->lock);
		if (pool->first.code == 0)
			pool->first = e;
		atomic_store(&pool->task->cancelled, true);
		(void)pthread_mutex_unlock(&pool->lock);
	}
	return NULL;
}

int pool_run(struct task *t, size_t n, pool_fn fn, void *data, struct err *e)
{
	struct pool pool = { .task = t, .n = n, .fn = fn, .data = data, .lock = PTHREAD_MUTEX_INITIALIZER };
	unsigned int want = t->threads < MAX_POOL ? t->threads : MAX_POOL, more = 0;
	pthread_t threads[MAX_POOL];
	pthread_attr_t attr;

	(void)pthread_attr_init(&attr);
	(void)pthread_attr_setstacksize(&attr, POOL_STACK);
	while (more + 1 < want && more + 1 < n && pthread_create(&threads[more], &attr, pool_main, &pool) == 0)
		more++;
	(void)pthread_attr_destroy(&attr);
	(void)pool_main(&pool);
	while (more > 0)
		(void)pthread_join(threads[--more], NULL);
	*e = pool.first;
	return e->code;
}

/* cmd/oci/heap: tare-oci's malloc, under names of its own beside this program's. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

void *heap_malloc(size_t size);
void *heap_calloc(size_t n, size_t size);
void *heap_realloc(void *p, size_t size);
void heap_free(void *p);

#define HEAP_UNDER_TEST
#define malloc heap_malloc
#define calloc heap_calloc
#define realloc heap_realloc
#define free heap_free
#include "cmd/oci/heap.c"
#undef malloc
#undef calloc
#undef realloc
#undef free

#define SLOTS 200

struct slot {
	unsigned char *p;
	size_t size;
	unsigned char fill;
};

static void holds(const struct slot *s)
{
	assert_int_equal((uintptr_t)s->p % 16, 0);
	for (size_t i = 0; i < s->size; i++)
		assert_int_equal(s->p[i], s->fill);
}

static void change(struct slot *s)
{
	size_t size = (size_t)rand() % (rand() % 20 ? 3000 : 300000);
	unsigned char *p;

	if (s->p && rand() % 2) {
		heap_free(s->p);
		*s = (struct slot){ 0 };
		return;
	}
	if (s->p) {
		p = heap_realloc(s->p, size);
		assert_non_null(p);
		for (size_t i = 0; i < s->size && i < size; i++)
			assert_int_equal(p[i], s->fill);
	} else if (rand() % 2) {
		p = heap_calloc(size, 1);
		assert_non_null(p);
		for (size_t i = 0; i < size; i++)
			assert_int_equal(p[i], 0);
	} else {
		p = heap_malloc(size);
		assert_non_null(p);
	}
	*s = (struct slot){ p, size, (unsigned char)rand() };
	memset(p, s->fill, size);
}

static void blocks_keep_what_is_theirs(void **state)
{
	static struct slot slots[SLOTS];

	(void)state;
	srand(1);
	for (int round = 0; round < 20000; round++) {
		struct slot *s = &slots[rand() % SLOTS];

		if (s->p)
			holds(s);
		change(s);
	}
	for (size_t i = 0; i < SLOTS; i++) {
		if (slots[i].p)
			holds(&slots[i]);
		heap_free(slots[i].p);
	}
}

static void what_is_freed_is_used_again(void **state)
{
	void *p = heap_malloc(1000), *q;

	(void)state;
	memset(p, 0xff, 1000);
	heap_free(p);
	q = heap_calloc(10, 100);
	assert_ptr_equal(p, q);
	for (int i = 0; i < 1000; i++)
		assert_int_equal(((unsigned char *)q)[i], 0);
	heap_free(q);
	heap_free(NULL);
	p = heap_realloc(NULL, 10);
	assert_non_null(p);
	heap_free(p);
}

static void too_much_is_refused(void **state)
{
	void *p = heap_malloc(10);

	(void)state;
	assert_null(heap_malloc(SIZE_MAX - 5));
	assert_null(heap_calloc(SIZE_MAX / 2, 3));
	assert_null(heap_realloc(p, SIZE_MAX / 2));
	heap_free(p); /* as it was */
}

static int ends_with(void (*fn)(void))
{
	pid_t pid = fork();
	int status;

	if (pid == 0) {
		signal(SIGABRT, SIG_DFL);
		fn();
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return WIFSIGNALED(status) ? WTERMSIG(status) : 0;
}

static void twice(void)
{
	void *p = heap_malloc(100);

	heap_free(p);
	heap_free(p);
}

static void overwritten(void)
{
	unsigned char *p = heap_malloc(48), *q = heap_malloc(48);

	while (q != p + 64) { /* until they are not used ones any more: then they are neighbours */
		p = q;
		q = heap_malloc(48);
	}
	memset(p, 0x41, 48 + 8);
	heap_free(q);
}

static void damage_ends_the_program(void **state)
{
	(void)state;
	assert_int_equal(ends_with(twice), SIGABRT);
	assert_int_equal(ends_with(overwritten), SIGABRT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(blocks_keep_what_is_theirs),
		cmocka_unit_test(what_is_freed_is_used_again),
		cmocka_unit_test(too_much_is_refused),
		cmocka_unit_test(damage_ends_the_program),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "monitor/logring.h"

/* A log that takes nothing while it is shut; what it took otherwise. */
struct slow {
	pthread_mutex_t shut;
	char text[4096];
	uint64_t lost;
	bool until_hurried;
	struct logring *ring;
};

static void write_slow(const struct logring_batch *b, void *data)
{
	struct slow *s = data;

	while (s->until_hurried && !logring_hurries(s->ring))
		nanosleep(&(struct timespec){0, 1000000}, NULL);
	pthread_mutex_lock(&s->shut);
	s->lost += b->lost;
	strncat(s->text, b->data, b->len);
	if (b->part)
		strcat(s->text, "+");
	pthread_mutex_unlock(&s->shut);
}

static void begin(struct slow *s, size_t max)
{
	memset(s, 0, sizeof(*s));
	pthread_mutex_init(&s->shut, NULL);
	assert_int_equal(logring_begin(max, write_slow, s, &s->ring), 0);
}

static size_t put(struct slow *s, const char *text, bool more, bool final)
{
	return logring_put(s->ring, LOG_STDOUT, text, strlen(text), more, final);
}

static void test_order(void **state)
{
	struct slow s;

	(void)state;
	begin(&s, 1000);
	assert_int_equal(put(&s, "one\ntwo\nthr", false, false), 8);
	assert_int_equal(put(&s, "thr", true, false), 3);
	assert_int_equal(put(&s, "ee\n", false, false), 3);
	assert_int_equal(put(&s, "end", false, false), 0);
	assert_int_equal(put(&s, "end", false, true), 3);
	assert_true(logring_end(s.ring, 5000));
	assert_string_equal(s.text, "one\ntwo\nthr+ee\nend");
	assert_int_equal(s.lost, 0);
}

/* The newest go, line by line, and are counted; what was taken is never waited for. */
static void test_full(void **state)
{
	struct slow s;

	(void)state;
	begin(&s, sizeof(struct logring_batch) + 10);
	pthread_mutex_lock(&s.shut);
	assert_int_equal(put(&s, "1234\n5678\n9\n", false, false), 12);
	assert_int_equal(put(&s, "a\nb\n", false, false), 4);
	assert_int_equal(put(&s, "part", true, false), 4);
	pthread_mutex_unlock(&s.shut);
	assert_true(logring_end(s.ring, 5000));
	assert_string_equal(s.text, "1234\n5678\n");
	assert_int_equal(s.lost, 4);
}

/* As in Docker, whatever its size. */
static void test_one_has_room(void **state)
{
	struct slow s;

	(void)state;
	begin(&s, 3);
	assert_int_equal(put(&s, "longer\nx\n", false, false), 9);
	assert_true(logring_end(s.ring, 5000));
	assert_string_equal(s.text, "longer\n");
	assert_int_equal(s.lost, 1);
}

static void test_end(void **state)
{
	struct slow s;

	(void)state;
	begin(&s, 100);
	s.until_hurried = true;
	assert_int_equal(put(&s, "held\n", false, false), 5);
	assert_true(logring_end(s.ring, 20));
	assert_string_equal(s.text, "held\n");
	assert_true(logring_end(NULL, 20));
	begin(&s, 100);
	pthread_mutex_lock(&s.shut);
	assert_int_equal(put(&s, "stuck\n", false, false), 6);
	assert_false(logring_end(s.ring, 20));
	pthread_mutex_unlock(&s.shut); /* the thread ends alone */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_order),
		cmocka_unit_test(test_full),
		cmocka_unit_test(test_one_has_room),
		cmocka_unit_test(test_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

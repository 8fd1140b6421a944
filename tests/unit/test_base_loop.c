#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/loop.h"

struct seen {
	int count;
	struct loop_source *self, *other;
};

static void on_readable(struct loop *l, int fd, uint32_t events, void *data)
{
	struct seen *s = data;
	char c;

	assert_true(events & EPOLLIN);
	assert_int_equal(read(fd, &c, 1), 1);
	if (++s->count == 3)
		loop_quit(l, 42);
}

static void runs_until_quit(void **state)
{
	CLEANUP_LOOP struct loop *l = NULL;
	struct seen s = { 0 };
	int p[2];

	(void)state;
	assert_int_equal(loop_new(&l), 0);
	assert_int_equal(pipe(p), 0);
	assert_int_equal(loop_add(l, p[0], EPOLLIN, on_readable, &s, NULL), 0);
	assert_int_equal(write(p[1], "abc", 3), 3);
	assert_int_equal(loop_run(l), 42);
	assert_int_equal(s.count, 3);
	close(p[0]);
	close(p[1]);
}

/* Whoever runs first takes both sources out: the other's pending event must find nothing. */
static void remove_both(struct loop *l, int fd, uint32_t events, void *data)
{
	struct seen *s = data;

	(void)fd;
	(void)events;
	s->count++;
	loop_remove(l, s->self);
	loop_remove(l, s->other);
	loop_remove(l, s->other);
}

static void removal_while_running(void **state)
{
	CLEANUP_LOOP struct loop *l = NULL;
	struct seen s = { 0 };
	int p[2], q[2];

	(void)state;
	assert_int_equal(loop_new(&l), 0);
	assert_int_equal(pipe(p), 0);
	assert_int_equal(pipe(q), 0);
	assert_int_equal(loop_add(l, p[0], EPOLLIN, remove_both, &s, &s.self), 0);
	assert_int_equal(loop_add(l, q[0], EPOLLIN, remove_both, &s, &s.other), 0);
	assert_int_equal(write(p[1], "x", 1), 1);
	assert_int_equal(write(q[1], "x", 1), 1);
	assert_true(loop_step(l, 1000) > 0);
	assert_int_equal(loop_step(l, 0), 0);
	assert_int_equal(s.count, 1);
	close(p[0]);
	close(p[1]);
	close(q[0]);
	close(q[1]);
}

static void on_timer(struct loop *l, int fd, uint32_t events, void *data)
{
	(void)fd;
	(void)events;
	++*(int *)data;
	loop_quit(l, 0);
}

static void timers_fire_once(void **state)
{
	CLEANUP_LOOP struct loop *l = NULL;
	struct loop_source *cancelled;
	int fired = 0, never = 0;

	(void)state;
	assert_int_equal(loop_new(&l), 0);
	assert_int_equal(loop_timer(l, 1000000, on_timer, &fired, NULL), 0);
	assert_int_equal(loop_timer(l, 0, on_timer, &never, &cancelled), 0);
	loop_remove(l, cancelled);
	assert_int_equal(loop_run(l), 0);
	assert_int_equal(loop_step(l, 20), 0);
	assert_int_equal(fired, 1);
	assert_int_equal(never, 0);
}

static void a_timer_of_the_past_fires_at_once(void **state)
{
	static const int64_t past[] = { 0, -1, -3500000000LL, INT64_MIN };
	CLEANUP_LOOP struct loop *l = NULL;
	int fired = 0;

	(void)state;
	assert_int_equal(loop_new(&l), 0);
	for (size_t i = 0; i < ARRAY_LEN(past); i++)
		assert_int_equal(loop_timer(l, past[i], on_timer, &fired, NULL), 0);
	for (int i = 0; fired < 4 && i < 100; i++)
		assert_true(loop_step(l, 1000) > 0);
	assert_int_equal(fired, 4);
}

static void a_quit_before_the_run_counts(void **state)
{
	CLEANUP_LOOP struct loop *l = NULL;
	int fired = 0;

	(void)state;
	assert_int_equal(loop_new(&l), 0);
	loop_quit(l, 5);
	assert_int_equal(loop_run(l), 5);
	/* once */
	assert_int_equal(loop_timer(l, 0, on_timer, &fired, NULL), 0);
	assert_int_equal(loop_run(l), 0);
	assert_int_equal(fired, 1);
}

/* Takes itself out and puts a new source with the same descriptor in, which must be heard in the next round. */
static void replace_self(struct loop *l, int fd, uint32_t events, void *data)
{
	struct seen *s = data;

	(void)events;
	loop_remove(l, s->self);
	if (++s->count < 3)
		assert_int_equal(loop_add(l, fd, EPOLLIN, replace_self, s, &s->self), 0);
}

static void a_handler_may_replace_itself(void **state)
{
	CLEANUP_LOOP struct loop *l = NULL;
	struct seen s = { 0 };
	int p[2];

	(void)state;
	assert_int_equal(loop_new(&l), 0);
	assert_int_equal(pipe(p), 0);
	assert_int_equal(loop_add(l, p[0], EPOLLIN, replace_self, &s, &s.self), 0);
	assert_int_equal(loop_add(l, p[0], EPOLLIN, replace_self, &s, NULL), -EEXIST);
	assert_int_equal(write(p[1], "x", 1), 1);
	for (int i = 0; i < 3; i++)
		assert_int_equal(loop_step(l, 1000), 1);
	assert_int_equal(loop_step(l, 0), 0);
	assert_int_equal(s.count, 3);
	close(p[0]);
	close(p[1]);
}

static void interest_can_change(void **state)
{
	CLEANUP_LOOP struct loop *l = NULL;
	struct seen s = { 0 };
	struct loop_source *src;
	int p[2];

	(void)state;
	assert_int_equal(loop_new(&l), 0);
	assert_int_equal(pipe(p), 0);
	assert_int_equal(loop_add(l, p[0], 0, on_readable, &s, &src), 0);
	assert_int_equal(write(p[1], "x", 1), 1);
	assert_int_equal(loop_step(l, 0), 0);
	assert_int_equal(loop_modify(l, src, EPOLLIN), 0);
	assert_int_equal(loop_step(l, 1000), 1);
	assert_int_equal(s.count, 1);
	close(p[0]);
	close(p[1]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(runs_until_quit),
		cmocka_unit_test(removal_while_running),
		cmocka_unit_test(timers_fire_once),
		cmocka_unit_test(a_timer_of_the_past_fires_at_once),
		cmocka_unit_test(a_quit_before_the_run_counts),
		cmocka_unit_test(a_handler_may_replace_itself),
		cmocka_unit_test(interest_can_change),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

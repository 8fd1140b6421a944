/* Lines that many add to and others follow. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/eventlog.h"
#include "base/io.h"

#define WRITERS 4
#define EACH 3000

static char folder[] = "/tmp/tare-eventlog.XXXXXX";
static int dir = -1;

static int setup(void **state)
{
	(void)state;
	memcpy(folder + sizeof(folder) - 7, "XXXXXX", 6);
	if (!mkdtemp(folder))
		return -1;
	dir = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return dir < 0 ? -1 : 0;
}

static int teardown(void **state)
{
	(void)state;
	dir = close_fd(dir);
	return io_remove_tree(AT_FDCWD, folder);
}

static void add(const char *text)
{
	assert_int_equal(eventlog_append(dir, text, strlen(text)), 0);
}

static void expect(struct eventlog *l, const char *want)
{
	const char *line;
	size_t len;

	assert_int_equal(eventlog_next(l, &line, &len), 1);
	assert_int_equal(len, strlen(want));
	assert_memory_equal(line, want, len);
}

static void expect_none(struct eventlog *l)
{
	const char *line;
	size_t len;

	assert_int_equal(eventlog_next(l, &line, &len), 0);
}

static void fill_file(void)
{
	char text[1001];

	memset(text, 'x', sizeof(text) - 2);
	text[sizeof(text) - 2] = '\n';
	text[sizeof(text) - 1] = '\0';
	for (unsigned int i = 0; i < EVENTLOG_MAX / 1000; i++)
		add(text);
}

static void in_their_order(void **state)
{
	CLEANUP_EVENTLOG struct eventlog l = EVENTLOG_INIT;
	struct stat st;

	(void)state;
	add("one\n");
	add("two\nthree\n");
	assert_int_equal(eventlog_open(dir, &l), 0);
	expect(&l, "one");
	expect(&l, "two");
	expect(&l, "three");
	expect_none(&l);
	add("four\n");
	expect(&l, "four");
	expect_none(&l);
	assert_int_equal(fstatat(dir, "events", &st, 0), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
}

static void waits(void **state)
{
	CLEANUP_EVENTLOG struct eventlog l = EVENTLOG_INIT;

	(void)state;
	assert_int_equal(eventlog_open(dir, &l), 0);
	expect_none(&l);
	assert_int_equal(eventlog_wait(&l, 0), 1); /* look once more */
	expect_none(&l);
	assert_int_equal(eventlog_wait(&l, 10), 0);
	add("late\n");
	assert_int_equal(eventlog_wait(&l, 10000), 1);
	expect(&l, "late");
	expect_none(&l);
}

static void goes_on_in_the_next_file(void **state)
{
	CLEANUP_EVENTLOG struct eventlog l = EVENTLOG_INIT, later = EVENTLOG_INIT;
	char long_line[1000];
	const char *line;
	size_t len, n = 0;
	struct stat st;

	(void)state;
	(void)snprintf(long_line, sizeof(long_line), "%0998d\n", 1); /* more than what is left of the first file */
	assert_int_equal(eventlog_open(dir, &l), 0);
	expect_none(&l);
	assert_int_equal(eventlog_wait(&l, 0), 1);
	fill_file();
	add(long_line);
	assert_int_equal(fstatat(dir, "events.1", &st, 0), 0);
	add("then\n");
	assert_int_equal(eventlog_open(dir, &later), 0);
	while (eventlog_next(&l, &line, &len) == 1)
		n++;
	assert_int_equal(n, EVENTLOG_MAX / 1000 + 2);
	assert_false(l.lost);
	n = 0;
	while (eventlog_next(&later, &line, &len) == 1)
		n++;
	assert_int_equal(n, EVENTLOG_MAX / 1000 + 2);
	assert_int_equal(eventlog_wait(&l, 0), 1);
	expect_none(&l);
	add("more\n");
	assert_int_equal(eventlog_wait(&l, 10000), 1);
	expect(&l, "more");
	expect(&later, "more");
}

static void too_slow_is_told(void **state)
{
	CLEANUP_EVENTLOG struct eventlog l = EVENTLOG_INIT;
	const char *line;
	size_t len;
	struct stat st;

	(void)state;
	assert_int_equal(eventlog_open(dir, &l), 0);
	add("first\n");
	for (int i = 0; i < 4; i++)
		fill_file();
	expect(&l, "first");
	while (eventlog_next(&l, &line, &len) == 1)
		;
	assert_true(l.lost);
	/* bounded */
	assert_int_equal(fstatat(dir, "events.1", &st, 0), 0);
	assert_true(st.st_size <= EVENTLOG_MAX);
	assert_int_equal(fstatat(dir, "events.2", &st, 0), -1);
}

/* What a writer left that was killed. */
static void half_a_line_spoils_no_other(void **state)
{
	CLEANUP_EVENTLOG struct eventlog l = EVENTLOG_INIT;
	CLEANUP_FD int fd = -1;

	(void)state;
	add("whole\n");
	fd = openat(dir, "events", O_WRONLY | O_APPEND | O_CLOEXEC);
	assert_int_equal(io_write_full(fd, "ha", 2), 0);
	assert_int_equal(eventlog_open(dir, &l), 0);
	expect(&l, "whole");
	expect_none(&l);
	add("next\n");
	expect(&l, "ha");
	expect(&l, "next");
}

static void without_room_nothing_is_there(void **state)
{
	CLEANUP_EVENTLOG struct eventlog l = EVENTLOG_INIT;
	struct rlimit before, small = { .rlim_cur = 10 };

	(void)state;
	add("here\n");
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
	small.rlim_max = before.rlim_max;
	assert_ptr_not_equal(signal(SIGXFSZ, SIG_IGN), SIG_ERR);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
	assert_int_equal(eventlog_append(dir, "not here\n", 9), -EFBIG);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
	add("there\n");
	assert_int_equal(eventlog_open(dir, &l), 0);
	expect(&l, "here");
	expect(&l, "there");
	expect_none(&l);
}

static void write_many(int who)
{
	for (int i = 0; i < EACH; i++) {
		char line[200];
		int n = snprintf(line, sizeof(line), "%d %d %0150d\n", who, i, 7);

		if (eventlog_append(dir, line, (size_t)n) < 0)
			_exit(1);
	}
	_exit(0);
}

/* As a writer leaves it that finds no room in the middle of a line, which a reader has seen. */
static void what_is_cut_off_hides_nothing(void **state)
{
	CLEANUP_EVENTLOG struct eventlog l = EVENTLOG_INIT;
	CLEANUP_FD int fd = -1;
	struct stat st;

	(void)state;
	add("one\n");
	assert_int_equal(eventlog_open(dir, &l), 0);
	expect(&l, "one");
	fd = openat(dir, "events", O_WRONLY | O_APPEND | O_CLOEXEC);
	assert_int_equal(fstat(fd, &st), 0);
	assert_int_equal(write(fd, "the first half of a l", 21), 21);
	expect_none(&l);
	assert_int_equal(ftruncate(fd, st.st_size), 0);
	expect_none(&l);
	add("two\n");
	expect(&l, "two");
	expect_none(&l);
}

/* Through several files, by several at once: each line once, those of one writer in their order. */
static void nothing_is_lost_or_doubled(void **state)
{
	CLEANUP_EVENTLOG struct eventlog l = EVENTLOG_INIT;
	int next[WRITERS] = { 0 }, ended = 0;

	(void)state;
	assert_int_equal(eventlog_open(dir, &l), 0);
	for (int i = 0; i < WRITERS; i++) {
		pid_t pid = fork();

		assert_true(pid >= 0);
		if (pid == 0)
			write_many(i);
	}
	while (ended < WRITERS) {
		const char *line;
		size_t len;
		int r = eventlog_next(&l, &line, &len), who, number, tail;

		assert_true(r >= 0);
		if (r == 0) {
			assert_int_equal(eventlog_wait(&l, 30000), 1);
			continue;
		}
		assert_int_equal(sscanf(line, "%d %d %d", &who, &number, &tail), 3);
		assert_int_equal(tail, 7);
		assert_in_range(who, 0, WRITERS - 1);
		assert_int_equal(number, next[who]);
		ended += ++next[who] == EACH;
	}
	assert_false(l.lost);
	for (int i = 0, status; i < WRITERS; i++) {
		assert_true(wait(&status) > 0);
		assert_int_equal(status, 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(in_their_order, setup, teardown),
		cmocka_unit_test_setup_teardown(waits, setup, teardown),
		cmocka_unit_test_setup_teardown(goes_on_in_the_next_file, setup, teardown),
		cmocka_unit_test_setup_teardown(too_slow_is_told, setup, teardown),
		cmocka_unit_test_setup_teardown(half_a_line_spoils_no_other, setup, teardown),
		cmocka_unit_test_setup_teardown(without_room_nothing_is_there, setup, teardown),
		cmocka_unit_test_setup_teardown(what_is_cut_off_hides_nothing, setup, teardown),
		cmocka_unit_test_setup_teardown(nothing_is_lost_or_doubled, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/uio.h>
#include <sys/wait.h>

#include "base/io.h"
#include "monitor/stream.h"

/* One stream as a worker has it, and what a successor of that worker would find. */
struct rig {
	char dir[64], path[96];
	int pipe[2], pty, slave, stage[2], bin[2];
	struct loop *loop;
	struct progress *progress;
	struct input input;
	struct attach attach;
	struct logger log;
	struct stream_sink sink;
	struct stream stream;
};

static void start_worker(struct rig *g)
{
	assert_int_equal(loop_new(&g->loop), 0);
	g->input = (struct input)INPUT_INIT;
	g->log = (struct logger)LOGGER_INIT;
	input_init(&g->input, g->loop, -1, false);
	attach_init(&g->attach, g->loop, &g->input, false);
	assert_int_equal(logger_open(&g->log, &(struct description_log){ .driver = LOG_DRIVER_JSON, .path = g->path, .max_file = 1 }, g->progress), 0);
	assert_int_equal(stream_sink_init(&g->sink, &g->log, &g->attach, g->progress), 0);
	g->sink.bin[0] = g->bin[0];
	g->sink.bin[1] = g->bin[1];
	g->stream = (struct stream){ .sink = &g->sink, .source = g->pipe[0], .console = g->pty, .feed = g->pipe[1],
				     .stage = { g->stage[0], g->stage[1] } };
	assert_int_equal(stream_watch(&g->stream, g->loop), 0);
}

/* The worker is gone; pipes, log file and progress page stay. */
static void kill_worker(struct rig *g)
{
	stream_unwatch(&g->stream);
	stream_sink_free(&g->sink);
	attach_free(&g->attach);
	logger_close(&g->log);
	loop_free(g->loop);
}

static int setup(void **state)
{
	struct rig *g = calloc(1, sizeof(*g));

	strcpy(g->dir, "/tmp/tare-unit.XXXXXX");
	if (!mkdtemp(g->dir) || pipe2(g->pipe, O_CLOEXEC | O_NONBLOCK) < 0 || pipe2(g->stage, O_CLOEXEC | O_NONBLOCK) < 0 ||
	    pipe2(g->bin, O_CLOEXEC | O_NONBLOCK) < 0 ||
	    progress_anonymous(&g->progress) < 0)
		return -1;
	snprintf(g->path, sizeof(g->path), "%s/log", g->dir);
	g->pty = g->slave = -1;
	start_worker(g);
	*state = g;
	return 0;
}

static int teardown(void **state)
{
	struct rig *g = *state;
	int r = io_remove_tree(AT_FDCWD, g->dir);

	kill_worker(g);
	for (size_t i = 0; i < 2; i++) {
		close_fd(g->pipe[i]);
		close_fd(g->stage[i]);
		close_fd(g->bin[i]);
	}
	close_fd(g->pty);
	close_fd(g->slave);
	progress_unmap(g->progress);
	free(g);
	return r;
}

static void say(struct rig *g, const char *text)
{
	assert_int_equal(write(g->pipe[1], text, strlen(text)), strlen(text));
}

static void settle(struct rig *g)
{
	while (loop_step(g->loop, 20) > 0)
		;
}

static int waiting(struct rig *g)
{
	int n;

	assert_int_equal(ioctl(g->pipe[0], FIONREAD, &n), 0);
	return n;
}

/* The "log" members of the file one after the other, still escaped. */
static void assert_log(struct rig *g, const char *want)
{
	char *text, *p, got[65536] = "";
	size_t len;

	assert_int_equal(io_read_file(AT_FDCWD, g->path, 1 << 22, &text, &len), 0);
	for (p = text; *p; p = strchr(p, '\n') + 1) {
		char *end = strstr(p, "\",\"stream\"");

		assert_memory_equal(p, "{\"log\":\"", 8);
		assert_non_null(end);
		strncat(got, p + 8, (size_t)(end - p - 8));
	}
	free(text);
	assert_string_equal(got, want);
}

static void lines_are_logged_and_consumed(void **state)
{
	struct rig *g = *state;

	say(g, "one\ntwo\nun");
	settle(g);
	assert_log(g, "one\\ntwo\\n");
	assert_int_equal(waiting(g), 2);
	say(g, "finished\n");
	settle(g);
	assert_log(g, "one\\ntwo\\nunfinished\\n");
	assert_int_equal(waiting(g), 0);
}

static void drain_takes_the_rest(void **state)
{
	struct rig *g = *state;

	say(g, "one\nrest");
	stream_drain(&g->stream);
	assert_log(g, "one\\nrest");
	assert_int_equal(waiting(g), 0);
}

static void a_killed_write_is_done_again(void **state)
{
	struct rig *g = *state;
	int fd;

	say(g, "one\n");
	settle(g);
	/* killed after half of the write */
	say(g, "two\n");
	g->progress->log_offset = g->log.file.size;
	g->progress->log_writing = 1;
	kill_worker(g);
	fd = open(g->path, O_WRONLY | O_APPEND);
	assert_int_equal(write(fd, "{\"log\":\"two\\n\",\"str", 19), 19);
	close(fd);
	start_worker(g);
	settle(g);
	assert_log(g, "one\\ntwo\\n");
	/* killed after the whole write, before its mark was taken away: not twice */
	kill_worker(g);
	g->progress->log_writing = 1;
	start_worker(g);
	say(g, "two\n");
	settle(g);
	assert_log(g, "one\\ntwo\\n");
}

/* Lines that are in the log, and whose worker was killed before it had taken them out of the stream: moved of them it had. */
static void killed_amid_taking(struct rig *g, const char *lines, size_t moved, const char *record)
{
	int fd;

	kill_worker(g);
	say(g, lines);
	fd = open(g->path, O_WRONLY | O_APPEND);
	assert_int_equal(write(fd, record, strlen(record)), strlen(record));
	close(fd);
	g->progress->shown_after = 0;
	g->progress->log_writing = progress_taking(LOG_STDOUT, strlen(lines));
	if (moved)
		assert_int_equal(splice(g->pipe[0], NULL, g->bin[1], NULL, moved, SPLICE_F_NONBLOCK), moved);
	start_worker(g);
}

static void what_is_in_the_log_is_not_there_twice(void **state)
{
	struct rig *g = *state;
	int n;

	say(g, "one\n");
	settle(g);
	killed_amid_taking(g, "two\n", 0, "{\"log\":\"two\\n\",\"stream\":\"stdout\"}\n");
	settle(g);
	assert_log(g, "one\\ntwo\\n");
	/* the same text once more: what is said is not what tells whether it was taken */
	killed_amid_taking(g, "two\n", 4, "{\"log\":\"two\\n\",\"stream\":\"stdout\"}\n");
	say(g, "two\nthree\n");
	settle(g);
	assert_log(g, "one\\ntwo\\ntwo\\ntwo\\nthree\\n");
	assert_int_equal(waiting(g), 0);
	assert_int_equal(ioctl(g->bin[0], FIONREAD, &n), 0);
	assert_int_equal(n, 0);
	/* before the bin was emptied, when the mark was gone */
	kill_worker(g);
	assert_int_equal(write(g->bin[1], "old\n", 4), 4);
	start_worker(g);
	say(g, "four\n");
	settle(g);
	assert_log(g, "one\\ntwo\\ntwo\\ntwo\\nthree\\nfour\\n");
}

static void an_unfinished_line_survives(void **state)
{
	struct rig *g = *state;

	say(g, "half a ");
	settle(g);
	kill_worker(g);
	start_worker(g);
	say(g, "line\n");
	settle(g);
	assert_log(g, "half a line\\n");
}

static void tiny_buffers_do_not_stop_it(void **state)
{
	struct rig *g = *state;
	char want[201] = "", byte = 'x';

	/* a pipe buffer for each byte, more of them than one look can take */
	assert_true(fcntl(g->pipe[1], F_SETPIPE_SZ, 1 << 20) > 0);
	for (int i = 0; i < 200; i++) {
		struct iovec one = { .iov_base = &byte, .iov_len = 1 };

		assert_int_equal(vmsplice(g->pipe[1], &one, 1, 0), 1);
		want[i] = 'x';
	}
	settle(g);
	stream_drain(&g->stream);
	assert_log(g, want);
}

/* One write(2) larger than the room beside an unfinished line gives no edge before its end. */
static void a_blocked_writer(void **state)
{
	static char text[100000];
	struct rig *g = *state;
	int status = -1;
	pid_t pid;

	memset(text, 'w', sizeof(text));
	text[sizeof(text) - 1] = '\n';
	say(g, "unfinished ");
	settle(g);
	pid = fork();
	if (pid == 0) {
		(void)!io_set_nonblock(g->pipe[1], false);
		_exit(write(g->pipe[1], text, sizeof(text)) != (ssize_t)sizeof(text));
	}
	for (int i = 0; i < 500 && waitpid(pid, &status, WNOHANG) == 0; i++)
		(void)loop_step(g->loop, 20);
	if (status != 0) { /* still blocked */
		(void)kill(pid, SIGKILL);
		(void)waitpid(pid, NULL, 0);
	}
	assert_int_equal(status, 0);
	assert_int_equal(io_set_nonblock(g->pipe[1], true), 0);
	settle(g);
	assert_int_equal(waiting(g), 0);
}

static void open_pty(struct rig *g)
{
	char name[64];

	kill_worker(g);
	g->pty = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC | O_NONBLOCK);
	assert_true(g->pty >= 0 && unlockpt(g->pty) == 0 && ptsname_r(g->pty, name, sizeof(name)) == 0);
	g->slave = open(name, O_RDWR | O_NOCTTY | O_CLOEXEC);
	assert_true(g->slave >= 0);
	start_worker(g);
}

static void a_terminal_key_by_key(void **state)
{
	struct rig *g = *state;
	char want[400] = "";

	open_pty(g);
	for (int i = 0; i < 300; i++) {
		assert_int_equal(write(g->slave, "k", 1), 1);
		settle(g);
		want[i] = 'k';
	}
	assert_int_equal(waiting(g), 300);
	assert_int_equal(write(g->slave, "\n", 1), 1);
	settle(g);
	strcat(want, "\\r\\n");
	assert_log(g, want);
}

static void a_terminal_that_hangs_up(void **state)
{
	struct rig *g = *state;

	open_pty(g);
	assert_int_equal(write(g->slave, "last words\nand", 14), 14);
	g->slave = close_fd(g->slave);
	stream_drain(&g->stream);
	assert_log(g, "last words\\r\\nand");
}

/* Killed between stage and pipe: before the write, and after it. */
static void a_killed_feed(void **state)
{
	struct rig *g = *state;

	open_pty(g);
	kill_worker(g);
	assert_int_equal(write(g->stage[1], "one\n", 4), 4);
	g->progress->feeding = 1;
	g->progress->fed_before = 0;
	start_worker(g);
	assert_int_equal(write(g->slave, "x", 1), 1);
	settle(g);
	assert_log(g, "one\\n");
	kill_worker(g);
	assert_int_equal(write(g->stage[1], "two\n", 4), 4);
	g->progress->feeding = 1;
	g->progress->fed_before = (uint32_t)waiting(g);
	say(g, "two\n");
	start_worker(g);
	assert_int_equal(write(g->slave, "y", 1), 1);
	settle(g);
	assert_log(g, "one\\nxtwo\\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(lines_are_logged_and_consumed, setup, teardown),
		cmocka_unit_test_setup_teardown(drain_takes_the_rest, setup, teardown),
		cmocka_unit_test_setup_teardown(a_killed_write_is_done_again, setup, teardown),
		cmocka_unit_test_setup_teardown(what_is_in_the_log_is_not_there_twice, setup, teardown),
		cmocka_unit_test_setup_teardown(an_unfinished_line_survives, setup, teardown),
		cmocka_unit_test_setup_teardown(tiny_buffers_do_not_stop_it, setup, teardown),
		cmocka_unit_test_setup_teardown(a_blocked_writer, setup, teardown),
		cmocka_unit_test_setup_teardown(a_terminal_key_by_key, setup, teardown),
		cmocka_unit_test_setup_teardown(a_terminal_that_hangs_up, setup, teardown),
		cmocka_unit_test_setup_teardown(a_killed_feed, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/io.h"
#include "monitor/attach.h"
#include "sys/sock.h"

#define ALL (FRAME_WANT_STDIN | FRAME_WANT_STDOUT | FRAME_WANT_STDERR)

struct rig {
	struct loop *loop;
	struct input input;
	struct attach attach;
	int stdin_pipe[2], listening, dir;
	char path[64];
	uint32_t behind;
	bool ended;
};

static void note_end(void *data)
{
	struct rig *g = data;

	g->ended = true;
	g->stdin_pipe[1] = close_fd(g->stdin_pipe[1]);
}

static int setup(void **state)
{
	struct rig *g = calloc(1, sizeof(*g));

	strcpy(g->path, "/tmp/tare-unit.XXXXXX");
	if (!mkdtemp(g->path) || pipe2(g->stdin_pipe, O_CLOEXEC | O_NONBLOCK) < 0 || loop_new(&g->loop) < 0)
		return -1;
	g->dir = open(g->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	g->listening = sock_listen(g->dir, ATTACH_SOCKET, SOCK_STREAM | SOCK_NONBLOCK);
	g->input = (struct input)INPUT_INIT;
	input_init(&g->input, g->loop, g->stdin_pipe[1], false);
	g->input.ended = note_end;
	g->input.ended_data = g;
	attach_init(&g->attach, g->loop, &g->input, true);
	*state = g;
	return attach_listen(&g->attach, g->listening);
}

static int teardown(void **state)
{
	struct rig *g = *state;

	attach_free(&g->attach);
	input_free(&g->input);
	loop_free(g->loop);
	close_fd(g->stdin_pipe[0]);
	close_fd(g->stdin_pipe[1]);
	close_fd(g->listening);
	close_fd(g->dir);
	(void)!io_remove_tree(AT_FDCWD, g->path);
	free(g);
	return 0;
}

static void settle(struct rig *g)
{
	while (loop_step(g->loop, 10) > 0)
		;
}

static void tell(int fd, enum frame_type type, const void *data, size_t len)
{
	struct strbuf b = STRBUF_INIT;

	frame_write(&b, type, data, len);
	assert_int_equal(io_write_full(fd, b.s, b.len), 0);
	sb_free(&b);
}

static int join(struct rig *g, unsigned char flags)
{
	int fd = sock_connect(g->dir, ATTACH_SOCKET, SOCK_STREAM);

	assert_true(fd >= 0);
	tell(fd, FRAME_HELLO, &flags, 1);
	settle(g);
	return fd;
}

/* Reads one frame; its type, 0 when the connection has ended, -1 when there is none. */
static int next(int fd, char *payload)
{
	unsigned char header[FRAME_HEADER];
	ssize_t n = recv(fd, header, sizeof(header), MSG_DONTWAIT);
	size_t len;

	if (n <= 0)
		return n == 0 || errno == ECONNRESET ? 0 : -1;
	assert_int_equal(n, FRAME_HEADER);
	len = header[4] | (size_t)header[5] << 8;
	assert_int_equal(recv(fd, payload, len, MSG_DONTWAIT), len);
	payload[len] = '\0';
	return header[0];
}

static void each_gets_what_it_wants(void **state)
{
	struct rig *g = *state;
	int out = join(g, FRAME_WANT_STDOUT), both = join(g, ALL), none = join(g, 0);
	char text[100];

	attach_send(&g->attach, FRAME_STDOUT, "o", 1);
	attach_send(&g->attach, FRAME_STDERR, "e", 1);
	attach_send_exit(&g->attach, -2, true, true);
	assert_int_equal(next(out, text), FRAME_STDOUT);
	assert_int_equal(next(out, text), FRAME_EXIT);
	assert_memory_equal(text, "\xfe\xff\xff\xff\1\1", 6);
	assert_int_equal(next(both, text), FRAME_STDOUT);
	assert_int_equal(next(both, text), FRAME_STDERR);
	assert_string_equal(text, "e");
	assert_int_equal(next(none, text), FRAME_EXIT);
	close(out);
	close(both);
	close(none);
}

static void stdin_in_pieces_and_its_end(void **state)
{
	struct rig *g = *state;
	int fd = join(g, ALL);
	char buf[100];

	assert_int_equal(write(fd, "\2\0\0\0\4", 5), 5);
	settle(g);
	assert_int_equal(write(fd, "\0\0\0wo", 5), 5);
	settle(g);
	assert_int_equal(read(g->stdin_pipe[0], buf, sizeof(buf)), -1);
	assert_int_equal(write(fd, "rd", 2), 2);
	settle(g);
	assert_int_equal(read(g->stdin_pipe[0], buf, sizeof(buf)), 4);
	assert_memory_equal(buf, "word", 4);
	tell(fd, FRAME_STDIN_EOF, NULL, 0);
	settle(g);
	assert_true(g->ended);
	close(fd);
}

static void a_flood_of_input_waits(void **state)
{
	static char chunk[16384], back[65536];
	struct rig *g = *state;
	int fd = join(g, ALL);
	size_t sent = 0, got = 0;
	ssize_t n;

	assert_int_equal(io_set_nonblock(fd, true), 0);
	memset(chunk, 'i', sizeof(chunk));
	for (int i = 0; i < 1000; i++) {
		struct strbuf b = STRBUF_INIT;

		frame_write(&b, FRAME_STDIN, chunk, sizeof(chunk));
		if (send(fd, b.s, b.len, MSG_DONTWAIT) != (ssize_t)b.len) {
			sb_free(&b);
			break;
		}
		sb_free(&b);
		sent += sizeof(chunk);
		settle(g);
	}
	/* pipe + queue + what was parsed when it filled + the socket */
	assert_in_range(sent, 65536, 1 << 20);
	assert_true(g->input.queue.len - g->input.sent <= INPUT_QUEUE + sizeof(chunk));
	while ((n = read(g->stdin_pipe[0], back, sizeof(back))) > 0) {
		got += (size_t)n;
		settle(g);
	}
	assert_int_equal(got, sent);
	close(fd);
}

static void count_release(void *data)
{
	++*(int *)data;
}

/* Sends chunks until the client's queue is full; how many. */
static size_t fill(struct rig *g)
{
	static char chunk[ATTACH_CHUNK];
	size_t n = 0;

	for (; !attach_held(&g->attach) && n < 1000; n++)
		attach_send(&g->attach, FRAME_STDOUT, chunk, sizeof(chunk));
	assert_in_range(n, 2, 999);
	return n;
}

static void a_slow_client_holds_back_and_loses_nothing(void **state)
{
	static char text[65536];
	struct rig *g = *state;
	int slow = join(g, ALL), fast = join(g, ALL), releases = 0;
	size_t n = fill(g), got = 0;

	g->attach.released = count_release;
	g->attach.released_data = &releases;
	for (; got < n; got++) {
		if (next(fast, text) != FRAME_STDOUT)
			break;
		settle(g);
	}
	assert_int_equal(got, n);
	assert_true(attach_held(&g->attach)); /* the fast one has it all */
	for (got = 0; got < n; got++) {
		assert_int_equal(next(slow, text), FRAME_STDOUT);
		settle(g);
	}
	assert_int_equal(releases, 1);
	assert_false(attach_held(&g->attach));
	close(slow);
	close(fast);
}

static void a_client_that_goes_releases(void **state)
{
	struct rig *g = *state;
	int slow = join(g, ALL), releases = 0;

	fill(g);
	g->attach.released = count_release;
	g->attach.released_data = &releases;
	close(slow);
	settle(g);
	assert_int_equal(g->attach.n, 0);
	assert_int_equal(releases, 1);
}

static void a_client_that_takes_nothing_is_dropped(void **state)
{
	struct rig *g = *state;
	int slow = join(g, ALL), releases = 0, pair[2];

	g->attach.stall_ms = 50;
	g->attach.released = count_release;
	g->attach.released_data = &releases;
	fill(g);
	for (int i = 0; i < 100 && g->attach.n; i++)
		assert_true(loop_step(g->loop, 100) >= 0);
	assert_int_equal(g->attach.n, 0);
	assert_int_equal(releases, 1);
	assert_true(g->ended); /* it was the one stdin was for */
	close(slow);
	/* the one the monitor was started with may take its time */
	assert_int_equal(sock_pair(SOCK_STREAM, pair), 0);
	assert_int_equal(attach_first(&g->attach, pair[0], ALL, NULL), 0);
	fill(g);
	assert_int_equal(loop_step(g->loop, 200), 0);
	assert_int_equal(g->attach.n, 1);
	close(pair[1]);
}

/* The last frames are the kernel's to keep: nobody waits, and they can be read when we are gone. */
static void what_was_flushed_can_be_read_later(void **state)
{
	static char text[65536];
	struct rig *g = *state;
	int slow = join(g, ALL);
	size_t n = fill(g);

	attach_send_exit(&g->attach, 3, true, false);
	attach_flush(&g->attach, 0);
	attach_free(&g->attach);
	for (size_t i = 0; i < n; i++)
		assert_int_equal(next(slow, text), FRAME_STDOUT);
	assert_int_equal(next(slow, text), FRAME_EXIT);
	assert_int_equal(next(slow, text), 0);
	close(slow);
}

static void the_first_client_is_known_to_be_behind(void **state)
{
	static char chunk[ATTACH_CHUNK], text[65536];
	struct rig *g = *state;
	int pair[2], n = 0;

	assert_int_equal(sock_pair(SOCK_STREAM, pair), 0);
	assert_int_equal(attach_first(&g->attach, dup(pair[0]), ALL, &g->behind), 0);
	for (; !g->behind && n < 100; n++)
		attach_send(&g->attach, FRAME_STDOUT, chunk, sizeof(chunk));
	assert_true(g->behind && n > 1);
	/* it catches up */
	for (int i = 0; i < n; i++) {
		assert_int_equal(next(pair[1], text), FRAME_STDOUT);
		settle(g);
	}
	assert_false(g->behind);
	/* killed while it is behind: the successor ends the connection, although somebody holds it open */
	g->behind = 1;
	assert_int_equal(attach_first(&g->attach, dup(pair[0]), ALL, &g->behind), 0);
	assert_int_equal(next(pair[1], text), 0);
	assert_false(g->behind);
	close(pair[0]);
	close(pair[1]);
}

static void only_the_first_client_settles(void **state)
{
	struct rig *g = *state;
	char text[100];
	int pair[2], other = join(g, ALL);

	assert_false(attach_await_settled(&g->attach, 5000)); /* nobody wants to */
	assert_int_equal(sock_pair(SOCK_STREAM, pair), 0);
	assert_int_equal(attach_first(&g->attach, pair[0], ALL | FRAME_WANT_SETTLE, &g->behind), 0);
	tell(other, FRAME_SETTLED, NULL, 0);
	assert_false(attach_await_settled(&g->attach, 50)); /* it takes too long */
	assert_int_equal(next(other, text), 0);
	tell(pair[1], FRAME_SETTLED, NULL, 0);
	assert_true(attach_await_settled(&g->attach, 5000));
	close(other);
	close(pair[1]);
}

static void a_settler_that_goes_is_not_waited_for(void **state)
{
	struct rig *g = *state;
	int pair[2];

	assert_int_equal(sock_pair(SOCK_STREAM, pair), 0);
	assert_int_equal(attach_first(&g->attach, pair[0], ALL | FRAME_WANT_SETTLE, &g->behind), 0);
	close(pair[1]);
	assert_false(attach_await_settled(&g->attach, 60000));
}

static void nonsense_is_dropped(void **state)
{
	static const struct {
		size_t len;
		const char *bytes;
	} rows[] = {
		{ 8, "\0\0\0\0\0\0\0\0" },     { 8, "\1\1\0\0\1\0\0\0" },	{ 9, "\1\0\0\0\1\0\0\0\x08" },
		{ 8, "\1\0\0\0\0\0\0\0" },     { 8, "\3\0\0\0\0\0\0\0" },	{ 12, "\4\0\0\0\4\0\0\0\1\1\1\1" },
		{ 8, "\2\0\0\0\1\0\1\0" },     { 8, "\x45\0\0\0\0\0\0\0" },	{ 17, "\1\0\0\0\1\0\0\0\2\2\0\0\0\0\0\0\0" },
		{ 17, "\1\0\0\0\1\0\0\0\7\4\1\0\0\0\0\0\0" }, { 18, "\1\0\0\0\1\0\0\0\7\4\0\0\0\1\0\0\0\1" },
	};
	struct rig *g = *state;
	char text[100];

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		int fd = sock_connect(g->dir, ATTACH_SOCKET, SOCK_STREAM);

		assert_int_equal(write(fd, rows[i].bytes, rows[i].len), rows[i].len);
		settle(g);
		assert_int_equal(g->attach.n, 0);
		assert_int_equal(next(fd, text), 0);
		close(fd);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(each_gets_what_it_wants, setup, teardown),
		cmocka_unit_test_setup_teardown(stdin_in_pieces_and_its_end, setup, teardown),
		cmocka_unit_test_setup_teardown(a_flood_of_input_waits, setup, teardown),
		cmocka_unit_test_setup_teardown(a_slow_client_holds_back_and_loses_nothing, setup, teardown),
		cmocka_unit_test_setup_teardown(a_client_that_goes_releases, setup, teardown),
		cmocka_unit_test_setup_teardown(a_client_that_takes_nothing_is_dropped, setup, teardown),
		cmocka_unit_test_setup_teardown(what_was_flushed_can_be_read_later, setup, teardown),
		cmocka_unit_test_setup_teardown(the_first_client_is_known_to_be_behind, setup, teardown),
		cmocka_unit_test_setup_teardown(only_the_first_client_settles, setup, teardown),
		cmocka_unit_test_setup_teardown(a_settler_that_goes_is_not_waited_for, setup, teardown),
		cmocka_unit_test_setup_teardown(nonsense_is_dropped, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

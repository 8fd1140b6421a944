#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "api/docker/relay.h"
#include "api/docker/websocket.h"
#include "base/io.h"
#include "sys/spawn.h"
#include "wire/frame.h"

/* ---- websockets ---- */

static void accept_key(void **state)
{
	char out[WEBSOCKET_ACCEPT_LEN];
	char longest[65];

	(void)state;
	assert_int_equal(websocket_accept("dGhlIHNhbXBsZSBub25jZQ==", out), 0); /* RFC 6455, 1.3 */
	assert_string_equal(out, "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
	memset(longest, 'a', 64);
	longest[64] = '\0';
	assert_int_equal(websocket_accept(longest, out), 0); /* two blocks: sha1sum and base64 say the same */
	assert_string_equal(out, "jGdebzmm20QI0DmM5dGETWg7dwQ=");
	assert_true(websocket_accept("", out) < 0);
}

static size_t masked(unsigned char *out, unsigned int first, const char *text, size_t len)
{
	static const unsigned char mask[] = { 0x37, 0xfa, 0x21, 0x3d };
	size_t n = 0;

	out[n++] = (unsigned char)first;
	out[n++] = (unsigned char)(0x80 | (len < 126 ? len : 126));
	if (len >= 126) {
		out[n++] = (unsigned char)(len >> 8);
		out[n++] = (unsigned char)len;
	}
	memcpy(out + n, mask, sizeof(mask));
	n += sizeof(mask);
	for (size_t i = 0; i < len; i++)
		out[n++] = (unsigned char)text[i] ^ mask[i % 4];
	return n;
}

static void feed_bytes(void **state)
{
	struct websocket w = { 0 };
	struct strbuf answer = STRBUF_INIT;
	unsigned char bytes[1000];
	char long_text[300], out[1000];
	bool closes = false;
	size_t n;

	(void)state;
	memset(long_text, 'x', sizeof(long_text));
	n = masked(bytes, 0x82, "Hello", 5);
	n += masked(bytes + n, 0x89, "ping", 4);
	n += masked(bytes + n, 0x02, long_text, sizeof(long_text)); /* in two parts */
	n += masked(bytes + n, 0x80, "end", 3);
	n += masked(bytes + n, 0x88, "", 0);
	for (size_t i = 0; i < n; i++) {
		assert_false(closes);
		assert_int_equal(websocket_feed(&w, bytes + i, 1, &answer, &closes), 0);
	}
	assert_true(closes);
	assert_int_equal(websocket_take(&w, out, 3), 3);
	assert_memory_equal(out, "Hel", 3);
	assert_int_equal(websocket_take(&w, out, sizeof(out)), 2 + sizeof(long_text) + 3);
	assert_memory_equal(out, "lox", 3);
	assert_int_equal(websocket_take(&w, out, sizeof(out)), 0);
	assert_int_equal(answer.len, 6);
	assert_memory_equal(answer.s, "\x8a\x04ping", 6);
	websocket_end(&w);
	sb_free(&answer);
}

static void bad_frames(void **state)
{
	static const char *const bad[] = { "\x82\x05Hello", "\xc2\x85" "aaaaHello", "\x83\x80" "aaaa", "\x82\xff\x7f\xff\xff\xff\xff\xff\xff\xff" "aaaa",
					   /* a ping that is long, one in parts */
					   "\x89\xfe\x00\x7e" "aaaa", "\x09\x80" "aaaa" };
	static const size_t len[] = { 7, 11, 6, 14, 8, 6 };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		struct websocket w = { 0 };
		struct strbuf answer = STRBUF_INIT;
		bool closes = false;

		assert_true(websocket_feed(&w, bad[i], len[i], &answer, &closes) < 0);
		websocket_end(&w);
		sb_free(&answer);
	}
}

static void written(void **state)
{
	struct strbuf out = STRBUF_INIT;
	static char large[70000];

	(void)state;
	websocket_write(&out, WEBSOCKET_BINARY, large, 125);
	websocket_write(&out, WEBSOCKET_BINARY, large, 126);
	websocket_write(&out, WEBSOCKET_BINARY, large, sizeof(large));
	assert_int_equal(out.len, 2 + 125 + 4 + 126 + 10 + sizeof(large));
	assert_memory_equal(out.s, "\x82\x7d", 2);
	assert_memory_equal(out.s + 127, "\x82\x7e\x00\x7e", 4);
	assert_memory_equal(out.s + 127 + 130, "\x82\x7f\x00\x00\x00\x00\x00\x01\x11\x70", 10);
	sb_free(&out);
}

/* ---- relays ---- */

#define MUCH 2000000

/* A monitor that takes input to its end, says much on both streams and how long the input was, and ends with 7. */
static void be_monitor(int fd)
{
	struct strbuf in = STRBUF_INIT, out = STRBUF_INIT;
	static char block[16000];
	uint32_t got = 0;
	bool over = false;

	while (!over) {
		char buf[4096];
		struct frame f;
		size_t at = 0;
		int used;
		ssize_t n = read(fd, buf, sizeof(buf));

		assert_true(n > 0);
		sb_add(&in, buf, (size_t)n);
		while ((used = frame_parse(in.s + at, in.len - at, &f)) > 0) {
			got += f.type == FRAME_STDIN ? (uint32_t)f.len : 0;
			over |= f.type == FRAME_STDIN_EOF;
			at += (size_t)used;
		}
		memmove(in.s, in.s + at, in.len - at);
		in.len -= at;
	}
	for (size_t i = 0; i < MUCH; i += sizeof(block)) {
		sb_reset(&out);
		frame_write(&out, i / sizeof(block) % 2 ? FRAME_STDERR : FRAME_STDOUT, block, sizeof(block));
		assert_int_equal(io_write_full(fd, out.s, out.len), 0);
	}
	sb_reset(&out);
	frame_write(&out, FRAME_STDOUT, &got, sizeof(got));
	frame_write(&out, FRAME_EXIT, "\x07\0\0\0\x01\0", 6);
	assert_int_equal(io_write_full(fd, out.s, out.len), 0);
	_exit(0);
}

/* A client that sends before it reads, reads late, and counts. */
static void be_client(int fd)
{
	static char block[5000];
	unsigned char h[RELAY_HEADER];
	uint64_t sum[3] = { 0 };
	uint32_t told = 0;

	for (int i = 0; i < 100; i++)
		assert_int_equal(io_write_full(fd, block, sizeof(block)), 0);
	assert_int_equal(shutdown(fd, SHUT_WR), 0);
	usleep(100000);
	while (io_read_full(fd, h, sizeof(h)) == sizeof(h)) {
		static char data[FRAME_MAX_PAYLOAD];
		size_t len = (size_t)h[4] << 24 | (size_t)h[5] << 16 | (size_t)h[6] << 8 | h[7];

		assert_true(h[0] == RELAY_STDOUT || h[0] == RELAY_STDERR);
		assert_true(len <= sizeof(data));
		assert_int_equal(io_read_full(fd, data, len), len);
		sum[h[0]] += len;
		if (len == sizeof(told))
			memcpy(&told, data, len);
	}
	_exit(sum[1] + sum[2] == MUCH + sizeof(told) && told == 100 * sizeof(block) ? 0 : 1);
}

static pid_t child(void (*what)(int), int pair[2])
{
	pid_t pid;

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
	pid = spawn_fork(NULL);
	assert_true(pid >= 0);
	if (pid == 0) {
		close(pair[0]);
		what(pair[1]);
	}
	close(pair[1]);
	return pid;
}

static void relayed(void **state)
{
	int client[2], monitor[2], status;
	pid_t c = child(be_client, client), m = child(be_monitor, monitor);
	struct relay r = { .client = client[0], .monitor = monitor[0], .framed = true, .input = true };
	enum relay_end end;
	struct err e = { 0 };

	(void)state;
	assert_int_equal(relay_run(&r, &end, &e), 0);
	assert_int_equal(end, RELAY_ENDED);
	assert_true(r.ended);
	assert_int_equal(r.code, 7);
	close(client[0]);
	close(monitor[0]);
	assert_int_equal(waitpid(c, &status, 0), c);
	assert_int_equal(status, 0);
	assert_int_equal(waitpid(m, &status, 0), m);
	assert_int_equal(status, 0);
}

#define PING 125U
#define PING_FRAME (2U + 4U + PING)

/* Nobody reads what it is answered, and nothing more is read of it then: there is never more in memory than a few reads. */
static void pinged(void **state)
{
	static unsigned char pings[100 * PING_FRAME];
	static char payload[PING], buf[4096];
	int client[2], monitor[2], status;
	size_t sent = 0, got = 0;
	ssize_t n;
	pid_t pid;

	(void)state;
	for (size_t i = 0; i < sizeof(pings); i += PING_FRAME)
		assert_int_equal(masked(pings + i, 0x89, payload, PING), PING_FRAME);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, client), 0);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, monitor), 0);
	pid = spawn_fork(NULL);
	assert_true(pid >= 0);
	if (pid == 0) {
		struct relay r = { .client = client[0], .monitor = monitor[0], .websocket = true, .input = true };
		enum relay_end end;
		struct err e = { 0 };

		close(client[1]);
		_exit(relay_run(&r, &end, &e) == 0 && end == RELAY_GONE ? 0 : 1);
	}
	close(client[0]);
	for (struct pollfd p = { .fd = client[1], .events = POLLOUT }; sent < 64U << 20 && poll(&p, 1, 1000) > 0; sent += (size_t)n) {
		n = send(client[1], pings + sent % sizeof(pings), sizeof(pings) - sent % sizeof(pings), MSG_DONTWAIT);
		assert_true(n > 0);
	}
	assert_true(sent < 8U << 20);
	while (got < sent / PING_FRAME * (2 + PING)) {
		n = recv(client[1], buf, sizeof(buf), 0);
		assert_true(n > 0);
		got += (size_t)n;
	}
	close(client[1]);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	close(monitor[0]);
	close(monitor[1]);
}

/* A client that goes ends it, though the command says nothing. */
static void gone(void **state)
{
	int client[2], monitor[2];
	struct relay r = { 0 };
	enum relay_end end;
	struct err e = { 0 };

	(void)state;
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, client), 0);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, monitor), 0);
	r.client = client[0];
	r.monitor = monitor[0];
	close(client[1]);
	assert_int_equal(relay_run(&r, &end, &e), 0);
	assert_int_equal(end, RELAY_GONE);
	close(client[0]);
	close(monitor[0]);
	close(monitor[1]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(accept_key), cmocka_unit_test(feed_bytes), cmocka_unit_test(bad_frames), cmocka_unit_test(written),
		cmocka_unit_test(relayed),    cmocka_unit_test(gone),       cmocka_unit_test(pinged),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

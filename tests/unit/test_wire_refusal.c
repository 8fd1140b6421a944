#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <string.h>

#include "wire/refusal.h"

#define PREFACE "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
#define BYTES(text) text, sizeof(text) - 1

static const char settings[] = "\0\0\0\4\0\0\0\0\0";

static void begin(struct refusal *r, struct strbuf *out)
{
	refusal_begin(r, "not here", out);
	assert_int_equal(out->len, 9);
	assert_memory_equal(out->s, settings, 9);
	sb_reset(out);
	assert_int_equal(refusal_feed(r, BYTES(PREFACE), out), 1);
	assert_int_equal(out->len, 0);
}

static void calls(void **state)
{
	static const char call[] = "\0\0\2\1\4\0\0\0\7xx", answer[] = "\0\0\x47\1\5\0\0\0\7\x88"
		"\0\x0c" "content-type\x10" "application/grpc" "\0\x0b" "grpc-status\2" "12" "\0\x0c" "grpc-message\x08" "not here";
	CLEANUP_STRBUF struct strbuf out = STRBUF_INIT;
	struct refusal r;

	(void)state;
	begin(&r, &out);
	assert_int_equal(refusal_feed(&r, BYTES(call), &out), 1);
	assert_int_equal(out.len, sizeof(answer) - 1);
	assert_memory_equal(out.s, answer, out.len);
	assert_int_equal((unsigned char)out.s[2], out.len - 9);
	assert_int_equal(r.calls, 1);
	/* headers in two frames: one call */
	sb_reset(&out);
	assert_int_equal(refusal_feed(&r, BYTES("\0\0\1\1\0\0\0\0\x9x"), &out), 1);
	assert_int_equal(out.len, 0);
	assert_int_equal(refusal_feed(&r, BYTES("\0\0\1\x9\4\0\0\0\x9x"), &out), 1);
	assert_int_equal(r.calls, 2);
}

static void rest(void **state)
{
	CLEANUP_STRBUF struct strbuf out = STRBUF_INIT;
	struct refusal r;

	(void)state;
	begin(&r, &out);
	assert_int_equal(refusal_feed(&r, BYTES("\0\0\0\4\0\0\0\0\0" "\0\0\0\4\1\0\0\0\0"), &out), 1);
	assert_int_equal(out.len, 9);
	assert_memory_equal(out.s, "\0\0\0\4\1\0\0\0\0", 9);
	sb_reset(&out);
	assert_int_equal(refusal_feed(&r, BYTES("\0\0\x8\6\0\0\0\0\0" "12345678"), &out), 1);
	assert_memory_equal(out.s, "\0\0\x8\6\1\0\0\0\0" "12345678", 17);
	sb_reset(&out);
	assert_int_equal(refusal_feed(&r, BYTES("\0\0\3\0\1\0\0\0\1abc"), &out), 1);
	assert_memory_equal(out.s, "\0\0\4\x8\0\0\0\0\0\0\0\0\3", 13);
	assert_int_equal(refusal_feed(&r, BYTES("\0\0\0\7\0\0\0\0\0"), &out), 0);
}

static void damaged(void **state)
{
	static const struct {
		const char *bytes;
		size_t len;
	} rows[] = {
		{ BYTES("\0\x40\1\0\0\0\0\0\1") },      /* too large */
		{ BYTES("\0\0\1\6\0\0\0\0\0x") },       /* a ping of one byte */
		{ BYTES("\0\0\1\1\4\0\0\0\0x") },       /* headers of no call */
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		CLEANUP_STRBUF struct strbuf out = STRBUF_INIT;
		struct refusal r;

		begin(&r, &out);
		assert_int_equal(refusal_feed(&r, rows[i].bytes, rows[i].len, &out), -EBADMSG);
	}
	CLEANUP_STRBUF struct strbuf out = STRBUF_INIT;
	struct refusal r;

	refusal_begin(&r, "no", &out);
	assert_int_equal(refusal_feed(&r, BYTES("GET / HTTP/1.1"), &out), -EBADMSG);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(calls), cmocka_unit_test(rest), cmocka_unit_test(damaged) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}

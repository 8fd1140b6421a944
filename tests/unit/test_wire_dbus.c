#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "wire/dbus.h"

/* wire/dbus: what is written is what the specification's examples and dbus-daemon have; what is read is never trusted. */

static const struct dbus_call call_all = { .destination = "a.b", .path = "/p", .interface = "i.f", .member = "M",
					   .signature = "ybnqiuxtdsa(sv)a{su}ay" };

static void put_all(struct dbus_writer *w)
{
	dbus_put_byte(w, 1);
	dbus_put_bool(w, true);
	dbus_put_i16(w, -2);
	dbus_put_u16(w, 3);
	dbus_put_i32(w, -4);
	dbus_put_u32(w, 5);
	dbus_put_i64(w, -6);
	dbus_put_u64(w, 7);
	dbus_put_double(w, 0.5);
	dbus_put_string(w, "text");
	dbus_open(w, 'a');
	for (int i = 0; i < 2; i++) {
		dbus_open(w, '(');
		dbus_put_string(w, "Name");
		dbus_open_variant(w, i ? "au" : "t");
		if (i) {
			dbus_open(w, 'a');
			dbus_put_u32(w, 8);
			dbus_put_u32(w, 9);
			dbus_close(w);
		} else {
			dbus_put_u64(w, 10);
		}
		dbus_close(w);
		dbus_close(w);
	}
	dbus_close(w);
	dbus_open(w, 'a');
	dbus_open(w, '{');
	dbus_put_string(w, "key");
	dbus_put_u32(w, 11);
	dbus_close(w);
	dbus_close(w);
	dbus_open(w, 'a');
	dbus_close(w);
}

static void round_trip(void **state)
{
	CLEANUP_STRBUF struct strbuf out = STRBUF_INIT;
	struct dbus_writer w;
	struct dbus_message m;
	struct dbus_reader r;
	const char *s;
	uint32_t u;

	(void)state;
	sb_puts(&out, "junk!"); /* alignment counts from the message */
	dbus_call_begin(&w, &out, 77, &call_all);
	put_all(&w);
	assert_int_equal(dbus_call_end(&w), 0);
	for (size_t len = 0; len < out.len - 5; len++)
		assert_int_equal(dbus_parse(out.s + 5, len, &m), 0);
	assert_int_equal(dbus_parse(out.s + 5, out.len - 5, &m), out.len - 5);
	assert_int_equal(m.type, DBUS_CALL);
	assert_int_equal(m.serial, 77);
	assert_string_equal(m.path, "/p");
	assert_string_equal(m.interface, "i.f");
	assert_string_equal(m.member, "M");
	assert_string_equal(m.destination, "a.b");
	assert_string_equal(m.signature, call_all.signature);
	dbus_read_begin(&r, &m);
	assert_int_equal(dbus_read_u32(&r, &u), -EBADMSG); /* y is next */
	for (int i = 0; i < 5; i++)
		assert_int_equal(dbus_read_skip(&r), 0);
	assert_int_equal(dbus_read_u32(&r, &u), 0);
	assert_int_equal(u, 5);
	for (int i = 0; i < 3; i++)
		assert_int_equal(dbus_read_skip(&r), 0);
	assert_int_equal(dbus_read_string(&r, 'o', &s), -EBADMSG);
	assert_int_equal(dbus_read_string(&r, 's', &s), 0);
	assert_string_equal(s, "text");
	for (int i = 0; i < 3; i++)
		assert_int_equal(dbus_read_skip(&r), 0);
	assert_int_equal(dbus_read_skip(&r), -EBADMSG);
}

/* The bytes of a message with one argument, written by hand after the specification. */
static void exact_bytes(void **state)
{
	static const unsigned char want[] = {
		'l', 1, 2, 1, /* call, NO_AUTO_START, version */ 4, 0, 0, 0, /* body */ 1, 0, 0, 0, /* serial */
		39, 0, 0, 0, /* length of the fields, without the padding behind them */
		1, 1, 'o', 0, 2, 0, 0, 0, '/', 'p', 0, 0, 0, 0, 0, 0,
		3, 1, 's', 0, 1, 0, 0, 0, 'M', 0, 0, 0, 0, 0, 0, 0,
		8, 1, 'g', 0, 1, 'u', 0, 0,
		1, 2, 3, 4,
	};
	static const struct dbus_call call = { .path = "/p", .member = "M", .signature = "u", .flags = DBUS_NO_AUTO_START };
	CLEANUP_STRBUF struct strbuf out = STRBUF_INIT;
	struct dbus_writer w;

	(void)state;
	dbus_call_begin(&w, &out, 1, &call);
	dbus_put_u32(&w, 0x04030201);
	assert_int_equal(dbus_call_end(&w), 0);
	assert_int_equal(out.len, sizeof(want));
	assert_memory_equal(out.s, want, sizeof(want));
}

static void out_of_step(void **state)
{
	static const struct dbus_call calls[] = {
		{ .path = "/p", .member = "M", .signature = "u" },	 /* a string is put */
		{ .path = "/p", .member = "M", .signature = "ss" },	 /* one is missing */
		{ .path = "/p", .member = "M", .signature = NULL },	 /* none is wanted */
		{ .path = "/p", .member = "M", .signature = "a(s" },	 /* no signature */
		{ .path = "/p", .member = "M", .signature = "{ss}" },	 /* an entry outside of an array */
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(calls); i++) {
		CLEANUP_STRBUF struct strbuf out = STRBUF_INIT;
		struct dbus_writer w;

		sb_puts(&out, "before");
		dbus_call_begin(&w, &out, 1, &calls[i]);
		dbus_put_string(&w, "x");
		assert_int_equal(dbus_call_end(&w), -EINVAL);
		assert_int_equal(out.len, 6);
	}
}

static void open_containers(void **state)
{
	static const struct dbus_call call = { .path = "/p", .member = "M", .signature = "a(su)" };
	CLEANUP_STRBUF struct strbuf out = STRBUF_INIT;
	struct dbus_writer w;

	(void)state;
	dbus_call_begin(&w, &out, 1, &call);
	dbus_open(&w, 'a');
	assert_int_equal(dbus_call_end(&w), -EINVAL);
	dbus_call_begin(&w, &out, 1, &call);
	dbus_open(&w, 'a');
	dbus_open(&w, '(');
	dbus_put_string(&w, "half full");
	dbus_close(&w);
	dbus_close(&w);
	assert_int_equal(dbus_call_end(&w), -EINVAL);
	dbus_call_begin(&w, &out, 1, &call);
	dbus_close(&w);
	assert_int_equal(dbus_call_end(&w), -EINVAL);
}

static void signatures(void **state)
{
	static const struct {
		const char *sig;
		size_t first;
	} rows[] = {
		{ "s", 1 },	 { "as", 2 },	  { "a(sv)s", 5 }, { "a{sv}", 5 }, { "(s(ii))", 7 }, { "", 0 },
		{ "a", 0 },	 { "(", 0 },	  { "()", 0 },	   { "(s", 0 },	   { "a{vs}", 0 },  { "a{s}", 0 },
		{ "a{sss}", 0 }, { "z", 0 },	  { ")", 0 },	   { "({ss})", 0 },
		{ "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaas", 0 }, { "((((((((((((((((((((s))))))))))))))))))))", 0 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		assert_int_equal(dbus_type_length(rows[i].sig, strlen(rows[i].sig)), rows[i].first);
}

/* Every single byte of a good message set to every value: never a crash, and what is accepted is consistent. */
static void mangled(void **state)
{
	CLEANUP_STRBUF struct strbuf out = STRBUF_INIT;
	struct dbus_writer w;
	struct dbus_message m;

	(void)state;
	dbus_call_begin(&w, &out, 77, &call_all);
	put_all(&w);
	assert_int_equal(dbus_call_end(&w), 0);
	for (size_t at = 0; at < out.len; at++) {
		for (int v = 0; v < 256; v++) {
			char saved = out.s[at];
			int n;

			out.s[at] = (char)v;
			n = dbus_parse(out.s, out.len, &m);
			assert_true(n == (int)out.len || n == 0 || n == -EBADMSG || n == -EMSGSIZE || n < (int)out.len);
			out.s[at] = saved;
		}
	}
}

static void hostile(void **state)
{
	struct dbus_message m;

	(void)state;
	assert_int_equal(dbus_parse("B", 1, &m), -EBADMSG);
	assert_int_equal(dbus_parse("l\1\0\1\0\0\0\0\0\0\0\0\0\0\0\0", 16, &m), -EBADMSG); /* serial 0 */
	assert_int_equal(dbus_parse("l\1\0\2\0\0\0\0\1\0\0\0\0\0\0\0", 16, &m), -EBADMSG); /* version */
	assert_int_equal(dbus_parse("l\1\0\1\0\0\0\0\1\0\0\0\0\0\0\0", 16, &m), -EBADMSG); /* no path */
	assert_int_equal(dbus_parse("l\1\0\1\377\377\377\377\1\0\0\0\0\0\0\0", 16, &m), -EMSGSIZE);
	assert_int_equal(dbus_parse("l\1\0\1\0\0\0\0\1\0\0\0\377\377\377\377", 16, &m), -EMSGSIZE);
	assert_int_equal(dbus_parse("l\11\0\1\0\0\0\0\1\0\0\0\0\0\0\0", 16, &m), 16); /* a type of the future */
}

static void handshake(void **state)
{
	CLEANUP_STRBUF struct strbuf out = STRBUF_INIT;
	char long_line[600];

	(void)state;
	dbus_auth_write(&out, 1000);
	assert_int_equal(out.len, 32);
	assert_memory_equal(out.s, "\0AUTH EXTERNAL 31303030\r\nBEGIN\r\n", 32);
	assert_int_equal(dbus_auth_parse("OK 1234\r\nl\1", 11), 9);
	assert_int_equal(dbus_auth_parse("OK 1234\r", 8), 0);
	assert_int_equal(dbus_auth_parse("REJECTED EXTERNAL\r\n", 19), -EACCES);
	assert_int_equal(dbus_auth_parse("ERROR\r\n", 7), -EACCES);
	assert_int_equal(dbus_auth_parse("HELLO\r\n", 7), -EBADMSG);
	assert_int_equal(dbus_auth_parse("\r\n", 2), -EBADMSG);
	memset(long_line, 'O', sizeof(long_line));
	assert_int_equal(dbus_auth_parse(long_line, sizeof(long_line)), -EBADMSG);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(round_trip), cmocka_unit_test(exact_bytes),	cmocka_unit_test(out_of_step),
		cmocka_unit_test(open_containers), cmocka_unit_test(signatures), cmocka_unit_test(mangled),
		cmocka_unit_test(hostile),    cmocka_unit_test(handshake),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

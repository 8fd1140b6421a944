#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "wire/criu.h"
#include "wire/protobuf.h"

/* wire/protobuf and wire/criu: bytes as protoc's own encoder makes them of CRIU's rpc.proto; answers are never trusted. */

static void assert_bytes(const struct strbuf *b, const char *bytes, size_t len)
{
	assert_int_equal(sb_error(b), 0);
	assert_int_equal(b->len, len);
	assert_memory_equal(b->s, bytes, len);
}
#define ASSERT_BYTES(b, literal) assert_bytes(b, literal, sizeof(literal) - 1)

static void test_numbers(void **state)
{
	CLEANUP_STRBUF struct strbuf b = STRBUF_INIT;

	(void)state;
	pb_put_u64(&b, 1, 0);
	pb_put_u64(&b, 1, 127);
	pb_put_u64(&b, 16, 128);
	pb_put_u64(&b, 1, 300);
	/* what a negative int32 costs */
	pb_put_i32(&b, 2, -1);
	pb_put_str(&b, 3, "ab");
	ASSERT_BYTES(&b, "\x08\x00"
			 "\x08\x7f"
			 "\x80\x01\x80\x01"
			 "\x08\xac\x02"
			 "\x10\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"
			 "\x1a\x02"
			 "ab");
}

static void test_fields_are_read_back(void **state)
{
	static const unsigned char bytes[] = "\x08\xac\x02"
					     "\x11\x08\x07\x06\x05\x04\x03\x02\x01"
					     "\x1d\x04\x03\x02\x01"
					     "\x22\x03xyz";
	struct pb_reader r = { bytes, bytes + sizeof(bytes) - 1 };
	struct pb_field f;
	char small[3];

	(void)state;
	assert_int_equal(pb_next(&r, &f), 1);
	assert_int_equal(f.number, 1);
	assert_int_equal(f.value, 300);
	assert_int_equal(pb_next(&r, &f), 1);
	assert_int_equal(f.type, PB_FIXED64);
	assert_int_equal(f.value, 0x0102030405060708);
	assert_int_equal(pb_next(&r, &f), 1);
	assert_int_equal(f.value, 0x01020304);
	assert_int_equal(pb_next(&r, &f), 1);
	assert_int_equal(f.len, 3);
	pb_copy_str(&f, small, sizeof(small));
	assert_string_equal(small, "xy");
	assert_int_equal(pb_next(&r, &f), 0);
}

static void test_bad_bytes(void **state)
{
	static const struct {
		const char *bytes;
		size_t len;
	} bad[] = {
		{ "\x08", 1 },						/* no value */
		{ "\x08\x80", 2 },					/* an unfinished one */
		{ "\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02", 11 }, /* more than 64 bits */
		{ "\x08\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x00", 12 },
		{ "\x00\x00", 2 },				    /* field 0 */
		{ "\x80\x80\x80\x80\x80\x01\x00", 7 },		    /* field 2^32 */
		{ "\x0b", 1 },					    /* a group */
		{ "\x0a\x05"
		  "abcd",
		  6 },						    /* longer than the message */
		{ "\x0a\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", 11 }, /* much longer */
		{ "\x0d\x01\x02\x03", 4 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		const unsigned char *at = (const unsigned char *)bad[i].bytes;
		struct pb_reader r = { at, at + bad[i].len };
		struct pb_field f;

		assert_int_equal(pb_next(&r, &f), -EBADMSG);
	}
}

static void test_request(void **state)
{
	CLEANUP_STRBUF struct strbuf b = STRBUF_INIT;
	static const struct criu_pair mount = { "/a", "/b" };
	static const struct criu_inherit pipe = { "pipe:[1]", 1 };
	static const char *const external[] = { "net[5]:x", NULL };
	const struct criu_options o = { .images_dir = 7, .work_dir = -1, .pid = 300, .leave_running = true, .log_level = 4,
					.log_file = "l", .root = "/r", .cgroups = CRIU_CGROUPS_IGNORE, .empty_ns = 0x40000000,
					.ext_mnt = { &mount, 1 }, .inherit = &pipe, .n_inherit = 1, .external = external,
					.page_server_address = "h", .page_server_port = 27 };

	(void)state;
	criu_write(&b, &(struct criu_request){ .type = CRIU_DUMP, .opts = &o });
	ASSERT_BYTES(&b, "\x08\x01"
			 "\x12\x46"
			 "\x08\x07"			     /* images_dir_fd */
			 "\x10\xac\x02"			     /* pid */
			 "\x18\x01"			     /* leave_running */
			 "\x48\x04"			     /* log_level */
			 "\x52\x01l"			     /* log_file */
			 "\x6a\x02/r"			     /* root */
			 "\xba\x01\x08\x0a\x02/a\x12\x02/b" /* ext_mnt */
			 "\xb0\x02\x80\x80\x80\x80\x04"	     /* empty_ns */
			 "\xda\x01\x0c\x0a\x08pipe:[1]\x10\x01" /* inherit_fd */
			 "\x90\x02\x00"			     /* manage_cgroups_mode: 0 is a mode, too */
			 "\xaa\x02\x08net[5]:x"		     /* external */
			 "\x5a\x05\x0a\x01h\x10\x1b");	     /* ps */
}

static void test_small_requests(void **state)
{
	CLEANUP_STRBUF struct strbuf b = STRBUF_INIT;

	(void)state;
	criu_write(&b, &(struct criu_request){ .type = CRIU_VERSION, .keep_open = true });
	ASSERT_BYTES(&b, "\x08\x0a\x20\x01");
	sb_reset(&b);
	criu_write(&b, &(struct criu_request){ .type = CRIU_NOTIFY });
	ASSERT_BYTES(&b, "\x08\x06\x18\x00");
	sb_reset(&b);
	criu_write(&b, &(struct criu_request){ .type = CRIU_FEATURE_CHECK, .keep_open = true, .mem_track = true });
	ASSERT_BYTES(&b, "\x08\x09\x20\x01\x2a\x04\x08\x01\x10\x00");
}

static int parse(const char *bytes, size_t len, struct criu_response *out)
{
	return criu_parse(bytes, len, out);
}
#define PARSE(literal, out) parse(literal, sizeof(literal) - 1, out)

static void test_responses(void **state)
{
	struct criu_response r;

	(void)state;
	assert_int_equal(PARSE("\x08\x0a\x10\x01\x52\x06\x08\x03\x10\x11\x20\x01", &r), 0);
	assert_int_equal(r.type, CRIU_VERSION);
	assert_true(r.success);
	assert_int_equal(r.major, 3);
	assert_int_equal(r.minor, 17);
	assert_int_equal(r.sublevel, 1);

	assert_int_equal(PARSE("\x08\x06\x10\x01\x2a\x09\x0a\x04post\x10\xac\x02", &r), 0);
	assert_int_equal(r.type, CRIU_NOTIFY);
	assert_string_equal(r.script, "post");
	assert_int_equal(r.pid, 300);

	assert_int_equal(PARSE("\x08\x02\x10\x01\x22\x03\x08\xac\x02", &r), 0);
	assert_int_equal(r.pid, 300);

	assert_int_equal(PARSE("\x08\x01\x10\x00\x38\x34\x4a\x03why", &r), 0);
	assert_false(r.success);
	assert_int_equal(r.cr_errno, 52);
	assert_string_equal(r.message, "why");

	/* what a later CRIU may add */
	assert_int_equal(PARSE("\x08\x01\x10\x01\x98\x06\x01\xa2\x06\x02zz", &r), 0);
}

static void test_bad_responses(void **state)
{
	struct criu_response r;

	(void)state;
	assert_int_equal(PARSE("", &r), -EBADMSG);
	assert_int_equal(PARSE("\x08\x01", &r), -EBADMSG); /* no success */
	assert_int_equal(PARSE("\x10\x01", &r), -EBADMSG); /* no type */
	assert_int_equal(PARSE("\x08\x06\x10\x01\x28\x01", &r), -EBADMSG); /* a number for a message */
	assert_int_equal(PARSE("\x08\x06\x10\x01\x2a\x02\x0a\x04", &r), -EBADMSG);
	assert_int_equal(PARSE("\x08\x01\x10\x01\x48\x01", &r), -EBADMSG);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_numbers),	      cmocka_unit_test(test_fields_are_read_back),
		cmocka_unit_test(test_bad_bytes),     cmocka_unit_test(test_request),
		cmocka_unit_test(test_small_requests), cmocka_unit_test(test_responses),
		cmocka_unit_test(test_bad_responses),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

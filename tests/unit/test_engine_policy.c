#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/strbuf.h"
#include "engine/policy.h"

#define SECOND 1000000000LL

static void texts(void **state)
{
	static const char *const wrong[] = { "never", "always:1", "on-failure:", "on-failure:-1", "on-failure:x", "no:3", "Always" };
	struct err e = { 0 };
	struct policy p;

	(void)state;
	assert_int_equal(policy_parse(NULL, &p, &e), 0);
	assert_int_equal(p.kind, POLICY_NO);
	assert_int_equal(policy_parse("unless-stopped", &p, &e), 0);
	assert_int_equal(p.kind, POLICY_UNLESS_STOPPED);
	assert_int_equal(policy_parse("on-failure:7", &p, &e), 0);
	assert_int_equal(p.kind, POLICY_ON_FAILURE);
	assert_int_equal(p.most, 7);
	for (size_t i = 0; i < ARRAY_LEN(wrong); i++)
		assert_int_equal(policy_parse(wrong[i], &p, &e), -EINVAL);
}

static void read_back(void **state)
{
	CLEANUP_STRBUF struct strbuf text = STRBUF_INIT;
	CLEANUP_ARENA struct arena a = ARENA_INIT;
	struct json_writer w = JSON_WRITER(&text);
	struct policy p = { POLICY_ON_FAILURE, 3 }, got;
	const struct json *doc;
	struct err e = { 0 };

	(void)state;
	jw_object(&w, NULL);
	policy_write(&p, &w);
	jw_end_object(&w);
	assert_int_equal(json_parse(&a, text.s, text.len, NULL, &doc, &e), 0);
	assert_int_equal(policy_read(doc, &got, &e), 0);
	assert_int_equal(got.kind, POLICY_ON_FAILURE);
	assert_int_equal(got.most, 3);
	assert_int_equal(policy_read(NULL, &got, &e), 0); /* of a tare before */
	assert_int_equal(got.kind, POLICY_NO);
}

static void wants(void **state)
{
	const struct policy no = { 0 }, always = { POLICY_ALWAYS, 0 }, unless = { POLICY_UNLESS_STOPPED, 0 }, twice = { POLICY_ON_FAILURE, 2 };
	struct record ok = { .started = 1, .exit_known = true }, bad = { .started = 1, .exit_known = true, .exit_code = 1 }, unknown = { .started = 1 };
	struct record stopped = { .started = 1, .exit_known = true, .exit_code = 1, .stopped = STOPPED_BY_HAND }, never = { .exit_known = true };

	(void)state;
	assert_false(policy_wants(&no, &bad));
	assert_true(policy_wants(&always, &ok));
	assert_false(policy_wants(&always, &stopped));
	assert_false(policy_wants(&twice, &ok));
	assert_true(policy_wants(&twice, &bad));
	assert_true(policy_wants(&twice, &unknown));
	bad.restarts = 2;
	assert_false(policy_wants(&twice, &bad));
	assert_true(policy_enabled(&always, &stopped));
	assert_false(policy_enabled(&unless, &stopped));
	assert_true(policy_enabled(&unless, &ok));
	assert_false(policy_enabled(&always, &never));
	assert_false(policy_enabled(&twice, &bad));
	assert_false(policy_enabled(&no, &ok));
	stopped.stopped = STOPPED_FOR_SHUTDOWN;
	assert_false(policy_wants(&unless, &stopped));
	assert_true(policy_enabled(&unless, &stopped));
	assert_true(policy_enabled(&twice, &stopped));
	stopped.exit_code = 0;
	assert_false(policy_enabled(&twice, &stopped));
}

static void pauses(void **state)
{
	struct record rec = { .started = SECOND, .finished = 2 * SECOND };
	int64_t expected = SECOND / 10;

	(void)state;
	for (int i = 0; i < 15; i++) {
		assert_int_equal(policy_pause(&rec), expected);
		rec.restart_wait = expected;
		expected = 2 * expected < 60 * SECOND ? 2 * expected : 60 * SECOND;
	}
	rec.finished = 11 * SECOND;
	assert_int_equal(policy_pause(&rec), SECOND / 10);
	rec.error = "port 80/tcp of the host is in use"; /* the next start, long after the last life began */
	assert_int_equal(policy_pause(&rec), 60 * SECOND);
	rec.error = NULL;
	rec.finished = 0; /* the clock was set back */
	assert_int_equal(policy_pause(&rec), 60 * SECOND);
}

/* After the machine started: as many restarts as ever, and the first pause is the shortest. */
static void begins(void **state)
{
	struct record rec = { .started = SECOND, .finished = SECOND, .exit_code = 1, .exit_known = true, .restarts = 2 };
	const struct policy twice = { POLICY_ON_FAILURE, 2 };

	(void)state;
	assert_false(policy_started(&rec));
	policy_begin(&rec);
	assert_true(policy_started(&rec));
	assert_true(policy_wants(&twice, &rec));
	assert_int_equal(rec.restarts, 0);
	assert_int_equal(policy_pause(&rec), SECOND / 10);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(texts),
		cmocka_unit_test(read_back),
		cmocka_unit_test(wants),
		cmocka_unit_test(pauses),
		cmocka_unit_test(begins),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

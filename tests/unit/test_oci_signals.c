#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>

#include "oci/signals.h"
#include "oci/state.h"

static void numbers(void **state)
{
	static const struct {
		const char *name;
		int number;
	} good[] = {
		{ "9", 9 },	      { "KILL", 9 },	  { "sigkill", 9 },   { "SIGTERM", 15 }, { "64", 64 },
		{ "SIGRTMIN", 34 },   { "RTMIN+3", 37 },  { "sigrtmax", 64 }, { "RTMAX-1", 63 }, { "SIGRTMAX-30", 34 },
		{ "SIGIOT", 6 },      { "POLL", 29 },	  { "STKFLT", 16 },   { "SIGUSR1", 10 },
	};
	static const char *const bad[] = { "", "0", "65", "-1", "SIG", "SIGSIGKILL", "KILLS", "RTMIN-1", "RTMAX+1", "RTMIN+31", "RTMIN+", "9x", "+9" };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(good); i++)
		assert_int_equal(oci_signal_number(good[i].name), good[i].number);
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		assert_int_equal(oci_signal_number(bad[i]), -EINVAL);
}

static void names(void **state)
{
	char out[OCI_SIGNAL_NAME_LEN];

	(void)state;
	assert_string_equal(oci_signal_name(15, out), "SIGTERM");
	assert_string_equal(oci_signal_name(34, out), "SIGRTMIN");
	assert_string_equal(oci_signal_name(37, out), "SIGRTMIN+3");
	assert_string_equal(oci_signal_name(64, out), "SIGRTMAX");
	assert_string_equal(oci_signal_name(33, out), "33");
	for (int n = 1; n <= 64; n++)
		assert_int_equal(oci_signal_number(oci_signal_name(n, out)), n);
}

static void state_json(void **state)
{
	static const struct oci_kv annotations[] = { { "a", "\"b\"" } };
	const struct oci_spec with = { .annotations = annotations, .n_annotations = 1 }, without = { 0 };
	CLEANUP_STRBUF struct strbuf b = STRBUF_INIT;

	(void)state;
	oci_state_write(&b, &with, "c1", "created", 42, "/bundle");
	assert_string_equal(b.s, "{\"ociVersion\":\"1.3.0\",\"id\":\"c1\",\"status\":\"created\",\"pid\":42,\"bundle\":\"/bundle\","
				 "\"annotations\":{\"a\":\"\\\"b\\\"\"}}");
	sb_reset(&b);
	oci_state_write(&b, &without, "c1", "stopped", 0, "/bundle");
	assert_string_equal(b.s, "{\"ociVersion\":\"1.3.0\",\"id\":\"c1\",\"status\":\"stopped\",\"bundle\":\"/bundle\"}");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(numbers),
		cmocka_unit_test(names),
		cmocka_unit_test(state_json),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

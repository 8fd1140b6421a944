#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "base/base64.h"

static void decodes(void **state)
{
	/* RFC 4648, section 10 */
	static const struct {
		const char *text, *bytes;
	} good[] = { { "", "" },	       { "Zg==", "f" },	       { "Zm8=", "fo" },      { "Zm9v", "foo" },
		     { "Zm9vYg==", "foob" }, { "Zm9vYmE=", "fooba" }, { "Zm9vYmFy", "foobar" }, { "Zg", "f" },
		     { "Zm8", "fo" } };
	static const char *const bad[] = { "Z", "Zm9vY", "Zm 9v", "Zm9\n", "=", "==", "====", "Zg=", "Zh==", "Zm9=", "Z===", "Zg==Zg==", "-_-_" };
	unsigned char out[16];
	size_t len;

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(*good); i++) {
		assert_int_equal(base64_decode(good[i].text, out, &len), 0);
		assert_int_equal(len, strlen(good[i].bytes));
		assert_memory_equal(out, good[i].bytes, len);
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		if (base64_decode(bad[i], out, &len) != -EINVAL)
			fail_msg("\"%s\" was decoded", bad[i]);
}

static void encodes(void **state)
{
	static const char *const rows[][2] = { { "", "" }, { "f", "Zg==" }, { "fo", "Zm8=" }, { "foo", "Zm9v" }, { "foob", "Zm9vYg==" }, { "\xff\xfe\xfb", "//77" } };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		CLEANUP_STRBUF struct strbuf out = STRBUF_INIT;

		base64_encode(rows[i][0], strlen(rows[i][0]), &out);
		assert_string_equal(sb_str(&out), rows[i][1]);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(decodes), cmocka_unit_test(encodes) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}

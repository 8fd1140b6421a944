/* wire/challenge and wire/answer. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "base/strbuf.h"
#include "wire/answer.h"
#include "wire/challenge.h"

static void forms(void **state)
{
	static const struct {
		const char *value;
		bool bearer;
		const char *realm, *service, *scope, *error;
		bool basic;
		const char *basic_realm, *other;
	} rows[] = {
		{ "Bearer realm=\"https://auth.docker.io/token\",service=\"registry.docker.io\",scope=\"repository:library/busybox:pull\"", true,
		  "https://auth.docker.io/token", "registry.docker.io", "repository:library/busybox:pull", "", false, "", "" },
		{ "Basic realm=\"Registry Realm\"", false, "", "", "", "", true, "Registry Realm", "" },
		{ "Basic", false, "", "", "", "", true, "", "" },
		{ "basic REALM=x", false, "", "", "", "", true, "x", "" },
		{ "BEARER Realm = \"a\" , SCOPE\t=\"b,c d\" ,error=invalid_token", true, "a", "", "b,c d", "invalid_token", false, "", "" },
		{ "Bearer realm=\"a\\\"b\\\\c\"", true, "a\"b\\c", "", "", "", false, "", "" },
		{ "Basic realm=\"one\", Bearer realm=\"two\",service=\"s\"", true, "two", "s", "", "", true, "one", "" },
		{ "Bearer realm=\"two\", Basic, Negotiate", true, "two", "", "", "", true, "", "Negotiate" },
		{ ",, Negotiate YWJj==, ,Digest realm=\"x\", nonce=\"y\", Basic realm=\"z\",,", false, "", "", "", "", true, "z", "Negotiate" },
		{ "Negotiate a=", false, "", "", "", "", false, "", "Negotiate" },
		{ "Bearer realm=\"first\", Bearer realm=\"second\", scope=\"x\"", true, "first", "", "", "", false, "", "" },
		{ "Bearer realm=\"\", new=\"thing\"", true, "", "", "", "", false, "", "" },
		{ "Bearer realm=\"\xc3\xa4\"", true, "\xc3\xa4", "", "", "", false, "", "" },
		{ "", false, "", "", "", "", false, "", "" },
		{ " , ", false, "", "", "", "", false, "", "" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		CLEANUP_ARENA struct arena a = ARENA_INIT;
		struct challenges c = CHALLENGES_INIT;
		struct err e = { 0 };

		if (challenge_parse(&a, rows[i].value, strlen(rows[i].value), &c, &e) < 0)
			fail_msg("%s: %s", rows[i].value, e.msg);
		assert_int_equal(c.bearer, rows[i].bearer);
		assert_string_equal(c.realm, rows[i].realm);
		assert_string_equal(c.service, rows[i].service);
		assert_string_equal(c.scope, rows[i].scope);
		assert_string_equal(c.error, rows[i].error);
		assert_int_equal(c.basic, rows[i].basic);
		assert_string_equal(c.basic_realm, rows[i].basic_realm);
		assert_string_equal(c.other, rows[i].other);
	}
}

static void several_headers(void **state)
{
	CLEANUP_ARENA struct arena a = ARENA_INIT;
	struct challenges c = CHALLENGES_INIT;
	struct err e = { 0 };
	static const char first[] = "Basic realm=\"b\"", second[] = "Bearer realm=\"r\"", broken[] = "Bearer realm=\"x", third[] = "Basic realm=\"other\"";

	(void)state;
	assert_int_equal(challenge_parse(&a, first, strlen(first), &c, &e), 0);
	assert_true(challenge_parse(&a, broken, strlen(broken), &c, &e) < 0);
	assert_false(c.bearer);
	assert_string_equal(c.realm, "");
	assert_int_equal(challenge_parse(&a, second, strlen(second), &c, &e), 0);
	assert_int_equal(challenge_parse(&a, third, strlen(third), &c, &e), 0);
	assert_string_equal(c.realm, "r");
	assert_string_equal(c.basic_realm, "b");
}

static void refuses(void **state)
{
	static const char *const rows[][2] = {
		{ "Bearer realm=\"x", "without its end" },
		{ "Bearer realm=\"x\\", "without its end" },
		{ "Bearer realm=\"a\rX: b\"", "control character" },
		{ "Bearer realm=\"a\\\nb\"", "control character" },
		{ "Bearer realm=", NULL },
		{ "Bearer realm=\"a\" scope=\"b\"", "not parted" },
		{ "Bearer realm=\"a\", realm=\"b\"", "twice" },
		{ "Bearer realm=\"a\", Realm=\"b\"", "twice" },
		{ "Bearer realm=https://x/", "not parted" },
		{ "Bearer; realm=x", "not followed by a blank" },
		{ "\"Bearer\"", "missing" },
		{ "realm=x", "not followed by a blank" },
		{ "Bearer abc=, def", NULL },
		{ "Bearer a b", "no parameter" },
		{ "<html>", "missing" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		CLEANUP_ARENA struct arena a = ARENA_INIT;
		struct challenges c = CHALLENGES_INIT;
		struct err e = { 0 };
		int r = challenge_parse(&a, rows[i][0], strlen(rows[i][0]), &c, &e);

		if (!rows[i][1])
			assert_int_equal(r, 0); /* odd, but the grammar's */
		else if (r == 0 || !strstr(e.msg, rows[i][1]) || e.cls != ERR_INVALID)
			fail_msg("%s: %d %s", rows[i][0], r, e.msg);
	}
}

static void is_bounded(void **state)
{
	CLEANUP_ARENA struct arena a = ARENA_INIT;
	CLEANUP_STRBUF struct strbuf b = STRBUF_INIT;
	struct challenges c = CHALLENGES_INIT;
	struct err e = { 0 };

	(void)state;
	sb_puts(&b, "Bearer ");
	for (int i = 0; i < 33; i++)
		sb_printf(&b, "a%d=b,", i);
	assert_true(challenge_parse(&a, b.s, b.len, &c, &e) < 0);
	assert_non_null(strstr(e.msg, "32 parameters"));
	sb_fill(&b, ',', 8192);
	assert_true(challenge_parse(&a, b.s, b.len, &c, &e) < 0);
	assert_non_null(strstr(e.msg, "8192"));
}

/* ---- answers ---- */

static void tokens(void **state)
{
	static const struct {
		const char *text, *token, *refresh;
		int64_t expires, issued;
	} rows[] = {
		{ "{\"token\":\"abc\"}", "abc", NULL, 60, 0 },
		{ "{\"access_token\":\"abc\",\"expires_in\":300}", "abc", NULL, 300, 0 },
		{ "{\"token\":\"t\",\"access_token\":\"a\",\"issued_at\":\"2026-11-28T10:00:00Z\",\"refresh_token\":\"r\",\"expires_in\":2}", "t", "r", 2, 1795860000 },
		{ "{\"token\":\"\",\"access_token\":\"a\",\"refresh_token\":\"\",\"expires_in\":-5,\"issued_at\":\"\"}", "a", NULL, 60, 0 },
		{ "{\"token\":\"a\",\"expires_in\":9223372036854775807}", "a", NULL, 366LL * 86400, 0 },
		{ "{\"token\":\"a\",\"expires_in\":null,\"other\":[]}", "a", NULL, 60, 0 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		CLEANUP_ARENA struct arena a = ARENA_INIT;
		struct token_answer t;
		struct err e = { 0 };

		if (answer_token(&a, rows[i].text, strlen(rows[i].text), &t, &e) < 0)
			fail_msg("%s: %s", rows[i].text, e.msg);
		assert_string_equal(t.token, rows[i].token);
		if (rows[i].refresh)
			assert_string_equal(t.refresh_token, rows[i].refresh);
		else
			assert_null(t.refresh_token);
		assert_int_equal(t.expires_in, rows[i].expires);
		assert_int_equal(t.issued_at, rows[i].issued);
	}
}

static void no_tokens(void **state)
{
	static const char *const rows[][2] = {
		{ "<html>secret</html>", "is no JSON" },
		{ "", "is no JSON" },
		{ "[]", "is no object" },
		{ "{}", "neither token nor access_token" },
		{ "{\"token\":\"\"}", "neither token nor access_token" },
		{ "{\"token\":1}", "token" },
		{ "{\"token\":\"secret\\r\\nX: y\"}", "characters that no token has" },
		{ "{\"token\":\"secret secret\"}", "characters that no token has" },
		{ "{\"token\":\"secret\xc3\xa4\"}", "characters that no token has" },
		{ "{\"token\":\"secret\",\"refresh_token\":\"a b\"}", "refresh_token has characters" },
		{ "{\"token\":\"secret\",\"issued_at\":\"yesterday\"}", "issued_at" },
		{ "{\"token\":\"secret\",\"expires_in\":\"soon\"}", "expires_in" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		CLEANUP_ARENA struct arena a = ARENA_INIT;
		struct token_answer t;
		struct err e = { 0 };

		if (answer_token(&a, rows[i][0], strlen(rows[i][0]), &t, &e) == 0)
			fail_msg("accepted: %s", rows[i][0]);
		if (!strstr(e.msg, rows[i][1]) || strstr(e.msg, "secret"))
			fail_msg("%s: %s", rows[i][0], e.msg);
		assert_true(e.cls == ERR_INVALID);
	}
}

static void errors(void **state)
{
	static const char *const rows[][2] = {
		{ "{\"errors\":[{\"code\":\"MANIFEST_UNKNOWN\",\"message\":\"manifest unknown\",\"detail\":{\"Tag\":\"x\"}}]}",
		  "MANIFEST_UNKNOWN: manifest unknown: {\"Tag\":\"x\"}" },
		{ "{\"errors\":[{\"code\":\"A\"},{\"code\":\"B\"},{\"message\":\"c\"}]}", "A (and 2 more)" },
		{ "{\"errors\":[{\"message\":\"only\",\"detail\":\"this\"}]}", "only: this" },
		{ "{\"errors\":[{\"code\":\"D\",\"message\":\"denied\",\"detail\":null}]}", "D: denied" },
		{ "{\"errors\":[{\"code\":\"D\",\"detail\":[]}]}", "D" },
		{ "{\"errors\":[3,{\"code\":\"D\"}]}", "D" },
		{ "{\"errors\":[]}", "" },
		{ "{\"errors\":{\"code\":\"D\"}}", "" },
		{ "{\"details\":\"incorrect username or password\"}", "incorrect username or password" },
		{ "{\"error\":\"invalid_grant\",\"error_description\":\"expired\"}", "invalid_grant: expired" },
		{ "{\"message\":\"no such thing\"}", "no such thing" },
		{ "{\"errors\":[{\"code\":\"A\",\"message\":\"x\\u001b[2J\\ny\"}]}", "A: x\\x1b[2J\\x0ay" },
		{ "<html>no</html>", "" },
		{ "[]", "" },
		{ "", "" },
	};
	char out[200], small[20];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		assert_string_equal(answer_error(rows[i][0], strlen(rows[i][0]), out, sizeof(out)), rows[i][1]);
	assert_string_equal(answer_error(rows[0][0], strlen(rows[0][0]), small, sizeof(small)), "MANIFEST_UNKNOWN...");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(forms),	 cmocka_unit_test(several_headers), cmocka_unit_test(refuses),
		cmocka_unit_test(is_bounded),	 cmocka_unit_test(tokens),	    cmocka_unit_test(no_tokens),
		cmocka_unit_test(errors),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

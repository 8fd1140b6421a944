#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "wire/proxy.h"

static void exceptions(void **state)
{
	static const struct {
		const char *except, *host;
		unsigned int port;
		bool direct;
	} rows[] = {
		{ "", "a.example", 443, false },
		{ "*", "a.example", 443, true },
		{ "example", "example", 443, true },
		{ "example", "a.example", 443, true },
		{ "example", "anexample", 443, false },
		{ "EXAMPLE", "A.example", 443, true },
		{ ".example", "example", 443, false },
		{ ".example", "a.example", 443, true },
		{ "*.example", "a.b.example", 443, true },
		{ "*.example", "example", 443, false },
		{ "x, y\ta.example ,z", "a.example", 443, true },
		{ ",,", "a.example", 443, false },
		{ "a.example:443", "a.example", 443, true },
		{ "a.example:5000", "a.example", 443, false },
		{ "a.example:x", "a.example", 443, false },
		{ "10.0.0.0/8", "10.1.2.3", 443, true },
		{ "10.0.0.0/8", "11.1.2.3", 443, false },
		{ "10.1.2.3", "10.1.2.3", 443, true },
		{ "10.1.2.3:80", "10.1.2.3", 443, false },
		{ "2.3", "10.1.2.3", 443, false }, /* an address is no name */
		{ ".3", "10.1.2.3", 443, false },
		{ "fd00::/8", "[fd00::1]", 443, true },
		{ "fd00::1", "[fd00::1]", 5000, true },
		{ "fd00::0:1", "fd00::1", 443, true },
		{ "[fd00::1]:5000", "[fd00::1]", 5000, true },
		{ "[fd00::1]:5000", "[fd00::1]", 443, false },
		{ "", "localhost", 443, true },
		{ "", "127.9.9.9", 443, true },
		{ "", "[::1]", 443, true },
		{ "", "[::2]", 443, false },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		CLEANUP_ARENA struct arena a = ARENA_INIT;
		const struct proxy_settings s = { .http = "", .https = "http://proxy:3128", .except = rows[i].except };
		const char *proxy;
		struct err e = { 0 };

		assert_int_equal(proxy_for(&a, &s, true, rows[i].host, rows[i].port, &proxy, &e), 0);
		if (!proxy != rows[i].direct)
			fail_msg("NO_PROXY=%s, %s:%u: %s", rows[i].except, rows[i].host, rows[i].port, proxy ? proxy : "direct");
	}
}

static void urls(void **state)
{
	static const struct {
		const char *url, *proxy, *says; /* what comes out, or the error */
	} rows[] = {
		{ "", NULL, NULL },
		{ "proxy:3128", "http://proxy:3128", NULL },
		{ "https://proxy", "https://proxy", NULL },
		{ "SOCKS5h://u:secret@proxy:1080/", "SOCKS5h://u:secret@proxy:1080/", NULL },
		{ "ftp://u:secret@proxy", NULL, "HTTPS_PROXY is no proxy by http" },
		{ "://proxy", NULL, "HTTPS_PROXY is no proxy by http" },
		{ "http://u:secret@", NULL, "HTTPS_PROXY names no host" },
		{ "http://:80", NULL, "HTTPS_PROXY names no host" },
		{ "http://pro xy", NULL, "HTTPS_PROXY is no URL" },
		{ "http://pro\nxy", NULL, "HTTPS_PROXY is no URL" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		CLEANUP_ARENA struct arena a = ARENA_INIT;
		const struct proxy_settings s = { .http = "http://wrong", .https = rows[i].url, .except = "" };
		const char *proxy;
		struct err e = { 0 };
		int r = proxy_for(&a, &s, true, "host", 443, &proxy, &e);

		assert_int_equal(r < 0, rows[i].says != NULL);
		if (rows[i].says && (!strstr(e.msg, rows[i].says) || strstr(e.msg, "secret")))
			fail_msg("%s: %s", rows[i].url, e.msg);
		if (rows[i].proxy)
			assert_string_equal(proxy, rows[i].proxy);
		else
			assert_null(proxy);
	}
}

static void environment(void **state)
{
	struct proxy_settings s;

	(void)state;
	setenv("HTTP_PROXY", "upper", 1);
	setenv("http_proxy", "lower", 1);
	unsetenv("HTTPS_PROXY");
	setenv("https_proxy", "secure", 1);
	setenv("NO_PROXY", "", 1);
	setenv("no_proxy", "x", 1);
	unsetenv("REQUEST_METHOD");
	proxy_settings_find(&s);
	assert_string_equal(s.http, "upper");
	assert_string_equal(s.https, "secure");
	assert_string_equal(s.except, "x");
	setenv("REQUEST_METHOD", "GET", 1);
	proxy_settings_find(&s);
	assert_string_equal(s.http, "lower");
	unsetenv("http_proxy");
	proxy_settings_find(&s);
	assert_string_equal(s.http, "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(exceptions),
		cmocka_unit_test(urls),
		cmocka_unit_test(environment),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

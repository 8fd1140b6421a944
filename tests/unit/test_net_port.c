#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <netinet/in.h>
#include <string.h>

#include "net/port.h"

static void forms(void **state)
{
	static const struct {
		const char *text;
		unsigned char proto;
		const char *host; /* "" = any */
		uint16_t first, last, target, count;
	} rows[] = {
		{ "80", IPPROTO_TCP, "", 0, 0, 80, 1 },
		{ "80/udp", IPPROTO_UDP, "", 0, 0, 80, 1 },
		{ "8080:80", IPPROTO_TCP, "", 8080, 8080, 80, 1 },
		{ "8080:80/sctp", IPPROTO_SCTP, "", 8080, 8080, 80, 1 },
		{ "127.0.0.1:8080:80", IPPROTO_TCP, "127.0.0.1", 8080, 8080, 80, 1 },
		{ "127.0.0.1::80", IPPROTO_TCP, "127.0.0.1", 0, 0, 80, 1 },
		{ "0.0.0.0:1:2", IPPROTO_TCP, "0.0.0.0", 1, 1, 2, 1 },
		{ "[::1]:8080:80", IPPROTO_TCP, "::1", 8080, 8080, 80, 1 },
		{ "[::]:8080:80", IPPROTO_TCP, "::", 8080, 8080, 80, 1 },
		{ "9000-9009:7000-7009/udp", IPPROTO_UDP, "", 9000, 9009, 7000, 10 },
		{ "9000-9009:80", IPPROTO_TCP, "", 9000, 9009, 80, 1 },
		{ "7000-7009", IPPROTO_TCP, "", 0, 0, 7000, 10 },
		{ "1-65535:1-65535", IPPROTO_TCP, "", 1, 65535, 1, 65535 },
	};
	char text[IP_TEXT_LEN];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct net_port p;
		struct err e = { 0 };

		if (net_port_parse(rows[i].text, &p, &e) < 0)
			fail_msg("%s", e.msg);
		assert_int_equal(p.proto, rows[i].proto);
		assert_string_equal(net_port_host(&p, text), rows[i].host);
		assert_int_equal(p.first, rows[i].first);
		assert_int_equal(p.last, rows[i].last);
		assert_int_equal(p.target, rows[i].target);
		assert_int_equal(p.count, rows[i].count);
	}
}

static void bad_ones_are_named(void **state)
{
	static const char *const bad[] = {
		"", "/", ":", "::", "0", "65536", "80/", "80/icmp", "80/tcp/udp", "x:80", "80:x", "0:80", "80:0", "1-3:1-2", "3-1:3-1", "1-:80", "-1:80",
		"1.2.3:80:80", "1.2.3.4.5:80:80", "::1:80:80", "[::1:80:80", "::1]:80:80", "1.2.3.4:1.2.3.4:80:80", "80 :80", "80:80:80",
		"[]:80:80x", "9999999999999999999999:80",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		struct net_port p;
		struct err e = { 0 };

		if (net_port_parse(bad[i], &p, &e) == 0)
			fail_msg("\"%s\" was taken", bad[i]);
		assert_int_equal(e.cls, ERR_INVALID);
		assert_non_null(strstr(e.msg, bad[i]));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(forms), cmocka_unit_test(bad_ones_are_named) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}

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
		{ "::1:8083:80", IPPROTO_TCP, "::1", 8083, 8083, 80, 1 },
		{ "fd00::5::80", IPPROTO_TCP, "fd00::5", 0, 0, 80, 1 },
		{ "[::ffff:127.0.0.1]:8080:80", IPPROTO_TCP, "127.0.0.1", 8080, 8080, 80, 1 }, /* as Docker's: nobody comes to it by IPv6 */
		{ "::ffff:0:0:8080:80", IPPROTO_TCP, "0.0.0.0", 8080, 8080, 80, 1 },
		{ "0:80", IPPROTO_TCP, "", 0, 0, 80, 1 },
		{ "127.0.0.1:0:80", IPPROTO_TCP, "127.0.0.1", 0, 0, 80, 1 },
		{ "8089:80/TCP", IPPROTO_TCP, "", 8089, 8089, 80, 1 },
		{ "80/Udp", IPPROTO_UDP, "", 0, 0, 80, 1 },
		{ "published=8080,target=80,protocol=udp", IPPROTO_UDP, "", 8080, 8080, 80, 1 },
		{ "target=80", IPPROTO_TCP, "", 0, 0, 80, 1 },
		{ "target=90-91,published=127.0.0.1:9000-9001", IPPROTO_TCP, "127.0.0.1", 9000, 9001, 90, 2 },
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
		"", "/", ":", "::", "0", "65536", "80/", "80/icmp", "80/tcp/udp", "x:80", "80:x", "0:80-81", "80:0", "1-3:1-2", "3-1:3-1", "1-:80", "-1:80",
		"1.2.3:80:80", "1.2.3.4.5:80:80", "::1:80", "::g:80:80", "[::1:80:80", "::1]:80:80", "1.2.3.4:1.2.3.4:80:80", "80 :80", "80:80:80",
		"[]:80:80x", "published=1", "target=x", "9999999999999999999999:80", "[fe80::1]:8080:80", "[fe80::1%eth0]:8080:80",
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

/* Written out and read again it is the same. */
static void texts(void **state)
{
	static const char *const rows[][2] = {
		{ "80", "80/tcp" }, { "8080:80/udp", "8080:80/udp" }, { "127.0.0.1:8080:80", "127.0.0.1:8080:80/tcp" }, { "127.0.0.1::80", "127.0.0.1::80/tcp" },
		{ "[::1]:8080:80", "[::1]:8080:80/tcp" }, { "0.0.0.0:8080:80", "0.0.0.0:8080:80/tcp" }, { "[::]::80", "[::]::80/tcp" }, { "9000-9009:7000-7009", "9000-9009:7000-7009/tcp" }, { "9000-9009:80", "9000-9009:80/tcp" },
		{ "7000-7009/sctp", "7000-7009/sctp" },
	};
	char text[NET_PORT_TEXT_LEN];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct net_port p, again;
		struct err e = { 0 };

		assert_int_equal(net_port_parse(rows[i][0], &p, &e), 0);
		assert_string_equal(net_port_text(&p, text), rows[i][1]);
		assert_int_equal(net_port_parse(net_port_text(&p, text), &again, &e), 0);
		assert_true(net_port_same(&p, &again));
	}
}

/* Which of a published range's ports is meant: "AT N"; N 0: none. */
static void matches(void **state)
{
	static const struct {
		const char *published, *match;
		int at, n;
	} rows[] = {
		{ "8080:80", "8080", 0, 1 },
		{ "8080:80", "8080/udp", 0, 0 },
		{ "8080:80", "80", 0, 0 },
		{ "8080:80", ":80", 0, 1 },
		{ "8080:80", ":8080", 0, 0 },
		{ "8080:80", "8080:80", 0, 1 },
		{ "8080:80", "8080:81", 0, 0 },
		{ "8080:80", "0.0.0.0:8080", 0, 1 },
		{ "8080:80", "[::]:8080", 0, 1 },
		{ "8080:80", "0.0.0.0:8080:80/tcp", 0, 1 },
		{ "8080:80", "0.0.0.0:8080->80/tcp", 0, 1 },
		{ "8080:80", "80/tcp -> 0.0.0.0:8080", 0, 1 },
		{ "8080:80", "80/udp -> 0.0.0.0:8080", 0, 0 },
		{ "8080:80", "127.0.0.1:8080", 0, 0 },
		{ "0.0.0.0:8080:80", "0.0.0.0:8080", 0, 1 },
		{ "0.0.0.0:8080:80", "8080", 0, 1 },
		{ "0.0.0.0:8080:80", "[::]:8080", 0, 0 },
		{ "[::]:8080:80", "[::]:8080:80", 0, 1 },
		{ "127.0.0.1:8080:80", "8080", 0, 1 },
		{ "127.0.0.1:8080:80", "127.0.0.1:8080", 0, 1 },
		{ "127.0.0.1:8080:80", "127.0.0.1::80", 0, 1 },
		{ "127.0.0.1:8080:80", "127.0.0.2::80", 0, 0 },
		{ "127.0.0.1:8080:80", "0.0.0.0:8080", 0, 0 },
		{ "[::1]:8080:80", "[::1]:8080", 0, 1 },
		{ "[::1]:8080:80", "[::1]:8080:80", 0, 1 },
		{ "[::1]:8080:80", "[::2]:8080", 0, 0 },
		{ "::1:8080:80", "::1:8080:80", 0, 1 },
		{ "8080:80/TCP", "8080/tcp", 0, 1 },
		{ "8000-8009:9000-9009", "8000-8009", 0, 10 },
		{ "8000-8009:9000-9009", "8004", 4, 1 },
		{ "8000-8009:9000-9009", ":9004-9100", 4, 6 },
		{ "8000-8009:9000-9009", "7000-8003", 0, 4 },
		{ "8000-8009:9000-9009", "8000-8009:9000-9009", 0, 10 },
		{ "8000-8009:9000-9009", "8002-8003:9002-9003", 2, 2 },
		{ "8000-8009:9000-9009", "8002-8003:9003-9004", 0, 0 },
		{ "8000-8009:9000-9009", "8002-8003:9003", 3, 1 },
		{ "8000-8009:9000-9009", "8010", 0, 0 },
		{ "1-65535:1-65535", "65535", 65534, 1 },
		{ "1-65535:1-65535", "1-65535", 0, 65535 },
		{ "8003:80", "8000-8010:80", 0, 1 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct net_port_match m;
		struct net_port p;
		struct err e = { 0 };
		uint16_t at = 0, n;

		assert_int_equal(net_port_parse(rows[i].published, &p, &e), 0);
		if (net_port_match_parse(rows[i].match, &m, &e) < 0)
			fail_msg("%s", e.msg);
		n = net_port_match(&m, &p, &at);
		if (n != rows[i].n || (n && at != rows[i].at))
			fail_msg("%s of %s: %d from %d", rows[i].match, rows[i].published, n, at);
	}
}

static void bad_matches_are_named(void **state)
{
	static const char *const bad[] = { "", ":", "0", "x", "80/icmp", "127.0.0.1", "127.0.0.1:", "1.2.3.4.5:80", "x:80:80", "80:80:80", "::1:80", "[::1:80",
					   "80-70", "->", "80->", "-> 80", "1-2:3-5", "80 -> x", "65536", "[::1]80", "80:80/tcp/udp" };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		struct net_port_match m;
		struct err e = { 0 };

		if (net_port_match_parse(bad[i], &m, &e) == 0)
			fail_msg("\"%s\" was taken", bad[i]);
		assert_int_equal(e.cls, ERR_INVALID);
		assert_non_null(strstr(e.msg, bad[i]));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(forms), cmocka_unit_test(bad_ones_are_named), cmocka_unit_test(texts), cmocka_unit_test(matches),
					    cmocka_unit_test(bad_matches_are_named) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}

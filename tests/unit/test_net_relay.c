#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "net/relay.h"

static const char *line_of(const char *port, const char *ip6, struct strbuf *out)
{
	struct ip four, six = { 0 };
	struct net_relay r;
	struct net_port p;
	struct err e = { 0 };

	assert_int_equal(net_port_parse(port, &p, &e), 0);
	assert_int_equal(ip_parse("10.0.0.2", &four), 0);
	if (*ip6)
		assert_int_equal(ip_parse(ip6, &six), 0);
	sb_reset(out);
	if (net_relay_of(&p, &four, &six, &r))
		net_relay_write(&r, out);
	return sb_str(out);
}

static void what_is_relayed(void **state)
{
	static const struct {
		const char *port, *ip6, *line;
	} rows[] = {
		{ "8080:80", "", "tcp :: 8080 1 10.0.0.2 80\n" },
		{ "8080:80", "fd00::2", "tcp ::1 8080 1 10.0.0.2 80\n" },
		{ "[::]:8080:80", "fd00::2", "tcp ::1 8080 1 10.0.0.2 80\n" },
		{ "[::]:8080:80", "", "tcp :: 8080 1 10.0.0.2 80\n" },
		{ "[::1]:8080:80", "fd00::2", "tcp ::1 8080 1 10.0.0.2 80\n" },
		{ "[fd01::1]:8080:80", "", "tcp fd01::1 8080 1 10.0.0.2 80\n" },
		{ "[fd01::1]:8080:80", "fd00::2", "" }, /* the kernel translates that */
		{ "0.0.0.0:8080:80", "", "" },
		{ "127.0.0.1:8080:80", "fd00::2", "" },
		{ "53:53/udp", "", "udp :: 53 1 10.0.0.2 53\n" },
		{ "53:53/sctp", "", "" },
		{ "1000-1999:2000-2999", "", "tcp :: 1000 1000 10.0.0.2 2000\n" },
		{ "1000-1015:2000-2015/udp", "", "udp :: 1000 16 10.0.0.2 2000\n" },
		{ "1000-1016:2000-2016/udp", "", "" }, /* nobody could tell which port was meant */
	};
	struct strbuf b = STRBUF_INIT;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		assert_string_equal(line_of(rows[i].port, rows[i].ip6, &b), rows[i].line);
	sb_free(&b);
}

static void lines(void **state)
{
	static const char *const bad[] = {
		"", "tcp", "icmp :: 1 1 10.0.0.2 1", "tcp 1.2.3.4 1 1 10.0.0.2 1", "tcp :: 0 1 10.0.0.2 1", "tcp :: 1 0 10.0.0.2 1", "tcp :: 1 1 10.0.0.2 0",
		"tcp :: 65535 2 10.0.0.2 1", "tcp :: 1 2 10.0.0.2 65535", "tcp :: 1 1 x 1", "tcp :: 1 1 10.0.0.2 1 more", "tcp :: -1 1 10.0.0.2 1",
	};
	struct net_relay r;
	struct err e = { 0 };

	(void)state;
	assert_int_equal(net_relay_parse("udp fd00::1 53 16 10.0.0.2 5300", &r, &e), 0);
	assert_int_equal(r.first, 53);
	assert_int_equal(r.count, 16);
	assert_int_equal(r.target, 5300);
	assert_false(net_relay_is_shared(&r));
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		if (net_relay_parse(bad[i], &r, &e) == 0)
			fail_msg("\"%s\" was taken", bad[i]);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(what_is_relayed), cmocka_unit_test(lines) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}

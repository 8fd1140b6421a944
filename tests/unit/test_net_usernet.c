#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <netinet/in.h>
#include <string.h>

#include "net/usernet.h"

static void options(void **state)
{
	static const struct {
		const char *text;
		enum usernet_kind kind;
		uint32_t mtu;
		bool loopback, ipv6;
		const char *own;
	} rows[] = {
		{ "pasta", USERNET_PASTA, 65520, false, true, "10.0.2.100" },
		{ "slirp4netns", USERNET_SLIRP, 65520, false, false, "10.0.2.100" },
		{ "pasta:", USERNET_PASTA, 65520, false, true, "10.0.2.100" },
		{ "pasta:mtu=1500,enable_ipv6=false", USERNET_PASTA, 1500, false, false, "10.0.2.100" },
		{ "pasta:--map-gw,-m,1400,-4", USERNET_PASTA, 1400, true, false, "10.0.2.100" },
		{ "pasta:--mtu,1300,--no-map-gw", USERNET_PASTA, 1300, false, true, "10.0.2.100" },
		{ "slirp4netns:cidr=192.168.7.9/24,allow_host_loopback=true,enable_ipv6=true", USERNET_SLIRP, 65520, true, true, "192.168.7.100" },
		{ "slirp4netns:port_handler=slirp4netns", USERNET_SLIRP, 65520, false, false, "10.0.2.100" },
	};
	char text[IP_TEXT_LEN];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct net_usernet u;
		struct err e = { 0 };
		struct ip own;

		assert_true(net_usernet_is(rows[i].text));
		if (net_usernet_parse(rows[i].text, &u, &e) < 0)
			fail_msg("%s", e.msg);
		assert_int_equal(u.kind, rows[i].kind);
		assert_int_equal(u.mtu, rows[i].mtu);
		assert_int_equal(u.host_loopback, rows[i].loopback);
		assert_int_equal(u.ipv6, rows[i].ipv6);
		own = net_usernet_own(&u);
		assert_string_equal(ip_text(&own, text), rows[i].own);
	}
}

static void bad_options_are_named(void **state)
{
	static const struct {
		const char *text, *named;
	} rows[] = {
		{ "pasta:mtu=1000", "mtu" },	      { "pasta:mtu=65521", "mtu" },
		{ "pasta:mtu", "\"mtu\"" },	      { "pasta:-m", "\"-m\"" },
		{ "pasta:-m,", "-m" },		      { "pasta:--mtu,x", "--mtu" },
		{ "slirp4netns:-4", "\"-4\"" },	      { "slirp4netns:--map-gw", "--map-gw" },
		{ "pasta:cidr=10.0.2.0/26", "cidr" }, { "pasta:cidr=fd00::/64", "cidr" },
		{ "pasta:cidr=x", "cidr" },	      { "pasta:allow_host_loopback=yes", "allow_host_loopback" },
		{ "pasta:port_handler=slirp4netns", "port_handler" }, { "slirp4netns:port_handler=rootlesskit", "port_handler" },
		{ "pasta:-t,80", "\"-t\"" },	      { "pasta:,", "\"\"" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct net_usernet u;
		struct err e = { 0 };

		assert_true(net_usernet_parse(rows[i].text, &u, &e) < 0);
		if (!strstr(e.msg, rows[i].named))
			fail_msg("%s: %s", rows[i].text, e.msg);
	}
	assert_false(net_usernet_is("pasta2"));
	assert_false(net_usernet_is("bridge"));
	assert_false(net_usernet_is(""));
}

static struct net_usernet with_ports(const char *text, struct net_port *ports, size_t n, const char *const *texts)
{
	struct net_usernet u;
	struct err e = { 0 };

	assert_int_equal(net_usernet_parse(text, &u, &e), 0);
	for (size_t i = 0; i < n; i++)
		assert_int_equal(net_port_parse(texts[i], &ports[i], &e), 0);
	u.ports = ports;
	u.n_ports = n;
	return u;
}

static void check_args(const struct net_usernet *u, const char *want)
{
	CLEANUP_ARENA struct arena a = ARENA_INIT;
	CLEANUP_STRBUF struct strbuf b = STRBUF_INIT;
	const char *const *args = net_usernet_args(&a, u);

	assert_non_null(args);
	for (; *args; args++)
		sb_printf(&b, "%s%s", b.len ? " " : "", *args);
	assert_string_equal(sb_str(&b), want);
}

static void command_lines(void **state)
{
	static const char *const texts[] = { "8080:80", "127.0.0.1:9000-9002:7000-7002/udp", "[::1]:81:82" };
	struct net_port ports[3];
	struct net_usernet u = with_ports("pasta", ports, 3, texts);

	(void)state;
	check_args(&u, "pasta -f -q -P /proc/self/fd/3 --config-net -I eth0 -m 65520 -a 10.0.2.100 -n 24 -g 10.0.2.2 --dns-forward 10.0.2.3 "
		       "--no-map-gw -t 8080:80 -u 127.0.0.1/9000-9002:7000-7002 -t ::1/81:82 -T none -U none --netns-only --netns /proc/self/fd/5");
	u = with_ports("pasta:--map-gw,-4", ports, 0, texts);
	check_args(&u, "pasta -f -q -P /proc/self/fd/3 --config-net -I eth0 -m 65520 -a 10.0.2.100 -n 24 -g 10.0.2.2 --dns-forward 10.0.2.3 "
		       "-4 -t none -u none -T none -U none --netns-only --netns /proc/self/fd/5");
	u = with_ports("slirp4netns:cidr=10.1.0.0/16", ports, 1, texts);
	check_args(&u, "slirp4netns -c -m 65520 --cidr 10.1.0.0/16 --enable-sandbox --enable-seccomp -r 3 -e 4 --disable-host-loopback -a usernet.api "
		       "--netns-type=path /proc/self/fd/5 eth0");
}

static void requests(void **state)
{
	static const char *const texts[] = { "9000-9002:7000-7002/udp" };
	CLEANUP_STRBUF struct strbuf b = STRBUF_INIT;
	struct net_port ports[1];
	struct net_usernet u = with_ports("slirp4netns", ports, 1, texts);

	(void)state;
	net_usernet_request(&u, &ports[0], 2, &b);
	assert_string_equal(sb_str(&b), "{\"execute\":\"add_hostfwd\",\"arguments\":{\"proto\":\"udp\",\"host_addr\":\"0.0.0.0\",\"host_port\":9002,"
					"\"guest_addr\":\"10.0.2.100\",\"guest_port\":7002}}");
}

static int read_back(struct arena *a, const char *text, struct net_usernet *out, struct err *e)
{
	const struct json *doc;

	assert_int_equal(json_parse(a, text, strlen(text), NULL, &doc, e), 0);
	return net_usernet_read(a, doc, out, e);
}

static void written_and_read(void **state)
{
	static const char *const texts[] = { "127.0.0.1:8080-8081:80-81", "5353:53/udp" };
	static const char *const bad[] = {
		"{}", "{\"program\":\"sh\",\"subnet\":\"10.0.2.0/24\"}", "{\"program\":\"pasta:x\",\"subnet\":\"10.0.2.0/24\"}",
		"{\"program\":\"pasta\",\"subnet\":\"10.0.2.0/30\"}",
		"{\"program\":\"pasta\",\"subnet\":\"10.0.2.0/24\",\"ports\":[{\"proto\":\"tcp\",\"first\":65535,\"count\":2,\"target\":1}]}",
		"{\"program\":\"pasta\",\"subnet\":\"10.0.2.0/24\",\"ports\":[{\"proto\":\"tcp\",\"first\":4294967295,\"count\":1,\"target\":1}]}",
		"{\"program\":\"pasta\",\"subnet\":\"10.0.2.0/24\",\"ports\":[{\"proto\":\"tcp\",\"first\":1,\"count\":2,\"target\":4294967295}]}",
		"{\"program\":\"pasta\",\"subnet\":\"10.0.2.0/24\",\"ports\":[{\"proto\":\"tcp\",\"first\":1,\"count\":1,\"target\":0}]}",
		"{\"program\":\"pasta\",\"subnet\":\"10.0.2.0/24\",\"ports\":[{\"proto\":\"tcp\",\"host\":\"-x\",\"first\":1,\"count\":1,\"target\":1}]}",
	};
	CLEANUP_ARENA struct arena a = ARENA_INIT;
	CLEANUP_STRBUF struct strbuf b = STRBUF_INIT, again = STRBUF_INIT;
	struct json_writer w = JSON_WRITER(&b), w2 = JSON_WRITER(&again);
	struct net_port ports[2];
	struct net_usernet u = with_ports("pasta:mtu=1400,allow_host_loopback=true", ports, 2, texts), got;
	struct err e = { 0 };

	(void)state;
	net_usernet_write(&w, NULL, &u);
	assert_int_equal(read_back(&a, sb_str(&b), &got, &e), 0);
	net_usernet_write(&w2, NULL, &got);
	assert_string_equal(sb_str(&b), sb_str(&again));
	assert_int_equal(got.n_ports, 2);
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		assert_true(read_back(&a, bad[i], &got, &e) < 0);
}

static void ports_by_program(void **state)
{
	struct net_usernet pasta, slirp;
	struct net_port p;
	struct err e = { 0 };

	(void)state;
	assert_int_equal(net_usernet_parse("pasta", &pasta, &e), 0);
	assert_int_equal(net_usernet_parse("slirp4netns", &slirp, &e), 0);
	assert_int_equal(net_port_parse("[::1]:80:80", &p, &e), 0);
	assert_int_equal(net_usernet_port(&pasta, &p, &e), 0);
	assert_true(net_usernet_port(&slirp, &p, &e) < 0);
	assert_int_equal(net_port_parse("8080:80/sctp", &p, &e), 0);
	assert_true(net_usernet_port(&pasta, &p, &e) < 0);
	assert_int_equal(net_port_parse("10000-19999:10000-19999", &p, &e), 0);
	assert_int_equal(net_usernet_port(&pasta, &p, &e), 0);
	assert_true(net_usernet_port(&slirp, &p, &e) < 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(options),	    cmocka_unit_test(bad_options_are_named), cmocka_unit_test(command_lines),
		cmocka_unit_test(requests),	    cmocka_unit_test(written_and_read),	     cmocka_unit_test(ports_by_program),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/ip.h"

static struct ip ip(const char *s)
{
	struct ip out;

	assert_int_equal(ip_parse(s, &out), 0);
	return out;
}

static struct ip_net net(const char *s)
{
	struct ip_net out;

	assert_int_equal(ip_net_parse(s, &out), 0);
	return out;
}

static void texts(void **state)
{
	static const char *const bad[] = { "", "1.2.3", "1.2.3.4.5", "256.0.0.1", "a.b.c.d", "fe80::1%eth0", "::g", " 1.2.3.4", "1.2.3.4/8" };
	static const char *const bad_nets[] = { "1.2.3.4", "1.2.3.4/33", "1.2.3.4/", "1.2.3.4/a", "fd00::/129", "/8", "1.2.3.4/-1" };
	static const char *const good[] = { "0.0.0.0", "10.210.0.1", "255.255.255.255", "::", "::1", "fd00:1::2" };
	char text[IP_TEXT_LEN];
	struct ip_net n;
	struct ip out;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		assert_true(ip_parse(bad[i], &out) < 0);
	for (size_t i = 0; i < ARRAY_LEN(bad_nets); i++)
		assert_true(ip_net_parse(bad_nets[i], &n) < 0);
	for (size_t i = 0; i < ARRAY_LEN(good); i++) {
		out = ip(good[i]);
		assert_string_equal(ip_text(&out, text), good[i]);
	}
	n = net("10.0.0.9/28");
	assert_string_equal(ip_net_text(&n, text), "10.0.0.9/28");
	assert_string_equal(ip_text(&(struct ip){ 0 }, text), "");
	assert_string_equal(ip_net_text(&(struct ip_net){ 0 }, text), "");
}

static void numbers(void **state)
{
	struct ip_net four = net("10.0.1.77/20"), six = net("fd00:1:2:3::/64"), all = net("0.0.0.0/0"), one = net("10.0.0.1/32");
	const char *const ends_text[] = { "fd00:1::", "fd00:1:0:ffff:ffff:ffff:ffff:ffff", "10.0.0.0", "10.0.15.255" };
	struct ip_net wider = net("fd00:1:0:3::/48");
	struct ip ends[] = { ip_first(&wider), ip_last(&wider), ip_first(&four), ip_last(&four) };
	char text[IP_TEXT_LEN];
	struct ip nth = ip_nth(&four, 0x123), wide = ip_nth(&six, 0x1122334455667788U), last = ip_nth(&four, UINT64_MAX);
	struct ip a = ip("10.0.1.35"), b = ip("fd00:1:2:3:1122:3344:5566:7788"), c = ip("10.0.15.255");

	(void)state;
	assert_true(ip_same(&nth, &a));
	assert_true(ip_same(&wide, &b));
	assert_true(ip_same(&last, &c));
	assert_int_equal(ip_number(&four, &a), 0x123);
	assert_int_equal(ip_number(&six, &b), 0x1122334455667788U);
	assert_int_equal(ip_net_size(&four), 4096);
	assert_int_equal(ip_net_size(&one), 1);
	assert_int_equal(ip_net_size(&all), UINT32_MAX);
	assert_int_equal(ip_net_size(&six), UINT32_MAX);
	for (size_t i = 0; i < 4; i++)
		assert_string_equal(ip_text(&ends[i], text), ends_text[i]);
}

static void having(void **state)
{
	static const struct {
		const char *net, *ip;
		bool in;
	} rows[] = {
		{ "10.0.0.0/8", "10.255.0.1", true },	     { "10.0.0.0/8", "11.0.0.1", false },  { "10.0.0.0/9", "10.128.0.0", false },
		{ "10.0.0.128/25", "10.0.0.127", false },    { "10.0.0.128/25", "10.0.0.129", true }, { "0.0.0.0/0", "255.1.2.3", true },
		{ "fd00::/7", "fd12::1", true },	     { "fd00::/8", "fe00::1", false },     { "10.0.0.0/8", "::1", false },
	};
	static const struct {
		const char *a, *b;
		bool overlap;
	} pairs[] = { { "10.0.0.0/8", "10.1.0.0/16", true }, { "10.1.0.0/16", "10.0.0.0/8", true }, { "10.1.0.0/16", "10.2.0.0/16", false },
		      { "10.1.0.0/16", "10.1.0.0/16", true }, { "0.0.0.0/0", "::/0", false } };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct ip_net n = net(rows[i].net);
		struct ip a = ip(rows[i].ip);

		assert_int_equal(ip_net_has(&n, &a), rows[i].in);
	}
	for (size_t i = 0; i < ARRAY_LEN(pairs); i++) {
		struct ip_net a = net(pairs[i].a), b = net(pairs[i].b);

		assert_int_equal(ip_net_overlap(&a, &b), pairs[i].overlap);
	}
	assert_true(ip_any(&(struct ip){ .len = 16 }));
	assert_false(ip_any(&(struct ip){ .len = 4, .bytes = { 0, 0, 0, 1 } }));
}

static void hardware_addresses(void **state)
{
	static const char *const bad[] = { "", "02:42:0a:00:00", "02:42:0a:00:00:01:", "02:42:0a:00:00:0g", "02:42:0a:00:00:011", "0242.0a00.0001" };
	unsigned char mac[MAC_LEN];
	char text[MAC_TEXT_LEN];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		assert_int_equal(mac_parse(bad[i], mac), -EINVAL);
	assert_int_equal(mac_parse("02:42:0A:00:00:ff", mac), 0);
	assert_string_equal(mac_text(mac, text), "02:42:0a:00:00:ff");
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(texts), cmocka_unit_test(numbers), cmocka_unit_test(having),
					    cmocka_unit_test(hardware_addresses) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}

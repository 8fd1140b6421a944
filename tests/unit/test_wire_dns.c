#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "wire/dns.h"

#define QUERY(flags, counts, question) "\x12\x34" flags counts question
#define BYTES(s) (const unsigned char *)(s), sizeof(s) - 1
#define ONE "\0\1\0\0\0\0\0\0"
#define WEB "\3WeB\0\0\1\0\1"

static void queries(void **state)
{
	static const struct {
		const char *m;
		size_t len;
		int result;
		const char *name;
	} rows[] = {
#define ROW(m, result, name) { m, sizeof(m) - 1, result, name }
		ROW(QUERY("\1\0", ONE, WEB), 0, "web"),
		ROW(QUERY("\1\0", ONE, "\1a\2bc\0\0\x1c\0\1"), 0, "a.bc"),
		ROW(QUERY("\1\0", ONE, "\0\0\1\0\1"), 0, ""),			/* the root */
		ROW(QUERY("\1\0", ONE, "\3a b\0\0\1\0\1"), 0, ""),		/* no name of ours, to be passed on */
		ROW(QUERY("\1\0", ONE, "\3web\0\0\1\0\3"), 0, ""),		/* another class */
		ROW(QUERY("\x81\0", ONE, WEB), -EBADMSG, ""),			/* an answer */
		ROW(QUERY("\x28\0", ONE, WEB), DNS_NOTIMP, ""),			/* an update */
		ROW(QUERY("\1\0", "\0\2\0\0\0\0\0\0", WEB WEB), DNS_FORMERR, ""),
		ROW(QUERY("\1\0", "\0\0\0\0\0\0\0\0", ""), DNS_FORMERR, ""),
		ROW(QUERY("\1\0", ONE, "\3We"), DNS_FORMERR, ""),
		ROW(QUERY("\1\0", ONE, "\3WeB\0\0\1"), DNS_FORMERR, ""),
		ROW(QUERY("\1\0", ONE, "\xc0\x0c\0\1\0\1"), DNS_FORMERR, ""),	/* a name that is itself */
		ROW(QUERY("\1\0", ONE, "\x40" "aaaa"), DNS_FORMERR, ""),
		ROW("\x12\x34\1\0", -EBADMSG, ""),
		ROW("", -EBADMSG, ""),
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct dns_query q;

		assert_int_equal(dns_parse((const unsigned char *)rows[i].m, rows[i].len, &q), rows[i].result);
		assert_string_equal(q.name, rows[i].name);
	}
}

static void the_longest_name(void **state)
{
	unsigned char m[12 + 300] = { 0x12, 0x34, 1, 0, 0, 1 };
	struct dns_query q;
	size_t at = 12;

	(void)state;
	for (int i = 0; i < 4; i++) { /* 63 + 63 + 63 + 61 and their dots: 253 */
		m[at] = i < 3 ? 63 : 61;
		memset(m + at + 1, 'x', m[at]);
		at += m[at] + 1U;
	}
	m[at + 2] = m[at + 4] = 1;
	assert_int_equal(dns_parse(m, at + 5, &q), 0);
	assert_int_equal(strlen(q.name), 253);
	m[at - 62] = 62;
	m[at] = 'x';
	m[at + 3] = m[at + 5] = 1;
	assert_int_equal(dns_parse(m, at + 6, &q), DNS_FORMERR);
}

static void addresses(void **state)
{
	static const char m[] = QUERY("\1\0", ONE, WEB);
	const struct ip ips[] = { { 4, { 10, 0, 0, 1 } }, { 16, { 0xfd } }, { 4, { 10, 0, 0, 2 } } };
	const char *expected = "\x12\x34\x81\x80\0\1\0\2\0\0\0\0" WEB "\xc0\x0c\0\1\0\1\0\0\0\7\0\4\x0a\0\0\1" "\xc0\x0c\0\1\0\1\0\0\0\7\0\4\x0a\0\0\2";
	unsigned char out[DNS_UDP_LEAST];
	struct ip many[64];
	struct dns_query q;
	size_t n;

	(void)state;
	assert_int_equal(dns_parse(BYTES(m), &q), 0);
	n = dns_addresses((const unsigned char *)m, &q, ips, 3, 7, out, sizeof(out));
	assert_int_equal(n, 12 + 9 + 2 * 16);
	assert_memory_equal(out, expected, n);
	assert_true(dns_answers(BYTES(m), out, n));
	q.type = DNS_AAAA;
	n = dns_addresses((const unsigned char *)m, &q, ips, 1, 7, out, sizeof(out));
	assert_int_equal(n, 12 + 9); /* the name is there, the address is not */
	assert_int_equal(out[3] & 15, DNS_OK);
	n = dns_addresses((const unsigned char *)m, &q, ips, 3, 7, out, sizeof(out));
	assert_int_equal(n, 12 + 9 + 12 + 16);
	assert_memory_equal(out + n - 18, "\0\x10\xfd\0", 4);
	q.type = DNS_ANY;
	assert_int_equal(dns_addresses((const unsigned char *)m, &q, ips, 3, 7, out, sizeof(out)), 12 + 9 + 2 * 16 + 28);
	q.type = DNS_A;
	for (size_t i = 0; i < ARRAY_LEN(many); i++)
		many[i] = ips[0];
	n = dns_addresses((const unsigned char *)m, &q, many, ARRAY_LEN(many), 7, out, sizeof(out));
	assert_true(n <= sizeof(out) && out[2] & 2 && out[7] == 30);
	assert_true(q.udp_size == DNS_UDP_LEAST && dns_truncate(out, &q) == 12 + 9);
	assert_true(dns_answers(BYTES(m), out, 12 + 9) && out[2] & 2 && out[7] == 0);
	out[0] ^= 1; /* somebody else's */
	assert_false(dns_answers(BYTES(m), out, n));
	out[0] ^= 1;
	out[14] ^= 0x20;
	assert_false(dns_answers(BYTES(m), out, n));
}

static void failures_and_pointers(void **state)
{
	static const char m[] = QUERY("\1\0", ONE, "\1\x31\1\x30\3" "210\2" "10\7in-addr\4arpa\0\0\x0c\0\1");
	unsigned char out[DNS_UDP_LEAST];
	struct dns_query q;
	struct ip ip;
	size_t n;

	(void)state;
	assert_int_equal(dns_parse(BYTES(m), &q), 0);
	assert_true(dns_reverse(q.name, &ip));
	assert_memory_equal(ip.bytes, "\x0a\xd2\0\1", 4);
	n = dns_pointer((const unsigned char *)m, &q, "web.one", 7, out, sizeof(out));
	assert_int_equal(n, sizeof(m) - 1 + 12 + 9);
	assert_memory_equal(out + n - 9, "\3web\3one\0", 9);
	assert_int_equal(dns_pointer((const unsigned char *)m, &q, "a..b", 7, out, sizeof(out)), 0);
	assert_int_equal(dns_pointer((const unsigned char *)m, &q, "web", 7, out, sizeof(m) + 12), 0);
	n = dns_fail((const unsigned char *)m, &q, DNS_NXDOMAIN, out);
	assert_int_equal(n, sizeof(m) - 1);
	assert_int_equal(out[3] & 15, DNS_NXDOMAIN);
	assert_false(dns_gave_up(out)); /* it knows that there is none */
	for (int code = DNS_SERVFAIL; code <= DNS_REFUSED; code++) {
		(void)dns_fail((const unsigned char *)m, &q, code, out);
		assert_true(dns_gave_up(out) == (code != DNS_NXDOMAIN));
	}
	assert_true(dns_reverse("1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.d.f.ip6.arpa", &ip));
	assert_int_equal(ip.bytes[0], 0xfd);
	assert_int_equal(ip.bytes[15], 1);
	assert_false(dns_reverse("1.2.3.in-addr.arpa", &ip));
	assert_false(dns_reverse("1.2.3.256.in-addr.arpa", &ip));
	assert_false(dns_reverse("1.2.3.4.in-addr.arpa.x", &ip));
	assert_false(dns_reverse("", &ip));
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(queries), cmocka_unit_test(the_longest_name), cmocka_unit_test(addresses),
					    cmocka_unit_test(failures_and_pointers) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}

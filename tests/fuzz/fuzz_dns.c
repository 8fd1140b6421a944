/* wire/dns and net/names: any bytes as a query and as a name server's answer; any text as a port. An answer of ours belongs to its query
 * and is itself a message that says what we said. */
#include <stdlib.h>
#include <string.h>

#include "net/names.h"
#include "net/port.h"
#include "wire/dns.h"

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size);

static void check(int ok)
{
	if (!ok)
		abort();
}

static void answer(const unsigned char *m, size_t len, const struct dns_query *q)
{
	static unsigned char out[DNS_MESSAGE_MAX];
	struct ip ips[40] = { 0 }, reverse;
	size_t n;

	for (size_t i = 0; i < 40; i++)
		ips[i].len = i % 3 ? 4 : 16;
	n = dns_addresses(m, q, ips, 40, 1, out, q->udp_size);
	check(n >= 12 + q->question_len && n <= q->udp_size && dns_answers(m, len, out, n));
	n = dns_truncate(out, q);
	check(n == 12 + q->question_len && dns_answers(m, len, out, n));
	n = dns_fail(m, q, DNS_SERVFAIL, out);
	check(n == 12 + q->question_len && dns_answers(m, len, out, n));
	n = dns_pointer(m, q, q->name, 1, out, sizeof(out));
	check(!n || dns_answers(m, len, out, n));
	(void)dns_reverse(q->name, &reverse);
}

static void names(const char *text, size_t size)
{
	struct names n = NAMES_INIT;
	struct err e = { 0 };
	struct ip ips[4];

	if (names_parse(text, size, &n, &e) == 0)
		for (size_t i = 0; i < n.n_members && i < 8; i++) {
			(void)names_may_ask(&n, &n.members[i]);
			for (size_t k = 0; k < n.n_entries && k < 8; k++) {
				(void)names_find(&n, &n.members[i], n.entries[k].name, ips, 4);
				(void)names_of(&n, &n.members[i], &n.entries[k].ip);
			}
		}
	names_free(&n);
}

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size)
{
	static const unsigned char query[] = "\x12\x34\1\0\0\1\0\0\0\0\0\0\3www\0\0\1\0\1";
	struct dns_query q;
	struct net_port port;
	struct err e = { 0 };
	char *text = malloc(size + 1);

	if (dns_parse(data, size, &q) == 0)
		answer(data, size, &q);
	(void)dns_answers(query, sizeof(query) - 1, data, size);
	if (text) {
		memcpy(text, data, size);
		text[size] = '\0';
		names(text, size);
		if (net_port_parse(text, &port, &e) == 0)
			check(port.count > 0 && port.target > 0);
	}
	free(text);
	return 0;
}

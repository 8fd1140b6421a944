/* The host's rules are asked by letting them decide: while a family is in the set `asking`, a connection from outside to a published port
 * is not translated at first. It goes where a service of the host's own would be, through every chain of hook input. If one of them
 * drops it, that is that. What gets to our chain behind them all was let in: its source is noted together with the port, for an hour
 * from its last new connection on, and the packet is dropped, for nobody listens there. It comes again (TCP after a second), and is
 * translated.
 *
 * So the rules mean for a published port what they mean for a service: by port, by source, by device, by limit, whoever wrote them and
 * however. What it costs is a second for the first connection of a source to a port, or the first datagram, and only on a host whose
 * chain of input refuses something. Who floods with made-up sources fills the set: nobody new is let in for that hour, nobody is let in
 * who should not be.
 *
 * What a socket of the host's side answers (net/relay.h) has met those rules anyway, and is not asked about once more.
 *
 * What comes from the host itself and from containers of ours is not asked about. The sets of what is published exist for our chain:
 * nf_tables looks up a translation only to translate. */
#include "net/admission.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

#include "sys/nft.h"

/* TABLE and the group's prefix: %1$s, %2$#x. Behind the chains of others, firewalld's (filter + 10) and Docker's too. */
static const char rules[] =
	"table inet %1$s {\n"
	"	set asking { type nf_proto; }\n"
	"	set published4 { type inet_proto . inet_service; }\n"
	"	set published_at4 { type ipv4_addr . inet_proto . inet_service; }\n"
	"	set published_spans4 { type ipv4_addr . inet_proto . inet_service; flags interval; }\n"
	"	set admitted4 { type ipv4_addr . inet_proto . inet_service; size 65536; flags dynamic, timeout; timeout 1h; }\n"
	"	set published6 { type inet_proto . inet_service; }\n"
	"	set published_at6 { type ipv6_addr . inet_proto . inet_service; }\n"
	"	set published_spans6 { type ipv6_addr . inet_proto . inet_service; flags interval; }\n"
	"	set admitted6 { type ipv6_addr . inet_proto . inet_service; size 65536; flags dynamic, timeout; timeout 1h; }\n"
	"	chain admit {\n"
	"		update @admitted4 { ip saddr . meta l4proto . th dport }\n"
	"		update @admitted6 { ip6 saddr . meta l4proto . th dport }\n"
	"		drop\n"
	"	}\n"
	"	chain admitting {\n"
	"		meta nfproto ipv4 meta l4proto . th dport @published4 goto admit\n"
	"		ip daddr . meta l4proto . th dport @published_at4 goto admit\n"
	"		ip daddr . meta l4proto . th dport @published_spans4 goto admit\n"
	"		meta nfproto ipv6 meta l4proto . th dport @published6 goto admit\n"
	"		ip6 daddr . meta l4proto . th dport @published_at6 goto admit\n"
	"		ip6 daddr . meta l4proto . th dport @published_spans6 goto admit\n"
	"	}\n"
	"	chain asked {\n"
	"		type filter hook input priority 1000;\n"
	"		meta nfproto @asking iif != lo ct state new meta iifgroup & 0xffff0000 != %2$#x fib daddr type local jump admitting\n"
	"	}\n"
	"}\n";

int admission_rules(const char *table, uint32_t prefix, char *out, size_t size)
{
	int len = snprintf(out, size, rules, table, prefix);

	return len < 0 || (size_t)len >= size ? -1 : len;
}

/* host NULL: no part of the key; none: all of them, whose first or last one fill makes. */
static void put_key(struct nft_data *d, const struct ip *host, unsigned char len, unsigned char fill, unsigned char proto, uint16_t port)
{
	uint16_t wire = htons(port);
	unsigned char any[16];

	memset(any, fill, sizeof(any));
	if (host)
		nft_field(d, host->len ? host->bytes : any, len);
	nft_field(d, &proto, 1);
	nft_field(d, &wire, sizeof(wire));
}

/* In the form that the translation has (firewall_port()): a range that does not shift is one interval. */
void admission_port(const char *table, struct nl_batch *q, bool add, const struct net_port *p, unsigned char len, const char *container)
{
	bool six = len == 16;
	const char *set = p->host.len ? six ? "published_at6" : "published_at4" : six ? "published6" : "published4";

	if (p->count > 1 && p->first == p->target) {
		struct nft_element el = { .set = six ? "published_spans6" : "published_spans4", .comment = container };

		put_key(&el.key, &p->host, len, 0, p->proto, p->first);
		put_key(&el.end, &p->host, len, 0xff, p->proto, (uint16_t)(p->first + p->count - 1));
		nft_change(q, table, add, &el);
		return;
	}
	for (uint16_t i = 0; i < p->count; i++) {
		struct nft_element el = { .set = set, .comment = container };

		put_key(&el.key, p->host.len ? &p->host : NULL, len, 0, p->proto, (uint16_t)(p->first + i));
		nft_change(q, table, add, &el);
	}
}

/* A key of one byte is not padded. */
static struct nft_element asking(unsigned char family)
{
	return (struct nft_element){ .set = "asking", .key = { .bytes = { family }, .len = 1 } };
}

int admission_asks(int sock, const char *table, unsigned char family)
{
	const struct nft_element el = asking(family);
	int r = nft_has_element(sock, table, &el);

	return r == -ENOENT ? 0 : r < 0 ? r : 1;
}

int admission_ask(int sock, const char *table, unsigned char family, bool on)
{
	CLEANUP_NL struct nl_batch q = NL_BATCH_INIT;
	const struct nft_element el = asking(family);
	int r;

	nft_begin(&q);
	nft_change(&q, table, on, &el);
	r = nft_commit(sock, &q, NULL);
	return r == -ENOENT && !on ? 0 : r;
}

/* What the chains do, in the order a packet meets them:
 *
 *	early      what claims to come from 127/8 or goes there, and did not start here, is dropped (CVE-2020-8558: route_localnet is on
 *	           for our devices). A container speaks with its own address alone: the pair of address and device must be known.
 *	           Taking that element away silences a device that has not gone yet.
 *	arriving,  a published port becomes the container's: for packets from outside, from containers, and from the host itself.
 *	leaving
 *	coming,    nobody but a container comes with an address of a network of ours: other firewalls may trust it. An internal network does not
 *	           reach the host's services, among them what is relayed.
 *	passing
 *	between    one network does not reach another, except through a published port; an internal one reaches nothing else. From outside
 *	           nothing gets in but through a published port, whoever has a route to a container.
 *	source     out into the world with the host's address. From the host's loopback to a container with the gateway's, for the
 *	           container has no way to answer 127.0.0.1; within a network by way of a published port too, so that the answer comes
 *	           back the same way.
 *
 * (Bridges that pass through the firewall do not tell the last hook where a packet came in: what it comes from is asked there.)
 *
 * (From ::1 nothing can be sent to another machine, and a container may have IPv4 alone: what comes in by IPv6 then is a socket's of the
 * container's monitor, net/relay.h; the rules only send a long range of ports to one such socket.)
 *
 * Single ports are hashed by protocol and port; only ranges are looked for in a set of intervals. An interval cannot shift ports, so a
 * range that does is one element per port. */
#include "net/firewall.h"

#include <arpa/inet.h>
#include <linux/netfilter.h>
#include <stdio.h>
#include <string.h>

#include "base/io.h"
#include "base/sha256.h"
#include "net/admission.h"
#include "net/bridgewall.h"
#include "base/text.h"
#include "sys/nft.h"
#include "sys/spawn.h"

#define NFT_WAIT_MS 20000
#define RULES_MAX 16384
#define USUAL_PREFIX 0x74610000U

/* TABLE and the group's prefix: %1$s, %2$#x */
static const char rules[] =
	"table inet %1$s {\n"
	"	map ports4 { type inet_proto . inet_service : ipv4_addr . inet_service; }\n"
	"	map ports4_at { type ipv4_addr . inet_proto . inet_service : ipv4_addr . inet_service; }\n"
	"	map ranges4 { type ipv4_addr . inet_proto . inet_service : ipv4_addr; flags interval; }\n"
	"	map ports6 { type inet_proto . inet_service : ipv6_addr . inet_service; }\n"
	"	map ports6_at { type ipv6_addr . inet_proto . inet_service : ipv6_addr . inet_service; }\n"
	"	map ranges6 { type ipv6_addr . inet_proto . inet_service : ipv6_addr; flags interval; }\n"
	"	map relays6 { type ipv6_addr . inet_proto . inet_service : inet_service; flags interval; }\n"
	"	set senders4 { type ipv4_addr . ifname; }\n"
	"	map gateways4 { typeof meta oifgroup : ip saddr; }\n"
	"	map gateways6 { typeof meta oifgroup : ip6 saddr; }\n"
	"	set inside { typeof meta iifgroup . meta oifgroup; }\n"
	"	set neighbours4 { typeof meta oifgroup . ip saddr; flags interval; }\n"
	"	set neighbours6 { typeof meta oifgroup . ip6 saddr; flags interval; }\n"
	"	set open { typeof meta iifgroup; }\n"
	"	set subnets4 { type ipv4_addr . inet_proto; flags interval; }\n"
	"	set subnets6 { type ipv6_addr . inet_proto; flags interval; }\n"
	"	chain early {\n"
	"		type filter hook prerouting priority raw;\n"
	"		iif != lo ip daddr 127.0.0.0/8 drop\n"
	"		iif != lo ip saddr 127.0.0.0/8 drop\n"
	"		meta iifgroup & 0xffff0000 == %2$#x meta iifkind \"veth\" ip saddr . iifname != @senders4 drop\n"
	"		meta iifgroup & 0xffff0000 == %2$#x meta iifkind \"veth\" meta nfproto ipv6 drop\n"
	"	}\n"
	"	chain publish {\n"
	ADMISSION_FIRST
	"		dnat ip to ip daddr . meta l4proto . th dport map @ports4_at\n"
	"		dnat ip to meta l4proto . th dport map @ports4\n"
	"		dnat ip to ip daddr . meta l4proto . th dport map @ranges4\n"
	"		meta nfproto ipv6 meta l4proto tcp redirect to : ip6 daddr . meta l4proto . th dport map @relays6\n"
	"		ip6 daddr ::1 return\n"
	ADMISSION_FIRST6
	"		dnat ip6 to ip6 daddr . meta l4proto . th dport map @ports6_at\n"
	"		dnat ip6 to meta l4proto . th dport map @ports6\n"
	"		dnat ip6 to ip6 daddr . meta l4proto . th dport map @ranges6\n"
	"	}\n"
	"	chain arriving {\n"
	"		type nat hook prerouting priority dstnat;\n"
	"		meta iifgroup & 0xffff0000 == %2$#x meta iifgroup != @open return\n"
	"		fib daddr type local jump publish\n"
	"	}\n"
	"	chain leaving {\n"
	"		type nat hook output priority -100;\n"
	"		fib daddr type local jump publish\n"
	"	}\n"
	"	chain borrowed {\n"
	"		iif lo return\n"
	"		meta iifgroup & 0xffff0000 == %2$#x return\n"
	"		ip saddr . meta l4proto @subnets4 drop\n"
	"		ip6 saddr . meta l4proto @subnets6 drop\n"
	"	}\n"
	"	chain coming {\n"
	"		type filter hook input priority filter - 10;\n"
	"		ct state new jump borrowed\n"
	"		meta iifgroup & 0xffff0000 == %2$#x meta iifgroup != @open ct state new meta l4proto { tcp, udp, udplite, sctp, dccp } drop\n"
	"	}\n"
	"	chain passing {\n"
	"		type filter hook forward priority filter - 10;\n"
	"		ct state new jump borrowed\n"
	"	}\n"
	"	chain between {\n"
	"		type filter hook forward priority filter;\n"
	"		ct state established,related accept\n"
	"		ct status dnat accept\n"
	"		meta iifgroup . meta oifgroup @inside accept\n"
	"		meta oifgroup & 0xffff0000 == %2$#x meta iifgroup & 0xffff0000 == %2$#x drop\n"
	"		meta iifgroup & 0xffff0000 == %2$#x meta iifgroup != @open drop\n"
	"		meta oifgroup & 0xffff0000 == %2$#x drop\n"
	"	}\n"
	"	chain source {\n"
	"		type nat hook postrouting priority srcnat;\n"
	"		meta iifgroup @open meta oifgroup & 0xffff0000 != %2$#x masquerade\n"
	"		ct status dnat ip saddr 127.0.0.0/8 snat ip to meta oifgroup map @gateways4\n"
	"		ct status dnat meta oifgroup . ip saddr @neighbours4 snat ip to meta oifgroup map @gateways4\n"
	"		ct status dnat meta oifgroup . ip6 saddr @neighbours6 snat ip6 to meta oifgroup map @gateways6\n"
	"	}\n"
	"}\n";

void firewall_of(const char *state_dir, bool usual, struct firewall *out)
{
	struct sha256 sum;
	unsigned char hash[32];

	*out = (struct firewall){ .table = "tare", .prefix = USUAL_PREFIX };
	if (usual)
		return;
	sha256_init(&sum);
	sha256_add(&sum, state_dir, strlen(state_dir));
	sha256_end(&sum, hash);
	(void)snprintf(out->table, sizeof(out->table), "tare-%02x%02x%02x%02x", hash[0], hash[1], hash[2], hash[3]);
	/* a group of all networks that is not the usual one's, nor 0, which all other devices have */
	out->prefix = (uint32_t)(hash[0] | 0x80) << 24 | (uint32_t)hash[1] << 16;
}

uint32_t firewall_group(const struct firewall *fw, uint32_t number)
{
	return fw->prefix | number;
}

/* ---- the rules ---- */

static int run_nft(const char *option, const char *text, size_t len, struct err *e)
{
	const char *argv[] = { "nft", option, "-", NULL };
	CLEANUP_FD int in = io_memfd("tare-nft", text, len, true);
	char said[200];
	int r = in < 0 ? in : spawn_tool(argv, in, NFT_WAIT_MS, said, sizeof(said));

	if (r == -ENOENT)
		return err_set(e, ERR_UNSUPPORTED, "networks need the program nft, which is not in PATH (Debian's package nftables); "
						   "--network none and host do without");
	if (r < 0)
		return err_errno(e, r, "run nft");
	return r == 0 ? 0 : err_set(e, ERR_UNSUPPORTED, "nft cannot load our rules: %s", said);
}

/* Into text, of RULES_MAX bytes; the length, negative when that is too little. */
static int write_rules(const struct firewall *fw, char *text)
{
	size_t at;
	int n;

	at = (size_t)snprintf(text, RULES_MAX, "table inet %1$s\ndelete table inet %1$s\n", fw->table);
	n = admission_rules(fw->table, fw->prefix, text + at, RULES_MAX - at);
	at += n < 0 ? RULES_MAX : (size_t)n;
	if (at < RULES_MAX)
		at += (size_t)snprintf(text + at, RULES_MAX - at, rules, fw->table, fw->prefix);
	n = at < RULES_MAX ? bridgewall_rules(fw->table, fw->prefix, text + at, RULES_MAX - at) : -1;
	return n < 0 ? -ENAMETOOLONG : (int)at + n;
}

static int run_rules(const struct firewall *fw, const char *option, struct err *e)
{
	CLEANUP_FREE char *text = malloc(RULES_MAX);
	int n = text ? write_rules(fw, text) : -ENOMEM;

	return n < 0 ? err_errno(e, n, "rules") : run_nft(option, text, (size_t)n, e);
}

int firewall_load(const struct firewall *fw, struct err *e)
{
	return run_rules(fw, "-f", e);
}

int firewall_try(const struct firewall *fw, struct err *e)
{
	return run_rules(fw, "-cf", e);
}

bool firewall_loaded(const struct firewall *fw)
{
	CLEANUP_FD int sock = nl_open(NETLINK_NETFILTER);

	return sock >= 0 && nft_has_table(sock, NFPROTO_INET, fw->table) == 0 && nft_has_table(sock, NFPROTO_BRIDGE, fw->table) == 0;
}

/* As many lines as there should be chains, sets and rules. What somebody added is not our matter, as long as it is not there in the place of
 * something of ours. */
static uint32_t count_own(const char *text)
{
	uint32_t n = 0;

	for (const char *line = text; line; line = strchr(line, '\n') ? strchr(line, '\n') + 1 : NULL) {
		const char *word = line + strspn(line, "\t");

		n += word - line == 2 ? !text_starts(word, "type ") : word - line == 1 && *word != '}';
	}
	return n;
}

bool firewall_whole(const struct firewall *fw)
{
	CLEANUP_FREE char *text = malloc(RULES_MAX);
	CLEANUP_FD int sock = nl_open(NETLINK_NETFILTER);
	uint32_t n, on_bridges;

	if (!text || sock < 0 || write_rules(fw, text) < 0)
		return false;
	return nft_count(sock, NFPROTO_INET, fw->table, &n) == 0 && nft_count(sock, NFPROTO_BRIDGE, fw->table, &on_bridges) == 0 &&
	       n + on_bridges >= count_own(text);
}

int firewall_unload(const struct firewall *fw, struct err *e)
{
	char text[192];
	int len = snprintf(text, sizeof(text), "table inet %1$s\ndelete table inet %1$s\ntable bridge %1$s\ndelete table bridge %1$s\n", fw->table);

	return firewall_loaded(fw) ? run_nft("-f", text, (size_t)len, e) : 0;
}

/* ---- elements ---- */

void firewall_begin(struct nl_batch *q)
{
	nft_begin(q);
}

/* Closing the socket waits until the kernel has done with what was taken away: 8 to 30 ms for an RCU grace period, in which nothing
 * depends on us. */
int firewall_commit(struct nl_batch *q)
{
	int sock = nl_open(NETLINK_NETFILTER), r;

	if (sock < 0)
		return sock == -EPROTONOSUPPORT ? -ENOENT : sock; /* a kernel without it has no table */
	r = nft_commit(sock, q, NULL);
	spawn_close(&sock);
	return r;
}

/* Who is in the network, by address. In a set of intervals nft compares numbers in network order. */
static void put_neighbours(const struct firewall *fw, struct nl_batch *q, bool add, const char *id, uint32_t network, const struct ip_net *subnet)
{
	struct nft_element el = { .set = subnet->ip.len == 16 ? "neighbours6" : "neighbours4", .comment = id };
	struct ip first = ip_first(subnet), last = ip_last(subnet);
	uint32_t group = htonl(network);

	nft_field(&el.key, &group, sizeof(group));
	nft_field(&el.key, first.bytes, first.len);
	nft_field(&el.end, &group, sizeof(group));
	nft_field(&el.end, last.bytes, last.len);
	nft_change(q, fw->table, add, &el);
}

/* A set of intervals wants two fields to be one of the kind that takes whole intervals: the second is any protocol. */
static void put_subnet(const struct firewall *fw, struct nl_batch *q, bool add, const char *id, const struct ip_net *subnet)
{
	struct nft_element el = { .set = subnet->ip.len == 16 ? "subnets6" : "subnets4", .comment = id };
	struct ip first = ip_first(subnet), last = ip_last(subnet);

	nft_field(&el.key, first.bytes, first.len);
	nft_field(&el.key, (const unsigned char[]){ 0 }, 1);
	nft_field(&el.end, last.bytes, last.len);
	nft_field(&el.end, (const unsigned char[]){ 0xff }, 1);
	nft_change(q, fw->table, add, &el);
}

static void put_gateway(const struct firewall *fw, struct nl_batch *q, bool add, const char *id, uint32_t group, const struct ip *gateway)
{
	struct nft_element el = { .set = gateway->len == 16 ? "gateways6" : "gateways4", .comment = id };

	nft_field(&el.key, &group, sizeof(group));
	nft_field(&el.value, gateway->bytes, gateway->len);
	nft_change(q, fw->table, add, &el);
}

void firewall_network(const struct firewall *fw, struct nl_batch *q, bool add, const struct firewall_network *n)
{
	struct nft_element inside = { .set = "inside", .comment = n->id }, open = { .set = "open", .comment = n->id };

	nft_field(&inside.key, &n->group, sizeof(n->group));
	nft_field(&inside.key, &n->group, sizeof(n->group));
	nft_field(&open.key, &n->group, sizeof(n->group));
	put_neighbours(fw, q, add, n->id, n->group, &n->subnet);
	put_subnet(fw, q, add, n->id, &n->subnet);
	if (n->subnet6.ip.len)
		put_subnet(fw, q, add, n->id, &n->subnet6);
	if (n->subnet6.ip.len)
		put_neighbours(fw, q, add, n->id, n->group, &n->subnet6);
	nft_change(q, fw->table, add, &inside);
	if (!n->internal)
		nft_change(q, fw->table, add, &open);
	if (n->gateway.len)
		put_gateway(fw, q, add, n->id, n->group, &n->gateway);
	if (n->gateway6.len)
		put_gateway(fw, q, add, n->id, n->group, &n->gateway6);
}

static struct nft_element sender_of(const struct net_link *l)
{
	struct nft_element sender = { .set = "senders4" };

	nft_field(&sender.key, l->ip.ip.bytes, l->ip.ip.len);
	nft_field(&sender.key, l->host, sizeof(l->host));
	return sender;
}

bool firewall_knows(const struct firewall *fw, const struct net_link *l)
{
	CLEANUP_FD int sock = nl_open(NETLINK_NETFILTER);
	const struct nft_element sender = sender_of(l);

	return sock >= 0 && nft_has_element(sock, fw->table, &sender) == 0;
}

void firewall_link(const struct firewall *fw, struct nl_batch *q, bool add, const struct net_link *l, const char *container)
{
	struct nft_element sender = sender_of(l);

	sender.comment = container;
	nft_change(q, fw->table, add, &sender);
	if (l->kind == LINK_BRIDGED)
		bridgewall_link(fw->table, q, add, l, container);
}

/* An address of a family's length; none is all of them, whose first or last one fill makes. */
static void put_address(struct nft_data *d, const struct ip *ip, unsigned char len, unsigned char fill)
{
	unsigned char any[16];

	memset(any, fill, sizeof(any));
	nft_field(d, ip->len ? ip->bytes : any, len);
}

static void put_service(struct nft_data *d, unsigned char proto, uint16_t port)
{
	uint16_t wire = htons(port);

	if (proto)
		nft_field(d, &proto, 1);
	nft_field(d, &wire, sizeof(wire));
}

/* The whole range as one interval. */
static void put_range(const struct firewall *fw, struct nl_batch *q, bool add, const struct net_port *p, const struct ip *to,
		      const char *container)
{
	struct nft_element el = { .set = to->len == 16 ? "ranges6" : "ranges4", .comment = container };

	put_address(&el.key, &p->host, to->len, 0);
	put_service(&el.key, p->proto, p->first);
	put_address(&el.end, &p->host, to->len, 0xff);
	put_service(&el.end, p->proto, (uint16_t)(p->first + p->count - 1));
	nft_field(&el.value, to->bytes, to->len);
	nft_change(q, fw->table, add, &el);
}

void firewall_port(const struct firewall *fw, struct nl_batch *q, bool add, const struct net_port *p, const struct ip *to,
		   const char *container)
{
	const char *set = to->len == 16 ? p->host.len ? "ports6_at" : "ports6" : p->host.len ? "ports4_at" : "ports4";

	admission_port(fw->table, q, add, p, to->len, container);
	if (p->count > 1 && p->first == p->target) {
		put_range(fw, q, add, p, to, container);
		return;
	}
	for (uint16_t i = 0; i < p->count; i++) {
		struct nft_element el = { .set = set, .comment = container };

		if (p->host.len)
			put_address(&el.key, &p->host, to->len, 0);
		put_service(&el.key, p->proto, (uint16_t)(p->first + i));
		nft_field(&el.value, to->bytes, to->len);
		put_service(&el.value, 0, (uint16_t)(p->target + i));
		nft_change(q, fw->table, add, &el);
	}
}

void firewall_relay(const struct firewall *fw, struct nl_batch *q, bool add, const struct net_relay *r, const char *container)
{
	struct nft_element el = { .set = "relays6", .comment = container };
	const struct ip any = { 0 }, *at = ip_any(&r->at) ? &any : &r->at;

	put_address(&el.key, at, 16, 0);
	put_service(&el.key, r->proto, r->first);
	put_address(&el.end, at, 16, 0xff);
	put_service(&el.end, r->proto, (uint16_t)(r->first + r->count - 1));
	put_service(&el.value, 0, r->first);
	el.value.len = sizeof(r->first); /* what stands alone is not padded */
	nft_change(q, fw->table, add, &el);
}

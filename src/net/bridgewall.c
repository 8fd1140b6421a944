/* A bridge believes what it is told: whoever sends with a neighbour's hardware address gets the neighbour's frames, whoever answers ARP for
 * the gateway reads what goes out, whoever sends a router advertisement is the router. Attacker: root in a container, with NET_RAW and
 * NET_ADMIN, who sends any bytes.
 *
 * So every frame is looked at where it enters the bridge by a port of ours (known by its group), before the bridge learns from it. It
 * must be of the port's own hardware and network address, by one look-up of the three; in ARP the addresses that the message speaks of
 * are compared once more, in a neighbour advertisement its target. What remains is of the container itself, whatever it says.
 *
 * That leaves: who answers for others by office. There are no routers, no DHCP servers and no queriers among containers: the host is.
 * Nothing but IPv4, IPv6 and ARP passes; frames with a VLAN's tag have another type and do not.
 *
 * Taking away the element of a link silences its port, as in firewall.c. */
#include "net/bridgewall.h"

#include <linux/netfilter.h>
#include <stdio.h>
#include <string.h>

#include "sys/nft.h"

/* TABLE and the group's prefix: %1$s, %2$#x */
static const char rules[] =
	"table bridge %1$s\n"
	"delete table bridge %1$s\n"
	"table bridge %1$s {\n"
	"	set speakers4 { type ifname . ether_addr . ipv4_addr; }\n"
	"	set speakers6 { type ifname . ether_addr . ipv6_addr; }\n"
	"	set targets6 { typeof iifname . ether saddr . @th,64,128; }\n"
	"	chain resolving {\n"
	"		iifname . arp saddr ether . arp saddr ip != @speakers4 drop\n"
	"		iifname . ether saddr . arp saddr ip @speakers4 accept\n"
	"		drop\n"
	"	}\n"
	"	chain speaking4 {\n"
	"		iifname . ether saddr . ip saddr != @speakers4 drop\n"
	"		ip daddr 127.0.0.0/8 drop\n"
	"		udp sport 67 drop\n"
	"		igmp type membership-query drop\n"
	"	}\n"
	"	chain speaking6 {\n"
	"		iifname . ether saddr . ip6 saddr != @speakers6 drop\n"
	"		icmpv6 type { nd-router-advert, nd-redirect, mld-listener-query } drop\n"
	"		icmpv6 type nd-neighbor-advert iifname . ether saddr . @th,64,128 != @targets6 drop\n"
	"		udp sport 547 drop\n"
	"	}\n"
	"	chain early {\n"
	"		type filter hook prerouting priority -300;\n"
	"		meta iifgroup & 0xffff0000 != %2$#x accept\n"
	"		ether type vmap { arp : goto resolving, ip : goto speaking4, ip6 : goto speaking6 }\n"
	"		drop\n"
	"	}\n"
	"}\n";

int bridgewall_rules(const char *table, uint32_t prefix, char *out, size_t size)
{
	int len = snprintf(out, size, rules, table, prefix);

	return len < 0 || (size_t)len >= size ? -1 : len;
}

static void put(const char *table, struct nl_batch *q, bool add, const char *set, const struct net_link *l, const struct ip *ip,
		const char *container)
{
	struct nft_element el = { .family = NFPROTO_BRIDGE, .set = set, .comment = container };

	nft_field(&el.key, l->host, sizeof(l->host));
	nft_field(&el.key, l->mac, sizeof(l->mac));
	nft_field(&el.key, ip->bytes, ip->len);
	nft_change(q, table, add, &el);
}

/* The address of the link that the kernel makes of the hardware address (RFC 4291, appendix A). */
static struct ip own_address(const unsigned char mac[6])
{
	return (struct ip){ 16, { 0xfe, 0x80, 0, 0, 0, 0, 0, 0, mac[0] ^ 2, mac[1], mac[2], 0xff, 0xfe, mac[3], mac[4], mac[5] } };
}

void bridgewall_link(const char *table, struct nl_batch *q, bool add, const struct net_link *l, const char *container)
{
	struct ip own = own_address(l->mac);

	put(table, q, add, "speakers4", l, &l->ip.ip, container);
	if (!l->ip6.ip.len)
		return;
	put(table, q, add, "speakers6", l, &l->ip6.ip, container);
	put(table, q, add, "targets6", l, &l->ip6.ip, container);
	put(table, q, add, "speakers6", l, &own, container);
	put(table, q, add, "targets6", l, &own, container);
}

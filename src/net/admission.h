/* Published ports and what the host's own firewall says about who may come in. A packet for a published port never meets the rules that a
 * host has for its own services (hook input), for it is not for the host any more. Where those rules refuse anything they are asked:
 * admission.c says how. A part of firewall.h's table. */
#ifndef TARE_NET_ADMISSION_H
#define TARE_NET_ADMISSION_H

#include "net/port.h"
#include "sys/netlink.h"

/* Sets and chains, a block of the table, as text for nft(8) into out; the length, -1: more than size. firewall.c's chain that publishes
 * has these in front of what translates. */
int admission_rules(const char *table, uint32_t prefix, char *out, size_t size) MUST_CHECK;
#define ADMISSION_FIRST                                                                                                \
	"		meta nfproto @asking iif != lo meta iifgroup & 0xffff0000 != %2$#x ip saddr . meta l4proto . th dport != @admitted4 return\n"
#define ADMISSION_FIRST6                                                                                               \
	"		meta nfproto @asking iif != lo meta iifgroup & 0xffff0000 != %2$#x ip6 saddr . meta l4proto . th dport != @admitted6 return\n"

/* Into a change of the firewall: that a port is published, to an address of len bytes. */
void admission_port(const char *table, struct nl_batch *q, bool add, const struct net_port *p, unsigned char len, const char *container);

/* Whether the host's rules are asked, for NFPROTO_IPV4 or _IPV6; sock is an open one of nfnetlink. The first: 1, 0. */
int admission_asks(int sock, const char *table, unsigned char family) MUST_CHECK;
int admission_ask(int sock, const char *table, unsigned char family, bool on) MUST_CHECK;

#endif

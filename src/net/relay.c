/* A shared socket learns from the kernel which port was meant (IP6T_SO_ORIGINAL_DST), which it says of connections alone: a long range of
 * UDP ports is not relayed. */
#include "net/relay.h"

#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

static const struct ip anywhere = { .len = 16 };
static const struct ip loopback = { .len = 16, .bytes = { [15] = 1 } };

bool net_relay_is_shared(const struct net_relay *r)
{
	return r->count > RELAY_SOCKETS;
}

bool net_relay_of(const struct net_port *p, const struct ip *ip, const struct ip *ip6, struct net_relay *out)
{
	bool at_loopback = !p->host.len || ip_same(&p->host, &loopback);

	*out = (struct net_relay){ .proto = p->proto, .at = p->host.len ? p->host : ip6->len ? loopback : anywhere, .first = p->first,
				   .count = p->count, .to = *ip, .target = p->target };
	if (p->only == 4 || (p->proto != IPPROTO_TCP && p->proto != IPPROTO_UDP))
		return false;
	if (ip6->len && !at_loopback)
		return false; /* the firewall does that */
	return p->proto == IPPROTO_TCP || !net_relay_is_shared(out);
}

void net_relay_write(const struct net_relay *r, struct strbuf *out)
{
	char at[IP_TEXT_LEN], to[IP_TEXT_LEN];

	sb_printf(out, "%s %s %u %u %s %u\n", net_proto_name(r->proto), ip_text(&r->at, at), r->first, r->count, ip_text(&r->to, to), r->target);
}

int net_relay_parse(const char *line, struct net_relay *out, struct err *e)
{
	char proto[8], at[IP_TEXT_LEN], to[IP_TEXT_LEN];
	unsigned int first, count, target;
	int end = 0;

	*out = (struct net_relay){ 0 };
	if (sscanf(line, "%7s %49s %u %u %49s %u%n", proto, at, &first, &count, to, &target, &end) != 6 || line[end])
		return err_set(e, ERR_INVALID, "\"%.80s\" is no relay", line);
	if (net_proto_parse(proto, &out->proto) < 0 || ip_parse(at, &out->at) < 0 || out->at.len != 16 || ip_parse(to, &out->to) < 0 || first == 0 ||
	    target == 0 || count == 0 || first > 65535 || target > 65535 || count > 65536 - first || count > 65536 - target)
		return err_set(e, ERR_INVALID, "\"%.80s\" is no relay", line);
	out->first = (uint16_t)first;
	out->count = (uint16_t)count;
	out->target = (uint16_t)target;
	return 0;
}

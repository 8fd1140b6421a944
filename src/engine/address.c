/* A number of the IPv4 subnet is what is looked for: its IPv6 neighbour is the same number of that subnet, unless somebody asked for
 * another, or for a range of them. All of it happens in the transaction that writes the row. */
#include "engine/address.h"

#include <string.h>

#include "engine/cni_own.h"
#include "engine/record.h"

static int number_is_taken(const struct engine *en, const struct network *net, uint64_t number, struct err *e)
{
	CLEANUP_STMT struct cat_stmt *s = NULL;
	int r = cat_prepare(en->catalog, &s, e, "SELECT 1 FROM endpoints WHERE network = ?1 AND number = ?2", "si", net->id, (int64_t)number);

	return r < 0 ? r : cat_step(s, e);
}

static int ip6_is_taken(const struct engine *en, const struct network *net, const struct ip_net *ip6, struct err *e)
{
	CLEANUP_STMT struct cat_stmt *s = NULL;
	char text[IP_TEXT_LEN];
	int r = cat_prepare(en->catalog, &s, e, "SELECT 1 FROM endpoints WHERE network = ?1 AND ip6 = ?2", "ss", net->id, ip_net_text(ip6, text));

	return r < 0 ? r : cat_step(s, e);
}

/* --aux-address: somebody else on that network has it. */
static bool is_reserved(const struct network *net, const struct ip *ip)
{
	struct ip aux;

	json_each(text, json_get(net->config, "Aux"))
		if (text->type == JSON_STRING && ip_parse(text->str, &aux) == 0 && ip_same(&aux, ip))
			return true;
	return false;
}

/* The same number of the IPv6 subnet; 1: it is in use. */
static int same_ip6(const struct engine *en, const struct network *net, uint64_t number, struct ip_net *ip6, struct err *e)
{
	*ip6 = (struct ip_net){ ip_nth(&net->subnet6, number), net->subnet6.prefix };
	if (number >= ip_net_size(&net->subnet6) || ip_same(&ip6->ip, &net->gateway6) || is_reserved(net, &ip6->ip))
		return 1;
	return ip6_is_taken(en, net, ip6, e);
}

/* One of an IPv6 --ip-range: as far into it as the IPv4 address is into its own, or the next free one behind. */
static int range_ip6(const struct engine *en, const struct network *net, uint64_t number, struct ip_net *ip6, struct err *e)
{
	struct ip least = ip_first(net->range.ip.len ? &net->range : &net->subnet), router = ip_nth(&net->subnet6, 0);
	uint64_t first = ip_number(&net->subnet, &least), size = ip_net_size(&net->range6);

	for (uint64_t i = 0; i < size; i++) {
		int r;

		*ip6 = (struct ip_net){ ip_nth(&net->range6, ((number > first ? number - first : 0) + i) % size), net->subnet6.prefix };
		if (ip_same(&ip6->ip, &router) || ip_same(&ip6->ip, &net->gateway6) || is_reserved(net, &ip6->ip))
			continue;
		r = ip6_is_taken(en, net, ip6, e);
		if (r <= 0)
			return r;
	}
	return err_set(e, ERR_LIMIT, "network %s has no free IPv6 address: %llu are in its --ip-range", net->name, (unsigned long long)size);
}

#define HAS_IP6 2

/* 1: somebody has the IPv4 address, HAS_IP6: the other one. */
static int place_is_taken(const struct engine *en, const struct network *net, struct address_place *at, uint64_t number, struct err *e)
{
	int r = number_is_taken(en, net, number, e);

	at->number = number;
	at->ip = (struct ip_net){ ip_nth(&net->subnet, number), net->subnet.prefix };
	if (r != 0 || ip_same(&at->ip.ip, &net->gateway) || is_reserved(net, &at->ip.ip) || cni_own_is_held(net, &at->ip.ip))
		return r < 0 ? r : 1;
	if (!net->subnet6.ip.len || at->ip6.ip.len)
		return 0;
	r = net->range6.ip.len ? range_ip6(en, net, number, &at->ip6, e) : same_ip6(en, net, number, &at->ip6, e);
	if (r > 0)
		at->ip6 = (struct ip_net){ 0 };
	return r > 0 ? HAS_IP6 : r;
}

/* The next free one behind the one that was given last, so that an address is used again as late as possible. */
static int choose_place(const struct engine *en, const struct network *net, struct address_place *at, struct err *e)
{
	const struct ip_net *range = net->range.ip.len ? &net->range : &net->subnet;
	struct ip least = ip_first(range), most = ip_last(range);
	uint64_t first = ip_number(&net->subnet, &least), last = ip_number(&net->subnet, &most), n = (uint64_t)net->next;

	if (first == 0)
		first = 1;
	if (last == ip_net_size(&net->subnet) - 1)
		last--;
	for (uint64_t tried = first; tried <= last; tried++, n++) {
		int r;

		if (n > last || n < first)
			n = first;
		r = place_is_taken(en, net, at, n, e);
		if (r < 0)
			return r;
		if (r == 0)
			return cat_exec(en->catalog, e, "UPDATE networks SET next = ?2 WHERE id = ?1", "si", net->id, (int64_t)(n + 1));
	}
	return err_set(e, ERR_LIMIT, "network %s has no free address: %llu are in use or its own", net->name, (unsigned long long)(last < first ? 0 : last - first + 1));
}

/* An address that was asked for: whether it can be had at all. */
static int check_wish(const char *option, const char *text, const struct network *net, const struct ip_net *subnet, const struct ip *gateway, struct ip *ip,
		      struct err *e)
{
	uint64_t n;

	if (!subnet->ip.len)
		return err_set(e, ERR_INVALID, "%s %s: network %s has no IPv6 addresses (tare network create --ipv6)", option, text, net->name);
	if (ip_parse(text, ip) < 0 || !ip_net_has(subnet, ip))
		return err_set(e, ERR_INVALID, "%s %s is no address of network %s", option, text, net->name);
	n = ip_number(subnet, ip);
	if (n == 0 || (ip->len == 4 && n == ip_net_size(subnet) - 1) || ip_same(ip, gateway) || is_reserved(net, ip))
		return err_set(e, ERR_INVALID, "%s %s: network %s needs that address itself", option, text, net->name);
	return 0;
}

static int wished_ip6(const struct engine *en, const struct network *net, const char *text, struct address_place *at, struct err *e)
{
	int r = check_wish("--ip6", text, net, &net->subnet6, &net->gateway6, &at->ip6.ip, e);

	if (r < 0)
		return r;
	at->ip6.prefix = net->subnet6.prefix;
	r = ip6_is_taken(en, net, &at->ip6, e);
	return r > 0 ? err_set(e, ERR_CONFLICT, "--ip6 %s is in use in network %s", text, net->name) : r;
}

static int wished_ip(const struct engine *en, const struct network *net, const char *text, struct address_place *at, struct err *e)
{
	struct ip ip;
	int r = check_wish("--ip", text, net, &net->subnet, &net->gateway, &ip, e);

	if (r < 0)
		return r;
	r = place_is_taken(en, net, at, ip_number(&net->subnet, &ip), e);
	if (r == HAS_IP6)
		return err_set(e, ERR_CONFLICT, "--ip %s: the IPv6 address that goes with it is in use in network %s: choose another with --ip6", text, net->name);
	return r > 0 ? err_set(e, ERR_CONFLICT, "--ip %s is in use in network %s", text, net->name) : r;
}

int address_find(const struct engine *en, const struct network *net, const char *ip, const char *ip6, struct address_place *at, struct err *e)
{
	int r = ip6 && *ip6 ? wished_ip6(en, net, ip6, at, e) : 0;

	if (r < 0)
		return r;
	return ip && *ip ? wished_ip(en, net, ip, at, e) : choose_place(en, net, at, e);
}

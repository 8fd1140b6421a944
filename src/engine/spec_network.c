#include <stdio.h>
#include <string.h>

#include "base/ip.h"
#include "base/log.h"
#include "engine/etcfiles.h"
#include "engine/network.h"
#include "engine/spec_plan.h"
#include "net/port.h"

static int plan_mode(struct plan *p, struct err *e)
{
	const char *net = p->opt->network;

	p->host_net = net && strcmp(net, "host") == 0;
	p->no_net = net && strcmp(net, "none") == 0;
	if (net && strncmp(net, "container:", 10) == 0)
		return err_set(e, ERR_UNSUPPORTED, "--network %s: sharing another container's network is not supported yet", net);
	p->network = p->host_net || p->no_net ? NULL : network_is_default(net) ? NETWORK_DEFAULT : net;
	return 0;
}

/* Needs a network of tare's. */
static int wants_network(const struct plan *p, const char *option, struct err *e)
{
	return p->network ? 0 : err_set(e, ERR_INVALID, "%s needs a network, and --network is %s", option, p->opt->network);
}

static int plan_address(struct plan *p, struct err *e)
{
	unsigned int mac[6];
	struct ip ip;
	char end;
	int r = 0;

	if (p->opt->ip) {
		r = wants_network(p, "--ip", e);
		if (r == 0 && (ip_parse(p->opt->ip, &ip) < 0 || ip.len != 4))
			r = err_set(e, ERR_INVALID, "--ip %s is no IPv4 address", p->opt->ip);
		if (r == 0 && network_is_default(p->opt->network))
			r = err_set(e, ERR_INVALID, "--ip needs a network that was made with a subnet: tare network create --subnet");
	}
	if (r < 0 || !p->opt->mac_address)
		return r;
	if (sscanf(p->opt->mac_address, "%2x:%2x:%2x:%2x:%2x:%2x%c", &mac[0], &mac[1], &mac[2], &mac[3], &mac[4], &mac[5], &end) != 6 || mac[0] & 1)
		return err_set(e, ERR_INVALID, "--mac-address %s: six pairs of hex digits are wanted, no multicast address", p->opt->mac_address);
	return wants_network(p, "--mac-address", e);
}

/* -p as it is; -P is one free port of the host for each port that the image or --expose names. */
static int plan_ports(struct plan *p, const struct image_config *image, struct err *e)
{
	size_t n = 0, most = p->opt->publish.n + p->opt->expose.n;
	const char **v;
	struct net_port port;

	for (size_t i = 0; image && image->exposed_ports[i]; i++)
		most++;
	v = arena_array(p->a, most + 1, sizeof(*v));
	if (!v)
		return err_errno(e, -ENOMEM, "-p");
	for (size_t i = 0; i < p->opt->publish.n; i++)
		v[n++] = p->opt->publish.v[i];
	for (size_t i = 0; i < p->opt->expose.n; i++) {
		if (strchr(p->opt->expose.v[i], ':') || net_port_parse(p->opt->expose.v[i], &port, e) < 0)
			return err_set(e, ERR_INVALID, "--expose %s: want PORT[-PORT][/tcp|udp|sctp]", p->opt->expose.v[i]);
		if (p->opt->publish_all)
			v[n++] = p->opt->expose.v[i];
	}
	for (size_t i = 0; p->opt->publish_all && image && image->exposed_ports[i]; i++)
		v[n++] = image->exposed_ports[i];
	for (size_t i = 0; i < n; i++) {
		if (net_port_parse(v[i], &port, e) < 0)
			return e->code;
		if (port.host.len == 16)
			return err_set(e, ERR_UNSUPPORTED, "-p %s: ports of IPv6 addresses are not supported yet", v[i]);
	}
	if (n && p->host_net)
		log_warning("with --network host every port is the host's: -p has nothing to do");
	p->publish = (struct strv){ v, p->host_net ? 0 : n };
	return n && p->no_net ? wants_network(p, "-p", e) : 0;
}

static int plan_names(struct plan *p, struct err *e)
{
	const struct ct_options *o = p->opt;
	struct ip ip;

	for (size_t i = 0; i < o->add_host.n; i++)
		if (etc_check_host(o->add_host.v[i], e) < 0)
			return e->code;
	for (size_t i = 0; i < o->dns.n; i++)
		if (ip_parse(o->dns.v[i], &ip) < 0)
			return err_set(e, ERR_INVALID, "--dns %s is no address", o->dns.v[i]);
	for (size_t i = 0; i < o->dns_search.n; i++)
		if (!o->dns_search.v[i][0] || strpbrk(o->dns_search.v[i], " \t\n"))
			return err_set(e, ERR_INVALID, "--dns-search \"%s\" is no domain", o->dns_search.v[i]);
	for (size_t i = 0; i < o->dns_option.n; i++)
		if (!o->dns_option.v[i][0] || strpbrk(o->dns_option.v[i], " \t\n"))
			return err_set(e, ERR_INVALID, "--dns-option \"%s\" is no option of resolv.conf", o->dns_option.v[i]);
	return 0;
}

int plan_network(struct plan *p, const struct image_config *image, struct err *e)
{
	int r = plan_mode(p, e);

	if (r == 0)
		r = plan_address(p, e);
	if (r == 0)
		r = plan_ports(p, image, e);
	return r < 0 ? r : plan_names(p, e);
}

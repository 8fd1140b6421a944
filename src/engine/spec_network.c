#include <ctype.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/csv.h"
#include "base/io.h"
#include "base/ip.h"
#include "base/log.h"
#include "engine/etcfiles.h"
#include "engine/links.h"
#include "engine/network.h"
#include "engine/placeopts.h"
#include "engine/spec_plan.h"
#include "net/port.h"
#include "net/usernet.h"

static const char *mode(const struct plan *p)
{
	if (p->net_of.id)
		return arena_printf(p->a, "container:%s", p->net_of.name);
	return p->host_net ? "host" : "none";
}

/* Needs a network of tare's. */
static int wants_network(const struct plan *p, const char *option, struct err *e)
{
	return p->n_networks ? 0 : err_set(e, ERR_INVALID, "%s needs a network, and --network is %s", option, mode(p));
}

static int add_text(struct plan *p, struct strv *list, const char *text, struct err *e)
{
	const char **v = arena_array(p->a, list->n + 1, sizeof(*v));

	if (!v)
		return err_errno(e, -ENOMEM, "--network");
	if (list->n)
		memcpy(v, list->v, list->n * sizeof(*v));
	v[list->n] = text;
	*list = (struct strv){ v, list->n + 1 };
	return 0;
}

/* Podman's NAME:KEY=VALUE,… and what is like it, and several networks in one option: how it is written here. */
static int check_form(const char *text, struct strv parts, struct err *e)
{
	size_t name = strcspn(text, ":,=");

	if (!text[name] || text[name] == '=')
		return 0;
	if (strchr(text, '='))
		return err_set(e, ERR_INVALID, "--network %s: write it as --network name=%.*s,%s", text, (int)name, text, text + name + 1);
	if (text[name] == ',' && parts.n > 1)
		return err_set(e, ERR_INVALID, "--network %s: one --network for each: --network %s --network %s", text, parts.v[0], parts.v[1]);
	return 0;
}

/* One KEY=VALUE of the long form. */
static int take_key(struct plan *p, const char *text, const char *part, struct ct_network *out, struct err *e)
{
	const struct {
		const char *key;
		const char **one;
		struct strv *several;
	} rows[] = {
		{ "name", &out->name, NULL },	{ "ip", &out->ip, NULL },
		{ "ip6", &out->ip6, NULL },	{ "mac-address", &out->mac_address, NULL },
		{ "gw-priority", &out->gw_priority, NULL }, { "alias", NULL, &out->aliases },
		{ "link-local-ip", NULL, &out->link_local }, { "driver-opt", NULL, &out->driver_opts },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		const char *v = plan_value_of(part, rows[i].key);

		if (v && rows[i].several)
			return add_text(p, rows[i].several, v, e);
		if (!v)
			continue;
		*rows[i].one = v;
		return 0;
	}
	return err_set(e, ERR_UNSUPPORTED, "--network %s: \"%s\" is not supported (name, alias, ip, ip6, mac-address, gw-priority, link-local-ip and driver-opt are)",
		       text, part);
}

/* "name=NAME,KEY=VALUE…", where a part may be in quotes. */
static int take_keys(struct plan *p, const char *text, struct ct_network *out, struct err *e)
{
	CLEANUP_STRBUF struct strbuf field = STRBUF_INIT;
	const char *at = text;

	for (;;) {
		const char *part;

		at = csv_next(at, &field);
		if (!at)
			return err_set(e, ERR_INVALID, "--network %s: a double quote is not closed", text);
		part = arena_strdup(p->a, sb_str(&field));
		if (sb_error(&field) < 0 || !part)
			return err_errno(e, -ENOMEM, "--network");
		if (take_key(p, text, part, out, e) < 0)
			return e->code;
		if (!*at)
			return 0;
		at++;
	}
}

/* "NAME", or the long form. */
static int parse_network(struct plan *p, const char *text, struct ct_network *out, struct err *e)
{
	struct strv parts = plan_split(p->a, text, ',');

	*out = (struct ct_network){ .name = text };
	if (check_form(text, parts, e) < 0)
		return e->code;
	if (!strchr(text, '='))
		return 0;
	out->name = NULL;
	if (take_keys(p, text, out, e) < 0)
		return e->code;
	return out->name ? 0 : err_set(e, ERR_INVALID, "--network %s: which one? name=NAME", text);
}

static int plan_modes(struct plan *p, struct err *e)
{
	static const char *const usual[] = { NETWORK_DEFAULT };
	struct strv texts = p->opt->networks.n ? p->opt->networks : (struct strv){ usual, 1 };

	p->networks = arena_array(p->a, texts.n, sizeof(*p->networks));
	if (!p->networks)
		return err_errno(e, -ENOMEM, "--network");
	if (p->rootless)
		return plan_usernet(p, e);
	for (size_t i = 0; i < texts.n; i++) {
		const char *text = texts.v[i];

		if (net_usernet_is(text))
			return err_set(e, ERR_UNSUPPORTED, "--network %s is what an ordinary user has: root has networks of tare's", text);

		p->host_net |= strcmp(text, "host") == 0;
		p->no_net |= strcmp(text, "none") == 0;
		if ((p->host_net || p->no_net || p->net_of.id) && texts.n > 1)
			return err_set(e, ERR_INVALID, "--network %s goes with no other network", mode(p));
		if (!p->host_net && !p->no_net && !p->net_of.id && parse_network(p, text, &p->networks[p->n_networks++], e) < 0)
			return e->code;
		if (p->n_networks && network_is_default(p->networks[p->n_networks - 1].name))
			p->networks[p->n_networks - 1].name = NETWORK_DEFAULT;
	}
	return 0;
}

/* Which option is about the first network; NULL: none is given. */
static const char *about_first(const struct ct_options *o)
{
	return o->ip ? "--ip" : o->ip6 ? "--ip6" : o->mac_address ? "--mac-address" : o->network_aliases.n ? "--network-alias" : o->links.n ? "--link" :
	       o->link_local.n ? "--link-local-ip" : NULL;
}

/* They are about the first one. */
static int plan_first(struct plan *p, struct err *e)
{
	struct ct_network *first = p->n_networks ? &p->networks[0] : NULL;
	const char *option = about_first(p->opt);
	int r = option && !p->rootless ? wants_network(p, option, e) : 0;

	if (r < 0 || !first)
		return r;
	if (p->opt->ip)
		first->ip = p->opt->ip;
	if (p->opt->ip6)
		first->ip6 = p->opt->ip6;
	if (p->opt->mac_address)
		first->mac_address = p->opt->mac_address;
	for (size_t i = 0; r == 0 && i < p->opt->network_aliases.n; i++)
		r = add_text(p, &first->aliases, p->opt->network_aliases.v[i], e);
	for (size_t i = 0; r == 0 && i < p->opt->links.n; i++)
		r = add_text(p, &first->links, p->opt->links.v[i], e);
	for (size_t i = 0; r == 0 && i < p->opt->link_local.n; i++)
		r = add_text(p, &first->link_local, p->opt->link_local.v[i], e);
	return r;
}

/* One that can be asked for (wire/dns.h). What begins with a dot or ends with one, or has two, has an empty label. */
static bool is_alias(const char *text)
{
	size_t len = strlen(text);

	for (const char *p = text; *p; p++)
		if (!isalnum((unsigned char)*p) && !strchr("-_.", *p))
			return false;
	return len > 0 && len <= 63 && text[0] != '.' && text[len - 1] != '.' && !strstr(text, "..");
}

int network_check_place(const struct ct_network *n, struct err *e)
{
	static const unsigned char none[MAC_LEN];
	unsigned char mac[MAC_LEN];
	struct ip ip;

	for (size_t i = 0; i < n->aliases.n; i++)
		if (!is_alias(n->aliases.v[i]))
			return err_set(e, ERR_INVALID, "\"%s\" is no name for a container in a network: 1 to 63 letters, digits, '-', '_' or, between them, '.'", n->aliases.v[i]);
	if (placeopts_check(n, e) < 0)
		return e->code;
	for (size_t i = 0; i < n->links.n; i++)
		if (links_check(n->links.v[i], e) < 0)
			return e->code;
	if (n->ip && (ip_parse(n->ip, &ip) < 0 || ip.len != 4))
		return err_set(e, ERR_INVALID, "--ip %s is no IPv4 address", n->ip);
	if (n->ip6 && (ip_parse(n->ip6, &ip) < 0 || ip.len != 16))
		return err_set(e, ERR_INVALID, "--ip6 %s is no IPv6 address", n->ip6);
	if (n->ip6 && network_is_default(n->name))
		return err_set(e, ERR_INVALID, "--ip6 needs a network that was made with --ipv6: tare network create --ipv6");
	if (n->ip && network_is_default(n->name))
		return err_set(e, ERR_INVALID, "--ip needs a network that was made with a subnet: tare network create --subnet");
	if (n->aliases.n && network_is_default(n->name))
		return err_set(e, ERR_INVALID, "--network-alias %s: the default network has no names; make one: tare network create", n->aliases.v[0]);
	if (n->mac_address && (mac_parse(n->mac_address, mac) < 0 || mac[0] & 1 || memcmp(mac, none, sizeof(mac)) == 0))
		return err_set(e, ERR_INVALID, "--mac-address %s: six pairs of hex digits are wanted, neither all zero nor a multicast address", n->mac_address);
	return 0;
}

static int plan_places(struct plan *p, struct err *e)
{
	int r = plan_modes(p, e);

	if (r == 0)
		r = plan_first(p, e);
	for (size_t i = 0; r == 0 && i < p->n_networks; i++) {
		p->networks[i].any_opts = p->opt->profile != NULL;
		r = network_check_place(&p->networks[i], e);
		for (size_t k = 0; r == 0 && k < i; k++)
			if (strcmp(p->networks[k].name, p->networks[i].name) == 0)
				r = err_set(e, ERR_INVALID, "--network %s is named twice", p->networks[i].name);
	}
	return r;
}

/* The first port from which a program of the host needs no right to listen. */
static uint32_t first_free_port(void)
{
	CLEANUP_FD int fd = open("/proc/sys/net/ipv4/ip_unprivileged_port_start", O_RDONLY | O_CLOEXEC);
	char text[16];
	uint32_t port = 1024;

	if (fd >= 0 && io_read_text(fd, text, sizeof(text)) > 0)
		port = (uint32_t)strtoul(text, NULL, 10);
	return port;
}

static bool is_low(const char *text, uint32_t first_free)
{
	struct net_port port;
	struct err ignored;

	return net_port_parse(text, &port, &ignored) == 0 && port.target < first_free;
}

/* The host's network belongs to the host's user namespace, in which a container with one of its own has no rights,
 * NET_BIND_SERVICE least of all. */
static void warn_of_low_ports(const struct plan *p, const struct image_config *image)
{
	bool concerned = p->host_net && p->userns && !p->rootless;
	uint32_t first_free = concerned ? first_free_port() : 0;
	const char *low = NULL;

	for (size_t i = 0; concerned && image && image->exposed_ports[i]; i++)
		low = is_low(image->exposed_ports[i], first_free) ? image->exposed_ports[i] : low;
	for (size_t i = 0; concerned && i < p->opt->expose.n; i++)
		low = is_low(p->opt->expose.v[i], first_free) ? p->opt->expose.v[i] : low;
	if (low)
		log_warning("--network host: the container has user ids of its own, and cannot listen below port %u of the host's (%s is exposed): "
			    "--userns=host lets it", first_free, low);
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
		if (strpbrk(p->opt->expose.v[i], ":=") || net_port_parse(p->opt->expose.v[i], &port, e) < 0)
			return err_set(e, ERR_INVALID, "--expose %s: want PORT[-PORT][/tcp|udp|sctp]", p->opt->expose.v[i]);
		if (p->opt->publish_all)
			v[n++] = p->opt->expose.v[i];
	}
	for (size_t i = 0; p->opt->publish_all && image && image->exposed_ports[i]; i++)
		v[n++] = image->exposed_ports[i];
	for (size_t i = 0; i < n; i++) {
		if (net_port_parse(v[i], &port, e) < 0 || (p->usernet && plan_usernet_port(p, &port, e) < 0))
			return e->code;
	}
	if (n && p->host_net)
		log_warning("with --network host every port is the host's: -p has nothing to do");
	warn_of_low_ports(p, image);
	p->publish = (struct strv){ v, p->host_net ? 0 : n };
	return n && p->no_net ? wants_network(p, "-p", e) : 0;
}

/* A domain, with or without the last dot; "." alone says none. */
static bool is_search(const char *text)
{
	size_t len = strlen(text);

	for (const char *p = text; *p; p++)
		if (!isalnum((unsigned char)*p) && !strchr("-_.", *p))
			return false;
	return strcmp(text, ".") == 0 || (len > 0 && len < 255 && text[0] != '.' && !strstr(text, ".."));
}

int plan_dns(const struct ct_options *o, struct err *e)
{
	struct ip ip;

	for (size_t i = 0; i < o->dns.n; i++)
		if (ip_parse(o->dns.v[i], &ip) < 0)
			return err_set(e, ERR_INVALID, "--dns %s is no address", o->dns.v[i]);
	for (size_t i = 0; i < o->dns_search.n; i++)
		if (!is_search(o->dns_search.v[i]))
			return err_set(e, ERR_INVALID, "--dns-search \"%s\" is no domain: letters, digits, '-' and '_' with dots between; one for each --dns-search",
				       o->dns_search.v[i]);
	for (size_t i = 0; i < o->dns_option.n; i++)
		if (!o->dns_option.v[i][0] || strpbrk(o->dns_option.v[i], " \t\n"))
			return err_set(e, ERR_INVALID, "--dns-option \"%s\" is no option of resolv.conf", o->dns_option.v[i]);
	return 0;
}

static int plan_names(struct plan *p, struct err *e)
{
	const struct ct_options *o = p->opt;

	for (size_t i = 0; i < o->add_host.n; i++) {
		if (etc_check_host(o->add_host.v[i], e) < 0)
			return e->code;
		if (p->no_net && etc_wants_gateway(o->add_host.v[i]))
			return err_set(e, ERR_INVALID, "--add-host %s: with --network none there is no way to the host", o->add_host.v[i]);
	}
	return plan_dns(o, e);
}

/* What is said about a network is said where it belongs to. */
static int check_shared(const struct plan *p, struct err *e)
{
	const struct ct_options *o = p->opt;
	const struct {
		const char *option;
		bool given;
	} rows[] = {
		{ "-p", o->publish.n > 0 },       { "-P", o->publish_all },	      { "--expose", o->expose.n > 0 },
		{ "--ip", o->ip },		  { "--ip6", o->ip6 },		       { "--mac-address", o->mac_address }, { "--network-alias", o->network_aliases.n > 0 },
		{ "--link", o->links.n > 0 },
		{ "--link-local-ip", o->link_local.n > 0 },
		{ "--dns", o->dns.n > 0 },	  { "--dns-search", o->dns_search.n > 0 }, { "--dns-option", o->dns_option.n > 0 },
		{ "--add-host", o->add_host.n > 0 }, { "--hostname", o->hostname },    { "--domainname", o->domainname },
	};

	for (size_t i = 0; p->net_of.id && i < ARRAY_LEN(rows); i++)
		if (rows[i].given)
			return err_set(e, ERR_INVALID, "%s contradicts --network %s: give it to container %s, whose network it is", rows[i].option, mode(p),
				       p->net_of.name);
	return 0;
}

int plan_network(struct plan *p, const struct image_config *image, struct err *e)
{
	int r = check_shared(p, e);

	if (r == 0)
		r = plan_places(p, e);

	if (r == 0)
		r = plan_ports(p, image, e);
	return r < 0 ? r : plan_names(p, e);
}

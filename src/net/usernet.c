/* pasta would give the container the host's own address, and the host could then not be reached by it, nor would it be known before the
 * start what goes into /etc/hosts: it is told the addresses that slirp4netns has. IPv6 is the host's with pasta, one of its own
 * with slirp4netns. Each is told not to show what listens on the host's loopback alone: that was not meant for containers. */
#include "net/usernet.h"

#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"

#define DEVICE "eth0" /* in the container */
#define USUAL_MTU 65520U
#define MOST_REQUESTS 1024U
#define LEAST_MTU 1280U /* IPv6's */

static const char *const names[] = { [USERNET_PASTA] = "pasta", [USERNET_SLIRP] = "slirp4netns" };

const char *net_usernet_program(const struct net_usernet *u)
{
	return names[u->kind];
}

static struct ip numbered(const struct net_usernet *u, uint64_t n)
{
	return ip_nth(&u->subnet, n);
}

struct ip net_usernet_gateway(const struct net_usernet *u)
{
	return numbered(u, 2);
}

struct ip net_usernet_dns(const struct net_usernet *u)
{
	return numbered(u, 3);
}

struct ip net_usernet_own(const struct net_usernet *u)
{
	return numbered(u, 100);
}

/* ---- the text ---- */

static int kind_of(const char *text, enum usernet_kind *kind)
{
	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		size_t len = strlen(names[i]);

		if (strncmp(text, names[i], len) == 0 && (!text[len] || text[len] == ':')) {
			*kind = (enum usernet_kind)i;
			return 0;
		}
	}
	return -EINVAL;
}

bool net_usernet_is(const char *text)
{
	enum usernet_kind kind;

	return kind_of(text, &kind) == 0;
}

static int take_bool(const char *value, bool *out)
{
	*out = strcmp(value, "true") == 0;
	return *out || strcmp(value, "false") == 0 ? 0 : -EINVAL;
}

static int take_mtu(const char *value, uint32_t *out)
{
	return text_u32(value, out) < 0 || *out < LEAST_MTU || *out > USUAL_MTU ? -EINVAL : 0;
}

static int take_subnet(const char *value, struct ip_net *out)
{
	if (ip_net_parse(value, out) < 0 || out->ip.len != 4 || out->prefix < 8 || out->prefix > 25)
		return -EINVAL;
	out->ip = ip_first(out);
	return 0;
}

/* -ENOENT: nobody knows it; -EINVAL: not with this value. */
static int take_option(const char *key, const char *value, struct net_usernet *u)
{
	bool pasta = u->kind == USERNET_PASTA;

	if (strcmp(key, "mtu") == 0)
		return take_mtu(value, &u->mtu);
	if (strcmp(key, "cidr") == 0)
		return take_subnet(value, &u->subnet);
	if (strcmp(key, "allow_host_loopback") == 0)
		return take_bool(value, &u->host_loopback);
	if (strcmp(key, "enable_ipv6") == 0)
		return take_bool(value, &u->ipv6);
	if (strcmp(key, "port_handler") == 0 && !pasta)
		return strcmp(value, "slirp4netns") == 0 ? 0 : -EINVAL;
	return -ENOENT;
}

/* One of pasta's own. */
static int take_word(const char *word, struct net_usernet *u)
{
	if (u->kind != USERNET_PASTA)
		return -ENOENT;
	if (strcmp(word, "--map-gw") == 0)
		u->host_loopback = true;
	else if (strcmp(word, "--no-map-gw") == 0)
		u->host_loopback = false;
	else if (strcmp(word, "-4") == 0 || strcmp(word, "--ipv4-only") == 0)
		u->ipv6 = false;
	else
		return -ENOENT;
	return 0;
}

/* The option at *at, and *at behind it. */
static int next_option(const char **at, const char *text, struct net_usernet *u, struct err *e)
{
	char copy[128], *eq;
	size_t len = strcspn(*at, ",");
	bool number = u->kind == USERNET_PASTA && (!strncmp(*at, "-m,", 3) || !strncmp(*at, "--mtu,", 6));
	int r;

	if (number)
		len += 1 + strcspn(*at + len + 1, ",");
	if (len >= sizeof(copy))
		return err_set(e, ERR_INVALID, "--network %s: an option is too long", text);
	memcpy(copy, *at, len);
	copy[len] = '\0';
	*at += len + ((*at)[len] == ',');
	eq = strchr(copy, number ? ',' : '=');
	if (eq)
		*eq = '\0';
	r = number ? take_mtu(eq + 1, &u->mtu) : eq ? take_option(copy, eq + 1, u) : take_word(copy, u);
	if (r == -ENOENT)
		return err_set(e, ERR_UNSUPPORTED, "--network %s: option \"%s\" is not supported (mtu, cidr, allow_host_loopback and enable_ipv6 are)", text, copy);
	return r < 0 ? err_set(e, ERR_INVALID, "--network %s: \"%s\" is no value for %s", text, eq ? eq + 1 : "", copy) : 0;
}

int net_usernet_parse(const char *text, struct net_usernet *out, struct err *e)
{
	const char *at = strchr(text, ':');
	int r = 0;

	*out = (struct net_usernet){ .mtu = USUAL_MTU };
	if (kind_of(text, &out->kind) < 0 || take_subnet("10.0.2.0/24", &out->subnet) < 0)
		return err_set(e, ERR_INVALID, "--network %s: neither pasta nor slirp4netns", text);
	out->ipv6 = out->kind == USERNET_PASTA;
	for (at = at ? at + 1 : ""; r == 0 && *at;)
		r = next_option(&at, text, out, e);
	return r;
}

int net_usernet_port(const struct net_usernet *u, const struct net_port *p, struct err *e)
{
	if (p->proto != IPPROTO_TCP && p->proto != IPPROTO_UDP)
		return err_set(e, ERR_UNSUPPORTED, "-p: %s knows ports of tcp and udp alone, not of %s", net_usernet_program(u), net_proto_name(p->proto));
	if (p->only == 16 && u->kind == USERNET_SLIRP)
		return err_set(e, ERR_UNSUPPORTED, "-p: slirp4netns has no ports of IPv6 addresses (pasta has)");
	if (p->count > MOST_REQUESTS && u->kind == USERNET_SLIRP)
		return err_set(e, ERR_LIMIT, "-p: slirp4netns is asked for each port by itself, and for a range of at most %u (pasta has no such limit)",
			       MOST_REQUESTS);
	return 0;
}

/* ---- the description ---- */

void net_usernet_write(struct json_writer *w, const char *key, const struct net_usernet *u)
{
	char text[IP_TEXT_LEN];

	jw_object(w, key);
	jw_str(w, "program", net_usernet_program(u));
	jw_u64(w, "mtu", u->mtu);
	jw_str(w, "subnet", ip_net_text(&u->subnet, text));
	jw_bool(w, "hostLoopback", u->host_loopback);
	jw_bool(w, "ipv6", u->ipv6);
	jw_array(w, "ports");
	for (size_t i = 0; i < u->n_ports; i++) {
		const struct net_port *p = &u->ports[i];

		jw_object(w, NULL);
		jw_str(w, "proto", net_proto_name(p->proto));
		jw_str(w, "host", net_port_host(p, text));
		jw_u64(w, "first", p->first);
		jw_u64(w, "count", p->count);
		jw_u64(w, "target", p->target);
		jw_end_object(w);
	}
	jw_end_array(w);
	jw_end_object(w);
}

static int read_port(const struct json *obj, struct net_port *p, struct err *e)
{
	const char *proto = "", *host = "";
	uint32_t first = 0, count = 0, target = 0;
	int r;

	if ((r = json_get_str(obj, "ports", "proto", &proto, e)) < 0 || (r = json_get_str(obj, "ports", "host", &host, e)) < 0 ||
	    (r = json_get_u32(obj, "ports", "first", &first, e)) < 0 || (r = json_get_u32(obj, "ports", "count", &count, e)) < 0 ||
	    (r = json_get_u32(obj, "ports", "target", &target, e)) < 0)
		return r;
	if (net_proto_parse(proto, &p->proto) < 0 || net_port_set_host(p, host) < 0 || !first || !count || !target ||
	    first > 65535 || target > 65535 || count > 65536 - first || count > 65536 - target)
		return err_set(e, ERR_INVALID, "ports: proto, first, count and target are required, up to 65535");
	p->first = (uint16_t)first;
	p->last = (uint16_t)(first + count - 1);
	p->count = (uint16_t)count;
	p->target = (uint16_t)target;
	return 0;
}

static int read_all(struct arena *a, const struct json *obj, struct net_usernet *u, struct err *e)
{
	const struct json *list = NULL;
	const char *program = "", *subnet = "";
	struct net_port *v;
	int r;

	if ((r = json_get_str(obj, "usernet", "program", &program, e)) < 0 || (r = json_get_u32(obj, "usernet", "mtu", &u->mtu, e)) < 0 ||
	    (r = json_get_str(obj, "usernet", "subnet", &subnet, e)) < 0 || (r = json_get_bool(obj, "usernet", "hostLoopback", &u->host_loopback, e)) < 0 ||
	    (r = json_get_bool(obj, "usernet", "ipv6", &u->ipv6, e)) < 0 || (r = json_get_array(obj, "usernet", "ports", &list, e)) < 0)
		return r;
	if (strchr(program, ':') || kind_of(program, &u->kind) < 0 || take_subnet(subnet, &u->subnet) < 0)
		return err_set(e, ERR_INVALID, "program and subnet are required");
	v = arena_array(a, list ? list->len + 1 : 1, sizeof(*v));
	if (!v)
		return err_errno(e, -ENOMEM, "ports");
	u->ports = v;
	json_each(port, list) {
		r = read_port(port, &v[u->n_ports++], e);
		if (r < 0)
			return r;
	}
	return 0;
}

int net_usernet_read(struct arena *a, const struct json *obj, struct net_usernet *out, struct err *e)
{
	*out = (struct net_usernet){ .mtu = USUAL_MTU };
	return read_all(a, obj, out, e) < 0 ? err_ctx(e, "usernet") : 0;
}

/* ---- the command line ---- */

struct args {
	struct arena *a;
	const char **v;
	size_t n;
};

#define ADD(to, ...) add(to, (const char *const[]){ __VA_ARGS__, NULL })

static void add(struct args *to, const char *const *words)
{
	for (; *words; words++)
		to->v[to->n++] = *words;
}

static const char *address(struct args *to, struct ip ip)
{
	char text[IP_TEXT_LEN];

	return arena_strdup(to->a, ip_text(&ip, text));
}

/* [ADDRESS/]FIRST[-LAST][:TARGET[-LAST]] */
static const char *pasta_port(struct arena *a, const struct net_port *p)
{
	char host[IP_TEXT_LEN];
	const char *at = p->only ? arena_printf(a, "%s/", net_port_host(p, host)) : "";

	if (p->count == 1)
		return arena_printf(a, "%s%u:%u", at, p->first, p->target);
	return arena_printf(a, "%s%u-%u:%u-%u", at, p->first, p->first + p->count - 1, p->target, p->target + p->count - 1);
}

/* Nothing is to be led there, or from there to the host's loopback, but what was asked for: its defaults lead everything. */
static void pasta_ports(struct args *to, const struct net_usernet *u)
{
	size_t n[2] = { 0 };

	for (size_t i = 0; i < u->n_ports; i++) {
		bool udp = u->ports[i].proto == IPPROTO_UDP;

		ADD(to, udp ? "-u" : "-t", pasta_port(to->a, &u->ports[i]));
		n[udp]++;
	}
	if (!n[0])
		ADD(to, "-t", "none");
	if (!n[1])
		ADD(to, "-u", "none");
	ADD(to, "-T", "none", "-U", "none");
}

static void pasta(struct args *to, const struct net_usernet *u, const char *netns)
{
	ADD(to, "-f", "-q", "-P", arena_printf(to->a, "/proc/self/fd/%d", USERNET_READY_FD), "--config-net", "-I", DEVICE, "-m",
	    arena_printf(to->a, "%u", u->mtu), "-a", address(to, net_usernet_own(u)), "-n", arena_printf(to->a, "%u", u->subnet.prefix), "-g",
	    address(to, net_usernet_gateway(u)), "--dns-forward", address(to, net_usernet_dns(u)));
	if (!u->host_loopback)
		ADD(to, "--no-map-gw");
	if (!u->ipv6)
		ADD(to, "-4");
	pasta_ports(to, u);
	ADD(to, "--netns-only", "--netns", netns);
}

static void slirp(struct args *to, const struct net_usernet *u, const char *netns)
{
	char subnet[IP_TEXT_LEN];

	ADD(to, "-c", "-m", arena_printf(to->a, "%u", u->mtu), "--cidr", arena_strdup(to->a, ip_net_text(&u->subnet, subnet)), "--enable-sandbox",
	    "--enable-seccomp", "-r", arena_printf(to->a, "%d", USERNET_READY_FD), "-e", arena_printf(to->a, "%d", USERNET_EXIT_FD));
	if (!u->host_loopback)
		ADD(to, "--disable-host-loopback");
	if (u->ipv6)
		ADD(to, "--enable-ipv6");
	if (u->n_ports)
		ADD(to, "-a", USERNET_API);
	ADD(to, "--netns-type=path", netns, DEVICE);
}

const char *const *net_usernet_args(struct arena *a, const struct net_usernet *u)
{
	struct args to = { .a = a, .v = arena_array(a, 40 + 2 * u->n_ports, sizeof(*to.v)) };
	const char *netns = arena_printf(a, "/proc/self/fd/%d", USERNET_NETNS_FD);

	if (!to.v || !netns)
		return NULL;
	ADD(&to, net_usernet_program(u));
	if (u->kind == USERNET_PASTA)
		pasta(&to, u, netns);
	else
		slirp(&to, u, netns);
	return arena_error(a) < 0 ? NULL : to.v;
}

void net_usernet_request(const struct net_usernet *u, const struct net_port *p, uint16_t n, struct strbuf *out)
{
	struct json_writer w = JSON_WRITER(out);
	struct ip own = net_usernet_own(u);
	char host[IP_TEXT_LEN], guest[IP_TEXT_LEN];

	jw_object(&w, NULL);
	jw_str(&w, "execute", "add_hostfwd");
	jw_object(&w, "arguments");
	jw_str(&w, "proto", net_proto_name(p->proto));
	jw_str(&w, "host_addr", p->only ? net_port_host(p, host) : "0.0.0.0");
	jw_u64(&w, "host_port", p->first + n);
	jw_str(&w, "guest_addr", ip_text(&own, guest));
	jw_u64(&w, "guest_port", p->target + n);
	jw_end_object(&w);
	jw_end_object(&w);
}

#include "engine/endpoint.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/socket.h>

#include "base/log.h"
#include "base/text.h"
#include "engine/etcfiles.h"
#include "engine/record.h"
#include "engine/resolver.h"
#include "sys/conntrack.h"

#define RANDOM_FIRST 32768
#define RANDOM_LAST 60999

/* ---- addresses ---- */

static int number_is_taken(const struct engine *en, const struct network *net, uint64_t number, struct err *e)
{
	CLEANUP_STMT struct cat_stmt *s = NULL;
	int r = cat_prepare(en->catalog, &s, e, "SELECT 1 FROM endpoints WHERE network = ?1 AND number = ?2", "si", net->id, (int64_t)number);

	return r < 0 ? r : cat_step(s, e);
}

/* The next free one behind the one that was given last, so that an address is used again as late as possible. */
static int choose_number(const struct engine *en, const struct network *net, uint64_t *number, struct err *e)
{
	uint64_t last = ip_net_size(&net->subnet) - 1, n = (uint64_t)net->next;

	for (uint64_t tried = 0; tried < last; tried++, n++) {
		int r;

		if (n >= last || n == 0)
			n = 1;
		if (n == ip_number(&net->subnet, &net->gateway))
			continue;
		r = number_is_taken(en, net, n, e);
		if (r < 0)
			return r;
		if (r > 0)
			continue;
		*number = n;
		return cat_exec(en->catalog, e, "UPDATE networks SET next = ?2 WHERE id = ?1", "si", net->id, (int64_t)(n + 1));
	}
	return err_set(e, ERR_LIMIT, "network %s has no free address: %llu are in use", net->name, (unsigned long long)last - 2);
}

static int given_number(const struct engine *en, const struct network *net, const char *text, uint64_t *number, struct err *e)
{
	struct ip ip;
	int r;

	if (ip_parse(text, &ip) < 0 || !ip_net_has(&net->subnet, &ip))
		return err_set(e, ERR_INVALID, "--ip %s is no address of network %s", text, net->name);
	*number = ip_number(&net->subnet, &ip);
	if (*number == 0 || *number == ip_net_size(&net->subnet) - 1 || ip_same(&ip, &net->gateway))
		return err_set(e, ERR_INVALID, "--ip %s: network %s needs that address itself", text, net->name);
	r = number_is_taken(en, net, *number, e);
	return r > 0 ? err_set(e, ERR_CONFLICT, "--ip %s is in use in network %s", text, net->name) : r;
}

/* 02:42 and the address, as Docker's: the same for whoever gets the address next, so that neighbours need not learn it again. */
static const char *own_mac(const struct ip *ip, char out[MAC_TEXT_LEN])
{
	return mac_text((const unsigned char[]){ 0x02, 0x42, ip->bytes[0], ip->bytes[1], ip->bytes[2], ip->bytes[3] }, out);
}

/* An array of texts with a blank between. */
static const char *joined(struct arena *a, const struct json *array)
{
	CLEANUP_STRBUF struct strbuf b = STRBUF_INIT;

	json_each(text, array)
		sb_printf(&b, "%s%s", b.len ? " " : "", text->str);
	return arena_strdup(a, sb_str(&b));
}

static int take_address(const struct engine *en, struct arena *a, const char *id, const struct json *config, const struct json *wish,
			int64_t position, struct err *e)
{
	const char *name = NULL, *ip = NULL, *mac = NULL;
	char host[LINK_NAME_LEN] = "ta", text[IP_TEXT_LEN], made[MAC_TEXT_LEN];
	struct ip_net address;
	struct network net;
	uint64_t number = 0;
	int r;

	if ((r = json_get_str(wish, "Networks", "Name", &name, e)) < 0 || (r = json_get_str(wish, "Networks", "IPAddress", &ip, e)) < 0 ||
	    (r = json_get_str(wish, "Networks", "MacAddress", &mac, e)) < 0 || (r = network_find(en, a, name, &net, e)) < 0)
		return r;
	r = ip && *ip ? given_number(en, &net, ip, &number, e) : choose_number(en, &net, &number, e);
	if (r < 0)
		return r;
	r = text_random_hex(6, host + 2);
	if (r < 0)
		return err_errno(e, r, "make up a device's name");
	address = (struct ip_net){ .ip = ip_nth(&net.subnet, number), .prefix = net.subnet.prefix };
	r = cat_exec(en->catalog, e,
		     "INSERT INTO endpoints(container, network, position, host, number, ip, mac, aliases, servers) VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
		     "ssisissss", id, net.id, position, host, (int64_t)number, ip_net_text(&address, text), mac && *mac ? mac : own_mac(&address.ip, made),
		     joined(a, json_get(wish, "Aliases")), joined(a, json_get(json_get(config, "HostConfig"), "Dns")));
	return r < 0 ? r : 0;
}

/* ---- ports ---- */

/* Whether another container has one of them. */
static int port_is_taken(const struct engine *en, const struct net_port *p, uint16_t first, struct err *e)
{
	CLEANUP_STMT struct cat_stmt *s = NULL;
	char host[IP_TEXT_LEN];
	int r = cat_prepare(en->catalog, &s, e,
			    "SELECT 1 FROM ports WHERE proto = ?1 AND first <= ?3 AND last >= ?2 AND (host = ?4 OR host = '' OR ?4 = '') LIMIT 1",
			    "iiis", (int64_t)p->proto, (int64_t)first, (int64_t)(first + p->count - 1), ip_text(&p->host, host));

	return r < 0 ? r : cat_step(s, e);
}

/* Whether a program of the host has it: what is published would take its connections away. */
static bool host_has(const struct net_port *p, uint16_t port)
{
	struct sockaddr_in sa = { .sin_family = AF_INET, .sin_port = htons(port) };
	int type = p->proto == IPPROTO_UDP ? SOCK_DGRAM : SOCK_STREAM, on = 1;
	CLEANUP_FD int fd = socket(AF_INET, type | SOCK_CLOEXEC, p->proto);

	if (p->host.len == 4)
		memcpy(&sa.sin_addr, p->host.bytes, 4);
	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) < 0)
		return false;
	return bind(fd, (struct sockaddr *)&sa, sizeof(sa)) < 0 && errno == EADDRINUSE;
}

/* 1: somebody has one of them, *which. */
static int is_taken(const struct engine *en, const struct net_port *p, uint16_t first, uint16_t *which, struct err *e)
{
	*which = first;
	for (uint16_t i = 0; i < p->count; i++) {
		*which = (uint16_t)(first + i);
		if (host_has(p, *which))
			return 1;
	}
	return port_is_taken(en, p, first, e);
}

/* From a range, or from the machine's own for ports without a number. */
static int choose_port(const struct engine *en, struct net_port *p, struct err *e)
{
	uint32_t first = p->first ? p->first : RANDOM_FIRST, last = p->first ? p->last : RANDOM_LAST;
	uint32_t n = last - first + 1, start = 0;
	uint16_t which;

	if (!p->first && getrandom(&start, sizeof(start), 0) < 0)
		return err_errno(e, -errno, "choose a port");
	for (uint32_t i = 0; i < n; i++) {
		uint32_t port = first + (start + i) % n;
		int r = port + p->count - 1 > last ? 1 : is_taken(en, p, (uint16_t)port, &which, e);

		if (r < 0)
			return r;
		if (r > 0)
			continue;
		p->first = (uint16_t)port;
		return 0;
	}
	return err_set(e, ERR_CONFLICT, "none of the ports from %u to %u is free", first, last);
}

static int take_port(const struct engine *en, const char *id, struct net_port *p, struct err *e)
{
	char host[IP_TEXT_LEN];
	uint16_t which;
	int r;

	if (!p->first || (p->count == 1 && p->last > p->first)) {
		r = choose_port(en, p, e);
	} else {
		r = is_taken(en, p, p->first, &which, e);
		if (r > 0)
			r = err_set(e, ERR_CONFLICT, "port %u/%s of the host is in use", which, net_proto_name(p->proto));
	}
	if (r < 0)
		return r;
	r = cat_exec(en->catalog, e, "INSERT INTO ports(container, proto, host, first, last, target) VALUES(?1, ?2, ?3, ?4, ?5, ?6)", "sisiii", id,
		     (int64_t)p->proto, ip_text(&p->host, host), (int64_t)p->first, (int64_t)(p->first + p->count - 1), (int64_t)p->target);
	return r < 0 ? r : 0;
}

static int take_ports(const struct engine *en, const char *id, const struct json *config, struct err *e)
{
	json_each(text, json_get(config, "Publish")) {
		struct net_port p;
		int r = net_port_parse(text->str, &p, e);

		if (r == 0)
			r = take_port(en, id, &p, e);
		if (r < 0)
			return r;
	}
	return 0;
}

/* Behind those it has. */
static int next_position(const struct engine *en, const char *id, int64_t *position, struct err *e)
{
	CLEANUP_STMT struct cat_stmt *s = NULL;
	int r = cat_prepare(en->catalog, &s, e, "SELECT coalesce(max(position) + 1, 0) FROM endpoints WHERE container = ?1", "s", id);

	if (r == 0)
		r = cat_step(s, e);
	*position = r > 0 ? cat_int(s, 0) : 0;
	return r < 0 ? r : 0;
}

static bool is_of(const struct json *wish, const char *network)
{
	const struct json *name = json_get(wish, "Name");

	return name && name->type == JSON_STRING && strcmp(name->str, network) == 0;
}

int endpoint_take(const struct engine *en, struct arena *a, const char *id, const struct json *config, const char *only, struct err *e)
{
	int64_t position = 0;
	int first = next_position(en, id, &position, e);

	if (first < 0)
		return first;
	json_each(wish, json_get(config, "Networks")) {
		int r = only && !is_of(wish, only) ? 0 : take_address(en, a, id, config, wish, position++, e);

		if (r < 0)
			return r;
	}
	return only ? 0 : take_ports(en, id, config, e);
}

/* ---- reading ---- */

static int count(const struct engine *en, const char *sql, const char *id, size_t *n, struct err *e)
{
	CLEANUP_STMT struct cat_stmt *s = NULL;
	int r = cat_prepare(en->catalog, &s, e, sql, "s", id);

	if (r == 0)
		r = cat_step(s, e);
	*n = r > 0 ? (size_t)cat_int(s, 0) : 0;
	return r < 0 ? r : 0;
}

static int take_row(const struct engine *en, struct arena *a, struct cat_stmt *s, struct endpoint *out, struct err *e)
{
	struct firewall fw;
	int r = network_find(en, a, cat_text(s, 0), &out->network, e);

	if (r < 0)
		return r;
	network_firewall(en, &fw);
	if (ip_net_parse(cat_text(s, 2), &out->link.ip) < 0 || mac_parse(cat_text(s, 3), out->link.mac) < 0)
		return err_set(e, ERR_INTERNAL, "an endpoint of network %s is damaged in the catalog", out->network.name);
	(void)snprintf(out->link.host, sizeof(out->link.host), "%s", cat_text(s, 1));
	(void)snprintf(out->link.name, sizeof(out->link.name), "eth%u", (unsigned int)cat_int(s, 4) % 10000);
	if (!network_is_routed(&out->network))
		(void)snprintf(out->link.bridge, sizeof(out->link.bridge), "%s", out->network.device);
	out->link.group = firewall_group(&fw, out->network.number);
	if (!out->network.internal || !out->link.bridge[0])
		out->link.gateway = out->network.gateway;
	return 0;
}

static int read_links(const struct engine *en, struct arena *a, const char *id, struct endpoints *out, struct err *e)
{
	CLEANUP_STMT struct cat_stmt *s = NULL;
	int r = cat_prepare(en->catalog, &s, e, "SELECT network, host, ip, mac, position FROM endpoints WHERE container = ?1 ORDER BY position", "s", id);

	for (size_t n = out->n; r == 0 && out->n > 0 && n > 0 && (r = cat_step(s, e)) > 0; n--)
		r = take_row(en, a, s, &out->v[out->n - n], e);
	if (r >= 0 && out->n)
		out->v[0].link.leads_out = out->v[0].link.gateway.len > 0;
	return r < 0 ? r : 0;
}

static int read_ports(const struct engine *en, const char *id, struct endpoints *out, struct err *e)
{
	CLEANUP_STMT struct cat_stmt *s = NULL;
	size_t n = 0;
	int r = cat_prepare(en->catalog, &s, e, "SELECT proto, host, first, last, target FROM ports WHERE container = ?1 ORDER BY target, first", "s", id);

	while (r == 0 && n < out->n_ports && (r = cat_step(s, e)) > 0) {
		struct net_port *p = &out->ports[n++];

		*p = (struct net_port){ .proto = (unsigned char)cat_int(s, 0), .first = (uint16_t)cat_int(s, 2), .last = (uint16_t)cat_int(s, 3),
					.target = (uint16_t)cat_int(s, 4) };
		p->count = (uint16_t)(p->last - p->first + 1);
		r = cat_text(s, 1)[0] && ip_parse(cat_text(s, 1), &p->host) < 0 ? err_set(e, ERR_INTERNAL, "a port is damaged in the catalog") : 0;
	}
	return r < 0 ? r : 0;
}

int endpoint_read(const struct engine *en, struct arena *a, const char *id, struct endpoints *out, struct err *e)
{
	int r;

	*out = (struct endpoints){ 0 };
	r = count(en, "SELECT count(*) FROM endpoints WHERE container = ?1", id, &out->n, e);
	if (r < 0 || out->n == 0)
		return r;
	r = count(en, "SELECT count(*) FROM ports WHERE container = ?1", id, &out->n_ports, e);
	if (r < 0)
		return r;
	out->v = arena_array(a, out->n, sizeof(*out->v));
	out->ports = arena_array(a, out->n_ports + 1, sizeof(*out->ports));
	if (!out->v || !out->ports)
		return err_errno(e, -ENOMEM, "read the container's networks");
	r = read_links(en, a, id, out, e);
	return r < 0 ? r : read_ports(en, id, out, e);
}

/* ---- the firewall ---- */

static void elements(const struct firewall *fw, struct nl_batch *q, bool add, const char *id, const struct endpoints *own)
{
	for (size_t i = 0; i < own->n; i++) {
		if (add)
			network_elements(fw, q, true, &own->v[i].network);
		firewall_link(fw, q, add, &own->v[i].link, id);
	}
	for (size_t i = 0; own->n && i < own->n_ports; i++)
		firewall_port(fw, q, add, &own->ports[i], &own->v[0].link.ip.ip, id);
}

static int add_elements(const struct firewall *fw, const char *id, const struct endpoints *own)
{
	CLEANUP_NL struct nl_batch q = NL_BATCH_INIT;

	firewall_begin(&q);
	elements(fw, &q, true, id, own);
	return firewall_commit(&q);
}

/* The rules are gone, or were never there: they are loaded, and every running container's elements. */
static int restore(const struct engine *en, const struct firewall *fw, struct err *e)
{
	CLEANUP_ARENA struct arena a = ARENA_INIT;
	CLEANUP_STMT struct cat_stmt *s = NULL;
	int r = firewall_load(fw, e);

	if (r == 0)
		r = cat_prepare(en->catalog, &s, e, "SELECT DISTINCT container FROM endpoints", "");
	while (r == 0 && (r = cat_step(s, e)) > 0) {
		const char *id = arena_strdup(&a, cat_text(s, 0));
		struct endpoints own;
		int added;

		r = endpoint_read(en, &a, id, &own, e);
		added = r < 0 ? 0 : add_elements(fw, id, &own);
		if (added < 0)
			log_warning("the rules of container %.12s are not restored: %s", id, strerror(-added));
	}
	return r < 0 ? r : 0;
}

static int restore_once(const struct engine *en, const struct firewall *fw, struct err *e)
{
	CLEANUP_FD int lock = openat(en->state_fd, "firewall.lock", O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);

	if (lock < 0 || flock(lock, LOCK_EX) < 0)
		return err_errno(e, -errno, "lock %s/firewall.lock", en->state);
	return firewall_loaded(fw) ? 0 : restore(en, fw, e);
}

/* Datagrams that went to one of these ports before would go on to wherever they went. */
static void forget_datagrams(const struct endpoints *own)
{
	for (size_t i = 0; i < own->n_ports; i++) {
		const struct net_port *p = &own->ports[i];
		int r = p->proto == IPPROTO_UDP ? conntrack_forget_ports(p->proto, p->first, p->last) : 0;

		if (r < 0)
			log_warning("port %u/udp: connections from before may not reach the container: %s", p->first, strerror(-r));
	}
}

int endpoint_open(const struct engine *en, const char *id, const struct endpoints *own, struct err *e)
{
	struct firewall fw;
	int r;

	network_firewall(en, &fw);
	r = add_elements(&fw, id, own);
	if (r == -ENOENT) {
		r = restore_once(en, &fw, e);
		if (r < 0)
			return r;
		r = add_elements(&fw, id, own);
	}
	if (r < 0)
		return err_errno(e, r, "add the container to the firewall (table %s)", fw.table);
	forget_datagrams(own);
	return 0;
}

bool endpoint_has_names(const struct endpoints *own)
{
	for (size_t i = 0; i < own->n; i++)
		if (resolver_serves(&own->v[i].network))
			return true;
	return false;
}

int endpoint_files(const struct engine *en, struct arena *a, const char *id, const struct json *config, const struct endpoints *own,
		   struct err *e)
{
	return own->n ? etcfiles_write(en, a, id, config, &own->v[0].link.ip.ip, &own->v[0].network.gateway, endpoint_has_names(own), e) : 0;
}

int endpoint_prepare(const struct engine *en, struct arena *a, const char *id, const struct json *config, struct endpoints *own,
		     struct err *e)
{
	int r = 0;

	if (!own->n)
		return 0;
	for (size_t i = 0; r == 0 && i < own->n; i++) {
		own->v[i].link.mtu = network_mtu(&own->v[i].network);
		r = network_up(en, &own->v[i].network, e);
	}
	if (r == 0)
		r = endpoint_open(en, id, own, e);
	if (r == 0 && endpoint_has_names(own))
		resolver_sync(en);
	return r < 0 ? r : endpoint_files(en, a, id, config, own, e);
}

void endpoint_describe(const struct engine *en, const struct endpoints *own, struct strbuf *description)
{
	CLEANUP_STRBUF struct strbuf links = STRBUF_INIT;
	struct json_writer w = JSON_WRITER(&links);

	if (!own->n || !description->len)
		return;
	jw_object(&w, NULL);
	jw_array(&w, "links");
	for (size_t i = 0; i < own->n; i++)
		net_link_write(&w, &own->v[i].link);
	jw_end_array(&w);
	if (endpoint_has_names(own))
		jw_str(&w, "names", en->state);
	jw_end_object(&w);
	description->len--; /* it ends with its brace */
	sb_printf(description, ",%s", sb_str(&links) + 1);
}

/* ---- the way back ---- */

/* One of them may be gone already, and then none of the change is made: each on its own. */
static int remove_one_by_one(const struct firewall *fw, const char *id, const struct endpoints *own)
{
	int result = 0;

	for (size_t i = 0; i < own->n + own->n_ports; i++) {
		CLEANUP_NL struct nl_batch q = NL_BATCH_INIT;
		int r;

		firewall_begin(&q);
		if (i < own->n)
			firewall_link(fw, &q, false, &own->v[i].link, id);
		else
			firewall_port(fw, &q, false, &own->ports[i - own->n], &own->v[0].link.ip.ip, id);
		r = firewall_commit(&q);
		if (r < 0 && r != -ENOENT)
			result = r;
	}
	return result;
}

int endpoint_close(const struct engine *en, const char *id, const struct endpoints *own, struct err *e)
{
	CLEANUP_NL struct nl_batch q = NL_BATCH_INIT;
	struct firewall fw;
	int r;

	network_firewall(en, &fw);
	firewall_begin(&q);
	elements(&fw, &q, false, id, own);
	r = firewall_commit(&q);
	if (r == -ENOENT)
		r = remove_one_by_one(&fw, id, own);
	if (r < 0)
		return err_errno(e, r, "take container %.12s out of the firewall", id);
	for (size_t i = 0; i < own->n; i++) {
		if (net_link_unroute(&own->v[i].link, e) < 0)
			return e->code;
		r = conntrack_forget_ip(&own->v[i].link.ip.ip);
		if (r < 0)
			return err_errno(e, r, "forget the connections of container %.12s", id);
	}
	return 0;
}

int endpoint_silence(const struct engine *en, const char *id, bool *named, struct err *e)
{
	CLEANUP_ARENA struct arena a = ARENA_INIT;
	struct endpoints own;
	int r = endpoint_read(en, &a, id, &own, e);

	*named = r == 0 && endpoint_has_names(&own);
	return r < 0 || !own.n ? r : endpoint_close(en, id, &own, e);
}

int endpoint_forget(const struct engine *en, const char *id, const char *network, struct err *e)
{
	int r = cat_exec(en->catalog, e, "DELETE FROM endpoints WHERE container = ?1 AND (?2 IS NULL OR network = ?2)", "ss", id, network);

	if (r >= 0 && !network)
		r = cat_exec(en->catalog, e, "DELETE FROM ports WHERE container = ?1", "s", id);
	return r < 0 ? r : 0;
}

#include "engine/network.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>

#include "base/sha256.h"
#include "base/text.h"
#include "engine/cni_folder.h"
#include "engine/config.h"
#include "engine/events.h"
#include "engine/nearest.h"
#include "engine/others.h"
#include "engine/network_rows.h"
#include "engine/record.h"

#define COLUMNS "id, name, number, driver, device, subnet, gateway, next, created, config, subnet6, gateway6"

bool network_is_default(const char *name)
{
	return !name || !*name || strcmp(name, NETWORK_DEFAULT) == 0 || strcmp(name, "default") == 0;
}

const char *network_owner(const struct network *n)
{
	return json_text(json_get(n->config, "Labels"), CONFIG_OWNER_LABEL, NULL);
}

bool network_is_for(const struct network *n, const char *owner)
{
	const char *own = network_owner(n);

	return !own || !owner || strcmp(own, owner) == 0;
}

bool network_admits(const struct network *n, const struct json *config)
{
	return network_is_for(n, json_text(json_get(json_get(config, "Config"), "Labels"), CONFIG_OWNER_LABEL, NULL));
}

bool network_is_builtin(const struct network *n)
{
	return strcmp(n->driver, "host") == 0 || strcmp(n->driver, "null") == 0;
}

int network_builtin(struct arena *a, const char *what, struct network *out, struct err *e)
{
	static const char *const rows[][2] = { { "host", "host" }, { "none", "null" } }; /* name, driver */

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		unsigned char sum[32];
		struct sha256 s;
		char id[65];

		sha256_init(&s);
		sha256_add(&s, "network ", strlen("network "));
		sha256_add(&s, rows[i][0], strlen(rows[i][0]));
		sha256_end(&s, sum);
		sha256_hex(sum, id);
		if (strcmp(what, rows[i][0]) != 0 && (strlen(what) < ID_SHORT || strncmp(id, what, strlen(what)) != 0))
			continue;
		*out = (struct network){ .id = arena_strdup(a, id), .name = rows[i][0], .driver = rows[i][1], .device = "", .parent = "", .mode = "" };
		return out->id ? 1 : err_errno(e, -ENOMEM, "read a network");
	}
	return 0;
}

bool network_is_routed(const struct network *n)
{
	return strcmp(n->driver, NETWORK_ROUTED) == 0;
}

bool network_is_direct(const struct network *n)
{
	return strcmp(n->driver, NETWORK_MACVLAN) == 0 || strcmp(n->driver, NETWORK_IPVLAN) == 0;
}

void network_firewall(const struct engine *en, struct firewall *out)
{
	firewall_of(en->state, strcmp(en->state, ENGINE_STATE) == 0, out);
}

int network_rules_lock(const struct engine *en, struct err *e)
{
	CLEANUP_FD int lock = openat(en->state_fd, "firewall.lock", O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);

	if (lock < 0 || flock(lock, LOCK_EX) < 0)
		return err_errno(e, -errno, "lock %s/firewall.lock", en->state);
	return take_fd(&lock);
}

/* ---- rows ---- */

/* A subnet of the configuration, which may not be there. */
static int read_range(const struct json *config, const char *key, struct ip_net *out, struct err *e)
{
	const char *text = "";
	int r = json_get_str(config, "config", key, &text, e);

	if (r == 0 && *text && ip_net_parse(text, out) < 0)
		r = err_set(e, ERR_INTERNAL, "%s", key);
	return r;
}

static int read_config(struct arena *a, const char *text, struct network *n, struct err *e)
{
	int r = json_parse(a, text, strlen(text), NULL, &n->config, e);

	n->parent = n->mode = "";
	if (r < 0 || (r = json_get_bool(n->config, "config", "Internal", &n->internal, e)) < 0 || (r = json_get_u32(n->config, "config", "Mtu", &n->mtu, e)) < 0 ||
	    (r = json_get_str(n->config, "config", "Parent", &n->parent, e)) < 0 || (r = json_get_str(n->config, "config", "Mode", &n->mode, e)) < 0 ||
	    (r = read_range(n->config, "Range", &n->range, e)) < 0)
		return r;
	return read_range(n->config, "Range6", &n->range6, e);
}

/* '' is none. */
static int read_subnet6(const char *subnet, const char *gateway, struct network *n)
{
	if (!*subnet)
		return 0;
	return ip_net_parse(subnet, &n->subnet6) < 0 || ip_parse(gateway, &n->gateway6) < 0 ? -EINVAL : 0;
}

static int take_row(struct arena *a, struct cat_stmt *s, struct network *n, struct err *e)
{
	*n = (struct network){
		.id = arena_strdup(a, cat_text(s, 0)),
		.name = arena_strdup(a, cat_text(s, 1)),
		.number = (uint32_t)cat_int(s, 2),
		.driver = arena_strdup(a, cat_text(s, 3)),
		.device = arena_strdup(a, cat_text(s, 4)),
		.next = cat_int(s, 7),
		.created = cat_int(s, 8),
	};
	if (arena_error(a) < 0)
		return err_errno(e, -ENOMEM, "read a network");
	if (ip_net_parse(cat_text(s, 5), &n->subnet) < 0 || ip_parse(cat_text(s, 6), &n->gateway) < 0 || read_config(a, cat_text(s, 9), n, e) < 0 ||
	    read_subnet6(cat_text(s, 10), cat_text(s, 11), n) < 0)
		return err_set(e, ERR_INTERNAL, "network %s is damaged in the catalog", n->name);
	return 0;
}

/* 1: found. */
static int look(const struct engine *en, struct arena *a, const char *where, const char *what, struct network *out, struct err *e)
{
	CLEANUP_STMT struct cat_stmt *s = NULL;
	struct network second;
	char sql[256];
	int r;

	(void)snprintf(sql, sizeof(sql), "SELECT " COLUMNS " FROM networks WHERE %s LIMIT 2", where);
	r = cat_prepare(en->catalog, &s, e, sql, "s", what);
	if (r == 0)
		r = cat_step(s, e);
	if (r <= 0)
		return r;
	r = take_row(a, s, out, e);
	if (r < 0)
		return r;
	r = cat_step(s, e);
	if (r > 0 && take_row(a, s, &second, e) == 0)
		return err_set(e, ERR_INVALID, "%s is the start of more than one network's id", what);
	return r < 0 ? r : 1;
}

int network_list(const struct engine *en, struct arena *a, struct network **out, size_t *n, struct err *e)
{
	CLEANUP_STMT struct cat_stmt *s = NULL;
	size_t cap = 0;
	int r = cat_prepare(en->catalog, &s, e, "SELECT " COLUMNS " FROM networks ORDER BY name", "");

	*n = 0;
	*out = NULL;
	while (r == 0 && (r = cat_step(s, e)) > 0) {
		if (*n == cap) {
			struct network *more = arena_array(a, cap = cap ? 2 * cap : 16, sizeof(*more));

			if (!more)
				return err_errno(e, -ENOMEM, "list the networks");
			if (*n)
				memcpy(more, *out, *n * sizeof(*more));
			*out = more;
		}
		r = take_row(a, s, &(*out)[*n], e);
		*n += r == 0;
	}
	return r < 0 ? r : 0;
}

int network_insert(const struct engine *en, const struct network *net, const char *config, struct err *e)
{
	char subnet[IP_TEXT_LEN], gateway[IP_TEXT_LEN], subnet6[IP_TEXT_LEN], gateway6[IP_TEXT_LEN];
	int r = cat_exec(en->catalog, e, "INSERT INTO networks(" COLUMNS ") VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)",
			 "ssissssiisss", net->id, net->name, (int64_t)net->number, net->driver, net->device,
			 ip_net_text(&net->subnet, subnet), ip_text(&net->gateway, gateway), net->next, net->created, config,
			 ip_net_text(&net->subnet6, subnet6), ip_text(&net->gateway6, gateway6));

	if (r < 0 && e->cls == ERR_CONFLICT)
		return err_set(e, ERR_CONFLICT, "a network is called %s already", net->name);
	return r < 0 ? r : 0;
}

/* Not only what the catalog has is a network to people. */
static int not_found(const struct engine *en, struct arena *a, const char *name, struct err *e)
{
	static const char *const usual[] = { "bridge", "host", "none" };
	struct nearest near = NEAREST(name);
	struct cni_network *cni = NULL;
	struct cni_bad *bad;
	size_t n = 0, n_bad;
	struct err ignored;

	if (strcmp(name, "host") == 0 || strcmp(name, "none") == 0)
		return err_set(e, ERR_NOTFOUND, "nothing is kept of %s: it is the word of `tare run --network` for %s", name,
			       *name == 'h' ? "the machine's own network" : "no network at all");
	nearest_rows(en->catalog, "SELECT name FROM networks", &near);
	for (size_t i = 0; i < ARRAY_LEN(usual); i++)
		(void)nearest_offer(&near, usual[i]);
	if (cni_folder_read(a, &cni, &n, &bad, &n_bad, &ignored) < 0)
		n = 0;
	for (size_t i = 0; i < n; i++)
		(void)nearest_offer(&near, cni[i].net.name);
	if (near.best[0])
		return err_set(e, ERR_NOTFOUND, "no network is called %.200s; did you mean %s?", name, near.best);
	return err_set(e, ERR_NOTFOUND, "no network is called %.200s (tare network ls lists them)", name);
}

int network_find(const struct engine *en, struct arena *a, const char *what, struct network *out, struct err *e)
{
	const struct network_options usual = { .name = NETWORK_DEFAULT, .driver = NETWORK_ROUTED };
	const char *name = network_is_default(what) ? NETWORK_DEFAULT : what;
	struct cni_network cni;
	int r = text_is_hex(name, ID_LEN) ? look(en, a, "id = ?1", name, out, e) : 0; /* first: no name takes an id's place */

	if (r == 0)
		r = look(en, a, "name = ?1", name, out, e);

	if (r == 0 && network_is_default(name))
		return network_make(en, a, &usual, out, e);
	if (r == 0 && strlen(name) < ID_LEN && strspn(name, "0123456789abcdef") == strlen(name))
		r = look(en, a, "substr(id, 1, length(?1)) = ?1", name, out, e);
	if (r != 0)
		return r < 0 ? r : 0;
	r = cni_folder_find(a, name, &cni, e);
	if (r == 0)
		*out = cni.net;
	return r == 0 || e->cls != ERR_NOTFOUND ? r : not_found(en, a, name, e);
}

int network_without_ports(const struct engine *en, struct arena *a, struct strv names, struct network *first, struct err *e)
{
	for (size_t i = 0; i < names.n; i++) {
		struct network net;

		if (network_is_default(names.v[i]))
			return 0;
		if (network_find(en, a, names.v[i], &net, e) < 0) {
			if (e->cls == ERR_NOTFOUND)
				return 0;
			return e->code;
		}
		if (network_is_cni(&net) || !(net.internal || network_is_direct(&net)))
			return 0;
		if (i == 0)
			*first = net;
	}
	return names.n > 0;
}

/* ---- removing ---- */

int network_user(const struct engine *en, struct arena *a, const struct network *net, const char **name, struct err *e)
{
	CLEANUP_STMT struct cat_stmt *s = NULL;
	int r = cat_prepare(en->catalog, &s, e,
			    "SELECT c.name FROM endpoints e JOIN containers c ON c.id = e.container WHERE e.network = ?1 LIMIT 1", "s", net->id);

	if (r == 0)
		r = cat_step(s, e);
	if (r <= 0)
		return r;
	*name = arena_strdup(a, cat_text(s, 0));
	return *name ? 1 : err_errno(e, -ENOMEM, "read a container's name");
}

static int in_use(const struct engine *en, struct arena *a, const struct network *net, struct err *e)
{
	const char *user;
	int r = network_user(en, a, net, &user, e);

	return r <= 0 ? r : err_set(e, ERR_CONFLICT, "network %s is in use by container %s", net->name, user);
}

int network_remove(const struct engine *en, struct arena *a, const char *what, struct err *e)
{
	CLEANUP_CATALOG_TXN struct catalog *c = en->catalog;
	struct network net;
	int r;

	if (network_is_default(what) || strcmp(what, "host") == 0 || strcmp(what, "none") == 0)
		return err_set(e, ERR_DENIED, "%s is a pre-defined network and cannot be removed", what);
	r = catalog_begin(c, CATALOG_DURABLE, e);
	if (r == 0)
		r = network_find(en, a, what, &net, e);
	if (r == 0 && network_is_default(net.name))
		r = err_set(e, ERR_DENIED, "%s is a pre-defined network and cannot be removed", net.name);
	if (r == 0 && network_is_cni(&net))
		r = err_set(e, ERR_CONFLICT, "network %s is one of CNI, and made and removed by whoever writes its configuration (tare network inspect names the file)", net.name);
	if (r == 0)
		r = in_use(en, a, &net, e);
	if (r == 0)
		r = cat_exec(c, e, "DELETE FROM networks WHERE id = ?1", "s", net.id);
	if (r < 0)
		return r;
	others_network_leaves(en, &net);
	network_down(en, &net);
	r = catalog_commit(c, e);
	if (r == 0)
		events_network(en, "destroy", &net, NULL, NULL);
	return r;
}

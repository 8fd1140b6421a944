/* The order is that of a start (endpoint.h): rows, firewall, devices; and back: firewall, devices, rows. The operation lock of the container
 * is held, so that no start or end comes in between. */
#include "engine/connect.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "engine/cni.h"
#include "engine/cni_own.h"
#include "engine/config.h"
#include "engine/endpoint.h"
#include "engine/events.h"
#include "engine/folder.h"
#include "engine/healer.h"
#include "engine/hold.h"
#include "engine/join.h"
#include "engine/links.h"
#include "engine/relays.h"
#include "engine/resolver.h"
#include "engine/settle.h"
#include "net/stale.h"

struct change {
	const struct engine *en;
	struct arena *a;
	struct hold held;
	struct network network;
	const struct json *now; /* the configuration after the change */
	bool concerned; /* it had names before the change: concerns_names() */
};
#define CHANGE_INIT { .held = HOLD_INIT }

static void change_end(struct change *c)
{
	hold_end(&c->held);
}
#define CLEANUP_CHANGE CLEANUP(change_end)

static int find_network(struct change *c, const char *name, bool join, struct err *e)
{
	CLEANUP_CATALOG_TXN struct catalog *cat = c->en->catalog;
	int r;

	if (strcmp(name, "host") == 0 || strcmp(name, "none") == 0)
		return err_set(e, ERR_INVALID, "%s is no network that a container can be connected to", name);
	r = catalog_begin(cat, CATALOG_LAZY, e);
	if (r == 0)
		r = network_find(c->en, c->a, name, &c->network, e);
	if (r == 0 && join)
		r = cni_own_settle(c->en, c->a, &c->network, e);
	return r < 0 ? r : catalog_commit(cat, e);
}

/* Everything about both, with the lock held. */
static int begin(struct change *c, const char *container, const char *network, bool join, struct err *e)
{
	const char *mode = "";
	int r = hold_container(c->en, c->a, container, &c->held, e);

	if (r < 0 || (r = hold_places(c->en, &c->held, e)) < 0 || (r = json_get_str(json_get(c->held.config.doc, "HostConfig"), "HostConfig", "NetworkMode", &mode, e)) < 0)
		return r;
	if (strcmp(mode, "host") == 0)
		return err_set(e, ERR_INVALID, "container %s shares the host's network, and has none of its own", c->held.rec.name);
	if (join_named(mode))
		return err_set(e, ERR_INVALID, "container %s shares the network of container %.12s: connect or disconnect that one", c->held.rec.name,
			       join_named(mode));
	return find_network(c, network, join, e);
}

static bool runs(const struct change *c)
{
	return hold_runs(&c->held);
}

/* Whether the configuration has the network, by its name or id. */
static const char *configured(const struct change *c)
{
	json_each(place, json_get(c->held.config.doc, "Networks")) {
		const struct json *name = json_get(place, "Name");

		if (name && (strcmp(name->str, c->network.name) == 0 || strcmp(name->str, c->network.id) == 0))
			return name->str;
	}
	return NULL;
}

static int open_netns(const struct change *c, struct err *e)
{
	char path[48];
	int fd;

	(void)snprintf(path, sizeof(path), "/proc/%d/ns/net", (int)c->held.live.pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	return fd < 0 ? err_errno(e, -errno, "the network namespace of container %s", c->held.rec.name) : fd;
}

/* Whether who has which name changes with the network, or who may ask the world, which is one in any network that leads there. */
static bool concerns_names(const struct change *c)
{
	struct endpoints own;
	struct err ignored;

	return runs(c) && (c->concerned || resolver_serves(&c->network) || (endpoint_read(c->en, c->a, c->held.rec.id, &own, &ignored) == 0 && endpoint_has_names(&own)));
}

/* There is nothing to do, but the change that did it may have been killed before it told anybody. */
static void catch_up(const struct change *c)
{
	struct endpoints own;
	struct err e = { 0 };

	if (runs(c) && (endpoint_read(c->en, c->a, c->held.rec.id, &own, &e) < 0 || relays_change(c->en, c->held.rec.id, &own, &e) < 0))
		log_warning("%s", e.msg);
	if (concerns_names(c))
		resolver_sync(c->en);
}

/* Its endpoint in the network: own->v[*at]. */
static int find_endpoint(const struct change *c, struct endpoints *own, size_t *at, struct err *e)
{
	int r = endpoint_read(c->en, c->a, c->held.rec.id, own, e);

	for (*at = 0; r == 0 && *at < own->n; ++*at)
		if (strcmp(own->v[*at].network.id, c->network.id) == 0)
			break;
	return r;
}

/* ---- connect ---- */

/* The row of the configuration and, of one that runs, those of the endpoint. instead: of the place it has in that network; NULL. */
static int write_connected(struct change *c, const char *instead, const struct ct_network *place, struct err *e)
{
	CLEANUP_CATALOG_TXN struct catalog *cat = c->en->catalog;
	CLEANUP_STRBUF struct strbuf config = STRBUF_INIT;
	const struct json *doc;
	int r;

	config_change_networks(c->held.config.doc, instead, place, &config);
	if (sb_error(&config) < 0)
		return err_errno(e, -ENOMEM, "connect");
	r = json_parse(c->a, config.s, config.len, NULL, &doc, e);
	c->now = doc;
	if (r == 0)
		r = catalog_begin(cat, CATALOG_DURABLE, e);
	if (r == 0)
		r = record_set_config(cat, c->held.rec.id, config.s, e);
	if (r == 0 && runs(c))
		r = endpoint_take(c->en, c->a, c->held.rec.id, doc, place->name, e);
	if (r == 0 && concerns_names(c))
		resolver_changing(c->en);
	return r < 0 ? r : catalog_commit(cat, e);
}

/* What the one that goes did, others do: ways out, and ports. */
static int hand_over(struct change *c, const struct endpoints *own, size_t at, int netns, struct err *e)
{
	struct endpoints rest;
	int r = endpoint_without(c->a, own, at, &rest, e);

	if (r == 0 && own->via == at && rest.via < rest.n)
		r = endpoint_open(c->en, c->held.rec.id, &rest, e);
	for (size_t i = 0; r == 0 && i < rest.n; i++) {
		const struct net_link *before = &own->v[i < at ? i : i + 1].link, *now = &rest.v[i].link;

		if (now->leads_out != before->leads_out || now->leads_out6 != before->leads_out6)
			r = net_link_lead_out(now, netns, e);
	}
	return r;
}

/* Ports and ways out are those of before, too: take_ports() may have taken them from another network. */
static int undo_connect(struct change *c, const struct endpoints *own, size_t at, int netns, struct err *e)
{
	CLEANUP_CATALOG_TXN struct catalog *cat = c->en->catalog;
	struct endpoints one = endpoint_alone(own, at);
	struct err why = *e;
	int r = endpoint_close(c->en, c->held.rec.id, &one, e);

	if (r == 0)
		r = catalog_begin(cat, CATALOG_DURABLE, e);
	if (r == 0)
		r = endpoint_forget(c->en, c->held.rec.id, c->network.id, e);
	if (r == 0)
		r = record_set_config(cat, c->held.rec.id, c->held.rec.config, e);
	if (r == 0)
		r = catalog_commit(cat, e);
	if (r == 0)
		r = hand_over(c, own, at, netns, e);
	if (r < 0)
		log_warning("container %s: %s", c->held.rec.name, e->msg);
	*e = why;
	return why.code;
}

/* Others ask for it by other names now, and it asks for others. */
static int tell(const struct change *c, const struct endpoints *own, struct err *e)
{
	if (concerns_names(c))
		resolver_sync(c->en);
	links_moved(c->en, c->held.rec.id);
	return endpoint_files(c->en, c->a, c->held.rec.id, c->now ? c->now : c->held.config.doc, own, e);
}

/* Ports lead where the way out is: to the one that comes, where that has a higher priority. */
static int take_ports(struct change *c, const struct endpoints *own, size_t at, struct err *e)
{
	struct endpoints before, none;
	int r = own->via == at && own->n > 1 && own->n_ports ? endpoint_without(c->a, own, at, &before, e) : 1;

	if (r || before.via == before.n)
		return r < 0 ? r : 0;
	none = before;
	none.n_ports = 0;
	return endpoint_close_ports(c->en, c->held.rec.id, &before, &none, e);
}

/* The host's side and the devices of a row that is there. */
static int make_endpoint(struct change *c, struct err *e)
{
	CLEANUP_FD int netns = open_netns(c, e);
	struct endpoints own, one;
	size_t at;
	int r = netns < 0 ? netns : find_endpoint(c, &own, &at, e);

	if (r < 0)
		return r;
	one = endpoint_alone(&own, at);
	one.v[0].link.mtu = network_mtu(&one.v[0].network);
	r = take_ports(c, &own, at, e);
	if (r == 0)
		r = endpoint_network_up(c->en, c->a, &one.v[0].network, e);
	if (r == 0)
		r = endpoint_open(c->en, c->held.rec.id, &one, e);
	if (r == 0)
		r = net_link_make(&one.v[0].link, netns, e);
	if (r < 0)
		return undo_connect(c, &own, at, netns, e);
	healer_start(c->en); /* its monitor may be one that knows of no network */
	r = relays_change(c->en, c->held.rec.id, &own, e);
	return r < 0 ? r : tell(c, &own, e);
}

/* ---- connect: networks of CNI (cni.h), whose plugins do both sides ---- */

static int undo_cni(struct change *c, struct err *e)
{
	CLEANUP_CATALOG_TXN struct catalog *cat = c->en->catalog;
	struct err why = *e;
	int r = cni_leave(c->en, c->held.rec.id, c->network.name, CNI_LOST_KEEP, e);

	if (r < 0)
		log_warning("container %s: %s", c->held.rec.name, e->msg);
	r = catalog_begin(cat, CATALOG_DURABLE, e);
	if (r == 0)
		r = record_set_config(cat, c->held.rec.id, c->held.rec.config, e);
	if (r == 0)
		r = catalog_commit(cat, e);
	*e = why;
	return why.code;
}

/* A row without a result: a connect was killed. */
static int is_half_joined(const struct change *c, bool *half, struct err *e)
{
	struct cni_row *rows;
	size_t n;
	int r = cni_rows(c->en, c->a, c->held.rec.id, &rows, &n, e);

	*half = false;
	for (size_t i = 0; r == 0 && i < n; i++)
		*half |= strcmp(rows[i].network, c->network.name) == 0 && !rows[i].result[0];
	return r;
}

static int connect_cni(struct change *c, const struct ct_network *place, struct err *e)
{
	CLEANUP_FD int netns = -1;
	bool half;
	int r = is_half_joined(c, &half, e);

	if (r < 0)
		return r;
	if (configured(c) && !(runs(c) && half))
		return err_set(e, ERR_CONFLICT, "container %s is in network %s already", c->held.rec.name, c->network.name);
	/* what a disconnect, or a connect, has left half done */
	r = cni_leave(c->en, c->held.rec.id, c->network.name, CNI_LOST_FORGET, e);
	if (r == 0)
		r = write_connected(c, configured(c), place, e);
	if (r < 0 || !runs(c))
		return r;
	netns = open_netns(c, e);
	r = netns < 0 ? netns : cni_join(c->en, c->held.rec.id, netns, e);
	if (r < 0)
		r = undo_cni(c, e);
	if (concerns_names(c))
		resolver_sync(c->en);
	return r;
}

/* ---- connect ---- */

/* The row is there, and no device: a connect was killed. */
static bool is_half_made(const struct change *c)
{
	CLEANUP_FD int netns = -1;
	struct endpoints own;
	struct err ignored;
	size_t at;

	if (!runs(c) || find_endpoint(c, &own, &at, &ignored) < 0 || at == own.n)
		return false;
	netns = open_netns(c, &ignored);
	return netns >= 0 && net_link_there(&own.v[at].link, netns) == 0;
}

static int connect(struct change *c, const struct ct_network *place, struct err *e)
{
	int r;

	if (network_is_cni(&c->network))
		return connect_cni(c, place, e);
	if (is_half_made(c))
		return make_endpoint(c, e);
	if (configured(c)) {
		catch_up(c);
		return err_set(e, ERR_CONFLICT, "container %s is in network %s already", c->held.rec.name, c->network.name);
	}
	r = write_connected(c, NULL, place, e);
	return r < 0 || !runs(c) ? r : make_endpoint(c, e);
}

int network_connect(const struct engine *en, const char *container, const struct ct_network *place, struct err *e)
{
	CLEANUP_ARENA struct arena a = ARENA_INIT;
	CLEANUP_CHANGE struct change c = CHANGE_INIT;
	struct ct_network named = *place;
	int r = network_check_place(place, e);

	c.en = en;
	c.a = &a;
	if (r == 0)
		r = begin(&c, container, place->name, true, e);
	if (r < 0)
		return r;
	named.name = c.network.name;
	r = links_resolve(en, &a, &named, e);
	if (r == 0)
		r = connect(&c, &named, e);
	if (r == 0 && runs(&c))
		events_network(en, "connect", &c.network, c.held.rec.id, NULL);
	return r;
}

/* ---- disconnect ---- */

static int leave(struct change *c, struct err *e)
{
	CLEANUP_FD int netns = open_netns(c, e);
	struct endpoints own, one, rest;
	size_t at;
	int r = netns < 0 ? netns : network_is_cni(&c->network) ? cni_leave(c->en, c->held.rec.id, c->network.name, CNI_LOST_KEEP, e) : find_endpoint(c, &own, &at, e);

	if (r < 0 || network_is_cni(&c->network) || at == own.n)
		return r;
	one = endpoint_alone(&own, at);
	r = endpoint_without(c->a, &own, at, &rest, e);
	if (r == 0)
		r = relays_change(c->en, c->held.rec.id, &rest, e);
	if (r == 0)
		r = endpoint_close(c->en, c->held.rec.id, &one, e);
	if (r == 0)
		r = net_link_unmake(&one.v[0].link, netns, e);
	if (r == 0 && (r = stale_forget_of(c->en->state_fd, c->held.rec.id)) < 0)
		r = err_errno(e, r, "forget the connections of container %s", c->held.rec.name);
	return r < 0 ? r : hand_over(c, &own, at, netns, e);
}

int network_disconnect(const struct engine *en, const char *container, const char *network, struct err *e)
{
	CLEANUP_ARENA struct arena a = ARENA_INIT;
	CLEANUP_CHANGE struct change c = CHANGE_INIT;
	CLEANUP_CATALOG_TXN struct catalog *cat = en->catalog;
	CLEANUP_STRBUF struct strbuf config = STRBUF_INIT;
	struct endpoints rest;
	const char *name;
	int r;

	c.en = en;
	c.a = &a;
	r = begin(&c, container, network, false, e);
	if (r < 0)
		return r;
	name = configured(&c);
	if (!name) {
		catch_up(&c);
		return err_set(e, ERR_NOTFOUND, "container %s is not in network %s", c.held.rec.name, c.network.name);
	}
	c.concerned = concerns_names(&c);
	config_change_networks(c.held.config.doc, name, NULL, &config);
	r = sb_error(&config) < 0 ? err_errno(e, -ENOMEM, "disconnect") : json_parse(&a, config.s, config.len, NULL, &c.now, e);
	if (r == 0 && runs(&c))
		r = leave(&c, e);
	if (r == 0)
		r = catalog_begin(cat, CATALOG_DURABLE, e);
	if (r == 0)
		r = record_set_config(cat, c.held.rec.id, config.s, e);
	if (r == 0)
		r = endpoint_forget(en, c.held.rec.id, c.network.id, e);
	if (r == 0 && concerns_names(&c))
		resolver_changing(en);
	if (r == 0)
		r = catalog_commit(cat, e);
	if (r < 0 || !runs(&c))
		return r;
	events_network(en, "disconnect", &c.network, c.held.rec.id, NULL);
	r = endpoint_read(en, &a, c.held.rec.id, &rest, e);
	return r < 0 ? r : tell(&c, &rest, e);
}

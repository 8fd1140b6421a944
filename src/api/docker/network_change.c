/* Networks made, joined, left and removed over the API. Statuses and sentences are Docker's where clients look for them: what is refused of a network, and
 * subnets that overlap, is 403 there, and 409 a name alone. */
#include <string.h>

#include "api/docker/filters.h"
#include "api/docker/networks.h"
#include "api/docker/place.h"
#include "api/docker/prune.h"
#include "api/docker/routes.h"
#include "api/docker/words.h"
#include "base/text.h"
#include "engine/connect.h"
#include "engine/pairs.h"

static int networks_engine(struct exchange *ex, struct engine **en, struct err *e)
{
	int r = ex_engine(ex, en, e);

	return r < 0 ? r : networks_only_root(*en, e);
}

static bool is_predefined(const char *name)
{
	return network_is_default(name) || strcmp(name, "host") == 0 || strcmp(name, "none") == 0;
}

/* ---- create ---- */

struct texts {
	const char **v;
	size_t n;
};

static void add_text(struct texts *t, const char *text)
{
	if (text && *text)
		t->v[t->n++] = text;
}

static int read_pool(struct arena *a, const struct json *pool, struct texts *subnets, struct texts *gateways, struct texts *ranges, struct strv *aux, struct err *e)
{
	const char *subnet = "", *gateway = "", *range = "";
	struct strv more;
	const char **v;
	int r;

	if ((r = json_get_str(pool, "IPAM.Config", "Subnet", &subnet, e)) < 0 || (r = json_get_str(pool, "IPAM.Config", "Gateway", &gateway, e)) < 0 ||
	    (r = json_get_str(pool, "IPAM.Config", "IPRange", &range, e)) < 0 ||
	    (r = pairs_texts(a, json_get(pool, "AuxiliaryAddresses"), "AuxiliaryAddresses", &more, e)) < 0)
		return r;
	add_text(subnets, subnet);
	add_text(gateways, gateway);
	add_text(ranges, range);
	v = arena_array(a, aux->n + more.n + 1, sizeof(*v));
	if (!v)
		return err_errno(e, -ENOMEM, "IPAM");
	if (aux->n)
		memcpy(v, aux->v, aux->n * sizeof(*v));
	if (more.n)
		memcpy(v + aux->n, more.v, more.n * sizeof(*v));
	*aux = (struct strv){ v, aux->n + more.n };
	return 0;
}

static int read_ipam(struct arena *a, const struct json *body, struct network_options *o, struct err *e)
{
	const struct json *ipam = NULL, *pools = NULL;
	struct texts subnets = { 0 }, gateways = { 0 }, ranges = { 0 };
	struct texts *const all[] = { &subnets, &gateways, &ranges };
	const char *driver = "";
	int r = json_get_obj(body, "the network", "IPAM", &ipam, e);

	if (r < 0 || (r = json_get_str(ipam, "IPAM", "Driver", &driver, e)) < 0 || (r = json_get_array(ipam, "IPAM", "Config", &pools, e)) < 0 ||
	    (r = pairs_texts(a, json_get(ipam, "Options"), "IPAM.Options", &o->ipam_options, e)) < 0)
		return r;
	o->ipam_null = ipam && (!json_get(ipam, "Options") || json_get(ipam, "Options")->type == JSON_NULL);
	if (*driver && strcmp(driver, "default") != 0)
		return err_set(e, ERR_NOTFOUND, "failed to create network: IPAM driver plugin \"%s\" not found", driver);
	for (size_t i = 0; i < ARRAY_LEN(all); i++) {
		all[i]->v = arena_array(a, pools ? pools->len + 1 : 1, sizeof(*all[i]->v));
		if (!all[i]->v)
			return err_errno(e, -ENOMEM, "IPAM");
	}
	json_each(pool, pools)
		if ((r = read_pool(a, pool, &subnets, &gateways, &ranges, &o->aux, e)) < 0)
			return r;
	o->subnets = (struct strv){ subnets.v, subnets.n };
	o->gateways = (struct strv){ gateways.v, gateways.n };
	o->ip_ranges = (struct strv){ ranges.v, ranges.n };
	return 0;
}

static int check_driver(const struct network_options *o, struct err *e)
{
	static const char *const ours[] = { NETWORK_BRIDGE, NETWORK_MACVLAN, NETWORK_IPVLAN };

	if (is_predefined(o->name))
		return err_set(e, ERR_DENIED, "operation is not permitted on predefined %s network ", o->name);
	if (strcmp(o->driver, "host") == 0 || strcmp(o->driver, "null") == 0)
		return err_set(e, ERR_DENIED, "only one instance of \"%s\" network is allowed", o->driver);
	for (size_t i = 0; i < ARRAY_LEN(ours); i++)
		if (strcmp(o->driver, ours[i]) == 0)
			return 0;
	return err_set(e, ERR_NOTFOUND, "could not find plugin %s in v1 plugin registry: plugin \"%s\" not found", o->driver, o->driver);
}

/* What a network of a swarm is, and one of a machine is not. CheckDuplicate is so anyway. */
static int check_swarm(const struct json *body, struct err *e)
{
	static const char *const flags[] = { "Ingress", "ConfigOnly" };
	const char *scope = "", *from = "";
	bool on = false;
	int r;

	for (size_t i = 0; i < ARRAY_LEN(flags); i++) {
		r = json_get_bool(body, "the network", flags[i], &on, e);
		if (r < 0 || on)
			return r < 0 ? r : err_set(e, ERR_UNSUPPORTED, "%s: networks of a swarm are not supported", flags[i]);
	}
	if ((r = json_get_str(body, "the network", "Scope", &scope, e)) < 0 || (r = json_get_str(json_get(body, "ConfigFrom"), "ConfigFrom", "Network", &from, e)) < 0)
		return r;
	if (*scope && strcmp(scope, "local") != 0)
		return err_set(e, ERR_UNSUPPORTED, "Scope %s: networks of a swarm are not supported", scope);
	return *from ? err_set(e, ERR_UNSUPPORTED, "ConfigFrom: networks of a swarm are not supported") : 0;
}

static int read_network(struct exchange *ex, struct network_options *o, struct err *e)
{
	struct arena *a = ex_arena(ex);
	const struct json *body;
	bool ipv4 = true;
	int r = ex_body_json(ex, 0, &body, e);

	o->name = o->driver = "";
	if (r < 0 || (r = json_get_str(body, "the network", "Name", &o->name, e)) < 0 || (r = json_get_str(body, "the network", "Driver", &o->driver, e)) < 0 ||
	    (r = json_get_bool(body, "the network", "Internal", &o->internal, e)) < 0 || (r = json_get_bool(body, "the network", "Attachable", &o->attachable, e)) < 0 ||
	    (r = json_get_bool(body, "the network", "EnableIPv6", &o->ipv6, e)) < 0 || (r = json_get_bool(body, "the network", "EnableIPv4", &ipv4, e)) < 0 ||
	    (r = pairs_texts(a, json_get(body, "Options"), "Options", &o->options, e)) < 0 ||
	    (r = pairs_texts(a, json_get(body, "Labels"), "Labels", &o->labels, e)) < 0 || (r = check_swarm(body, e)) < 0)
		return r;
	o->no_ipv4 = !ipv4;
	if (!*o->name)
		return err_set(e, ERR_INVALID, "invalid name: name is empty");
	if (!*o->driver)
		o->driver = NETWORK_BRIDGE;
	r = check_driver(o, e);
	return r < 0 ? r : read_ipam(a, body, o, e);
}

/* Whose name is taken, and who overlaps. */
static int conflict(struct exchange *ex, const struct engine *en, const struct network_options *o, struct err *e)
{
	struct network net;
	struct err ignored;

	if (network_find(en, ex_arena(ex), o->name, &net, &ignored) == 0 && strcmp(net.name, o->name) == 0)
		return err_set(e, ERR_CONFLICT, "network with name %s already exists", o->name);
	(void)err_ctx(e, "Pool overlaps with other one on this address space");
	e->cls = ERR_DENIED;
	return e->code;
}

static int create(struct exchange *ex, struct err *e)
{
	CLEANUP_STRBUF struct strbuf out = STRBUF_INIT;
	struct json_writer w = JSON_WRITER(&out);
	struct network_options o = { 0 };
	struct network net;
	struct engine *en;
	int r = read_network(ex, &o, e);

	if (r == 0)
		r = networks_engine(ex, &en, e);
	if (r == 0) {
		r = network_create(en, ex_arena(ex), &o, &net, e);
		if (r < 0 && e->cls == ERR_CONFLICT)
			return conflict(ex, en, &o, e);
	}
	if (r < 0)
		return r;
	jw_object(&w, NULL);
	jw_str(&w, "Id", net.id);
	jw_str(&w, "Warning", "");
	jw_end_object(&w);
	return ex_json(ex, 201, &out, e);
}

/* ---- connect, disconnect ---- */

/* The one that the path names, by its name. */
static int find_network(struct exchange *ex, const struct engine *en, struct network *net, struct err *e)
{
	CLEANUP_CATALOG_TXN struct catalog *c = en->catalog;
	const char *what = ex_param(ex, 0);
	int r = catalog_begin(c, CATALOG_LAZY, e);

	if (r == 0)
		r = network_find(en, ex_arena(ex), what, net, e);
	if (r < 0 && e->cls == ERR_NOTFOUND)
		return err_set(e, ERR_NOTFOUND, "network %s not found", what);
	return r < 0 ? r : catalog_commit(c, e);
}

static int read_container(const struct json *body, const char **container, struct err *e)
{
	int r = json_get_str(body, "the request", "Container", container, e);

	if (r < 0)
		return r;
	if (!*container || !**container)
		return err_set(e, ERR_INVALID, "Container: which one is missing");
	*container += **container == '/';
	return 0;
}

/* The network is there: what is not found is the container. */
static int no_container(const char *container, struct err *e)
{
	return text_starts(e->msg, "no such container") ? err_set(e, ERR_NOTFOUND, "No such container: %s", container) : e->code;
}

static int connect_to(struct exchange *ex, struct err *e)
{
	const struct json *body;
	const char *container = "";
	struct ct_network place;
	struct network net;
	struct engine *en;
	int r = ex_body_json(ex, 0, &body, e);

	if (r == 0)
		r = read_container(body, &container, e);
	if (r == 0)
		r = networks_engine(ex, &en, e);
	if (r == 0)
		r = find_network(ex, en, &net, e);
	if (r == 0)
		r = place_parse(ex_arena(ex), net.name, json_get(body, "EndpointConfig"), &place, e);
	if (r == 0)
		r = network_connect(en, container, &place, e);
	if (r < 0 && e->cls == ERR_CONFLICT) /* it is in there, or the address is taken */
		e->cls = ERR_DENIED;
	if (r < 0)
		return no_container(container, e);
	return ex_empty(ex, 200, e);
}

/* Force is for the place of a container that Docker has lost; here such a place goes with its container, and one that is not there is an error in any case. */
static int disconnect_from(struct exchange *ex, struct err *e)
{
	const struct json *body;
	const char *container = "";
	bool force = false;
	struct network net;
	struct engine *en;
	int r = ex_body_json(ex, 0, &body, e);

	if (r == 0)
		r = read_container(body, &container, e);
	if (r == 0)
		r = json_get_bool(body, "the request", "Force", &force, e);
	if (r == 0)
		r = networks_engine(ex, &en, e);
	if (r == 0)
		r = find_network(ex, en, &net, e);
	if (r == 0)
		r = network_disconnect(en, container, net.name, e);
	return r < 0 ? no_container(container, e) : ex_empty(ex, 200, e);
}

/* ---- remove, prune ---- */

static int remove_network(struct exchange *ex, struct err *e)
{
	const char *what = ex_param(ex, 0);
	struct network net;
	struct engine *en;
	int r = networks_engine(ex, &en, e);

	if (r == 0)
		r = networks_find(en, ex_arena(ex), what, &net, e);
	if (r < 0 && e->cls == ERR_NOTFOUND)
		return err_set(e, ERR_NOTFOUND, "network %s not found", what);
	if (r == 0 && is_predefined(net.name))
		r = err_set(e, ERR_DENIED, "%s is a pre-defined network and cannot be removed", net.name);
	if (r == 0)
		r = network_remove(en, ex_arena(ex), net.id, e);
	if (r < 0 && e->cls == ERR_CONFLICT)
		return words_network_used(net.name, e);
	return r < 0 ? r : ex_empty(ex, 204, e);
}

struct pruned {
	struct json_writer w;
	bool any;
};

static void removed(const char *name, void *data)
{
	struct pruned *p = data;

	if (!p->any)
		jw_array(&p->w, "NetworksDeleted");
	p->any = true;
	jw_str(&p->w, NULL, name);
}

static int prune(struct exchange *ex, struct err *e)
{
	CLEANUP_STRBUF struct strbuf out = STRBUF_INIT;
	struct pruned p = { .w = JSON_WRITER(&out) };
	struct strv filters;
	struct engine *en;
	int r = filters_parse(ex_arena(ex), ex_query(ex, "filters"), FILTER_PRUNE_KEYS, &filters, e);

	if (r == 0)
		r = networks_engine(ex, &en, e);
	jw_object(&p.w, NULL);
	if (r == 0)
		r = prune_networks(en, ex_arena(ex), filters, removed, &p, e);
	if (p.any)
		jw_end_array(&p.w);
	else
		jw_null(&p.w, "NetworksDeleted");
	jw_end_object(&p.w);
	return r < 0 ? r : ex_json(ex, 200, &out, e);
}

const struct route docker_network_change_routes[] = {
	{ "POST", "/networks/create", create, ROUTE_WRITE, "make a network" },
	{ "POST", "/networks/prune", prune, ROUTE_WRITE, "remove networks that no container runs in" },
	{ "POST", "/networks/{}/connect", connect_to, ROUTE_WRITE, "put a container into a network" },
	{ "POST", "/networks/{}/disconnect", disconnect_from, ROUTE_WRITE, "take a container out of a network" },
	{ "DELETE", "/networks/{}", remove_network, ROUTE_WRITE, "remove a network" },
	{ 0 },
};

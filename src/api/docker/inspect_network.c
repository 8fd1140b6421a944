#include "api/docker/inspect_network.h"

#include <string.h>

#include "api/docker/inspect_settings.h"
#include "api/docker/network_cni.h"
#include "api/docker/networks.h"
#include "api/docker/pairs_view.h"
#include "api/docker/times.h"
#include "engine/config.h"

static int write_containers(const struct engine *en, struct arena *a, const struct network *net, bool brief, const char *owner, struct json_writer *w,
			    struct err *e)
{
	CLEANUP_STMT struct cat_stmt *s = NULL;
	int r = brief || network_is_builtin(net) ? 0 : cat_prepare(en->catalog, &s, e,
			    "SELECT c.id, c.name, e.ip, e.mac, e.ip6, c.config FROM endpoints e JOIN containers c ON c.id = e.container WHERE e.network = ?1 ORDER BY e.number",
			    "s", net->id);

	if (!brief && network_is_builtin(net))
		r = cat_prepare(en->catalog, &s, e, "SELECT id, name, '', '', '', config FROM containers WHERE status = 'running' AND instr(config, ?1)", "s",
				strcmp(net->name, "host") == 0 ? "\"NetworkMode\":\"host\"" : "\"NetworkMode\":\"none\"");
	jw_object(w, "Containers");
	while (!brief && r == 0 && (r = cat_step(s, e)) > 0) {
		r = 0;
		if (owner && !config_is_of(a, cat_text(s, 5), owner))
			continue;
		jw_object(w, cat_text(s, 0));
		jw_str(w, "Name", cat_text(s, 1));
		jw_str(w, "EndpointID", inspect_endpoint_id(a, cat_text(s, 0), net->id));
		jw_str(w, "MacAddress", cat_text(s, 3));
		jw_str(w, "IPv4Address", cat_text(s, 2));
		jw_str(w, "IPv6Address", cat_text(s, 4));
		jw_end_object(w);
	}
	jw_end_object(w);
	return r < 0 ? r : 0;
}

/* One family's, as Docker has it. */
static void write_subnet(const struct network *n, const struct ip_net *subnet, const struct ip *gateway, const struct ip_net *range, struct json_writer *w)
{
	char text[IP_TEXT_LEN];
	struct ip aux;

	if (!subnet->ip.len)
		return;
	jw_object(w, NULL);
	jw_str(w, "Subnet", ip_net_text(subnet, text));
	if (range->ip.len)
		jw_str(w, "IPRange", ip_net_text(range, text));
	jw_str(w, "Gateway", ip_text(gateway, text));
	jw_object(w, "AuxiliaryAddresses");
	json_each(a, json_get(n->config, "Aux"))
		if (a->type == JSON_STRING && ip_parse(a->str, &aux) == 0 && aux.len == subnet->ip.len)
			jw_str(w, a->key, a->str);
	jw_end_object(w);
	jw_end_object(w);
}

/* What networks of a swarm are, and one of a single machine is not. */
static void write_swarm(struct json_writer *w)
{
	jw_bool(w, "Ingress", false);
	jw_bool(w, "ConfigOnly", false);
	jw_object(w, "ConfigFrom");
	jw_str(w, "Network", "");
	jw_end_object(w);
}

int inspect_network_write(const struct engine *en, struct arena *a, const struct network *n, enum network_form form, const char *owner, struct json_writer *w,
			  struct err *e)
{
	const struct json *ipam = json_get(n->config, "IpamOptions");
	int r;

	if (network_is_cni(n))
		return network_cni_inspect(en, a, n->name, w, e);
	jw_object(w, NULL);
	jw_str(w, "Name", n->name);
	jw_str(w, "Id", n->id);
	jw_str(w, "Created", time_text(a, n->created));
	jw_str(w, "Scope", "local");
	jw_str(w, "Driver", form != NETWORK_ALL && network_is_routed(n) ? NETWORK_BRIDGE : n->driver); /* clients know that one */
	jw_str(w, "Device", *n->parent ? n->parent : n->device);
	jw_bool(w, "EnableIPv4", true);
	jw_bool(w, "EnableIPv6", n->subnet6.ip.len > 0);
	jw_bool(w, "Internal", n->internal);
	jw_bool(w, "Attachable", json_get(n->config, "Attachable") && json_get(n->config, "Attachable")->type == JSON_BOOL && json_get(n->config, "Attachable")->boolean);
	jw_u64(w, "Mtu", network_mtu(n));
	write_swarm(w);
	jw_object(w, "IPAM");
	jw_str(w, "Driver", "default"); /* addresses are chosen here, and nobody else is asked */
	pairs_view("Options", ipam, network_is_builtin(n) || (ipam && ipam->type == JSON_NULL), w);
	jw_array(w, "Config");
	write_subnet(n, &n->subnet, &n->gateway, &n->range, w);
	write_subnet(n, &n->subnet6, &n->gateway6, &n->range6, w);
	jw_end_array(w);
	jw_end_object(w);
	r = write_containers(en, a, n, form == NETWORK_BRIEF, owner, w, e);
	pairs_view("Labels", json_get(n->config, "Labels"), false, w);
	pairs_view("Options", json_get(n->config, "Options"), false, w);
	if (json_get(n->config, "Cni"))
		jw_value(w, "Cni", json_get(n->config, "Cni"));
	jw_end_object(w);
	return r;
}

int inspect_network(const struct engine *en, struct arena *a, const char *what, enum network_form form, const char *owner, struct json_writer *w,
		    struct err *e)
{
	struct network net;
	int r = what[0] ? networks_find(en, a, what, &net, e) : err_set(e, ERR_NOTFOUND, "a network's name is missing (tare network ls lists them)");

	return r < 0 ? r : inspect_network_write(en, a, &net, form, owner, w, e);
}

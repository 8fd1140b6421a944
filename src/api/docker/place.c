#include "api/docker/place.h"

#include "engine/pairs.h"

static int texts(struct arena *a, const struct json *of, const char *where, const char *key, struct strv *out, struct err *e)
{
	const char **v = NULL;
	int r = json_get_strv(a, of, where, key, &v, &out->n, e);

	out->v = v;
	return r;
}

/* "" is none. */
static int text(const struct json *of, const char *where, const char *key, const char **out, struct err *e)
{
	int r = json_get_str(of, where, key, out, e);

	if (r == 0 && *out && !**out)
		*out = NULL;
	return r;
}

int place_parse(struct arena *a, const char *network, const struct json *settings, struct ct_network *out, struct err *e)
{
	static const char where[] = "EndpointConfig", ipam_where[] = "IPAMConfig";
	const struct json *ipam = NULL;
	int64_t priority = 0;
	int r;

	*out = (struct ct_network){ .name = network, .any_opts = true };
	if (!settings || settings->type == JSON_NULL)
		return 0;
	if (settings->type != JSON_OBJECT)
		return err_set(e, ERR_INVALID, "%s: want an object", where);
	if ((r = json_get_obj(settings, where, ipam_where, &ipam, e)) < 0 || (r = text(ipam, ipam_where, "IPv4Address", &out->ip, e)) < 0 ||
	    (r = text(ipam, ipam_where, "IPv6Address", &out->ip6, e)) < 0 || (r = texts(a, ipam, ipam_where, "LinkLocalIPs", &out->link_local, e)) < 0 ||
	    (r = texts(a, settings, where, "Links", &out->links, e)) < 0 || (r = texts(a, settings, where, "Aliases", &out->aliases, e)) < 0 ||
	    (r = text(settings, where, "MacAddress", &out->mac_address, e)) < 0 || (r = json_get_i64(settings, where, "GwPriority", &priority, e)) < 0 ||
	    (r = pairs_texts(a, json_get(settings, "DriverOpts"), "DriverOpts", &out->driver_opts, e)) < 0)
		return r;
	if (priority)
		out->gw_priority = arena_printf(a, "%lld", (long long)priority);
	return arena_error(a) < 0 ? err_errno(e, -ENOMEM, "%s", where) : 0;
}

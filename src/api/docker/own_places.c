/* A volume with driver options is anything of the machine, and so is a network with a subnet or a device of one's choice: neither may be asked for. Names are
 * everybody's: one that is taken is taken, and nobody comes by another's thing by asking for its name. */
#include "api/docker/own_places.h"

#include <string.h>

#include "api/docker/fields.h"
#include "api/docker/networks.h"
#include "api/docker/own_judge.h"
#include "api/docker/words.h"
#include "engine/config.h"
#include "engine/settle.h"
#include "engine/volume.h"

/* ---- volumes ---- */

static int make_volume(struct exchange *ex, const struct engine *en, const char *name, struct err *e)
{
	const char *const label = arena_printf(ex_arena(ex), CONFIG_OWNER_LABEL "=%s", guard_owner(ex)), *made;
	const struct volume_wish wish = { .name = name, .labels = { &label, 1 } };

	return label ? volume_create(en, ex_arena(ex), &wish, &made, e) : err_errno(e, -ENOMEM, "create");
}

/* 1: it is there, and his; 0: it is not there. */
static int find_volume(struct exchange *ex, const struct engine *en, const char *name, struct err *e)
{
	struct volume v;
	int r = volume_find(en->catalog, ex_arena(ex), name, &v, e);

	if (r < 0)
		return e->cls == ERR_NOTFOUND ? 0 : r;
	return own_has(ex, v.labels) ? 1 : err_set(e, ERR_DENIED, "not allowed to you, who are kept to volumes of your own: %s", name);
}

static int use_volume(struct exchange *ex, const char *name, struct err *e)
{
	struct engine *en;
	int r = !name ? err_errno(e, -ENOMEM, "create") : ex_engine(ex, &en, e);

	if (r == 0)
		r = find_volume(ex, en, name, e);
	if (r != 0)
		return r < 0 ? r : 0;
	r = make_volume(ex, en, name, e);
	if (r == 0) /* one that somebody else made meanwhile is found, too */
		r = find_volume(ex, en, name, e);
	return r < 0 ? r : 0;
}

int own_use_volumes(struct exchange *ex, const struct json *host, struct err *e)
{
	int r = 0;

	json_each(it, json_get(host, "Binds"))
		if (r == 0)
			r = use_volume(ex, arena_strndup(ex_arena(ex), it->str, strcspn(it->str, ":")), e);
	json_each(it, json_get(host, "Mounts"))
		if (r == 0 && !strcmp(json_text(it, "Type", ""), "volume") && *json_text(it, "Source", ""))
			r = use_volume(ex, json_text(it, "Source", ""), e);
	return r;
}

int own_volume(struct exchange *ex, struct err *e)
{
	struct engine *en;
	int r = ex_engine(ex, &en, e);

	if (r == 0)
		r = find_volume(ex, en, ex_param(ex, 0), e);
	if (r == 0 || e->cls == ERR_DENIED)
		return err_set(e, ERR_NOTFOUND, "get %s: no such volume", ex_param(ex, 0));
	return r < 0 ? r : 0;
}

static int judge_options(const struct json *v, struct err *e)
{
	static const struct own_member options[] = { { .name = "size" }, { 0 } };

	return own_judge(v, options, e) < 0 ? err_ctx(e, "DriverOpts") : 0;
}

int own_volume_body(struct exchange *ex, struct json *body, struct err *e)
{
	static const struct own_member members[] = { { .name = "Name" }, { .name = "Driver" }, { .name = "Labels" }, { "DriverOpts", OWN_JUDGED, NULL, judge_options }, { 0 } };
	const char *name = json_text(body, "Name", "");
	struct engine *en;
	int r = own_judge(body, members, e);

	if (r == 0)
		r = own_sign(ex, body, e);
	if (r == 0 && *name)
		r = ex_engine(ex, &en, e);
	if (r == 0 && *name)
		r = find_volume(ex, en, name, e);
	return r < 0 ? r : 0;
}

/* ---- networks ---- */

static int find_network(struct exchange *ex, const char *what, struct network *net, struct err *e)
{
	struct engine *en;
	int r = ex_engine(ex, &en, e);

	return r < 0 ? r : networks_find(en, ex_arena(ex), what, net, e);
}

static int no_network(const char *what, struct err *e)
{
	return err_set(e, ERR_NOTFOUND, "network %s not found", what);
}

static int use_network(struct exchange *ex, const char *what, struct err *e)
{
	struct network net;
	int r = *what && !network_is_default(what) ? find_network(ex, what, &net, e) : 1;

	if (r != 0)
		return r > 0 || e->cls == ERR_NOTFOUND ? 0 : r; /* as in own_network() */
	/* not ERR_NOTFOUND, which of a create means its image to clients */
	return network_is_for(&net, guard_owner(ex)) ? 0 : err_set(e, ERR_DENIED, "network %s not found", what);
}

int own_use_networks(struct exchange *ex, const struct json *body, struct err *e)
{
	int r = use_network(ex, json_text(json_get(body, "HostConfig"), "NetworkMode", ""), e);

	json_each(it, json_get(json_get(body, "NetworkingConfig"), "EndpointsConfig"))
		if (r == 0)
			r = use_network(ex, it->key, e);
	return r;
}

int own_network(struct exchange *ex, bool used, struct err *e)
{
	const char *what = ex_param(ex, 0);
	struct network net;
	int r = find_network(ex, what, &net, e);

	if (r < 0 && e->cls == ERR_NOTFOUND)
		return used ? 0 : no_network(what, e); /* the handler says so, or knows where else to look */
	if (r < 0)
		return r;
	if (!network_is_for(&net, guard_owner(ex)))
		return no_network(what, e);
	if (!network_owner(&net) && !used)
		return own_no(e, "a network that is everybody's");
	if (!network_is_builtin(&net))
		guard_param(ex, 0, net.id);
	return 0;
}

int own_network_body(struct exchange *ex, struct json *body, struct err *e)
{
	static const struct own_member ipam[] = { { .name = "Driver" }, { 0 } };
	static const struct own_member members[] = {
		{ .name = "Name" }, { .name = "Labels" }, { .name = "CheckDuplicate" }, { .name = "Internal" }, { .name = "Attachable" }, { .name = "EnableIPv6" },
		{ .name = "EnableIPv4" }, { .name = "Scope" }, { .name = "IPAM" }, { "Driver", OWN_ONE_OF, "|" NETWORK_BRIDGE }, { 0 },
	};
	int r = own_judge(body, members, e);

	if (r == 0 && own_judge(json_get(body, "IPAM"), ipam, e) < 0)
		r = err_ctx(e, "IPAM");
	return r < 0 ? r : own_sign(ex, body, e);
}

int own_judge_endpoint(const struct json *endpoint, struct err *e)
{
	const struct json *links = json_get(endpoint, "Links");

	return links && !field_is_empty(links) ? own_no(e, "Links") : 0;
}

/* From here on it is the container's id. */
int own_connect_body(struct exchange *ex, struct json *body, struct err *e)
{
	static const struct own_member members[] = { { .name = "Container" }, { .name = "Force" }, { "EndpointConfig", OWN_JUDGED, NULL, own_judge_endpoint }, { 0 } };
	struct json *container = (struct json *)(uintptr_t)json_get(body, "Container");
	CLEANUP_LIVE struct live live = LIVE_INIT;
	struct engine *en;
	struct record rec;
	int r = own_judge(body, members, e);

	if (r == 0)
		r = ex_engine(ex, &en, e);
	if (r < 0 || !container || container->type != JSON_STRING)
		return r;
	container->str += *container->str == '/';
	r = settle_find(en, ex_arena(ex), container->str, SETTLE_WAIT, &rec, &live, e);
	if (r == 0 && !own_made(ex, rec.config))
		r = err_set(e, ERR_NOTFOUND, "no such container");
	if (r < 0)
		return words_no_container(container->str, e);
	container->str = arena_strdup(ex_arena(ex), rec.id);
	container->len = strlen(rec.id);
	return container->str ? 0 : err_errno(e, -ENOMEM, "connect");
}

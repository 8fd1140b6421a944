/* What a server says that is in no swarm, and has no plugins. */
#include "api/docker/routes.h"

#define NO_SWARM "tare makes no swarms: its containers are those of one machine"
#define NO_PLUGINS "tare has no plugins of Docker's: what they would do (drivers of logs, networks and volumes) is its own"

static int get_plugins(struct exchange *ex, struct err *e)
{
	CLEANUP_STRBUF struct strbuf text = STRBUF_INIT;

	sb_puts(&text, "[]");
	return ex_json(ex, 200, &text, e);
}

static int get_plugin(struct exchange *ex, struct err *e)
{
	(void)ex;
	return err_set(e, ERR_NOTFOUND, "plugin \"%.300s\" not found", ex_param(ex, 0));
}

#define IN_SWARM(method, path, about) { method, path, NULL, ROUTE_READ, about, DOCKER_NO_SWARM, 503 }
#define THING(name) IN_SWARM("GET", "/" name, "of a swarm"), IN_SWARM("POST", "/" name "/create", "of a swarm"), IN_SWARM("GET", "/" name "/{}", "of a swarm"), \
		    IN_SWARM("DELETE", "/" name "/{}", "of a swarm"), IN_SWARM("POST", "/" name "/{}/update", "of a swarm")
#define PLUGIN(method, path) { method, path, NULL, ROUTE_WRITE, "plugins", NO_PLUGINS, 501 }

const struct route docker_swarm_routes[] = {
	IN_SWARM("GET", "/swarm", "of a swarm"),
	{ "POST", "/swarm/init", NULL, ROUTE_WRITE, "of a swarm", NO_SWARM, 501 },
	{ "POST", "/swarm/join", NULL, ROUTE_WRITE, "of a swarm", NO_SWARM, 501 },
	{ "POST", "/swarm/leave", NULL, ROUTE_WRITE, "of a swarm", "This node is not part of a swarm", 503 },
	IN_SWARM("POST", "/swarm/update", "of a swarm"),
	IN_SWARM("GET", "/swarm/unlockkey", "of a swarm"),
	{ "POST", "/swarm/unlock", NULL, ROUTE_WRITE, "of a swarm", "This node is not part of a swarm", 503 },
	IN_SWARM("GET", "/nodes", "of a swarm"),
	IN_SWARM("GET", "/nodes/{}", "of a swarm"),
	IN_SWARM("DELETE", "/nodes/{}", "of a swarm"),
	IN_SWARM("POST", "/nodes/{}/update", "of a swarm"),
	THING("services"),
	IN_SWARM("GET", "/services/{}/logs", "of a swarm"),
	IN_SWARM("GET", "/tasks", "of a swarm"),
	IN_SWARM("GET", "/tasks/{}", "of a swarm"),
	IN_SWARM("GET", "/tasks/{}/logs", "of a swarm"),
	THING("secrets"),
	THING("configs"),
	{ "GET", "/plugins", get_plugins, ROUTE_READ, "plugins: there are none" },
	{ "GET", "/plugins/{+}/json", get_plugin, ROUTE_READ, "plugins: there are none" },
	PLUGIN("GET", "/plugins/privileges"),
	PLUGIN("POST", "/plugins/pull"),
	PLUGIN("POST", "/plugins/create"),
	PLUGIN("POST", "/plugins/{+}/enable"),
	PLUGIN("POST", "/plugins/{+}/disable"),
	PLUGIN("POST", "/plugins/{+}/upgrade"),
	PLUGIN("POST", "/plugins/{+}/push"),
	PLUGIN("POST", "/plugins/{+}/set"),
	PLUGIN("DELETE", "/plugins/{+}"),
	{ 0 },
};

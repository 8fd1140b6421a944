#include "api/docker/routes.h"

#include "api/docker/own.h"

/* The order is the document's; no two rows match the same request. */
static const struct route *const tables[] = {
	docker_build_routes,
	docker_commit_routes,
	docker_image_routes,
	docker_ping_routes,
	docker_create_routes,
	docker_life_routes,
	docker_attach_routes,
	docker_logs_routes,
	docker_registry_routes,
	docker_exec_routes,
	docker_network_change_routes,
	docker_volume_change_routes,
	docker_archive_routes,
	docker_system_routes,
	docker_event_routes,
	docker_container_view_routes,
	docker_stats_routes,
	docker_image_view_routes,
	docker_place_view_routes,
	docker_swarm_routes,
};

static const char server[] = "tare/" TARE_VERSION " (linux)";
static const char *const headers[] = {
	"Api-Version", DOCKER_API_MAX_TEXT,
	"Docker-Experimental", "false",
	"Ostype", "linux",
	"Server", server,
	NULL,
};

const struct server_view docker_view = {
	.tables = tables,
	.n_tables = ARRAY_LEN(tables),
	.min_api = DOCKER_API_MIN,
	.max_api = DOCKER_API_MAX,
	.headers = headers,
	.at_once = "/_ping",
	.guard = docker_guard,
};

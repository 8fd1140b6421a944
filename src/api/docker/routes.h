/* Docker's Engine API: what there is of it, and what an answer carries. docs/docker-api.md is made of these tables. */
#ifndef TARE_API_DOCKER_ROUTES_H
#define TARE_API_DOCKER_ROUTES_H

#include "api/server/server.h"

#define DOCKER_API_MIN 124
#define DOCKER_API_MAX 151
#define DOCKER_API_MIN_TEXT "1.24"
#define DOCKER_API_MAX_TEXT "1.51"

/* What a machine that is in no swarm says to who wants something of one. */
#define DOCKER_NO_SWARM "This node is not a swarm manager. Use \"docker swarm init\" or \"docker swarm join\" to connect this node to swarm and try again."

/* One table per area, each ended by a row of zeros. */
extern const struct route docker_build_routes[];
extern const struct route docker_commit_routes[];
extern const struct route docker_image_routes[];
extern const struct route docker_ping_routes[];
extern const struct route docker_create_routes[];
extern const struct route docker_life_routes[];
extern const struct route docker_attach_routes[];
extern const struct route docker_logs_routes[];
extern const struct route docker_registry_routes[];
extern const struct route docker_exec_routes[];
extern const struct route docker_network_change_routes[];
extern const struct route docker_volume_change_routes[];
extern const struct route docker_archive_routes[];
extern const struct route docker_system_routes[];
extern const struct route docker_event_routes[];
extern const struct route docker_container_view_routes[];
extern const struct route docker_stats_routes[];
extern const struct route docker_image_view_routes[];
extern const struct route docker_place_view_routes[];
extern const struct route docker_swarm_routes[];

extern const struct server_view docker_view;

#endif

/* What inspect says of a container's networks and ports. */
#ifndef TARE_API_DOCKER_INSPECT_SETTINGS_H
#define TARE_API_DOCKER_INSPECT_SETTINGS_H

#include "api/docker/ports.h"
#include "engine/live.h"

/* A container as far as that goes. */
struct inspect_net {
	const struct engine *en;
	struct arena *a;
	const struct record *rec;
	const struct live *live;
	const struct json *doc;       /* its configuration (engine/config.h) */
	const struct endpoints *own;  /* ports_read(); none of one that does not run */
	const struct ports_cni *cni;
};
/* The member "NetworkSettings". Of a container that does not run: the networks that it will be in. */
void inspect_net_write(const struct inspect_net *n, struct json_writer *w);

/* Its members "Networks", and, in a list of containers, "Ports". */
void inspect_net_write_networks(const struct inspect_net *n, struct json_writer *w);
void inspect_net_write_port_list(const struct inspect_net *n, struct json_writer *w);

/* Whether what is said of them is the catalog's alone: not where networks of CNI are in it, or may be, which are files. */
bool inspect_net_of_catalog(const struct inspect_net *n);

/* HostConfig's "PortBindings": what was asked for, by the container's port. publish: the configuration's. */
void inspect_net_write_bindings(struct arena *a, const struct json *publish, struct json_writer *w);
/* Config's "ExposedPorts", where there are any: each port of the configuration's list. */
void inspect_net_write_exposed(struct arena *a, const struct json *exposed, struct json_writer *w);

/* A name for a container's place in a network, as Docker has one: of both their ids, so nothing has to keep it. */
#define ENDPOINT_ID_LEN 64
const char *inspect_endpoint_id(struct arena *a, const char *container, const char *network);

#endif

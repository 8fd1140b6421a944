/* Published ports and networks of a container as texts. */
#ifndef TARE_API_DOCKER_PORTS_H
#define TARE_API_DOCKER_PORTS_H

#include "engine/cni.h"
#include "engine/endpoint.h"
#include "engine/record.h"

/* "0.0.0.0:8080->80/tcp, 0.0.0.0:9000-9009->9000-9009/tcp" */
const char *ports_text(struct arena *a, const struct endpoints *own);
/* What a running container has of its networks; of ports only those that lead to it: not while it is in no network that has any. */
int ports_read(const struct engine *en, struct arena *a, const char *id, struct endpoints *out, struct err *e) MUST_CHECK;
/* "one,two": the networks that it is in or, when it does not run, would join; for one that has none of its own, "host" or whatever it has.
 * own: ports_read() of one that runs. */
int ports_networks(const struct engine *en, struct arena *a, const struct record *rec, const struct json *config, const struct endpoints *own,
		   const char **out, struct err *e) MUST_CHECK;
/* Its places in networks of CNI. */
struct ports_cni {
	struct cni_place *v;
	size_t n;
};
int ports_read_cni(const struct engine *en, struct arena *a, const char *id, struct ports_cni *out, struct err *e) MUST_CHECK;
/* Where the host answers on a port: addresses as Docker writes them, one of each family for a port of every address. How many. */
size_t ports_host_texts(const struct endpoints *own, const struct net_port *p, char out[2][IP_TEXT_LEN]);

#endif

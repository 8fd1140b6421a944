/* Networks and volumes for a client who is kept to his own (own.h): those that he made through the API have his name as a label. */
#ifndef TARE_API_DOCKER_OWN_PLACES_H
#define TARE_API_DOCKER_OWN_PLACES_H

#include "api/server/guard.h"

/* The volumes that the HostConfig of a container says, which are in the form "NAME:/PATH" or of Mounts; one that is not there is made, as his.
 * ERR_DENIED: one is somebody else's. */
int own_use_volumes(struct exchange *ex, const struct json *host, struct err *e) MUST_CHECK;
/* The networks of a container's body. ERR_DENIED: one is of another who is kept to his own. */
int own_use_networks(struct exchange *ex, const struct json *body, struct err *e) MUST_CHECK;
/* One place in a network as a request describes it. ERR_DENIED. */
int own_judge_endpoint(const struct json *endpoint, struct err *e) MUST_CHECK;

/* Bodies of POST /volumes/create, /networks/create, /networks/{}/connect and /networks/{}/disconnect. */
int own_volume_body(struct exchange *ex, struct json *body, struct err *e) MUST_CHECK;
int own_network_body(struct exchange *ex, struct json *body, struct err *e) MUST_CHECK;
int own_connect_body(struct exchange *ex, struct json *body, struct err *e) MUST_CHECK;

/* The one that the path names. A network to be used is anybody's, but that of another who is kept to his own; from here on it is its id. */
int own_volume(struct exchange *ex, struct err *e) MUST_CHECK;
int own_network(struct exchange *ex, bool used, struct err *e) MUST_CHECK;

#endif

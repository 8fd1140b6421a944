/* What inspect says of a network: Docker's members, and some of our own (Device, Mtu, Cni; of one of CNI its plugins). */
#ifndef TARE_API_DOCKER_INSPECT_NETWORK_H
#define TARE_API_DOCKER_INSPECT_NETWORK_H

#include "base/json.h"
#include "engine/network.h"

enum network_form {
	NETWORK_ALL,  /* the command's */
	NETWORK_API,  /* the default network's driver is Docker's, "bridge" */
	NETWORK_BRIEF /* the same, without the containers in it, as Docker's list is */
};

/* One object; of the containers in it those alone that are owner's (a label, engine/config.h; NULL: all). ERR_NOTFOUND: there is no such network. */
int inspect_network(const struct engine *en, struct arena *a, const char *what, enum network_form form, const char *owner, struct json_writer *w,
		    struct err *e) MUST_CHECK;
/* Of one that was found. */
int inspect_network_write(const struct engine *en, struct arena *a, const struct network *n, enum network_form form, const char *owner, struct json_writer *w,
			  struct err *e) MUST_CHECK;

#endif

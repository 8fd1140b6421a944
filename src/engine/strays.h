/* What a store that is gone has left on the host, in this state folder's name: elements of the firewall whose container
 * or network the catalog does not know, and devices of networks that are none. A new store in the place of one that was
 * removed with `rm -rf` meets them. */
#ifndef TARE_ENGINE_STRAYS_H
#define TARE_ENGINE_STRAYS_H

#include "base/arena.h"
#include "engine/engine.h"

struct strays {
	struct nft_element *elements; /* family, set, key, end, comment */
	size_t n_elements, cap_elements;
	const char **devices; /* of networks: bridges */
	size_t n_devices, cap_devices;
	const char **links; /* of containers, whose other end some process still has */
	size_t n_links, cap_links;
	const char *living; /* the id of a container that is not in this catalog, and whose monitor is in our state
			       folder: another store's */
};

/* What there is; nothing is not an error. */
int strays_find(const struct engine *en, struct arena *a, struct strays *out, struct err *e) MUST_CHECK;
/* Takes away the elements and, if wanted, the devices; what of its containers still lives has no network any more.
 * ERR_CONFLICT when they are another store's, of which a container lives here. */
int strays_sweep(const struct engine *en, bool devices, struct err *e) MUST_CHECK;

#endif

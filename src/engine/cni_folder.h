/* The networks that CNI's configuration folder describes. Each is called what its list says, and has no row in the catalog: who edits the
 * folder makes and removes them. */
#ifndef TARE_ENGINE_CNI_FOLDER_H
#define TARE_ENGINE_CNI_FOLDER_H

#include "engine/network.h"
#include "net/cni.h"

#define NETWORK_CNI "cni" /* their driver */

/* Where things are, by the environment: TARE_CNI_CONF_DIR, TARE_CNI_BIN_DIR (folders with colons between), TARE_CNI_CACHE_DIR, and how
 * many seconds a plugin may take, TARE_CNI_TIMEOUT. */
struct cni_settings {
	const char *conf, *plugins, *cache;
	uint32_t seconds;
};
int cni_settings(struct cni_settings *out, struct err *e) MUST_CHECK;

struct cni_network {
	struct network net; /* id, name and driver; the id is made of the name, as podman's */
	struct cni_list list;
	const char *file;
};

/* The id of the network called that, in a; NULL: no memory. */
const char *cni_network_id(struct arena *a, const char *name);
bool network_is_cni(const struct network *n);
/* Files that cannot be read, in that order, too: which, and why (which names it). */
struct cni_bad {
	const char *file, *why;
};
/* All that can be read, in the order in which libcni looks for a name: the first one counts. *bad: what cannot, n_bad of them. */
int cni_folder_read(struct arena *a, struct cni_network **out, size_t *n, struct cni_bad **bad, size_t *n_bad, struct err *e) MUST_CHECK;
/* By name, whole id, or the unambiguous start of one. ERR_NOTFOUND; ERR_UNAVAILABLE: it may be in a file that cannot be read. */
int cni_folder_find(struct arena *a, const char *what, struct cni_network *out, struct err *e) MUST_CHECK;

#endif

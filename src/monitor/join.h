/* Namespaces of another container, into which a new one is made. */
#ifndef TARE_MONITOR_JOIN_H
#define TARE_MONITOR_JOIN_H

#include "monitor/description.h"

struct join {
	struct oci_spec spec;
	int fds[OCI_NS_COUNT]; /* -1: a new one, or none */
	char paths[OCI_NS_COUNT][32];
	struct oci_mount *mounts; /* the specification's, where /dev/shm is another container's; malloc'd */
	char shm[48];
};
#define JOIN_INIT { .fds = { -1, -1, -1, -1, -1, -1, -1, -1 } }
void join_close(struct join *j);
#define CLEANUP_JOIN CLEANUP(join_close)

/* Opens what the description names and gives the specification that leads there, which is good as long as j is open. Without anything
 * to join it is the description's own. ERR_BUSY: the process has ended. */
int join_open(const struct description *d, struct join *j, const struct oci_spec **spec, struct err *e) MUST_CHECK;

/* Once the container is made and its pid is written down: whoever's namespaces it shares and ends from now on finds it. ERR_BUSY: one has
 * ended before. */
int join_check(const struct description *d, struct err *e) MUST_CHECK;

#endif

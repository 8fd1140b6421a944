/* Starting tare-monitor. */
#ifndef TARE_ENGINE_LAUNCH_H
#define TARE_ENGINE_LAUNCH_H

#include "base/strbuf.h"
#include "engine/client.h"
#include "engine/service.h"

/* Starts `tare-monitor VERB` with the description on fd 3 and gives our end of its fd 4. It is nobody's child for long:
 * it is in a session of its own and nothing waits for it but the socket. */
struct launch {
	const struct service *service; /* whose descriptors it gets for the container; NULL: none */
	bool stay;                     /* in our cgroup */
};
int launch_monitor(const char *verb, const char *description, size_t len, const struct launch *how, struct client *out,
		   struct err *e) MUST_CHECK;

/* Runs `tare-monitor mounts` with that description on its standard input, to its end: what it says when it fails is the error's message. */
int launch_mounts(const char *description, size_t len, struct err *e) MUST_CHECK;

/* containers/ID/config.json with another `attach`. */
int launch_read_description(const struct engine *en, const char *id, unsigned int attach, struct strbuf *out,
			    struct err *e) MUST_CHECK;

/* Starts what waits ms for the restart of a container and then executes us (`tare internal restart ID`); lock, which it inherits, is STATE/ID/rest,
 * open and locked. */
int launch_rest(const struct engine *en, const char *id, int64_t ms, int lock, struct err *e) MUST_CHECK;

/* Starts tare-netd, listening on fd; it outlives us. */
int launch_netd(int fd, struct err *e) MUST_CHECK;
/* The healer: fd its listening socket, lock the lock that it holds, table the one it watches. */
int launch_healer(const struct engine *en, int fd, int lock, const char *table, struct err *e) MUST_CHECK;

#endif

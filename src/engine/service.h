/* A container that is a service of a service manager (systemd): what the manager hands to the program it starts, which is us, goes on to the
 * container. docs/services.md is what users read. */
#ifndef TARE_ENGINE_SERVICE_H
#define TARE_ENGINE_SERVICE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/strbuf.h"
#include "engine/engine.h"
#include "engine/options.h"

/* The cgroup of the monitors beside the container's, with --cgroups=split. */
#define SERVICE_MONITOR "monitor"

/* Found in our environment; all zero: we are nobody's service. */
struct service {
	const char *notify;   /* NOTIFY_SOCKET; NULL: none */
	const char *watchdog; /* WATCHDOG_USEC; NULL: none, or not for us */
	const char *names;    /* LISTEN_FDNAMES; NULL: none */
	uint32_t listen;      /* so many sockets of the manager, from descriptor 3 on (sd_listen_fds(3)) */
	uint32_t more;        /* and so many more behind them, of --preserve-fds */
};

/* Reads the environment, and sees that the descriptors are there. To be called by a command that starts a process in a container, before
 * anything is made. */
int service_read(uint32_t preserve_fds, struct service *out, struct err *e) MUST_CHECK;

static inline uint32_t service_fds(const struct service *s)
{
	return s ? s->listen + s->more : 0;
}

/* Once they have gone on to the container: ours are closed, so that who waits for the last to go waits for the container alone. */
void service_close(const struct service *s);

/* --sdnotify and --cgroups: what they may be, and with what. */
int service_check(const struct ct_options *o, bool rootless, struct err *e) MUST_CHECK;

/* Adds to a container's description what this start has of a manager (docs/formats.md). mode: its --sdnotify. */
int service_describe(const struct service *s, const char *mode, struct strbuf *description, struct err *e) MUST_CHECK;
/* The same for a process of `exec`, into an open object. */
void service_write_pass(const struct service *s, struct json_writer *w);

/* --cgroups=split: finds the cgroup that was delegated to our unit, moves us out of the container's way into its cgroup "monitor", and gives
 * its path (in a). */
int service_cgroup(struct arena *a, const char **out, struct err *e) MUST_CHECK;

#endif

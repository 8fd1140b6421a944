/* The descriptors the two halves of a monitor share, each at a fixed number, so that they survive exec: the process
 * that made the container becomes the keeper, the keeper starts workers. A number that is not open is something this
 * container does not have (no stdin, no terminal). */
#ifndef TARE_MONITOR_CREW_H
#define TARE_MONITOR_CREW_H

#include <stdbool.h>
#include <sys/types.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "oci/spec.h"

enum crew_fd {
	CREW_SETTINGS = 3, /* description_settings(); the whole description while the container is being made */
	CREW_CLIENT,       /* the client the monitor was started with */
	CREW_SESSION, /* of an ordinary user: keeps the namespace that his commands enter (engine/rootless.c) */
	CREW_STATE_DIR,
	CREW_LOCK,     /* stateDir/lock with the record lock of this process: never passed on */
	CREW_PIDFD,    /* the container's init */
	CREW_OUT,      /* read end of stdout: a FIFO, or with a terminal the pipe it is fed into */
	CREW_ERR,
	CREW_IN,       /* write end of stdin, or a second descriptor of the terminal */
	CREW_CONSOLE,  /* pty master */
	CREW_FEED,     /* write end of CREW_OUT with a terminal */
	CREW_STAGE_OUT, /* the pipe between the terminal and CREW_FEED */
	CREW_STAGE_IN,
	CREW_BIN_OUT,  /* the pipe by which what was logged leaves its stream (stream.c) */
	CREW_BIN_IN,
	CREW_LISTEN,   /* attach.sock */
	CREW_PROGRESS,
	CREW_LINK,     /* between keeper and worker */
	CREW_NOTIFY,   /* the socket at which the container speaks to a service manager */
	CREW_MANAGER,  /* and that one's */
	CREW_END
};

/* Says what is where: bit n = descriptor n is open. */
struct crew {
	unsigned int has;
	unsigned int passed; /* as crew_inherit() was told */
};

/* Takes stock after exec: the open ones among the numbers up to `last`, made CLOEXEC; everything above is closed but, from MONITOR_PASSED_FD on,
 * as many as the container's process is to have (description_pass). */
void crew_inherit(struct crew *c, enum crew_fd last, unsigned int passed);

/* Occupies the numbers that are free, so that nothing opened later lands on them; with descriptors for the container all up to those. */
int crew_reserve(struct crew *c) MUST_CHECK;

/* Moves fd to its number (closing fd); -1 is allowed and empties the place. */
int crew_put(struct crew *c, enum crew_fd place, int fd) MUST_CHECK;
void crew_close(struct crew *c, enum crew_fd place);

static inline bool crew_has(const struct crew *c, enum crew_fd place)
{
	return c->has & 1U << place;
}

/* The descriptor, or -1. */
static inline int crew_get(const struct crew *c, enum crew_fd place)
{
	return crew_has(c, place) ? (int)place : -1;
}

/* Becomes the keeper: exec of our own program with the crew's descriptors and no others. Gives only on failure. service: keeper.h. */
int crew_become_keeper(const struct crew *c, const char *id, bool service) MUST_CHECK;

/* Starts a worker with all but the lock; `link` becomes its CREW_LINK. */
int crew_spawn_worker(const struct crew *c, const char *id, int link, pid_t *pid, int *pidfd) MUST_CHECK;

/* Takes the record lock of stateDir: waits at most `seconds` for a monitor that is about to end (0: not at all).
 * -EAGAIN when somebody else holds it. */
int crew_take_lock(struct crew *c, unsigned int seconds) MUST_CHECK;

/* stateDir was removed: nobody can find this monitor any more, nor wait for its lock. */
bool crew_forgotten(void);

/* Where a container of this specification could write to our program file, executes `command` again from a sealed copy
 * of it, with the first descriptors, up to CREW_SESSION, and those for the container. To be called before anything else is held. */
int crew_seal(const struct crew *c, const struct oci_spec *spec, const char *command, struct err *e) MUST_CHECK;

/* Signals sent to the caller's group or terminal mean nothing to a monitor: caught by a handler that does nothing,
 * not ignored, because ignoring would be inherited by the container. Own session, own name. */
void crew_quiet(void);
/* The signals by which a service is ended, as a signalfd; one that came earlier, since crew_quiet(), is among them. */
int crew_service_signals(void) MUST_CHECK;

#endif

/* Attaching to a container that does not run: to have its streams from the first byte of its next life on.
 *
 * Who waits listens at a socket in STATE/ID/waiting; the worker of the next monitor connects to each before it reads what the command writes
 * (monitor/waiting.h). Nobody else need know: whoever starts the container, and by whatever command, a start finds them. A waiter that was killed
 * leaves a name at which nobody listens. A start that comes to nothing, and the removal of the container, take the folder away, and that is how
 * a waiter hears of it. */
#ifndef TARE_ENGINE_WAITING_H
#define TARE_ENGINE_WAITING_H

#include "engine/client.h"
#include "engine/engine.h"
#include "engine/record.h"

#define WAITING_NAME_LEN 32

struct waiting {
	int dir, listener, notify;
	char name[WAITING_NAME_LEN];
};
#define WAITING_INIT { .dir = -1, .listener = -1, .notify = -1 }
#define CLEANUP_WAITING CLEANUP(waiting_end)
void waiting_end(struct waiting *w);

/* With the container's operation lock held, and while it does not run. want: FRAME_WANT_*, of the streams. */
int waiting_begin(const struct engine *en, const char *id, unsigned char want, struct waiting *out, struct err *e) MUST_CHECK;

/* Two descriptors to poll for POLLIN, then waiting_look(). */
#define WAITING_FDS 2
void waiting_fds(const struct waiting *w, int out[WAITING_FDS]);
/* 1: it has been started, and *out is its monitor's; 0: not yet; ERR_NOTFOUND: its start came to nothing, or it was removed. */
int waiting_look(struct waiting *w, struct client *out, struct err *e) MUST_CHECK;

/* The streams of a container, running (*out then) or not (out->fd -1, and *w). Restarting and paused ones are ERR_BUSY. */
int container_await(const struct engine *en, const char *what, unsigned char want, struct client *out, struct waiting *w, struct err *e) MUST_CHECK;

#endif

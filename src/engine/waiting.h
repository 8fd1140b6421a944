/* Attaching to a container that does not run: to have its streams from the first byte of its next life on.
 *
 * Who waits listens at a socket in STATE/ID/waiting; the worker of the next monitor connects to each before it reads what the command writes
 * (monitor/waiting.h). Nobody else need know: whoever starts the container, and by whatever command, a start finds them. A waiter that was killed
 * leaves a name at which nobody listens. Who takes the folder away, after a start that came to nothing and with the container, connects to each, too,
 * and says nothing; one that was killed before that is noticed by the name, which is looked for now and then. (No inotify: a user has 128 of these
 * on many a machine, all his programs together, and a hundred waiting clients are no reason to take them.) */
#ifndef TARE_ENGINE_WAITING_H
#define TARE_ENGINE_WAITING_H

#include "engine/client.h"
#include "engine/engine.h"
#include "engine/record.h"

#define WAITING_NAME_LEN 32

struct waiting {
	int dir, listener;
	char name[WAITING_NAME_LEN];
};
#define WAITING_INIT { .dir = -1, .listener = -1 }
#define CLEANUP_WAITING CLEANUP(waiting_end)
void waiting_end(struct waiting *w);

/* With the container's operation lock held, and while it does not run. want: FRAME_WANT_*, of the streams. */
int waiting_begin(const struct engine *en, const char *id, unsigned char want, struct waiting *out, struct err *e) MUST_CHECK;

/* When its listener has something (POLLIN), and after so long.
 * 1: it has been started, and *out is its monitor's, or hung up already: then, and with ERR_NOTFOUND, its start came to nothing, or it was removed; 0: not yet. */
#define WAITING_LOOK_MS 1000
int waiting_look(struct waiting *w, struct client *out, struct err *e) MUST_CHECK;

/* Nobody will start it any more: told to all that wait for it. For who takes STATE/ID away. */
void waiting_dismiss(int state, const char *id);

/* The streams of a container, running (*out then) or not (out->fd -1, and *w). Restarting and paused ones are ERR_BUSY. */
int container_await(const struct engine *en, const char *what, unsigned char want, struct client *out, struct waiting *w, struct err *e) MUST_CHECK;

#endif

/* The life of containers, as commands and API servers call it. Every function that names a container by `what` takes a
 * name, an id or the unambiguous start of one, and first repairs what an interrupted command or a dead monitor left
 * (settle.h). */
#ifndef TARE_ENGINE_CONTAINER_H
#define TARE_ENGINE_CONTAINER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/strbuf.h"
#include "engine/client.h"
#include "engine/engine.h"
#include "engine/live.h"
#include "engine/options.h"
#include "engine/record.h"
#include "engine/service.h"

/* ---- making and starting (create.c, start.c) ---- */

struct container_new {
	char id[ID_LEN + 1];
	const char *name;
	struct strbuf description;
	int lock; /* the operation lock, held until container_new_end() */
	bool attached; /* its caller wants its streams */
	const struct service *service; /* whose its start is; set by the caller, NULL: nobody's */
};
#define CONTAINER_NEW_INIT { .lock = -1 }
void container_new_end(struct container_new *n);
#define CLEANUP_CONTAINER_NEW CLEANUP(container_new_end)

/* Makes a container. running: it is recorded as running at once, because container_launch() follows; attach is then
 * the FRAME_WANT_* of the caller. When it fails nothing is left. */
int container_create(const struct engine *en, struct arena *a, const struct ct_options *opt, bool running,
		     unsigned int attach, struct container_new *out, struct err *e) MUST_CHECK;

/* Starts what container_create(running) made and waits until its command runs. When it cannot, the container is as
 * after `create` (with --rm: gone) and *e tells why; ERR_CMD_MISSING and ERR_CMD_NOEXEC when its command is at fault. */
int container_launch(const struct engine *en, struct container_new *n, bool remove_on_failure, struct client *out,
		     struct err *e) MUST_CHECK;

/* Starts a container that does not run; a running one is success with out->fd -1. service: as container_new's. */
int container_start(const struct engine *en, const char *what, unsigned int attach, const struct service *service, struct client *out,
		    struct err *e) MUST_CHECK;

/* With the operation lock held: starts one again that its policy wants (revive.h), which it goes on to count. */
int container_start_locked(const struct engine *en, struct record *rec, struct err *e) MUST_CHECK;

/* ---- ending (stop.c, halt.c, wait.c, restart.c, remove.c) ---- */

/* timeout_s: NULL: the container's own; -1: wait for ever. signal 0: its own. Not running is success. */
int container_stop(const struct engine *en, const char *what, int signal, const int64_t *timeout_s, struct err *e) MUST_CHECK;
/* The same with its own signal and timeout as the machine goes down: its restart policy starts it after that, and not before. */
int container_halt(const struct engine *en, const char *what, struct err *e) MUST_CHECK;
/* Halts all that run, at the same time, each by a command of its own. Each failure is a warning; the last one is given. */
int container_halt_all(const struct engine *en, struct err *e) MUST_CHECK;
/* Stops and starts it; one with --rm is not removed in between. Not running is success. */
int container_restart(const struct engine *en, const char *what, int signal, const int64_t *timeout_s, struct err *e) MUST_CHECK;
int container_kill(const struct engine *en, const char *what, int signal, struct err *e) MUST_CHECK;
/* Waits for the end: exit code as a shell has it. *known false: nobody could learn it. */
int container_wait(const struct engine *en, const char *what, int *code, bool *known, struct err *e) MUST_CHECK;
/* volumes: those without a name that no other container has, too. */
int container_remove(const struct engine *en, const char *what, bool force, bool volumes, struct err *e) MUST_CHECK;
/* The monitor's "the container ended": records it, frees what it held, and removes it with --rm. */
int container_exited(const struct engine *en, const char *id, struct err *e) MUST_CHECK;

/* ---- the rest (control.c) ---- */

int container_rename(const struct engine *en, const char *what, const char *name, struct err *e) MUST_CHECK;
int container_pause(const struct engine *en, const char *what, bool paused, struct err *e) MUST_CHECK;
/* A running container's record and live state; ERR_BUSY when it does not run. */
int container_running(const struct engine *en, struct arena *a, const char *what, struct record *rec, struct live *live,
		      struct err *e) MUST_CHECK;
/* The same of a record that is settled. */
int container_is_running(const struct record *rec, struct err *e) MUST_CHECK;
/* The cgroup of its processes. */
struct cgroup;
int container_cgroup(struct arena *a, const struct record *rec, struct cgroup **out, struct err *e) MUST_CHECK;
bool container_paused(const struct record *rec);
/* Connects to a running container's streams. */
int container_attach(const struct engine *en, const char *what, unsigned char want, struct client *out,
		     struct err *e) MUST_CHECK;

#endif

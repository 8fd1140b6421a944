/* What ends slowly does so for up to its timeout, so the containers are stopped at the same time, and by processes: each waits for an end as
 * `tare stop` does. The machine is going down, so nothing here may depend on another: one that cannot be stopped is told and left. */
#include <limits.h>
#include <string.h>
#include <sys/wait.h>

#include "base/log.h"
#include "engine/container.h"
#include "sys/spawn.h"

/* Each takes a descriptor, of which there may be 1024. */
#define MOST_AT_ONCE 500U

struct halting {
	const char *name;
	int pidfd; /* -1: it could not be started */
};

static void begin(const struct engine *en, const char *self, const struct record *rec, struct halting *h)
{
	const char *const argv[] = { "tare", "--root", en->root, "--state", en->state, "internal", "halt", rec->id, NULL };
	const struct spawn_args args = { .path = self, .argv = argv, .fds = (const struct spawn_fd[]){ { 2, 2 } }, .n_fds = 1 };
	pid_t pid;
	int r = spawn(&args, &pid, &h->pidfd);

	h->name = rec->name;
	if (r < 0) {
		log_warning("container %s is not stopped: %s: %s", rec->name, self, strerror(-r));
		h->pidfd = -1;
	}
}

/* Why not, it has said itself. */
static bool ended_well(struct halting *h)
{
	int status = 1, r = h->pidfd < 0 ? h->pidfd : spawn_wait(h->pidfd, -1, &status);

	h->pidfd = close_fd(h->pidfd);
	return r == 0 && status == 0;
}

static void wait_for(struct halting *h, const char **failed)
{
	if (!ended_well(h))
		*failed = h->name;
}

int container_halt_all(const struct engine *en, struct err *e)
{
	CLEANUP_ARENA struct arena a = ARENA_INIT;
	const char *failed = NULL;
	struct halting *halting;
	char self[PATH_MAX];
	struct record *recs;
	size_t n, begun = 0, ended = 0;
	int r = engine_self(self, e);

	if (r == 0)
		r = record_list(en->catalog, &a, NULL, &recs, &n, e);
	if (r < 0)
		return r;
	halting = arena_alloc(&a, (n + 1) * sizeof(*halting));
	if (!halting)
		return err_errno(e, -ENOMEM, "list the containers that run");
	for (size_t i = 0; i < n; i++) {
		if (!record_is_active(&recs[i]))
			continue;
		begin(en, self, &recs[i], &halting[begun++]);
		if (begun - ended == MOST_AT_ONCE)
			wait_for(&halting[ended++], &failed);
	}
	while (ended < begun)
		wait_for(&halting[ended++], &failed);
	return failed ? err_set(e, ERR_BUSY, "container %s has not been stopped", failed) : 0;
}

#include "engine/freezer.h"

#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>

#include "base/io.h"
#include "base/log.h"
#include "engine/container.h"
#include "engine/live.h"
#include "sys/cgroup.h"
#include "sys/spawn.h"

#define WORD "frozen\n"

static int thaw(const struct record *rec, struct err *e)
{
	CLEANUP_ARENA struct arena a = ARENA_INIT;
	CLEANUP_CGROUP struct cgroup *cg = NULL;
	int r = container_cgroup(&a, rec, &cg, e);

	return r < 0 ? r : cg_freeze(cg, false, e);
}

static int start(const struct engine *en, const struct record *rec, int lock, const int io[2], struct freezer *f, struct err *e)
{
	char self[PATH_MAX];
	const char *argv[] = { self, "--root", en->root, "--state", en->state, "internal", "freeze", rec->id, NULL };
	pid_t pid;
	int r = engine_self(self, e);

	if (r < 0)
		return r;
	r = spawn(&(struct spawn_args){ .path = self,
					.argv = argv,
					.fds = (const struct spawn_fd[]){ { io[0], 0 }, { io[1], 1 }, { 2, 2 }, { lock, 3 } },
					.n_fds = 4,
					.new_session = true,
					.chdir = "/" },
		  &pid, &f->pidfd);
	return r < 0 ? err_errno(e, r, "start %s", self) : 0;
}

int freezer_begin(const struct engine *en, const struct record *rec, int lock, struct freezer *out, struct err *e)
{
	int hold[2], said[2], r;
	char word[sizeof(WORD)];
	ssize_t n;

	if (pipe2(hold, O_CLOEXEC) < 0)
		return err_errno(e, -errno, "pipe");
	if (pipe2(said, O_CLOEXEC) < 0) {
		r = -errno;
		close_fd(hold[0]);
		close_fd(hold[1]);
		return err_errno(e, r, "pipe");
	}
	*out = (struct freezer){ .rec = rec, .pidfd = -1, .pipe = hold[1] };
	r = start(en, rec, lock, (const int[2]){ hold[0], said[1] }, out, e);
	close_fd(hold[0]);
	close_fd(said[1]);
	n = r < 0 ? 0 : io_read_full(said[0], word, sizeof(WORD) - 1);
	close_fd(said[0]);
	if (r == 0 && n != sizeof(WORD) - 1)
		r = err_set(e, ERR_UNSUPPORTED, "container %s could not be paused", rec->name);
	if (r < 0)
		freezer_end(out);
	return r;
}

void freezer_end(struct freezer *f)
{
	struct err e = { 0 };
	int status = 0;

	f->pipe = close_fd(f->pipe);
	if (f->pidfd >= 0 && (spawn_wait(f->pidfd, -1, &status) < 0 || WIFSIGNALED(status)) && thaw(f->rec, &e) < 0)
		log_warning("container %s may still be paused: %s", f->rec->name, e.msg);
	f->pidfd = close_fd(f->pidfd);
}

int freezer_serve(const struct engine *en, const char *id, struct err *e)
{
	CLEANUP_ARENA struct arena a = ARENA_INIT;
	CLEANUP_CGROUP struct cgroup *cg = NULL;
	struct record rec;
	char byte;
	int r = record_get(en->catalog, &a, id, &rec, e);

	if (r == 0)
		r = container_cgroup(&a, &rec, &cg, e);
	if (r == 0)
		r = live_touch(en, id, e);
	if (r < 0)
		return r;
	(void)signal(SIGPIPE, SIG_IGN); /* who asked may be gone already */
	r = cg_freeze(cg, true, e);
	if (r < 0) {
		struct err ignored;

		(void)!cg_freeze(cg, false, &ignored); /* what of it was done */
		return r;
	}
	if (io_write_full(1, WORD, sizeof(WORD) - 1) == 0)
		(void)!io_read_full(0, &byte, 1);
	return cg_freeze(cg, false, e);
}

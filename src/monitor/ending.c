/* Failures here have nobody to go to: the container is over, its exit is recorded, and what could not be removed is
 * garbage with a name that the engine's gc finds. So every step goes on with the next; what is worth knowing goes to
 * the log. */
#include "monitor/ending.h"

#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/log.h"
#include "monitor/attach.h"
#include "monitor/stdio.h"
#include "net/stale.h"
#include "runtime/notify.h"
#include "runtime/runtime.h"
#include "sys/cgroup.h"
#include "sys/spawn.h"

#define EXITED_TIMEOUT_MS 30000
#define EXITED_TRIES 2 /* one that is killed is tried again: a service manager may have meant the whole unit */
/* Of the command line in the description. */
#define MOST_WORDS 16

/* ---- how it ended ---- */

static bool learn_as_parent(int pidfd, int *status)
{
	siginfo_t info = { 0 };

	if (waitid(P_PIDFD, (id_t)pidfd, &info, WEXITED | WNOWAIT) < 0)
		return false;
	*status = info.si_code == CLD_EXITED ? (info.si_status & 0xff) << 8 : info.si_status;
	return true;
}

void ending_publish(int pidfd, struct progress *p)
{
	siginfo_t info;
	int status = 0;
	bool known = learn_as_parent(pidfd, &status);

	if (progress_get(p->exit) != PROGRESS_RUNNING)
		return;
	if (!known)
		known = proc_zombie_status((pid_t)p->pid, p->start_time, &status) == 0 ||
			proc_exit_status(pidfd, &status) == 0;
	progress_publish_exit(p, known, status);
	/* only now: a keeper killed before it has published leaves the status with the kernel */
	(void)waitid(P_PIDFD, (id_t)pidfd, &info, WEXITED | WNOHANG);
}

void ending_fill(struct state *s, const struct progress *p, bool oom_killed)
{
	s->status = STATE_EXITED;
	s->exit_known = progress_get(p->exit) == PROGRESS_EXITED;
	s->exit_code = s->exit_known ? proc_exit_code(p->status) : 255;
	s->oom_killed = oom_killed;
	text_now(s->finished_at);
}

/* ---- cgroups ---- */

static bool was_oom_killed(const char *path)
{
	CLEANUP_CGROUP struct cgroup *cg = NULL;
	struct cg_stats stats;
	struct err e;

	return cg_open(path, &cg, &e) == 0 && cg_read_stats(cg, &stats, &e) == 0 && stats.oom_kills > 0;
}

void ending_cleanup_cgroup(const struct description *d, struct progress *p, bool *oom_killed)
{
	struct err e = { 0 };

	*oom_killed = false;
	if (!d->cgroup)
		return;
	/* whoever is killed when the cgroup is gone and nothing is recorded has a successor, which asks the same */
	*oom_killed = (p && progress_get(p->oom)) || was_oom_killed(d->cgroup);
	if (p && *oom_killed)
		progress_set(p->oom, 1);
	if (cg_clear(d->cgroup, &e) < 0)
		log_error("%.12s: %s", d->id, e.msg);
}

/* ---- the rest ---- */

void ending_remove_names(int state_dir)
{
	stdio_remove_fifos(state_dir);
	(void)unlinkat(state_dir, ATTACH_SOCKET, 0);
	(void)unlinkat(state_dir, RT_NOTIFY_FOLDER "/" RT_NOTIFY_SOCKET, 0);
	(void)unlinkat(state_dir, RT_NOTIFY_FOLDER, AT_REMOVEDIR);
	(void)unlinkat(state_dir, PROGRESS_FILE, 0);
}

void ending_run_poststop(const struct description *d, pid_t pid)
{
	CLEANUP_ARENA struct arena a = ARENA_INIT;
	const struct oci_spec *spec;
	struct err e = { 0 };

	if (!d->poststop)
		return;
	if (description_reload_spec(&a, d, &spec, &e) < 0 ||
	    rt_run_hooks(spec, OCI_HOOK_POSTSTOP, d->id, pid, d->container_dir, "stopped", &e) < 0)
		log_error("%.12s: poststop hooks: %s", d->id, e.msg);
}

/* 0: a signal ended it before its time. */
static int run_exited(const struct description *d, const struct spawn_args *args)
{
	CLEANUP_FD int pidfd = -1;
	int status = 0;
	pid_t pid;

	if (spawn(args, &pid, &pidfd) < 0) {
		log_error("%.12s: %s could not be executed", d->id, args->path);
		return 1;
	}
	if (spawn_wait(pidfd, EXITED_TIMEOUT_MS, &status) != -ETIMEDOUT)
		return !WIFSIGNALED(status);
	log_error("%.12s: %s took too long", d->id, args->path);
	if (proc_signal(pidfd, SIGKILL) < 0 || spawn_wait(pidfd, -1, &status) < 0)
		log_error("%.12s: %s cannot be killed", d->id, args->path);
	return 1;
}

void ending_run_exited(const struct description *d)
{
	const struct spawn_args args = { .path = d->exited ? d->exited[0] : NULL, .argv = d->exited };
	int r = 0;

	if (!d->exited)
		return;
	for (int i = 0; i < EXITED_TRIES && r == 0; i++)
		r = run_exited(d, &args);
}

/* Its command line is that of the container's end, "… internal exited ID", with another command. */
int ending_start_stop(const struct description *d)
{
	const char *argv[MOST_WORDS + 1] = { NULL };
	int pidfd = -1, r;
	size_t n = 0;
	pid_t pid;

	for (; d->exited && d->exited[n]; n++) {
		if (n == MOST_WORDS)
			return -E2BIG;
		argv[n] = d->exited[n];
	}
	if (n < 4)
		return -ENOENT;
	argv[n - 3] = "stop";
	argv[n - 2] = d->id;
	argv[n - 1] = NULL;
	r = spawn(&(struct spawn_args){ .path = argv[0], .argv = argv }, &pid, &pidfd);
	return r < 0 ? r : pidfd;
}

/* In a process of its own, which has nothing else of ours: who waits for our lock, or for our end, need not wait for that. */
static int forget_aside(int state)
{
	CLEANUP_FD int turn = stale_turn(state);
	pid_t pid = turn < 0 ? turn : spawn_fork(NULL);

	if (pid == 0) {
		(void)syscall(SYS_close_range, 3U, (unsigned int)state - 1, 0U);
		(void)syscall(SYS_close_range, (unsigned int)state + 1, (unsigned int)turn - 1, 0U); /* opened after it */
		(void)syscall(SYS_close_range, (unsigned int)turn + 1, ~0U, 0U);
		_exit(stale_forget_all(state, turn) < 0);
	}
	return turn == -EAGAIN ? 0 : pid < 0 ? (int)pid : 0;
}

void ending_forget_connections(const struct description *d)
{
	const char *end = strrchr(d->state_dir, '/');
	CLEANUP_FD int state = -1;
	char path[PATH_MAX];
	int r;

	(void)snprintf(path, sizeof(path), "%.*s/", end ? (int)(end - d->state_dir) : 0, d->state_dir);
	state = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	r = state < 0 ? -errno : forget_aside(state);
	if (r < 0)
		log_warning("connections of container %.12s are not forgotten yet: %s", d->id, strerror(-r));
}

/* The kernel's word that a cgroup ran out of memory.
 *
 * v1 adds to an eventfd each time, and once more when the cgroup is removed. v2 counts in memory.events the processes it
 * killed and wakes who polls that file, for other counts too (limits that were hit and could be kept), so only a count of
 * kills that has grown is an event. Polling tells of removal as well, which inotify does not on cgroup file systems. */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/io.h"
#include "sys/cgroup_impl.h"
#include "sys/cgroup_usage.h"

#define EVENTS_MAX 4096

static int watch_v1(struct cg_oom *w)
{
	CLEANUP_FD int control = openat(w->dir, "memory.oom_control", O_RDONLY | O_CLOEXEC);
	char wish[32];

	if (control < 0)
		return -errno;
	w->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (w->fd < 0)
		return -errno;
	w->events = EPOLLIN;
	snprintf(wish, sizeof(wish), "%d %d", w->fd, control);
	/* the kernel looks the two up here, it needs the second no longer */
	return io_write_value(w->dir, "cgroup.event_control", wish);
}

/* Reading also arms the next wake-up. */
static int read_kills(const struct cg_oom *w, uint64_t *kills)
{
	char text[EVENTS_MAX];
	ssize_t n = pread(w->fd, text, sizeof(text) - 1, 0);

	if (n < 0)
		return -errno;
	text[n] = '\0';
	*kills = 0;
	(void)cg_keyed(text, "oom_kill", kills);
	return 0;
}

static int watch_v2(struct cg_oom *w)
{
	w->fd = openat(w->dir, "memory.events", O_RDONLY | O_CLOEXEC);
	if (w->fd < 0)
		return -errno;
	w->events = EPOLLPRI;
	return read_kills(w, &w->kills);
}

int cg_oom_watch(struct cgroup *cg, struct cg_oom *out, struct err *e)
{
	int dir = cg_ctrl_dir(cg, CG_MEMORY, &out->v2), r;

	if (dir < 0)
		return err_set(e, ERR_UNSUPPORTED, "cgroup %s: no memory controller, so no event when memory runs out",
			       cg->path);
	out->dir = io_dup(dir);
	r = out->dir < 0 ? out->dir : out->v2 ? watch_v2(out) : watch_v1(out);
	if (r == 0)
		return 0;
	cg_oom_close(out);
	return err_errno(e, r, "cgroup %s: events of its memory controller", cg->path);
}

bool cg_oom_happened(struct cg_oom *w, bool *gone)
{
	uint64_t n = 0;

	if (w->v2) {
		uint64_t before = w->kills;

		*gone = read_kills(w, &w->kills) < 0;
		return !*gone && w->kills > before;
	}
	if (read(w->fd, &n, sizeof(n)) != sizeof(n))
		n = 0;
	*gone = faccessat(w->dir, "cgroup.event_control", F_OK, 0) < 0 && errno == ENOENT;
	/* one was for the removal */
	return n > (*gone ? 1 : 0);
}

void cg_oom_close(struct cg_oom *w)
{
	w->fd = close_fd(w->fd);
	w->dir = close_fd(w->dir);
}

static uint64_t keyed_number(int dir, const char *file, const char *key)
{
	CLEANUP_FREE char *text = cg_slurp(dir, file);
	uint64_t n = 0;

	return text && cg_keyed(text, key, &n) ? n : 0;
}

void cg_read_hits(const struct cgroup *cg, struct cg_hits *out)
{
	bool v2;
	int dir = cg_ctrl_dir(cg, CG_MEMORY, &v2);

	*out = (struct cg_hits){ 0 };
	if (dir >= 0) {
		out->oom_kills = keyed_number(dir, v2 ? "memory.events" : "memory.oom_control", "oom_kill");
		if (v2)
			out->memory = keyed_number(dir, "memory.events", "max");
		else if (cg_read_u64(dir, "memory.failcnt", &out->memory) < 0)
			out->memory = 0;
		out->stuck = !v2 && keyed_number(dir, "memory.oom_control", "under_oom");
	}
	dir = cg_ctrl_dir(cg, CG_PIDS, &v2);
	if (dir >= 0)
		out->pids = keyed_number(dir, "pids.events", "max");
}

/* A cgroup with its descendants: who is in it, is anybody, remove it.
 *
 * A container may make cgroups below its own, as many and as deep as it likes, so nothing here recurses and no level
 * holds an fd: descendants are collected as a list of relative paths, parents before children, and each is opened
 * from the top in pieces that no path limit stops.
 *
 * Removing first tries what nearly always works, one rmdir per hierarchy. The kernel answers EBUSY while a killed
 * process is still on its way out; v2 tells when the last one has left (cgroup.events wakes poll), and where v2
 * carries the process too that says it for v1 as well. Only v1 alone is asked again after short sleeps. */
#include "sys/cgroup_impl.h"

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/io.h"

/* How long the dying may take. */
#define REMOVE_TIMEOUT_MS 3000
/* Open paths longer than PATH_MAX in pieces of at most this. */
#define PIECE_MAX 2048

void cg_sleep_ms(int64_t ms)
{
	struct timespec ts = { .tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000 };

	nanosleep(&ts, NULL);
}

/* ---- descendants ---- */

struct paths {
	char **v;
	size_t n, cap;
};

static void paths_free(struct paths *p)
{
	for (size_t i = 0; i < p->n; i++)
		free(p->v[i]);
	free(p->v);
}

static int paths_add(struct paths *p, const char *parent, const char *name)
{
	size_t len = strlen(parent) + strlen(name) + 2;
	char *path;

	if (p->n == p->cap) {
		size_t cap = p->cap ? p->cap * 2 : 16;
		char **v = realloc(p->v, cap * sizeof(*v));

		if (!v)
			return -ENOMEM;
		p->v = v;
		p->cap = cap;
	}
	path = malloc(len);
	if (!path)
		return -ENOMEM;
	snprintf(path, len, "%s%s%s", parent, *parent ? "/" : "", name);
	p->v[p->n++] = path;
	return 0;
}

/* The folder at rel ("" = top itself), O_RDONLY. */
static int open_below(int top, const char *rel)
{
	CLEANUP_FD int at = -1;
	int fd;

	while (strlen(rel) > PIECE_MAX) {
		char piece[PIECE_MAX + 1];
		size_t len = PIECE_MAX;

		while (rel[len] != '/')
			len--;
		memcpy(piece, rel, len);
		piece[len] = '\0';
		fd = openat(at >= 0 ? at : top, piece, O_PATH | O_DIRECTORY | O_CLOEXEC);
		if (fd < 0)
			return -errno;
		close_fd(at);
		at = fd;
		rel += len + 1;
	}
	fd = openat(at >= 0 ? at : top, *rel ? rel : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

static int add_children(int top, const char *rel, struct paths *out)
{
	int fd = open_below(top, rel), r = 0;
	CLEANUP_DIR DIR *dir = NULL;
	struct dirent *ent;

	if (fd < 0)
		return fd == -ENOENT ? 0 : fd;
	dir = fdopendir(fd);
	if (!dir) {
		close_fd(fd);
		return -ENOMEM;
	}
	while (r == 0 && (ent = readdir(dir))) {
		if (ent->d_type == DT_DIR && strcmp(ent->d_name, ".") != 0 && strcmp(ent->d_name, "..") != 0)
			r = paths_add(out, rel, ent->d_name);
	}
	return r;
}

/* out->v[0] is "", the cgroup itself; parents stand before their children. */
static int collect(int top, struct paths *out)
{
	int r = paths_add(out, "", "");

	for (size_t i = 0; r == 0 && i < out->n; i++)
		r = add_children(top, out->v[i], out);
	return r;
}

/* ---- processes ---- */

int cg_main_hierarchy(const struct cgroup *cg)
{
	static const enum cg_ctrl order[] = { CG_PIDS, CG_MEMORY, CG_FREEZER, CG_CPU };

	if (cg->sys->mode != CG_V2) {
		for (size_t i = 0; i < ARRAY_LEN(order); i++) {
			int at = cg->sys->where[order[i]];

			if (at >= 0 && cg->dir[at] >= 0)
				return at;
		}
	}
	if (cg->sys->v2 >= 0 && cg->dir[cg->sys->v2] >= 0)
		return cg->sys->v2;
	for (size_t i = 0; i < cg->sys->n; i++) {
		if (cg->dir[i] >= 0)
			return (int)i;
	}
	return -1;
}

struct pid_list {
	pid_t *v;
	size_t n, cap;
};

static int pids_add(struct pid_list *l, pid_t pid)
{
	if (l->n == l->cap) {
		size_t cap = l->cap ? l->cap * 2 : 64;
		pid_t *v = realloc(l->v, cap * sizeof(*v));

		if (!v)
			return -ENOMEM;
		l->v = v;
		l->cap = cap;
	}
	l->v[l->n++] = pid;
	return 0;
}

/* The lines of one cgroup.procs. A process outside of our pid namespace reads as 0 and is left out; a threaded v2
 * cgroup has no readable list, its processes are listed by its domain. */
static int read_procs(int dir, struct pid_list *l)
{
	CLEANUP_FREE char *text = NULL;
	int r = io_read_file(dir, "cgroup.procs", 64U << 20, &text, NULL);

	if (r < 0)
		return r == -ENOENT || r == -ENODEV || r == -EOPNOTSUPP ? 0 : r;
	for (char *p = text; r == 0 && *p;) {
		long pid = strtol(p, &p, 10);

		if (pid > 0)
			r = pids_add(l, (pid_t)pid);
		p += *p == '\n';
	}
	return r;
}

static int pids_below(int top, struct pid_list *l)
{
	CLEANUP(paths_free) struct paths below = { 0 };
	int r = collect(top, &below);

	for (size_t i = 0; r == 0 && i < below.n; i++) {
		CLEANUP_FD int dir = open_below(top, below.v[i]);

		if (dir < 0 && dir != -ENOENT)
			return dir;
		r = dir < 0 ? 0 : read_procs(dir, l);
	}
	return r;
}

int cg_pids(struct cgroup *cg, pid_t **out, size_t *n, struct err *e)
{
	struct pid_list l = { 0 };
	int at = cg_main_hierarchy(cg), r = at < 0 ? 0 : pids_below(cg->dir[at], &l);

	if (r < 0) {
		free(l.v);
		return err_errno(e, r, "list the processes of cgroup %s", cg->path);
	}
	*out = l.v;
	*n = l.n;
	return 0;
}

bool cg_populated(struct cgroup *cg)
{
	int at = cg_main_hierarchy(cg);
	struct pid_list l = { 0 };
	uint64_t populated = 1;
	char events[256];
	bool any;

	if (at < 0)
		return false;
	if (cg->sys->h[at].v2 && cg_read(cg->dir[at], "cgroup.events", events, sizeof(events)) == 0)
		return cg_keyed(events, "populated", &populated) && populated;
	any = pids_below(cg->dir[at], &l) < 0 || l.n > 0;
	free(l.v);
	return any;
}

/* ---- events ---- */

int cg_wait_event(int dir, const char *key, bool value, int timeout_ms)
{
	CLEANUP_FD int fd = openat(dir, "cgroup.events", O_RDONLY | O_CLOEXEC);
	int64_t end = clock_ms() + timeout_ms;

	if (fd < 0)
		return -errno;
	for (;;) {
		struct pollfd p = { .fd = fd, .events = POLLPRI };
		char text[256];
		ssize_t n = pread(fd, text, sizeof(text) - 1, 0);
		int64_t left = end - clock_ms();
		uint64_t now = 0;

		if (n < 0)
			return -errno;
		text[n] = '\0';
		if (cg_keyed(text, key, &now) && (now != 0) == value)
			return 0;
		if (left <= 0)
			return -ETIMEDOUT;
		if (poll(&p, 1, (int)left) < 0 && errno != EINTR)
			return -errno;
	}
}

/* ---- remove ---- */

/* Removes the descendants of path in one hierarchy, deepest first. Errors show at the rmdir of path itself. */
static void remove_below(const struct cg_hierarchy *h, const char *path)
{
	CLEANUP_FD int top = cg_open_dir(h, path);
	CLEANUP(paths_free) struct paths below = { 0 };

	if (top < 0 || collect(top, &below) < 0)
		return;
	for (size_t i = below.n; i-- > 1;) {
		char *slash = strrchr(below.v[i], '/'), *name = slash ? slash + 1 : below.v[i];
		CLEANUP_FD int dir = -1;

		if (slash)
			*slash = '\0';
		dir = open_below(top, slash ? below.v[i] : "");
		if (dir >= 0)
			(void)unlinkat(dir, name, AT_REMOVEDIR);
	}
}

/* The folder itself; absent is success. */
static int remove_folder(const struct cg_hierarchy *h, const char *path)
{
	char full[PATH_MAX];
	int r = cg_host_path(h, path, full);

	if (r < 0)
		return r;
	return rmdir(full) == 0 || errno == ENOENT ? 0 : -errno;
}

static int remove_in(const struct cg_hierarchy *h, const char *path)
{
	int r = remove_folder(h, path);

	if (r != -EBUSY)
		return r;
	remove_below(h, path);
	return remove_folder(h, path);
}

/* One round over all hierarchies: how many still have it, or -errno. */
static int remove_round(const struct cg_system *s, const char *path, bool gone[CG_MAX_HIERARCHIES])
{
	int left = 0, error = 0;

	for (size_t i = 0; i < s->n; i++) {
		int r = gone[i] ? 0 : remove_in(&s->h[i], path);

		gone[i] = r == 0;
		left += r == -EBUSY;
		if (r < 0 && r != -EBUSY)
			error = r;
	}
	return error ? error : left;
}

/* Sleeps until the next try is worth it. While v2 still has processes, the last one's exit wakes us. */
static void wait_for_exits(const struct cg_system *s, const char *path, bool v2_gone, int64_t pause, int64_t end)
{
	CLEANUP_FD int dir = s->v2 >= 0 && !v2_gone ? cg_open_dir(&s->h[s->v2], path) : -1;
	int64_t left = end - clock_ms();

	if (dir >= 0 && cg_wait_event(dir, "populated", false, 0) == -ETIMEDOUT)
		(void)!cg_wait_event(dir, "populated", false, (int)(left > 0 ? left : 0));
	else
		cg_sleep_ms(pause);
}

bool cg_remove_empty(const char *path)
{
	const struct cg_system *s = cg_system();
	/* the one where processes are found, if there are any: then nothing is removed */
	int first = s->v2 >= 0 ? s->v2 : s->where[CG_PIDS] >= 0 ? s->where[CG_PIDS] : 0;

	if (!s->n || remove_folder(&s->h[first], path) < 0)
		return false;
	for (size_t i = 0; i < s->n; i++)
		if ((int)i != first && remove_folder(&s->h[i], path) < 0)
			return false;
	return true;
}

int cg_remove(const char *path, struct err *e)
{
	const struct cg_system *s = cg_system();
	bool gone[CG_MAX_HIERARCHIES] = { false };
	CLEANUP_FREE char *norm = NULL;
	int64_t end, pause = 1;
	int r = cg_normalise(path, &norm);

	if (r < 0)
		return err_errno(e, r, "remove cgroup \"%s\"", path);
	end = clock_ms() + REMOVE_TIMEOUT_MS;
	for (;;) {
		r = remove_round(s, norm, gone);
		if (r == 0)
			return 0;
		if (r < 0)
			return err_errno(e, r, "remove cgroup %s", norm);
		if (clock_ms() >= end)
			return err_set(e, ERR_BUSY, "cgroup %s can't be removed: there are still processes in it", norm);
		wait_for_exits(s, norm, s->v2 >= 0 && gone[s->v2], pause, end);
		pause = pause < 32 ? pause * 2 : pause;
	}
}

int cg_clear(const char *path, struct err *e)
{
	CLEANUP_CGROUP struct cgroup *cg = NULL;
	int r;

	if (cg_remove_empty(path))
		return 0;
	r = cg_open(path, &cg, e);
	if (r < 0)
		return e->cls == ERR_NOTFOUND ? 0 : r;
	r = cg_populated(cg) ? cg_signal_all(cg, SIGKILL, e) : 0;
	return r < 0 ? r : cg_remove(path, e);
}

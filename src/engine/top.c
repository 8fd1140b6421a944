/* The pids come from the container's cgroup, or its pid namespace, what is said of them from /proc. A pid may be another process's by the time
 * it is read; nothing but a line in a list depends on it. */
#include "engine/top.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <time.h>

#include "base/io.h"
#include "base/text.h"
#include "engine/container.h"
#include "engine/events.h"
#include "oci/user.h"
#include "sys/cgroup.h"

#define PASSWD_MAX (8U << 20)
#define USER_WIDTH 8

struct numbers {
	unsigned int tty;
	unsigned long long ticks, start;
};

static int read_stat(pid_t pid, struct top_process *p, struct numbers *n)
{
	CLEANUP_FREE char *text = NULL;
	unsigned long long utime, stime;
	char path[64], *at;
	int ppid, tty;

	(void)snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	if (io_read_file(AT_FDCWD, path, 8192, &text, NULL) < 0)
		return -ESRCH;
	at = strrchr(text, ')');
	if (!at || sscanf(at + 1, " %*c %d %*d %*d %d %*d %*u %*u %*u %*u %*u %llu %llu %*d %*d %*d %*d %*d %*d %llu", &ppid, &tty,
			  &utime, &stime, &n->start) != 5)
		return -ESRCH;
	p->ppid = ppid;
	n->tty = (unsigned int)tty;
	n->ticks = utime + stime;
	*at = '\0';
	at = strchr(text, '(');
	(void)snprintf(p->command, sizeof(p->command), "[%s]", at ? at + 1 : "");
	return 0;
}

static void read_command(pid_t pid, struct top_process *p)
{
	CLEANUP_FD int fd = -1;
	char path[64], buf[sizeof(p->command)];
	ssize_t n;

	(void)snprintf(path, sizeof(path), "/proc/%d/cmdline", (int)pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	n = fd < 0 ? -1 : io_read_full(fd, buf, sizeof(buf) - 1);
	while (n > 0 && !buf[n - 1])
		n--;
	if (n <= 0)
		return; /* a kernel thread or a zombie keeps its name */
	for (ssize_t i = 0; i < n; i++)
		p->command[i] = buf[i] ? buf[i] : ' ';
	p->command[n] = '\0';
}

/* The owner on the host, through the container's map. */
static uid_t inside(pid_t pid, uid_t uid)
{
	CLEANUP_FREE char *text = NULL;
	char path[64], *line;

	(void)snprintf(path, sizeof(path), "/proc/%d/uid_map", (int)pid);
	if (io_read_file(AT_FDCWD, path, 65536, &text, NULL) < 0)
		return uid;
	for (line = text; line && *line; line = strchr(line, '\n') ? strchr(line, '\n') + 1 : NULL) {
		unsigned int in, out, size;

		if (sscanf(line, " %u %u %u", &in, &out, &size) == 3 && uid >= out && uid - out < size)
			return in + (uid - out);
	}
	return uid;
}

static void describe_times(const struct numbers *n, struct top_process *p)
{
	unsigned long long hz = (unsigned long long)sysconf(_SC_CLK_TCK), alive;
	struct timespec boot, now;
	struct tm started, today;
	time_t at;

	clock_gettime(CLOCK_BOOTTIME, &boot);
	clock_gettime(CLOCK_REALTIME, &now);
	alive = (unsigned long long)boot.tv_sec - n->start / hz;
	at = now.tv_sec - (time_t)alive;
	localtime_r(&at, &started);
	localtime_r(&now.tv_sec, &today);
	(void)strftime(p->started, sizeof(p->started),
		       started.tm_yday == today.tm_yday && started.tm_year == today.tm_year ? "%H:%M" : "%b%d", &started);
	p->cpu_seconds = (unsigned int)(n->ticks / hz);
	p->cpu_percent = (unsigned int)(n->ticks / hz * 100 / (alive ? alive : 1));
}

/* The first user of a container with ids of its own is root all the same. */
static void name_user(const char *passwd, bool own_ids, struct top_process *p)
{
	CLEANUP_ARENA struct arena a = ARENA_INIT;
	struct oci_resolved_user user = { .name = p->uid == 0 ? "root" : NULL };
	struct err ignored;

	(void)snprintf(p->user, sizeof(p->user), "%u", p->uid);
	if (!own_ids && p->uid && oci_user_resolve_texts(&a, passwd, NULL, p->user, &user, &ignored) < 0)
		return;
	if (user.name && strlen(user.name) > USER_WIDTH)
		(void)snprintf(p->user, sizeof(p->user), "%.*s+", USER_WIDTH - 1, user.name);
	else if (user.name)
		(void)snprintf(p->user, sizeof(p->user), "%s", user.name);
}

static int read_process(pid_t pid, const char *passwd, struct top_process *p)
{
	struct numbers n;
	struct stat st;
	char path[64];

	*p = (struct top_process){ .pid = pid };
	(void)snprintf(path, sizeof(path), "/proc/%d", (int)pid);
	if (stat(path, &st) < 0 || read_stat(pid, p, &n) < 0)
		return -ESRCH;
	p->uid = inside(pid, st.st_uid);
	name_user(passwd, p->uid != st.st_uid, p);
	read_command(pid, p);
	describe_times(&n, p);
	if (major(n.tty) >= 136 && major(n.tty) <= 143)
		(void)snprintf(p->tty, sizeof(p->tty), "pts/%u", minor(n.tty));
	else
		(void)snprintf(p->tty, sizeof(p->tty), "?");
	return 0;
}

/* Without a cgroup: whoever is in its pid namespace, as far as we may look. */
static int pids_of_namespace(pid_t init, pid_t **out, size_t *n, struct err *e)
{
	CLEANUP_DIR DIR *d = opendir("/proc");
	char path[64];
	struct stat own, st;
	struct dirent *entry;
	size_t cap = 0;

	(void)snprintf(path, sizeof(path), "/proc/%d/ns/pid", (int)init);
	*n = 0;
	if (!d || stat(path, &own) < 0)
		return err_errno(e, -errno, "the container's pid namespace");
	while ((entry = readdir(d))) {
		uint32_t pid;

		if (text_u32(entry->d_name, &pid) < 0)
			continue;
		(void)snprintf(path, sizeof(path), "/proc/%u/ns/pid", pid);
		if (stat(path, &st) < 0 || st.st_ino != own.st_ino)
			continue;
		if (*n == cap) {
			pid_t *more = realloc(*out, (cap = cap ? 2 * cap : 16) * sizeof(**out));

			if (!more)
				return err_errno(e, -ENOMEM, "list processes");
			*out = more;
		}
		(*out)[(*n)++] = (pid_t)pid;
	}
	return 0;
}

static int find_pids(struct arena *a, const struct engine *en, const struct record *rec, pid_t init, pid_t **out, size_t *n, struct err *e)
{
	CLEANUP_CGROUP struct cgroup *cg = NULL;
	int r;

	if (en->user.on)
		return pids_of_namespace(init, out, n, e);
	r = container_cgroup(a, rec, &cg, e);
	return r < 0 ? r : cg_pids(cg, out, n, e);
}

int top_pids(const struct engine *en, const char *what, pid_t **out, size_t *n, struct err *e)
{
	CLEANUP_ARENA struct arena a = ARENA_INIT;
	CLEANUP_LIVE struct live live = LIVE_INIT;
	struct record rec;
	int r = container_running(en, &a, what, &rec, &live, e);

	if (r == 0)
		r = find_pids(&a, en, &rec, live.pid, out, n, e);
	if (r == 0)
		events_container(en, &rec, "top", NULL);
	return r;
}

int top_read(const struct engine *en, const char *what, top_fn fn, void *data, struct err *e)
{
	CLEANUP_FREE pid_t *pids = NULL;
	CLEANUP_FREE char *passwd = NULL;
	size_t n;
	int r = top_pids(en, what, &pids, &n, e);

	if (r == 0)
		(void)!io_read_file(AT_FDCWD, "/etc/passwd", PASSWD_MAX, &passwd, NULL);
	for (size_t i = 0; r == 0 && i < n; i++) {
		struct top_process p;

		if (read_process(pids[i], passwd, &p) == 0)
			fn(&p, data);
	}
	return r;
}

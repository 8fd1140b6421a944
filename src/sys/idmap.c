#include "sys/idmap.h"

#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "base/io.h"
#include "base/strbuf.h"
#include "base/text.h"
#include "sys/ns.h"
#include "sys/proc.h"
#include "sys/sock.h"

int idmap_write(int proc, pid_t pid, const char *which, const struct idmap_range *map, size_t n)
{
	CLEANUP_STRBUF struct strbuf text = STRBUF_INIT;
	char path[48];

	if (!n)
		return -EINVAL;
	for (size_t i = 0; i < n; i++)
		sb_printf(&text, "%u %u %u\n", map[i].inside, map[i].outside, map[i].size);
	if (sb_error(&text) < 0)
		return sb_error(&text);
	snprintf(path, sizeof(path), "%d/%s", (int)pid, which);
	return io_write_value(proc, path, sb_str(&text));
}

int idmap_deny_setgroups(int proc, pid_t pid)
{
	char path[48];

	snprintf(path, sizeof(path), "%d/setgroups", (int)pid);
	return io_write_value(proc, path, "deny");
}

bool idmap_setgroups_denied(int proc)
{
	CLEANUP_FREE char *text = NULL;

	return io_read_file(proc, "self/setgroups", 64, &text, NULL) == 0 && strncmp(text, "deny", 4) == 0;
}

/* The kernel aligns the columns. */
static bool take_id(char **at, uint32_t *out)
{
	const char *p = *at + strspn(*at, " ");
	bool ok = text_take_u32(&p, out);

	*at += p - *at;
	return ok;
}

int idmap_read(int proc, pid_t pid, const char *which, struct idmap_range *map, size_t max, size_t *n)
{
	CLEANUP_FREE char *text = NULL;
	char path[48], *rest = NULL;
	int r;

	snprintf(path, sizeof(path), "%d/%s", (int)pid, which);
	r = io_read_file(proc, path, 65536, &text, NULL);
	if (r < 0)
		return r;
	*n = 0;
	for (char *line = strtok_r(text, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest)) {
		if (*n >= max)
			return -E2BIG;
		if (!take_id(&line, &map[*n].inside) || !take_id(&line, &map[*n].outside) || !take_id(&line, &map[*n].size))
			return -EBADMSG;
		(*n)++;
	}
	return 0;
}

struct both_maps {
	int proc;
	const struct idmap_range *uid, *gid;
	size_t n_uid, n_gid;
};

static int write_both(pid_t pid, void *arg)
{
	const struct both_maps *m = arg;
	int r = idmap_write(m->proc, pid, "uid_map", m->uid, m->n_uid);

	return r < 0 ? r : idmap_write(m->proc, pid, "gid_map", m->gid, m->n_gid);
}

static int map_and_open(int proc, pid_t pid, int (*map)(pid_t, void *), void *arg)
{
	char path[48];
	int fd, r = map(pid, arg);

	if (r < 0)
		return r;
	snprintf(path, sizeof(path), "%d/ns/user", (int)pid);
	fd = openat(proc, path, O_RDONLY | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

/* Tells its number in proc, which may be of another pid namespace than its parent's; lives until the parent has what it wants, or
 * is gone. */
static _Noreturn void hold(int proc, int sock)
{
	char self[16] = "";
	pid_t pid;
	char c;

	pid = readlinkat(proc, "self", self, sizeof(self) - 1) > 0 ? (pid_t)strtol(self, NULL, 10) : 0;
	if (write(sock, &pid, sizeof(pid)) == sizeof(pid))
		(void)!read(sock, &c, 1);
	_exit(0);
}

int idmap_userns(int proc, const struct idmap_range *uid, size_t n_uid, const struct idmap_range *gid, size_t n_gid)
{
	struct both_maps m = { proc, uid, gid, n_uid, n_gid };

	return idmap_userns_by(proc, write_both, &m);
}

int idmap_userns_by(int proc, int (*map)(pid_t pid, void *arg), void *arg)
{
	CLEANUP_FD int pidfd = -1, ours = -1, theirs = -1;
	struct ns_clone how = { .flags = CLONE_NEWUSER, .cgroup = -1 };
	int pair[2], fd, r = sock_pair(SOCK_STREAM, pair);
	pid_t pid, seen = 0;

	if (r < 0)
		return r;
	ours = pair[0];
	theirs = pair[1];
	pid = ns_clone(&how, &pidfd);
	if (pid < 0)
		return pid;
	if (pid == 0) {
		(void)close(pair[0]);
		hold(proc, pair[1]);
	}
	theirs = close_fd(theirs);
	/* proc without us: there is no writing the map */
	fd = io_read_full(ours, &seen, sizeof(seen)) != sizeof(seen) || !seen ? -ESRCH : map_and_open(proc, seen, map, arg);
	(void)!proc_signal(pidfd, SIGKILL);
	while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		;
	return fd;
}

bool idmap_outside(const struct idmap_range *map, size_t n, uint32_t inside, uint32_t *outside)
{
	for (size_t i = 0; i < n; i++) {
		if (inside < map[i].inside || inside - map[i].inside >= map[i].size)
			continue;
		*outside = map[i].outside + (inside - map[i].inside);
		return true;
	}
	return false;
}

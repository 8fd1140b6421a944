/* First everything is stopped, root first: what stands still starts nothing, and a process whose parent is killed would be adopted by
 * another and look like no relative any more. Rounds go on until one finds nobody new. Who double-forked away into a session of its own before
 * the first round is not found. */
#include "sys/proctree.h"

#include <dirent.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>

#include "base/text.h"
#include "sys/proc.h"

#define MOST_ROUNDS 100

struct member {
	pid_t pid;
	int pidfd;
};

struct tree {
	struct member *v;
	size_t n, cap;
	pid_t root;
};

static void tree_end(struct tree *t)
{
	for (size_t i = 0; i < t->n; i++)
		close_fd(t->v[i].pidfd);
	free(t->v);
}

static bool has(const struct tree *t, pid_t pid)
{
	for (size_t i = 0; i < t->n; i++)
		if (t->v[i].pid == pid)
			return true;
	return false;
}

/* Takes pidfd over. */
static int add(struct tree *t, pid_t pid, int pidfd)
{
	CLEANUP_FD int fd = pidfd;

	if (t->n == t->cap) {
		size_t cap = t->cap ? 2 * t->cap : 16;
		struct member *more = realloc(t->v, cap * sizeof(*more));

		if (!more)
			return -ENOMEM;
		t->v = more;
		t->cap = cap;
	}
	(void)!proc_signal(fd, SIGSTOP);
	t->v[t->n++] = (struct member){ pid, take_fd(&fd) };
	return 0;
}

static bool is_relative(const struct tree *t, pid_t pid)
{
	pid_t ppid, session;

	return proc_family(pid, &ppid, &session) == 0 && (session == t->root || has(t, ppid));
}

/* 1: somebody new was found. */
static int look_around(struct tree *t)
{
	CLEANUP_DIR DIR *d = opendir("/proc");
	struct dirent *entry;
	bool found = false;

	if (!d)
		return -errno;
	while ((entry = readdir(d))) {
		CLEANUP_FD int pidfd = -1;
		uint32_t number;
		pid_t pid;

		if (text_u32(entry->d_name, &number) < 0)
			continue;
		pid = (pid_t)number;
		if (has(t, pid) || !is_relative(t, pid))
			continue;
		pidfd = proc_pidfd(pid);
		if (pidfd < 0 || !is_relative(t, pid)) /* it is another one already */
			continue;
		if (add(t, pid, take_fd(&pidfd)) < 0)
			return -ENOMEM;
		found = true;
	}
	return found;
}

int proctree_kill(pid_t root, uint64_t start_time)
{
	CLEANUP(tree_end) struct tree t = { .root = root };
	int fd = proc_open_checked(root, start_time), r = 1;

	if (fd < 0)
		return fd;
	r = add(&t, root, fd);
	if (r == 0)
		r = 1;
	for (int i = 0; r > 0 && i < MOST_ROUNDS; i++)
		r = look_around(&t);
	for (size_t i = 0; i < t.n; i++)
		(void)!proc_signal(t.v[i].pidfd, SIGKILL);
	return r < 0 ? r : 0;
}

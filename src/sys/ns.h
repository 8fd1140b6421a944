/* Making and entering namespaces: clone3 with fork semantics, setns, and a short-lived helper with a mount namespace
 * of its own. namespaces(7), clone3(2). All functions give 0 or a value, or negative errno. */
#ifndef TARE_SYS_NS_H
#define TARE_SYS_NS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/cleanup.h"

struct ns_clone {
	uint64_t flags; /* CLONE_NEW*, CLONE_PARENT */
	int cgroup;     /* fd of a v2 cgroup to be born in; -1 = ours */
};

/* Clones this process like fork(2), but by the raw system call: no handlers of libc run, memory is copied (never
 * shared), the child gets one thread. Gives 0 in the child; in the parent the pid, and in *pidfd a CLOEXEC pidfd.
 * Only for single-threaded programs. */
pid_t ns_clone(const struct ns_clone *args, int *pidfd) MUST_CHECK;

/* A helper in a mount namespace of its own (a copy of ours). It shares our memory and descriptors while we sleep, as
 * vfork's child does: what fn opens and stores is ours afterwards, and no message has to be passed. Gives what fn
 * gave. *pid is to be reaped later with ns_reap(): the kernel's teardown of the namespace need not be waited for.
 * fn must not touch signal handlers, the current folder is its own. */
int ns_run_scratch(int (*fn)(void *), void *arg, pid_t *pid) MUST_CHECK;
/* Reaps a helper; <= 0 is allowed. Helpers raise no SIGCHLD and no wait(2) without __WALL finds them. */
void ns_reap(pid_t pid);

/* setns(2). fd is a namespace file (flag: which kind it must be) or a pidfd (flags: which of its namespaces). */
int ns_enter(int fd, int flags) MUST_CHECK;
int ns_unshare(int flags) MUST_CHECK;

/* Writes text into a file of /proc/sys as who is in the network namespace of fd netns sees it. Single-threaded callers only: the calling thread
 * enters netns for a moment. */
int ns_write_in(int netns, const char *path, const char *text) MUST_CHECK;

/* Whether our user namespace is the machine's first: elsewhere root may make no device node, load no eBPF program, raise no
 * limit. What cannot be told counts as the first. */
bool ns_user_is_initial(void);
/* The user namespace above one that fd is open on: a new fd; -EPERM when it is above our own. The user who made one. */
int ns_user_parent(int fd) MUST_CHECK;
int ns_user_owner(int fd, uid_t *owner) MUST_CHECK;
/* Whether namespace file fd is our own mount namespace, or that of process 1 (where we may look at it). */
bool ns_mount_is_ours(int fd);

#endif

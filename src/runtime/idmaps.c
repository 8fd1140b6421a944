/* The id maps of a container's new user namespace, by the rights there are:
 *
 *   CAP_SETUID and CAP_SETGID in our own user namespace (root, or root of a user namespace): written directly;
 *   none, and one id that is the caller's own: the kernel lets everybody write that, but for the group only once
 *   setgroups(2) is given up;
 *   none, and more: newuidmap and newgidmap write them, the set-uid programs of the shadow package, which look the ranges
 *   up in /etc/subuid and /etc/subgid. They are found in the caller's PATH, as the peers do it: they run with the
 *   caller's rights and are given a pid and numbers, so whoever chooses PATH gains nothing by it. Nothing of ours is
 *   set-uid.
 *
 * Which it is, is found by trying. The tools ask that /proc/PID belongs to the caller: the child stays dumpable until its
 * maps are written (child.c). */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "base/strbuf.h"
#include "base/text.h"
#include "runtime/internal.h"
#include "sys/spawn.h"

#define TOOL_WAIT_MS 10000
#define TOOL_SAYS_MAX 200

struct map {
	const char *file, *tool, *field, *ranges; /* names of one kind of ids */
	const struct idmap_range *v;
	size_t n;
	uint32_t own; /* the caller's id */
};

static bool only_own(const struct map *m)
{
	return m->n == 1 && m->v[0].size == 1 && m->v[0].outside == m->own;
}

/* argv: TOOL PID (INSIDE OUTSIDE COUNT)… */
static const char **tool_args(struct arena *a, const struct map *m, pid_t pid)
{
	const char **argv = arena_array(a, 3 + 3 * m->n, sizeof(*argv));
	size_t k = 0;

	if (!argv)
		return NULL;
	argv[k++] = m->tool;
	argv[k++] = arena_printf(a, "%d", (int)pid);
	for (size_t i = 0; i < m->n; i++) {
		argv[k++] = arena_printf(a, "%u", m->v[i].inside);
		argv[k++] = arena_printf(a, "%u", m->v[i].outside);
		argv[k++] = arena_printf(a, "%u", m->v[i].size);
	}
	for (size_t i = 0; i < k; i++)
		if (!argv[i])
			return NULL;
	return argv;
}

static int by_tool(struct arena *a, const struct map *m, pid_t pid, struct err *e)
{
	const char **argv = tool_args(a, m, pid);
	char said[TOOL_SAYS_MAX], shown[160];
	int r = argv ? spawn_tool(argv, -1, TOOL_WAIT_MS, said, sizeof(said)) : -ENOMEM;

	if (r == 0)
		return 0;
	if (r == -ENOENT)
		return err_set(e, ERR_UNSUPPORTED,
			       "more ids than the caller's own need the program %s, which is not in PATH (Debian's "
			       "package uidmap)", m->tool);
	if (r < 0)
		return err_errno(e, r, "%s", m->tool);
	return err_set(e, ERR_DENIED, "%s (do the ranges in %s allow it?)",
		       *said ? text_escape(said, shown, sizeof(shown)) : m->tool, m->ranges);
}

static int write_map(const struct rt_ctx *c, const struct map *m, pid_t pid, struct err *e)
{
	CLEANUP_ARENA struct arena a = ARENA_INIT;
	int r = idmap_write(c->proc, pid, m->file, m->v, m->n);

	/* a group of one's own, once more without setgroups(2) */
	if (r == -EPERM && only_own(m) && !strcmp(m->file, "gid_map")) {
		r = idmap_deny_setgroups(c->proc, pid);
		if (r == 0)
			r = idmap_write(c->proc, pid, m->file, m->v, m->n);
	}
	if (r == -EPERM) {
		log_debug("%s: %s is written by %s", c->id, m->file, m->tool);
		r = by_tool(&a, m, pid, e);
		return r < 0 ? err_ctx(e, "%s", m->field) : 0;
	}
	return r < 0 ? err_errno(e, r, "%s", m->field) : 0;
}

int rt_write_maps(const struct rt_ctx *c, pid_t pid, struct err *e)
{
	const struct map uid = { "uid_map", "newuidmap", "linux.uidMappings", "/etc/subuid",
				 c->uid_map, c->n_uid, geteuid() };
	const struct map gid = { "gid_map", "newgidmap", "linux.gidMappings", "/etc/subgid",
				 c->gid_map, c->n_gid, getegid() };
	int r = write_map(c, &uid, pid, e);

	return r < 0 ? r : write_map(c, &gid, pid, e);
}

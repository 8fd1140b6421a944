/* From the container's root to the user's program, in the order in which each step still has the rights it needs and
 * gives away the least:
 *
 *	while the root can still be written (rt_process_make_cwd), in a new container only: the working folder is made
 *	before the barrier (rt_process_prepare), as the container's root:
 *	  session keyring, personality, scheduler, io priority, memory policy, sysctl, LSM label for the next exec,
 *	  the command is looked up (an early, clear error)
 *	after it (rt_process_exec):
 *	  Landlock's rules made, rlimits, descriptors closed, [no no_new_privs: Landlock, seccomp], bounding set, groups, gid,
 *	  uid, umask, working folder (as the user), the other capability sets, the limit of descriptors, no_new_privs,
 *	  Landlock, seccomp, startContainer hooks, exec
 *
 * The startContainer hooks are the container's own programs: they get no more rights than its process.
 *
 * The working folder is entered by a handle that cannot leave the root and cannot be a magic link of /proc, and
 * getcwd() must then give an absolute path: a folder of the host leaked through a descriptor is neither
 * (CVE-2024-21626). Until exec this process is not dumpable: nobody in the container can open our descriptors or our
 * executable through /proc (CVE-2016-9962, CVE-2019-5736). */
#include <fcntl.h>
#include <grp.h>
#include <linux/close_range.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "base/beneath.h"
#include "base/defence.h"
#include "base/io.h"
#include "base/log.h"
#include "base/text.h"
#include "oci/user.h"
#include "runtime/internal.h"
#include "runtime/process_attr.h"
#include "sys/caps.h"
#include "sys/idmap.h"
#include "sys/kernel.h"
#include "sys/landlock.h"
#include "sys/rlimit.h"

/* keyctl(2) has no wrapper in libc */
#define K_KEYCTL_JOIN_SESSION_KEYRING 1

/* ---- host side ---- */

/* As the specification has it: a warning, for every name that means nothing to any kernel. */
static void tell_unknown(const struct oci_process *p)
{
	for (const char *const *name = p->unknown_caps; name && *name; name++)
		log_warning("process.capabilities: ignoring unknown capability %.80s", *name);
}

bool rt_annotated(const struct oci_spec *spec, const char *key)
{
	const char *value = oci_annotation(spec, key);

	return value && strcmp(value, "0") != 0;
}

bool rt_keeps_groups(const struct oci_spec *spec)
{
	return rt_annotated(spec, "run.oci.keep_original_groups");
}

int rt_process_check(const struct oci_process *p, struct err *e)
{
	for (size_t i = 0; i < p->n_rlimits; i++) {
		const struct oci_rlimit *l = &p->rlimits[i];

		if (rlimit_number(l->type) < 0)
			return err_set(e, ERR_INVALID, "process.rlimits: unknown type \"%s\"", l->type);
		if (l->soft > l->hard)
			return err_set(e, ERR_INVALID,
				       "process.rlimits: %s: soft limit %llu is above the hard limit %llu", l->type,
				       (unsigned long long)l->soft, (unsigned long long)l->hard);
	}
	if (!p->n_args)
		return err_set(e, ERR_INVALID, "process.args: empty");
	if (!p->cwd || p->cwd[0] != '/')
		return err_set(e, ERR_INVALID, "process.cwd: \"%s\" is not absolute", p->cwd ? p->cwd : "");
	tell_unknown(p);
	return rt_attr_check(p, e);
}

/* Raising a hard limit is asked of the initial user namespace: only the host side may. The soft limits and what is
 * lowered are set at the very end, by the process itself, so that its own set-up does not suffer from them. */
static const char *limit_text(uint64_t limit, char out[24])
{
	if (limit == UINT64_MAX)
		return "unlimited";
	(void)snprintf(out, 24, "%llu", (unsigned long long)limit);
	return out;
}

static int raise_hard_limits(const struct oci_process *p, pid_t pid, struct err *e)
{
	for (size_t i = 0; i < p->n_rlimits; i++) {
		const struct oci_rlimit *l = &p->rlimits[i];
		int number = rlimit_number(l->type), r;
		uint64_t soft, hard;
		char want[24], have[24];

		r = rlimit_get(pid, number, &soft, &hard);
		if (r < 0)
			return err_errno(e, r, "process.rlimits: %s", l->type);
		if (l->hard <= hard)
			continue;
		r = rlimit_set(pid, number, soft, l->hard);
		if (r == -EPERM)
			return err_set(e, ERR_DENIED,
				       "process.rlimits: %s: hard limit %s is above ours (%s) and CAP_SYS_RESOURCE is missing",
				       l->type, limit_text(l->hard, want), limit_text(hard, have));
		if (r < 0)
			return err_errno(e, r, "process.rlimits: %s", l->type);
	}
	return 0;
}

static int set_oom_score(const struct rt_ctx *c, pid_t pid, struct err *e)
{
	char path[48], value[24];
	int r;

	if (!c->process->oom_score_adj)
		return 0;
	snprintf(path, sizeof(path), "%d/oom_score_adj", (int)pid);
	snprintf(value, sizeof(value), "%lld", (long long)*c->process->oom_score_adj);
	r = io_write_value(c->proc, path, value);
	if (r == -EACCES || r == -EPERM)
		return err_set(e, ERR_DENIED, "process.oomScoreAdj: %s is below ours and CAP_SYS_RESOURCE is missing",
			       value);
	return r < 0 ? err_errno(e, r, "process.oomScoreAdj %s", value) : 0;
}

static void give_stdio(const struct rt_ctx *c)
{
	uid_t uid = c->process->user.uid;

	/* one that is not mapped is told where it is set */
	if (!c->by_child && (!c->n_uid || idmap_outside(c->uid_map, c->n_uid, uid, &uid)))
		rt_give_stdio(c, uid);
}

int rt_process_host(const struct rt_ctx *c, pid_t pid, struct err *e)
{
	if (!c->process)
		return 0;
	if (set_oom_score(c, pid, e) < 0)
		return e->code;
	give_stdio(c);
	return raise_hard_limits(c->process, pid, e);
}

/* ---- child, before the barrier ---- */

/* A session keyring of its own: keys of the host's session do not follow into the container. */
static int new_keyring(struct err *e)
{
	if (syscall(SYS_keyctl, K_KEYCTL_JOIN_SESSION_KEYRING, NULL) >= 0 || errno == ENOSYS)
		return 0;
	return err_errno(e, -errno, "session keyring (--no-new-keyring leaves the caller's)");
}

static int write_label(const struct rt_ctx *c, const char *file, const char *prefix, const char *label, struct err *e)
{
	char path[64], value[512];
	int n = snprintf(value, sizeof(value), "%s%s", prefix, label), r;

	if (n < 0 || (size_t)n >= sizeof(value))
		return err_set(e, ERR_INVALID, "its name is too long");
	snprintf(path, sizeof(path), "thread-self/attr/%s", file);
	r = io_write_value(defence(own_proc) ? c->proc : openat(AT_FDCWD, "/proc", O_PATH | O_CLOEXEC), path, value);
	if (r == -ENOENT || r == -EINVAL)
		return err_set(e, ERR_UNSUPPORTED, "\"%s\" cannot be set: the module is not active or does not know it",
			       label);
	return r < 0 ? err_errno(e, r, "\"%s\"", label) : 0;
}

/* Through our own procfs (CVE-2019-19921, CVE-2025-52881): the label must reach the kernel, not a file that somebody
 * put there. */
static int set_labels(const struct rt_ctx *c, struct err *e)
{
	const struct oci_process *p = c->process;

	if (p->apparmor_profile && *p->apparmor_profile && strcmp(p->apparmor_profile, "unconfined") != 0 &&
	    write_label(c, "apparmor/exec", "exec ", p->apparmor_profile, e) < 0)
		return err_ctx(e, "process.apparmorProfile");
	if (p->selinux_label && *p->selinux_label && write_label(c, "exec", "", p->selinux_label, e) < 0)
		return err_ctx(e, "process.selinuxLabel");
	return 0;
}

int rt_process_make_cwd(const struct rt_ctx *c, int root, struct err *e)
{
	const struct oci_process *p = c->process;
	CLEANUP_FD int dir = -1;

	if (!p || !defence(cwd))
		return 0;
	dir = beneath_mkdirs(root, p->cwd, BENEATH_IN_ROOT, 0755);
	/* where nothing can be made the user's own chdir will say what is wrong */
	if (dir < 0 && dir != -EROFS && dir != -EACCES && dir != -EPERM)
		return err_errno(e, dir, "making the working folder %s (process.cwd)", p->cwd);
	return 0;
}

int rt_process_prepare(const struct rt_ctx *c, struct err *e)
{
	int r = 0;

	if (!c->process)
		return 0;
	if (!c->no_new_keyring)
		r = new_keyring(e);
	if (r == 0)
		r = rt_attr_apply(c, e);
	if (r == 0)
		r = set_labels(c, e);
	return r;
}

/* ---- child, after the barrier ---- */

/* -EXDEV: it lies outside of the container's root. */
static int enter_cwd(const struct rt_ctx *c)
{
	const char *cwd = c->process->cwd;
	CLEANUP_FD int dir = -1;
	char seen[PATH_MAX];
	long n;
	int r;

	if (!defence(cwd))
		return chdir(cwd) < 0 ? -errno : 0;
	/* from the root, and with one descriptor: RLIMIT_NOFILE may count already, and be small */
	dir = chdir("/") < 0 ? -errno : beneath_open(AT_FDCWD, cwd, BENEATH_IN_ROOT, O_PATH | O_DIRECTORY, 0);
	r = dir < 0 ? dir : fchdir(dir) < 0 ? -errno : 0;
	/* the container's own filter may be in force already and not know openat2: then getcwd sees to it alone */
	if (r < 0 && r != -ELOOP && c->has_seccomp && !c->process->no_new_privileges)
		r = chdir(cwd) < 0 ? -errno : 0;
	if (r < 0)
		return r;
	/* the system call, not libc's: a folder outside of the root is "(unreachable)…" there */
	n = syscall(SYS_getcwd, seen, sizeof(seen));
	return n < 0 || seen[0] != '/' ? -EXDEV : 0;
}

static int cwd_error(const struct rt_ctx *c, int r, struct err *e)
{
	const char *cwd = c->process->cwd;

	if (r == -EXDEV)
		return err_set(e, ERR_DENIED, "working folder %s (process.cwd): it lies outside of the container's root", cwd);
	/* as Docker has it: the command is at fault, which cannot run there */
	return err_set(e, ERR_CMD_NOEXEC, "working folder %s (process.cwd): %s", cwd, rt_command_reason(r));
}

/* The number of descriptors apart from the rest: what is still to be opened on the way to exec must not suffer. */
enum limits { LIMITS_ALL, LIMITS_BUT_NOFILE, LIMITS_NOFILE };

static int set_rlimits(const struct oci_process *p, enum limits which, struct err *e)
{
	for (size_t i = 0; i < p->n_rlimits; i++) {
		const struct oci_rlimit *l = &p->rlimits[i];
		bool nofile = !strcmp(l->type, "RLIMIT_NOFILE");
		int r;

		if (which != LIMITS_ALL && nofile != (which == LIMITS_NOFILE))
			continue;
		r = rlimit_set(0, rlimit_number(l->type), l->soft, l->hard);

		if (r < 0)
			return err_errno(e, r, "process.rlimits: %s", l->type);
	}
	return 0;
}

/* Where setgroups(2) was given up for the sake of the id map, no groups can be asked for: those of the caller stay. */
static int set_groups_failed(const struct rt_ctx *c, int why, struct err *e)
{
	if (why != EPERM || !idmap_setgroups_denied(c->proc))
		return err_errno(e, -why, "process.user.additionalGids");
	return c->process->user.n_groups ? err_set(e, ERR_UNSUPPORTED,
						   "process.user.additionalGids: this user namespace has no setgroups(2), because "
						   "only the caller's own group is mapped") : 0;
}

static int id_failed(int why, const char *kind, uint32_t id, struct err *e)
{
	if (why == EINVAL)
		return err_set(e, ERR_INVALID, "process.user.%s %u: not mapped in linux.%sMappings", kind, id, kind);
	return err_errno(e, -why, "process.user.%s %u", kind, id);
}

static int set_user(const struct rt_ctx *c, struct err *e)
{
	const struct oci_user *u = &c->process->user;

	if (!c->keep_groups && setgroups(u->n_groups, (const gid_t *)u->groups) < 0 && set_groups_failed(c, errno, e) < 0)
		return e->code;
	if (setresgid(u->gid, u->gid, u->gid) < 0)
		return id_failed(errno, "gid", u->gid, e);
	if (setresuid(u->uid, u->uid, u->uid) < 0)
		return id_failed(errno, "uid", u->uid, e);
	if (u->umask)
		(void)umask((mode_t)*u->umask);
	/* a change of ids makes a process dumpable or not by a host setting: it must not be */
	if (defence(dumpable))
		(void)prctl(PR_SET_DUMPABLE, 0UL);
	return 0;
}

static struct cap_sets wanted_caps(const struct oci_process *p)
{
	if (!p->has_capabilities)
		/* the specification leaves it open; nothing is the safe reading, and runc's */
		return (struct cap_sets){ 0 };
	return (struct cap_sets){
		.bounding = p->caps[OCI_CAP_BOUNDING],
		.effective = p->caps[OCI_CAP_EFFECTIVE],
		.inheritable = p->caps[OCI_CAP_INHERITABLE],
		.permitted = p->caps[OCI_CAP_PERMITTED],
		.ambient = p->caps[OCI_CAP_AMBIENT],
	};
}

/* What cannot be had is left out and told, as the specification wants it. */
static struct cap_sets possible_caps(const struct rt_ctx *c)
{
	struct cap_sets want = wanted_caps(c->process), got = want;
	uint64_t lost;

	(void)cap_clamp(&got);
	lost = (want.bounding & ~got.bounding) | (want.effective & ~got.effective) | (want.permitted & ~got.permitted) |
	       (want.inheritable & ~got.inheritable);
	for (unsigned int cap = 0; cap < CAP_KNOWN; cap++)
		if (want.ambient & ~got.ambient & CAP_BIT(cap))
			log_warning("%s: can't raise ambient capability %s: it is not permitted and inheritable", c->id,
				    cap_name(cap));
	if (lost)
		log_warning("%s: capabilities %#llx are not ours to give", c->id, (unsigned long long)lost);
	return got;
}

static int become_user(const struct rt_ctx *c, struct landlock_rules *rules, struct err *e)
{
	const struct oci_process *p = c->process;
	struct cap_sets want = possible_caps(c);
	int r = 0, in_cwd;

	if (!p->no_new_privileges)
		r = rt_landlock_enforce(rules, e);
	if (r == 0 && !p->no_new_privileges && c->has_seccomp)
		r = rt_filter_load(c, e);
	if (r < 0)
		return r;
	r = cap_before_uid(&want);
	if (r < 0)
		return err_errno(e, r, "capability bounding set");
	/* with the rights of the container's root, as with runc: the user may have no way there. Or the other way round, on a
	 * file system of somebody's own (FUSE) */
	in_cwd = enter_cwd(c);
	if (in_cwd < 0 && in_cwd != -EACCES)
		return cwd_error(c, in_cwd, e);
	if (set_user(c, e) < 0)
		return e->code;
	if (in_cwd < 0)
		in_cwd = enter_cwd(c);
	if (in_cwd < 0)
		return cwd_error(c, in_cwd, e);
	r = cap_after_uid(&want);
	return r < 0 ? err_errno(e, r, "capabilities") : 0;
}

/* Is this variable set once more behind env[0]? The last one counts, as the peers have it. */
static bool set_again(const char *const *env)
{
	size_t key = strcspn(env[0], "=");

	for (const char *const *later = env + 1; *later; later++)
		if (strncmp(*later, env[0], key) == 0 && (*later)[key] == env[0][key])
			return true;
	return false;
}

/* "HOME=…" by the container's own passwd, as every caller expects of a runtime; a senseless passwd gives "/". */
static char *home_of(uint32_t uid)
{
	CLEANUP_ARENA struct arena a = ARENA_INIT;
	CLEANUP_FD int root = openat(AT_FDCWD, "/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	const char *home = "/";
	struct err ignored;
	char *out;

	if (root >= 0)
		(void)!oci_user_home(&a, root, uid, &home, &ignored);
	return asprintf(&out, "HOME=%s", home) < 0 ? NULL : out;
}

/* The environment, each variable once, with HOME when it has none and with what socket activation needs in it. */
static const char *const *environment(const struct rt_ctx *c, struct err *e)
{
	static const char *const none[] = { NULL };
	const char *const *env = c->process->env ? c->process->env : none;
	const char **out;
	size_t n = 0, k = 0;
	bool home = false;

	while (env[n])
		n++;
	out = calloc(n + 5, sizeof(*out)); /* lives until exec */
	for (size_t i = 0; out && i < n; i++) {
		if (!strcmp(env[i], "HOME=") || set_again(env + i))
			continue;
		home = home || text_starts(env[i], "HOME=");
		out[k++] = env[i];
	}
	if (!out || (!home && !(out[k++] = home_of(c->process->user.uid))) ||
	    (c->listen_fds && (asprintf((char **)(uintptr_t)&out[k++], "LISTEN_FDS=%u", c->listen_fds) < 0 ||
			       asprintf((char **)(uintptr_t)&out[k++], "LISTEN_PID=%d", (int)getpid()) < 0)) ||
	    (c->listen_fds && c->pass && c->pass->names &&
	     asprintf((char **)(uintptr_t)&out[k++], "LISTEN_FDNAMES=%s", c->pass->names) < 0)) {
		(void)err_errno(e, -ENOMEM, "environment");
		return NULL;
	}
	return out;
}

/* Nothing but 0-2 and what was asked for survives exec. The rest is not closed yet: an error must still be told. */
static int seal_descriptors(const struct rt_ctx *c, struct err *e)
{
	for (unsigned int fd = 3; fd < 3 + c->keep_fds; fd++)
		if (fcntl((int)fd, F_SETFD, 0) < 0)
			return err_errno(e, -errno, "descriptor %u, which was to be kept", fd);
	if (syscall(SYS_close_range, 3U + c->keep_fds, ~0U, CLOSE_RANGE_CLOEXEC) < 0)
		return err_errno(e, -errno, "closing descriptors");
	return 0;
}

_Noreturn void rt_exit(int code)
{
	(void)syscall(SYS_exit_group, code);
	__builtin_trap();
}

int rt_process_exec(const struct rt_ctx *c, struct err *e)
{
	const struct oci_process *p = c->process;
	/* a filter that is in force before the last step may forbid setting limits: then all are set ahead of it */
	bool late_nofile = p && (p->no_new_privileges || !c->has_seccomp);
	CLEANUP_LANDLOCK struct landlock_rules rules = LANDLOCK_RULES_INIT;
	const char *const *env;
	int r;

	if (!p)
		return err_set(e, ERR_INVALID, "process: the specification names nothing to run");
	env = environment(c, e);
	r = env ? rt_place_stdio(c, e) : e->code;
	if (r == 0)
		r = rt_landlock_prepare(c->spec, &rules, e);
	if (r == 0)
		r = set_rlimits(p, late_nofile ? LIMITS_BUT_NOFILE : LIMITS_ALL, e);
	/* ahead of the filter, which may not know close_range; what is opened from here on closes at exec by itself */
	if (r == 0)
		r = seal_descriptors(c, e);
	if (r == 0)
		r = become_user(c, &rules, e);
	if (r == 0 && late_nofile)
		r = set_rlimits(p, LIMITS_NOFILE, e);
	if (r < 0)
		return r;
	if (p->no_new_privileges && prctl(PR_SET_NO_NEW_PRIVS, 1UL, 0UL, 0UL, 0UL) < 0)
		return err_errno(e, -errno, "no_new_privs");
	if (p->no_new_privileges && rt_landlock_enforce(&rules, e) < 0)
		return e->code;
	if (p->no_new_privileges && c->has_seccomp && rt_filter_load(c, e) < 0)
		return e->code;
	if (c->create && rt_hooks(c, OCI_HOOK_START_CONTAINER, "created", env, e) < 0)
		return e->code;
	return rt_command_exec(c, env, e);
}

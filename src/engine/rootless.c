/* An ordinary user may do nothing to the machine, but everything in a user namespace that he makes. So each command of his enters
 * one, and behind that door the engine works as it does for root: layers, overlays, monitors and containers are those of the root of
 * that namespace, who is the user himself. The ids 1 and up in it are those that /etc/subuid and /etc/subgid set aside for him; they
 * are mapped by newuidmap and newgidmap, the only set-uid programs there are. A container has a user namespace of its own below, with
 * the same ids: nobody but the machine's root may map a mount's ids, and the layers' files have these.
 *
 * It must be one namespace for all commands: a process in one may neither signal nor enter what belongs to another, though both are
 * the same user's. A user namespace has no name in the file system, so a process stays in it, `tare-monitor session`, whose number is
 * in STATE/session. It stays as long as anybody has STATE/session.lock locked (shared), as each command and each monitor does, and
 * then goes by itself: it waits for the lock alone. While it lives somebody has the lock or is about to give it back, so whoever has
 * got the lock can trust what the file says then.
 *
 * When the holder was killed while containers run, the namespace is found by a monitor that lives, or by a container's own, which is
 * below it, and gets a new holder.
 *
 * What the folders are told from: HOME and XDG_RUNTIME_DIR are the user's own word, but another user who can write there, or anywhere on
 * the way, could exchange what we trust: that is refused. */
#include "engine/rootless.h"

#include <dirent.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>

#include "base/io.h"
#include "base/json.h"
#include "base/text.h"
#include "engine/engine.h"
#include "engine/owngroup.h"
#include "engine/record.h"
#include "engine/subid.h"
#include "engine/usercgroup.h"
#include "oci/user.h"
#include "sys/ns.h"
#include "sys/proc.h"
#include "sys/spawn.h"

#define SESSION "session"
#define SESSION_LOCK "session.lock"
#define MAKE_LOCK "session.make"
#define FILE_MAX (1U << 20)
#define TOOL_WAIT_MS 10000

static int held = -1;

int rootless_hold(void)
{
	return held;
}

static char cgroup_of_his[PATH_MAX];

int rootless_enter_cgroup(struct err *e)
{
	return usercgroup_enter(cgroup_of_his, e);
}

/* ---- folders ---- */

static int in_folder(const char *folder, const char *name, char out[PATH_MAX], struct err *e)
{
	int r = TEXT_JOIN(out, PATH_MAX, folder, name);

	return r < 0 ? err_errno(e, r, "%s", folder) : 0;
}

int rootless_root(char out[PATH_MAX], struct err *e)
{
	const char *data = getenv("XDG_DATA_HOME"), *home = getenv("HOME");

	if (data && data[0] == '/')
		return in_folder(data, "/tare", out, e);
	if (!home || home[0] != '/')
		return err_set(e, ERR_INVALID, "HOME says no folder to keep images and containers in: set it, or give --root");
	return in_folder(home, "/.local/share/tare", out, e);
}

int rootless_state(char out[PATH_MAX], struct err *e)
{
	const char *run = getenv("XDG_RUNTIME_DIR");
	char number[TEXT_U64_LEN];
	struct stat st;

	/* su(1) leaves there whose session it was called in */
	if (run && run[0] == '/' && stat(run, &st) == 0 && st.st_uid == geteuid())
		return in_folder(run, "/tare", out, e);
	return in_folder("/tmp/tare-", text_of_u64(geteuid(), number), out, e);
}

/* His own, which others are in, too, on many machines. */
static bool is_own_group(gid_t gid)
{
	CLEANUP_FREE char *passwd = NULL, *group = NULL;

	return io_read_file(AT_FDCWD, "/etc/passwd", FILE_MAX, &passwd, NULL) == 0 && io_read_file(AT_FDCWD, "/etc/group", FILE_MAX, &group, NULL) == 0 &&
	       owngroup(passwd, group, geteuid(), gid);
}

static int judge_folder(const char *path, bool last, struct err *e)
{
	struct stat st;
	bool others;

	if (stat(path, &st) < 0)
		return err_errno(e, -errno, "%s", path);
	if (!S_ISDIR(st.st_mode))
		return err_errno(e, -ENOTDIR, "%s", path);
	others = (st.st_mode & S_IWOTH) || ((st.st_mode & S_IWGRP) && st.st_gid != 0 && !is_own_group(st.st_gid));
	if (last && st.st_uid == geteuid() && !others)
		return 0;
	if (!last && (st.st_uid == 0 || st.st_uid == geteuid()) && (!others || st.st_mode & S_ISVTX))
		return 0;
	if (st.st_uid != geteuid() && (last || st.st_uid != 0))
		return err_set(e, ERR_DENIED, "%s belongs to somebody else (uid %u): choose other folders with --root and --state", path,
			       (unsigned int)st.st_uid);
	return err_set(e, ERR_DENIED, "others may write to %s: take that right away (chmod go-w), or choose other folders with --root and --state",
		       path);
}

/* A link may be somebody else's, in /tmp: what it leads to when it is judged is what is opened. */
int rootless_folder(char path[PATH_MAX], struct err *e)
{
	char real[PATH_MAX];
	int r = io_mkdirs(AT_FDCWD, path, 0700);

	if (r < 0)
		return err_errno(e, r, "make %s", path);
	if (!realpath(path, real))
		return err_errno(e, -errno, "%s", path);
	(void)snprintf(path, PATH_MAX, "%s", real);
	r = judge_folder(real, true, e);
	for (char *slash = strrchr(real, '/'); r == 0 && slash; slash = strrchr(real, '/')) {
		*slash = '\0';
		r = judge_folder(real[0] ? real : "/", false, e);
	}
	return r;
}

/* ---- the maps ---- */

struct maps {
	struct arena a;
	const char *name; /* of the user; NULL: not known */
	struct rootless to;
	struct err *e;
};

static void read_name(struct maps *m)
{
	CLEANUP_FREE char *passwd = NULL;
	char number[TEXT_U64_LEN];
	struct oci_resolved_user u;
	struct err ignored;

	if (io_read_file(AT_FDCWD, "/etc/passwd", FILE_MAX, &passwd, NULL) == 0 &&
	    oci_user_resolve_texts(&m->a, passwd, NULL, text_of_u64(geteuid(), number), &u, &ignored) == 0)
		m->name = u.name;
	/* a user of the network's: newuidmap asks who he is itself */
	if (!m->name)
		m->name = getenv("USER");
}

static int read_ranges(struct maps *m, const char *file, uint32_t own, struct idmap_range *out, size_t *n)
{
	CLEANUP_FREE char *text = NULL;
	int r = io_read_file(AT_FDCWD, file, FILE_MAX, &text, NULL);

	if (r < 0 && r != -ENOENT)
		return err_errno(m->e, r, "%s", file);
	*n = subid_map(text, m->name, geteuid(), own, out, ROOTLESS_RANGES);
	if (*n > 1)
		return 0;
	return err_set(m->e, ERR_DENIED,
		       "no ids are set aside for %s in %s: as root, run usermod --add-subuids 100000-165535 --add-subgids 100000-165535 %s "
		       "(with numbers that nobody has)", m->name ? m->name : "you", file, m->name ? m->name : "USER");
}

static int run_tool(struct maps *m, const char *tool, const char *file, pid_t pid, const struct idmap_range *v, size_t n)
{
	const char **argv = arena_array(&m->a, 3 + 3 * n, sizeof(*argv));
	char said[200], shown[160];
	size_t k = 0;
	int r;

	if (!argv)
		return err_errno(m->e, -ENOMEM, "%s", tool);
	argv[k++] = tool;
	argv[k++] = arena_printf(&m->a, "%d", (int)pid);
	for (size_t i = 0; i < n; i++) {
		argv[k++] = arena_printf(&m->a, "%u", v[i].inside);
		argv[k++] = arena_printf(&m->a, "%u", v[i].outside);
		argv[k++] = arena_printf(&m->a, "%u", v[i].size);
	}
	r = arena_error(&m->a) < 0 ? -ENOMEM : spawn_tool(argv, -1, TOOL_WAIT_MS, said, sizeof(said));
	if (r == -ENOENT)
		return err_set(m->e, ERR_UNSUPPORTED, "containers of an ordinary user need the program %s, which is not in PATH (Debian's package uidmap)",
			       tool);
	if (r < 0)
		return err_errno(m->e, r, "%s", tool);
	return r ? err_set(m->e, ERR_DENIED, "%s (do the ranges in %s allow it?)", *said ? text_escape(said, shown, sizeof(shown)) : tool, file) : 0;
}

static int write_maps(pid_t pid, void *arg)
{
	struct maps *m = arg;
	int r = run_tool(m, "newuidmap", "/etc/subuid", pid, m->to.uid, m->to.n_uid);

	return r < 0 ? r : run_tool(m, "newgidmap", "/etc/subgid", pid, m->to.gid, m->to.n_gid);
}

static int new_userns(struct err *e)
{
	struct maps m = { .a = ARENA_INIT, .e = e };
	CLEANUP_FD int proc = open("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC);
	int r, fd = -1;

	if (proc < 0)
		return err_errno(e, -errno, "/proc");
	read_name(&m);
	r = read_ranges(&m, "/etc/subuid", geteuid(), m.to.uid, &m.to.n_uid);
	if (r == 0)
		r = read_ranges(&m, "/etc/subgid", getegid(), m.to.gid, &m.to.n_gid);
	if (r == 0)
		r = fd = idmap_userns_by(proc, write_maps, &m);
	if (r < 0 && !e->code)
		r = err_set(e, ERR_UNSUPPORTED,
			    "an ordinary user may make no user namespace here (%s): see the settings user.max_user_namespaces and "
			    "kernel.unprivileged_userns_clone", strerror(-r));
	arena_free(&m.a);
	return r < 0 ? r : fd;
}

/* ---- who holds it ---- */

/* From the namespace that fd (taken over) is open on up to the one whose parent is ours; -ENOENT. */
static int climb(int fd)
{
	CLEANUP_FD int at = fd;
	struct stat own, st;

	if (stat("/proc/self/ns/user", &own) < 0)
		return -errno;
	for (int i = 0; at >= 0 && i < 32; i++) { /* the kernel's limit of depth */
		CLEANUP_FD int parent = ns_user_parent(at);
		uid_t owner;

		if (parent < 0 || fstat(parent, &st) < 0)
			return -ENOENT;
		if (st.st_ino == own.st_ino)
			return ns_user_owner(at, &owner) == 0 && owner == geteuid() ? take_fd(&at) : -ENOENT;
		close_fd(at);
		at = take_fd(&parent);
	}
	return -ENOENT;
}

static int userns_of(pid_t pid)
{
	char path[48];
	int fd;

	(void)snprintf(path, sizeof(path), "/proc/%d/ns/user", (int)pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	return fd < 0 ? -errno : climb(fd);
}

/* The one whose holder the file names, -ENOENT: nobody holds one. */
static int of_holder(int state)
{
	CLEANUP_FREE char *text = NULL;
	CLEANUP_FD int fd = -1;
	char boot[PROC_BOOT_ID_LEN], own[PROC_BOOT_ID_LEN];
	unsigned long long start;
	int pid;

	if (io_read_file(state, SESSION, 256, &text, NULL) < 0 || proc_boot_id(own) < 0 || sscanf(text, "%d %llu %36s", &pid, &start, boot) != 3 ||
	    strcmp(boot, own) != 0)
		return -ENOENT;
	fd = userns_of(pid);
	return fd >= 0 && proc_check(pid, start) == 0 ? take_fd(&fd) : -ENOENT;
}

/* A pid that state.json of a folder names, while that process lives; 0. */
static pid_t container_of(int dir)
{
	CLEANUP_ARENA struct arena a = ARENA_INIT;
	CLEANUP_FREE char *text = NULL;
	const struct json *doc;
	struct err ignored;
	uint64_t start = 0;
	int64_t pid = 0;

	if (io_read_file(dir, "state.json", FILE_MAX, &text, NULL) < 0 || json_parse(&a, text, strlen(text), NULL, &doc, &ignored) < 0 ||
	    json_get_i64(doc, "state", "pid", &pid, &ignored) < 0 || json_get_u64(doc, "state", "startTime", &start, &ignored) < 0)
		return 0;
	return pid > 0 && proc_check((pid_t)pid, start) == 0 ? (pid_t)pid : 0;
}

/* Of a container that runs: its monitor's, or what is above its own. */
static int of_container(int state, const char *id)
{
	CLEANUP_FD int dir = openat(state, id, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	CLEANUP_FD int file = dir < 0 ? -1 : openat(dir, "lock", O_RDWR | O_NOFOLLOW | O_CLOEXEC);
	struct flock lock = { .l_type = F_WRLCK, .l_whence = SEEK_SET };
	int fd = -ENOENT;
	pid_t pid;

	if (dir < 0)
		return -ENOENT;
	if (file >= 0 && fcntl(file, F_GETLK, &lock) == 0 && lock.l_type != F_UNLCK && lock.l_pid > 0)
		fd = userns_of(lock.l_pid);
	if (fd < 0 && (pid = container_of(dir)) > 0)
		fd = userns_of(pid);
	return fd;
}

static int of_containers(int state)
{
	int copy = openat(state, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC), fd = -ENOENT;
	CLEANUP_DIR DIR *d = copy < 0 ? NULL : fdopendir(copy);
	struct dirent *entry;

	if (!d)
		close_fd(copy);
	while (d && fd < 0 && (entry = readdir(d)))
		if (text_is_hex(entry->d_name, ID_LEN))
			fd = of_container(state, entry->d_name);
	return fd;
}

/* From within the namespace. */
static int start_holder(int state, struct err *e)
{
	static const char *const argv[] = { "tare-monitor", "session", NULL }, *const env[] = { NULL };
	char path[PATH_MAX], boot[PROC_BOOT_ID_LEN], text[128];
	CLEANUP_FD int pidfd = -1;
	uint64_t start;
	pid_t pid;
	int n, r = engine_program("tare-monitor", path, e);

	if (r < 0)
		return r;
	r = spawn(&(struct spawn_args){ .path = path,
					.argv = argv,
					.env = env,
					.fds = (const struct spawn_fd[]){ { state, 3 } },
					.n_fds = 1,
					.new_session = true,
					.chdir = "/" },
		  &pid, &pidfd);
	if (r == 0)
		r = proc_start_time(pid, &start);
	if (r == 0)
		r = proc_boot_id(boot);
	if (r < 0)
		return err_errno(e, r, "start %s session", path);
	n = snprintf(text, sizeof(text), "%d %llu %s\n", (int)pid, (unsigned long long)start, boot);
	r = io_replace_file(state, SESSION, text, (size_t)n, 0600, false);
	return r < 0 ? err_errno(e, r, "write " SESSION) : 0;
}

static int lock_file(int state, const char *name, int how, struct err *e)
{
	CLEANUP_FD int fd = openat(state, name, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
	int r = fd < 0 ? -errno : 0;

	while (r == 0 && flock(fd, how) < 0)
		if (errno != EINTR)
			r = -errno;
	return r < 0 ? err_errno(e, r, "lock %s", name) : take_fd(&fd);
}

static int enter_userns(int fd, struct err *e)
{
	int r = ns_enter(fd, CLONE_NEWUSER);

	return r < 0 ? err_errno(e, r, "enter your user namespace") : 0;
}

/* Nobody held one a moment ago. */
static int enter_new(int state, struct err *e)
{
	CLEANUP_FD int lock = lock_file(state, MAKE_LOCK, LOCK_EX, e), fd = -1;
	int r;

	if (lock < 0)
		return lock;
	fd = of_holder(state);
	if (fd >= 0) /* another was faster */
		return enter_userns(fd, e);
	fd = of_containers(state);
	if (fd < 0)
		fd = new_userns(e);
	r = fd < 0 ? fd : enter_userns(fd, e);
	return r < 0 ? r : start_holder(state, e);
}

/* ---- all of it ---- */

static int read_own(struct rootless *out, struct err *e)
{
	CLEANUP_FD int proc = open("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC);
	const struct {
		const struct idmap_range *v;
		const size_t *n;
	} maps[] = { { out->uid, &out->n_uid }, { out->gid, &out->n_gid } };
	int r = proc < 0 ? -errno : idmap_read(proc, getpid(), "uid_map", out->uid, ROOTLESS_RANGES, &out->n_uid);

	if (r == 0)
		r = idmap_read(proc, getpid(), "gid_map", out->gid, ROOTLESS_RANGES, &out->n_gid);
	if (r < 0)
		return err_errno(e, r, "the id maps of your user namespace");
	out->on = true;
	out->ids = UINT32_MAX;
	for (size_t k = 0; k < ARRAY_LEN(maps); k++) {
		uint32_t next = 0;

		for (size_t i = 0; i < *maps[k].n && maps[k].v[i].inside == next; i++)
			next += maps[k].v[i].size;
		out->ids = next < out->ids ? next : out->ids;
	}
	return 0;
}

/* A copy of ours as it is: what we have mounted is there, the working folder stays, and what we mount is nobody else's. */
static int own_mounts(struct err *e)
{
	int r = ns_unshare(CLONE_NEWNS);

	return r < 0 ? err_errno(e, r, "make a mount namespace") : 0;
}

int rootless_enter(const char *state, struct rootless *out, struct err *e)
{
	CLEANUP_FD int dir = open(state, O_RDONLY | O_DIRECTORY | O_CLOEXEC), fd = -1;
	bool inside = geteuid() == 0;
	uint32_t uid;
	int r;

	if (dir < 0)
		return err_errno(e, -errno, "%s", state);
	held = lock_file(dir, SESSION_LOCK, LOCK_SH, e);
	if (held < 0)
		return held;
	if (!inside) {
		fd = of_holder(dir);
		r = fd >= 0 ? enter_userns(fd, e) : enter_new(dir, e);
		if (r == 0)
			r = own_mounts(e);
		if (r < 0)
			return err_ctx(e, "containers without root");
	}
	r = read_own(out, e);
	if (r == 0)
		usercgroup_find(idmap_outside(out->uid, out->n_uid, 0, &uid) ? uid : geteuid(), out->cgroup);
	if (r == 0)
		(void)snprintf(cgroup_of_his, sizeof(cgroup_of_his), "%s", out->cgroup);
	return r;
}

/* The attacker is whoever the program speaks with, having found a hole in it, and now runs his own code as it. He has the network, for that
 * is what the program is for. He must not have
 *
 * - the host's files. The folder lies over /tmp in a mount namespace of the program's own, nosuid and nodev; Landlock lets it read and
 *   execute the system's programs, read what name resolution and TLS are told by, and write below that folder alone.
 * - rights. Another user than root (rootless, and without ids to spare: the caller, as what else he runs), no capability, no_new_privs; no
 *   terminal, and a session of its own.
 * - other processes: it is the first of a pid namespace, which ends with it, so nothing that it has started goes on; abstract sockets stay
 *   inside (Linux 6.12), the ids of System V IPC are its own.
 * - the disk and our memory. Who waits for it looks at its folder meanwhile and ends it where that gets too large, where it says too much, and
 *   where nothing comes of it. What it writes between two looks, and into a file that has no name, is bounded by the size of a file alone.
 *
 * What it leaves in the folder is a stranger's: whoever reads that goes through base/beneath.h. */
#include "engine/confined.h"

#include <dirent.h>
#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "base/clock.h"
#include "base/io.h"
#include "base/text.h"
#include "engine/engine.h"
#include "sys/caps.h"
#include "sys/kernel.h"
#include "sys/landlock.h"
#include "sys/mnt.h"
#include "sys/ns.h"
#include "sys/proc.h"
#include "sys/spawn.h"

#define NOBODY 65534
#define FOLDER_FD 3
#define OUT_MAX (1U << 20)
#define MAX_ARGS 64
#define PACE_MS 200
#define KILL_MS 5000
#define DEEPEST 256
#define PATH "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

/* ---- who starts it ---- */

static int start(const struct confined *args, const char *self, int out, int complaints, int *pidfd, struct err *e)
{
	const char *argv[MAX_ARGS + 6] = { "tare", "internal", "confined" }, *env[MAX_ARGS + 3] = { PATH, "HOME=" CONFINED_HOME };
	const struct spawn_fd fds[] = { { out, 1 }, { complaints, 2 }, { args->folder, FOLDER_FD } };
	struct spawn_args sa = { .path = self, .argv = argv, .env = env, .fds = fds, .n_fds = ARRAY_LEN(fds), .new_session = true,
				 .no_new_privs = true, .death_signal = SIGKILL };
	char limit[32];
	pid_t pid;
	int r;

	(void)snprintf(limit, sizeof(limit), "%llu", (unsigned long long)args->file_bytes);
	argv[3] = limit;
	for (size_t i = 0; args->argv[i]; i++) {
		if (i == MAX_ARGS)
			return err_set(e, ERR_INTERNAL, "too many arguments");
		argv[4 + i] = args->argv[i];
	}
	for (size_t i = 0; args->env[i] && i < MAX_ARGS; i++)
		env[2 + i] = args->env[i];
	r = spawn(&sa, &pid, pidfd);
	return r < 0 ? err_errno(e, r, "start %s", args->argv[0]) : 0;
}

/* ---- what it says and does meanwhile ---- */

struct amount {
	uint64_t bytes, entries;
};

/* Below an open folder, which is closed here. Who is deeper than we look is more than anything. */
static void measure(int fd, dev_t dev, unsigned int depth, struct amount *sum)
{
	CLEANUP_DIR DIR *d = fdopendir(fd);
	struct dirent *entry;

	if (!d)
		close_fd(fd);
	while (d && (entry = readdir(d))) {
		struct stat st;
		int below;

		if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0 ||
		    fstatat(dirfd(d), entry->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0 || st.st_dev != dev)
			continue;
		sum->bytes += (uint64_t)st.st_blocks * 512;
		sum->entries = depth > DEEPEST ? UINT64_MAX / 2 : sum->entries + 1;
		below = S_ISDIR(st.st_mode) && depth <= DEEPEST ? openat(dirfd(d), entry->d_name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC) : -1;
		if (below >= 0)
			measure(below, dev, depth + 1, sum);
	}
}

struct watch {
	const struct confined *args;
	struct pollfd fds[3]; /* what it writes, its complaints, its end */
	struct strbuf *said[2];
	struct amount was;
	int64_t alive, next; /* when there was something of it; when its folder is looked at */
};

/* Looks at the folder now and then, seldomer where that takes long. */
static int look(struct watch *w, bool now, struct err *e)
{
	int fd = clock_ms() < w->next && !now ? -1 : openat(w->args->folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int64_t began = clock_ms();
	struct amount is = { 0 };
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0) {
		close_fd(fd);
		return 0;
	}
	measure(fd, st.st_dev, 1, &is);
	w->next = clock_ms() + PACE_MS + 10 * (clock_ms() - began);
	if (is.bytes != w->was.bytes || is.entries != w->was.entries)
		w->alive = clock_ms();
	w->was = is;
	if (is.bytes > w->args->total_bytes)
		return err_set(e, ERR_LIMIT, "%s makes more than %llu bytes; if that is right: --limit unpacked=N", w->args->argv[0],
			       (unsigned long long)w->args->total_bytes);
	if (is.entries > w->args->entries)
		return err_set(e, ERR_LIMIT, "%s makes more than %llu files; if that is right: --limit entries=N", w->args->argv[0],
			       (unsigned long long)w->args->entries);
	return !now && clock_ms() - w->alive > w->args->silence_ms ?
		       err_set(e, ERR_UNAVAILABLE, "%s was given up: nothing came of it for %lld s", w->args->argv[0],
			       (long long)w->args->silence_ms / 1000) :
		       0;
}

static int hear(struct watch *w, size_t i, struct err *e)
{
	char block[4096];
	ssize_t n;

	do
		n = read(w->fds[i].fd, block, sizeof(block));
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return err_errno(e, -errno, "read what %s says", w->args->argv[0]);
	if (n == 0) {
		w->fds[i].fd = -1; /* the pipe is its owner's */
		return 0;
	}
	w->alive = clock_ms();
	sb_add(w->said[i], block, (size_t)n);
	if (sb_error(w->said[i]) < 0)
		return err_errno(e, -ENOMEM, "read what %s says", w->args->argv[0]);
	return w->said[i]->len > OUT_MAX ? err_set(e, ERR_LIMIT, "%s says more than %u bytes", w->args->argv[0], OUT_MAX) : 0;
}

/* Until it has ended and all that it said is read. */
static int watch(struct watch *w, struct err *e)
{
	int r = 0;

	w->alive = clock_ms();
	w->next = w->alive + PACE_MS;
	while (r == 0 && (w->fds[0].fd >= 0 || w->fds[1].fd >= 0 || w->fds[2].fd >= 0)) {
		if (poll(w->fds, ARRAY_LEN(w->fds), PACE_MS) < 0 && errno != EINTR)
			return err_errno(e, -errno, "wait for %s", w->args->argv[0]);
		for (size_t i = 0; r == 0 && i < 2; i++)
			if (w->fds[i].fd >= 0 && w->fds[i].revents)
				r = hear(w, i, e);
		if (w->fds[2].fd >= 0 && w->fds[2].revents)
			w->fds[2].fd = -1;
		if (r == 0)
			r = look(w, false, e);
	}
	return r < 0 ? r : look(w, true, e);
}

/* What it has started ends with it, and the pipes with the last of them. */
static void kill_it(struct watch *w, int pidfd)
{
	char block[4096];
	int status;

	(void)!proc_signal(pidfd, SIGKILL);
	(void)!spawn_wait(pidfd, -1, &status);
	for (int64_t end = clock_ms() + KILL_MS; clock_ms() < end && (w->fds[0].fd >= 0 || w->fds[1].fd >= 0);) {
		(void)poll(w->fds, 2, PACE_MS);
		for (size_t i = 0; i < 2; i++)
			if (w->fds[i].fd >= 0 && w->fds[i].revents && read(w->fds[i].fd, block, sizeof(block)) <= 0)
				w->fds[i].fd = -1;
	}
}

static bool is_error(const char *line)
{
	static const char *const signs[] = { "fatal:", "error:", "ERROR:", "failed", "denied" };

	for (size_t i = 0; i < ARRAY_LEN(signs); i++)
		if (strstr(line, signs[i]))
			return true;
	return false;
}

/* The first line that tells of an error, else the last that says anything: advice follows what was wrong. */
static void pick_line(char *text, char *said, size_t len)
{
	const char *picked = "";
	char *save = NULL;

	for (char *line = strtok_r(text, "\r\n", &save); line; line = strtok_r(NULL, "\r\n", &save)) {
		if (line[strspn(line, " \t")])
			picked = line;
		if (is_error(line))
			break;
	}
	(void)text_tame(picked, said, len);
}

/* Runs it: its exit code. */
static int run(const struct confined *args, struct strbuf *out, struct strbuf *complaints, struct err *e)
{
	struct watch w = { .args = args, .said = { out, complaints } };
	CLEANUP_FD int from_out = -1, from_complaints = -1, pidfd = -1;
	int to[2], also[2], status, r;
	char self[PATH_MAX];

	r = engine_self(self, e);
	if (r < 0)
		return r;
	if (pipe2(to, O_CLOEXEC) < 0)
		return err_errno(e, -errno, "start %s", args->argv[0]);
	from_out = to[0];
	r = pipe2(also, O_CLOEXEC) < 0 ? err_errno(e, -errno, "start %s", args->argv[0]) : 0;
	if (r == 0) {
		from_complaints = also[0];
		r = start(args, self, to[1], also[1], &pidfd, e);
		close_fd(also[1]);
	}
	close_fd(to[1]);
	if (r < 0)
		return r;
	w.fds[0] = (struct pollfd){ .fd = from_out, .events = POLLIN };
	w.fds[1] = (struct pollfd){ .fd = from_complaints, .events = POLLIN };
	w.fds[2] = (struct pollfd){ .fd = pidfd, .events = POLLIN };
	r = watch(&w, e);
	if (r < 0) {
		kill_it(&w, pidfd);
		return r;
	}
	r = spawn_wait(pidfd, -1, &status);
	if (r < 0)
		return err_errno(e, r, "wait for %s", args->argv[0]);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

int confined_run(const struct confined *args, struct strbuf *out, char *said, size_t len, struct err *e)
{
	CLEANUP_STRBUF struct strbuf complaints = STRBUF_INIT;
	int code = run(args, out, &complaints, e);

	if (code < 0)
		return code;
	said[0] = '\0';
	if (complaints.s)
		pick_line(complaints.s, said, len);
	if (code == CONFINED_FAILED)
		return err_set(e, ERR_NOTFOUND, "%s is not installed, or cannot be confined: %s", args->argv[0], said);
	return code;
}

/* ---- who becomes it ---- */

static int lay_folder(struct err *e)
{
	CLEANUP_FD int tree = mnt_clone_tree(FOLDER_FD, "", false); /* of our own namespace nothing can be cloned from the next */
	int r = tree < 0 ? tree : ns_unshare(CLONE_NEWNS | CLONE_NEWIPC | CLONE_NEWPID);

	if (r == 0)
		r = mnt_propagation("/", true, MS_PRIVATE);
	if (r == 0)
		r = mnt_setattr(tree, false, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV, 0, 0);
	if (r == 0)
		r = mnt_attach_at(tree, AT_FDCWD, CONFINED_HOME);
	if (r == 0 && chdir(CONFINED_HOME) < 0)
		r = -errno;
	return r < 0 ? err_errno(e, r, "lay its folder over " CONFINED_HOME) : 0;
}

/* What is to be seen again in a folder that is hidden: where resolv.conf may lead to. */
static const char *const of_run[] = { "/run/systemd/resolve/resolv.conf", "/run/systemd/resolve/stub-resolv.conf", "/run/NetworkManager/resolv.conf",
				      "/run/NetworkManager/no-stub-resolv.conf", "/run/resolvconf/resolv.conf" };

/* An empty folder over path, if there is such a folder. */
static int cover(const char *path)
{
	CLEANUP_FD int fs = -1, fd = -1;
	struct stat st;
	int r;

	if (lstat(path, &st) < 0 || !S_ISDIR(st.st_mode))
		return 0;
	fs = mnt_fsopen("tmpfs");
	r = fs < 0 ? fs : mnt_fsconfig(fs, "mode", "0755");
	fd = r < 0 ? r : mnt_fsmount(fs, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC);
	return fd < 0 ? fd : mnt_attach_at(fd, AT_FDCWD, path);
}

static int put_back(int tree, const char *path)
{
	char above[PATH_MAX];
	CLEANUP_FD int file = -1;
	int r;

	(void)snprintf(above, sizeof(above), "%.*s", (int)(strrchr(path, '/') - path), path);
	r = io_mkdirs(AT_FDCWD, above, 0755);
	file = r < 0 ? r : open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
	return r < 0 ? r : file < 0 ? -errno : mnt_attach_at(tree, AT_FDCWD, path);
}

/* Sockets that have a path are not the network's, nor does Landlock keep anybody from them: those of D-Bus, of docker, of agents. They are
 * in /run, and in people's own folders. */
static int hide_sockets(struct err *e)
{
	static const char *const places[] = { "/run", "/var/run", "/home", "/root" };
	int trees[ARRAY_LEN(of_run)], r = 0;

	for (size_t i = 0; i < ARRAY_LEN(of_run); i++)
		trees[i] = mnt_clone_tree(AT_FDCWD, of_run[i], false); /* most are not there */
	for (size_t i = 0; r == 0 && i < ARRAY_LEN(places); i++)
		r = cover(places[i]);
	for (size_t i = 0; i < ARRAY_LEN(of_run); i++) {
		if (r == 0 && trees[i] >= 0)
			r = put_back(trees[i], of_run[i]);
		if (trees[i] >= 0)
			close_fd(trees[i]);
	}
	return r < 0 ? err_errno(e, r, "hide the machine's sockets") : 0;
}

static int enforce_landlock(struct err *e)
{
	static const char *const programs[] = { "/usr", "/bin", "/sbin", "/lib", "/lib64", NULL };
	static const char *const readable[] = { "/etc/passwd", "/etc/group", NULL };
	static const char *const devices[] = { "/dev/null", "/dev/zero", NULL };
	static const char *const own[] = { CONFINED_HOME, NULL };
	const struct landlock_domain domain = { .files = true, .sockets = true, .signals = true };
	CLEANUP_LANDLOCK struct landlock_rules rules = LANDLOCK_RULES_INIT;
	int r = landlock_begin(&domain, &rules);

	if (r == -EOPNOTSUPP) /* a kernel built without it: the other walls stand */
		return 0;
	if (r == 0)
		r = landlock_allow_paths(&rules, programs, LANDLOCK_EXEC_TREE);
	if (r == 0)
		r = landlock_allow_resolving(&rules);
	if (r == 0)
		r = landlock_allow_paths(&rules, readable, LANDLOCK_READ_TREE);
	if (r == 0)
		r = landlock_allow_paths(&rules, devices, LANDLOCK_WRITE_TREE);
	if (r == 0)
		r = landlock_allow_paths(&rules, own, LANDLOCK_WRITE_TREE);
	if (r == 0)
		r = landlock_enforce(&rules);
	return r < 0 ? err_errno(e, r, "landlock") : 0;
}

/* In a user namespace without that id root of it goes on, who is the caller outside: a rootless build has no other id to give. */
static int become_nobody(struct err *e)
{
	const struct cap_sets none = { 0 };
	bool same = fchown(FOLDER_FD, NOBODY, NOBODY) < 0;
	int r = same && errno != EINVAL ? -errno : cap_before_uid(&none);

	if (r == 0 && !same && (setgroups(0, NULL) < 0 || setresgid(NOBODY, NOBODY, NOBODY) < 0 || setresuid(NOBODY, NOBODY, NOBODY) < 0))
		r = -errno;
	if (r == 0)
		r = cap_after_uid(&none);
	return r < 0 ? err_errno(e, r, "drop rights") : 0;
}

/* The namespace's first process goes on from here; who is outside waits for it, and dies with whoever waits for him. */
static int go_inside(struct err *e)
{
	int status;
	pid_t pid = spawn_fork(NULL);

	if (pid < 0)
		return err_errno(e, (int)pid, "start it");
	if (pid == 0)
		return prctl(PR_SET_PDEATHSIG, SIGKILL) < 0 ? err_errno(e, -errno, "start it") : 0;
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			_exit(CONFINED_FAILED);
	_exit(WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status));
}

int confined_become(const char *const *argv, size_t n, struct err *e)
{
	const struct rlimit none = { 0, 0 };
	struct rlimit file;
	uint64_t bytes;
	int r;

	if (n < 2 || text_u64(argv[0], &bytes) < 0)
		return err_set(e, ERR_INTERNAL, "the request is damaged");
	file = (struct rlimit){ bytes, bytes };
	r = lay_folder(e);
	if (r == 0)
		r = hide_sockets(e);
	if (r == 0)
		r = enforce_landlock(e);
	if (r == 0)
		r = become_nobody(e);
	if (r < 0)
		return r;
	(void)umask(022);
	/* the former is lost by another user's id */
	if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0 || setrlimit(RLIMIT_CORE, &none) < 0 || setrlimit(RLIMIT_FSIZE, &file) < 0 || close(FOLDER_FD) < 0)
		return err_errno(e, -errno, "confine it");
	r = go_inside(e);
	if (r < 0)
		return r;
	(void)execvp(argv[1], (char *const *)(uintptr_t)(argv + 1));
	return err_errno(e, -errno, "%s", argv[1]);
}

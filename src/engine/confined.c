/* The attacker is whoever the program speaks with, having found a hole in it, and now runs his own code as it. He has the network, for that
 * is what the program is for. He must not have
 *
 * - the host's files. The folder lies over /tmp in a mount namespace of the program's own, nosuid and nodev; Landlock lets it read and
 *   execute the system's programs, read what name resolution and TLS are told by, and write below that folder alone.
 * - rights. Another user than root, no capability, no_new_privs; no terminal, and a session of its own.
 * - other processes: it is the first of a pid namespace, which ends with it, so nothing that it has started goes on; abstract sockets stay
 *   inside (Linux 6.12), the ids of System V IPC are its own.
 *
 * What it leaves in the folder is a stranger's: whoever reads that goes through base/beneath.h. */
#include "engine/confined.h"

#include <fcntl.h>
#include <grp.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "base/io.h"
#include "base/text.h"
#include "engine/engine.h"
#include "sys/caps.h"
#include "sys/kernel.h"
#include "sys/landlock.h"
#include "sys/mnt.h"
#include "sys/ns.h"
#include "sys/spawn.h"

#define NOBODY 65534
#define FOLDER_FD 3
#define OUT_MAX (1U << 20)
#define MAX_ARGS 64
#define PATH "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

/* ---- who starts it ---- */

static int start(const struct confined *args, const char *self, int out, int complaints, struct err *e)
{
	const char *argv[MAX_ARGS + 6] = { "tare", "internal", "confined" }, *env[MAX_ARGS + 3] = { PATH, "HOME=" CONFINED_HOME };
	const struct spawn_fd fds[] = { { out, 1 }, { complaints, 2 }, { args->folder, FOLDER_FD } };
	struct spawn_args sa = { .path = self, .argv = argv, .env = env, .fds = fds, .n_fds = ARRAY_LEN(fds), .new_session = true,
				 .no_new_privs = true, .death_signal = SIGKILL };
	CLEANUP_FD int pidfd = -1;
	char limit[32];
	int status, r;
	pid_t pid;

	(void)snprintf(limit, sizeof(limit), "%llu", (unsigned long long)args->file_bytes);
	argv[3] = limit;
	for (size_t i = 0; args->argv[i]; i++) {
		if (i == MAX_ARGS)
			return err_set(e, ERR_INTERNAL, "too many arguments");
		argv[4 + i] = args->argv[i];
	}
	for (size_t i = 0; args->env[i] && i < MAX_ARGS; i++)
		env[2 + i] = args->env[i];
	r = spawn(&sa, &pid, &pidfd);
	if (r == 0)
		r = spawn_wait(pidfd, -1, &status);
	if (r < 0)
		return err_errno(e, r, "start %s", args->argv[0]);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
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

int confined_run(const struct confined *args, struct strbuf *out, char *said, size_t len, struct err *e)
{
	CLEANUP_FD int text = memfd_create("output", MFD_CLOEXEC), complaints = memfd_create("complaints", MFD_CLOEXEC);
	CLEANUP_FREE char *bytes = NULL, *lines = NULL;
	char self[PATH_MAX];
	size_t n = 0, n_lines = 0;
	int code, r = text < 0 || complaints < 0 ? err_errno(e, -errno, "start %s", args->argv[0]) : engine_self(self, e);

	if (r < 0)
		return r;
	code = start(args, self, text, complaints, e);
	if (code < 0)
		return code;
	if (lseek(text, 0, SEEK_SET) < 0 || lseek(complaints, 0, SEEK_SET) < 0)
		return err_errno(e, -errno, "read what %s says", args->argv[0]);
	r = io_read_fd(text, OUT_MAX, &bytes, &n);
	if (r == 0)
		r = io_read_fd(complaints, OUT_MAX, &lines, &n_lines);
	if (r < 0)
		return err_errno(e, r, "read what %s says", args->argv[0]);
	sb_add(out, bytes, n);
	pick_line(lines, said, len);
	if (code == CONFINED_FAILED)
		return err_set(e, ERR_NOTFOUND, "%s is not installed, or cannot be confined: %s", args->argv[0], said);
	return sb_error(out) < 0 ? err_errno(e, -ENOMEM, "read what %s says", args->argv[0]) : code;
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

/* In a user namespace without that id root of it goes on, who is nobody outside. */
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

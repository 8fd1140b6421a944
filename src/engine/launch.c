#include "engine/launch.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "base/io.h"
#include "base/log.h"
#include "base/text.h"
#include "engine/folder.h"
#include "engine/spec.h"
#include "sys/cgroup.h"
#include "sys/sock.h"
#include "sys/spawn.h"

#define PATH "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

/* In v2's hierarchy it is born outside of its caller's cgroup (stay: not), in v1's it moves itself. What fails here fails again there,
 * with a message. */
static int spawn_outside(struct spawn_args *args, bool stay, struct err *e)
{
	/* an ordinary user's is born where its caller is (usercgroup.h); that of the machine's root may be there, and is not his */
	CLEANUP_FD int cgroup = stay || rootless_hold() >= 0 ? -1 : cg_birthplace(SPEC_MONITOR_CGROUP), pidfd = -1;
	pid_t pid;
	int r;

	args->new_session = true;
	args->chdir = "/";
	args->cgroup = cgroup;
	r = spawn(args, &pid, &pidfd);
	if (r < 0 && cgroup >= 0) {
		args->cgroup = -1;
		r = spawn(args, &pid, &pidfd);
	}
	return r < 0 ? err_errno(e, r, "start %s", args->path) : (int)pid;
}

/* What it inherits: fixed numbers (docs/formats.md), and behind those what is for the container. */
static size_t fds_of(const struct launch *how, int memfd, int sock, struct spawn_fd *fds)
{
	uint32_t n_passed = service_fds(how->service);
	size_t n = 0;

	fds[n++] = (struct spawn_fd){ memfd, 3 };
	fds[n++] = (struct spawn_fd){ sock, 4 };
	if (rootless_hold() >= 0)
		fds[n++] = (struct spawn_fd){ rootless_hold(), 5 };
	for (uint32_t i = 0; i < n_passed; i++)
		fds[n++] = (struct spawn_fd){ 3 + (int)i, MONITOR_PASSED_FD + (int)i };
	return n;
}

int launch_monitor(const char *verb, const char *description, size_t len, const struct launch *how, struct client *out, struct err *e)
{
	static const char *const env[] = { PATH, NULL };
	CLEANUP_FREE struct spawn_fd *fds = calloc(3 + (size_t)service_fds(how->service), sizeof(*fds));
	CLEANUP_FD int memfd = io_memfd("tare-description", description, len, true), theirs = -1;
	char path[PATH_MAX];
	const char *argv[] = { "tare-monitor", verb, NULL };
	int pair[2], r = engine_program("tare-monitor", path, e);

	if (r == 0 && !how->stay)
		r = rootless_enter_cgroup(e);
	if (r < 0)
		return r;
	if (memfd < 0 || !fds)
		return err_errno(e, memfd < 0 ? memfd : -ENOMEM, "make the description");
	r = sock_pair(SOCK_STREAM, pair);
	if (r < 0)
		return err_errno(e, r, "make a socket for the monitor");
	theirs = pair[1];
	*out = (struct client){ .fd = pair[0] };
	r = spawn_outside(&(struct spawn_args){ .path = path, .argv = argv, .env = env, .fds = fds, .n_fds = fds_of(how, memfd, theirs, fds) },
			  how->stay, e);
	if (r < 0)
		client_close(out);
	return r < 0 ? r : 0;
}

#define MOUNTS_TIMEOUT_MS 60000

int launch_mounts(const char *description, size_t len, struct err *e)
{
	CLEANUP_FD int memfd = io_memfd("tare-mounts", description, len, true);
	char path[PATH_MAX], said[500] = "";
	const char *argv[] = { path, "mounts", NULL }, *text;
	int r = engine_program("tare-monitor", path, e);

	if (r < 0)
		return r;
	if (memfd < 0)
		return err_errno(e, memfd, "make the description");
	r = spawn_tool(argv, memfd, MOUNTS_TIMEOUT_MS, said, sizeof(said));
	if (r < 0)
		return err_errno(e, r, "%s", path);
	text = text_starts(said, "tare-monitor: ") ? said + strlen("tare-monitor: ") : said;
	return r == 0 ? 0 : err_set(e, ERR_INVALID, "%s", *text ? text : "tare-monitor failed without a word");
}

/* On v1 it cannot be born elsewhere, and need not leave at once. */
static void move_out(pid_t pid)
{
	CLEANUP_CGROUP struct cgroup *cg = NULL;
	struct err ignored;

	if (!cg_is_unified() && cg_create(SPEC_MONITOR_CGROUP, &cg, NULL, &ignored) == 0 && cg_join(cg, pid, &ignored) < 0)
		log_debug("process %d stays in our cgroup: %s", (int)pid, ignored.msg);
}

/* argv[0] is one of our programs, which outlives us. */
static int launch_helper(const char *const *argv, const struct spawn_fd *fds, size_t n_fds, struct err *e)
{
	static const char *const env[] = { PATH, NULL };
	char path[PATH_MAX];
	int r = engine_program(argv[0], path, e);

	if (r < 0)
		return r;
	r = spawn_outside(&(struct spawn_args){ .path = path, .argv = argv, .env = env, .fds = fds, .n_fds = n_fds }, false, e);
	if (r < 0)
		return r;
	move_out(r);
	return 0;
}

int launch_netd(int fd, struct err *e)
{
	static const char *const argv[] = { "tare-netd", NULL };

	return launch_helper(argv, (const struct spawn_fd[]){ { fd, 3 } }, 1, e);
}

int launch_healer(const struct engine *en, int fd, int lock, const char *table, struct err *e)
{
	char self[PATH_MAX];
	const char *const argv[] = { "tare-netd", "heal", self, en->root, en->state, table, NULL };
	int r = engine_self(self, e);

	return r < 0 ? r : launch_helper(argv, (const struct spawn_fd[]){ { fd, 3 }, { lock, 4 } }, 2, e);
}

int launch_rest(const struct engine *en, const char *id, int64_t ms, int lock, struct err *e)
{
	char self[PATH_MAX], wait[TEXT_U64_LEN];
	const char *const argv[] = { "tare-monitor", "rest", text_of_u64((uint64_t)ms, wait), self, "--root", en->root, "--state", en->state,
				     "internal", "restart", id, NULL };
	int r = engine_self(self, e);

	if (r == 0) /* what it executes has no bus to get there by */
		r = rootless_enter_cgroup(e);
	return r < 0 ? r : launch_helper(argv, (const struct spawn_fd[]){ { lock, 3 }, { rootless_hold(), 4 } }, rootless_hold() < 0 ? 1 : 2, e);
}

int launch_read_description(const struct engine *en, const char *id, unsigned int attach, struct strbuf *out, struct err *e)
{
	CLEANUP_FREE char *text = NULL;
	char name[NAME_MAX + 1];
	size_t len;
	int r;

	(void)snprintf(name, sizeof(name), "containers/%s/config.json", id);
	r = io_read_file(en->root_fd, name, FOLDER_CONFIG_MAX, &text, &len);
	if (r < 0)
		return err_errno(e, r, "read %s/%s", en->root, name);
	r = spec_reattach(text, len, attach, out, e);
	return r < 0 ? err_ctx(e, "%s/%s", en->root, name) : 0;
}

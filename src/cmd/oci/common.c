#include "cmd/oci/oci.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/io.h"
#include "base/log.h"
#include "runtime/live.h"
#include "sys/ns.h"
#include "sys/proc.h"
#include "sys/sock.h"
#include "sys/spawn.h"

#define KILL_WAIT_MS 10000
#define OUTPUT_WAIT_MS 30000
#define JSON_FILE_MAX (1U << 20)

bool oci_rootless(const struct oci_globals *g)
{
	if (strcmp(g->rootless, "auto") != 0)
		return !strcmp(g->rootless, "true");
	return geteuid() != 0 || !ns_user_is_initial();
}

/* XDG_RUNTIME_DIR where it counts, else NULL. The root of a user namespace is a user, unless he says he is root. */
static const char *runtime_dir(void)
{
	const char *xdg = getenv("XDG_RUNTIME_DIR"), *user = getenv("USER");

	if (!xdg || !*xdg)
		return NULL;
	if (geteuid() == 0 && (ns_user_is_initial() || (user && !strcmp(user, "root"))))
		return NULL;
	return xdg;
}

const char *oci_root(const struct cli_call *call)
{
	const struct oci_globals *g = call->global;
	const char *xdg = g->root ? NULL : runtime_dir();

	if (g->root)
		return g->root;
	return xdg ? arena_printf(call->arena, "%s/tare-oci", xdg) : "/run/tare-oci";
}

int oci_make_root(const struct cli_call *call, struct err *e)
{
	const struct oci_globals *g = call->global;
	const char *root = oci_root(call);

	if (g->root || (!runtime_dir() && geteuid() == 0))
		return 0;
	if (!runtime_dir())
		return err_set(e, ERR_DENIED, "neither --root nor XDG_RUNTIME_DIR says where a user's containers are kept");
	if ((mkdir(root, 0700) < 0 && errno != EEXIST) || chmod(root, 01700) < 0)
		return err_errno(e, -errno, "%s", root);
	return 0;
}

void oci_container_close(struct oci_container *c)
{
	rt_record_close(&c->dir);
}

int oci_open(const struct cli_call *call, bool lock, struct oci_container *c, struct err *e)
{
	int r = rt_record_open(oci_root(call), call->args[0], &c->dir, e);

	if (r == 0 && lock)
		r = rt_record_lock(&c->dir, e);
	if (r == 0)
		r = rt_record_load(call->arena, &c->dir, &c->rec, e);
	return r < 0 ? r : rt_record_status(&c->dir, &c->rec, &c->status, e);
}

const char *oci_state_folder(const struct cli_call *call, const struct oci_container *c)
{
	char path[PATH_MAX];

	return io_path_of(c->dir.dir, path) < 0 ? "" : arena_strdup(call->arena, path);
}

int oci_load_spec(const struct cli_call *call, const struct rt_record *rec, const struct oci_spec **out, struct err *e)
{
	CLEANUP_FD int bundle = -1;
	int r = rt_record_config(call->arena, oci_root(call), rec->id, out, e);

	/* one that was made before configurations were kept */
	if (r == 0 || e->cls != ERR_NOTFOUND)
		return r;
	*e = (struct err){ 0 };
	bundle = openat(AT_FDCWD, rec->bundle, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (bundle < 0)
		return err_errno(e, -errno, "bundle %s", rec->bundle);
	r = oci_spec_load(call->arena, bundle, "config.json", out, e);
	return r < 0 ? err_ctx(e, "bundle %s", rec->bundle) : 0;
}

int oci_read_json(const struct cli_call *call, const char *path, const struct json **out, struct err *e)
{
	CLEANUP_FREE char *text = NULL;
	size_t len = 0;
	int r = !strcmp(path, "-") ? io_read_fd(STDIN_FILENO, JSON_FILE_MAX, &text, &len) :
				     io_read_file(AT_FDCWD, path, JSON_FILE_MAX, &text, &len);

	return r < 0 ? err_errno(e, r, "can't be read") : json_parse(call->arena, text, len, NULL, out, e);
}

int oci_live(const struct oci_container *c, const struct oci_spec *spec, struct rt_live *out, struct err *e)
{
	if (c->status == RT_STOPPED || c->status == RT_CREATING)
		return err_set(e, ERR_BUSY, "container not running: it is %s", rt_status_name(c->status));
	*out = (struct rt_live){ .id = c->rec.id,
				 .pid = c->rec.pid,
				 .start_time = c->rec.start_time,
				 .spec = spec,
				 .bundle = c->rec.bundle,
				 .rootfs = c->rec.rootfs };
	return 0;
}

int oci_parent(const char *path, char name[NAME_MAX + 1], struct err *e)
{
	const char *slash = strrchr(path, '/'), *last = slash ? slash + 1 : path;
	CLEANUP_FREE char *folder = slash ? strndup(path, slash == path ? 1 : (size_t)(slash - path)) : strdup(".");
	int fd;

	if (!folder)
		return err_errno(e, -ENOMEM, "%s", path);
	if (!*last || strlen(last) > NAME_MAX || !strcmp(last, ".") || !strcmp(last, ".."))
		return err_set(e, ERR_INVALID, "%s: no file name", path);
	memcpy(name, last, strlen(last) + 1);
	fd = openat(AT_FDCWD, folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return fd < 0 ? err_errno(e, -errno, "%s", folder) : fd;
}

int oci_connect(const char *path, int type, struct err *e)
{
	char name[NAME_MAX + 1];
	CLEANUP_FD int dir = oci_parent(path, name, e);
	int fd;

	if (dir < 0)
		return dir;
	fd = sock_connect(dir, name, type);
	return fd < 0 ? err_errno(e, fd, "connecting to %s", path) : fd;
}

int oci_write_pid_file(const char *path, pid_t pid, struct err *e)
{
	char name[NAME_MAX + 1], text[16];
	CLEANUP_FD int dir = oci_parent(path, name, e);
	int len = snprintf(text, sizeof(text), "%d", (int)pid), r;

	if (dir < 0)
		return dir;
	r = io_replace_file(dir, name, text, (size_t)len, 0644, false);
	return r < 0 ? err_errno(e, r, "pid file %s", path) : 0;
}

int oci_send_console(int sock, int master, struct err *e)
{
	char name[32];
	unsigned int n;
	int r;

	if (ioctl(master, TIOCGPTN, &n) < 0)
		return err_errno(e, -errno, "console");
	snprintf(name, sizeof(name), "/dev/pts/%u", n);
	r = sock_send_fds(sock, name, strlen(name), &master, 1);
	return r < 0 ? err_errno(e, r, "console socket") : 0;
}

int oci_send_pidfd(int sock, int pidfd, const char *what, struct err *e)
{
	int r = sock_send_fds(sock, what, strlen(what), &pidfd, 1);

	return r < 0 ? err_errno(e, r, "pidfd socket") : 0;
}

int oci_check_terminal(bool terminal, bool detach, const char *console_socket, struct err *e)
{
	if (detach && terminal && !console_socket)
		return err_set(e, ERR_INVALID, "cannot allocate tty if the runtime will detach without setting console socket");
	if ((!detach || !terminal) && console_socket)
		return err_set(e, ERR_INVALID, "cannot use console socket if the runtime will not detach or allocate tty");
	return 0;
}

int oci_check_preserved(unsigned int first, uint32_t n, struct err *e)
{
	for (long fd = first; fd < first + (long)n; fd++)
		if (!rt_fd_inherited(fd))
			return err_set(e, ERR_INVALID, "--preserve-fds %u: descriptor %ld is not open", n, fd);
	return 0;
}

int oci_print(const struct strbuf *text, struct err *e)
{
	int r = sb_error(text);

	if (r == 0)
		r = io_write_full(STDOUT_FILENO, sb_str(text), text->len);
	return r < 0 ? err_errno(e, r, "standard output") : 0;
}

int oci_kill_and_wait(const struct rt_record *rec, struct err *e)
{
	CLEANUP_FD int pidfd = rec->pid ? proc_open_checked(rec->pid, rec->start_time) : -ESRCH;
	struct pollfd p = { .fd = pidfd, .events = POLLIN };
	int r;

	if (pidfd == -ESRCH)
		return 0;
	if (pidfd < 0)
		return err_errno(e, pidfd, "process %d", (int)rec->pid);
	r = proc_signal(pidfd, SIGKILL);
	if (r == -ESRCH)
		return 0;
	if (r < 0)
		return err_errno(e, r, "killing process %d", (int)rec->pid);
	do
		r = poll(&p, 1, KILL_WAIT_MS);
	while (r < 0 && errno == EINTR);
	return r == 1 ? 0 : err_set(e, ERR_BUSY, "container init still running");
}

/* Failures of these hooks are told and change nothing (runtime.md "Lifecycle"). */
static void run_poststop(const struct cli_call *call, const struct oci_container *c)
{
	const struct oci_spec *spec;
	struct err e = { 0 };

	if (oci_load_spec(call, &c->rec, &spec, &e) < 0 ||
	    rt_run_hooks(spec, OCI_HOOK_POSTSTOP, c->rec.id, 0, c->rec.bundle, "stopped", &e) < 0)
		log_warning("poststop hooks: %s", e.msg);
}

int oci_destroy(const struct cli_call *call, struct oci_container *c, struct err *e)
{
	int r = oci_clear_cgroup(&c->rec, e);

	if (r == 0)
		r = rt_host_root_clear(c->rec.rootfs, c->rec.below, e);
	if (r == 0 && c->rec.rdt)
		r = rt_rdt_remove(c->rec.rdt, e);
	if (r < 0)
		return r;
	if (c->rec.poststop)
		run_poststop(call, c);
	return rt_record_remove(&c->dir, e);
}

int oci_output_of(const char *const *argv, int in, bool quiet, size_t max, char **out, int *status, struct err *e)
{
	CLEANUP_FD int from = -1, to = -1, pidfd = -1;
	struct spawn_fd fds[3] = { { .to = 1 } };
	size_t n_fds = 1;
	int pair[2], r;
	pid_t pid;

	if (pipe2(pair, O_CLOEXEC) < 0)
		return err_errno(e, -errno, "%s", argv[0]);
	from = pair[0];
	to = fds[0].from = pair[1];
	if (in >= 0)
		fds[n_fds++] = (struct spawn_fd){ in, 0 };
	if (!quiet)
		fds[n_fds++] = (struct spawn_fd){ STDERR_FILENO, 2 };
	r = spawn(&(const struct spawn_args){ .path = argv[0],
					      .argv = argv,
					      .fds = fds, .n_fds = n_fds }, &pid, &pidfd);
	to = close_fd(to);
	if (r == -ENOENT)
		return err_set(e, ERR_UNSUPPORTED, "the program %s is needed, and not in PATH", argv[0]);
	if (r == 0)
		r = io_read_fd(from, max, out, NULL);
	if (r == 0)
		r = spawn_wait(pidfd, OUTPUT_WAIT_MS, status);
	return r < 0 ? err_errno(e, r, "%s", argv[0]) : 0;
}

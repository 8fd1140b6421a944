/* The order is chosen for who may be killed when. The lock comes first: it keeps a second monitor for the same
 * container out, and makes a restart wait for the end of the monitor before. Until rt_start() the container waits at
 * its barrier for this process and ends with it. From state "running" on nothing may be lost any more: FIFOs, progress
 * page and socket exist by then, so a kill at any later instant leaves what `adopt` needs.
 *
 * The caller's cgroup is left while the container builds; of v2 the engine has us born outside of it. */
#include "monitor/run.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "base/io.h"
#include "base/text.h"
#include "monitor/attach.h"
#include "monitor/client.h"
#include "monitor/crew.h"
#include "monitor/description.h"
#include "monitor/ending.h"
#include "monitor/join.h"
#include "monitor/leave.h"
#include "monitor/notify.h"
#include "monitor/progress.h"
#include "monitor/state.h"
#include "monitor/stdio.h"
#include "monitor/usernet.h"
#include "net/stub.h"
#include "runtime/runtime.h"
#include "sys/ns.h"
#include "sys/sock.h"
#include "sys/spawn.h"
#include "wire/frame.h"

/* How long a restart waits: a monitor that ends executes the engine's program, which may take its time. */
#define LOCK_SECONDS 40U

struct birth {
	struct crew crew;
	struct arena arena;
	struct description d;
	struct state state;
	struct stdio stdio;
	struct rt_process process;
	struct progress *progress;
};

#define BIRTH_INIT { .arena = ARENA_INIT, .stdio = STDIO_INIT, .process = RT_PROCESS_INIT }

static int put(struct birth *b, enum crew_fd place, int fd, const char *what, struct err *e)
{
	int r = fd < 0 ? fd : crew_put(&b->crew, place, fd);

	return r < 0 ? err_errno(e, r, "%s", what) : 0;
}

/* ---- shared by run and adopt ---- */

static int open_state_dir(struct birth *b, unsigned int lock_seconds, struct err *e)
{
	int fd = open(b->d.state_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int r = put(b, CREW_STATE_DIR, fd < 0 ? -errno : fd, b->d.state_dir, e);

	if (r < 0)
		return r;
	r = crew_take_lock(&b->crew, lock_seconds);
	if (r == -EAGAIN)
		return err_set(e, ERR_BUSY, "container %.12s has a monitor already", b->d.id);
	if (r == -ENOENT)
		return err_set(e, ERR_NOTFOUND, "container %.12s has been removed meanwhile", b->d.id);
	return r < 0 ? err_errno(e, r, "lock %s", b->d.state_dir) : 0;
}

static int begin(struct birth *b, const char *command, unsigned int lock_seconds, struct err *e)
{
	int r;

	/* what is open besides is said there */
	r = description_read(&b->arena, CREW_SETTINGS, DESCRIPTION_CONTAINER, &b->d, e);
	crew_inherit(&b->crew, CREW_SESSION, b->d.pass.n);
	crew_quiet();
	if (r < 0)
		return r;
	r = crew_reserve(&b->crew);
	if (r < 0)
		return err_errno(e, r, "open /dev/null");
	r = crew_seal(&b->crew, b->d.spec, command, e);
	if (r == 0 && b->d.notify.mode)
		r = notify_fork(e);
	return r < 0 ? r : open_state_dir(b, lock_seconds, e);
}

static int make_bin(struct birth *b, struct err *e)
{
	int bin[2], r;

	if (pipe2(bin, O_CLOEXEC | O_NONBLOCK) < 0)
		return err_errno(e, -errno, "make a pipe");
	r = crew_put(&b->crew, CREW_BIN_IN, bin[1]);
	if (r < 0)
		close_fd(bin[0]);
	else
		r = crew_put(&b->crew, CREW_BIN_OUT, bin[0]);
	return r < 0 ? err_errno(e, r, "place a pipe") : 0;
}

static int open_progress(struct birth *b, struct err *e)
{
	int r = put(b, CREW_PROGRESS, progress_open(CREW_STATE_DIR), PROGRESS_FILE, e);

	if (r < 0)
		return r;
	r = progress_map(CREW_PROGRESS, &b->progress);
	if (r < 0)
		return err_errno(e, r, "map %s", PROGRESS_FILE);
	/* whether it was taken out only the pipe knew that went with both halves: better twice than never */
	if (progress_get(b->progress->log_writing) != PROGRESS_WRITING)
		progress_set(b->progress->log_writing, PROGRESS_IDLE);
	return make_bin(b, e);
}

static int listen_for_clients(struct birth *b, struct err *e)
{
	int fd = sock_listen(CREW_STATE_DIR, ATTACH_SOCKET, SOCK_STREAM);

	if (fd >= 0 && io_set_nonblock(fd, true) < 0)
		fd = -EINVAL;
	return put(b, CREW_LISTEN, fd, ATTACH_SOCKET, e);
}

/* Our ends of the streams go to their numbers. */
static int put_streams(struct birth *b, struct err *e)
{
	const struct {
		enum crew_fd place;
		int *fd;
	} rows[] = {
		{ CREW_OUT, &b->stdio.out },	       { CREW_ERR, &b->stdio.err },
		{ CREW_IN, &b->stdio.in },	       { CREW_FEED, &b->stdio.feed },
		{ CREW_STAGE_OUT, &b->stdio.stage[0] }, { CREW_STAGE_IN, &b->stdio.stage[1] },
		{ CREW_CONSOLE, &b->process.console }, { CREW_PIDFD, &b->process.pidfd },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		int r = crew_put(&b->crew, rows[i].place, take_fd(rows[i].fd));

		if (r < 0)
			return err_errno(e, r, "place a descriptor");
	}
	return 0;
}

static int save_state(struct birth *b, enum state_status status, struct err *e)
{
	b->state.status = status;
	return state_save(CREW_STATE_DIR, STATE_FILE, &b->state, e);
}

/* The client stays only when it attached. */
static void tell_started(struct birth *b)
{
	client_send_started(crew_get(&b->crew, CREW_CLIENT), b->state.pid);
	if (!b->d.attach)
		crew_close(&b->crew, CREW_CLIENT);
}

/* The description is dropped for the settings. Gives only on failure: the container then runs without a monitor until
 * the next adopt. */
static int become_keeper(struct birth *b, struct err *e)
{
	int r = put(b, CREW_SETTINGS, description_settings(&b->d, e), "settings", e);

	if (r < 0)
		return r;
	return err_errno(e, crew_become_keeper(&b->crew, b->d.id, b->d.service), "execute the keeper");
}

/* ---- run ---- */

static int make_stdio(struct birth *b, struct err *e)
{
	const struct description *d = &b->d;
	uid_t uid;
	gid_t gid;

	if (d->tty)
		return 0;
	stdio_owner(d->spec, d->spec->process, &uid, &gid);
	return stdio_make_fifos(CREW_STATE_DIR, d->open_stdin, uid, gid, &b->stdio, e);
}

static int open_netns(pid_t pid, struct err *e)
{
	char path[48];
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/ns/net", (int)pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	return fd < 0 ? err_errno(e, -errno, "the container's network namespace") : fd;
}

/* Networks that others make: the engine's program runs them, and says in one line what failed. Its own limits end it. */
static int connect_others(struct birth *b, int netns, struct err *e)
{
	char said[600];
	int r = spawn_tool(b->d.connect, netns, -1, said, sizeof(said));

	if (r < 0)
		return err_errno(e, r, "execute %s", b->d.connect[0]);
	if (r == 0)
		return 0;
	return err_set(e, ERR_UNAVAILABLE, "%s", !said[0] ? "it was killed" : text_starts(said, "tare: ") ? said + 6 : said);
}

/* Before its command runs: it may ask at once. Without an answer it has no names, which the next tare command mends. */
static void offer_names(struct birth *b, int netns)
{
	CLEANUP_FD int folder = open(b->d.names, O_PATH | O_DIRECTORY | O_CLOEXEC);
	CLEANUP_FD int sock = folder < 0 ? -1 : net_stub_connect(folder);
	struct err ignored;

	if (sock >= 0)
		(void)!net_stub_give(sock, b->d.id, netns, &ignored);
}

/* While the container builds. Links end with the namespace when the creation fails. */
static int meanwhile(pid_t pid, void *data, struct err *e)
{
	const struct birth *b = data;
	CLEANUP_FD int netns = -1;

	if (leave_caller(b->d.monitor_cgroup, e) < 0)
		return err_ctx(e, "cgroup");
	if (!b->d.n_links)
		return 0;
	netns = open_netns(pid, e);
	if (netns < 0)
		return netns;
	for (size_t i = 0; i < b->d.n_links; i++)
		if (net_link_make(&b->d.links[i], netns, e) < 0)
			return err_ctx(e, "network");
	return 0;
}

/* The rest of its network, when the container is whole. */
static int finish_network(struct birth *b, struct err *e)
{
	CLEANUP_FD int netns = -1;

	if (b->d.usernet)
		return usernet_start(b->d.usernet, b->process.pid, b->process.pidfd, CREW_STATE_DIR, e);
	if (!b->d.connect && (!b->d.n_links || !b->d.names))
		return 0;
	netns = open_netns(b->process.pid, e);
	if (netns < 0)
		return netns;
	if (b->d.n_links && b->d.names)
		offer_names(b, netns);
	return b->d.connect ? connect_others(b, netns, e) : 0;
}

static int create(struct birth *b, struct err *e)
{
	CLEANUP_JOIN struct join join = JOIN_INIT;
	const struct rt_pass pass = { .from = MONITOR_PASSED_FD, .n = b->d.pass.n, .listen = b->d.pass.listen, .names = b->d.pass.names };
	struct rt_create_args args = {
		.id = b->d.id,
		.bundle = b->d.container_dir,
		.spec = b->d.spec,
		.rootfs = b->d.rootfs,
		.cgroup = b->d.cgroup,
		.rootless = !ns_user_is_initial(),
		.stdio = { b->stdio.container[0], b->stdio.container[1], b->stdio.container[2] },
		.pass = &pass,
		.barrier = RT_BARRIER_SOCKET,
		.fifo_fd = -1,
		.meanwhile = meanwhile,
		.data = b,
	};
	int r = join_open(&b->d, &join, &args.spec, e);

	if (r == 0)
		r = rt_create(&args, &b->process, e);
	if (r < 0) { /* that they are going is the better reason */
		(void)!join_check(&b->d, e);
		return e->code;
	}
	stdio_close_container(&b->stdio);
	b->progress->start_time = b->process.start_time;
	b->progress->pid = b->process.pid;
	b->state.pid = b->process.pid;
	b->state.start_time = b->process.start_time;
	r = finish_network(b, e);
	if (r == 0 && b->d.tty)
		r = stdio_take_console(b->process.console, &b->stdio, e);
	if (r == 0)
		r = save_state(b, STATE_CREATED, e);
	if (r == 0)
		r = join_check(&b->d, e);
	return r < 0 ? r : notify_starting(&b->crew, &b->d, e);
}

static int start(struct birth *b, struct err *e)
{
	int r = rt_start(&b->process, e);

	if (r < 0)
		return r;
	text_now(b->state.started_at);
	if ((r = save_state(b, STATE_RUNNING, e)) < 0 ||
	    (r = rt_run_hooks(b->d.spec, OCI_HOOK_POSTSTART, b->d.id, b->process.pid, b->d.container_dir, "running",
			      e)) < 0 ||
	    (r = notify_started(&b->crew, &b->d, e)) < 0)
		return r;
	return put_streams(b, e);
}

/* Nothing of the container is left but state.json, which says why. */
static void give_up(struct birth *b, const struct err *why)
{
	struct err e = { 0 };
	bool oom_killed;

	/* it ends with its barrier; the signal is for one that passed it, and fails where it has ended */
	if (b->process.pidfd >= 0 && proc_signal(b->process.pidfd, SIGKILL) < 0)
		b->process.pidfd = close_fd(b->process.pidfd);
	rt_process_close(&b->process);
	ending_cleanup_cgroup(&b->d, b->progress, &oom_killed);
	ending_remove_names(CREW_STATE_DIR);
	snprintf(b->state.error, sizeof(b->state.error), "%s", why->msg);
	b->state.exit_code = err_info(why->cls)->exit_code;
	b->state.exit_known = true;
	text_now(b->state.finished_at);
	if (save_state(b, STATE_EXITED, &e) < 0)
		return; /* the client is told the reason itself */
}

static int make_and_start(struct birth *b, struct err *e)
{
	int r;

	state_init(&b->state, b->d.id);
	b->state.keeper = getpid();
	ending_remove_names(CREW_STATE_DIR); /* of an end that was never finished */
	/* first of all, with no pid yet: what `adopt` needs to remove what a killed start left */
	if ((r = save_state(b, STATE_CREATED, e)) < 0 || (r = open_progress(b, e)) < 0 || (r = listen_for_clients(b, e)) < 0 || (r = make_stdio(b, e)) < 0 ||
	    (r = notify_open(&b->crew, &b->arena, &b->d, e)) < 0 || (r = create(b, e)) < 0 || (r = start(b, e)) < 0) {
		give_up(b, e);
		return r;
	}
	return 0;
}

int monitor_run(struct err *e)
{
	struct birth b = BIRTH_INIT;
	int r = begin(&b, "run", LOCK_SECONDS, e);

	if (r == 0)
		r = make_and_start(&b, e);
	if (r == 0) {
		tell_started(&b);
		r = become_keeper(&b, e);
	}
	client_send_error(crew_get(&b.crew, CREW_CLIENT), e);
	return r;
}

/* ---- adopt ---- */

/* A pidfd of the container's init, -1 when it is over. */
static int find_container(struct birth *b, struct err *e)
{
	char boot_id[PROC_BOOT_ID_LEN];
	int r = state_load(CREW_STATE_DIR, STATE_FILE, &b->state, e);

	if (r < 0)
		return r;
	r = proc_boot_id(boot_id);
	if (r < 0)
		return err_errno(e, r, "read the boot id");
	if (b->state.status == STATE_EXITED || b->state.pid <= 0 || strcmp(boot_id, b->state.boot_id) != 0)
		return 0;
	r = proc_open_checked(b->state.pid, b->state.start_time);
	if (r < 0 && r != -ESRCH)
		return err_errno(e, r, "open process %d", (int)b->state.pid);
	b->process.pidfd = r < 0 ? -1 : r;
	return 0;
}

/* It ended while nobody looked: a zombie still tells its exit status, else it is unknown. */
static void publish_unattended(struct birth *b)
{
	int status = 0;
	bool known;

	/* its streams went with it: nobody writes again what is cut off; what is torn is seen when the log is opened */
	progress_set(b->progress->log_writing, PROGRESS_IDLE);
	if (progress_get(b->progress->exit) != PROGRESS_RUNNING)
		return;
	known = b->state.pid > 0 && proc_zombie_status(b->state.pid, b->state.start_time, &status) == 0;
	progress_publish_exit(b->progress, known, status);
}

static int take_over_running(struct birth *b, struct err *e)
{
	bool want_stdin = b->d.open_stdin && !progress_get(b->progress->stdin_closed);

	/* a terminal died with the monitor that held it: nothing is left to read */
	return b->d.tty ? 0 : stdio_open_fifos(CREW_STATE_DIR, want_stdin, &b->stdio, e);
}

static int take_over(struct birth *b, struct err *e)
{
	int r = find_container(b, e);

	if (r == 0)
		r = open_progress(b, e);
	if (r < 0)
		return r;
	if (b->process.pidfd >= 0)
		r = take_over_running(b, e);
	else
		publish_unattended(b);
	if (r == 0)
		r = listen_for_clients(b, e);
	if (r == 0 && b->process.pidfd >= 0) /* else we end at once; a unit's cgroup may be gone with the container */
		r = leave_caller(b->d.monitor_cgroup, e);
	if (r < 0)
		return r;
	return put_streams(b, e);
}

int monitor_adopt(struct err *e)
{
	struct birth b = BIRTH_INIT;
	int r = begin(&b, "adopt", 0, e);

	b.d.attach = 0; /* the description is as old as the container: whoever adopts it need not be who attached */
	if (r == 0)
		r = take_over(&b, e);
	if (r == 0) {
		tell_started(&b);
		r = become_keeper(&b, e);
	}
	client_send_error(crew_get(&b.crew, CREW_CLIENT), e);
	return r;
}

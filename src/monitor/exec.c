/* One process, no successor: when it is killed, what it ran sees closed pipes (or a hang-up) and its record stays
 * "running" with a pid that is gone, which the engine reads as "ended, code unknown". So there is no log, no FIFO with
 * a name, no second half; the streams work as in a worker, and what no client wants is read and dropped.
 *
 * It leaves its caller's cgroup for the monitors' when its client knows that the process runs. */
#include "monitor/exec.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "base/eventlog.h"
#include "base/io.h"
#include "base/log.h"
#include "base/loop.h"
#include "monitor/attach.h"
#include "monitor/client.h"
#include "monitor/crew.h"
#include "monitor/description.h"
#include "monitor/ending.h"
#include "monitor/input.h"
#include "monitor/leave.h"
#include "monitor/progress.h"
#include "monitor/state.h"
#include "monitor/stdio.h"
#include "monitor/stream.h"
#include "runtime/runtime.h"
#include "sys/sock.h"
#include "wire/frame.h"
#include "wire/event.h"

#define EXEC_DIR "exec"
/* How long the client may take for its last frames. */
#define FLUSH_MS 2000

struct exec {
	struct crew crew;
	struct arena arena;
	struct description d;
	struct state container, state;
	char name[80]; /* of the record */
	char socket[80];
	int listener;
	int dir, events; /* STATE/ID/exec, and STATE, which stays when the container goes */
	struct stdio stdio;
	struct rt_process process;
	struct progress *progress;
	struct loop *loop;
	struct loop_source *pidfd;
	struct input input;
	struct attach attach;
	struct stream_sink sink;
	struct stream streams[LOG_STREAMS];
};

static int open_exec_dir(struct exec *x, struct err *e)
{
	CLEANUP_FD int state_dir = open(x->d.state_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (state_dir < 0)
		return err_errno(e, -errno, "%s", x->d.state_dir);
	if (mkdirat(state_dir, EXEC_DIR, 0700) < 0 && errno != EEXIST)
		return err_errno(e, -errno, "%s/%s", x->d.state_dir, EXEC_DIR);
	x->dir = openat(state_dir, EXEC_DIR, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (x->dir < 0)
		return err_errno(e, -errno, "%s/%s", x->d.state_dir, EXEC_DIR);
	x->events = openat(state_dir, "..", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (x->events < 0)
		return err_errno(e, -errno, "%s/..", x->d.state_dir);
	return state_load(state_dir, STATE_FILE, &x->container, e);
}

static int begin(struct exec *x, struct err *e)
{
	int r;

	r = description_read(&x->arena, CREW_SETTINGS, DESCRIPTION_EXEC, &x->d, e);
	crew_inherit(&x->crew, CREW_CLIENT, x->d.pass.n);
	crew_quiet();
	if (r < 0)
		return r;
	r = crew_reserve(&x->crew);
	if (r < 0)
		return err_errno(e, r, "open /dev/null");
	if ((r = crew_seal(&x->crew, x->d.spec, "exec", e)) < 0 || (r = open_exec_dir(x, e)) < 0)
		return r;
	if (x->container.status != STATE_RUNNING)
		return err_set(e, ERR_BUSY, "container %.12s is not running", x->d.id);
	snprintf(x->name, sizeof(x->name), "%s.json", x->d.exec_id);
	snprintf(x->socket, sizeof(x->socket), "%s.sock", x->d.exec_id);
	state_init(&x->state, x->d.id);
	x->state.worker = getpid();
	return 0;
}

static int save_state(struct exec *x, enum state_status status, struct err *e)
{
	x->state.status = status;
	return state_save(x->dir, x->name, &x->state, e);
}

static int start(struct exec *x, struct err *e)
{
	const struct rt_pass pass = { .from = MONITOR_PASSED_FD, .n = x->d.pass.n, .listen = x->d.pass.listen, .names = x->d.pass.names };
	struct rt_exec_args args = {
		.pid = x->container.pid,
		.start_time = x->container.start_time,
		.spec = x->d.spec,
		.process = x->d.process,
		.cgroup = x->d.cgroup,
		.pass = &pass,
	};
	uid_t uid;
	gid_t gid;
	int r = 0;

	if (!x->d.tty) {
		stdio_owner(x->d.spec, x->d.process, &uid, &gid);
		r = stdio_make_pipes(x->d.open_stdin, uid, gid, &x->stdio, e);
		if (r < 0)
			return r;
	}
	for (size_t i = 0; i < 3; i++)
		args.stdio[i] = x->stdio.container[i];
	r = rt_exec(&args, &x->process, e);
	for (unsigned int i = 0; i < pass.n; i++) /* they are its own */
		(void)close_fd(pass.from + (int)i);
	stdio_close_container(&x->stdio);
	if (r == 0 && x->d.tty)
		r = stdio_take_console(x->process.console, &x->stdio, e);
	return r;
}

static void process_ended(struct loop *l, int fd, uint32_t events, void *data)
{
	struct exec *x = data;

	(void)events;
	ending_publish(fd, x->progress);
	loop_quit(l, 0);
}

static void stdin_ended(void *data)
{
	struct exec *x = data;

	x->stdio.in = close_fd(x->stdio.in);
}

static int watch_streams(struct exec *x)
{
	int r = stream_sink_init(&x->sink, NULL, &x->attach, x->progress);

	x->streams[LOG_STDOUT] = (struct stream){
		.sink = &x->sink,
		.which = LOG_STDOUT,
		.source = x->stdio.out,
		.console = x->process.console,
		.stage = { x->stdio.stage[0], x->stdio.stage[1] },
		.feed = x->stdio.feed,
	};
	x->streams[LOG_STDERR] = (struct stream){
		.sink = &x->sink, .which = LOG_STDERR, .source = x->stdio.err, .console = -1
	};
	for (size_t i = 0; r == 0 && i < LOG_STREAMS; i++)
		r = stream_watch(&x->streams[i], x->loop);
	return r;
}

/* For the terminal's size, which another than the client may be told. Without it the process runs all the same. */
static int listen_for_others(struct exec *x)
{
	if (!x->d.keep)
		return 0;
	x->listener = sock_listen(x->dir, x->socket, SOCK_STREAM);
	if (x->listener < 0 || io_set_nonblock(x->listener, true) < 0) {
		log_warning("%.12s: nobody else can reach a process of it", x->d.id);
		return 0;
	}
	return attach_listen(&x->attach, x->listener);
}

static int set_up(struct exec *x)
{
	int r = loop_new(&x->loop);

	if (r == 0)
		r = progress_anonymous(&x->progress);
	if (r < 0)
		return r;
	x->progress->pid = x->process.pid;
	x->progress->start_time = x->process.start_time;
	input_init(&x->input, x->loop, x->stdio.in, x->d.tty);
	x->input.ended = stdin_ended;
	x->input.ended_data = x;
	attach_init(&x->attach, x->loop, &x->input, true);
	if (x->d.attach && crew_has(&x->crew, CREW_CLIENT)) {
		x->crew.has &= ~(1U << CREW_CLIENT); /* owned by attach from here */
		r = attach_first(&x->attach, CREW_CLIENT, x->d.attach, NULL);
	} else {
		crew_close(&x->crew, CREW_CLIENT);
	}
	if (r == 0)
		r = listen_for_others(x);
	if (r == 0)
		r = watch_streams(x);
	if (r == 0)
		r = loop_add(x->loop, x->process.pidfd, EPOLLIN, process_ended, x, &x->pidfd);
	return r;
}

/* It is told before anybody who waits for it hears of it. */
static void tell(const struct exec *x)
{
	CLEANUP_EVENT_LINE struct event_line l = { 0 };
	char code[16], once[EVENT_ONCE_LEN];

	if (!x->d.event)
		return;
	(void)snprintf(code, sizeof(code), "%d", x->state.exit_code);
	event_line_begin(&l, "container", "exec_die", x->d.id);
	jw_object(&l.w, "Attributes");
	json_each(it, x->d.event)
		if (strcmp(it->key, "execID") != 0 && strcmp(it->key, "exitCode") != 0)
			jw_value(&l.w, it->key, it);
	jw_str(&l.w, "execID", x->d.exec_id);
	jw_str(&l.w, "exitCode", code);
	jw_end_object(&l.w);
	event_line_end(&l, event_exec_once(x->d.id, x->d.exec_id, once));
	if (sb_error(&l.text) < 0 || eventlog_append(x->events, l.text.s, l.text.len) < 0)
		log_warning("%.12s: the end of a process is not told", x->d.id);
}

static void end(struct exec *x)
{
	struct err e = { 0 };

	for (size_t i = 0; i < LOG_STREAMS; i++)
		stream_drain(&x->streams[i]);
	ending_fill(&x->state, x->progress, false);
	tell(x);
	/* who stayed is told how it ended, and else the event tells; a record of every exec would stay for the container's life */
	if (!x->d.keep && (x->d.attach || x->d.event))
		(void)unlinkat(x->dir, x->name, 0);
	else if (save_state(x, STATE_EXITED, &e) < 0)
		e.code = 0; /* the container was removed meanwhile: nobody asks for this record */
	if (x->listener >= 0)
		(void)unlinkat(x->dir, x->socket, 0);
	attach_send_exit(&x->attach, x->state.exit_code, x->state.exit_known, false);
	attach_send(&x->attach, FRAME_DONE, NULL, 0);
	attach_flush(&x->attach, FLUSH_MS);
}

/* It runs, and cannot be looked after: nobody would have its output, or learn of its end. */
static int give_up(struct exec *x, int r)
{
	struct pollfd p = { .fd = x->process.pidfd, .events = POLLIN };

	if (proc_signal(p.fd, SIGKILL) == 0)
		(void)poll(&p, 1, FLUSH_MS);
	x->state.exit_code = 128 + SIGKILL;
	tell(x);
	(void)unlinkat(x->dir, x->name, 0);
	attach_send_exit(&x->attach, x->state.exit_code, true, false);
	attach_flush(&x->attach, FLUSH_MS);
	return r;
}

static int serve(struct exec *x, struct err *e)
{
	int r;

	client_send_started(crew_get(&x->crew, CREW_CLIENT), x->process.pid);
	r = set_up(x);
	if (r < 0)
		return err_errno(e, give_up(x, r), "watch the process");
	if (leave_caller(x->d.monitor_cgroup, e) < 0) /* no reason to end what runs */
		log_warning("%.12s: a monitor stays in its caller's cgroup: %s", x->d.id, e->msg);
	r = loop_run(x->loop);
	if (r < 0)
		return err_errno(e, give_up(x, r), "wait for events");
	end(x);
	return 0;
}

/* Written down before anybody is told that it runs. */
static int record(struct exec *x, struct err *e)
{
	struct pollfd p = { .fd = x->process.pidfd, .events = POLLIN };
	int r;

	x->state.pid = x->process.pid;
	x->state.start_time = x->process.start_time;
	text_now(x->state.started_at);
	r = save_state(x, STATE_RUNNING, e);
	if (r < 0 && proc_signal(p.fd, SIGKILL) == 0) /* its end is told by who hears of the error */
		(void)poll(&p, 1, FLUSH_MS);
	return r;
}

int monitor_exec(struct err *e)
{
	struct exec x = { .dir = -1, .events = -1, .listener = -1, .arena = ARENA_INIT, .stdio = STDIO_INIT, .process = RT_PROCESS_INIT,
			  .input = INPUT_INIT };
	int r = begin(&x, e);

	if (r == 0)
		r = start(&x, e);
	if (r == 0)
		r = record(&x, e);
	if (r < 0)
		client_send_error(crew_get(&x.crew, CREW_CLIENT), e);
	else
		r = serve(&x, e);
	return r;
}

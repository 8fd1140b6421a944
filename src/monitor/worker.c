/* Starts with what its predecessor left: settings and descriptors from the keeper, state.json, the progress page.
 * When the keeper dies it goes on alone: it takes the lock (whoever does not get it steps back, because somebody else
 * has taken over) and watches the pidfd itself. */
#include "monitor/worker.h"

#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "base/log.h"
#include "base/loop.h"
#include "monitor/attach.h"
#include "monitor/crew.h"
#include "monitor/description.h"
#include "monitor/ending.h"
#include "monitor/healing.h"
#include "monitor/health.h"
#include "monitor/input.h"
#include "monitor/logger.h"
#include "monitor/link.h"
#include "monitor/notify.h"
#include "monitor/progress.h"
#include "monitor/relays.h"
#include "monitor/state.h"
#include "monitor/stream.h"
#include "monitor/waiting.h"
#include "sys/spawn.h"

/* How long clients may take for their last frames. */
#define FLUSH_MS 2000
/* How long the one that settles may take until we do it. */
#define SETTLE_MS 2000
#define STOP_AGAIN_NS 100000000
/* What the loop is told to end with. */
enum { GO_ON, CONTAINER_ENDED, STEPPED_BACK };

struct worker {
	struct crew crew;
	struct arena arena;
	struct description d;
	struct state state;
	struct progress *progress;
	struct loop *loop;
	struct loop_source *link, *pidfd;
	struct input input;
	struct attach attach;
	struct logger log;
	struct stream_sink sink;
	struct relays *relays;
	struct stream streams[LOG_STREAMS];
	struct healing healing;
	struct health health;
	struct notify notify;
	struct loop_source *stop; /* "tare stop", or the pause before the next one; NULL: there is none */
	int stop_pidfd;
};

static void save_state(struct worker *w)
{
	struct err e = { 0 };

	if (state_save(CREW_STATE_DIR, STATE_FILE, &w->state, &e) < 0)
		log_error("%s", e.msg);
}

/* ---- the other half, and the container ---- */

static void container_ended(struct loop *l, int fd, uint32_t events, void *data)
{
	struct worker *w = data;

	(void)events;
	ending_publish(fd, w->progress);
	loop_quit(l, CONTAINER_ENDED);
}

static void keeper_died(struct worker *w)
{
	loop_remove(w->loop, w->link);
	w->link = NULL;
	crew_close(&w->crew, CREW_LINK);
	/* its number may be another's soon, in whose name nothing is to be said; and who writes to a socket without a reader is told */
	notify_stop(&w->notify);
	crew_close(&w->crew, CREW_NOTIFY);
	crew_close(&w->crew, CREW_MANAGER);
	if (crew_take_lock(&w->crew, 0) < 0) {
		loop_quit(w->loop, STEPPED_BACK);
		return;
	}
	w->state.keeper = 0;
	save_state(w);
	if (loop_add(w->loop, CREW_PIDFD, EPOLLIN, container_ended, w, &w->pidfd) < 0)
		loop_quit(w->loop, STEPPED_BACK);
}

static void stop_container(struct worker *w);

static void stop_again(struct loop *l, int fd, uint32_t events, void *data)
{
	struct worker *w = data;

	(void)l;
	(void)fd;
	(void)events;
	w->stop = NULL;
	stop_container(w);
}

/* A manager that signals all of a unit's processes (KillMode=control-group) may meet this one, too, and meant the container. */
static void stop_ended(struct loop *l, int fd, uint32_t events, void *data)
{
	struct worker *w = data;
	int status = 0;
	bool killed = spawn_wait(fd, 0, &status) == 0 && WIFSIGNALED(status);

	(void)events;
	loop_remove(l, w->stop);
	w->stop = NULL;
	w->stop_pidfd = close_fd(w->stop_pidfd);
	if (killed && loop_timer(l, STOP_AGAIN_NS, stop_again, w, &w->stop) < 0)
		log_error("%.12s: tare stop was killed", w->d.id);
}

/* As somebody would by hand: with its stop signal and timeout, and so that no restart policy starts it again. */
static void stop_container(struct worker *w)
{
	int r;

	if (w->stop)
		return;
	r = ending_start_stop(&w->d);
	if (r >= 0) {
		w->stop_pidfd = r;
		r = loop_add(w->loop, r, EPOLLIN, stop_ended, w, &w->stop);
	}
	if (r < 0)
		log_error("%.12s: it cannot be stopped: %s", w->d.id, strerror(-r));
}

static void link_event(struct loop *l, int fd, uint32_t events, void *data)
{
	struct worker *w = data;
	char byte;
	ssize_t n = recv(fd, &byte, 1, MSG_DONTWAIT);

	(void)events;
	if (n == 1 && byte == LINK_EXITED)
		loop_quit(l, CONTAINER_ENDED);
	else if (n == 1 && byte == LINK_STOP)
		stop_container(w);
	else if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR))
		keeper_died(w);
}

static void stdin_ended(void *data)
{
	struct worker *w = data;
	const char byte = LINK_CLOSE_STDIN;

	progress_set(w->progress->stdin_closed, 1);
	crew_close(&w->crew, CREW_IN);
	if (w->link)
		(void)send(CREW_LINK, &byte, 1, MSG_NOSIGNAL | MSG_DONTWAIT);
}

/* ---- setting up ---- */

static int load(struct worker *w, struct err *e)
{
	int r = description_read(&w->arena, CREW_SETTINGS, DESCRIPTION_SETTINGS, &w->d, e);

	if (r < 0)
		return r;
	r = progress_map(CREW_PROGRESS, &w->progress);
	if (r < 0)
		return err_errno(e, r, "map the progress page");
	if (state_load(CREW_STATE_DIR, STATE_FILE, &w->state, e) < 0) {
		/* removed under a running container: what we know is enough to go on */
		state_init(&w->state, w->d.id);
		w->state.status = STATE_RUNNING;
		w->state.pid = w->progress->pid;
		w->state.start_time = w->progress->start_time;
		/* the folder is there: its end was recorded, and the next start, which waits for us, has taken the file away */
		if (!crew_forgotten() && progress_get(w->progress->exit) != PROGRESS_RUNNING)
			ending_fill(&w->state, w->progress, false);
	}
	return 0;
}

static int open_streams(struct worker *w)
{
	struct crew *c = &w->crew;
	int r = logger_open(&w->log, &w->d.log, w->progress);

	if (r < 0)
		log_error("%s: %s", w->d.log.path, strerror(-r));
	r = stream_sink_init(&w->sink, &w->log, &w->attach, w->progress);
	if (r < 0)
		return r;
	w->sink.bin[0] = crew_get(c, CREW_BIN_OUT);
	w->sink.bin[1] = crew_get(c, CREW_BIN_IN);
	/* no more is looked at than can be taken out at once; a user with many pipes may have got a small one */
	if (w->sink.bin[1] >= 0)
		(void)fcntl(w->sink.peek[1], F_SETPIPE_SZ, fcntl(w->sink.bin[1], F_GETPIPE_SZ));
	w->streams[LOG_STDOUT] = (struct stream){
		.sink = &w->sink,
		.which = LOG_STDOUT,
		.source = crew_get(c, CREW_OUT),
		.console = crew_get(c, CREW_CONSOLE),
		.stage = { crew_get(c, CREW_STAGE_OUT), crew_get(c, CREW_STAGE_IN) },
		.feed = crew_get(c, CREW_FEED),
	};
	w->streams[LOG_STDERR] = (struct stream){
		.sink = &w->sink,
		.which = LOG_STDERR,
		.source = crew_get(c, CREW_ERR),
		.console = -1,
	};
	for (size_t i = 0; r == 0 && i < LOG_STREAMS; i++)
		r = stream_watch(&w->streams[i], w->loop);
	return r;
}

/* Its end is noticed as any other. One that has ended already takes no signal. */
static void client_left(void *data)
{
	(void)data;
	(void)!proc_signal(CREW_PIDFD, SIGKILL);
}

static void ports_changed(void *data)
{
	struct worker *w = data;

	relays_read(&w->relays, w->loop, CREW_STATE_DIR);
}

static int open_clients(struct worker *w)
{
	int r;

	input_init(&w->input, w->loop, crew_get(&w->crew, CREW_IN), w->d.tty);
	w->input.ended = stdin_ended;
	w->input.ended_data = w;
	attach_init(&w->attach, w->loop, &w->input, w->d.stdin_once);
	w->attach.abandoned = client_left;
	w->attach.abandoned_data = w;
	w->attach.ports = ports_changed;
	w->attach.ports_data = w;
	if (crew_has(&w->crew, CREW_CLIENT)) {
		w->crew.has &= ~(1U << CREW_CLIENT); /* owned by attach from here */
		r = attach_first(&w->attach, CREW_CLIENT, w->d.attach, &w->progress->client_behind);
		if (r < 0)
			return r;
	}
	waiting_take(&w->attach, CREW_STATE_DIR);
	return crew_has(&w->crew, CREW_LISTEN) ? attach_listen(&w->attach, CREW_LISTEN) : 0;
}

static int set_up(struct worker *w, struct err *e)
{
	int r = loop_new(&w->loop);

	if (r == 0)
		r = loop_add(w->loop, CREW_LINK, EPOLLIN, link_event, w, &w->link);
	if (r == 0)
		r = open_clients(w);
	if (r == 0)
		r = open_streams(w);
	if (r == 0)
		relays_read(&w->relays, w->loop, CREW_STATE_DIR);
	if (r == 0)
		healing_begin(&w->healing, w->loop, &w->d);
	return r < 0 ? err_errno(e, r, "start the worker") : 0;
}

/* ---- the end ---- */

static void record_end(struct worker *w, bool oom_killed)
{
	for (size_t i = 0; i < LOG_STREAMS; i++)
		stream_drain(&w->streams[i]);
	logger_close(&w->log);
	ending_fill(&w->state, w->progress, oom_killed);
	save_state(w);
}

/* Somebody removed the state folder, ended the container and started it again, while we were late: cgroup and addresses are the new life's. */
static bool is_replaced(const struct worker *w)
{
	struct stat st;

	return fstat(CREW_STATE_DIR, &st) == 0 && st.st_nlink == 0 && access(w->d.state_dir, F_OK) == 0;
}

/* Also run by a successor that finds part of it done. */
static void end(struct worker *w)
{
	struct state *s = &w->state;
	bool oom_killed = false, replaced = is_replaced(w);

	health_end(&w->health);
	notify_end(&w->notify);
	relays_close(&w->relays);
	if (!replaced)
		ending_cleanup_cgroup(&w->d, w->progress, &oom_killed);
	if (s->status != STATE_EXITED)
		record_end(w, oom_killed);
	/* before anybody settles: that may remove the container's folder, where the hooks are */
	ending_run_poststop(&w->d, s->pid);
	attach_send_exit(&w->attach, s->exit_code, s->exit_known, s->oom_killed);
	ending_remove_names(CREW_STATE_DIR);
	if (!attach_await_settled(&w->attach, SETTLE_MS))
		ending_run_exited(&w->d);
	attach_send(&w->attach, FRAME_DONE, NULL, 0);
	attach_flush(&w->attach, FLUSH_MS);
	if (!replaced)
		ending_forget_connections(&w->d);
}

static void became_healthy(void *data)
{
	struct worker *w = data;

	notify_healthy(&w->notify);
}

static int run(struct worker *w, struct err *e)
{
	int r = load(w, e);

	if (r == 0)
		r = set_up(w, e);
	if (r < 0)
		return r;
	if (w->state.status != STATE_EXITED && progress_get(w->progress->exit) == PROGRESS_RUNNING) {
		w->state.keeper = getppid();
		w->state.worker = getpid();
		save_state(w);
		notify_begin(&w->notify, w->loop, &w->crew, &w->d, getppid());
		health_begin(&w->health, w->loop, &w->d, CREW_STATE_DIR, w->state.start_time, crew_get(&w->crew, CREW_SESSION));
		w->health.healthy = became_healthy;
		w->health.healthy_data = w;
		if (w->d.has_health && w->health.status == HEALTH_HEALTHY) /* a worker before may have been killed on its way to tell */
			became_healthy(w);
		r = loop_run(w->loop);
	} else {
		r = CONTAINER_ENDED;
	}
	if (r == CONTAINER_ENDED)
		end(w);
	return r < 0 ? err_errno(e, r, "wait for events") : 0;
}

int worker_main(const char *id)
{
	/* the thread of a log that got stuck goes on until the process has ended (logger_close()) */
	static struct worker w = { .arena = ARENA_INIT, .input = INPUT_INIT, .log = LOGGER_INIT, .stop_pidfd = -1 };
	struct err e = { 0 };

	(void)id; /* only for who looks at the process list */
	crew_inherit(&w.crew, CREW_END - 1, 0);
	crew_quiet();
	if (crew_reserve(&w.crew) < 0 || run(&w, &e) < 0) {
		log_error("%s", e.msg);
		return 1;
	}
	return 0;
}

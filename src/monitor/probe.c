/* The description is the container's own, from its folder, with the check's process: nothing of that is kept in memory in between. All that the
 * exec says comes as frames; a check that takes too long is killed with what it started, and its exec then ends by itself. Of a paused
 * container everything stands still, its check too: the time that passes is nobody's fault. */
#include "monitor/probe.h"

#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "base/io.h"
#include "base/log.h"
#include "monitor/state.h"
#include "sys/cgroup.h"
#include "sys/proctree.h"
#include "sys/sock.h"
#include "sys/spawn.h"
#include "wire/frame.h"

#define SELF "/proc/self/exe"
#define EXEC_ID "health"
#define MAX_DESCRIPTION (8U << 20)
/* How long one that was killed may take to end. */
#define KILLED_NS 2000000000LL
#define READ_SIZE 8192U

static void on_time(struct loop *l, int fd, uint32_t events, void *data);

void probe_init(struct probe *p, struct loop *l, const struct description *d, int session, void (*done)(void *data, int code, const char *output),
		void *data)
{
	*p = (struct probe){ .loop = l, .d = d, .session = session, .fd = -1, .program = -1, .done = done, .data = data };
}

bool probe_runs(const struct probe *p)
{
	return p->fd >= 0;
}

bool probe_cannot(const struct description *d)
{
	CLEANUP_CGROUP struct cgroup *cg = NULL;
	bool frozen = false;
	struct err e;

	return d->cgroup && cg_open(d->cgroup, &cg, &e) == 0 && cg_is_frozen(cg, &frozen) == 0 && frozen;
}

/* ---- its description ---- */

static int describe(const struct json *doc, struct strbuf *out, struct err *e)
{
	static const char *const same[] = { "version", "id", "containerDir", "stateDir", "cgroup", "monitorCgroup", "spec" };
	const struct json *process = json_get(json_get(doc, "health"), "process");
	struct json_writer w = JSON_WRITER(out);

	if (!process)
		return err_set(e, ERR_INVALID, "the container's description has no health check");
	jw_object(&w, NULL);
	for (size_t i = 0; i < ARRAY_LEN(same); i++)
		if (json_get(doc, same[i]))
			jw_value(&w, same[i], json_get(doc, same[i]));
	jw_str(&w, "execId", EXEC_ID);
	jw_bool(&w, "tty", false);
	jw_bool(&w, "openStdin", false);
	jw_u64(&w, "attach", FRAME_WANT_STDOUT | FRAME_WANT_STDERR);
	jw_value(&w, "process", process);
	jw_end_object(&w);
	return sb_error(out) < 0 ? err_errno(e, -ENOMEM, "describe the health check") : 0;
}

static int make_description(const struct description *d, struct err *e)
{
	CLEANUP_ARENA struct arena a = ARENA_INIT;
	CLEANUP_STRBUF struct strbuf out = STRBUF_INIT;
	CLEANUP_FREE char *text = NULL;
	const struct json *doc;
	char path[PATH_MAX];
	size_t len;
	int r = snprintf(path, sizeof(path), "%s/config.json", d->container_dir);

	r = r < 0 || (size_t)r >= sizeof(path) ? -ENAMETOOLONG : io_read_file(AT_FDCWD, path, MAX_DESCRIPTION, &text, &len);
	if (r < 0)
		return err_errno(e, r, "read %s/config.json", d->container_dir);
	if ((r = json_parse(&a, text, len, NULL, &doc, e)) < 0 || (r = describe(doc, &out, e)) < 0)
		return r;
	r = io_memfd("tare-description", out.s, out.len, true);
	return r < 0 ? err_errno(e, r, "keep the description") : r;
}

/* ---- its end ---- */

/* The exec's monitor is our child. */
static void reap(struct loop *l, int fd, uint32_t events, void *data)
{
	struct probe *p = data;
	int status;

	(void)events;
	loop_remove(l, p->ended);
	p->ended = NULL;
	(void)!spawn_wait(fd, -1, &status);
	p->program = close_fd(p->program);
}

static void finish(struct probe *p, int code, const char *output)
{
	CLEANUP_STRBUF struct strbuf said = p->output;

	loop_remove(p->loop, p->source);
	loop_remove(p->loop, p->timer);
	p->source = p->timer = NULL;
	p->fd = close_fd(p->fd);
	sb_free(&p->in);
	p->output = (struct strbuf)STRBUF_INIT;
	if (!output && p->cut && said.len > 3)
		memcpy(said.s + said.len - 3, "...", 3);
	p->done(p->data, code, output ? output : sb_str(&said));
}

static void finish_late(struct probe *p)
{
	int64_t ms = p->d->health.timeout / 1000000;
	char text[PROBE_OUTPUT];

	(void)snprintf(text, sizeof(text), "Health check exceeded timeout (%lld%s)%s%.3900s", (long long)(ms % 1000 ? ms : ms / 1000),
		       ms % 1000 ? "ms" : "s", p->output.len ? ": " : "", sb_str(&p->output));
	finish(p, -1, text);
}

static void is_over(struct probe *p)
{
	if (p->late)
		finish_late(p);
	else if (p->known)
		finish(p, p->code, NULL);
	else
		finish(p, -1, p->output.len ? NULL : "the check's monitor was killed");
}

/* ---- while it runs ---- */

/* What a text has no place for is left out. */
static void add_output(struct probe *p, const unsigned char *data, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		if (p->output.len >= PROBE_OUTPUT) {
			p->cut = true;
			return;
		}
		if (data[i])
			sb_putc(&p->output, (char)data[i]);
	}
}

static uint32_t number_at(const unsigned char *b)
{
	return (uint32_t)b[0] | (uint32_t)b[1] << 8 | (uint32_t)b[2] << 16 | (uint32_t)b[3] << 24;
}

static void take(struct probe *p, const struct frame *f)
{
	if (f->type == FRAME_STARTED && f->len == 4) {
		p->pid = (pid_t)number_at(f->payload);
		if (proc_start_time(p->pid, &p->start_time) < 0)
			p->pid = 0;
	} else if (f->type == FRAME_STDOUT || f->type == FRAME_STDERR) {
		add_output(p, f->payload, f->len);
	} else if (f->type == FRAME_EXIT && f->len >= 6) {
		p->code = (int)number_at(f->payload);
		p->known = f->payload[4] != 0;
		p->pid = 0; /* may be anybody's from now on */
	} else if (f->type == FRAME_ERROR && f->len > 1) {
		add_output(p, f->payload + 1, f->len - 1);
		p->code = -1;
		p->known = true;
	}
}

/* False when it is over. */
static bool take_all(struct probe *p)
{
	size_t at = 0;
	struct frame f;
	int n = 0;
	bool last = false;

	while (!last && at < p->in.len && (n = frame_parse(p->in.s + at, p->in.len - at, &f)) > 0) {
		take(p, &f);
		last = f.type == FRAME_DONE;
		at += (size_t)n;
	}
	if (at) {
		memmove(p->in.s, p->in.s + at, p->in.len - at);
		p->in.len -= at;
	}
	return !last && n >= 0;
}

static void says(struct loop *l, int fd, uint32_t events, void *data)
{
	struct probe *p = data;
	char buf[READ_SIZE];
	ssize_t n = recv(fd, buf, sizeof(buf), MSG_DONTWAIT);

	(void)l;
	(void)events;
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n > 0)
		sb_add(&p->in, buf, (size_t)n);
	if (n <= 0 || sb_error(&p->in) < 0 || !take_all(p))
		is_over(p);
}

static int wait_for(struct probe *p, int64_t ns)
{
	return loop_timer(p->loop, ns, on_time, p, &p->timer);
}

static void on_time(struct loop *l, int fd, uint32_t events, void *data)
{
	struct probe *p = data;
	bool again = p->late;

	(void)l;
	(void)fd;
	(void)events;
	p->timer = NULL;
	if (!again && probe_cannot(p->d) && wait_for(p, p->d->health.timeout) == 0)
		return;
	p->late = true;
	/* its exec tells us the end; the second time nobody is listened to any more */
	if (!again && p->pid && proctree_kill(p->pid, p->start_time) >= 0 && wait_for(p, KILLED_NS) == 0)
		return;
	if (p->program >= 0)
		(void)!proc_signal(p->program, SIGKILL);
	finish_late(p);
}

/* ---- its start ---- */

static int start_program(struct probe *p, struct err *e)
{
	static const char *const argv[] = { "tare-monitor", "exec", NULL };
	static const char *const env[] = { "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", NULL };
	CLEANUP_FD int memfd = make_description(p->d, e), theirs = -1;
	int pair[2], r = memfd < 0 ? memfd : 0;
	pid_t pid;

	if (r < 0)
		return r;
	r = sock_pair(SOCK_STREAM, pair);
	if (r < 0)
		return err_errno(e, r, "make a socket");
	p->fd = pair[0];
	theirs = pair[1];
	r = spawn(&(struct spawn_args){ .path = SELF,
					.argv = argv,
					.env = env,
					.fds = (const struct spawn_fd[]){ { memfd, 3 }, { theirs, 4 }, { p->session, 5 } },
					.n_fds = p->session < 0 ? 2 : 3,
					.new_session = true,
					.chdir = "/" },
		  &pid, &p->program);
	if (r == 0)
		r = loop_add(p->loop, p->program, EPOLLIN, reap, p, &p->ended);
	if (r == 0)
		r = loop_add(p->loop, p->fd, EPOLLIN, says, p, &p->source);
	if (r == 0)
		r = wait_for(p, p->d->health.timeout);
	return r < 0 ? err_errno(e, r, "run the health check") : 0;
}

void probe_start(struct probe *p)
{
	struct err e = { 0 };

	if (p->program >= 0) { /* the exec before has not even ended yet */
		(void)!proc_signal(p->program, SIGKILL);
		reap(p->loop, p->program, 0, p);
	}
	p->cut = p->late = p->known = false;
	p->pid = 0;
	if (start_program(p, &e) < 0)
		finish(p, -1, e.msg);
}

void probe_clear(const struct description *d)
{
	CLEANUP_FD int dir = open(d->state_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct state s;
	struct err e;

	if (dir < 0 || state_load(dir, "exec/" EXEC_ID ".json", &s, &e) < 0 || s.status == STATE_EXITED || s.pid <= 0)
		return;
	if (proctree_kill(s.pid, s.start_time) < 0)
		log_debug("%.12s: the health check before is over", d->id);
}

void probe_end(struct probe *p)
{
	loop_remove(p->loop, p->source);
	loop_remove(p->loop, p->timer);
	loop_remove(p->loop, p->ended);
	p->source = p->timer = p->ended = NULL;
	p->fd = close_fd(p->fd);
	p->program = close_fd(p->program);
	sb_free(&p->in);
	sb_free(&p->output);
}

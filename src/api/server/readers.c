/* A reader is a fork of the front, so both have the same code and tables at the same addresses: the head of a request is sent as the front parsed it,
 * struct and text. Everything else of the front's is closed, as in the process of any request. */
#include "api/server/readers.h"

#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>

#include "base/clock.h"
#include "base/log.h"
#include "sys/signals.h"
#include "sys/sock.h"
#include "sys/spawn.h"

#define QUESTIONS 1000U /* then another takes its place, and what it may have gathered goes with it */
#define IDLE_MS 10000
#define SEND_SECONDS 5 /* a client that takes nothing for so long holds up no reader any more */

struct question {
	uid_t peer;
	const char *socket; /* a text of the front's from before there were readers */
	bool named; /* the name of who asks stands behind the text */
	const struct server_options *options;
	const struct server_view *view;
	struct http http;
	size_t n_text;
};

/* ---- the reader ---- */

/* The store that was opened is the one that has its name still. */
struct kept {
	struct engine engine;
	bool opened;
	struct stat root, state, catalog;
	struct ex_keep keep;
};

static bool same(const struct stat *a, const char *path)
{
	struct stat now;

	return stat(path, &now) == 0 && now.st_dev == a->st_dev && now.st_ino == a->st_ino;
}

static bool is_there(const struct kept *k)
{
	struct stat now;

	return same(&k->root, k->engine.root) && same(&k->state, k->engine.state) && fstatat(k->engine.root_fd, "catalog.db", &now, 0) == 0 &&
	       now.st_ino == k->catalog.st_ino;
}

static void let_go(struct kept *k)
{
	if (k->opened)
		engine_close(&k->engine);
	k->engine = (struct engine)ENGINE_INIT;
	k->opened = false;
	arena_free(&k->keep.arena);
	k->keep = (struct ex_keep){ 0 };
}

static void remember(struct kept *k)
{
	if (k->opened && (fstat(k->engine.root_fd, &k->root) < 0 || fstat(k->engine.state_fd, &k->state) < 0 ||
			  fstatat(k->engine.root_fd, "catalog.db", &k->catalog, 0) < 0))
		let_go(k);
}

static bool answer(struct kept *k, const struct question *q, int fd, const char *text)
{
	struct http http = q->http;
	struct exchange ex = { .fd = fd, .peer = q->peer, .socket = q->socket, .options = q->options, .view = q->view, .http = &http, .rest = "" };
	bool again, was_open;

	http.parser.data = &http;
	http.text = (struct strbuf){ .s = (char *)(size_t)text, .len = q->n_text, .cap = q->n_text };
	ex.peer_name = q->named ? text + q->n_text : NULL;
	if (k->opened && !is_there(k))
		let_go(k);
	was_open = k->opened;
	ex.kept = &k->engine;
	ex.keep = &k->keep;
	ex.opened = k->opened;
	again = exchange_serve(&ex);
	k->opened = ex.opened;
	if (!was_open)
		remember(k);
	return again;
}

static _Noreturn void read_for(int channel)
{
	/* static: a head is large, and a reader is alone in its process */
	static union {
		struct question q;
		char bytes[sizeof(struct question) + 2 * HTTP_HEAD_MAX];
	} in;
	static struct kept kept = { .engine = ENGINE_INIT };

	const struct timeval limit = { .tv_sec = SEND_SECONDS }, none = { 0 };

	for (;;) {
		int fd = -1;
		size_t n_fds = 1;
		ssize_t n = sock_recv_fds(channel, in.bytes, sizeof(in.bytes), &fd, &n_fds);
		char again;

		if (n < (ssize_t)sizeof(in.q) || n_fds != 1)
			_exit(n == 0 ? 0 : 1);
		(void)setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit));
		again = answer(&kept, &in.q, fd, in.bytes + sizeof(in.q));
		(void)setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &none, sizeof(none)); /* it is the connection's, whoever serves it next */
		close_fd(fd);
		if (send(channel, &again, 1, MSG_NOSIGNAL) != 1)
			_exit(0);
	}
}

/* ---- the front ---- */

static void end_reader(struct reader *r)
{
	loop_remove(r->of->loop, r->source);
	r->source = NULL;
	r->channel = close_fd(r->channel);
	if (r->end || r->pidfd < 0) /* it is reaped when it has ended */
		return;
	r->pidfd = close_fd(r->pidfd);
}

/* What it was asked is over. */
static void finish(struct reader *r, bool again)
{
	reader_done_fn done = r->done;

	r->done = NULL;
	r->idle_since = clock_ms();
	if (++r->served >= QUESTIONS || r->stale)
		end_reader(r);
	if (done)
		done(r->data, again);
}

static void on_reply(struct loop *l, int fd, uint32_t events, void *data)
{
	struct reader *r = data;
	char again = 0;
	ssize_t n = recv(fd, &again, 1, MSG_DONTWAIT);

	(void)l;
	(void)events;
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n != 1) /* it is dead */
		r->stale = true;
	finish(r, n == 1 && again);
}

static void on_end(struct loop *l, int fd, uint32_t events, void *data)
{
	struct reader *r = data;
	int status;

	(void)events;
	if (spawn_wait(fd, 0, &status) == -ETIMEDOUT)
		return;
	loop_remove(l, r->end);
	r->end = NULL;
	r->pidfd = close_fd(r->pidfd);
	if (r->channel < 0)
		return;
	if (r->done) {
		r->stale = true;
		finish(r, false);
	} else {
		end_reader(r);
	}
}

static void on_timer(struct loop *l, int fd, uint32_t events, void *data)
{
	struct readers *rs = data;
	int64_t now = clock_ms();
	bool more = false;

	(void)fd;
	(void)events;
	rs->timer = NULL;
	for (size_t i = 0; i < READERS_MAX; i++) {
		struct reader *r = &rs->v[i];

		if (r->channel >= 0 && !r->done && now - r->idle_since >= IDLE_MS)
			end_reader(r);
		more = more || r->channel >= 0;
	}
	if (more && loop_timer(l, IDLE_MS * 1000000LL, on_timer, rs, &rs->timer) < 0)
		log_error("no timer: processes that answer questions stay");
}

static _Noreturn void become_reader(const struct readers *rs, int channel)
{
	(void)syscall(SYS_close_range, 3U, (unsigned int)channel - 1, 0U);
	(void)syscall(SYS_close_range, (unsigned int)channel + 1, ~0U, 0U);
	if (signals_reset() < 0 || signal(SIGPIPE, SIG_IGN) == SIG_ERR || setrlimit(RLIMIT_NOFILE, rs->files) < 0)
		_exit(1);
	read_for(channel);
}

static int start(struct reader *r)
{
	CLEANUP_FD int ours = -1, theirs = -1;
	int pair[2], e = sock_pair(SOCK_SEQPACKET, pair);
	pid_t pid;

	if (e < 0)
		return e;
	ours = pair[0];
	theirs = pair[1];
	pid = spawn_fork(&r->pidfd);
	if (pid == 0)
		become_reader(r->of, theirs);
	if (pid < 0) {
		r->pidfd = -1;
		return (int)pid;
	}
	r->channel = take_fd(&ours);
	r->served = 0;
	r->stale = false;
	e = loop_add(r->of->loop, r->channel, EPOLLIN, on_reply, r, &r->source);
	if (e == 0)
		e = loop_add(r->of->loop, r->pidfd, EPOLLIN, on_end, r, &r->end);
	if (e == 0 && !r->of->timer)
		e = loop_timer(r->of->loop, IDLE_MS * 1000000LL, on_timer, r->of, &r->of->timer);
	if (e < 0)
		end_reader(r);
	return e;
}

static bool ask(struct reader *r, const struct exchange *ex)
{
	struct question q = { .peer = ex->peer, .socket = ex->socket, .named = ex->peer_name, .options = ex->options, .view = ex->view, .http = *ex->http, .n_text = ex->http->text.len };
	CLEANUP_STRBUF struct strbuf b = STRBUF_INIT;

	sb_add(&b, &q, sizeof(q));
	sb_add(&b, sb_str(&ex->http->text), q.n_text);
	if (q.named)
		sb_add(&b, ex->peer_name, strlen(ex->peer_name) + 1);
	return sb_error(&b) == 0 && b.len <= sizeof(q) + 2 * HTTP_HEAD_MAX && sock_send_fds(r->channel, b.s, b.len, &ex->fd, 1) == 0;
}

void readers_init(struct readers *rs, struct loop *loop, const struct rlimit *files)
{
	*rs = (struct readers){ .loop = loop, .files = files };
	for (size_t i = 0; i < READERS_MAX; i++)
		rs->v[i] = (struct reader){ .of = rs, .channel = -1, .pidfd = -1 };
}

bool readers_give(struct readers *rs, const struct exchange *ex, reader_done_fn done, void *data)
{
	struct reader *r = NULL;

	for (size_t i = 0; i < READERS_MAX; i++) {
		struct reader *at = &rs->v[i];

		/* one that was let go of and has not ended yet has its place still */
		if (!at->done && (at->channel >= 0 || at->pidfd < 0) && (!r || at->channel >= 0))
			r = at;
		if (r && r->channel >= 0)
			break;
	}
	if (!r || (r->channel < 0 && start(r) < 0))
		return false;
	if (!ask(r, ex)) {
		end_reader(r);
		return false;
	}
	r->done = done;
	r->data = data;
	return true;
}

void readers_renew(struct readers *rs)
{
	for (size_t i = 0; i < READERS_MAX; i++) {
		rs->v[i].stale = true;
		if (rs->v[i].channel >= 0 && !rs->v[i].done)
			end_reader(&rs->v[i]);
	}
}

void readers_close(struct readers *rs)
{
	loop_remove(rs->loop, rs->timer);
	for (size_t i = 0; i < READERS_MAX; i++) {
		struct reader *r = &rs->v[i];

		if (r->channel >= 0)
			end_reader(r);
		loop_remove(rs->loop, r->end);
		r->end = NULL;
		r->pidfd = close_fd(r->pidfd);
	}
}

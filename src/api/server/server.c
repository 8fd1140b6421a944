/* The front holds every connection between requests: it waits for the next one's head, and gives it to a process of its own, which alone reads and writes the
 * connection until it ends. Its exit code says whether the connection may be used again; when the front is killed meanwhile, the answer still
 * goes out.
 *
 * What a stranger can make us hold is bounded: connections and processes, all together and of one user, and the bytes of heads that are not
 * whole; a head that does not come is not waited for. Reads and writes here never block; the descriptors themselves do, as the processes want them. */
#include "api/server/server.h"

#include <signal.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/syscall.h>

#include "api/server/front.h"
#include "base/clock.h"
#include "base/io.h"
#include "base/log.h"
#include "base/text.h"
#include "sys/signals.h"
#include "sys/spawn.h"

#define CONNS_MAX 4096U
#define CONNS_PER_USER 2048U
#define WORKERS_MAX 2048U
#define WORKERS_PER_USER 1024U
#define HEADS_MAX (16U << 20)
#define GREETS_MAX 128U /* of TLS, that have not told who they are */
#define GREET_MS 2000   /* who takes longer has to go when there are as many */
#define HEAD_MS 30000
#define IDLE_MS 300000
#define DRAIN_MS 2000
#define PAUSE_MS 200
#define OTHER_FDS 64U /* of ours that are no connection's */

static void take(struct conn *c, const char *bytes, size_t len);

/* ---- a connection ---- */

static void user_alone(void *data)
{
	users_drop(data);
}

static void conn_alone(void *data)
{
	struct conn *c = data;

	c->helper = NULL;
}

/* As long as a process of his is there he has that connection, too. */
static void leave_user(struct conn *c)
{
	if (!c->helper) {
		users_drop(c->user);
		return;
	}
	c->helper->ended = user_alone;
	c->helper->data = c->user;
	if (c->state == CONN_GREETS)
		tls_kill(c->helper);
}

void front_close(struct conn *c)
{
	struct front *f = c->front;

	loop_remove(f->loop, c->source);
	loop_remove(f->loop, c->worker);
	close_fd(c->fd);
	close_fd(c->pidfd);
	f->heads -= c->held;
	c->user->heads -= c->held;
	http_free(&c->http);
	sb_free(&c->rest);
	free(c->tls);
	leave_user(c);
	f->n_greets -= c->state == CONN_GREETS;
	*c->at = c->next;
	if (c->next)
		c->next->at = c->at;
	f->n_conns--;
	f->idle_since = clock_ms();
	free(c);
	if (f->n_conns == 0 && f->options->idle_ms)
		front_watch(f, f->idle_since + f->options->idle_ms);
}

static void set_deadline(struct conn *c, int64_t ms)
{
	c->deadline = clock_ms() + ms;
	front_watch(c->front, c->deadline);
}

/* What the bytes of an unfinished head take is counted. */
static void count_head(struct conn *c)
{
	size_t now = c->http.text.cap + c->rest.cap;

	c->front->heads += now - c->held;
	c->user->heads += now - c->held;
	c->held = now;
}

/* There are too many of them, and this user's are more than his part. */
static bool heads_too_many(const struct conn *c)
{
	return c->front->heads > HEADS_MAX && c->user->heads > HEADS_MAX / c->front->users.n;
}

/* It has its process now, which has all of it: here is kept what stands behind it and is another's. */
static void give_head(struct conn *c)
{
	if (http_body_length(&c->http) != 0)
		sb_free(&c->rest);
	http_reset(&c->http);
	count_head(c);
	c->state = CONN_WORKS;
}

static void next_request(struct conn *c)
{
	http_reset(&c->http);
	count_head(c);
	c->state = CONN_READS;
	set_deadline(c, IDLE_MS);
}

/* Nothing more is taken of him; he has the time to read what he was told. */
static void drain(struct conn *c)
{
	(void)shutdown(c->fd, SHUT_WR);
	c->state = CONN_DRAINS;
	set_deadline(c, DRAIN_MS);
}

/* All of it; or nothing, and false: there is no room now, as he does not read. True, too, where nothing can be sent any more: nothing is taken of him then. */
static bool send_now(struct conn *c, const struct strbuf *text)
{
	ssize_t n = sb_error(text) < 0 ? -1 : send(c->fd, text->s, text->len, MSG_NOSIGNAL | MSG_DONTWAIT);

	if (n < 0 && errno == EAGAIN && sb_error(text) == 0)
		return false;
	if (n < 0 || (size_t)n != text->len) {
		(void)shutdown(c->fd, SHUT_RDWR);
		drain(c);
	}
	return true;
}

void front_refuse(struct conn *c, int status, const char *why)
{
	CLEANUP_STRBUF struct strbuf body = STRBUF_INIT, text = STRBUF_INIT;
	struct json_writer w = JSON_WRITER(&body);

	jw_object(&w, NULL);
	jw_str(&w, "message", why);
	jw_end_object(&w);
	sb_printf(&text, "HTTP/1.1 %d %s\r\n", status, http_reason(status));
	for (const char *const *h = c->front->view->headers; h && *h; h += 2)
		sb_printf(&text, "%s: %s\r\n", h[0], h[1]);
	sb_printf(&text, "Content-Type: application/json\r\nContent-Length: %zu\r\nConnection: close\r\n\r\n%s\n", body.len + 1, sb_str(&body));
	(void)!send_now(c, &text);
	http_reset(&c->http);
	sb_free(&c->rest);
	count_head(c);
	drain(c);
}

/* ---- a request ---- */

static struct exchange exchange_of(struct conn *c)
{
	return (struct exchange){
		.fd = c->fd,
		.peer = c->user->uid,
		.socket = c->socket,
		.peer_name = c->tls && c->tls->name[0] ? c->tls->name : NULL,
		.options = c->front->options,
		.view = c->front->view,
		.http = &c->http,
		.rest = sb_str(&c->rest),
		.n_rest = c->rest.len,
	};
}

static bool is_at_once(const struct conn *c)
{
	const struct server_view *view = c->front->view;
	const char *path;
	unsigned int api;
	struct err e;

	return view->at_once && http_body_length(&c->http) == 0 && exchange_version(view, http_target(&c->http), &api, &path, &e) == 0 &&
	       !strcmp(path, view->at_once);
}

/* The next request is what is behind this one. */
static void go_on(struct conn *c)
{
	CLEANUP_FREE char *rest = NULL;
	size_t len = c->rest.len;

	rest = sb_take(&c->rest);
	next_request(c);
	if (rest && len)
		take(c, rest, len);
}

/* False: there is no room for it now, and nothing was sent. */
static bool answer_at_once(struct conn *c)
{
	CLEANUP_STRBUF struct strbuf text = STRBUF_INIT;
	struct exchange ex = exchange_of(c);
	bool again;

	ex.held = &text;
	again = exchange_serve(&ex);
	if (!send_now(c, &text))
		return false;
	if (again && c->state == CONN_READS)
		next_request(c);
	else
		drain(c);
	return true;
}

/* The process of a request: it has the connection and the three standard streams, and nothing else of the front's. */
static _Noreturn void work(struct conn *c)
{
	struct exchange ex = exchange_of(c);
	bool again;

	(void)syscall(SYS_close_range, 3U, (unsigned int)c->fd - 1, 0U);
	(void)syscall(SYS_close_range, (unsigned int)c->fd + 1, ~0U, 0U);
	if (signals_reset() < 0 || signal(SIGPIPE, SIG_IGN) == SIG_ERR || setrlimit(RLIMIT_NOFILE, &c->front->files) < 0)
		_exit(1);
	again = exchange_serve(&ex);
	_exit(again ? 0 : 1);
}

static void on_worker(struct loop *l, int fd, uint32_t events, void *data)
{
	struct conn *c = data;
	struct front *f = c->front;
	int status = -1, r = spawn_wait(fd, 0, &status);

	(void)events;
	if (r == -ETIMEDOUT)
		return;
	loop_remove(l, c->worker);
	c->worker = NULL;
	c->pidfd = close_fd(c->pidfd);
	f->n_workers--;
	c->user->workers--;
	if (r < 0 || status != 0 || loop_modify(l, c->source, EPOLLIN) < 0)
		front_close(c);
	else
		go_on(c);
}

/* Whether a process that stays may answer it. */
static bool is_quick(const struct conn *c)
{
	const struct server_view *view = c->front->view;
	CLEANUP_ARENA struct arena a = ARENA_INIT;
	const char *target = http_target(&c->http), *path, *alone;
	struct route_match match;
	unsigned int api;
	struct err e;

	if (http_body_length(&c->http) != 0 || http_upgrade(&c->http))
		return false;
	alone = arena_strndup(&a, target, strcspn(target, "?#"));
	return alone && exchange_version(view, alone, &api, &path, &e) == 0 && route_find(view->tables, view->n_tables, &a, http_method(&c->http), path, &match, &e) == 0 &&
	       match.route->quick;
}

static void on_read(void *data, bool again)
{
	struct conn *c = data;

	if (loop_modify(c->front->loop, c->source, EPOLLIN) < 0)
		front_close(c);
	else if (again)
		go_on(c);
	else
		drain(c);
}

static bool give_reader(struct conn *c)
{
	struct exchange ex = exchange_of(c);

	if (!readers_give(&c->front->readers, &ex, on_read, c))
		return false;
	give_head(c);
	(void)!loop_modify(c->front->loop, c->source, EPOLLET); /* as start_worker() does; fails for want of nothing */
	return true;
}

static bool start_worker(struct conn *c)
{
	struct front *f = c->front;
	pid_t pid = spawn_fork(&c->pidfd);

	if (pid == 0)
		work(c);
	if (pid < 0) {
		c->pidfd = -1;
		return false;
	}
	give_head(c);
	f->n_workers++;
	c->user->workers++;
	/* EPOLLET: that the client hung up is told once, and looked at by who works for him */
	return loop_add(f->loop, c->pidfd, EPOLLIN, on_worker, c, &c->worker) == 0 && loop_modify(f->loop, c->source, EPOLLET) == 0;
}

static void begin_request(struct conn *c)
{
	struct front *f = c->front;
	bool full = f->n_workers >= WORKERS_MAX;

	count_head(c);
	if (is_quick(c) && give_reader(c)) {
		return;
	} else if (full || c->user->workers >= WORKERS_PER_USER) {
		front_refuse(c, 503, full ? "too many requests are at work; try again later" : "too many requests of yours are at work; try again later");
	} else if (!start_worker(c)) {
		log_error("no process for a request: %s", strerror(errno));
		front_refuse(c, 503, "no process can be made for this request; try again later");
	}
}

/* ---- what comes ---- */

/* Bytes of the next head; how many were taken, all of them where it is not the front itself that answers. */
static size_t take_head(struct conn *c, const char *bytes, size_t len)
{
	bool fresh = !http_begun(&c->http);
	const char *why;
	size_t used;
	int status;

	switch (http_head(&c->http, bytes, len, &used)) {
	case HTTP_MORE:
		if (fresh)
			set_deadline(c, HEAD_MS);
		count_head(c);
		if (heads_too_many(c))
			front_refuse(c, 503, "too many requests of yours are half here; try again later");
		return len;
	case HTTP_DONE:
		if (is_at_once(c) && answer_at_once(c))
			return used;
		sb_add(&c->rest, bytes + used, len - used);
		if (sb_error(&c->rest) < 0)
			front_refuse(c, 503, "no memory");
		else
			begin_request(c);
		return len;
	case HTTP_TWO:
		front_refuse(c, 505, "HTTP/2 is not spoken here: HTTP/1.1 is");
		return len;
	default:
		status = http_refusal(&c->http, &why);
		front_refuse(c, status, why);
		return len;
	}
}

/* One request behind the other, as many as somebody likes to send at once: a loop, not calls of each other. */
static void take(struct conn *c, const char *bytes, size_t len)
{
	for (size_t used; len && c->state == CONN_READS; bytes += used, len -= used)
		used = take_head(c, bytes, len);
}

/* Now he has a name: he is another user than those who greet. */
static bool know_user(struct conn *c)
{
	struct user *u = users_take(&c->front->users, (uid_t)-1, c->tls->name);

	if (u) {
		users_drop(c->user);
		c->user = u;
	}
	return u;
}

static void greet(struct conn *c, const char *bytes, size_t len)
{
	size_t used;
	int r = tls_greet(c->tls, bytes, len, &used);

	if (r < 0 || (r > 0 && !know_user(c))) {
		front_close(c);
	} else if (r > 0) {
		c->front->n_greets--;
		c->state = CONN_READS;
		if (c->user->conns > CONNS_PER_USER)
			front_refuse(c, 503, "too many connections of yours; try again later");
		else
			take(c, bytes + used, len - used);
	}
}

static void on_conn(struct loop *l, int fd, uint32_t events, void *data)
{
	struct conn *c = data;
	struct front *f = c->front;
	ssize_t n;

	(void)l;
	if (c->state == CONN_WORKS)
		return;
	n = recv(fd, f->piece, sizeof(f->piece), MSG_DONTWAIT);
	if (n < 0 && (errno == EAGAIN || errno == EINTR) && !(events & (EPOLLHUP | EPOLLERR)))
		return;
	if (n <= 0)
		front_close(c);
	else if (c->state == CONN_GREETS)
		greet(c, f->piece, (size_t)n);
	else if (c->state == CONN_READS)
		take(c, f->piece, (size_t)n);
}

static int add_conn(struct front *f, int fd, uid_t uid, struct conn **out)
{
	struct conn *c = calloc(1, sizeof(*c));
	struct user *u = c ? users_take(&f->users, uid, NULL) : NULL;
	int r;

	if (!u) {
		free(c);
		return -ENOMEM;
	}
	*c = (struct conn){ .next = f->conns, .at = &f->conns, .front = f, .user = u, .fd = fd, .pidfd = -1 };
	http_init(&c->http);
	c->state = CONN_READS;
	r = loop_add(f->loop, fd, EPOLLIN, on_conn, c, &c->source);
	if (r < 0) {
		users_drop(u);
		free(c);
		return r;
	}
	if (f->conns)
		f->conns->at = &c->next;
	f->conns = c;
	f->n_conns++;
	*out = c;
	return 0;
}

/* Whether one more may begin TLS: it has a process at once, whoever it is. One that has been at it for long makes room. */
static bool room_to_greet(struct front *f)
{
	struct conn *oldest = NULL;

	if (f->n_greets < GREETS_MAX)
		return true;
	for (struct conn *c = f->conns; c; c = c->next)
		if (c->state == CONN_GREETS)
			oldest = c;
	if (!oldest || clock_ms() < oldest->deadline - HEAD_MS + GREET_MS)
		return false;
	front_close(oldest);
	return true;
}

/* What is not TLS' fault is said in the log, once for each client that it costs. */
static void welcome_tls(struct front *f, const char *socket, int fd)
{
	CLEANUP_FD int theirs = fd;
	CLEANUP_FREE struct tls_greeting *g = calloc(1, sizeof(*g));
	struct tls_helper *h;
	struct err e = { 0 };
	struct conn *c;

	if (!g || f->n_conns >= f->max_conns || f->n_helpers >= f->max_conns)
		return;
	if (tls_start(&f->options->tls, f->loop, &theirs, &f->n_helpers, &h, &e) < 0) {
		log_error("%s", e.msg);
		return;
	}
	if (add_conn(f, theirs, (uid_t)-1, &c) < 0) {
		tls_kill(h);
		return;
	}
	theirs = -1;
	h->ended = conn_alone;
	h->data = c;
	c->helper = h;
	c->socket = socket;
	c->tls = take_ptr(g);
	c->state = CONN_GREETS;
	f->n_greets++;
	set_deadline(c, HEAD_MS);
}

static void welcome(struct front *f, const struct listener *l, int fd)
{
	struct ucred peer = { .uid = (uid_t)-1 };
	socklen_t len = sizeof(peer);
	struct conn *c;

	if (l->tcp ? listen_set_tcp(fd) < 0 : getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) < 0) {
		close_fd(fd);
		return;
	}
	if (l->tcp && f->options->tls.cert) {
		welcome_tls(f, l->host, fd);
		return;
	}
	if (add_conn(f, fd, peer.uid, &c) < 0) {
		close_fd(fd);
		return;
	}
	c->socket = l->host;
	if (f->n_conns > f->max_conns)
		front_refuse(c, 503, "too many connections; try again later");
	else if (c->user->conns > CONNS_PER_USER)
		front_refuse(c, 503, "too many connections of yours; try again later");
	else
		set_deadline(c, HEAD_MS);
}

static int hear(struct front *f, struct listener *l, struct loop_source **source);

static void on_pause_end(struct loop *l, int fd, uint32_t events, void *data)
{
	struct front *f = data;

	(void)l;
	(void)fd;
	(void)events;
	for (size_t i = 0; i < f->listeners.n; i++)
		if (!f->sources[i] && hear(f, &f->listeners.v[i], &f->sources[i]) < 0)
			log_error("%s is not listened to any more", f->listeners.v[i].host);
}

/* The same again at once would keep us busy for nothing. */
static void pause_listening(struct front *f, size_t first, size_t n)
{
	if (loop_timer(f->loop, PAUSE_MS * 1000000LL, on_pause_end, f, NULL) < 0)
		return;
	for (size_t i = first; i < first + n; i++) {
		loop_remove(f->loop, f->sources[i]);
		f->sources[i] = NULL;
	}
}

static void on_listener(struct loop *loop, int fd, uint32_t events, void *data)
{
	struct front *f = data;

	(void)loop;
	(void)events;
	for (size_t i = 0; i < f->listeners.n; i++) {
		int c;

		if (f->listeners.v[i].fd != fd)
			continue;
		if (f->listeners.v[i].tcp && f->options->tls.cert && !room_to_greet(f)) {
			pause_listening(f, i, 1); /* they wait in the kernel */
			return;
		}
		c = accept4(fd, NULL, NULL, SOCK_CLOEXEC);
		if (c >= 0) {
			welcome(f, &f->listeners.v[i], c);
		} else if (errno == EMFILE || errno == ENFILE || errno == ENOMEM || errno == ENOBUFS) {
			log_error("take a connection: %s", strerror(errno));
			pause_listening(f, 0, f->listeners.n);
		}
	}
}

static int hear(struct front *f, struct listener *l, struct loop_source **source)
{
	return loop_add(f->loop, l->fd, EPOLLIN, on_listener, f, source);
}

/* ---- the whole ---- */

static void on_signal(struct loop *l, int fd, uint32_t events, void *data)
{
	struct front *f = data;
	struct signalfd_siginfo info;

	(void)events;
	if (read(fd, &info, sizeof(info)) != (ssize_t)sizeof(info))
		return;
	if (info.ssi_signo != SIGHUP) {
		loop_quit(l, 0);
	} else if (f->options->reload) {
		f->options->reload(f->options->reload_data);
		readers_renew(&f->readers);
	}
}

static int more_descriptors(struct front *f, struct err *e)
{
	struct rlimit l;
	rlim_t room;

	if (getrlimit(RLIMIT_NOFILE, &l) < 0)
		return err_errno(e, -errno, "read the limit of open files");
	f->files = l;
	l.rlim_cur = l.rlim_max;
	if (setrlimit(RLIMIT_NOFILE, &l) < 0)
		return err_errno(e, -errno, "raise the limit of open files");
	/* each connection may have a process, which is a descriptor, too, and another one for TLS */
	room = l.rlim_cur > OTHER_FDS ? (l.rlim_cur - OTHER_FDS) / (f->options->tls.cert ? 3 : 2) : 1;
	f->max_conns = room < CONNS_MAX ? (unsigned int)room : CONNS_MAX;
	return 0;
}

static int open_signals(int *fd, struct err *e)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGHUP);
	if (sigprocmask(SIG_BLOCK, &set, NULL) < 0)
		return err_errno(e, -errno, "block signals");
	*fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	return *fd < 0 ? err_errno(e, -errno, "take signals") : 0;
}

static int serve(struct front *f, int signals, struct err *e)
{
	struct loop_source *source;
	int r = loop_add(f->loop, signals, EPOLLIN, on_signal, f, &source);

	for (size_t i = 0; r == 0 && i < f->listeners.n; i++) {
		r = io_set_nonblock(f->listeners.v[i].fd, true);
		if (r == 0)
			r = hear(f, &f->listeners.v[i], &f->sources[i]);
		if (r == 0)
			log_info("listening on %s", f->listeners.v[i].host);
	}
	if (r < 0)
		return err_errno(e, r, "listen");
	listen_notify("READY=1");
	listen_forget_manager();
	f->idle_since = clock_ms();
	if (f->options->idle_ms)
		front_watch(f, f->idle_since + f->options->idle_ms);
	r = loop_run(f->loop);
	return r < 0 ? err_errno(e, r, "wait for requests") : 0;
}

static void free_front(struct front **at)
{
	struct front *f = *at;

	if (!f)
		return;
	listen_close(&f->listeners);
	if (f->readers.loop)
		readers_close(&f->readers);
	while (f->conns)
		front_close(f->conns);
	users_free(&f->users);
	loop_free(f->loop);
	free(f);
}

int server_run(const struct server_options *o, const struct server_view *view, struct err *e)
{
	CLEANUP_ARENA struct arena a = ARENA_INIT;
	CLEANUP(free_front) struct front *f = calloc(1, sizeof(*f));
	CLEANUP_FD int signals = -1;
	int r;

	if (!f)
		return err_errno(e, -ENOMEM, "serve");
	f->options = o;
	f->view = view;
	r = loop_new(&f->loop);
	if (r < 0)
		return err_errno(e, r, "serve");
	r = more_descriptors(f, e);
	readers_init(&f->readers, f->loop, &f->files);
	if (r == 0)
		r = open_signals(&signals, e);
	if (r == 0 && o->tls.cert)
		r = tls_check(&o->tls, e);
	if (r == 0)
		r = listen_open(o->hosts, o->group, o->tls.cert, &a, &f->listeners, e);
	return r < 0 ? r : serve(f, signals, e);
}

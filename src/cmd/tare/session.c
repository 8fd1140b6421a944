/* One poll loop over our input and output, the monitor's socket and a signalfd. poll and not epoll, because input may be a
 * plain file. Input is read only while everything before it has been sent, so a container that does not read holds up our
 * input and nothing else: its output goes on. Output is written only as far as it is taken at once, so a reader that is
 * slow holds back the container, but neither our signals nor our input. */
#include "cmd/tare/session.h"

#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <termios.h>

#include "base/io.h"
#include "base/log.h"
#include "engine/detach.h"
#include "engine/container.h"
#include "engine/events.h"
#include "engine/settings.h"
#include "sys/proc.h"

#define INPUT_SIZE 16384

struct run {
	const struct session *s;
	struct detach detach;
	struct strbuf out; /* frames to be sent */
	size_t sent;
	int signals;
	bool input_open, raw;
	struct termios before;
	bool exited, done, left;
	int signal; /* the one that ended us */
	struct client_exit exit;
	/* Output not yet written; it lies in the client's buffer, which is left alone meanwhile. */
	const unsigned char *pending;
	size_t n_pending;
	int pending_fd;
};

int session_check_tty(bool tty, bool interactive, const char *instead, struct err *e)
{
	if (tty && interactive && !isatty(0))
		return err_set(e, ERR_TERMINAL, "the input device is not a TTY (%s)", instead);
	return 0;
}

int session_check_keys(const char *keys, struct err *e)
{
	struct detach d;

	return detach_init(&d, keys) < 0 ? err_set(e, ERR_INVALID, "--detach-keys %s: want letters, or ctrl-LETTER, with commas", keys) :
					   0;
}

static void proxied(sigset_t *set)
{
	/* what stops us, crashes us or is about our own children stays ours */
	static const int ours[] = { SIGCHLD, SIGPIPE, SIGSTOP, SIGKILL, SIGTSTP, SIGTTIN, SIGTTOU, SIGURG,
				    SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGABRT, SIGSYS };

	sigfillset(set);
	for (size_t i = 0; i < ARRAY_LEN(ours); i++)
		sigdelset(set, ours[i]);
}

void session_block_signals(void)
{
	sigset_t set;

	proxied(&set);
	(void)sigprocmask(SIG_BLOCK, &set, NULL);
}

/* Back to where a signal ends us: what comes may take long. */
static void unblock_signals(void)
{
	sigset_t set;

	proxied(&set);
	(void)sigprocmask(SIG_UNBLOCK, &set, NULL);
}

/* ---- the terminal ---- */

static void terminal_raw(struct run *r)
{
	struct termios t;

	if (!r->s->tty || !r->s->stdin_open || tcgetattr(0, &r->before) < 0)
		return;
	t = r->before;
	cfmakeraw(&t);
	r->raw = tcsetattr(0, TCSANOW, &t) == 0;
}

static void terminal_back(struct run *r)
{
	if (r->raw)
		(void)tcsetattr(0, TCSANOW, &r->before);
	r->raw = false;
}

static void queue_size(struct run *r)
{
	struct winsize ws;
	unsigned char payload[4];

	if (!r->s->tty || (ioctl(1, TIOCGWINSZ, &ws) < 0 && ioctl(0, TIOCGWINSZ, &ws) < 0) || ws.ws_row == 0)
		return;
	payload[0] = (unsigned char)(ws.ws_row & 0xff);
	payload[1] = (unsigned char)(ws.ws_row >> 8);
	payload[2] = (unsigned char)(ws.ws_col & 0xff);
	payload[3] = (unsigned char)(ws.ws_col >> 8);
	frame_write(&r->out, FRAME_RESIZE, payload, sizeof(payload));
	if (r->s->resized)
		r->s->resized(ws.ws_row, ws.ws_col, r->s->resized_data);
}

/* ---- input ---- */

static void input(struct run *r)
{
	char in[INPUT_SIZE], send[INPUT_SIZE + DETACH_MAX];
	ssize_t n = read(0, in, sizeof(in));
	size_t len;

	if (n < 0 && (errno == EINTR || errno == EAGAIN))
		return;
	if (n <= 0) {
		frame_write(&r->out, FRAME_STDIN_EOF, NULL, 0);
		r->input_open = false;
		return;
	}
	r->left = detach_feed(&r->detach, in, (size_t)n, send, &len);
	if (len)
		frame_write(&r->out, FRAME_STDIN, send, len);
}

static int flush(struct run *r, struct err *e)
{
	while (r->sent < r->out.len) {
		ssize_t n = send(r->s->client->fd, r->out.s + r->sent, r->out.len - r->sent, MSG_NOSIGNAL | MSG_DONTWAIT);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN)
			return 0;
		if (n < 0 && (errno == EPIPE || errno == ECONNRESET)) {
			r->input_open = false; /* what it still has to say is read until its end */
			break;
		}
		if (n < 0)
			return err_errno(e, -errno, "send to the monitor");
		r->sent += (size_t)n;
	}
	r->sent = 0;
	sb_reset(&r->out);
	return 0;
}

/* ---- output ---- */

/* As much as can be without waiting: a pipe that polls writable takes PIPE_BUF bytes. */
static int write_pending(struct run *r, struct err *e)
{
	struct stat st;
	bool plain = fstat(r->pending_fd, &st) == 0 && S_ISREG(st.st_mode);
	ssize_t n = write(r->pending_fd, r->pending, plain || r->n_pending < PIPE_BUF ? r->n_pending : PIPE_BUF);

	if (n < 0 && (errno == EINTR || errno == EAGAIN))
		return 0;
	if (n < 0)
		return err_errno(e, -errno, "write the container's output");
	r->pending += n;
	r->n_pending -= (size_t)n;
	return 0;
}

static int output(struct run *r, struct err *e)
{
	struct frame f;
	int more = 0;

	while (!r->n_pending && (more = client_parse(r->s->client, &f, e)) > 0) {
		if (f.type == FRAME_STDOUT || f.type == FRAME_STDERR) {
			r->pending = f.payload;
			r->n_pending = f.len;
			r->pending_fd = f.type == FRAME_STDOUT ? STDOUT_FILENO : STDERR_FILENO;
		} else if (f.type == FRAME_EXIT) {
			r->exited = client_exit_of(&f, &r->exit) == 0;
		} else if (f.type == FRAME_ERROR) {
			return client_error_of(&f, e);
		}
		r->done |= f.type == FRAME_DONE;
	}
	return more < 0 ? more : 0;
}

static int from_monitor(struct run *r, struct err *e)
{
	int n = client_read(r->s->client);

	if (n == 0)
		r->done = true;
	if (n < 0 && n != -EAGAIN)
		return err_errno(e, n, "read from the monitor");
	return output(r, e);
}

static void from_signals(struct run *r)
{
	struct signalfd_siginfo info;

	if (read(r->signals, &info, sizeof(info)) != (ssize_t)sizeof(info))
		return;
	if (info.ssi_signo == SIGWINCH)
		queue_size(r);
	else if (r->s->sig_proxy && r->s->pidfd >= 0)
		r->left |= proc_signal(r->s->pidfd, (int)info.ssi_signo) < 0 && !r->exited && info.ssi_signo == SIGHUP;
	else if (info.ssi_signo != SIGCONT)
		r->signal = (int)info.ssi_signo;
}

static int round_of(struct run *r, struct err *e)
{
	struct pollfd p[4] = {
		/* a socket that hung up would wake us again and again while we cannot read it */
		{ .fd = r->n_pending && !r->out.len ? -1 : r->s->client->fd,
		  .events = (short)((r->n_pending ? 0 : POLLIN) | (r->out.len ? POLLOUT : 0)) },
		{ .fd = r->signals, .events = POLLIN },
		{ .fd = r->input_open && !r->out.len ? 0 : -1, .events = POLLIN },
		{ .fd = r->n_pending ? r->pending_fd : -1, .events = POLLOUT },
	};
	int n = 0;

	if (poll(p, ARRAY_LEN(p), -1) < 0)
		return errno == EINTR ? 0 : err_errno(e, -errno, "wait for the container");
	if (p[1].revents)
		from_signals(r);
	if (p[2].revents)
		input(r);
	if (r->out.len)
		n = flush(r, e);
	if (n == 0 && r->n_pending && p[3].revents) {
		n = write_pending(r, e);
		if (n == 0)
			n = output(r, e); /* what else came with it */
	} else if (n == 0 && !r->n_pending && p[0].revents & (POLLIN | POLLHUP | POLLERR)) {
		n = from_monitor(r, e);
	}
	return n;
}

/* A signal that was not for the container ends us as it ends others, for whoever waits for us to see. */
static void die_of(int signal_number)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, signal_number);
	(void)signal(signal_number, SIG_DFL);
	(void)raise(signal_number);
	(void)sigprocmask(SIG_UNBLOCK, &set, NULL);
	_exit(128 + signal_number); /* one that is ignored by default */
}

/* Those of the command line, else of Docker's client's settings, else the usual ones. */
static int init_keys(const struct session *s, struct detach *d, struct err *e)
{
	CLEANUP_ARENA struct arena a = ARENA_INIT;
	const char *set = s->tty && !s->detach_keys ? settings_of_client(&a, "detachKeys") : NULL;

	if (set && detach_init(d, set) == 0)
		return 0;
	if (set)
		log_warning("detachKeys of Docker's config.json: %s: want letters, or ctrl-LETTER, with commas", set);
	return detach_init(d, s->tty ? s->detach_keys : "") < 0 ? err_set(e, ERR_INVALID, "--detach-keys %s", s->detach_keys) : 0;
}

int session_run(const struct session *s, enum session_end *end, struct client_exit *out, struct err *e)
{
	struct run r = { .s = s, .input_open = s->stdin_open, .signals = -1 };
	sigset_t set;
	int n = init_keys(s, &r.detach, e);

	if (n < 0)
		return n;
	session_block_signals();
	proxied(&set);
	r.signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	if (r.signals < 0)
		return err_errno(e, -errno, "signalfd");
	terminal_raw(&r);
	queue_size(&r);
	n = output(&r, e); /* what came with the word that it started */
	while (n == 0 && !r.left && !r.signal && (r.n_pending || !(r.done || (r.exited && s->settles))))
		n = round_of(&r, e);
	terminal_back(&r);
	close_fd(r.signals);
	if (r.signal)
		die_of(r.signal);
	sb_free(&r.out);
	*out = r.exit;
	*end = r.exited ? SESSION_EXITED : r.left ? SESSION_DETACHED : SESSION_LOST;
	return n;
}

/* The catalog is open here already, so nobody has to start a program for it. If it fails the monitor does it, and says
 * in its log why that failed too. */
static void settle(const struct engine *en, const char *id, struct client *c)
{
	struct err ignored;

	if (container_exited(en, id, &ignored) == 0 && client_send(c, FRAME_SETTLED, NULL, 0) == 0)
		return;
	while (client_read(c) > 0)
		; /* until it has */
}

static void tell_detached(const struct engine *en, const char *id)
{
	CLEANUP_ARENA struct arena a = ARENA_INIT;
	struct err ignored;
	struct record rec;

	if (record_get(en->catalog, &a, id, &rec, &ignored) == 0)
		events_container(en, &rec, "detach", NULL);
}

struct resized {
	const struct engine *en;
	const char *id;
};

static void tell_resized(unsigned int rows, unsigned int columns, void *data)
{
	CLEANUP_ARENA struct arena a = ARENA_INIT;
	const struct resized *z = data;
	struct err ignored;
	struct record rec;

	if (record_get(z->en->catalog, &a, z->id, &rec, &ignored) == 0)
		events_resized(z->en, &rec, rows, columns);
}

void session_say_left(const struct session *s, int r, enum session_end end)
{
	if (r == 0 && end == SESSION_DETACHED && s->names_keys)
		(void)fputs("read escape sequence\n", stderr);
}

int session_stay(const struct engine *en, const char *id, struct session *s, struct err *e)
{
	CLEANUP_LIVE struct live live = LIVE_INIT;
	struct client_exit exit = { .known = true };
	struct resized size = { en, id };
	enum session_end end;
	int r;

	s->pidfd = live_read(en, id, &live, e) == 0 ? live.pidfd : -1;
	s->resized = tell_resized;
	s->resized_data = &size;
	r = session_run(s, &end, &exit, e);
	session_say_left(s, r, end);
	if (r == 0 && end == SESSION_DETACHED)
		tell_detached(en, id);
	if (r < 0 || end == SESSION_DETACHED)
		return r;
	if (end == SESSION_LOST) {
		unblock_signals();
		r = container_wait(en, id, &exit.code, &exit.known, e);
	} else if (s->settles) {
		settle(en, id, s->client);
	}
	if (r == 0 && !exit.known)
		log_warning("the exit code of the container could not be learnt (its monitor was killed)");
	return r < 0 ? r : exit.code & 0xff;
}

/* Clients are a root process's terminals at best and garbage at worst. Nothing a client does costs more than its own
 * queue: it is read only while the container takes input, and a frame that makes no sense ends its connection. Output it
 * does not read holds the container back (attach_held()), because that is what whoever reads slowly expects of a pipe;
 * but one that came by the socket and takes nothing at all is given up after a while.
 *
 * What is sent when the container has ended is left to the kernel: a unix socket's buffer can be made large enough, and
 * what is in it stays readable after we are gone.
 *
 * A frame is given to the kernel in one send of at most 16 KiB, which a unix socket takes whole or not at all. So when
 * a worker is killed, the client that the keeper holds (the one the monitor was started with) is between two frames
 * and the next worker goes on with it, unless frames were waiting for it: then it is dropped, because a gap in its
 * output would be worse. */
#include "monitor/attach.h"

#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/clock.h"
#include "monitor/progress.h"
#include "sys/sock.h"

#define READ_SIZE 4096U
/* Of a socket's buffer for the last frames: two queues and what is still in the container's pipes. */
#define LAST_BUFFER (2 << 20)

struct attach_client {
	struct attach_client *next;
	struct attach *owner;
	int fd;
	bool hello, dead, first, waited, moved; /* moved: something was sent since `stall` was set */
	unsigned int flags;
	struct loop_source *source, *stall;
	struct strbuf in, out;
	size_t sent; /* bytes of out the kernel has; always the start of a frame */
};

static void resume(void *data);

void attach_init(struct attach *a, struct loop *loop, struct input *in, bool stdin_once)
{
	*a = (struct attach){ .loop = loop, .in = in, .stdin_once = stdin_once, .stall_ms = ATTACH_STALL_MS };
	in->drained = resume;
	in->drained_data = a;
}

static void free_client(struct attach_client *c)
{
	loop_remove(c->owner->loop, c->source);
	loop_remove(c->owner->loop, c->stall);
	sb_free(&c->in);
	sb_free(&c->out);
	/* the keeper may hold a copy: the client sees the end all the same */
	(void)shutdown(c->fd, SHUT_RDWR);
	close_fd(c->fd);
	free(c);
}

static void sweep(struct attach *a)
{
	struct attach_client **pp = &a->clients;

	while (*pp) {
		struct attach_client *c = *pp;

		if (c->dead) {
			*pp = c->next;
			a->n--;
			free_client(c);
		} else {
			pp = &c->next;
		}
	}
}

/* Marks only: whoever walks the list sweeps. */
static void drop(struct attach_client *c)
{
	struct attach *a = c->owner;

	if (c->dead)
		return;
	c->dead = true;
	if (c->first && c->flags & FRAME_WANT_LIFE && a->abandoned)
		a->abandoned(a->abandoned_data);
	if (a->stdin_once && c->hello && c->flags & FRAME_WANT_STDIN)
		input_end(a->in);
}

void attach_free(struct attach *a)
{
	loop_remove(a->loop, a->listen_source);
	a->listen_source = NULL;
	for (struct attach_client *c = a->clients; c; c = c->next)
		c->dead = true;
	sweep(a);
}

/* ---- to clients ---- */

static void watch(struct attach_client *c)
{
	uint32_t events = 0;

	if (!c->owner->paused)
		events |= EPOLLIN | EPOLLRDHUP;
	if (c->sent < c->out.len)
		events |= EPOLLOUT;
	if (loop_modify(c->owner->loop, c->source, events) < 0)
		drop(c);
}

static size_t frame_size(const struct attach_client *c)
{
	struct frame f;
	int n = frame_parse(c->out.s + c->sent, c->out.len - c->sent, &f);

	return n > 0 ? (size_t)n : 0;
}

static void note_behind(const struct attach_client *c)
{
	if (c->first && c->owner->behind)
		progress_set(*c->owner->behind, c->sent < c->out.len);
}

static bool is_full(const struct attach_client *c)
{
	return !c->dead && c->out.len - c->sent > ATTACH_QUEUE;
}

static bool any_full(const struct attach *a)
{
	for (const struct attach_client *c = a->clients; c; c = c->next)
		if (is_full(c))
			return true;
	return false;
}

bool attach_held(struct attach *a)
{
	bool held = any_full(a);

	a->held |= held;
	return held;
}

static void release(struct attach *a)
{
	if (!a->held || any_full(a))
		return;
	a->held = false;
	if (a->released)
		a->released(a->released_data);
}

static void stalled(struct loop *l, int fd, uint32_t events, void *data);

/* Keeps a timer while the queue is full. */
static void watch_stall(struct attach_client *c)
{
	struct loop *l = c->owner->loop;

	if (c->first || c->waited || (is_full(c) && c->stall))
		return;
	loop_remove(l, take_ptr(c->stall));
	c->moved = false;
	if (is_full(c) && loop_timer(l, c->owner->stall_ms * INT64_C(1000000), stalled, c, &c->stall) < 0)
		drop(c);
}

static void stalled(struct loop *l, int fd, uint32_t events, void *data)
{
	struct attach_client *c = data;
	struct attach *a = c->owner;

	(void)l;
	(void)fd;
	(void)events;
	c->stall = NULL;
	if (c->moved)
		watch_stall(c);
	else
		drop(c);
	sweep(a);
	release(a);
}

static void push(struct attach_client *c)
{
	while (c->sent < c->out.len) {
		size_t len = frame_size(c);
		ssize_t n = send(c->fd, c->out.s + c->sent, len, MSG_NOSIGNAL | MSG_DONTWAIT);

		if (n == (ssize_t)len && len) {
			c->sent += len;
			c->moved = true;
		} else if (n < 0 && errno == EAGAIN) {
			break;
		} else if (n >= 0 || errno != EINTR) {
			drop(c);
			return;
		}
	}
	note_behind(c);
	if (c->sent == c->out.len) {
		sb_free(&c->out);
		c->sent = 0;
	}
	watch_stall(c);
	watch(c);
}

static void queue(struct attach_client *c, enum frame_type type, const void *data, size_t len)
{
	bool idle = c->sent == c->out.len;

	if (c->dead)
		return;
	frame_write(&c->out, type, data, len);
	if (sb_error(&c->out) < 0)
		drop(c);
	else if (idle)
		push(c);
	else
		watch_stall(c);
}

static bool wants(const struct attach_client *c, enum frame_type type)
{
	if (!c->hello)
		return false;
	if (type == FRAME_STDOUT)
		return c->flags & FRAME_WANT_STDOUT;
	if (type == FRAME_STDERR)
		return c->flags & FRAME_WANT_STDERR;
	return true;
}

void attach_send(struct attach *a, enum frame_type type, const void *data, size_t len)
{
	for (struct attach_client *c = a->clients; c; c = c->next)
		if (wants(c, type))
			queue(c, type, data, len);
	sweep(a);
	release(a);
}

void attach_send_exit(struct attach *a, int code, bool known, bool oom_killed)
{
	uint32_t c = (uint32_t)code;
	const unsigned char payload[6] = { (unsigned char)(c & 0xff), (unsigned char)(c >> 8 & 0xff),
					   (unsigned char)(c >> 16 & 0xff), (unsigned char)(c >> 24 & 0xff),
					   known, oom_killed };

	attach_send(a, FRAME_EXIT, payload, sizeof(payload));
}

static bool all_sent(const struct attach *a)
{
	for (const struct attach_client *c = a->clients; c; c = c->next)
		if (c->sent < c->out.len)
			return false;
	return true;
}

void attach_flush(struct attach *a, int timeout_ms)
{
	int64_t end = clock_ms() + timeout_ms;

	for (struct attach_client *c = a->clients; c; c = c->next) {
		if (c->sent < c->out.len && sock_set_send_buffer(c->fd, LAST_BUFFER) == 0)
			push(c);
	}
	sweep(a);
	while (!all_sent(a)) {
		int64_t left = end - clock_ms();

		if (left <= 0 || loop_step(a->loop, (int)left) < 0)
			return;
	}
}

static bool has_settler(const struct attach *a)
{
	for (const struct attach_client *c = a->clients; c; c = c->next)
		if (!c->dead && c->first && c->flags & FRAME_WANT_SETTLE)
			return true;
	return false;
}

bool attach_await_settled(struct attach *a, int timeout_ms)
{
	int64_t end = clock_ms() + timeout_ms;

	while (!a->settled && has_settler(a)) {
		int64_t left = end - clock_ms();

		if (left <= 0 || loop_step(a->loop, (int)left) < 0)
			break;
	}
	return a->settled;
}

/* ---- from clients ---- */

static unsigned int u16(const unsigned char *p)
{
	return (unsigned int)p[0] | (unsigned int)p[1] << 8;
}

/* Gives false when the frame is none a client may send now. */
static bool take_frame(struct attach_client *c, const struct frame *f)
{
	struct attach *a = c->owner;

	if (f->type == FRAME_HELLO) {
		if (c->hello || f->len != 1 || f->payload[0] & ~(FRAME_WANT_STDIN | FRAME_WANT_STDOUT | FRAME_WANT_STDERR))
			return false;
		c->hello = true;
		c->flags = f->payload[0];
		return true;
	}
	if (!c->hello)
		return false;
	switch (f->type) {
	case FRAME_STDIN:
		if (c->flags & FRAME_WANT_STDIN)
			input_write(a->in, f->payload, f->len);
		return c->flags & FRAME_WANT_STDIN;
	case FRAME_STDIN_EOF:
		if (a->stdin_once && c->flags & FRAME_WANT_STDIN)
			input_end(a->in);
		return f->len == 0;
	case FRAME_RESIZE:
		if (f->len == 4)
			input_resize(a->in, (uint16_t)u16(f->payload), (uint16_t)u16(f->payload + 2));
		return f->len == 4;
	case FRAME_PORTS:
		if (a->ports)
			a->ports(a->ports_data);
		queue(c, FRAME_PORTS, NULL, 0);
		return f->len == 0;
	case FRAME_SETTLED:
		if (!c->first || !(c->flags & FRAME_WANT_SETTLE) || f->len)
			return false;
		a->settled = true;
		return true;
	default:
		return false;
	}
}

/* Takes the whole frames gathered, while the container takes input. */
static void take_frames(struct attach_client *c)
{
	size_t done = 0;

	while (!c->dead && !input_full(c->owner->in)) {
		struct frame f;
		int n = frame_parse(c->in.s + done, c->in.len - done, &f);

		if (n == 0)
			break;
		if (n < 0 || !take_frame(c, &f)) {
			drop(c);
			return;
		}
		done += (size_t)n;
	}
	if (!done)
		return;
	memmove(c->in.s, c->in.s + done, c->in.len - done);
	c->in.len -= done;
	if (!c->in.len)
		sb_free(&c->in);
}

static void receive(struct attach_client *c)
{
	char buf[READ_SIZE];
	ssize_t n = recv(c->fd, buf, sizeof(buf), MSG_DONTWAIT);

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0) {
		drop(c);
		return;
	}
	sb_add(&c->in, buf, (size_t)n);
	if (sb_error(&c->in) < 0)
		drop(c);
	else
		take_frames(c);
}

static void set_paused(struct attach *a, bool paused)
{
	if (a->paused == paused)
		return;
	a->paused = paused;
	for (struct attach_client *c = a->clients; c; c = c->next)
		if (!c->dead)
			watch(c);
}

/* The container takes input again: first what was gathered, then more from the sockets. */
static void resume(void *data)
{
	struct attach *a = data;

	for (struct attach_client *c = a->clients; c; c = c->next)
		if (c->in.len)
			take_frames(c);
	set_paused(a, input_full(a->in));
	sweep(a);
}

static void client_event(struct loop *l, int fd, uint32_t events, void *data)
{
	struct attach_client *c = data;
	struct attach *a = c->owner;

	(void)l;
	(void)fd;
	if (events & EPOLLOUT)
		push(c);
	if (!c->dead && events & (EPOLLIN | EPOLLRDHUP))
		receive(c);
	else if (!c->dead && events & (EPOLLHUP | EPOLLERR))
		drop(c);
	set_paused(a, input_full(a->in));
	sweep(a);
	release(a);
}

static int add(struct attach *a, int fd, struct attach_client **out)
{
	CLEANUP_FD int owned = fd;
	struct attach_client *c;
	int r;

	if (a->n >= ATTACH_MAX_CLIENTS)
		return -EMFILE;
	c = calloc(1, sizeof(*c));
	if (!c)
		return -ENOMEM;
	*c = (struct attach_client){ .next = a->clients, .owner = a, .fd = fd };
	r = loop_add(a->loop, fd, a->paused ? 0 : EPOLLIN | EPOLLRDHUP, client_event, c, &c->source);
	if (r < 0) {
		free(c);
		return r;
	}
	a->clients = c;
	a->n++;
	(void)take_fd(&owned);
	*out = c;
	return 0;
}

int attach_first(struct attach *a, int fd, unsigned int flags, uint32_t *behind)
{
	struct attach_client *c;
	int r = add(a, fd, &c);

	if (r < 0)
		return r;
	c->hello = c->first = true;
	c->flags = flags;
	a->behind = behind;
	if (behind && progress_get(*behind)) {
		drop(c);
		sweep(a);
		progress_set(*behind, 0);
	}
	return 0;
}

int attach_waiting(struct attach *a, int fd, unsigned int flags)
{
	struct attach_client *c;
	int r = add(a, fd, &c);

	if (r < 0)
		return r;
	c->hello = c->waited = true;
	c->flags = flags;
	return 0;
}

static void accept_client(struct loop *l, int fd, uint32_t events, void *data)
{
	int client = sock_accept(fd);
	struct attach_client *c;

	(void)l;
	(void)events;
	/* one too many is closed at once */
	if (client >= 0 && add(data, client, &c) < 0)
		return;
}

int attach_listen(struct attach *a, int fd)
{
	return loop_add(a->loop, fd, EPOLLIN, accept_client, a, &a->listen_source);
}

/* Each way is read only while nothing of it waits to be written, so a reader that is slow holds up his own way and no other, and there is never more in
 * memory than was read at once. */
#include "api/docker/relay.h"

#include <linux/sockios.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <time.h>

#include "api/docker/websocket.h"
#include "wire/frame.h"

/* One frame and what was read of the next. */
#define FROM_MONITOR (FRAME_HEADER + FRAME_MAX_PAYLOAD)
#define READ_SIZE 16384U

struct state {
	struct relay *r;
	struct strbuf in;    /* of the monitor, not yet taken apart */
	struct strbuf down, up;
	size_t sent_down, sent_up;
	struct websocket ws;
	bool client_open; /* it may still send */
	bool head_taken;
	bool over, gone, left, hung_up;
};

static void state_end(struct state *s)
{
	sb_free(&s->in);
	sb_free(&s->down);
	sb_free(&s->up);
	websocket_end(&s->ws);
}

void relay_header(unsigned char out[RELAY_HEADER], unsigned int which, size_t len)
{
	const unsigned char h[RELAY_HEADER] = { (unsigned char)which, 0, 0, 0, (unsigned char)(len >> 24 & 0xff), (unsigned char)(len >> 16 & 0xff),
						(unsigned char)(len >> 8 & 0xff), (unsigned char)(len & 0xff) };

	memcpy(out, h, sizeof(h));
}

#define HEAD_LOOKS 10000 /* half a second */

void relay_after_head(int client)
{
	const struct timespec pause = { .tv_nsec = 50000 };
	int unread = 0;

	for (int i = 0; i < HEAD_LOOKS && ioctl(client, SIOCOUTQ, &unread) == 0 && unread > 0; i++)
		(void)nanosleep(&pause, NULL);
}

/* ---- to the client ---- */

static void put(struct state *s, unsigned int which, const void *data, size_t len)
{
	unsigned char header[RELAY_HEADER];

	if (s->r->websocket) {
		websocket_write(&s->down, WEBSOCKET_BINARY, data, len);
		return;
	}
	relay_header(header, which, len);
	if (s->r->framed)
		sb_add(&s->down, header, sizeof(header));
	sb_add(&s->down, data, len);
}

static void put_error(struct state *s, const struct frame *f)
{
	if (f->len > 1)
		put(s, RELAY_OURS, f->payload + 1, f->len - 1);
	s->over = true;
}

static void put_exit(struct state *s, const struct frame *f)
{
	if (f->len < 4)
		return;
	s->r->ended = true;
	s->r->code = (int)((uint32_t)f->payload[0] | (uint32_t)f->payload[1] << 8 | (uint32_t)f->payload[2] << 16 | (uint32_t)f->payload[3] << 24);
	s->over = true;
}

static int take_frames(struct state *s)
{
	size_t done = 0;
	struct frame f;
	int n = 0;

	while (!s->over && (n = frame_parse(sb_str(&s->in) + done, s->in.len - done, &f)) > 0) {
		if (f.type == FRAME_STDOUT || f.type == FRAME_STDERR)
			put(s, f.type == FRAME_STDOUT ? RELAY_STDOUT : RELAY_STDERR, f.payload, f.len);
		else if (f.type == FRAME_EXIT)
			put_exit(s, &f);
		else if (f.type == FRAME_ERROR)
			put_error(s, &f);
		done += (size_t)n;
	}
	if (done) {
		memmove(s->in.s, s->in.s + done, s->in.len - done);
		s->in.len -= done;
	}
	return n < 0 ? n : 0;
}

static int from_monitor(struct state *s)
{
	char buf[READ_SIZE];
	ssize_t n = recv(s->r->monitor, buf, sizeof(buf), MSG_DONTWAIT);

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return 0;
	if (n <= 0) {
		s->over = true;
		return 0;
	}
	sb_add(&s->in, buf, (size_t)n);
	return sb_error(&s->in) < 0 ? -ENOMEM : take_frames(s);
}

/* ---- from the client ---- */

static void put_input(struct state *s, const char *data, size_t len)
{
	char kept[READ_SIZE + DETACH_MAX];
	size_t n = len;

	if (!s->r->input || s->left || !len)
		return;
	if (s->r->keys) {
		s->left = detach_feed(s->r->keys, data, len, kept, &n);
		data = kept;
	}
	if (n)
		frame_write(&s->up, FRAME_STDIN, data, n);
}

static void input_ends(struct state *s)
{
	s->client_open = false;
	if (s->r->input)
		frame_write(&s->up, FRAME_STDIN_EOF, NULL, 0);
}

static int take_input(struct state *s, const char *data, size_t len)
{
	char piece[READ_SIZE];
	bool closes = false;

	if (!s->r->websocket) {
		put_input(s, data, len);
		return 0;
	}
	if (websocket_feed(&s->ws, data, len, &s->down, &closes) < 0)
		closes = true;
	for (size_t n; (n = websocket_take(&s->ws, piece, sizeof(piece))) > 0;)
		put_input(s, piece, n);
	if (closes)
		input_ends(s);
	return 0;
}

static int from_client(struct state *s)
{
	char buf[READ_SIZE];
	ssize_t n = recv(s->r->client, buf, sizeof(buf), MSG_DONTWAIT);

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return 0;
	if (n > 0)
		return take_input(s, buf, (size_t)n);
	if (n < 0)
		s->gone = true;
	input_ends(s);
	return 0;
}

/* ---- both ---- */

/* False: nobody takes it any more. */
static bool flush(int fd, struct strbuf *b, size_t *sent)
{
	while (*sent < b->len) {
		ssize_t n = send(fd, b->s + *sent, b->len - *sent, MSG_NOSIGNAL | MSG_DONTWAIT);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN)
			return true;
		if (n < 0)
			return false;
		*sent += (size_t)n;
	}
	*sent = 0;
	sb_reset(b);
	return true;
}

static int flush_both(struct state *s)
{
	if (s->down.len && !s->head_taken) {
		relay_after_head(s->r->client);
		s->head_taken = true;
	}
	if (s->down.len && !flush(s->r->client, &s->down, &s->sent_down))
		s->gone = true;
	if (s->up.len && !flush(s->r->monitor, &s->up, &s->sent_up)) {
		sb_reset(&s->up); /* the command reads no more; what it still has to say is read until its end */
		s->sent_up = 0;
		s->client_open = false;
	}
	return sb_error(&s->down) < 0 || sb_error(&s->up) < 0 ? -ENOMEM : 0;
}

static int round_of(struct state *s)
{
	bool say = s->down.len > 0;
	/* a websocket's client is answered, too: its pings, by a pong each, as fast as it takes them */
	bool hear = s->client_open && !s->up.len && !(s->r->websocket && say);
	struct pollfd p[2] = {
		{ .fd = s->hung_up && !hear && !say ? -1 : s->r->client, .events = (short)((hear ? POLLIN : 0) | (say ? POLLOUT : 0)) },
		{ .fd = say && !s->up.len ? -1 : s->r->monitor, .events = (short)((say ? 0 : POLLIN) | (s->up.len ? POLLOUT : 0)) },
	};
	int r = 0;

	if (poll(p, 2, -1) < 0)
		return errno == EINTR ? 0 : -errno;
	/* a hang-up is both directions': what it sent before is read first */
	if (p[0].revents & (POLLHUP | POLLERR) && !(p[0].revents & POLLIN)) {
		s->hung_up = true;
		s->gone = true;
	}
	if (hear && p[0].revents & POLLIN)
		r = from_client(s);
	if (r == 0 && !say && p[1].revents & (POLLIN | POLLHUP | POLLERR))
		r = from_monitor(s);
	return r < 0 ? r : flush_both(s);
}

/* What is left for the client, as fast as it takes it. */
static void finish(struct state *s)
{
	if (s->r->websocket)
		websocket_write(&s->down, WEBSOCKET_CLOSE, NULL, 0);
	while (!s->gone && s->down.len) {
		struct pollfd p = { .fd = s->r->client, .events = POLLOUT };

		if (poll(&p, 1, -1) < 0 && errno != EINTR)
			return;
		(void)!flush_both(s);
	}
}

int relay_run(struct relay *r, enum relay_end *end, struct err *e)
{
	CLEANUP(state_end) struct state s = { .r = r, .client_open = true };
	int n = 0;

	sb_add(&s.in, r->heard, r->n_heard);
	n = sb_error(&s.in) < 0 ? -ENOMEM : take_frames(&s);
	if (n == 0 && r->n_early)
		n = take_input(&s, r->early, r->n_early);
	if (n == 0)
		n = flush_both(&s);
	while (n == 0 && !s.over && !s.gone && !s.left)
		n = round_of(&s);
	if (n == 0)
		finish(&s);
	*end = s.left ? RELAY_DETACHED : s.gone ? RELAY_GONE : RELAY_ENDED;
	return n < 0 ? err_errno(e, n, "relay the container's streams") : 0;
}

#include "monitor/input.h"

#include <sys/ioctl.h>
#include <termios.h>

void input_init(struct input *in, struct loop *loop, int fd, bool tty)
{
	in->loop = loop;
	in->fd = fd;
	in->tty = tty;
}

static void stop_watching(struct input *in)
{
	loop_remove(in->loop, in->source);
	in->source = NULL;
}

static void close_input(struct input *in)
{
	stop_watching(in);
	sb_free(&in->queue);
	in->sent = 0;
	in->fd = -1;
	if (in->ended)
		in->ended(in->ended_data);
}

void input_free(struct input *in)
{
	stop_watching(in);
	sb_free(&in->queue);
	in->fd = -1;
}

static void writable(struct loop *l, int fd, uint32_t events, void *data);

static void watch(struct input *in)
{
	if (!in->source && loop_add(in->loop, in->fd, EPOLLOUT, writable, in, &in->source) < 0)
		close_input(in); /* input that can never be delivered must not gather */
}

/* Gives the container what it takes now. */
static void push(struct input *in)
{
	while (in->sent < in->queue.len) {
		ssize_t n = write(in->fd, in->queue.s + in->sent, in->queue.len - in->sent);

		if (n > 0) {
			in->sent += (size_t)n;
		} else if (n < 0 && errno == EAGAIN) {
			watch(in);
			return;
		} else if (n == 0 || errno != EINTR) {
			close_input(in); /* nobody reads any more */
			return;
		}
	}
	stop_watching(in);
	sb_free(&in->queue);
	in->sent = 0;
	if (in->ending)
		close_input(in);
}

static void writable(struct loop *l, int fd, uint32_t events, void *data)
{
	struct input *in = data;
	bool was_full = input_full(in);

	(void)l;
	(void)fd;
	(void)events;
	push(in);
	if (was_full && !input_full(in) && in->drained)
		in->drained(in->drained_data);
}

void input_write(struct input *in, const void *data, size_t len)
{
	bool idle = in->sent == in->queue.len;

	if (in->fd < 0 || in->ending || !len)
		return;
	sb_add(&in->queue, data, len);
	if (sb_error(&in->queue) < 0)
		close_input(in);
	else if (idle)
		push(in);
}

void input_end(struct input *in)
{
	if (in->fd < 0 || in->tty || in->ending)
		return;
	in->ending = true;
	if (in->sent == in->queue.len)
		close_input(in);
}

void input_resize(struct input *in, uint16_t rows, uint16_t columns)
{
	struct winsize ws = { .ws_row = rows, .ws_col = columns };

	/* a terminal whose container is gone has no size to set */
	if (in->fd >= 0 && in->tty)
		(void)ioctl(in->fd, TIOCSWINSZ, &ws);
}

/* What goes into the container: stdin from any number of clients, and the size of its terminal. */
#ifndef TARE_MONITOR_INPUT_H
#define TARE_MONITOR_INPUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/loop.h"
#include "base/strbuf.h"

/* Clients are not read while this much waits for the container. */
#define INPUT_QUEUE 65536U

struct input {
	struct loop *loop;
	int fd;        /* borrowed; -1: the container has no stdin, or no more */
	bool tty;
	bool ending;   /* close when the queue is empty */
	struct strbuf queue;
	size_t sent;   /* bytes of the queue the container has */
	struct loop_source *source;
	void (*drained)(void *data); /* there is room again */
	void *drained_data;
	void (*ended)(void *data);   /* the end of file is due: close fd everywhere */
	void *ended_data;
};
#define INPUT_INIT { .fd = -1, .queue = STRBUF_INIT }

/* fd must be non-blocking. */
void input_init(struct input *in, struct loop *loop, int fd, bool tty);
void input_free(struct input *in);

void input_write(struct input *in, const void *data, size_t len);
/* End of file behind what was written; a terminal has none. */
void input_end(struct input *in);
void input_resize(struct input *in, uint16_t rows, uint16_t columns);

static inline bool input_full(const struct input *in)
{
	return in->queue.len - in->sent >= INPUT_QUEUE;
}

#endif

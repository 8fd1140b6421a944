/* The engine's end of a conversation with a monitor: frames of wire/frame.h over the control socket of a start or exec
 * (fd 4 of the monitor) or over STATE/ID/attach.sock. Blocking; a program with an event loop uses fd and client_read(). */
#ifndef TARE_ENGINE_CLIENT_H
#define TARE_ENGINE_CLIENT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/strbuf.h"
#include "engine/engine.h"
#include "wire/frame.h"

struct client {
	int fd; /* owned */
	struct strbuf in;
	size_t at; /* bytes of `in` already given out */
};
#define CLIENT_INIT { .fd = -1 }
#define CLEANUP_CLIENT CLEANUP(client_close)
void client_close(struct client *c);

/* Connects to the monitor of a running container and says what it wants (FRAME_WANT_*; 0: only to hear of the end).
 * ERR_UNAVAILABLE when there is nobody: the container ended, or its monitor died. */
int client_connect(const struct engine *en, const char *id, unsigned char want, struct client *out,
		   struct err *e) MUST_CHECK;

/* The next whole frame that has been read already: 1, or 0 when more bytes are needed. */
int client_parse(struct client *c, struct frame *out, struct err *e) MUST_CHECK;
/* Reads once what is there. 1: bytes came, 0: end, -EAGAIN: nothing now (non-blocking fd). */
int client_read(struct client *c) MUST_CHECK;
/* Waits for the next frame: 1, 0 when the monitor hung up. */
int client_next(struct client *c, struct frame *out, struct err *e) MUST_CHECK;
/* Writes one frame whole. */
int client_send(struct client *c, enum frame_type type, const void *payload, size_t len) MUST_CHECK;

/* How large the terminal is. */
int client_resize(struct client *c, unsigned int rows, unsigned int columns, struct err *e) MUST_CHECK;

struct client_exit {
	int code;
	bool known, oom;
};
/* What FRAME_EXIT says; -EBADMSG when it is too short. */
int client_exit_of(const struct frame *f, struct client_exit *out) MUST_CHECK;
/* FRAME_ERROR as an error of ours; gives its code. */
int client_error_of(const struct frame *f, struct err *e);

/* Waits for FRAME_STARTED. FRAME_ERROR is given
 * as e; a hang-up is ERR_INTERNAL. */
int client_started(struct client *c, struct err *e) MUST_CHECK;
/* Waits for FRAME_EXIT and then for FRAME_DONE or the hang-up. 1: got it, 0: hung up before. */
int client_wait_exit(struct client *c, struct client_exit *out, struct err *e) MUST_CHECK;

#endif

/* The frames between a tare command and a monitor, on a unix stream socket: an 8-byte header (type, 3 zero bytes,
 * payload length, little endian) and the payload. A state machine: bytes in, frames out, no I/O.
 *
 * The same protocol runs on the control socket a monitor is born with (fd 4) and on stateDir/attach.sock. */
#ifndef TARE_WIRE_FRAME_H
#define TARE_WIRE_FRAME_H

#include <stddef.h>
#include <stdint.h>

#include "base/strbuf.h"

/* Where a monitor is given what its container's process is to have beside its streams: above all that it numbers itself. */
#define MONITOR_PASSED_FD 32

#define FRAME_HEADER 8U
#define FRAME_MAX_PAYLOAD 65536U

enum frame_type {
	/* client to monitor */
	FRAME_HELLO = 1,   /* u8 flags, FRAME_WANT_*: the first frame on attach.sock; on fd 4 the description's "attach" */
	FRAME_STDIN,       /* bytes */
	FRAME_STDIN_EOF,   /* empty */
	FRAME_RESIZE,      /* u16 rows, u16 columns */
	FRAME_SETTLED,     /* empty: after FRAME_EXIT, by a client that wants to settle: the engine knows of the end */
	FRAME_PORTS,       /* empty: the file of relays (net/relay.h) has changed; the same as an answer, when that is done */
	/* monitor to client */
	FRAME_STARTED = 64, /* u32 pid */
	FRAME_STDOUT,       /* bytes (a terminal's output too) */
	FRAME_STDERR,       /* bytes */
	FRAME_EXIT,         /* i32 exit code, u8 known (0: the code could not be learnt), u8 oom-killed */
	FRAME_ERROR,        /* u8 enum err_class, then the message */
	FRAME_DONE          /* empty: the exit was recorded and cleaned up after; last frame */
};

#define FRAME_WANT_STDIN 1U
#define FRAME_WANT_STDOUT 2U
#define FRAME_WANT_STDERR 4U
#define FRAME_WANT_STREAMS (FRAME_WANT_STDIN | FRAME_WANT_STDOUT | FRAME_WANT_STDERR)
/* Of the client on fd 4 alone: it tells the engine of the end itself, answers FRAME_EXIT with FRAME_SETTLED and needs no
 * FRAME_DONE. When it does not answer, the monitor tells the engine as ever. */
#define FRAME_WANT_SETTLE 8U
/* Of that client, too: the container ends when the client does. */
#define FRAME_WANT_LIFE 16U

/* Appends one frame; len <= FRAME_MAX_PAYLOAD. */
void frame_write(struct strbuf *out, enum frame_type type, const void *payload, size_t len);

struct frame {
	enum frame_type type;
	const unsigned char *payload; /* into the caller's buffer */
	size_t len;
};

/* Looks for one whole frame at data. Gives the bytes it takes (header and payload), 0 when more are needed, -EBADMSG
 * for an unknown type, nonzero padding or a too long payload. */
int frame_parse(const void *data, size_t len, struct frame *out) MUST_CHECK;

#endif

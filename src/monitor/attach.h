/* The server side of attach: clients on stateDir/attach.sock and the one the monitor was started with, speaking
 * wire/frame.h. Each has a queue; one that is full holds back the container's output, as a pipe would. The client the
 * monitor was started with may do that as long as it likes; another one that takes nothing at all for some seconds is
 * dropped. */
#ifndef TARE_MONITOR_ATTACH_H
#define TARE_MONITOR_ATTACH_H

#include <stdbool.h>
#include <stdint.h>

#include "base/loop.h"
#include "monitor/input.h"
#include "wire/frame.h"

#define ATTACH_SOCKET "attach.sock"
#define ATTACH_MAX_CLIENTS 64U
/* Most bytes of output in one frame. */
#define ATTACH_CHUNK 16384U
/* Bytes waiting for one client, beside the socket's own buffer, from which on output is held back. */
#define ATTACH_QUEUE 65536U
/* How long a client with a full queue may take nothing. */
#define ATTACH_STALL_MS 10000

struct attach_client;

struct attach {
	struct loop *loop;
	struct input *in;
	bool stdin_once;
	bool paused; /* clients are not read: the input is full */
	bool settled; /* FRAME_SETTLED came */
	struct loop_source *listen_source;
	struct attach_client *clients;
	unsigned int n;
	uint32_t *behind; /* of the client that outlives us; NULL: none does */
	bool held;
	int stall_ms; /* ATTACH_STALL_MS, but for tests */
	void (*released)(void *data); /* there is room again after attach_held(); may be NULL */
	void *released_data;
	void (*abandoned)(void *data); /* the client whose end is the container's is gone; may be NULL */
	void *abandoned_data;
	void (*ports)(void *data); /* FRAME_PORTS came; may be NULL */
	void *ports_data;
};

/* in is borrowed; its drained callback is taken. */
void attach_init(struct attach *a, struct loop *loop, struct input *in, bool stdin_once);
/* Drops all clients. */
void attach_free(struct attach *a);

/* Takes connections from a listening socket (borrowed). */
int attach_listen(struct attach *a, int fd) MUST_CHECK;
/* Takes the client the monitor was started with; owns fd from here, also on failure. Somebody else holds it too, so it
 * outlives this process: *behind (may be NULL) is kept at 1 while bytes for it wait here, which a successor would not
 * have. */
int attach_first(struct attach *a, int fd, unsigned int flags, uint32_t *behind) MUST_CHECK;

/* Takes one who waited for the container with his socket (waiting.h); owns fd from here, also on failure. He may be slow, as the one the monitor
 * was started with. */
int attach_waiting(struct attach *a, int fd, unsigned int flags) MUST_CHECK;

/* Whether a client has more to read than it should: nothing is to be sent then, until released() is called. */
bool attach_held(struct attach *a) MUST_CHECK;

/* To every client that wants this type; len <= ATTACH_CHUNK. */
void attach_send(struct attach *a, enum frame_type type, const void *data, size_t len);
void attach_send_exit(struct attach *a, int code, bool known, bool oom_killed);

/* After attach_send_exit(): waits for the client that wanted to settle. False when there is none, or none any more, or it
 * takes longer: then the engine has to be told otherwise. */
bool attach_await_settled(struct attach *a, int timeout_ms) MUST_CHECK;

/* Gives the kernel what clients have not read yet, so that we can go; where it does not take that much, waits for the
 * clients, at most so long. */
void attach_flush(struct attach *a, int timeout_ms);

#endif

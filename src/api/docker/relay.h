/* Between an attached client's connection and a container's monitor: descriptors and frames alone, no store, so that a process that does nothing else
 * need have nothing else.
 *
 * To the client go the bytes as they are (a terminal's), or each piece behind eight bytes that say which stream it is of and how long. From it come bytes
 * for the command's standard input; its half close is their end. */
#ifndef TARE_API_DOCKER_RELAY_H
#define TARE_API_DOCKER_RELAY_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "base/strbuf.h"
#include "engine/detach.h"

struct relay {
	int client;  /* the connection, both ways */
	int monitor; /* speaks wire/frame.h */
	bool framed; /* for the client */
	bool websocket; /* for the client instead: one binary message each (websocket.h) */
	bool input;  /* what the client sends is the command's */
	struct detach *keys; /* that end it, typed; NULL: none do */
	const void *early;   /* what came from the client before */
	size_t n_early;
	const void *heard;   /* what was read of the monitor before: frames that came with the one that was waited for */
	size_t n_heard;
	/* the end, where the monitor told one */
	bool ended;
	int code;
};

enum relay_end {
	RELAY_ENDED,    /* the command did, or its monitor went */
	RELAY_DETACHED, /* by the keys */
	RELAY_GONE      /* the client went */
};

/* Until one of them ends. What is to be said to the client has been sent then; the descriptors stay open. */
int relay_run(struct relay *r, enum relay_end *end, struct err *e) MUST_CHECK;

/* Before the first byte behind a hijacked connection's head: until the client has taken the head, but no longer than a moment. Some read it by a buffer
 * that they throw away when they take the connection for themselves (Python's http.client), and the start of the stream with it. */
void relay_after_head(int client);

/* A piece of a stream in the form that a client has it: which 1 (standard output), 2 (standard error) or 3 (ours). */
#define RELAY_STDOUT 1U
#define RELAY_STDERR 2U
#define RELAY_OURS 3U
#define RELAY_HEADER 8U
void relay_header(unsigned char out[RELAY_HEADER], unsigned int which, size_t len);

#endif

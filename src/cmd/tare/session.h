/* A person or a pipe at one end, a container's streams at the other: until the container ends, or the person leaves. */
#ifndef TARE_CMD_TARE_SESSION_H
#define TARE_CMD_TARE_SESSION_H

#include "engine/client.h"

struct session {
	struct client *client;
	bool tty;          /* the container has a terminal: ours goes raw, its size goes along */
	bool stdin_open;   /* our input is sent */
	bool sig_proxy;    /* signals we get are sent to pidfd */
	bool settles;      /* FRAME_WANT_SETTLE was asked for: the end is the exit, not what the monitor does after it */
	int pidfd;         /* -1: none to send them to */
	void (*resized)(unsigned int rows, unsigned int columns, void *data); /* NULL: nobody is told */
	void *resized_data;
	bool names_keys;         /* whoever leaves by them is told so, as docker's attach and exec do */
	const char *detach_keys; /* NULL: the usual "ctrl-p,ctrl-q"; "" = none */
};

enum session_end { SESSION_EXITED, SESSION_DETACHED, SESSION_LOST };

/* With -i -t: is our input a terminal? ERR_TERMINAL otherwise, as Docker says it; instead: what to do about it. */
int session_check_tty(bool tty, bool interactive, const char *instead, struct err *e) MUST_CHECK;
int session_check_keys(const char *keys, struct err *e) MUST_CHECK;

/* Blocks the signals it will handle: to be called before the container starts, so that none is lost in between. */
void session_block_signals(void);

/* *out is filled with SESSION_EXITED. SESSION_LOST: the monitor hung up without a word. */
int session_run(const struct session *s, enum session_end *end, struct client_exit *out, struct err *e) MUST_CHECK;
/* Once its terminal is as it was: what names_keys asks for. r: what session_run() gave. */
void session_say_left(const struct session *s, int r, enum session_end end);

/* The rest of a command that stays with a running container: the session, then what it takes to know the exit code, and
 * to have the end recorded where this client settles. s->pidfd is filled in. Gives the exit code, 0 when the person
 * left. */
int session_stay(const struct engine *en, const char *id, struct session *s, struct err *e) MUST_CHECK;

#endif

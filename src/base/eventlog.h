/* A bounded file of lines that many processes add to and others follow: DIR/events, and DIR/events.1, what was there before. A line is there
 * whole or not at all, whoever is killed; nothing is synced, for the folder is one of live state. */
#ifndef TARE_BASE_EVENTLOG_H
#define TARE_BASE_EVENTLOG_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "base/cleanup.h"
#include "base/strbuf.h"

/* From this size on a file makes way for the next. */
#define EVENTLOG_MAX (1U << 20)

/* Adds text, lines with their ends, behind what is there. -ENOSPC and the like: nothing of it is there. */
int eventlog_append(int dir, const char *text, size_t len) MUST_CHECK;

/* Reading, from the oldest line that there is. */
struct eventlog {
	int dir;      /* the caller's */
	int old, fd;  /* events.1, until it has been read; events */
	int notify;   /* inotify, from the first eventlog_wait() on */
	off_t at;     /* in the one that is being read */
	struct strbuf text;
	size_t taken; /* of text */
	bool lost;    /* lines went while nobody read them; the reader's to clear */
};
#define EVENTLOG_INIT { .dir = -1, .old = -1, .fd = -1, .notify = -1 }
#define CLEANUP_EVENTLOG CLEANUP(eventlog_close)

int eventlog_open(int dir, struct eventlog *out) MUST_CHECK;
void eventlog_close(struct eventlog *l);
/* The next line, without its end, until the next call: 1; 0: there is none yet. */
int eventlog_next(struct eventlog *l, const char **line, size_t *len) MUST_CHECK;
/* Waits until eventlog_next() may have one, for as long as that (-1: for ever): 1, or 0 when the time is over. Nothing that comes between the
 * two is missed. */
int eventlog_wait(struct eventlog *l, int timeout_ms) MUST_CHECK;
/* For whoever waits for other things, too: the descriptor that polls readable when there may be more (to be asked for before each poll), and
 * whether to look once more before that; after the poll eventlog_clear(). */
int eventlog_watch(struct eventlog *l, bool *look) MUST_CHECK;
void eventlog_clear(struct eventlog *l);

#endif

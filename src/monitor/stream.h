/* One output stream of a container: from its FIFO (or terminal) to the log and the attached clients. */
#ifndef TARE_MONITOR_STREAM_H
#define TARE_MONITOR_STREAM_H

#include <stdbool.h>

#include "base/loop.h"
#include "monitor/attach.h"
#include "monitor/logger.h"
#include "monitor/progress.h"

/* Most bytes looked at at once: more than one record, so that a full look always holds a whole one. */
#define STREAM_LOOK 32768U

/* What all streams of a container share. */
struct stream_sink {
	struct logger *log; /* NULL: none */
	struct attach *attach;
	struct progress *progress;
	int peek[2]; /* a pipe of the process's own, empty between two looks */
	int bin[2];  /* borrowed, a non-blocking pipe that outlives the process: what was logged goes through it; -1: there is none */
	char *buf;   /* STREAM_LOOK bytes */
	struct stream *streams; /* those that are watched */
};

struct stream {
	struct stream_sink *sink;
	enum log_stream which;
	int source;  /* borrowed, non-blocking pipe or FIFO */
	int console; /* borrowed, non-blocking pty master whose output goes through stage and feed into source; or -1 */
	int stage[2], feed;
	struct loop *loop;
	struct loop_source *watch, *again;
	int64_t again_ns; /* how long until the next look after an unfinished line */
	bool held;        /* a client must read first */
	struct stream *next;
};

/* attach's released callback is taken. */
int stream_sink_init(struct stream_sink *k, struct logger *log, struct attach *attach, struct progress *p) MUST_CHECK;
void stream_sink_free(struct stream_sink *k);

/* Starts watching; source -1 is a stream that is not there. */
int stream_watch(struct stream *s, struct loop *loop) MUST_CHECK;
void stream_unwatch(struct stream *s);

/* Takes everything that is there, an unfinished line included; for when nobody writes any more. Does not wait for an
 * end of file that somebody who inherited the stream may hold back. */
void stream_drain(struct stream *s);

#endif

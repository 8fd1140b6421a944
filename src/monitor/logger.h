/* Where a container's output is kept, whatever its log driver is. */
#ifndef TARE_MONITOR_LOGGER_H
#define TARE_MONITOR_LOGGER_H

#include "monitor/description.h"
#include "monitor/journal.h"
#include "monitor/logfile.h"
#include "monitor/logring.h"
#include "monitor/progress.h"

struct logger {
	enum log_driver driver;
	struct logfile file;
	struct journal journal;
	struct strbuf attrs; /* for the file */
	struct logring *ring;      /* its thread has file and journal then; NULL: the container waits for its log */
	struct progress *progress; /* borrowed */
	bool full;                 /* the last write took less than there was: no room there now */
	bool drop;                 /* what there is no room for is lost; a file grows instead */
};
#define LOGGER_INIT { .file = LOGFILE_INIT, .journal = JOURNAL_INIT, .attrs = STRBUF_INIT }

/* What a predecessor had half written goes first. A log that cannot be opened is usable: it is tried again with each write, which counts what
 * is lost. d is borrowed. Gives what the opening failed with, for a message. */
int logger_open(struct logger *l, const struct description_log *d, struct progress *p) MUST_CHECK;
/* Waits a moment for a log that is slow to take what there is for it. */
void logger_close(struct logger *l);

/* Writes the whole records at data; gives their length, which may be less than there are: ask again. more: behind data there is more in the
 * stream, so that something is to be taken. final: takes everything. Leaves the mark in the progress page: it is the caller's who takes the data
 * out of the stream (stream.c). */
size_t logger_write(struct logger *l, enum log_stream stream, const char *data, size_t len, bool more, bool final) MUST_CHECK;

/* After a write that ended with l->full: waits for room, at most so long, after which no write does. */
void logger_wait(struct logger *l, int timeout_ms);

#endif

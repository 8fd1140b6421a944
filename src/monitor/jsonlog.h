/* The log of a container in Docker's json-file format: one line per record,
 * {"log":"text\n","stream":"stdout","time":"2026-11-23T10:00:00.123456789Z"}. A line longer than 16 KiB is split into
 * records of 16,384 bytes without the "\n"; so is what has no line end when the container ends. */
#ifndef TARE_MONITOR_JSONLOG_H
#define TARE_MONITOR_JSONLOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

#include "base/cleanup.h"
#include "base/strbuf.h"

/* A record's most bytes of output, its line end included. */
#define JSONLOG_RECORD 16384U

enum jsonlog_stream { JSONLOG_STDOUT, JSONLOG_STDERR, JSONLOG_STREAMS };

struct jsonlog {
	const char *path; /* borrowed, absolute */
	int fd;           /* -1: it could not be opened (yet) */
	uint64_t size;    /* of the current file */
	uint64_t max_size; /* 0 = never rotate */
	uint32_t max_file; /* files kept, the current one included; >= 1 */
	uint64_t lost;     /* records that could not be written and are not reported yet */
	int lost_error;    /* why, -errno */
	bool split[JSONLOG_STREAMS];              /* inside of a long line, whose parts carry one time */
	struct timespec split_time[JSONLOG_STREAMS];
	struct strbuf out;
};
#define JSONLOG_INIT { .fd = -1, .max_file = 1, .out = STRBUF_INIT }

/* Opens path for appending (mode 0640), making it. When it fails the log is still usable: every append counts as lost
 * and tries again. */
int jsonlog_open(struct jsonlog *l, const char *path, uint64_t max_size, uint32_t max_file);
void jsonlog_close(struct jsonlog *l);

/* Undoes a write that a predecessor did not finish: cuts the file back to size bytes when it is longer. */
int jsonlog_rewind(struct jsonlog *l, uint64_t size);

/* To be called before each append: opens and rotates as needed, and tells of lost records where it can write again.
 * From here until the append gives back, everything it writes lies behind l->size. */
void jsonlog_prepare(struct jsonlog *l);

/* Writes the whole records at data and gives how many bytes they are; what is left has no line end yet. final: takes
 * everything. Stops early where the file must be rotated: call again until it gives 0. A record that cannot be
 * written (full disk) is dropped and counted. */
size_t jsonlog_append(struct jsonlog *l, enum jsonlog_stream stream, const char *data, size_t len, bool final);

/* Appends what there is as one part of a line, whatever its length. */
size_t jsonlog_append_part(struct jsonlog *l, enum jsonlog_stream stream, const char *data, size_t len);

#endif

/* What stands between a container's output and its log where the container never waits for its log (--log-opt
 * mode=non-blocking): records in memory, and a thread that writes them. What there is no room for is lost, the newest,
 * as in Docker. */
#ifndef TARE_MONITOR_LOGRING_H
#define TARE_MONITOR_LOGRING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

#include "base/cleanup.h"
#include "monitor/logrecord.h"

struct logring;

/* Whole records of one stream that came together. */
struct logring_batch {
	struct logring_batch *next;
	enum log_stream stream;
	bool part;            /* all of it is one part of a line, whatever its length */
	bool final;           /* its last record may have no line end */
	uint64_t lost;        /* records that there was no room for before these */
	struct timespec time; /* when they came */
	size_t len;           /* may be 0, where there is nothing but lost ones to be told of */
	char data[];
};

/* Called by the thread, and may take as long as it takes. */
typedef void (*logring_fn)(const struct logring_batch *b, void *data);

/* max: bytes of output that may wait, one record at least. *out is owned. */
int logring_begin(size_t max, logring_fn write, void *data, struct logring **out) MUST_CHECK;
/* As logger_write(), and never waits. */
size_t logring_put(struct logring *r, enum log_stream stream, const char *data, size_t len, bool more,
		   bool final) MUST_CHECK;
/* The write that is going on should give up what it waits for: logring_end() has waited long enough for it. */
bool logring_hurries(const struct logring *r) MUST_CHECK;
/* Waits until all is written, at most so long and then a moment for whoever minds logring_hurries(). False: a write
 * hangs in the kernel, the thread is left to itself with whatever it uses; only the end of the process is to come. */
bool logring_end(struct logring *r, int timeout_ms) MUST_CHECK;

#endif

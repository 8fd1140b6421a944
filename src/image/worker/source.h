/* Bytes of the archive: a stretch of a file (by pread, so many threads may read one file), or a stream. */
#ifndef TARE_WORKER_SOURCE_H
#define TARE_WORKER_SOURCE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"

struct source {
	int fd;          /* borrowed */
	bool stream;     /* read(2) from where it is, to its end; else: */
	uint64_t offset; /* next byte */
	uint64_t left;   /* bytes until the end of the stretch */
};

/* Reads until len bytes or the end; a stretch that ends before `left` is ERR_INVALID ("truncated"). */
ssize_t source_read(void *src, void *buf, size_t len, struct err *e) MUST_CHECK;

#endif

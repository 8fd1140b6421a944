/* Packed bytes: a stretch of a file (by pread, so many threads may read one file), a stream, or a blob that is still
 * arriving. */
#ifndef TARE_WORKER_SOURCE_H
#define TARE_WORKER_SOURCE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"

struct gather;

struct source {
	int fd;          /* borrowed */
	bool stream;     /* read(2) from where it is, to its end; else: */
	uint64_t offset; /* next byte */
	uint64_t left;   /* bytes until the end of the stretch */
	struct gather *gather; /* the bytes come from there, fd is not used */
	size_t blob;           /* of gather's */
};

/* Reads until len bytes or the end; a stretch that ends before `left` is ERR_INVALID ("truncated"). */
ssize_t source_read(void *src, void *buf, size_t len, struct err *e) MUST_CHECK;

#endif

/* Reading a container's log, with the files it was rotated into. */
#ifndef TARE_ENGINE_LOGS_H
#define TARE_ENGINE_LOGS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "engine/engine.h"
#include "engine/logline.h"

struct log_query {
	int64_t tail;         /* last records; -1 = all */
	int64_t since, until; /* ns since the epoch, 0 = no bound */
	bool follow;          /* goes on until the container ends */
	int gone;             /* a descriptor whose hang-up ends that, too; 0: none */
};

/* rec NULL: that is all for now, what was gathered should be shown. A negative result ends the reading and is given back. */
typedef int (*log_record_fn)(const struct log_record *rec, void *data);

/* what: a container. ERR_UNSUPPORTED with --log-driver none. */
int logs_read(const struct engine *en, const char *what, const struct log_query *q, log_record_fn fn, void *data,
	      struct err *e) MUST_CHECK;

/* The same on files whose lines parse takes apart: path, path.1 (older), path.2… without following. */
int logs_read_files(const char *path, logline_fn parse, const struct log_query *q, log_record_fn fn, void *data, struct err *e) MUST_CHECK;

#endif

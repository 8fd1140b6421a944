/* What one run of tare-worker is about, and what all its threads share: the request, the handles, the limits, the
 * report, and the flag that stops everybody after the first failure. */
#ifndef TARE_WORKER_TASK_H
#define TARE_WORKER_TASK_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/json.h"
#include "image/limits.h"
#include "image/platform.h"

/* Handles as the caller places them (src/image/unpack.h). */
#define WORKER_REQUEST_FD 3
#define WORKER_INPUT_FD 4
#define WORKER_REPORT_FD 5
#define WORKER_STAGING_FD 6
#define WORKER_BLOBS_FD 7
#define WORKER_LAYERS_FD 8
#define WORKER_LANES_FD 9 /* of pull: so many as the request says, and then for each blob its partial file and its map */

struct task {
	const char *name;         /* of the input, for messages */
	bool any_platform;        /* import: the archive says nothing about it */
	struct platform platform; /* wanted */
	bool platform_given;      /* by --platform, not by the machine */
	struct image_limits limits;
	int input;   /* the archive, or an OCI layout folder */
	int staging; /* becomes blobs/, layers/ and spool/ of the ingest */
	int blobs, layers; /* what the store has already; for looking only */
	int report;
	bool files;                /* import: a tar of files, not of a layer */
	bool no_nodes;             /* who unpacks has no right to make devices */
	unsigned int threads; /* layers unpacked at a time */
	pthread_mutex_t report_lock;
	atomic_bool cancelled;
	atomic_uint_least64_t unpacked; /* bytes of all layers so far, against limits.unpacked_bytes */
};

/* Reads the request, whose own parts a verb finds in *doc; all lives in a. */
int task_read(struct task *t, struct arena *a, int request, const struct json **doc, struct err *e) MUST_CHECK;

/* After the first failure everybody else gives up at the next block. */
static inline bool task_cancelled(struct task *t)
{
	return atomic_load_explicit(&t->cancelled, memory_order_relaxed);
}
int task_cancelled_error(struct err *e);

#endif

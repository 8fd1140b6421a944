/* A tree into a layer, a tar packed with gzip, or into a plain tar; the same for the same tree. */
#ifndef TARE_WORKER_PACK_H
#define TARE_WORKER_PACK_H

#include "image/worker/task.h"

/* t->input is the tree; what a container or a build made of it is not trusted. doc: the request, whose "opaque" lists
 * the folders that hide what is below them, whose "skip" paths that are left out; "live": others write into it meanwhile.
 * Leaves staging/blobs/HEX, or with "plain" writes a tar of it alone to WORKER_LANES_FD, and reports. */
int pack_run(struct task *t, const struct json *doc, struct err *e) MUST_CHECK;

#endif

/* A tree into a layer: a tar, packed with gzip, that is the same for the same tree. */
#ifndef TARE_WORKER_PACK_H
#define TARE_WORKER_PACK_H

#include "image/worker/task.h"

/* t->input is the tree; what a container or a build made of it is not trusted. doc: the request, whose "opaque" lists
 * the folders that hide what is below them. Leaves staging/blobs/HEX and reports. */
int pack_run(struct task *t, const struct json *doc, struct err *e) MUST_CHECK;

#endif

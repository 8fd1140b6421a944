/* Finds the images of an archive, chooses by platform, and has their layers unpacked. */
#ifndef TARE_WORKER_IMAGES_H
#define TARE_WORKER_IMAGES_H

#include "image/worker/task.h"

/* The whole of `tare-worker load` and `tare-worker import`; the report says what came of it. */
int images_load(struct task *t, struct arena *a, struct err *e) MUST_CHECK;
int images_import(struct task *t, struct err *e) MUST_CHECK;

#endif

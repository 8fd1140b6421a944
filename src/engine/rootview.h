/* The files of a container as its image has them: with the image's user ids, apart from what is mounted in it, and without a change to
 * what the container has, which may run. */
#ifndef TARE_ENGINE_ROOTVIEW_H
#define TARE_ENGINE_ROOTVIEW_H

#include "base/arena.h"
#include "engine/engine.h"
#include "engine/record.h"

struct rootview {
	int upper;                 /* what it wrote: a detached mount; of one with --rootfs all of it */
	int userns;                /* that maps its ids; -1: they are as they are */
	const char *upper_path;    /* absolute */
	const char *const *chains; /* of the image's layers, topmost first */
	const char *const *layers; /* their folders, absolute */
	int *lowers;               /* and those open, O_PATH */
	size_t n_lowers;
	const char *const *stubs;  /* where something is mounted, relative; NULL-terminated */
	bool folder;               /* of --rootfs */
	bool of_user;
};
#define ROOTVIEW_INIT { .upper = -1, .userns = -1 }
#define CLEANUP_ROOTVIEW CLEANUP(rootview_end)

/* Strings live in a. Whoever asks holds the container's operation lock, or it may be removed meanwhile. ERR_UNSUPPORTED: the store's file
 * system cannot be id-mapped, or it is the container of a build. */
int rootview_open(const struct engine *en, struct arena *a, const struct record *rec, struct rootview *out, struct err *e) MUST_CHECK;
/* What a new container of that kind begins with, alone: the image's layers, or the folder of --rootfs, in lowers. */
int rootview_layers(const struct engine *en, struct arena *a, const struct record *rec, struct rootview *out, struct err *e) MUST_CHECK;
/* All of it as one tree, read-only: fd of a detached mount. */
int rootview_mount(const struct rootview *v, struct arena *a, struct err *e) MUST_CHECK;
void rootview_end(struct rootview *v);

#endif

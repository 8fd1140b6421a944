/* What a new container's folder holds before its first start, and what must be there before each. */
#ifndef TARE_ENGINE_PREPARE_H
#define TARE_ENGINE_PREPARE_H

#include "engine/spec.h"

/* upper/ and work/ of the overlay, hostname, hosts, resolv.conf, the folders of missing -v sources; volumes are volume_use.h's. lowers: O_PATH fds of the image's layers, topmost first. */
int prepare_container(const struct plan *p, int dir, const int *lowers, size_t n_lowers,
		      struct err *e) MUST_CHECK;

/* The host's side of a -v: made as a folder when there is nothing, as in Docker. */
int prepare_source(const char *path, struct err *e) MUST_CHECK;
/* That of a --mount, or what a volume stands for (its name, else NULL): it is there. */
int prepare_existing(const char *path, const char *volume, struct err *e) MUST_CHECK;
/* One or the other, as the bind has it. */
int prepare_bind(const struct plan_bind *b, struct err *e) MUST_CHECK;

#endif

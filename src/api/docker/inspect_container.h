/* What inspect says of a container: Docker's members, and some of our own (ExitKnown, Cgroup, IdMap, Rootfs). */
#ifndef TARE_API_DOCKER_INSPECT_CONTAINER_H
#define TARE_API_DOCKER_INSPECT_CONTAINER_H

#include "base/json.h"
#include "engine/engine.h"
#include "engine/record.h"

/* One object. size: with what it takes, for which its files are walked. ERR_NOTFOUND: there is no such container. */
int inspect_container(const struct engine *en, struct arena *a, const char *what, bool size, struct json_writer *w, struct err *e) MUST_CHECK;
/* SizeRw and SizeRootFs, in an object that is open: it takes a walk over its files. */
void container_write_size(const struct engine *en, struct arena *a, const struct record *rec, struct json_writer *w);

#endif

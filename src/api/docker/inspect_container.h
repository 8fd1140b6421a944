/* What inspect says of a container: Docker's members, and some of our own (ExitKnown, Cgroup, IdMap, Rootfs). */
#ifndef TARE_API_DOCKER_INSPECT_CONTAINER_H
#define TARE_API_DOCKER_INSPECT_CONTAINER_H

#include <sys/stat.h>
#include <sys/types.h>

#include "base/json.h"
#include "engine/engine.h"
#include "engine/record.h"

/* One object. size: with what it takes, for which its files are walked. ERR_NOTFOUND: there is no such container. */
int inspect_container(const struct engine *en, struct arena *a, const char *what, bool size, struct json_writer *w, struct err *e) MUST_CHECK;
/* One that was told before: its text, without what is looked at anew each time. */
struct inspect_told {
	struct record rec;
	bool checked; /* its health is */
	pid_t pid;    /* as it lived then */
	uint64_t start_time;
	struct stat kept; /* the description that was kept (inspect_kept.h) */
	bool of_catalog;  /* apart from these: else it is not to be told again */
	struct { size_t begin, end; } state, execs; /* where in the text they stand, from the comma on */
	const char *text;
	size_t len;
};
/* The same, without size. told: filled, but for text and len; rec lives as long as a. */
int inspect_container_told(const struct engine *en, struct arena *a, const char *what, struct json_writer *w, struct inspect_told *told, struct err *e) MUST_CHECK;
/* The container told of, as it is now. 1: written; 0: it is another than it was, and nothing is written. */
int inspect_container_again(const struct engine *en, struct arena *a, const struct inspect_told *told, struct json_writer *w, struct err *e) MUST_CHECK;
/* SizeRw and SizeRootFs, in an object that is open: it takes a walk over its files. */
void container_write_size(const struct engine *en, struct arena *a, const struct record *rec, struct json_writer *w);

#endif

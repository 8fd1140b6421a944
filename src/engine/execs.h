/* Processes in containers that are asked for first and started later, by whoever has their id (Docker's API). What was asked for is a file beside their
 * state, STATE/ID/exec/EXECID.kept, so it is nobody's memory: it survives who made it, goes with the container's life, and some time after its end,
 * sooner where there are many. */
#ifndef TARE_ENGINE_EXECS_H
#define TARE_ENGINE_EXECS_H

#include "base/arena.h"
#include "base/json.h"
#include "engine/client.h"
#include "engine/engine.h"
#include "engine/record.h"

struct kept_exec {
	const char *id, *container;
	const struct json *config; /* as execs_create() was given it */
	bool begun;                /* somebody started it, or is at it */
	bool running, ended;       /* ended: code is its exit code */
	int64_t pid;
	int code;
};

/* With a container that runs; config: an object, in JSON. id: its id. ERR_CONFLICT: too many of it wait to be started. */
int execs_create(const struct engine *en, const struct record *rec, const struct strbuf *config, char id[ID_LEN + 1], struct err *e) MUST_CHECK;
/* ERR_NOTFOUND. */
int execs_find(const struct engine *en, struct arena *a, const char *id, struct kept_exec *out, struct err *e) MUST_CHECK;
/* What has become of one that was found since then (running, ended, pid, code). Nothing is kept of it: to be asked again and again. ERR_NOTFOUND. */
int execs_look(const struct engine *en, struct kept_exec *x, struct err *e) MUST_CHECK;
/* Whoever is first may start it, the others get ERR_CONFLICT. */
int execs_begin(const struct engine *en, const struct kept_exec *x, struct err *e) MUST_CHECK;
/* It could not be started: that is its end. */
void execs_failed(const struct engine *en, const struct kept_exec *x, int code);
/* The monitor of one that runs; want as client_connect() has it. ERR_UNAVAILABLE. */
int execs_connect(const struct engine *en, const struct kept_exec *x, unsigned char want, struct client *out, struct err *e) MUST_CHECK;

#endif

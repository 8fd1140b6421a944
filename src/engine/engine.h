/* The engine: tare's containers as library calls over the state on disk. One struct per process; commands and, later,
 * API servers are equal users of it. docs/formats.md has the layout of the two folders. */
#ifndef TARE_ENGINE_ENGINE_H
#define TARE_ENGINE_ENGINE_H

#include <limits.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "engine/catalog.h"
#include "engine/rootless.h"
#include "sys/proc.h"

#define ENGINE_ROOT "/var/lib/tare"
#define ENGINE_STATE "/run/tare"

struct json;
struct surroundings;
struct engine {
	char root[PATH_MAX], state[PATH_MAX]; /* absolute */
	int root_fd, state_fd;
	struct catalog *catalog;
	char boot_id[PROC_BOOT_ID_LEN];
	struct rootless user; /* on: an ordinary user's */
	const struct json *auths; /* what registries are told of who we are (credential_among()); NULL: what is kept here */
	const struct surroundings *around; /* surroundings.h, of who opened it; NULL: nothing beside the machine's own files */
	char *instead; /* engine_look(): the folder that stands for a store that is not there */
};

/* Opens (and makes, where missing) both folders and the catalog. NULL: ENGINE_ROOT, ENGINE_STATE; of an ordinary user his own
 * (rootless.h), and then we are in his user namespace afterwards. */
int engine_open(struct engine *en, const char *root, const char *state, struct err *e) MUST_CHECK;
/* The same for who only looks, of a store that may not be there: then none is made, and what he sees is an empty one, in a folder for temporary
 * files that goes with engine_close(). Nothing of it may stay: what is to be there later is made by engine_open(). */
int engine_look(struct engine *en, const char *root, const char *state, struct err *e) MUST_CHECK;
/* Opens the catalog alone, for reading: nothing is made, locked or entered, and what is missing or not for us to read is an error. */
int engine_glance(struct engine *en, const char *root, struct err *e) MUST_CHECK;
void engine_close(struct engine *en);
#define ENGINE_INIT { .root_fd = -1, .state_fd = -1 }
#define CLEANUP_ENGINE CLEANUP(engine_close)

/* The path of the running tare itself; in tared, of the tare beside it. */
int engine_self(char out[PATH_MAX], struct err *e) MUST_CHECK;
/* A helper program ("tare-monitor"): beside tare itself (a build folder), else in ../libexec/tare/ from there. */
int engine_program(const char *name, char out[PATH_MAX], struct err *e) MUST_CHECK;

#endif

/* A container that runs one command for somebody who waits for it, and is gone then: a RUN of a build. Its row, which
 * its network and its id range hang on, is there while it runs and never longer; when its caller dies it ends. */
#ifndef TARE_ENGINE_STEP_H
#define TARE_ENGINE_STEP_H

#include "base/arena.h"
#include "engine/engine.h"
#include "engine/options.h"

struct step_args {
	struct ct_options options; /* step, image, args and what else it needs; the rest is set here */
	/* What the command says, on its standard error or not; data as given. */
	void (*output)(bool error, const void *bytes, size_t len, void *data);
	void (*container)(const char *id, void *data); /* its id while it has one, then "" */
	void *data;
};

/* What no step could be run with is refused before there is one. Of options what is said of all steps; the networks may be none. */
int step_check(const struct engine *en, struct arena *a, const struct ct_options *options, struct err *e) MUST_CHECK;

/* Runs it to its end. *code as a shell has it. */
int step_run(const struct engine *en, struct arena *a, const struct step_args *args, int *code, struct err *e) MUST_CHECK;

#endif

/* Another process in a running container. */
#ifndef TARE_ENGINE_EXEC_H
#define TARE_ENGINE_EXEC_H

#include "engine/client.h"
#include "engine/record.h"
#include "engine/options.h"
#include "engine/service.h"

struct exec_options {
	struct strv args, env, env_files;
	const char *user, *workdir; /* NULL: the container's */
	bool tty, open_stdin, privileged;
	unsigned int attach; /* FRAME_WANT_* */
	const struct service *service; /* whose descriptors it gets; NULL: none */
	const char *id; /* of one that is kept (execs.h); NULL: one is made up */
};

/* What was made: for what is told of it afterwards (engine/events.h). */
struct exec_made {
	char container[ID_LEN + 1], id[ID_LEN + 1];
};

/* Starts it and waits until it runs; its streams and its end come over *out as a container's do. */
int container_exec(const struct engine *en, const char *what, const struct exec_options *opt, struct client *out,
		   struct exec_made *made, struct err *e) MUST_CHECK;

#endif

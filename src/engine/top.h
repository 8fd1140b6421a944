/* The processes of a container, as the host sees them. */
#ifndef TARE_ENGINE_TOP_H
#define TARE_ENGINE_TOP_H

#include <sys/types.h>

#include "base/strbuf.h"
#include "engine/engine.h"

struct top_process {
	pid_t pid, ppid;          /* on the host */
	uid_t uid;                /* in the container */
	char user[12];            /* as ps(1) has it: the name that the host has for it, "systemd+" when that is long; its number where it has none, or the container ids of its own */
	unsigned int cpu_percent; /* of one CPU, since it started */
	unsigned int cpu_seconds;
	char started[16];         /* "14:03", or "Nov23" when not today */
	char tty[16];
	char command[1024];
};

typedef void (*top_fn)(const struct top_process *p, void *data);
/* what: a running container. Processes that end meanwhile are left out. */
int top_read(const struct engine *en, const char *what, top_fn fn, void *data, struct err *e) MUST_CHECK;

/* Their ids on the host, to be free()d; who asks is told as the event "top". */
int top_pids(const struct engine *en, const char *what, pid_t **out, size_t *n, struct err *e) MUST_CHECK;

/* What the machine's ps shows of them by these options of its own (NULL-terminated), as it writes it. ERR_INVALID: what ps says against
 * them, or there is no column PID; ERR_UNAVAILABLE: there is no ps. */
int top_by_ps(const struct engine *en, const char *what, const char *const *options, struct strbuf *out, struct err *e) MUST_CHECK;

#endif

/* Containers whose live state was taken from under them: somebody wiped the state folder while they ran. What lives is found by its cgroup,
 * which goes by the container's id; one without a cgroup of its own cannot be found, and counts as ended. */
#ifndef TARE_ENGINE_LOST_H
#define TARE_ENGINE_LOST_H

#include <stdbool.h>
#include <stdint.h>

#include "engine/engine.h"
#include "engine/record.h"

/* Whether STATE/ID is not there. */
bool lost_state(const struct engine *en, const char *id);
/* The row says that it runs, STATE/ID is not there, and there are processes in its cgroup. */
bool lost_lives(const struct engine *en, const struct record *rec);
/* Of such a one: ERR_CONFLICT, which says what is the matter and who ends it. */
int lost_error(const struct engine *en, const struct record *rec, struct err *e) MUST_CHECK;
/* Sends its first process a signal; ERR_BUSY when it has just ended. */
int lost_signal(const struct record *rec, int signal, struct err *e) MUST_CHECK;
/* As container_stop() ends one: the signal, after timeout_s (below zero: never) SIGKILL for all of it; then its end is recorded, with an exit
 * code that nobody knows. ERR_BUSY when processes live on. */
int lost_end(const struct engine *en, const struct record *rec, int signal, int64_t timeout_s, struct err *e) MUST_CHECK;

#endif

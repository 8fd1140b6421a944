/* Processes in containers whose monitor was killed: nobody told their end. */
#ifndef TARE_ENGINE_EXEC_LEFT_H
#define TARE_ENGINE_EXEC_LEFT_H

#include "engine/engine.h"
#include "engine/record.h"

/* Tells the end of those that have ended (exec_die, its code unknown: 255), and removes what is written of them. One
 * that is still at work is left to the next time; a container's end ends them all. To be called before that is told,
 * and by who was with one: not by each exec, of which there may be thousands. */
void exec_tell_left(const struct engine *en, const struct record *rec);
/* The same of one whose monitor hung up just now: both may take some ms to be gone. One that goes on is left, too. */
void exec_tell_lost(const struct engine *en, const struct record *rec, const char *id);

/* Ids of those that run in a container, NULL-terminated and in no order; NULL: there are none, or nobody can say. */
const char *const *exec_running(const struct engine *en, struct arena *a, const char *container);

#endif

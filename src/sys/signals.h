/* Signals of a process that is about to become another program. */
#ifndef TARE_SYS_SIGNALS_H
#define TARE_SYS_SIGNALS_H

#include "base/cleanup.h"

/* Every signal at its default, none blocked: the two that libc keeps for itself (32, 33) too, which sigaction(3) hides
 * and whoever started us may have ignored. Async-signal-safe, so it may follow a clone or vfork. 0/-errno. signal(7) */
int signals_reset(void) MUST_CHECK;

/* Lets SIGHUP, SIGINT, SIGQUIT and SIGTERM end this process (128 + signal) until its next exec, although it is PID 1 of
 * a namespace, which the kernel shields from every signal that it has no handler for (kill(2), NOTES). 0/-errno. */
int signals_let_end(void) MUST_CHECK;

#endif

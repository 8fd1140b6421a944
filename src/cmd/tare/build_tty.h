/* A build on a terminal: a line for each step that is done, and below them, written over as they go on, the steps that are
 * at work: how long, and what their commands said last. */
#ifndef TARE_CMD_TARE_BUILD_TTY_H
#define TARE_CMD_TARE_BUILD_TTY_H

#include "build/build.h"

struct build_tty;

/* fd: the terminal, borrowed. NULL: no memory, or no thread. Time goes on by a thread; it is no part of processes that are
 * forked from us. */
struct build_tty *build_tty_begin(int fd);
void build_tty_event(struct build_tty *t, const struct build_event *ev);
/* Leaves the cursor below all of it. well: else what was at work did not come to its end. NULL allowed. */
void build_tty_end(struct build_tty *t, bool well);

#endif

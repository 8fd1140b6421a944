/* Where in a file an error is. */
#ifndef TARE_BUILD_BLAME_H
#define TARE_BUILD_BLAME_H

#include "base/err.h"

/* Puts "line N: " and, unless it is NULL, the beginning of text in front of e's message, and makes all of it harmless
 * for a terminal: the files of a build are a stranger's. Returns e->code. */
int df_blame(struct err *e, unsigned int line, const char *text);
/* Of what the base image left to be done: from is the instruction of that line. */
int df_blame_trigger(struct err *e, unsigned int line, const char *from, const char *trigger);

#endif

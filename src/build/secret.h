/* The secrets of --secret. */
#ifndef TARE_BUILD_SECRET_H
#define TARE_BUILD_SECRET_H

#include "build/work.h"

/* What the one of this id is, NUL-terminated, to be free()d. 1; 0: the command line has none. */
int secret_read(const struct build *b, const char *id, char **out, size_t *len, struct err *e) MUST_CHECK;

#endif

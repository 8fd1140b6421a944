/* What is read before anything is built: the Dockerfile and the lists of what is left out of the context, which may be anybody's. */
#ifndef TARE_BUILD_DOCUMENT_H
#define TARE_BUILD_DOCUMENT_H

#include <stddef.h>

#include "base/err.h"

/* All of a file, at most max bytes, into *text (the caller frees it). 1: there is nothing of that name.
 * In a context links are followed, and never out of it; what is no file is not opened. With AT_FDCWD it is what the caller names, of any kind. */
int document_read(int context, const char *name, size_t max, char **text, size_t *len, struct err *e) MUST_CHECK;
int document_read_stdin(size_t max, char **text, size_t *len, struct err *e) MUST_CHECK;

#endif

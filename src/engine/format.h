/* The number of the layout of ROOT (docs/formats.md): ROOT/format, a line, written before anything else is made there. */
#ifndef TARE_ENGINE_FORMAT_H
#define TARE_ENGINE_FORMAT_H

#include "base/cleanup.h"
#include "base/err.h"

#define FORMAT_NUMBER "1"

/* The folder of root_fd (path: for messages) is of our format. Where the file is not, it is written: the folder is new, or its store is one
 * of the time before the number, when there was no other layout than this. ERR_UNSUPPORTED: another number; nothing was touched. */
int format_check(int root_fd, const char *path, struct err *e) MUST_CHECK;

#endif

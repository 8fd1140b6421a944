/* The modes of files that --chmod asks for: octal, or chmod(1)'s "u=rwX,go-w". */
#ifndef TARE_BUILD_FILEMODE_H
#define TARE_BUILD_FILEMODE_H

#include <stdbool.h>
#include <sys/types.h>

#include "base/cleanup.h"

/* What text makes of a mode (12 bits); is_dir counts for X. No mask of the process has a part in it. -EINVAL: text is
 * neither. POSIX.1-2024, XCU chmod. */
int df_filemode(const char *text, mode_t old, bool is_dir, mode_t *out) MUST_CHECK;

#endif

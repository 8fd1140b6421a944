/* What is in a folder, in an order that is the same everywhere: layers and contexts are read by it. */
#ifndef TARE_IMAGE_FOLDER_H
#define TARE_IMAGE_FOLDER_H

#include <stddef.h>

#include "base/arena.h"
#include "base/err.h"

/* The names in dir (a handle, borrowed), sorted by their bytes, without "." and ".."; array and names are in a. */
int folder_list(struct arena *a, int dir, const char ***out, size_t *n, struct err *e) MUST_CHECK;

#endif

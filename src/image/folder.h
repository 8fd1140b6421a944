/* What is in a folder, in an order that is the same everywhere: layers and contexts are read by it. */
#ifndef TARE_IMAGE_FOLDER_H
#define TARE_IMAGE_FOLDER_H

#include <stddef.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/strbuf.h"

/* The names in dir (a handle, borrowed), sorted by their bytes, without "." and ".."; array and names are in a. */
int folder_list(struct arena *a, int dir, const char ***out, size_t *n, struct err *e) MUST_CHECK;

/* Calls fn for each of them, in the folder's own order, while path, which is dir's own ("": the top of a tree), has the name at its end.
 * Negative: fn's word, by which it ends; where dir is the top, the message begins with the whole path of what failed. */
typedef int (*folder_fn)(int dir, const char *name, void *data, struct err *e);
int folder_each(int dir, struct strbuf *path, folder_fn fn, void *data, struct err *e) MUST_CHECK;

#endif

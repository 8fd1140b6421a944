/* Whether two trees of files are the same: names, kinds, modes, owners, times of last change, attributes, contents, how many names a file
 * has; but of overlayfs' whiteouts (devices 0:0) not the time, which is nobody's. Neither is trusted with anything: no link is followed. */
#ifndef TARE_IMAGE_COMPARE_H
#define TARE_IMAGE_COMPARE_H

#include <stdint.h>

#include "base/err.h"

/* A difference: the path below the trees ("." is the root), as a message may show it, and what is wrong with it in the second tree. */
typedef void (*compare_fn)(const char *path, const char *what, void *data);

/* The tree that one wants against the tree that is there (open folders; borrowed). Gives how many differences were told of; after `most`
 * nothing more is looked for. An error is that one could not look. */
int compare_trees(int want, int have, unsigned int most, compare_fn fn, void *data, struct err *e) MUST_CHECK;

/* One thing of two trees (O_PATH; borrowed): kind, mode, owner, attributes; of what is no folder also time and content. What is in folders, their
 * times and how many names a file has count for nothing. 1: the same; 0: not. */
int compare_things(int want, int have, struct err *e) MUST_CHECK;

#endif

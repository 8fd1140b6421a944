/* Copies one folder of an image, as its layers show it together, into a folder of ours: the first content of a
 * container's own volume. */
#ifndef TARE_ENGINE_COPYTREE_H
#define TARE_ENGINE_COPYTREE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

struct copytree_ids {
	uint32_t base, size; /* id n of the image becomes base + n; one that does not fit becomes base */
	bool whole; /* it is no image, but a folder of this machine: all its attributes, ACLs, FIFOs and device nodes, too, and nothing in it means that something is gone */
	bool tar; /* it is no image, but an unpacked tar: a folder of time 0 has no entry there, and says nothing about one that exists */
};

/* lowers: O_PATH fds, topmost first. path: relative, below each. Fills dirfd/name, which exists, with the content, mode,
 * owners and times; where no layer has a folder at path it is left alone. Several names of a file stay one; extended attributes are user.* and, with base 0,
 * a program's capabilities. Device nodes, sockets and FIFOs are left out. Holes of files stay holes. */
int copytree_from_layers(const int *lowers, size_t n, const char *path, int dirfd, const char *name,
			 const struct copytree_ids *ids, struct err *e) MUST_CHECK;

#endif

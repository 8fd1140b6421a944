/* A tar stream of our own making: POSIX.1-2024, pax (XCU, pax, "pax Interchange Format"). The same entries give the same
 * bytes with every version of every library, which is what a layer's digest lives on: so it is written here, not by
 * libarchive. Fields that ustar has no room for go into an extended header, and into nothing else; no access times, no
 * names of users. */
#ifndef TARE_WORKER_TAROUT_H
#define TARE_WORKER_TAROUT_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/strbuf.h"

struct tarout_xattr {
	const char *name;
	const void *value;
	size_t len;
};

struct tarout_entry {
	const char *path; /* relative; of a folder without a slash at its end */
	mode_t mode;
	uint32_t uid, gid;
	int64_t mtime; /* seconds */
	uint64_t size; /* of a regular file */
	const char *link; /* symlink: its text; hard link: the path of the first of its names */
	bool hard_link;
	unsigned int major, minor;             /* of a device */
	const struct tarout_xattr *xattrs; /* in the order they are written in */
	size_t n_xattrs;
};

/* Appends the headers; the content follows, and then tarout_padding(size) zeros. */
void tarout_header(struct strbuf *out, const struct tarout_entry *en);
size_t tarout_padding(uint64_t size);
/* The two blocks at the end. */
void tarout_end(struct strbuf *out);

#endif

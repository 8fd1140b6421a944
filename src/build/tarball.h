/* A tar, packed or not, as a tree for as long as it is wanted: a context on standard input, an archive of ADD. */
#ifndef TARE_BUILD_TARBALL_H
#define TARE_BUILD_TARBALL_H

#include <stdbool.h>
#include <stddef.h>

#include "image/limits.h"
#include "image/store.h"

struct tarball {
	struct store_ingest ingest;
	int root; /* O_RDONLY */
};
#define TARBALL_INIT { .ingest = STORE_INGEST_INIT, .root = -1 }
#define CLEANUP_TARBALL CLEANUP(tarball_close)

enum tarball_kind {
	TARBALL_NONE,
	TARBALL_PLAIN,   /* a tar */
	TARBALL_PACKED,  /* gzip, zstd, bzip2 or xz around something */
};

/* What the first bytes of a file say; 512 are enough. */
enum tarball_kind tarball_kind(const void *head, size_t n);

/* Unpacks fd (a file, from its offset on) by tare-worker, sandboxed as a layer is. worker: its path; name: for messages.
 * ERR_INVALID: it is no tar. */
int tarball_open(const struct store *s, const char *worker, const struct image_limits *limits, int fd, const char *name, struct tarball *out,
		 struct err *e) MUST_CHECK;
/* The same of a tar of files that is nobody's layer: names of whiteouts are names, there may be no entry at all, and what it comes to is as
 * large as the disk takes. */
int tarball_open_files(const struct store *s, const char *worker, int fd, const char *name, struct tarball *out, struct err *e) MUST_CHECK;
/* Harmless when nothing is open. */
void tarball_close(struct tarball *t);

#endif

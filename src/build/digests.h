/* What the files of contexts contain, from builds before: the digest of a file by its device, inode, size and times, so that a
 * file that nobody touched is not read again. A file of the store, which may be lost at any time. */
#ifndef TARE_BUILD_DIGESTS_H
#define TARE_BUILD_DIGESTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>

#include "base/cleanup.h"

struct digests_row {
	uint64_t dev, ino, size;
	int64_t mtime, ctime; /* ns since the epoch */
	int64_t used;	      /* days since the epoch */
	unsigned char sum[32];
};

struct digests {
	int root; /* of the store; borrowed; -1: nothing is looked up or kept */
	bool looked;
	void *map;
	size_t map_len;
	const struct digests_row *rows; /* as the file has them: by device and inode */
	size_t n;
	struct digests_row *fresh; /* to be added, owned */
	size_t n_fresh, cap;
};
#define DIGESTS_INIT { .root = -1 }
#define CLEANUP_DIGESTS CLEANUP(digests_close)

/* The file is read when it is asked for first. */
void digests_open(struct digests *d, int root);
void digests_close(struct digests *d);

/* Whether the digest of this file is known. */
bool digests_find(struct digests *d, const struct stat *st, unsigned char sum[32]);
/* It was read, and is sum. before: how it was then; began: clock_now_ns() when reading began; fd: the file, open. Is kept only
 * when nobody can have changed it since without its times showing that. */
void digests_add(struct digests *d, const struct stat *before, int64_t began, int fd, const unsigned char sum[32]);

/* Keeps what was added. Gives 0/-errno; nothing is lost but time when it fails. */
int digests_save(struct digests *d) MUST_CHECK;

#endif

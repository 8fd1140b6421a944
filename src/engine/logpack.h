/* Files of a log that are done, packed by gzip (--log-opt compress): path.N becomes path.N.gz. While both are there the
 * plain one counts. */
#ifndef TARE_ENGINE_LOGPACK_H
#define TARE_ENGINE_LOGPACK_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

/* Which file of a log it is, whatever its name and form are by now. */
struct logpack_id {
	uint64_t inode;
	int64_t born; /* ns since the epoch; 0: the file system does not say */
};

/* Packs the file of fd, which lies at path, into path.gz, and removes it. Until then path.gz is not there. */
int logpack_pack(int fd, const char *path, struct err *e) MUST_CHECK;

/* Opens path.N (path where n is 0), or else path.N.gz: *packed. -errno. */
int logpack_open(const char *path, unsigned int n, bool *packed) MUST_CHECK;
/* Of an open one; -errno. */
int logpack_id(int fd, bool packed, struct logpack_id *out) MUST_CHECK;
static inline bool logpack_same(const struct logpack_id *a, const struct logpack_id *b)
{
	return a->inode == b->inode && a->born == b->born;
}
/* What is packed in fd, as a file without a name (in the folder of path, where that can be) at its beginning. -EBADMSG:
 * damaged. */
int logpack_unpack(int fd, const char *path) MUST_CHECK;

#endif

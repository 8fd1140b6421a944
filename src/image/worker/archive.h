/* The outer archive as a table of named members: a tar (packed or not, file or stream) or an OCI layout folder.
 *
 * A tar file that can be sought is only indexed: its members are read where they are. A stream, or a packed tar, is
 * unpacked into staging/spool, one file a member, since what a member is may be known only at the end. */
#ifndef TARE_WORKER_ARCHIVE_H
#define TARE_WORKER_ARCHIVE_H

#include "base/arena.h"
#include "image/worker/source.h"
#include "image/worker/task.h"

struct member {
	const char *name;    /* clean path */
	size_t number; /* position in the archive */
	uint64_t offset, size;
	unsigned int spool;  /* staging/spool/m-N, 0 = in the archive itself */
	const char *link;    /* symbolic or hard link: clean path of the target; NULL = a file */
};

struct archive_index {
	struct task *task;
	struct arena *arena;
	bool folder;  /* an OCI layout folder: no table, names are looked up */
	struct member *members; /* sorted by name */
	size_t n, cap;
};

int archive_open(struct task *t, struct arena *a, struct archive_index *out, struct err *e) MUST_CHECK;

bool archive_has(const struct archive_index *x, const char *name);

struct member_file {
	int fd; /* owned when own, else the archive's */
	bool own;
	struct source source;
	char spooled[32]; /* "spool/m-N" when it is a file of its own there, else "" */
};
#define MEMBER_FILE_INIT { .fd = -1 }
void member_close(struct member_file *m);
#define CLEANUP_MEMBER CLEANUP(member_close)

/* Opens a member; links to other members are followed. ERR_INVALID when there is none: "X is missing". */
int archive_member(const struct archive_index *x, const char *name, struct member_file *out, struct err *e) MUST_CHECK;

/* All of a small one, in the arena, NUL-terminated. */
int archive_text(const struct archive_index *x, const char *name, size_t max, const char **out, size_t *len,
		 struct err *e) MUST_CHECK;

#endif

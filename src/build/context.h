/* Where the files of a build come from: a folder, a tar or a Dockerfile alone on standard input or at a URL, a git repository. */
#ifndef TARE_BUILD_CONTEXT_H
#define TARE_BUILD_CONTEXT_H

#include "build/work.h"

/* What args->context means; the ingest has begun. A context that is a stranger's is b->foreign: what is opened in it must not lead out. */
int context_open(struct build *b, struct err *e) MUST_CHECK;
void context_close(struct build *b);

/* The files that text means: a folder, a tar by URL, a git repository. where: a name for it below the ingest. *root: to be closed; *tar: whose
 * it is when it is a tar. */
int context_tree(struct build *b, const char *text, const char *where, struct tarball *tar, int *root, struct err *e) MUST_CHECK;

/* All of a URL, at most max bytes, to be free()d. */
int context_fetch_text(struct build *b, const char *url, size_t max, char **text, size_t *len, struct err *e) MUST_CHECK;

#endif

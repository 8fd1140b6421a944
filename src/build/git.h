/* A git repository as the source of an ADD, or as a build's context: by the program git, confined (engine/confined.h). */
#ifndef TARE_BUILD_GIT_H
#define TARE_BUILD_GIT_H

#include "build/source.h"
#include "build/work.h"

/* Which commit src means now, in b's arena: 40 hex digits, or 64. folder: an open one that git may write to. checksum: what it has to be;
 * NULL or "" without. ERR_NOTFOUND: no such branch or tag; ERR_INVALID: it is another; ERR_UNAVAILABLE: what git says. */
int git_resolve(struct build *b, const struct df_source *src, const char *checksum, int folder, const char **commit, struct err *e) MUST_CHECK;

/* Its files, with its submodules' unless src says otherwise, as folder/GIT_TREE; all as old as the commit, so that they are the same whenever
 * they are fetched. keep: .git is left there. */
int git_checkout(struct build *b, const struct df_source *src, const char *commit, bool keep, int folder, struct err *e) MUST_CHECK;
#define GIT_TREE "repository"

#endif

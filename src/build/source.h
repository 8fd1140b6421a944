/* What a source of ADD, or the context of a build, is: files, something to be fetched, or a git repository. */
#ifndef TARE_BUILD_SOURCE_H
#define TARE_BUILD_SOURCE_H

#include "build/dockerfile.h"

enum df_source_kind { DF_SOURCE_FILES, DF_SOURCE_HTTP, DF_SOURCE_GIT };

struct df_source {
	enum df_source_kind kind;
	const char *url;          /* of git: of the repository, without what follows; of files: the text */
	const char *ref, *subdir; /* of git: a branch, tag or commit; a folder of it; NULL without */
	const char *commit;       /* of git: what it has to be; NULL without */
	enum df_choice keep_git_dir, submodules; /* of git, where the text says so */
};

/* git: git://, ssh://, USER@HOST:PATH, and http(s):// of a path that ends with .git; behind it "#REF:SUBDIR", or "?"
 * and the keys ref, tag, branch, subdir, commit (or checksum), keep-git-dir, submodules. HTTP: every other http(s)://.
 * Docker's "Dockerfile reference", ADD, and "Build context", Git repositories. Strings are in a. ERR_INVALID;
 * ERR_UNSUPPORTED for keys that Docker has and tare has not. */
int df_source_parse(struct arena *a, const char *text, struct df_source *out, struct err *e) MUST_CHECK;

#endif

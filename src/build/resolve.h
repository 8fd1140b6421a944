/* An instruction with its variables' values in it. Docker's "Dockerfile reference", Environment replacement, says which
 * have any: not RUN's, CMD's and ENTRYPOINT's own text, which is for a shell; not documents whose name is quoted. */
#ifndef TARE_BUILD_RESOLVE_H
#define TARE_BUILD_RESOLVE_H

#include "build/dockerfile.h"
#include "build/expand.h"

/* out shares with in what stays as it is; both live in a. What can only be checked now is: ports become "80/tcp",
 * signals exist, modes, checksums and sources of ADD are such (build/filemode.h, source.h), mounts are read. ARG stays
 * as it is: its pairs are resolved one by one (build/args.h). The message says what is wrong, not where. */
int df_resolve(struct arena *a, const struct df_vars *vars, const struct df_instruction *in, struct df_instruction *out,
	       struct err *e) MUST_CHECK;

#endif

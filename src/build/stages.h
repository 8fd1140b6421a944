/* Which stages a build needs, and what each stands on. */
#ifndef TARE_BUILD_STAGES_H
#define TARE_BUILD_STAGES_H

#include "build/args.h"

struct df_stage_plan {
	struct df_instruction from; /* with the values of the global ARGs */
	int base;                   /* the stage it stands on; -1: from.from.base is an image, or scratch */
	bool has_platform;
	struct platform platform; /* where has_platform: of --platform */
	const size_t *needs;      /* stages it takes from, its base among them: each has a lower number; each once */
	const size_t *needs_at;   /* the number of the first instruction that does; of the base: 0 */
	size_t n_needs;
	bool needed; /* by the target, which is needed itself */
};

struct df_plan {
	struct df_stage_plan *v; /* one of each stage of the file */
	size_t n;
	size_t target;
};

/* target: a stage's name or number; NULL: the last. What COPY --from and RUN --mount=from name and no stage before is,
 * is an image; a number is never one. ERR_NOTFOUND for a target that there is not, ERR_INVALID with "line N: " for the
 * others. Everything is in a. */
int df_plan(struct arena *a, const struct df_file *f, struct df_scope *global, const char *target, struct df_plan *out,
	    struct err *e) MUST_CHECK;

#endif

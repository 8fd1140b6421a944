/* One line of a Dockerfile as a typed instruction: the rows behind df_parse(). */
#ifndef TARE_BUILD_INSTRUCTION_H
#define TARE_BUILD_INSTRUCTION_H

#include "build/dockerfile.h"

/* line may go afterwards, its arena may not. The message says what is wrong and not where: df_blame() (build/blame.h)
 * does. */
int df_instruction(struct arena *a, const struct df_line *line, char escape, struct df_warnings *warnings,
		   struct df_instruction *out, struct err *e) MUST_CHECK;

#endif

/* What variables mean at an instruction: ARG and ENV, the arguments of the command line, those that are always there.
 * Docker's "Dockerfile reference", ARG and "Understand how ARG and FROM interact".
 *
 * A scope is global (ARG before the first FROM; what FROM itself sees) or of a stage, which begins with the environment
 * of its base and knows of the global ones only what an ARG of its own asks for. df_scope_step() takes it from one
 * instruction to the next. Where ENV and ARG have the same name ENV counts, whichever came later, as the reference has
 * it (BuildKit takes the later one). */
#ifndef TARE_BUILD_ARGS_H
#define TARE_BUILD_ARGS_H

#include "build/dockerfile.h"
#include "build/expand.h"
#include "image/platform.h"

/* What the command line says. Borrowed while a scope is used. */
struct df_inputs {
	const struct df_pair *args; /* --build-arg, values never NULL; of several of one name the last counts */
	size_t n_args;
	struct platform build, target;
	const char *target_stage; /* --target; NULL: "default" */
	const struct df_pair *contexts; /* --build-context: what stands for a stage or an image of that name */
	size_t n_contexts;
};

/* Which of in's contexts stands for this name, with or without ":latest" and Docker Hub's domain; of several the last; -1: none. */
int df_find_context(const struct df_inputs *in, const char *name);

struct df_variable {
	const char *name, *value;
	bool env; /* of ENV or the base image; else of ARG */
};

/* Must not be moved: those made from it, and its vars, point to it. */
struct df_scope {
	struct arena *a;
	const struct df_inputs *in;
	struct df_scope *global; /* NULL: it is that */
	struct df_variable *v;
	size_t n, cap;
	size_t spent;        /* of the global one: the work of all (build/expand.h) */
	struct df_vars vars; /* for df_expand() and df_resolve() */
};

/* The global scope, behind the last of its ARGs. f, in and a are to outlive it. The message begins with "line N: ". */
int df_scope_global(struct arena *a, const struct df_file *f, const struct df_inputs *in, struct df_scope *out,
		    struct err *e) MUST_CHECK;

/* Of a stage whose base is an image with this environment ("NAME=VALUE", NULL-terminated; NULL: scratch). */
int df_scope_stage(struct df_scope *global, const char *const *env, struct df_scope *out, struct err *e) MUST_CHECK;

/* Of a stage whose base is another stage: with what that had at its end, its ARGs too. */
int df_scope_child(const struct df_scope *base, struct df_scope *out, struct err *e) MUST_CHECK;

/* The next instruction: *out with the values in it (build/resolve.h), of ARG the pairs it set (value NULL: unset
 * still); ENV and ARG then count for what follows. The message begins with "line N: ". */
int df_scope_step(struct df_scope *s, const struct df_instruction *in, struct df_instruction *out,
		  struct err *e) MUST_CHECK;
/* The same, and the message does not say where. */
int df_scope_take(struct df_scope *s, const struct df_instruction *in, struct df_instruction *out,
		  struct err *e) MUST_CHECK;

/* NULL when it is not set. */
const char *df_scope_get(const struct df_scope *s, const char *name);

/* As "NAME=VALUE", NULL-terminated, in a: the environment of the image; the ARGs that ENV does not hide; the proxies of
 * the command line, which a RUN has without an ARG, and which are no part of what its result depends on. NULL: no
 * memory. */
enum { DF_OF_ENV = 1, DF_OF_ARG = 2, DF_OF_PROXY = 4 };
const char *const *df_scope_list(const struct df_scope *s, unsigned int which);

/* The arguments of the command line that no ARG of the file asks for and that nothing else is made of: names, for a
 * warning. */
int df_unused_args(struct arena *a, const struct df_file *f, const struct df_inputs *in, struct df_list *out,
		   struct err *e) MUST_CHECK;

#endif

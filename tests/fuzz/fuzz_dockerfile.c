/* build/: a Dockerfile of anybody's. What is accepted has stages, each instruction has lines of the file, in order, and a text; resolving
 * it, with every stage run to its end, ends with values or with one line that begins with a line's number; the plan goes downwards. */
#include <stdlib.h>
#include <string.h>

#include "build/stages.h"

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size);

static void check_error(const struct err *e)
{
	if (e->code >= 0 || !e->msg[0] || strchr(e->msg, '\n'))
		abort();
}

static void check_instruction(const struct df_instruction *what, unsigned int *line)
{
	if (what->first <= *line || what->last < what->first || !what->text || !*what->text || what->kind >= DF_KIND_COUNT)
		abort();
	*line = what->last;
}

static void check_resolved(const struct df_instruction *what)
{
	if ((what->kind == DF_ENV || what->kind == DF_LABEL) && !what->pairs.n)
		abort();
	for (size_t i = 0; (what->kind == DF_ENV || what->kind == DF_LABEL) && i < what->pairs.n; i++)
		if (!*what->pairs.v[i].key || !what->pairs.v[i].value)
			abort();
	if ((what->kind == DF_COPY || what->kind == DF_ADD) && what->copy.sources.n + what->copy.docs.n == 0)
		abort();
	if (what->kind == DF_RUN && (!what->run.command.argv.n || (what->run.n_mounts && !what->run.mounts)))
		abort();
}

/* Images' environments; a trigger is a line of another file. */
static void run_stage(struct arena *a, struct df_scope *global, const struct df_stage *stage)
{
	static const char *const env[] = { "PATH=/usr/bin:/bin", "a=1", NULL };
	struct df_instruction out, trigger;
	struct df_scope s, child;
	struct err e = { 0 };

	if (df_scope_stage(global, env, &s, &e) < 0)
		abort();
	for (size_t i = 0; i < stage->n; i++) {
		if (df_scope_step(&s, &stage->v[i], &out, &e) < 0) {
			check_error(&e);
			if (strncmp(e.msg, "line ", 5) != 0)
				abort();
			return;
		}
		check_resolved(&out);
		if (out.kind == DF_ONBUILD && df_parse_trigger(a, out.trigger, 1, &trigger, &e) < 0)
			check_error(&e);
	}
	if (df_scope_child(&s, &child, &e) < 0 || !df_scope_list(&child, DF_OF_ENV | DF_OF_ARG | DF_OF_PROXY))
		abort();
}

static void check_plan(struct arena *a, const struct df_file *f, struct df_scope *global)
{
	struct df_plan plan;
	struct err e = { 0 };

	if (df_plan(a, f, global, NULL, &plan, &e) < 0) {
		check_error(&e);
		return;
	}
	for (size_t i = 0; i < plan.n; i++) {
		if (plan.v[i].base >= (int)i || (plan.v[i].needed && i > plan.target))
			abort();
		for (size_t k = 0; k < plan.v[i].n_needs; k++)
			if (plan.v[i].needs[k] >= i)
				abort();
	}
}

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size)
{
	static const struct df_pair args[] = { { "a", "x y" }, { "http_proxy", "p" } };
	struct df_inputs in = { .args = args, .n_args = 2 };
	CLEANUP_ARENA struct arena a = ARENA_INIT;
	struct df_scope global;
	struct err e = { 0 };
	unsigned int line = 0;
	struct df_file f;

	platform_make("linux", "amd64", NULL, &in.build);
	in.target = in.build;
	if (df_parse(&a, (const char *)data, size, &f, &e) < 0) {
		check_error(&e);
		return 0;
	}
	if (!f.n_stages)
		abort();
	for (size_t i = 0; i < f.n_args; i++)
		check_instruction(&f.args[i], &line);
	for (size_t i = 0; i < f.n_stages; i++) {
		check_instruction(&f.stages[i].from, &line);
		for (size_t k = 0; k < f.stages[i].n; k++)
			check_instruction(&f.stages[i].v[k], &line);
	}
	if (df_scope_global(&a, &f, &in, &global, &e) < 0) {
		check_error(&e);
		return 0;
	}
	check_plan(&a, &f, &global);
	for (size_t i = 0; i < f.n_stages && i < 32; i++)
		run_stage(&a, &global, &f.stages[i]);
	return 0;
}

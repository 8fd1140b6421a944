#include "build/change.h"

#include "build/args.h"

static bool allowed(enum df_kind kind)
{
	static const enum df_kind kinds[] = { DF_CMD,	     DF_ENTRYPOINT, DF_ENV,  DF_EXPOSE, DF_HEALTHCHECK, DF_LABEL, DF_ONBUILD,
					      DF_SHELL, DF_STOPSIGNAL, DF_USER, DF_VOLUME, DF_WORKDIR };

	for (size_t i = 0; i < ARRAY_LEN(kinds); i++)
		if (kinds[i] == kind)
			return true;
	return false;
}

static int one(struct arena *a, struct conf *c, struct df_scope *scope, const char *text, struct err *e)
{
	struct df_instruction *in = arena_new(a, struct df_instruction), *with = arena_new(a, struct df_instruction);
	int r;

	if (!in || !with)
		return err_errno(e, -ENOMEM, "instruction");
	r = df_parse_line(a, text, in, e);
	if (r == 0 && !allowed(in->kind))
		return err_set(e, ERR_INVALID,
			       "%s is not allowed there: CMD, ENTRYPOINT, ENV, EXPOSE, HEALTHCHECK, LABEL, ONBUILD, SHELL, STOPSIGNAL, USER,"
			       " VOLUME and WORKDIR are",
			       df_kind_name(in->kind));
	if (r == 0)
		r = df_scope_step(scope, in, with, e);
	if (r == 0)
		r = conf_apply(a, c, with, e);
	if (r < 0 || in->kind != DF_ENV)
		return r;
	c->env = df_scope_list(scope, DF_OF_ENV);
	return c->env ? 0 : err_errno(e, -ENOMEM, "environment");
}

int conf_change(struct arena *a, struct conf *c, struct strv changes, struct err *e)
{
	static const struct df_file nothing = { .escape = '\\' };
	struct df_inputs *inputs = arena_new(a, struct df_inputs);
	struct df_scope *scopes = arena_array(a, 2, sizeof(*scopes));
	int r;

	if (!inputs || !scopes)
		return err_errno(e, -ENOMEM, "--change");
	platform_host(&inputs->build);
	inputs->target = inputs->build;
	r = df_scope_global(a, &nothing, inputs, &scopes[0], e);
	if (r == 0)
		r = df_scope_stage(&scopes[0], c->env, &scopes[1], e);
	for (size_t i = 0; r == 0 && i < changes.n; i++) {
		r = one(a, c, &scopes[1], changes.v[i], e);
		if (r < 0)
			return err_ctx(e, "--change \"%s\"", changes.v[i]);
	}
	return r;
}

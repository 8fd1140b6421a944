#include "build/args.h"

#include <string.h>
#include <strings.h>

#include "base/text.h"
#include "build/blame.h"
#include "build/resolve.h"

/* Known to every RUN when the command line has them; in capitals or not. */
static const char *const proxies[] = { "HTTP_PROXY", "HTTPS_PROXY", "FTP_PROXY", "NO_PROXY", "ALL_PROXY" };

/* More variables than any kernel would take for a program of a stage; each look-up goes through them. */
#define MAX_VARIABLES 4096

static int no_memory(struct err *e)
{
	return err_errno(e, -ENOMEM, "the variables of a stage");
}

static struct df_variable *find(const struct df_scope *s, const char *name, bool env)
{
	for (size_t i = 0; i < s->n; i++)
		if (s->v[i].env == env && strcmp(s->v[i].name, name) == 0)
			return &s->v[i];
	return NULL;
}

static int set(struct df_scope *s, const char *name, const char *value, bool env, struct err *e)
{
	struct df_variable *old, *v;

	if (!name || !value)
		return no_memory(e);
	old = find(s, name, env);
	if (old) {
		old->value = value;
		return 0;
	}
	if (s->n == MAX_VARIABLES)
		return err_set(e, ERR_LIMIT, "more than %d variables", MAX_VARIABLES);
	v = arena_grow(s->a, s->v, s->n, &s->cap, sizeof(*v));
	if (!v)
		return no_memory(e);
	s->v = v;
	s->v[s->n++] = (struct df_variable){ name, value, env };
	return 0;
}

const char *df_scope_get(const struct df_scope *s, const char *name)
{
	const struct df_variable *v = find(s, name, true);

	if (!v)
		v = find(s, name, false);
	return v ? v->value : NULL;
}

static const char *get(void *data, const char *name)
{
	return df_scope_get(data, name);
}

/* A name without what it would have by itself. */
static size_t short_name(const char **name)
{
	static const char *const prefixes[] = { "docker.io/", "library/" };
	size_t len;

	for (size_t i = 0; i < ARRAY_LEN(prefixes); i++)
		if (text_starts(*name, prefixes[i]))
			*name += strlen(prefixes[i]);
	len = strlen(*name);
	return text_ends(*name, ":latest") ? len - strlen(":latest") : len;
}

int df_find_context(const struct df_inputs *in, const char *name)
{
	size_t len = short_name(&name);

	for (size_t i = in->n_contexts; i-- > 0;) {
		const char *own = in->contexts[i].key;

		if (short_name(&own) == len && strncmp(own, name, len) == 0)
			return (int)i;
	}
	return -1;
}

static const char *given(const struct df_inputs *in, const char *name)
{
	for (size_t i = in->n_args; i-- > 0;)
		if (strcmp(in->args[i].key, name) == 0)
			return in->args[i].value;
	return NULL;
}

static void begin(struct arena *a, const struct df_inputs *in, struct df_scope *global, char escape,
		  struct df_scope *out)
{
	*out = (struct df_scope){ .a = a, .in = in, .global = global };
	out->vars = (struct df_vars){
		.get = get, .data = out, .escape = escape, .spent = global ? &global->spent : &out->spent
	};
}

/* ---- ARG ---- */

/* The command line counts, then the default, then, in a stage, the global one. Each of several sees those before it. */
static int take_arg(struct df_scope *s, struct df_pair *pair, struct err *e)
{
	const char *value;

	if (df_expand(s->a, &s->vars, pair->key, &pair->key, e) < 0)
		return e->code;
	value = given(s->in, pair->key);
	if (!value && pair->value && df_expand(s->a, &s->vars, pair->value, &value, e) < 0)
		return e->code;
	if (!value && s->global)
		value = df_scope_get(s->global, pair->key);
	pair->value = value;
	return value ? set(s, pair->key, value, false, e) : 0;
}

static int take_args(struct df_scope *s, const struct df_instruction *in, struct df_instruction *out, struct err *e)
{
	*out = *in;
	out->pairs.v = arena_array(s->a, in->pairs.n, sizeof(*out->pairs.v));
	if (!out->pairs.v)
		return no_memory(e);
	for (size_t i = 0; i < in->pairs.n; i++) {
		out->pairs.v[i] = in->pairs.v[i];
		if (take_arg(s, &out->pairs.v[i], e) < 0)
			return e->code;
	}
	return 0;
}

int df_scope_take(struct df_scope *s, const struct df_instruction *in, struct df_instruction *out, struct err *e)
{
	if (in->kind == DF_ARG)
		return take_args(s, in, out, e);
	if (df_resolve(s->a, &s->vars, in, out, e) < 0)
		return e->code;
	for (size_t i = 0; in->kind == DF_ENV && i < out->pairs.n; i++)
		if (set(s, out->pairs.v[i].key, out->pairs.v[i].value, true, e) < 0)
			return e->code;
	return 0;
}

int df_scope_step(struct df_scope *s, const struct df_instruction *in, struct df_instruction *out, struct err *e)
{
	return df_scope_take(s, in, out, e) < 0 ? df_blame(e, in->first, in->text) : 0;
}

/* ---- scopes ---- */

/* What there is without an ARG before the first FROM; in a stage ARG has to ask for it. Versions of operating systems
 * are Windows'. */
enum {
	BUILDPLATFORM,
	BUILDOS,
	BUILDOSVERSION,
	BUILDARCH,
	BUILDVARIANT,
	TARGETPLATFORM,
	TARGETOS,
	TARGETOSVERSION,
	TARGETARCH,
	TARGETVARIANT,
	TARGETSTAGE
};
static const char *const automatic[] = {
	"BUILDPLATFORM", "BUILDOS",         "BUILDOSVERSION", "BUILDARCH",     "BUILDVARIANT", "TARGETPLATFORM",
	"TARGETOS",      "TARGETOSVERSION", "TARGETARCH",     "TARGETVARIANT", "TARGETSTAGE",
};

static int set_automatic(struct df_scope *s, struct err *e)
{
	const struct platform *b = &s->in->build, *t = &s->in->target;
	char build[PLATFORM_TEXT_LEN], target[PLATFORM_TEXT_LEN];
	const char *values[ARRAY_LEN(automatic)] = {
		[BUILDPLATFORM] = platform_text(b, build),
		[BUILDOS] = b->os,
		[BUILDOSVERSION] = "",
		[BUILDARCH] = b->arch,
		[BUILDVARIANT] = b->variant,
		[TARGETPLATFORM] = platform_text(t, target),
		[TARGETOS] = t->os,
		[TARGETOSVERSION] = "",
		[TARGETARCH] = t->arch,
		[TARGETVARIANT] = t->variant,
		[TARGETSTAGE] = s->in->target_stage ? s->in->target_stage : "default",
	};

	for (size_t i = 0; i < ARRAY_LEN(automatic); i++) {
		const char *value = given(s->in, automatic[i]);

		if (set(s, automatic[i], value ? value : arena_strdup(s->a, values[i]), false, e) < 0)
			return e->code;
	}
	return 0;
}

int df_scope_global(struct arena *a, const struct df_file *f, const struct df_inputs *in, struct df_scope *out,
		    struct err *e)
{
	struct df_instruction ignored;

	begin(a, in, NULL, f->escape, out);
	if (set_automatic(out, e) < 0)
		return e->code;
	for (size_t i = 0; i < f->n_args; i++)
		if (df_scope_step(out, &f->args[i], &ignored, e) < 0)
			return e->code;
	return 0;
}

int df_scope_stage(struct df_scope *global, const char *const *env, struct df_scope *out, struct err *e)
{
	begin(global->a, global->in, global, global->vars.escape, out);
	for (; env && *env; env++) {
		const char *eq = strchr(*env, '=');
		size_t len = eq ? (size_t)(eq - *env) : strlen(*env);

		if (len &&
		    set(out, arena_strndup(out->a, *env, len), arena_strdup(out->a, eq ? eq + 1 : ""), true, e) < 0)
			return e->code;
	}
	return 0;
}

int df_scope_child(const struct df_scope *base, struct df_scope *out, struct err *e)
{
	begin(base->a, base->in, base->global, base->vars.escape, out);
	for (size_t i = 0; i < base->n; i++)
		if (set(out, base->v[i].name, base->v[i].value, base->v[i].env, e) < 0)
			return e->code;
	return 0;
}

/* ---- what there is ---- */

static bool is_proxy(const char *name)
{
	for (size_t i = 0; i < ARRAY_LEN(proxies); i++)
		if (strcasecmp(proxies[i], name) == 0)
			return true;
	return false;
}

static bool add(const struct df_scope *s, struct df_list *out, const char *name, const char *value)
{
	return df_list_add(s->a, out, arena_printf(s->a, "%s=%s", name, value));
}

const char *const *df_scope_list(const struct df_scope *s, unsigned int which)
{
	struct df_list out = { arena_array(s->a, 2, sizeof(*out.v)), 0 };
	bool ok = out.v;

	for (size_t i = 0; ok && i < s->n; i++) {
		const struct df_variable *v = &s->v[i];

		if (v->env ? which & DF_OF_ENV : (which & DF_OF_ARG) && !find(s, v->name, true))
			ok = add(s, &out, v->name, v->value);
	}
	for (size_t i = 0; ok && (which & DF_OF_PROXY) && i < s->in->n_args; i++) {
		const char *name = s->in->args[i].key, *value = s->in->args[i].value;

		if (is_proxy(name) && given(s->in, name) == value && !df_scope_get(s, name))
			ok = add(s, &out, name, value);
	}
	return ok ? out.v : NULL;
}

static bool asks(const struct df_instruction *v, size_t n, const char *name)
{
	for (size_t i = 0; i < n; i++)
		for (size_t k = 0; v[i].kind == DF_ARG && k < v[i].pairs.n; k++)
			if (strcmp(v[i].pairs.v[k].key, name) == 0)
				return true;
	return false;
}

/* Some are for the builder itself: those of BuildKit, of the platforms, of the time. */
static bool is_known(const struct df_file *f, const char *name)
{
	bool found = is_proxy(name) || asks(f->args, f->n_args, name) || text_starts(name, "BUILDKIT_") ||
		     strcmp(name, "SOURCE_DATE_EPOCH") == 0;

	for (size_t i = 0; i < ARRAY_LEN(automatic); i++)
		found = found || strcmp(name, automatic[i]) == 0;
	for (size_t i = 0; !found && i < f->n_stages; i++)
		found = asks(f->stages[i].v, f->stages[i].n, name);
	return found;
}

int df_unused_args(struct arena *a, const struct df_file *f, const struct df_inputs *in, struct df_list *out,
		   struct err *e)
{
	*out = (struct df_list){ 0 };
	for (size_t i = 0; i < in->n_args; i++)
		if (!is_known(f, in->args[i].key) && !df_list_add(a, out, in->args[i].key))
			return no_memory(e);
	return 0;
}

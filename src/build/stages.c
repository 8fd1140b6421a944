#include "build/stages.h"

#include <string.h>
#include <strings.h>

#include "base/text.h"
#include "build/blame.h"
#include "build/flags.h"
#include "build/mount.h"
#include "build/resolve.h"

struct planning {
	struct arena *a;
	const struct df_file *f;
	const struct df_inputs *in;
	struct df_plan *out;
	struct err *e;
};

static int no_memory(const struct planning *p)
{
	return err_errno(p->e, -ENOMEM, "planning the stages");
}

struct needing {
	size_t stage, at; /* which needs something, and its instruction */
	size_t cap, at_cap;
};

static int need(const struct planning *p, struct needing *n, size_t stage)
{
	struct df_stage_plan *s = &p->out->v[n->stage];
	size_t *v = (size_t *)s->needs, *at = (size_t *)s->needs_at;

	for (size_t i = 0; i < s->n_needs; i++)
		if (v[i] == stage)
			return 0;
	v = arena_grow(p->a, v, s->n_needs, &n->cap, sizeof(*v));
	at = arena_grow(p->a, at, s->n_needs, &n->at_cap, sizeof(*at));
	if (!v || !at)
		return no_memory(p);
	at[s->n_needs] = n->at;
	v[s->n_needs++] = stage;
	s->needs = v;
	s->needs_at = at;
	return 0;
}

/* What a --from means in stage n. A name that only a later stage has is a slip rather than an image of that name. */
static int need_source(const struct planning *p, struct needing *needing, const char *from)
{
	size_t n = needing->stage;
	int stage = df_find_stage(p->f, from, n);
	uint32_t number;

	if (df_find_context(p->in, from) >= 0)
		return 0;
	if (stage >= 0)
		return need(p, needing, (size_t)stage);
	if (text_u32(from, &number) == 0)
		return err_set(p->e, ERR_INVALID, "from=%s: there is no stage %s before this one", from, from);
	stage = df_find_stage(p->f, from, p->f->n_stages);
	if (stage < 0)
		return 0;
	return err_set(p->e, ERR_INVALID, "from=%.60s: that stage %s (line %u): put it before this one", from,
		       (size_t)stage == n ? "is this one" : "comes later", p->f->stages[stage].from.first);
}

static int need_mounts(const struct planning *p, struct needing *n, const struct df_run *run)
{
	for (size_t i = 0; i < run->mount_texts.n; i++) {
		struct df_mount m;

		if (df_mount_parse(p->a, run->mount_texts.v[i], NULL, &m, p->e) < 0 ||
		    (m.from && need_source(p, n, m.from) < 0))
			return p->e->code;
	}
	return 0;
}

static int need_sources(const struct planning *p, struct needing *n)
{
	const struct df_stage *s = &p->f->stages[n->stage];

	for (size_t i = 0; i < s->n; i++) {
		const struct df_instruction *what = &s->v[i];
		int r = 0;

		n->at = i;
		if (what->kind == DF_COPY && what->copy.from)
			r = need_source(p, n, what->copy.from);
		else if (what->kind == DF_RUN)
			r = need_mounts(p, n, &what->run);
		if (r < 0)
			return df_blame(p->e, what->first, what->text);
	}
	return 0;
}

/* FROM means names alone: a number there is an image's. */
static int find_base(const struct df_file *f, const char *base, size_t before)
{
	int stage = df_find_stage(f, base, before);
	const char *name = stage < 0 ? NULL : f->stages[stage].from.from.name;

	return name && strcasecmp(name, base) == 0 ? stage : -1;
}

static int plan_stage(const struct planning *p, struct df_scope *global, size_t n)
{
	const struct df_instruction *from = &p->f->stages[n].from;
	struct df_stage_plan *s = &p->out->v[n];
	struct needing needing = { .stage = n };

	if (df_scope_step(global, from, &s->from, p->e) < 0)
		return p->e->code;
	s->base = df_find_context(p->in, s->from.from.base) >= 0 ? -1 : find_base(p->f, s->from.from.base, n);
	s->has_platform = s->from.from.platform;
	if (s->has_platform && platform_parse(s->from.from.platform, &s->platform, p->e) < 0)
		return df_blame(p->e, from->first, from->text);
	if (s->base >= 0 && need(p, &needing, (size_t)s->base) < 0)
		return p->e->code;
	return need_sources(p, &needing);
}

static int find_target(const struct planning *p, const char *target)
{
	const struct df_file *f = p->f;
	CLEANUP_FREE const char **names = NULL;
	const char *near;
	int stage = target ? df_find_stage(f, target, f->n_stages) : (int)f->n_stages - 1;
	size_t n = 0;

	if (stage >= 0) {
		p->out->target = (size_t)stage;
		return 0;
	}
	names = calloc(f->n_stages, sizeof(*names));
	for (size_t i = 0; names && i < f->n_stages; i++)
		if (f->stages[i].from.from.name)
			names[n++] = f->stages[i].from.from.name;
	near = df_nearest(target, names, n, sizeof(*names));
	return err_set(p->e, ERR_NOTFOUND, "there is no stage \"%.60s\"%s%s%s", target, near ? " (did you mean " : "",
		       near ? near : "", near ? "?)" : "");
}

int df_plan(struct arena *a, const struct df_file *f, struct df_scope *global, const char *target, struct df_plan *out,
	    struct err *e)
{
	struct planning p = { a, f, global->in, out, e };

	*out = (struct df_plan){ arena_array(a, f->n_stages, sizeof(*out->v)), f->n_stages, 0 };
	if (!out->v)
		return no_memory(&p);
	if (find_target(&p, target) < 0)
		return e->code;
	for (size_t i = 0; i < f->n_stages; i++)
		if (plan_stage(&p, global, i) < 0)
			return e->code;
	/* whatever a stage needs has a lower number */
	out->v[out->target].needed = true;
	for (size_t i = out->target + 1; i-- > 0;)
		for (size_t k = 0; out->v[i].needed && k < out->v[i].n_needs; k++)
			out->v[out->v[i].needs[k]].needed = true;
	return 0;
}

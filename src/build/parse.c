#include <string.h>
#include <strings.h>

#include "base/text.h"
#include "build/blame.h"
#include "build/dockerfile.h"
#include "build/instruction.h"

const char *df_show_line(const char *text, size_t size, unsigned int line, size_t *len)
{
	const char *end = text + size, *nl;

	for (unsigned int n = 1; text < end; n++) {
		nl = memchr(text, '\n', (size_t)(end - text));
		nl = nl ? nl : end;
		*len = (size_t)(nl - text);
		while (*len && text[*len - 1] == '\r')
			(*len)--;
		if (n == line)
			return text;
		text = nl + (nl < end);
	}
	*len = 0;
	return "";
}

int df_find_stage(const struct df_file *f, const char *ref, size_t before)
{
	uint32_t n;

	for (size_t i = before; i-- > 0;)
		if (f->stages[i].from.from.name && strcasecmp(f->stages[i].from.from.name, ref) == 0)
			return (int)i;
	return text_u32(ref, &n) == 0 && n < before ? (int)n : -1;
}

static int no_memory(struct err *e)
{
	return err_errno(e, -ENOMEM, "reading the Dockerfile");
}

static bool append(struct arena *a, struct df_instruction **v, size_t *n, size_t *cap,
		   const struct df_instruction *what)
{
	struct df_instruction *bigger = arena_grow(a, *v, *n, cap, sizeof(*bigger));

	if (!bigger)
		return false;
	*v = bigger;
	(*v)[(*n)++] = *what;
	return true;
}

static int add_stage(struct arena *a, struct df_file *f, const struct df_instruction *from, struct err *e)
{
	struct df_stage *v = arena_grow(a, f->stages, f->n_stages, &f->stages_cap, sizeof(*v));

	if (!v)
		return no_memory(e);
	if (from->from.name && df_find_stage(f, from->from.name, f->n_stages) >= 0 &&
	    df_warn(a, &f->warnings, from->first,
		    "a stage of this name was there before: from here on the name means this one", e) < 0)
		return e->code;
	f->stages = v;
	f->stages[f->n_stages++] = (struct df_stage){ .from = *from };
	return 0;
}

static int add(struct arena *a, struct df_file *f, const struct df_instruction *what, struct err *e)
{
	struct df_stage *s = f->n_stages ? &f->stages[f->n_stages - 1] : NULL;

	if (what->kind == DF_FROM)
		return add_stage(a, f, what, e);
	if (!s && what->kind != DF_ARG)
		return err_set(e, ERR_INVALID, "want FROM before it; only ARG may come first");
	if (s ? !append(a, &s->v, &s->n, &s->cap, what) : !append(a, &f->args, &f->n_args, &f->args_cap, what))
		return no_memory(e);
	return 0;
}

/* Another reader of the file may be asked for; this one is what there is. */
static int check_syntax(struct arena *a, struct df_file *f, unsigned int line, struct err *e)
{
	const char *s = f->syntax;

	if (!s)
		return 0;
	s += text_starts(s, "docker.io/") ? strlen("docker.io/") : 0;
	if (text_starts(s, "docker/dockerfile") && (!s[17] || strchr(":@-", s[17])))
		return 0;
	return df_warn(
		a, &f->warnings, line,
		"# syntax= asks for another program to read this file: tare reads it itself, as docker/dockerfile", e);
}

/* Nothing here is checked in the way that it speaks of. */
static int check_check(struct arena *a, struct df_file *f, unsigned int line, struct err *e)
{
	if (!f->check)
		return 0;
	return df_warn(a, &f->warnings, line,
		       "# check= has no effect: build checks, which skip= would leave out and error= make errors of, are not supported", e);
}

int df_parse(struct arena *a, const char *text, size_t len, struct df_file *out, struct err *e)
{
	struct df_lines lines;

	*out = (struct df_file){ 0 };
	if (df_lex(a, text, len, &lines, e) < 0)
		return e->code;
	out->escape = lines.escape;
	out->syntax = lines.syntax;
	out->check = lines.check;
	out->warnings = lines.warnings;
	if (check_syntax(a, out, lines.syntax_line, e) < 0 || check_check(a, out, lines.check_line, e) < 0)
		return e->code;
	for (size_t i = 0; i < lines.n; i++) {
		struct df_instruction what;

		if (df_instruction(a, &lines.v[i], out->escape, &out->warnings, &what, e) < 0 ||
		    add(a, out, &what, e) < 0)
			return df_blame(e, lines.v[i].first, lines.v[i].text);
	}
	if (!out->n_stages)
		return err_set(e, ERR_INVALID, "no FROM in it: want \"FROM IMAGE\" or \"FROM scratch\"");
	return 0;
}

int df_parse_line(struct arena *a, const char *text, struct df_instruction *out, struct err *e)
{
	struct df_lines lines;
	int r = df_lex(a, text, strlen(text), &lines, e);

	if (r == 0 && lines.n != 1)
		r = err_set(e, ERR_INVALID, "want one instruction, there are %zu", lines.n);
	return r < 0 ? r : df_instruction(a, &lines.v[0], lines.escape, &lines.warnings, out, e);
}

int df_parse_trigger(struct arena *a, const char *text, unsigned int line, struct df_instruction *out, struct err *e)
{
	int r = df_parse_line(a, text, out, e);

	if (r == 0 && (out->kind == DF_FROM || out->kind == DF_ONBUILD || out->kind == DF_MAINTAINER))
		r = err_set(e, ERR_INVALID, "%s is not allowed there", df_kind_name(out->kind));
	if (r < 0)
		return r;
	out->first = out->last = line;
	return 0;
}

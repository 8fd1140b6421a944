/* A build is: read the Dockerfile; plan which stages the target needs; each of these in turn, one instruction after the
 * other. What an instruction says of the configuration changes that alone; one that writes files (layer.c, run.c, copy.c)
 * has a key, and does nothing when the cache has its layer.
 *
 * The ingest of the store is held from the begin to the end: gc keeps away, and what a killed build leaves has a name. */
#include "build/build.h"

#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/io.h"
#include "base/text.h"
#include "build/blame.h"
#include "build/context.h"
#include "build/document.h"
#include "build/named.h"
#include "build/parallel.h"
#include "build/report.h"
#include "build/ssh.h"
#include "build/work.h"
#include "image/pack.h"

static void tell(const struct build *b, struct build_event ev)
{
	const struct build_watch *w = &b->args->watch;
	const struct stage *s = b->now;

	if (!w->event || b->silent)
		return;
	if (s) {
		ev.stage = s->name;
		ev.number = s->number;
		ev.step = s->step;
		ev.steps = s->steps;
	}
	if (b->up >= 0)
		report_event(b->up, &ev);
	else
		w->event(&ev, w->data);
}

void build_event(const struct build *b, enum build_event_kind kind, const char *text, size_t len)
{
	tell(b, (struct build_event){ .kind = kind, .text = text, .len = len, .several = b->several });
}

void build_output(const struct build *b, bool error, const char *bytes, size_t len)
{
	tell(b, (struct build_event){ .kind = BUILD_OUTPUT, .text = bytes, .len = len, .error = error, .several = b->several });
}

static void say(const struct build *b, enum build_event_kind kind, const char *text)
{
	char shown[1000];

	(void)text_tame(text, shown, sizeof(shown));
	build_event(b, kind, shown, strlen(shown));
}

void build_say(const struct build *b, const char *fmt, ...)
{
	char text[1000];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	say(b, b->now ? BUILD_SAY : BUILD_NOTE, text);
}

/* ---- reading ---- */

#define STANDARD_INPUT "standard input"

/* What -f names is the caller's, and may be a pipe; with a context of somebody else's it is in that, as without -f. */
static int place_of_file(const struct build *b)
{
	return b->args->file && !b->foreign ? AT_FDCWD : b->context;
}

static int read_dockerfile(struct build *b, char **text, size_t *len, struct err *e)
{
	static const char *const usual[] = { "Dockerfile", "dockerfile", "Containerfile" };
	int r = 1;

	if (b->given) {
		*text = take_ptr(b->given);
		*len = b->given_len;
		return 0;
	}
	b->file_name = b->args->file ? b->args->file : "Dockerfile";
	if (b->args->file && (text_starts(b->args->file, "https://") || text_starts(b->args->file, "http://")))
		return context_fetch_text(b, b->args->file, DF_MAX_BYTES, text, len, e);
	if (b->args->file && strcmp(b->args->file, "-") == 0) {
		b->file_name = STANDARD_INPUT;
		return document_read_stdin(DF_MAX_BYTES, text, len, e);
	}
	if (b->args->file)
		r = document_read(place_of_file(b), b->args->file, DF_MAX_BYTES, text, len, e);
	for (size_t i = 0; !b->args->file && r > 0 && i < sizeof(usual) / sizeof(*usual); i++) {
		r = document_read(b->context, usual[i], DF_MAX_BYTES, text, len, e);
		b->file_name = usual[i];
	}
	if (r > 0 && !b->args->file)
		return err_set(e, ERR_NOTFOUND, "%s has neither a Dockerfile nor a Containerfile: -f names another file", b->args->context);
	return r > 0 ? err_errno(e, -ENOENT, "%s", b->args->file) : r;
}

/* FILE.dockerignore beside the file is for that file alone. */
static int read_ignore(struct build *b, struct err *e)
{
	bool named = strcmp(b->file_name, STANDARD_INPUT) != 0;
	const char *own = arena_printf(b->a, "%s.dockerignore", b->file_name), *name = own;
	CLEANUP_FREE char *text = NULL;
	size_t len = 0;
	int r = 1;

	if (named)
		r = own ? document_read(place_of_file(b), own, IGNORE_MAX_BYTES, &text, &len, e) : err_errno(e, -ENOMEM, ".dockerignore");
	if (r > 0) {
		name = ".dockerignore";
		r = document_read(b->context, name, IGNORE_MAX_BYTES, &text, &len, e);
	}
	if (r != 0)
		return r < 0 ? r : 0;
	r = ignore_parse(b->a, text, len, &b->ignore, e);
	return r < 0 ? err_ctx(e, "%s", name) : 0;
}

static int warn_of_args(struct build *b, struct err *e)
{
	struct df_list unused = { 0 };
	int r = df_unused_args(b->a, &b->file, &b->args->inputs, &unused, e);

	for (size_t i = 0; r == 0 && i < unused.n; i++)
		build_say(b, "warning: --build-arg %s: there is no ARG of that name", unused.v[i]);
	return r;
}

static int check_filter(const struct build *b, struct err *e)
{
	const struct strv *names = &b->args->no_cache_filter;

	for (size_t i = 0; i < names->n; i++)
		if (df_find_stage(&b->file, names->v[i], b->file.n_stages) < 0)
			return err_set(e, ERR_NOTFOUND, "--no-cache-filter: there is no stage \"%.60s\"", names->v[i]);
	return 0;
}

static int read_all(struct build *b, struct err *e)
{
	CLEANUP_FREE char *text = NULL;
	size_t len = 0;
	int r = read_dockerfile(b, &text, &len, e);

	if (r < 0)
		return r;
	r = df_parse(b->a, text, len, &b->file, e);
	if (r == 0)
		r = df_scope_global(b->a, &b->file, &b->args->inputs, &b->global, e);
	if (r == 0)
		r = df_plan(b->a, &b->file, &b->global, b->args->inputs.target_stage, &b->plan, e);
	if (r < 0)
		return err_ctx(e, "%s", b->file_name);
	r = check_filter(b, e);
	if (r == 0)
		r = warn_of_args(b, e);
	if (r < 0)
		return r;
	for (size_t i = 0; i < b->file.warnings.n; i++)
		build_say(b, "warning: %s:%u: %s", b->file_name, b->file.warnings.v[i].line, b->file.warnings.v[i].text);
	return read_ignore(b, e);
}

/* ---- stages ---- */

static const char *stage_name(const struct build *b, size_t n)
{
	const char *name = b->plan.v[n].from.from.name;

	return name ? arena_printf(b->a, "%.40s", name) : arena_printf(b->a, "stage-%zu", n);
}

static bool is_anew(const struct build *b, size_t n)
{
	const struct strv *names = &b->args->no_cache_filter;
	bool named = false;

	for (size_t i = 0; i < names->n; i++)
		named |= df_find_stage(&b->file, names->v[i], b->file.n_stages) == (int)n;
	return named || b->args->no_cache;
}

static void announce(struct build *b, size_t n, const struct df_instruction *in)
{
	b->now = &b->stages[n];
	b->now->step++;
	say(b, BUILD_STEP, in->text);
}

static void done(struct build *b, bool well)
{
	const struct stage *s = b->now;
	const char *id = s->base_id && s->n == s->base_layers ? s->base_id : stage_chain(s);

	build_event(b, well ? BUILD_DONE : BUILD_FAILED, id ? id : "", id ? strlen(id) : 0);
	b->now = NULL;
}

static int config_only(struct build *b, struct stage *s, const struct df_instruction *in, struct err *e)
{
	int r = conf_apply(b->a, &s->conf, in, e);

	if (r < 0 || in->kind != DF_ENV)
		return r;
	s->conf.env = df_scope_list(&s->scope, DF_OF_ENV);
	return s->conf.env ? 0 : err_errno(e, -ENOMEM, "environment");
}

static bool writes(const struct df_instruction *in)
{
	return in->kind == DF_RUN || in->kind == DF_COPY || in->kind == DF_ADD || in->kind == DF_WORKDIR;
}

static int write_files(struct build *b, size_t n, const struct df_instruction *in, struct err *e)
{
	struct stage *s = &b->stages[n];
	size_t layers = s->n;
	int r;

	if (in->kind == DF_RUN)
		r = step_run_command(b, n, in, e);
	else if (in->kind == DF_WORKDIR)
		r = step_workdir(b, s, in, e);
	else
		r = step_copy(b, n, in, e);
	if (r == 0 && b->up >= 0)
		report_step(b->up, s->n > layers ? &s->layers[s->n - 1] : NULL);
	return r;
}

/* What it wrote was told by the process that did it. */
static int take_given(struct build *b, struct stage *s, const struct df_instruction *in, struct err *e)
{
	const struct given *g = s->given;
	int r = in->kind == DF_WORKDIR ? conf_apply(b->a, &s->conf, in, e) : 0;

	if (r < 0)
		return r;
	if (!s->n_given)
		return err_set(e, ERR_INTERNAL, "the process of the stage did not say what the step gave");
	s->given++;
	s->n_given--;
	return g->layer ? stage_add_layer(b, s, &g->l, PACK_TYPE, e) : 0;
}

static int apply(struct build *b, size_t n, const struct df_instruction *in, struct err *e)
{
	struct stage *s = &b->stages[n];
	size_t layers = s->n;
	const struct timespec when = { .tv_sec = s->epoch };
	char created[TEXT_TIME_LEN];
	int r;

	if (!writes(in))
		r = config_only(b, s, in, e);
	else if (s->given)
		r = take_given(b, s, in, e);
	else
		r = write_files(b, n, in, e);
	if (r < 0)
		return r;
	text_time(&when, created);
	r = conf_add_history(b->a, &s->conf, arena_strdup(b->a, created), in->text, s->n == layers, e);
	return r < 0 || writes(in) ? r : seen_step(b, s, in->text, e);
}

static int one(struct build *b, size_t n, const struct df_instruction *in, struct err *e)
{
	struct df_instruction *with = arena_new(b->a, struct df_instruction);
	int r = with ? df_scope_take(&b->stages[n].scope, in, with, e) : err_errno(e, -ENOMEM, "instruction");

	if (r < 0)
		return r;
	announce(b, n, with);
	r = apply(b, n, with, e);
	done(b, r == 0);
	return r;
}

/* What the base left for who builds on it: done here, and no part of what is built. As in docker's classic builder it is no step of the
 * file's: how much there is of it shows when the base is here, and until then all of them have been counted. */
static int triggers(struct build *b, size_t n, struct err *e)
{
	struct stage *s = &b->stages[n];
	const struct df_list list = s->conf.onbuild;
	const struct df_instruction *from = &b->file.stages[n].from;

	s->conf.onbuild = (struct df_list){ 0 };
	for (size_t i = 0; i < list.n; i++) {
		struct df_instruction *in = arena_new(b->a, struct df_instruction);
		int r = in ? df_parse_trigger(b->a, list.v[i], from->first, in, e) : err_errno(e, -ENOMEM, "ONBUILD");

		if (r == 0) {
			s->step--;
			r = one(b, n, in, e);
		}
		if (r < 0)
			return df_blame_trigger(e, from->first, from->text, list.v[i]);
	}
	return 0;
}

int build_stage_begin(struct build *b, size_t n, struct err *e)
{
	const struct df_stage *f = &b->file.stages[n];
	int r;

	if (b->stages[n].begun)
		return 0;
	announce(b, n, &b->plan.v[n].from);
	r = stage_begin(b, n, e);
	done(b, r == 0);
	b->stages[n].begun = r == 0;
	return r < 0 ? df_blame(e, f->from.first, f->from.text) : 0;
}

int build_stage_steps(struct build *b, size_t n, size_t begin, size_t end, struct err *e)
{
	int r = begin == 0 ? triggers(b, n, e) : 0;

	for (size_t i = begin; r == 0 && i < end; i++) {
		const struct df_instruction *in = &b->file.stages[n].v[i];

		r = one(b, n, in, e);
		if (r < 0)
			return df_blame(e, in->first, in->text);
	}
	return r;
}

static int prepare_stages(struct build *b, size_t *needed, struct err *e)
{
	*needed = 0;
	b->stages = arena_array(b->a, b->plan.n, sizeof(*b->stages));
	if (!b->stages)
		return err_errno(e, -ENOMEM, "stages");
	for (size_t i = 0; i < b->plan.n; i++) {
		b->stages[i].number = i;
		b->stages[i].steps = b->file.stages[i].n + 1;
		b->stages[i].name = stage_name(b, i);
		b->stages[i].anew = is_anew(b, i);
		if (!b->stages[i].name)
			return err_errno(e, -ENOMEM, "stages");
		*needed += b->plan.v[i].needed;
	}
	return 0;
}

static void tell_plan(struct build *b)
{
	for (size_t i = 0; i < b->plan.n; i++) {
		b->now = &b->stages[i];
		if (b->plan.v[i].needed)
			build_event(b, BUILD_PLANNED, "", 0);
	}
	b->now = NULL;
}

static int one_after_the_other(struct build *b, struct err *e)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < b->plan.n; i++) {
		if (!b->plan.v[i].needed)
			continue;
		r = build_stage_begin(b, i, e);
		if (r == 0)
			r = build_stage_steps(b, i, 0, b->file.stages[i].n, e);
	}
	return r;
}

static int run_stages(struct build *b, struct err *e)
{
	size_t needed, jobs = b->args->jobs ? b->args->jobs : (size_t)sysconf(_SC_NPROCESSORS_ONLN);
	int r = prepare_stages(b, &needed, e);

	if (r == 0)
		tell_plan(b);
	if (r == 0)
		r = jobs > 1 && needed > 1 ? parallel_stages(b, jobs, e) : one_after_the_other(b, e);
	b->now = NULL;
	return r < 0 ? err_ctx(e, "%s", b->file_name) : 0;
}

/* ---- all of it ---- */

static int prepare(struct build *b, struct err *e)
{
	const struct build_args *args = b->args;
	uint64_t swept = 0;
	int r;

	b->target = args->inputs.target;
	if (args->epoch && (text_i64(args->epoch, &b->epoch) < 0 || b->epoch < 0 || b->epoch > INT64_MAX / 1000000000))
		return err_set(e, ERR_INVALID, "SOURCE_DATE_EPOCH=%s: must be seconds since 1970", args->epoch);
	b->has_epoch = args->epoch != NULL;
	r = run_check(b, e);
	if (r == 0)
		r = build_names(b, e);
	if (r == 0)
		r = seen_begin(b, e);
	if (r == 0)
		r = outputs_begin(b, e);
	if (r == 0)
		r = engine_program("tare-worker", b->worker, e);
	if (r == 0)
		r = store_open(b->en->root_fd, &b->store, e);
	if (r == 0)
		r = store_ingest_sweep(&b->store, &swept, e);
	if (r == 0)
		r = store_ingest_begin(&b->store, &b->ingest, e);
	if (r == 0)
		r = context_open(b, e);
	return r < 0 ? r : named_open(b, e);
}

static void build_end(struct build *b)
{
	if (digests_save(&b->digests) < 0)
		build_say(b, "warning: what the files of the context contain could not be noted; the next build reads them again");
	digests_close(&b->digests);
	context_close(b);
	named_close(b);
	outputs_end(b);
	ssh_end(b);
	cache_end(b);
	store_ingest_end(&b->ingest);
	store_close(&b->store);
}

int build_image(struct engine *en, const struct build_args *args, struct arena *a, struct build_result *out, struct err *e)
{
	CLEANUP(build_end) struct build b = { .en = en, .args = args, .a = a, .store = STORE_INIT, .ingest = STORE_INGEST_INIT,
					      .context = -1, .up = -1, .tarball = TARBALL_INIT,
					      .digests = DIGESTS_INIT };
	int r = prepare(&b, e);

	if (r == 0)
		r = read_all(&b, e);
	if (r == 0)
		r = run_stages(&b, e);
	if (r == 0 && args->squash)
		r = build_squash(&b, e);
	if (r == 0)
		r = build_finish(&b, out, e);
	return r < 0 ? r : cache_export(&b, e);
}

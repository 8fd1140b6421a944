/* What is asked about containers: the list, one of them, its processes, what it changed of its image. */
#include <stdio.h>
#include <string.h>

#include "api/docker/again.h"
#include "api/docker/container_list.h"
#include "api/docker/container_view.h"
#include "api/docker/filters.h"
#include "api/docker/inspect_container.h"
#include "api/docker/routes.h"
#include "api/docker/words.h"
#include "base/text.h"
#include "engine/diff.h"
#include "engine/top.h"

/* ---- the list ---- */

struct listing {
	struct json_writer w;
	bool size;
};

static int add(const struct engine *en, struct arena *a, const struct seen *s, void *data, struct err *e)
{
	struct listing *l = data;

	return container_write_summary(en, a, s, l->size, &l->w, NULL, e);
}

static int get_list(struct exchange *ex, struct err *e)
{
	CLEANUP_STRBUF struct strbuf text = STRBUF_INIT;
	struct container_query q = { .all = ex_query_bool(ex, "all", false), .config = true, .most = -1 };
	struct listing l = { .w = JSON_WRITER(&text), .size = ex_query_bool(ex, "size", false) };
	struct ex_keep *keep = NULL;
	struct engine *en;
	int r = filters_parse(ex_arena(ex), ex_query(ex, "filters"), CONTAINER_FILTER_KEYS, &q.filters, e);

	if (r == 0)
		r = ex_query_i64(ex, "limit", &q.most, e);
	if (q.most <= 0)
		q.most = -1; /* none is meant by 0, too */
	if (r == 0)
		r = ex_engine(ex, &en, e);
	if (r == 0)
		r = ps_check(en, ex_arena(ex), q.filters, e);
	if (r == 0 && !q.filters.n && !l.size)
		r = ex_keep(ex, &keep, e);
	if (r < 0)
		return r;
	catalog_read_much(en->catalog);
	jw_array(&l.w, NULL);
	r = keep ? again_list(en, keep, &q, &l.w, e) : 0;
	if (r == 0)
		r = containers_listed(en, &q, add, &l, e);
	jw_end_array(&l.w);
	return r < 0 ? r : ex_json(ex, 200, &text, e);
}

/* ---- one ---- */

static int get_one(struct exchange *ex, struct err *e)
{
	CLEANUP_STRBUF struct strbuf text = STRBUF_INIT;
	struct json_writer w = JSON_WRITER(&text);
	const char *what = ex_param(ex, 0);
	bool size = ex_query_bool(ex, "size", false);
	struct ex_keep *keep = NULL;
	struct engine *en;
	int r = ex_engine(ex, &en, e);

	if (r == 0 && !size)
		r = ex_keep(ex, &keep, e);
	if (r < 0)
		return r;
	r = keep ? again_inspect(en, ex_arena(ex), keep, what, &w, e) : inspect_container(en, ex_arena(ex), what, size, &w, e);
	if (r < 0)
		r = words_no_container(what, e);
	return r < 0 ? r : ex_json(ex, 200, &text, e);
}

/* ---- its processes ---- */

static const char *const titles[] = { "UID", "PID", "PPID", "C", "STIME", "TTY", "TIME", "CMD" };

static void add_process(const struct top_process *p, void *data)
{
	struct json_writer *w = data;
	char text[40];

	jw_array(w, NULL);
	jw_str(w, NULL, p->user);
	(void)snprintf(text, sizeof(text), "%d", (int)p->pid);
	jw_str(w, NULL, text);
	(void)snprintf(text, sizeof(text), "%d", (int)p->ppid);
	jw_str(w, NULL, text);
	(void)snprintf(text, sizeof(text), "%u", p->cpu_percent);
	jw_str(w, NULL, text);
	jw_str(w, NULL, p->started);
	jw_str(w, NULL, p->tty);
	(void)snprintf(text, sizeof(text), "%02u:%02u:%02u", p->cpu_seconds / 3600, p->cpu_seconds / 60 % 60, p->cpu_seconds % 60);
	jw_str(w, NULL, text);
	jw_str(w, NULL, p->command);
	jw_end_array(w);
}

/* The words of a line of ps, n of them, of which the last is all that is left. */
static void write_words(const char *line, size_t len, size_t n, struct json_writer *w)
{
	const char *end = line + len;

	jw_array(w, NULL);
	for (size_t i = 0; i < n; i++) {
		const char *word;

		while (line < end && *line == ' ')
			line++;
		word = line;
		while (line < end && (i + 1 == n || *line != ' '))
			line++;
		jw_strn(w, NULL, word, (size_t)(line - word));
	}
	jw_end_array(w);
}

static size_t count_words(const char *line, size_t len)
{
	size_t n = 0;

	for (size_t i = 0; i < len; i++)
		n += line[i] != ' ' && (i == 0 || line[i - 1] == ' ');
	return n;
}

/* What ps wrote: a line of titles and one of each process. */
static void write_table(const char *out, struct json_writer *w)
{
	size_t len = strcspn(out, "\n"), n = count_words(out, len);

	jw_object(w, NULL);
	jw_array(w, "Titles");
	for (const char *p = out; p < out + len; p += strcspn(p, " \n")) {
		p += strspn(p, " ");
		if (p < out + len)
			jw_strn(w, NULL, p, strcspn(p, " \n"));
	}
	jw_end_array(w);
	jw_array(w, "Processes");
	for (out += len; *out; out += len) {
		out++;
		len = strcspn(out, "\n");
		if (len)
			write_words(out, len, n, w);
	}
	jw_end_array(w);
	jw_end_object(w);
}

static int by_ps(struct exchange *ex, const struct engine *en, const char *args, struct json_writer *w, struct err *e)
{
	CLEANUP_STRBUF struct strbuf out = STRBUF_INIT;
	char *own = arena_strdup(ex_arena(ex), args);
	const char **options = arena_array(ex_arena(ex), strlen(args) / 2 + 2, sizeof(*options));
	size_t n = 0;
	int r;

	if (!own || !options)
		return err_errno(e, -ENOMEM, "ps_args");
	for (char *word, *rest = own; (word = strtok_r(rest, " ", &rest));)
		options[n++] = word;
	options[n] = NULL;
	r = top_by_ps(en, ex_param(ex, 0), options, &out, e);
	if (r == 0)
		write_table(sb_str(&out), w);
	return r;
}

/* Docker's own options, "-ef", are what is shown without any: for these no ps is started. */
static int get_top(struct exchange *ex, struct err *e)
{
	CLEANUP_STRBUF struct strbuf text = STRBUF_INIT;
	struct json_writer w = JSON_WRITER(&text);
	const char *args = ex_query(ex, "ps_args"), *what = ex_param(ex, 0);
	struct engine *en;
	int r = ex_engine(ex, &en, e);

	if (r < 0)
		return r;
	if (args && *args && strcmp(args, "-ef") != 0) {
		r = by_ps(ex, en, args, &w, e);
	} else {
		jw_object(&w, NULL);
		jw_array(&w, "Titles");
		for (size_t i = 0; i < ARRAY_LEN(titles); i++)
			jw_str(&w, NULL, titles[i]);
		jw_end_array(&w);
		jw_array(&w, "Processes");
		r = top_read(en, what, add_process, &w, e);
		jw_end_array(&w);
		jw_end_object(&w);
	}
	return r < 0 ? words_no_container(what, e) : ex_json(ex, 200, &text, e);
}

/* ---- what it changed ---- */

/* Docker's list is null where nothing was. */
static int get_changes(struct exchange *ex, struct err *e)
{
	CLEANUP_STRBUF struct strbuf text = STRBUF_INIT;
	struct json_writer w = JSON_WRITER(&text);
	struct change *v = NULL;
	struct engine *en;
	size_t n = 0;
	int r = ex_engine(ex, &en, e);

	if (r == 0 && (r = container_diff(en, ex_arena(ex), ex_param(ex, 0), &v, &n, e)) < 0)
		r = words_no_container(ex_param(ex, 0), e);
	if (r < 0)
		return r;
	if (n == 0)
		jw_null(&w, NULL);
	else
		jw_array(&w, NULL);
	for (size_t i = 0; i < n; i++) {
		jw_object(&w, NULL);
		jw_str(&w, "Path", v[i].path);
		jw_u64(&w, "Kind", v[i].kind == 'C' ? 0 : v[i].kind == 'A' ? 1 : 2);
		jw_end_object(&w);
	}
	if (n)
		jw_end_array(&w);
	return ex_json(ex, 200, &text, e);
}

const struct route docker_container_view_routes[] = {
	{ "GET", "/containers/json", get_list, ROUTE_READ, "the containers", .quick = true },
	{ "GET", "/containers/{}/json", get_one, ROUTE_READ, "a container", .quick = true },
	{ "GET", "/containers/{}/top", get_top, ROUTE_READ, "its processes; with ps_args as the host's ps shows them" },
	{ "GET", "/containers/{}/changes", get_changes, ROUTE_READ, "what it changed of its image's files" },
	{ 0 },
};

#include "cmd/tare/build_show.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/io.h"
#include "base/json.h"

#define LONGEST_LINE 8192U

int build_show_begin(struct build_show *s, const char *option, struct err *e)
{
	*s = (struct build_show){ .kind = progress_style(option) };
	if (s->kind != PROGRESS_TTY)
		return 0;
	if (!isatty(STDERR_FILENO))
		return err_set(e, ERR_INVALID, "--progress tty: standard error is no terminal; plain is for files and pipes");
	s->tty = build_tty_begin(STDERR_FILENO);
	return s->tty ? 0 : err_errno(e, -ENOMEM, "progress");
}

void build_show_free(struct build_show *s)
{
	build_tty_end(take_ptr(s->tty), false);
	for (size_t i = 0; i < s->n; i++)
		if (s->v[i]) {
			sb_free(&s->v[i]->line);
			free(s->v[i]);
		}
	free(s->v);
	s->v = NULL;
	s->n = 0;
}

static struct build_shown *stage_of(struct build_show *s, const struct build_event *ev)
{
	if (ev->number >= s->n) {
		struct build_shown **v = reallocarray(s->v, ev->number + 1, sizeof(*v));

		if (!v)
			return NULL;
		memset(v + s->n, 0, (ev->number + 1 - s->n) * sizeof(*v));
		s->v = v;
		s->n = ev->number + 1;
	}
	if (!s->v[ev->number])
		s->v[ev->number] = calloc(1, sizeof(*s->v[0]));
	if (s->v[ev->number])
		s->v[ev->number]->name = ev->stage;
	return s->v[ev->number];
}

/* ---- JSON ---- */

static void show_json(const struct build_event *ev)
{
	static const char *const keys[] = { [BUILD_NOTE] = "note", [BUILD_STEP] = "step", [BUILD_SAY] = "says", [BUILD_PROGRESS] = "progress",
					    [BUILD_OUTPUT] = "output" };
	static const char *const states[] = { [BUILD_CACHED] = "cached", [BUILD_DONE] = "done", [BUILD_FAILED] = "failed" };
	CLEANUP_STRBUF struct strbuf out = STRBUF_INIT;
	struct json_writer w = JSON_WRITER(&out);

	jw_object(&w, NULL);
	if (ev->stage) {
		jw_str(&w, "stage", ev->stage);
		jw_u64(&w, "number", ev->step);
		jw_u64(&w, "of", ev->steps);
	}
	if (states[ev->kind])
		jw_str(&w, "status", states[ev->kind]);
	else
		jw_strn(&w, keys[ev->kind], ev->text, ev->len);
	jw_end_object(&w);
	sb_putc(&out, '\n');
	if (sb_error(&out) == 0)
		(void)!io_write_full(STDERR_FILENO, sb_str(&out), out.len);
}

/* ---- plain ---- */

/* In one piece: nothing of anybody else's comes between. */
static void write_line(const char *stage, const char *text, size_t len)
{
	CLEANUP_STRBUF struct strbuf out = STRBUF_INIT;

	if (stage)
		sb_printf(&out, "[%s] ", stage);
	sb_add(&out, text, len);
	sb_putc(&out, '\n');
	if (sb_error(&out) == 0)
		(void)!io_write_full(STDERR_FILENO, sb_str(&out), out.len);
}

static void flush_line(struct build_shown *of)
{
	if (of->line.len)
		write_line(of->name, sb_str(&of->line), of->line.len);
	sb_reset(&of->line);
}

/* What several say is shown by the line. */
static void show_lines(struct build_shown *of, const char *text, size_t len)
{
	while (len > 0) {
		const char *end = memchr(text, '\n', len);
		size_t n = end ? (size_t)(end - text) : len;

		sb_add(&of->line, text, n);
		if (end && !of->line.len)
			write_line(of->name, "", 0);
		if (end || of->line.len > LONGEST_LINE)
			flush_line(of);
		n += end != NULL;
		text += n;
		len -= n;
	}
}

static void show_plain(struct build_show *s, const struct build_event *ev)
{
	struct build_shown *of = ev->several && ev->stage ? stage_of(s, ev) : NULL;
	const char *who = of ? of->name : "";

	if (of && ev->kind != BUILD_OUTPUT && ev->kind != BUILD_PROGRESS)
		flush_line(of);
	switch (ev->kind) {
	case BUILD_STEP:
		(void)fprintf(stderr, "[%s %zu/%zu] %s\n", ev->stage, ev->step, ev->steps, ev->text);
		break;
	case BUILD_CACHED:
	case BUILD_SAY:
		(void)fprintf(stderr, "%s%s%s ---> %s\n", of ? "[" : "", who, of ? "]" : "",
			      ev->kind == BUILD_CACHED ? "using the cache" : ev->text);
		break;
	case BUILD_OUTPUT:
		if (of)
			show_lines(of, ev->text, ev->len);
		else
			(void)!io_write_full(STDERR_FILENO, ev->text, ev->len);
		break;
	case BUILD_NOTE:
		(void)fprintf(stderr, "%s\n", ev->text);
		break;
	case BUILD_PROGRESS:
	case BUILD_DONE:
	case BUILD_FAILED:
	default:
		break;
	}
}

void build_show_event(const struct build_event *ev, void *data)
{
	struct build_show *s = data;

	if (ev->kind > BUILD_FAILED)
		return;
	if (s->kind == PROGRESS_TTY)
		build_tty_event(s->tty, ev);
	else if (s->kind == PROGRESS_JSON)
		show_json(ev);
	else
		show_plain(s, ev);
}

void build_show_end(struct build_show *s, bool well)
{
	build_tty_end(take_ptr(s->tty), well);
	for (size_t i = 0; i < s->n; i++)
		if (s->v[i])
			flush_line(s->v[i]);
}

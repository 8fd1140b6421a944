#include "api/docker/stream.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"

#define BAR 50U

void stream_begin(struct stream *s, struct exchange *ex)
{
	*s = (struct stream){ .ex = ex, .text = STRBUF_INIT };
	s->w = (struct json_writer)JSON_WRITER(&s->text);
}

void stream_free(struct stream *s)
{
	sb_free(&s->text);
}

struct json_writer *stream_object(struct stream *s)
{
	sb_reset(&s->text);
	s->w = (struct json_writer)JSON_WRITER(&s->text);
	jw_object(&s->w, NULL);
	return &s->w;
}

static int begin(struct stream *s, struct err *e)
{
	return ex_began(s->ex) ? 0 : ex_begin(s->ex, 200, "application/json", e);
}

void stream_begin_now(struct stream *s)
{
	if (s->lost.code == 0)
		(void)!begin(s, &s->lost);
}

void stream_send(struct stream *s, const char *text, size_t len)
{
	if (s->lost.code == 0 && begin(s, &s->lost) == 0)
		(void)!ex_write(s->ex, text, len, &s->lost);
}

void stream_object_end(struct stream *s)
{
	jw_end_object(&s->w);
	sb_puts(&s->text, "\r\n");
	if (s->into)
		sb_add(s->into, sb_str(&s->text), s->text.len);
	else if (sb_error(&s->text) < 0)
		(void)err_errno(&s->lost, -ENOMEM, "progress");
	else
		stream_send(s, s->text.s, s->text.len);
}

static void detail(struct json_writer *w, uint64_t current, uint64_t total)
{
	jw_object(w, "progressDetail");
	if (current || total) {
		jw_u64(w, "current", current);
		jw_u64(w, "total", total);
	}
	jw_end_object(w);
}

void stream_status(struct stream *s, const char *id, const char *status)
{
	struct json_writer *w = stream_object(s);

	jw_str(w, "status", status);
	if (id) {
		detail(w, 0, 0);
		jw_str(w, "id", id);
	}
	stream_object_end(s);
}

void stream_say(struct stream *s, const char *fmt, ...)
{
	char text[1000];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	stream_status(s, NULL, text);
}

/* As Docker's clients draw it themselves from the numbers; older ones take it from here. */
static void bar(struct strbuf *out, uint64_t current, uint64_t total)
{
	size_t done = current >= total ? BAR : (size_t)((double)current / (double)total * BAR);
	char have[32], all[32];

	text_human_size(current, have, sizeof(have));
	text_human_size(total, all, sizeof(all));
	sb_putc(out, '[');
	sb_fill(out, '=', done);
	sb_putc(out, '>');
	sb_fill(out, ' ', BAR - done);
	sb_printf(out, "] %8s/%s", have, all);
}

void stream_progress(struct stream *s, const char *id, const char *status, uint64_t current, uint64_t total)
{
	CLEANUP_STRBUF struct strbuf drawn = STRBUF_INIT;
	struct json_writer *w = stream_object(s);

	bar(&drawn, current, total ? total : 1);
	jw_str(w, "status", status);
	detail(w, current, total);
	jw_str(w, "progress", sb_str(&drawn));
	jw_str(w, "id", id);
	stream_object_end(s);
}

void stream_text(struct stream *s, const char *text, size_t len)
{
	jw_strn(stream_object(s), "stream", text, len);
	stream_object_end(s);
}

void stream_line(struct stream *s, const char *fmt, ...)
{
	CLEANUP_STRBUF struct strbuf line = STRBUF_INIT;
	char text[2000];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	sb_puts(&line, text);
	sb_putc(&line, '\n');
	stream_text(s, sb_str(&line), line.len);
}

int stream_end(struct stream *s, int r, int code, struct err *e)
{
	struct json_writer *w;

	if (s->lost.code < 0) {
		*e = s->lost;
		return e->code;
	}
	if (r < 0 && !ex_began(s->ex))
		return r;
	if (r >= 0)
		return begin(s, e);
	w = stream_object(s);
	jw_object(w, "errorDetail");
	if (code)
		jw_i64(w, "code", code);
	jw_strn(w, "message", e->msg, ex_told_length(e->msg));
	jw_end_object(w);
	jw_strn(w, "error", e->msg, ex_told_length(e->msg));
	stream_object_end(s);
	*e = s->lost;
	return e->code;
}

#include "cmd/tare/progress.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/io.h"
#include "base/json.h"
#include "base/text.h"

#define SHORT_DIGEST 12
#define REDRAW_MS 80
#define BAR 30

/* A terminal that only goes on. */
static bool is_dumb(void)
{
	const char *term = getenv("TERM");

	return term && strcmp(term, "dumb") == 0;
}

enum progress_kind progress_style(const char *option)
{
	if (option && strcmp(option, "quiet") == 0)
		return PROGRESS_NONE;
	if (option && strcmp(option, "json") == 0)
		return PROGRESS_JSON;
	if (option && strcmp(option, "plain") == 0)
		return PROGRESS_PLAIN;
	if (option && strcmp(option, "tty") == 0)
		return PROGRESS_TTY;
	return isatty(2) && !is_dumb() ? PROGRESS_TTY : PROGRESS_PLAIN;
}

void progress_begin(struct progress *p, enum progress_kind kind)
{
	*p = (struct progress){ .kind = kind, .began = clock_ms() };
}

void progress_free(struct progress *p)
{
	free(p->lines);
	p->lines = NULL;
	p->n = 0;
}

/* ---- what is known ---- */

static struct progress_line *line_of(struct progress *p, const char *digest)
{
	struct progress_line *more;

	for (size_t i = 0; i < p->n; i++)
		if (strcmp(p->lines[i].digest, digest) == 0)
			return &p->lines[i];
	more = reallocarray(p->lines, p->n + 1, sizeof(*more));
	if (!more)
		return NULL;
	p->lines = more;
	more[p->n] = (struct progress_line){ .state = "" };
	(void)snprintf(more[p->n].digest, sizeof(more[p->n].digest), "%s", digest);
	return &p->lines[p->n++];
}

static const char exists[] = "Already exists", downloading[] = "Downloading", complete[] = "Pull complete";

static const char *state_of(enum image_progress_kind kind, const struct progress_line *l, uint64_t bytes)
{
	switch (kind) {
	case IMAGE_PROGRESS_HERE:
		return exists;
	case IMAGE_PROGRESS_WAIT:
		return "Waiting for another pull";
	case IMAGE_PROGRESS_BEGIN:
		return "Waiting";
	case IMAGE_PROGRESS_ARRIVED:
		return bytes >= l->total ? "Extracting" : downloading;
	case IMAGE_PROGRESS_LAYER:
		return complete;
	case IMAGE_PROGRESS_IMAGE:
	default:
		return "";
	}
}

/* ---- how it is shown ---- */

static void write_json(const struct progress_line *l)
{
	CLEANUP_STRBUF struct strbuf text = STRBUF_INIT;
	struct json_writer w = JSON_WRITER(&text);

	jw_object(&w, NULL);
	jw_str(&w, "id", l->digest);
	jw_str(&w, "status", l->state);
	if (l->total) {
		jw_u64(&w, "current", l->bytes);
		jw_u64(&w, "total", l->total);
	}
	jw_end_object(&w);
	if (sb_error(&text) == 0)
		(void)fprintf(stderr, "%s\n", sb_str(&text));
}

/* Cut to the terminal's width: a line that goes on in the next row would be one too many to go up. */
static void add_line(struct strbuf *out, const struct progress *p, const struct progress_line *l, size_t width)
{
	CLEANUP_STRBUF struct strbuf line = STRBUF_INIT;
	const char *id = l->digest + strlen(DIGEST_PREFIX);
	char have[32], total[32], rate[32];
	int64_t ms = clock_ms() - p->began + 1;

	sb_printf(&line, "%.*s: %s", SHORT_DIGEST, id, l->state);
	if (l->total && l->bytes && (strcmp(l->state, downloading) == 0 || strcmp(l->state, "Pushing") == 0)) {
		size_t done = (size_t)(l->bytes * BAR / l->total);

		text_human_size(l->bytes, have, sizeof(have));
		text_human_size(l->total, total, sizeof(total));
		text_human_size((uint64_t)((double)p->arrived * 1e3 / (double)ms), rate, sizeof(rate));
		sb_puts(&line, " [");
		sb_fill(&line, '=', done);
		sb_fill(&line, ' ', BAR - done);
		sb_printf(&line, "] %s/%s  %s/s", have, total, rate);
	}
	sb_puts(out, "\033[2K");
	sb_add(out, sb_str(&line), line.len < width ? line.len : width);
	sb_putc(out, '\n');
}

static bool is_done(const struct progress_line *l)
{
	return l->state == complete || l->state == exists;
}

/* More lines than the terminal has rows: those on which something happens, and how many are done. */
static size_t add_some(struct strbuf *out, const struct progress *p, size_t rows, size_t width)
{
	size_t drawn = 0, done = 0;
	char text[80];

	for (size_t i = 0; i < p->n; i++) {
		done += is_done(&p->lines[i]);
		if (is_done(&p->lines[i]) || drawn + 1 >= rows)
			continue;
		add_line(out, p, &p->lines[i], width);
		drawn++;
	}
	(void)snprintf(text, sizeof(text), "%zu of %zu layers complete", done, p->n);
	sb_printf(out, "\033[2K%.*s\n", (int)width, text);
	return drawn + 1;
}

static void draw(struct progress *p)
{
	CLEANUP_STRBUF struct strbuf out = STRBUF_INIT;
	struct winsize ws = { 0 };
	size_t rows, width;

	(void)!ioctl(2, TIOCGWINSZ, &ws);
	width = ws.ws_col > 1 ? ws.ws_col - 1U : 79;
	rows = ws.ws_row > 2 ? ws.ws_row - 1U : 23; /* the cursor's row is the last */
	if (p->drawn)
		sb_printf(&out, "\033[%zuA\r", p->drawn);
	if (p->n > rows) {
		p->drawn = add_some(&out, p, rows, width);
	} else {
		for (size_t i = 0; i < p->n; i++)
			add_line(&out, p, &p->lines[i], width);
		p->drawn = p->n;
	}
	sb_puts(&out, "\033[J"); /* what was drawn below */
	if (sb_error(&out) == 0)
		(void)!io_write_full(2, sb_str(&out), out.len);
	p->last = clock_ms();
}

static void show(struct progress *p, struct progress_line *l, bool changed)
{
	if (p->kind == PROGRESS_JSON)
		write_json(l);
	else if (p->kind == PROGRESS_PLAIN && changed)
		(void)fprintf(stderr, "%.*s: %s\n", SHORT_DIGEST, l->digest + strlen(DIGEST_PREFIX), l->state);
	else if (p->kind == PROGRESS_TTY && (changed || clock_ms() - p->last > REDRAW_MS))
		draw(p);
}

void progress_image(enum image_progress_kind kind, const char *digest, uint64_t bytes, void *data)
{
	struct progress *p = data;
	struct progress_line *l;
	const char *state;
	bool changed;

	if (p->kind == PROGRESS_NONE || kind == IMAGE_PROGRESS_IMAGE || !(l = line_of(p, digest)))
		return;
	if (kind == IMAGE_PROGRESS_BEGIN || kind == IMAGE_PROGRESS_HERE)
		l->total = bytes;
	if (kind == IMAGE_PROGRESS_ARRIVED) {
		p->arrived += bytes - l->bytes;
		l->bytes = bytes;
	}
	state = state_of(kind, l, bytes);
	changed = l->state != state;
	l->state = state;
	show(p, l, changed);
}

void progress_state(struct progress *p, const char *digest, const char *state, uint64_t bytes, uint64_t total)
{
	struct progress_line *l;
	bool changed;

	if (p->kind == PROGRESS_NONE || !(l = line_of(p, digest)))
		return;
	p->arrived += bytes > l->bytes ? bytes - l->bytes : 0;
	changed = l->state != state;
	l->state = state;
	l->bytes = bytes;
	l->total = total;
	show(p, l, changed);
}

void progress_end(struct progress *p)
{
	if (p->kind == PROGRESS_TTY && p->n)
		draw(p);
}

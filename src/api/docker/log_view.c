#include "api/docker/log_view.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/json.h"
#include "base/text.h"

/* As Docker's query escape. */
static void put_escaped(struct strbuf *out, const char *s)
{
	for (; *s; s++) {
		if (isalnum((unsigned char)*s) || strchr("-_.~", *s))
			sb_putc(out, *s);
		else if (*s == ' ')
			sb_putc(out, '+');
		else
			sb_printf(out, "%%%02X", (unsigned char)*s);
	}
}

static int by_key(const void *a, const void *b)
{
	return strcmp((*(const struct json *const *)a)->key, (*(const struct json *const *)b)->key);
}

void log_put_details(struct strbuf *out, const char *attrs)
{
	CLEANUP_ARENA struct arena a = ARENA_INIT;
	const struct json *doc = NULL, **sorted = NULL;
	struct err ignored;
	size_t n = 0;

	if (attrs && json_parse(&a, attrs, strlen(attrs), NULL, &doc, &ignored) == 0)
		sorted = arena_alloc(&a, doc->len * sizeof(*sorted));
	json_each(v, sorted ? doc : NULL)
		sorted[n++] = v;
	if (n)
		qsort(sorted, n, sizeof(*sorted), by_key);
	for (size_t i = 0; i < n; i++) {
		if (i)
			sb_putc(out, ',');
		put_escaped(out, sorted[i]->key);
		sb_putc(out, '=');
		put_escaped(out, sorted[i]->type == JSON_STRING ? sorted[i]->str : "");
	}
	sb_putc(out, ' ');
}

void log_put_time(struct strbuf *out, const char *time)
{
	char text[TEXT_TIME_LEN];
	struct timespec ts;
	size_t len = strlen(time), seconds = strlen("2026-01-02T03:04:05");

	/* as we write it, without the zeros at its end */
	if (len > seconds && len < TEXT_TIME_LEN && time[len - 1] == 'Z' && (time[seconds] == '.' || time[seconds] == 'Z')) {
		sb_add(out, time, len - 1);
		if (time[seconds] == 'Z')
			sb_putc(out, '.');
		sb_fill(out, '0', TEXT_TIME_LEN - 1 - len - (time[seconds] == 'Z'));
		sb_puts(out, "Z ");
		return;
	}
	if (text_parse_time(time, &ts) == 0) {
		text_time(&ts, text);
		time = text;
	}
	sb_puts(out, time);
	sb_putc(out, ' ');
}

#include "cmd/tare/table.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/json.h"
#include "base/text.h"
#include "cmd/tare/template.h"

#define GAP 3
#define COMMAND_WIDTH 20

void table_add(struct table *t, const char *const *cells)
{
	const char **row = arena_array(t->a, t->n_columns, sizeof(*row));

	if (t->n_rows == t->cap) {
		size_t cap = t->cap ? 2 * t->cap : 16;
		const char *const **more = arena_array(t->a, cap, sizeof(*more));

		if (!more)
			return;
		if (t->n_rows)
			memcpy(more, t->rows, t->n_rows * sizeof(*more));
		t->rows = more;
		t->cap = cap;
	}
	if (!row)
		return;
	for (size_t i = 0; i < t->n_columns; i++)
		row[i] = cells[i] ? cells[i] : "";
	t->rows[t->n_rows++] = row;
}

/* Characters, not bytes: what UTF-8 continues with is not counted. */
static size_t width_of(const char *s)
{
	size_t n = 0;

	for (; *s; s++)
		n += ((unsigned char)*s & 0xc0) != 0x80;
	return n;
}

/* What a terminal would act upon is shown as "?": names and commands come from images. */
static void add_cell(struct strbuf *out, const char *s)
{
	for (; *s; s++)
		sb_putc(out, (unsigned char)*s < 0x20 || *s == 0x7f ? '?' : *s);
}

static void write_line(const struct table *t, const char *const *cells, const size_t *widths, struct strbuf *out)
{
	size_t last = 0, width;

	for (size_t i = 0; i < t->n_columns; i++)
		if (t->columns[i].title)
			last = i;
	for (size_t i = 0; i <= last; i++) {
		if (!t->columns[i].title)
			continue;
		add_cell(out, cells[i]);
		width = width_of(cells[i]);
		if (i < last && width < widths[i] + GAP)
			sb_fill(out, ' ', widths[i] + GAP - width);
	}
	sb_putc(out, '\n');
}

static int write_table(const struct table *t, struct strbuf *out)
{
	size_t *widths = arena_array(t->a, t->n_columns, sizeof(*widths));
	const char **titles = arena_array(t->a, t->n_columns, sizeof(*titles));

	if (!widths || !titles)
		return -ENOMEM;
	for (size_t i = 0; i < t->n_columns; i++) {
		titles[i] = t->columns[i].title;
		widths[i] = titles[i] ? width_of(titles[i]) : 0;
		for (size_t r = 0; r < t->n_rows; r++)
			if (width_of(t->rows[r][i]) > widths[i])
				widths[i] = width_of(t->rows[r][i]);
	}
	write_line(t, titles, widths, out);
	for (size_t r = 0; r < t->n_rows; r++)
		write_line(t, t->rows[r], widths, out);
	return 0;
}

static void write_object(const struct table *t, size_t r, bool values, struct strbuf *out)
{
	struct json_writer w = JSON_WRITER(out);
	const struct json *v;
	struct err ignored;

	jw_object(&w, NULL);
	for (size_t i = 0; i < t->n_columns; i++)
		if (t->columns[i].key && !t->columns[i].values)
			jw_str(&w, t->columns[i].key, t->rows[r][i]);
		else if (t->columns[i].key && values && json_parse(t->a, t->rows[r][i], strlen(t->rows[r][i]), NULL, &v, &ignored) == 0)
			jw_value(&w, t->columns[i].key, v);
	jw_end_object(&w);
}

static void write_json(const struct table *t, struct strbuf *out)
{
	for (size_t r = 0; r < t->n_rows; r++) {
		write_object(t, r, false, out);
		sb_putc(out, '\n');
	}
}

void table_write_array(const struct table *t, struct strbuf *out)
{
	sb_putc(out, '[');
	for (size_t r = 0; r < t->n_rows; r++) {
		if (r)
			sb_putc(out, ',');
		write_object(t, r, false, out);
	}
	sb_putc(out, ']');
}

/* ---- templates ---- */

/* As docker: a backslash and "t" or "n" is what a shell's quotes kept from being a tab or the end of a line. */
static const char *unescape(struct arena *a, const char *template)
{
	char *s = arena_strdup(a, template), *to = s;

	for (const char *from = s; from && *from; from++) {
		bool escaped = from[0] == '\\' && (from[1] == 't' || from[1] == 'n');

		*to++ = !escaped ? *from : from[1] == 't' ? '\t' : '\n';
		from += escaped;
	}
	if (s)
		*to = '\0';
	return s;
}

/* The titles, as members: of a column without one what its key says, "CreatedAt": "CREATED AT". */
static void write_titles(const struct table *t, struct strbuf *out)
{
	struct json_writer w = JSON_WRITER(out);

	jw_object(&w, NULL);
	for (size_t i = 0; i < t->n_columns; i++) {
		CLEANUP_STRBUF struct strbuf title = STRBUF_INIT;
		const char *key = t->columns[i].key;

		for (const char *p = key; p && *p; p++) {
			bool upper = *p >= 'A' && *p <= 'Z';

			if (upper && p > key && p[-1] >= 'a' && p[-1] <= 'z')
				sb_putc(&title, ' ');
			sb_putc(&title, *p >= 'a' && *p <= 'z' ? (char)(*p - 'a' + 'A') : *p);
		}
		if (key)
			jw_str(&w, key, t->columns[i].title ? t->columns[i].title : sb_str(&title));
		out->failed |= sb_error(&title) < 0;
	}
	jw_end_object(&w);
}

static int apply(const struct table *t, const char *template, const struct strbuf *object, struct strbuf *out, struct err *e)
{
	const struct json *doc;
	int r = sb_error(object) < 0 ? err_errno(e, -ENOMEM, "write the list") : json_parse(t->a, sb_str(object), object->len, NULL, &doc, e);

	if (r == 0)
		r = template_apply(t->a, template, doc, out, e);
	if (r == 0)
		sb_putc(out, '\n');
	return r;
}

/* Whether it asks for {{.Label "name"}}: what that looks into is there for it alone, and none of what {{json .}} shows. */
static bool asks_values(const char *template)
{
	for (const char *p = template; (p = strstr(p, ".Label")); p += strlen(".Label"))
		if (!isalnum((unsigned char)p[strlen(".Label")]))
			return true;
	return false;
}

/* A line for each row; members are those of JSON. */
static int write_rows(const struct table *t, const char *template, struct strbuf *out, struct err *e)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < t->n_rows; i++) {
		CLEANUP_STRBUF struct strbuf object = STRBUF_INIT;

		write_object(t, i, asks_values(template), &object);
		r = apply(t, template, &object, out, e);
	}
	return r;
}

#define CELLS_MAX 64
#define CELL_MIN 10 /* docker's: as wide is a column with its gap at least */

/* Lines whose tabs end cells, under each other; what is behind the last tab of a line is as long as it is. */
static void align(char *text, struct strbuf *out)
{
	size_t widths[CELLS_MAX] = { 0 };

	for (int pass = 0; pass < 2; pass++) {
		size_t column = 0;

		for (char *p = text, *end; *p; p = end + 1) {
			char was;
			size_t width;

			end = p + strcspn(p, "\t\n");
			was = *end;
			*end = '\0';
			width = width_of(p);
			if (pass == 0 && was == '\t' && column < CELLS_MAX && width > widths[column])
				widths[column] = width;
			if (pass == 1)
				add_cell(out, p);
			if (pass == 1 && was == '\t' && column < CELLS_MAX)
				sb_fill(out, ' ', (widths[column] + GAP > CELL_MIN ? widths[column] + GAP : CELL_MIN) - width);
			if (pass == 1 && was != '\t')
				sb_putc(out, '\n');
			*end = was;
			column = was == '\t' ? column + 1 : 0;
			if (!was)
				break;
		}
	}
}

static int write_template_table(const struct table *t, const char *template, struct strbuf *out, struct err *e)
{
	CLEANUP_STRBUF struct strbuf titles = STRBUF_INIT, lines = STRBUF_INIT;
	char *text;
	int r;

	write_titles(t, &titles);
	r = apply(t, template, &titles, &lines, e);
	if (r == 0)
		r = write_rows(t, template, &lines, e);
	if (r < 0)
		return r;
	text = sb_error(&lines) < 0 ? NULL : arena_strdup(t->a, sb_str(&lines));
	if (!text)
		return err_errno(e, -ENOMEM, "write the list");
	align(text, out);
	return 0;
}

static int write_template(const struct table *t, const char *template, struct strbuf *out, struct err *e)
{
	bool table = strncmp(template, "table ", 6) == 0;
	const char *text;

	if (!strstr(template, "{{"))
		return err_set(e, ERR_INVALID, "--format '%.40s': there are table, json, and templates with {{.Member}}, whose members are those of json", template);
	text = unescape(t->a, table ? template + 6 : template);
	if (!text)
		return err_errno(e, -ENOMEM, "write the list");
	return table ? write_template_table(t, text, out, e) : write_rows(t, text, out, e);
}

int table_write(const struct table *t, const char *format, bool quiet, struct strbuf *out, struct err *e)
{
	int r = arena_error(t->a);

	if (quiet)
		for (size_t i = 0; i < t->n_rows; i++)
			sb_printf(out, "%s\n", t->rows[i][0]);
	else if (format && strcmp(format, "json") == 0)
		write_json(t, out);
	else if (r == 0 && format && strcmp(format, "table") != 0)
		return write_template(t, format, out, e);
	else if (r == 0)
		r = write_table(t, out);
	if (r < 0 || sb_error(out) < 0)
		return err_errno(e, -ENOMEM, "write the list");
	return 0;
}

const char *table_values(struct arena *a, const struct json *object)
{
	CLEANUP_STRBUF struct strbuf text = STRBUF_INIT;
	struct json_writer w = JSON_WRITER(&text);

	if (!object || object->type != JSON_OBJECT)
		return "{}";
	jw_value(&w, NULL, object);
	return sb_error(&text) < 0 ? NULL : arena_strdup(a, sb_str(&text));
}

const char *table_labels(struct arena *a, const struct json *labels)
{
	CLEANUP_STRBUF struct strbuf b = STRBUF_INIT;
	size_t n = 0;
	const struct json **v = json_sorted(a, labels, &n);

	for (size_t i = 0; i < n; i++)
		if (v[i]->type == JSON_STRING)
			sb_printf(&b, "%s%s=%s", b.len ? "," : "", v[i]->key, v[i]->str);
	return !v ? NULL : arena_strdup(a, sb_str(&b));
}

const char *table_size(struct arena *a, uint64_t bytes)
{
	char text[32];

	text_human_size(bytes, text, sizeof(text));
	return arena_strdup(a, text);
}

const char *table_cut(struct arena *a, const char *text, size_t width)
{
	const char *p = text;

	if (width_of(text) <= width)
		return text;
	for (size_t n = 0; *p; p++) {
		n += ((unsigned char)*p & 0xc0) != 0x80;
		if (n == width)
			break;
	}
	return arena_printf(a, "%.*s…", (int)(p - text), text);
}

const char *table_command(struct arena *a, const char *command, bool whole)
{
	static const char plain[] = "\a\b\f\n\r\t\v\"\\", letters[] = "abfnrtv\"\\";
	const char *text = whole ? command : table_cut(a, command, COMMAND_WIDTH);
	CLEANUP_STRBUF struct strbuf b = STRBUF_INIT;

	sb_putc(&b, '"');
	for (const char *p = text; *p; p++) {
		const char *known = strchr(plain, *p);

		if (known)
			sb_printf(&b, "\\%c", letters[known - plain]);
		else if ((unsigned char)*p < ' ' || *p == 0x7f)
			sb_printf(&b, "\\x%02x", (unsigned char)*p);
		else
			sb_putc(&b, *p);
	}
	sb_putc(&b, '"');
	return arena_strdup(a, sb_str(&b));
}

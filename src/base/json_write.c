/* The writer needs no memory of what it has written: a comma is due unless the last byte opened the container, and
 * only an opening bracket can be such a byte ('{' inside a string is followed by its closing quote). */
#include "base/json.h"

#include <string.h>

#include "base/text.h"

#define DEL 0x7f /* allowed as it is, but terminals are shown what we write */

static void indent(struct json_writer *w)
{
	if (!w->pretty)
		return;
	sb_putc(w->out, '\n');
	sb_fill(w->out, '\t', w->depth);
}

static bool just_opened(const struct json_writer *w)
{
	char last = w->out->len ? w->out->s[w->out->len - 1] : '\0';

	return last == '{' || last == '[';
}

static void escape_control(struct strbuf *out, unsigned char c)
{
	static const char names[] = { ['\b'] = 'b', ['\t'] = 't', ['\n'] = 'n', ['\f'] = 'f', ['\r'] = 'r' };

	if (c < sizeof(names) && names[c]) {
		sb_putc(out, '\\');
		sb_putc(out, names[c]);
	} else {
		sb_printf(out, "\\u%04x", c);
	}
}

static void quote(struct strbuf *out, const char *s, size_t len)
{
	size_t start = 0, i = 0;

	sb_putc(out, '"');
	while (i < len) {
		unsigned char c = (unsigned char)s[i];
		size_t n = c < 0x80 ? 1 : json_utf8_sequence(s + i, s + len);

		if (n > 0 && c >= ' ' && c != '"' && c != '\\' && c != DEL) {
			i += n;
			continue;
		}
		sb_add(out, s + start, i - start);
		if (n == 0) {
			sb_puts(out, "\xef\xbf\xbd");
		} else if (c < ' ' || c == DEL) {
			escape_control(out, c);
		} else {
			sb_putc(out, '\\');
			sb_putc(out, (char)c);
		}
		start = ++i;
	}
	sb_add(out, s + start, len - start);
	sb_putc(out, '"');
}

/* What stands before a value: comma, new line, key. */
static void begin(struct json_writer *w, const char *key)
{
	if (w->depth > 0) {
		if (!just_opened(w))
			sb_putc(w->out, ',');
		indent(w);
	}
	if (key) {
		quote(w->out, key, strlen(key));
		sb_puts(w->out, w->pretty ? ": " : ":");
	}
}

static void end(struct json_writer *w, char bracket)
{
	bool empty = just_opened(w);

	w->depth--;
	if (!empty)
		indent(w);
	sb_putc(w->out, bracket);
}

void jw_object(struct json_writer *w, const char *key)
{
	begin(w, key);
	sb_putc(w->out, '{');
	w->depth++;
}

void jw_array(struct json_writer *w, const char *key)
{
	begin(w, key);
	sb_putc(w->out, '[');
	w->depth++;
}

void jw_end_object(struct json_writer *w)
{
	end(w, '}');
}

void jw_end_array(struct json_writer *w)
{
	end(w, ']');
}

void jw_str(struct json_writer *w, const char *key, const char *s)
{
	if (s)
		jw_strn(w, key, s, strlen(s));
	else
		jw_null(w, key);
}

void jw_strn(struct json_writer *w, const char *key, const char *s, size_t len)
{
	begin(w, key);
	quote(w->out, s, len);
}

void jw_bool(struct json_writer *w, const char *key, bool v)
{
	begin(w, key);
	sb_puts(w->out, v ? "true" : "false");
}

static void put_number(struct strbuf *out, uint64_t v)
{
	char digits[TEXT_U64_LEN];

	sb_puts(out, text_of_u64(v, digits));
}

void jw_i64(struct json_writer *w, const char *key, int64_t v)
{
	begin(w, key);
	if (v < 0)
		sb_putc(w->out, '-');
	put_number(w->out, v < 0 ? 0 - (uint64_t)v : (uint64_t)v);
}

void jw_u64(struct json_writer *w, const char *key, uint64_t v)
{
	begin(w, key);
	put_number(w->out, v);
}

void jw_null(struct json_writer *w, const char *key)
{
	begin(w, key);
	sb_puts(w->out, "null");
}

void jw_strv(struct json_writer *w, const char *key, const char *const *v)
{
	jw_array(w, key);
	for (; v && *v; v++)
		jw_str(w, NULL, *v);
	jw_end_array(w);
}

static void write_children(struct json_writer *w, const struct json *v)
{
	json_each(child, v)
		jw_value(w, child->key, child);
}

void jw_piece(struct json_writer *w, const char *text, size_t len)
{
	begin(w, NULL);
	sb_add(w->out, text, len);
}

void jw_value(struct json_writer *w, const char *key, const struct json *v)
{
	switch (v->type) {
	case JSON_NULL:
		jw_null(w, key);
		break;
	case JSON_BOOL:
		jw_bool(w, key, v->boolean);
		break;
	case JSON_NUMBER:
		begin(w, key);
		sb_add(w->out, v->str, v->len);
		break;
	case JSON_STRING:
		jw_strn(w, key, v->str, v->len);
		break;
	case JSON_ARRAY:
		jw_array(w, key);
		write_children(w, v);
		jw_end_array(w);
		break;
	case JSON_OBJECT:
		jw_object(w, key);
		write_children(w, v);
		jw_end_object(w);
		break;
	}
}

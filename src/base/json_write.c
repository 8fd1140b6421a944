#include <string.h>

#include "base/json.h"

static void indent(struct json_writer *w)
{
	sb_putc(w->out, '\n');
	for (unsigned int i = 0; i < w->depth; i++)
		sb_putc(w->out, '\t');
}

static void quoted(struct json_writer *w, const char *s, size_t len);

/* Comma, newline and key: what stands before a value. */
static void before_value(struct json_writer *w, const char *key)
{
	if (w->depth) {
		if (w->nonempty[w->depth - 1])
			sb_putc(w->out, ',');
		w->nonempty[w->depth - 1] = true;
		if (w->pretty)
			indent(w);
	}
	if (key) {
		quoted(w, key, strlen(key));
		sb_puts(w->out, w->pretty ? ": " : ":");
	}
}

static void begin(struct json_writer *w, const char *key, char c)
{
	before_value(w, key);
	sb_putc(w->out, c);
	if (w->depth == JW_MAX_DEPTH) {
		w->out->failed = true;
		return;
	}
	w->nonempty[w->depth++] = false;
}

static void end(struct json_writer *w, char c)
{
	bool any;

	if (!w->depth)
		return;
	any = w->nonempty[--w->depth];
	if (any && w->pretty)
		indent(w);
	sb_putc(w->out, c);
}

void jw_object(struct json_writer *w, const char *key)
{
	begin(w, key, '{');
}

void jw_array(struct json_writer *w, const char *key)
{
	begin(w, key, '[');
}

void jw_end_object(struct json_writer *w)
{
	end(w, '}');
}

void jw_end_array(struct json_writer *w)
{
	end(w, ']');
}

static void escaped(struct json_writer *w, unsigned char c)
{
	static const char names[] = "\b\f\n\r\t\"\\", letters[] = "bfnrt\"\\";
	const char *at = c ? strchr(names, c) : NULL;

	if (at) {
		sb_putc(w->out, '\\');
		sb_putc(w->out, letters[at - names]);
	} else {
		sb_printf(w->out, "\\u%04x", c);
	}
}

static void quoted(struct json_writer *w, const char *s, size_t len)
{
	const char *p = s, *plain = s, *stop = s + len;

	sb_putc(w->out, '"');
	while (p < stop) {
		unsigned char c = (unsigned char)*p;
		size_t n = c < 0x80 ? 1 : json_utf8_sequence(p, stop);

		if (n && c >= 0x20 && c != '"' && c != '\\' && c != 0x7f) {
			p += n;
			continue;
		}
		sb_add(w->out, plain, (size_t)(p - plain));
		if (n)
			escaped(w, c);
		else
			sb_puts(w->out, "\xef\xbf\xbd");
		plain = ++p;
	}
	sb_add(w->out, plain, (size_t)(p - plain));
	sb_putc(w->out, '"');
}

void jw_strn(struct json_writer *w, const char *key, const char *s, size_t len)
{
	before_value(w, key);
	quoted(w, s, len);
}

void jw_str(struct json_writer *w, const char *key, const char *s)
{
	if (s)
		jw_strn(w, key, s, strlen(s));
	else
		jw_null(w, key);
}

void jw_bool(struct json_writer *w, const char *key, bool v)
{
	before_value(w, key);
	sb_puts(w->out, v ? "true" : "false");
}

void jw_i64(struct json_writer *w, const char *key, int64_t v)
{
	before_value(w, key);
	sb_printf(w->out, "%lld", (long long)v);
}

void jw_u64(struct json_writer *w, const char *key, uint64_t v)
{
	before_value(w, key);
	sb_printf(w->out, "%llu", (unsigned long long)v);
}

void jw_null(struct json_writer *w, const char *key)
{
	before_value(w, key);
	sb_puts(w->out, "null");
}

void jw_strv(struct json_writer *w, const char *key, const char *const *v)
{
	jw_array(w, key);
	for (; v && *v; v++)
		jw_str(w, NULL, *v);
	jw_end_array(w);
}

void jw_value(struct json_writer *w, const char *key, const struct json *v)
{
	switch (v->type) {
	case JSON_OBJECT:
	case JSON_ARRAY:
		begin(w, key, v->type == JSON_OBJECT ? '{' : '[');
		json_each (m, v)
			jw_value(w, m->key, m);
		end(w, v->type == JSON_OBJECT ? '}' : ']');
		break;
	case JSON_STRING:
		jw_strn(w, key, v->str, v->len);
		break;
	case JSON_NUMBER:
		before_value(w, key);
		sb_add(w->out, v->str, v->len);
		break;
	case JSON_BOOL:
		jw_bool(w, key, v->boolean);
		break;
	case JSON_NULL:
	default:
		jw_null(w, key);
		break;
	}
}

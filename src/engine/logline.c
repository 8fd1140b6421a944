/* A gigabyte of log is some millions of lines, so what a line costs is what `tare logs` costs. The encoders write their members in one
 * order; a line in that order is taken apart where it lies, by looking for quotes. Any other goes to the JSON reader. Members are found
 * before anything is written over, so that it gets what was in the file. */
#include "engine/logline.h"

#include <stdint.h>
#include <string.h>

#include "base/json.h"
#include "base/text.h"

#define HEAD "{\"log\":\""
#define STREAM ",\"stream\":\""
#define ATTRS ",\"attrs\":"
#define TIME ",\"time\":\""
#define TIME_ROOM 40 /* more than a time takes with what follows it */

static bool follows(const char *at, const char *end, const char *what)
{
	size_t len = strlen(what);

	return (size_t)(end - at) >= len && memcmp(at, what, len) == 0;
}

/* The quote that ends the string at s. */
static char *string_end(char *s, const char *end)
{
	char *quote = memchr(s, '"', (size_t)(end - s));

	while (quote) {
		char *slash = memchr(s, '\\', (size_t)(quote - s));

		if (!slash)
			return quote;
		s = slash + 2;
		if (s > quote)
			quote = s < end ? memchr(s, '"', (size_t)(end - s)) : NULL;
	}
	return NULL;
}

/* Four hex digits; -1: they are none. */
static int32_t hex4(const char *s, const char *end)
{
	int32_t v = 0;

	if (end - s < 4)
		return -1;
	for (int i = 0; i < 4; i++) {
		char c = s[i];
		int digit = c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;

		if (digit < 0)
			return -1;
		v = v * 16 + digit;
	}
	return v;
}

static char *put_utf8(char *to, uint32_t c)
{
	if (c < 0x80) {
		*to++ = (char)c;
		return to;
	}
	if (c < 0x800) {
		*to++ = (char)(0xc0 | c >> 6);
	} else {
		if (c < 0x10000) {
			*to++ = (char)(0xe0 | c >> 12);
		} else {
			*to++ = (char)(0xf0 | c >> 18);
			*to++ = (char)(0x80 | (c >> 12 & 0x3f));
		}
		*to++ = (char)(0x80 | (c >> 6 & 0x3f));
	}
	*to++ = (char)(0x80 | (c & 0x3f));
	return to;
}

/* \uXXXX, or two of them: *from stands behind the u. What it becomes is never longer. */
static bool unescape_u(const char **from, const char *end, char **to)
{
	int32_t c = hex4(*from, end), low;

	if (c < 0)
		return false;
	*from += 4;
	if (c >= 0xd800 && c < 0xdc00 && follows(*from, end, "\\u")) {
		low = hex4(*from + 2, end);
		if (low >= 0xdc00 && low < 0xe000) {
			c = 0x10000 + ((c - 0xd800) << 10) + (low - 0xdc00);
			*from += 6;
		}
	}
	if (c >= 0xd800 && c < 0xe000)
		c = 0xfffd; /* half of a pair */
	*to = put_utf8(*to, (uint32_t)c);
	return true;
}

/* The string at s, its escapes resolved in place; gives its length now, -1 where an escape is none. */
static ptrdiff_t unescape(char *s, const char *end)
{
	static const char letters[] = "\"\\/bfrt", bytes[] = "\"\\/\b\f\r\t";
	char *to = s;
	const char *from = s;

	while (from < end) {
		const char *slash = *from == '\\' ? from : memchr(from, '\\', (size_t)(end - from)), *letter;
		size_t run = (size_t)((slash ? slash : end) - from);

		if (to != from)
			memmove(to, from, run);
		to += run;
		if (!slash)
			break;
		from = slash + 2;
		letter = slash[1] && slash[1] != 'n' ? strchr(letters, slash[1]) : NULL;
		if (slash[1] == 'n')
			*to++ = '\n'; /* each line has it */
		else if (letter)
			*to++ = bytes[letter - letters];
		else if (slash[1] != 'u' || !unescape_u(&from, end, &to))
			return -1;
	}
	return to - s;
}

/* Any order of members. */
static bool by_reader(const char *line, size_t len, struct arena *a, struct log_record *out)
{
	const struct json *doc, *log, *stream, *time;
	struct err ignored;

	if (json_parse(a, line, len, NULL, &doc, &ignored) < 0)
		return false;
	log = json_get(doc, "log");
	stream = json_get(doc, "stream");
	time = json_get(doc, "time");
	if (!log || log->type != JSON_STRING || !time || time->type != JSON_STRING)
		return false;
	*out = (struct log_record){
		.err = stream && stream->type == JSON_STRING && strcmp(stream->str, "stderr") == 0,
		.time = time->str,
		.text = log->str,
		.len = log->len,
	};
	return true;
}

struct members {
	char *text, *quote; /* of "log": where it begins, and the quote that ends it */
	char *stream, *attrs, *time;
};

/* A line without attributes, from its end: what is before the text's last quote need not be looked at to find it, for a quote in the text has a
 * backslash before it. */
static bool find_by_tail(char *line, char *end, struct members *m)
{
	char *time;

	if (end - line < (ptrdiff_t)strlen(HEAD STREAM "stdout\"" TIME) + TIME_ROOM || !follows(line, end, HEAD))
		return false;
	time = memrchr(end - TIME_ROOM, '"', TIME_ROOM - strlen("\"}"));
	if (!time)
		return false;
	*m = (struct members){ .text = line + strlen(HEAD), .stream = time - strlen("stdout\"" TIME) + 1, .time = time };
	m->quote = m->stream - strlen(STREAM) - 1;
	return m->quote >= m->text && *m->quote == '"' && follows(m->quote + 1, end, STREAM "std") &&
	       follows(m->stream + strlen("stdout"), end, "\"" TIME);
}

static bool find_in_order(char *line, char *end, struct members *m)
{
	char *at;

	*m = (struct members){ .text = line + strlen(HEAD) };
	if (!follows(line, end, HEAD) || !(m->quote = string_end(m->text, end)) || !follows(m->quote + 1, end, STREAM "std") ||
	    end - m->quote < (ptrdiff_t)(strlen(STREAM "stdout" TIME) + 4))
		return false;
	m->stream = m->quote + 1 + strlen(STREAM);
	m->time = memrchr(m->stream, '"', (size_t)(end - 2 - m->stream));
	if (!m->time || m->time - m->stream < (ptrdiff_t)strlen("stdout\"" TIME) - 1 || !follows(m->time + 1 - strlen(TIME), end, TIME))
		return false;
	at = m->stream + strlen("stdout\"");
	if (at == m->time + 1 - strlen(TIME))
		return true;
	m->attrs = at + strlen(ATTRS);
	return follows(at, m->time, ATTRS "{");
}

bool logline_json(char *line, size_t len, struct arena *a, struct log_record *out)
{
	char *end = line + len, *slash;
	struct members m;
	ptrdiff_t n = 0;

	if (len < 2 || !follows(end - 2, end, "\"}") || (!find_by_tail(line, end, &m) && !find_in_order(line, end, &m)) ||
	    (!follows(m.stream, end, "stdout\"") && !follows(m.stream, end, "stderr\"")))
		return by_reader(line, len, a, out);
	*out = (struct log_record){ .err = m.stream[3] == 'e', .time = m.time + 1, .text = m.text, .attrs = m.attrs };
	m.time[1 - (ptrdiff_t)strlen(TIME)] = '\0';
	end[-2] = '\0';
	slash = memchr(m.text, '\\', (size_t)(m.quote - m.text));
	if (slash && slash == m.quote - 2 && slash[1] == 'n') { /* nothing but the line's end */
		*slash = '\n';
		n = 1;
	} else if (slash) {
		n = unescape(slash, m.quote);
	}
	out->len = (size_t)((slash ? slash : m.quote) - m.text + n);
	return n >= 0;
}

bool logline_k8s(char *line, size_t len, struct arena *a, struct log_record *out)
{
	char *end = line + len, *space = memchr(line, ' ', len), *tag;
	bool err, part;

	(void)a;
	if (!space || (!follows(space, end, " stdout ") && !follows(space, end, " stderr ")))
		return false;
	err = space[4] == 'e';
	tag = space + strlen(" stdout ");
	if (!follows(tag, end, "F") && !follows(tag, end, "P"))
		return false;
	part = *tag == 'P';
	for (; tag < end && *tag != ' '; tag++) /* tags may follow, divided by colons */
		;
	if (tag == end)
		return false;
	*space = '\0';
	end[0] = '\n';
	*out = (struct log_record){ .err = err, .time = line, .text = tag + 1, .len = (size_t)(end - tag - 1) + !part };
	return true;
}

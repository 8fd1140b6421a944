#include "monitor/logrecord.h"

#include <stdint.h>
#include <string.h>

#include "base/text.h"

static const char *const stream_names[] = { "stdout", "stderr" };

size_t logrecord_cut(const char *data, size_t len, bool final, bool *part)
{
	size_t look = len < LOGRECORD_MAX ? len : LOGRECORD_MAX;
	const char *end = look ? memchr(data, '\n', look) : NULL;

	*part = !end;
	if (end)
		return (size_t)(end - data) + 1;
	return len >= LOGRECORD_MAX || final ? look : 0;
}

void logrecord_stamp(struct logrecord_times *t, struct logrecord *rec)
{
	if (t->inside[rec->stream])
		rec->time = t->first[rec->stream];
	else if (t->now)
		rec->time = *t->now;
	else
		clock_gettime(CLOCK_REALTIME, &rec->time);
	t->inside[rec->stream] = rec->part;
	t->first[rec->stream] = rec->time;
}

/* The bytes of the UTF-8 sequence at s, 0 when it is none (RFC 3629: shortest form, no surrogates, <= U+10FFFF). */
static size_t utf8_length(const unsigned char *s, size_t len)
{
	size_t n = s[0] >= 0xf0 ? 4 : s[0] >= 0xe0 ? 3 : 2;

	if (s[0] < 0xc2 || s[0] > 0xf4 || n > len)
		return 0;
	for (size_t i = 1; i < n; i++)
		if ((s[i] & 0xc0) != 0x80)
			return 0;
	if ((s[0] == 0xe0 && s[1] < 0xa0) || (s[0] == 0xed && s[1] > 0x9f) || (s[0] == 0xf0 && s[1] < 0x90) ||
	    (s[0] == 0xf4 && s[1] > 0x8f))
		return 0;
	return n;
}

static void add_ascii(struct strbuf *out, unsigned char c)
{
	static const char hex[] = "0123456789abcdef";
	const char code[] = { '\\', 'u', '0', '0', hex[c >> 4], hex[c & 15] };

	switch (c) {
	case '"':
	case '\\':
		sb_putc(out, '\\');
		sb_putc(out, (char)c);
		break;
	case '\n':
		sb_puts(out, "\\n");
		break;
	case '\r':
		sb_puts(out, "\\r");
		break;
	default:
		sb_add(out, code, sizeof(code));
		break;
	}
}

static bool is_plain(unsigned char c)
{
	return c >= 0x20 && c < 0x80 && c != '"' && c != '\\' && c != '<' && c != '>' && c != '&';
}

/* As Docker's encoder: <, >, & and U+2028, U+2029 escaped for browsers, a bad byte as U+FFFD. */
static void add_text(struct strbuf *out, const char *data, size_t len)
{
	const unsigned char *s = (const unsigned char *)data;
	size_t i = 0;

	while (i < len) {
		size_t start = i, n;

		while (i < len && is_plain(s[i]))
			i++;
		sb_add(out, s + start, i - start);
		if (i == len)
			break;
		if (s[i] < 0x80) {
			add_ascii(out, s[i++]);
			continue;
		}
		n = utf8_length(s + i, len - i);
		if (n == 3 && s[i] == 0xe2 && s[i + 1] == 0x80 && (s[i + 2] & 0xfe) == 0xa8)
			sb_puts(out, s[i + 2] == 0xa8 ? "\\u2028" : "\\u2029");
		else if (n)
			sb_add(out, s + i, n);
		else
			sb_puts(out, "\\ufffd");
		i += n ? n : 1;
	}
}

/* Go's RFC3339Nano: no zeros at the end of the fraction. */
static void add_time(struct strbuf *out, const struct timespec *ts)
{
	char text[TEXT_TIME_LEN];
	size_t len;

	text_time(ts, text);
	len = strlen(text) - 1; /* without the Z */
	while (text[len - 1] == '0' && strchr(text, '.'))
		len--;
	if (text[len - 1] == '.')
		len--;
	sb_add(out, text, len);
	sb_putc(out, 'Z');
}

void logrecord_json(struct strbuf *out, const struct logrecord *rec, const char *attrs)
{
	sb_puts(out, "{\"log\":\"");
	add_text(out, rec->data, rec->len);
	sb_puts(out, rec->stream == LOG_STDERR ? "\",\"stream\":\"stderr\"" : "\",\"stream\":\"stdout\"");
	if (attrs) {
		sb_puts(out, ",\"attrs\":");
		sb_puts(out, attrs);
	}
	sb_puts(out, ",\"time\":\"");
	add_time(out, &rec->time);
	sb_puts(out, "\"}\n");
}

void logrecord_k8s(struct strbuf *out, const struct logrecord *rec)
{
	char time[TEXT_TIME_LEN];

	text_time(&rec->time, time);
	sb_printf(out, "%s %s %c ", time, stream_names[rec->stream], rec->part ? 'P' : 'F');
	sb_add(out, rec->data, rec->len);
	if (rec->part)
		sb_putc(out, '\n');
}

void logrecord_journal_field(struct strbuf *out, const char *name, const char *value, size_t len)
{
	unsigned char size[8];

	sb_puts(out, name);
	if (memchr(value, '\n', len)) { /* with its length, little endian */
		for (size_t i = 0; i < sizeof(size); i++)
			size[i] = (unsigned char)((uint64_t)len >> (8 * i));
		sb_putc(out, '\n');
		sb_add(out, size, sizeof(size));
	} else {
		sb_putc(out, '=');
	}
	sb_add(out, value, len);
	sb_putc(out, '\n');
}

void logrecord_journal(struct strbuf *out, const struct logrecord *rec)
{
	char time[TEXT_TIME_LEN];

	logrecord_journal_field(out, "MESSAGE", rec->data, rec->len - !rec->part);
	sb_puts(out, rec->stream == LOG_STDERR ? "PRIORITY=3\n" : "PRIORITY=6\n");
	text_time(&rec->time, time);
	sb_printf(out, "SYSLOG_TIMESTAMP=%s\n", time);
	if (rec->part)
		sb_puts(out, "CONTAINER_PARTIAL_MESSAGE=true\n");
	if (rec->ordinal)
		sb_printf(out, "CONTAINER_PARTIAL_ID=%s\nCONTAINER_PARTIAL_ORDINAL=%u\nCONTAINER_PARTIAL_LAST=%s\n", rec->line, rec->ordinal,
			  rec->part ? "false" : "true");
}

#include "cmd/tare/termtext.h"

#include <stdint.h>
#include <string.h>

#define ESC 0x1b
#define BEL 0x07

/* ---- escape sequences (ECMA-48) ---- */

/* Where the one at p, behind its ESC, ends. */
static const char *behind_escape(const char *p, const char *end)
{
	if (p == end)
		return p;
	if (*p == '[') { /* CSI: parameters, then one final byte */
		for (p++; p < end && (unsigned char)*p >= 0x20 && (unsigned char)*p < 0x40; p++)
			;
		return p < end ? p + 1 : p;
	}
	if (strchr("]PX^_", *p)) { /* a string: up to BEL or ST */
		for (p++; p < end; p++) {
			if (*p == BEL)
				return p + 1;
			if (*p == ESC && p + 1 < end && p[1] == '\\')
				return p + 2;
		}
		return end;
	}
	while (p < end && (unsigned char)*p >= 0x20 && (unsigned char)*p < 0x30)
		p++;
	return p < end ? p + 1 : p;
}

/* ---- UTF-8 ---- */

/* The character at p: its length, 0 when it is none. Overlong ones and surrogates are none. */
static size_t character(const unsigned char *p, size_t len, uint32_t *out)
{
	static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
	size_t n = p[0] < 0x80 ? 1 : p[0] >= 0xc2 && p[0] < 0xe0 ? 2 : p[0] >= 0xe0 && p[0] < 0xf0 ? 3 : p[0] >= 0xf0 && p[0] < 0xf5 ? 4 : 0;
	uint32_t c = n == 1 ? p[0] : n ? p[0] & (0xffU >> (n + 1)) : 0;

	if (!n || n > len)
		return 0;
	for (size_t i = 1; i < n; i++) {
		if ((p[i] & 0xc0) != 0x80)
			return 0;
		c = c << 6 | (p[i] & 0x3fU);
	}
	if (c < least[n] || c > 0x10ffff || (c >= 0xd800 && c < 0xe000))
		return 0;
	*out = c;
	return n;
}

/* Left-to-right marks and the like turn around what is beside them. */
static bool is_control(uint32_t c)
{
	return c < 0x20 || (c >= 0x7f && c < 0xa0) || (c >= 0x200b && c < 0x2010) || (c >= 0x2028 && c < 0x2030) ||
	       (c >= 0x2060 && c < 0x2070) || c == 0xfeff;
}

void termtext_clean(const char *line, size_t len, struct strbuf *out)
{
	const char *p = line, *end;

	while (len > 0 && line[len - 1] == '\r')
		len--;
	end = line + len;
	for (const char *cr = p; (cr = memchr(cr, '\r', (size_t)(end - cr))); cr++)
		p = cr + 1;
	while (p < end) {
		uint32_t c;
		size_t n;

		if (*p == ESC) {
			p = behind_escape(p + 1, end);
			continue;
		}
		n = character((const unsigned char *)p, (size_t)(end - p), &c);
		if (!n || c == '\t')
			sb_putc(out, n ? ' ' : '?');
		else if (!is_control(c))
			sb_add(out, p, n);
		p += n ? n : 1;
	}
}

size_t termtext_fit(const char *text, size_t len, size_t columns, size_t *used)
{
	size_t at = 0;

	*used = 0;
	while (at < len) {
		uint32_t c = '?';
		size_t n = character((const unsigned char *)text + at, len - at, &c);
		size_t width = c < 0x1100 ? 1 : 2;

		if (*used + width > columns)
			break;
		*used += width;
		at += n ? n : 1;
	}
	return at;
}

static bool is_blank(const struct strbuf *b)
{
	return strspn(sb_str(b), " ") == b->len;
}

void termtext_tail(const char *raw, size_t len, size_t n, struct strbuf *out)
{
	CLEANUP_STRBUF struct strbuf line = STRBUF_INIT;
	size_t begin = len, found = 0;

	/* how far back, then forward */
	for (size_t end = len; end > 0 && found < n; end = begin ? begin - 1 : 0) {
		for (begin = end; begin > 0 && raw[begin - 1] != '\n'; begin--)
			;
		sb_reset(&line);
		termtext_clean(raw + begin, end - begin, &line);
		found += !is_blank(&line);
	}
	for (const char *p = raw + begin; p < raw + len;) {
		const char *end = memchr(p, '\n', (size_t)(raw + len - p));

		if (!end)
			end = raw + len;
		sb_reset(&line);
		termtext_clean(p, (size_t)(end - p), &line);
		if (!is_blank(&line)) {
			sb_add(out, line.s, line.len);
			sb_putc(out, '\n');
		}
		p = end + 1;
	}
}

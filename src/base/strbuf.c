#include "base/strbuf.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

bool sb_reserve(struct strbuf *b, size_t more)
{
	size_t need, cap;
	char *s;

	if (b->failed)
		return false;
	if (__builtin_add_overflow(b->len, more, &need) || need >= SIZE_MAX / 2) {
		b->failed = true;
		return false;
	}
	need++;
	if (need <= b->cap)
		return true;
	cap = b->cap ? b->cap : 64;
	while (cap < need)
		cap *= 2;
	s = realloc(b->s, cap);
	if (!s) {
		b->failed = true;
		return false;
	}
	b->s = s;
	b->cap = cap;
	return true;
}

void sb_add(struct strbuf *b, const void *data, size_t len)
{
	if (!sb_reserve(b, len))
		return;
	if (len)
		memcpy(b->s + b->len, data, len);
	b->len += len;
	b->s[b->len] = '\0';
}

void sb_puts(struct strbuf *b, const char *s)
{
	sb_add(b, s, strlen(s));
}

void sb_putc(struct strbuf *b, char c)
{
	sb_add(b, &c, 1);
}

void sb_fill(struct strbuf *b, char c, size_t n)
{
	if (!sb_reserve(b, n))
		return;
	memset(b->s + b->len, c, n);
	b->len += n;
	b->s[b->len] = '\0';
}

void sb_printf(struct strbuf *b, const char *fmt, ...)
{
	va_list ap, again;
	int n;

	if (!sb_reserve(b, 64))
		return;
	va_start(ap, fmt);
	va_copy(again, ap);
	n = vsnprintf(b->s + b->len, b->cap - b->len, fmt, ap);
	va_end(ap);
	if (n < 0) {
		b->failed = true;
	} else if ((size_t)n >= b->cap - b->len) {
		if (sb_reserve(b, (size_t)n))
			vsnprintf(b->s + b->len, b->cap - b->len, fmt, again);
	}
	va_end(again);
	if (!b->failed)
		b->len += (size_t)n;
}

void sb_reset(struct strbuf *b)
{
	b->len = 0;
	b->failed = false;
	if (b->s)
		b->s[0] = '\0';
}

void sb_free(struct strbuf *b)
{
	free(b->s);
	*b = (struct strbuf)STRBUF_INIT;
}

void sb_wipe(struct strbuf *b)
{
	if (b->s)
		explicit_bzero(b->s, b->cap);
	sb_free(b);
}

char *sb_take(struct strbuf *b)
{
	char *s;

	if (b->failed) {
		sb_free(b);
		return NULL;
	}
	if (!b->s && !sb_reserve(b, 0))
		return NULL;
	b->s[b->len] = '\0';
	s = b->s;
	*b = (struct strbuf)STRBUF_INIT;
	return s;
}

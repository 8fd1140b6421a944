/* A growable byte string. Errors are sticky: after a failed allocation every call is a no-op and sb_error()
 * says -ENOMEM, so a caller checks once at the end. The bytes are always NUL-terminated. */
#ifndef TARE_BASE_STRBUF_H
#define TARE_BASE_STRBUF_H

#include <stdbool.h>
#include <stddef.h>

#include "base/cleanup.h"

struct strbuf {
	char *s; /* NULL until something is added; sb_str() gives "" then */
	size_t len, cap;
	bool failed;
};

#define STRBUF_INIT { NULL, 0, 0, false }
#define CLEANUP_STRBUF CLEANUP(sb_free)

/* Room for so many bytes more, so that adding them need not grow it in steps. False: no memory. */
bool sb_reserve(struct strbuf *b, size_t more);
void sb_add(struct strbuf *b, const void *data, size_t len);
void sb_puts(struct strbuf *b, const char *s);
void sb_putc(struct strbuf *b, char c);
void sb_fill(struct strbuf *b, char c, size_t n); /* c n times */
void sb_printf(struct strbuf *b, const char *fmt, ...) PRINTF_LIKE(2, 3);
void sb_reset(struct strbuf *b); /* empties, keeps the memory */
void sb_free(struct strbuf *b);
/* sb_free() of one that held secrets, which are overwritten first; what it grew out of is not: sb_reserve() at its beginning. */
void sb_wipe(struct strbuf *b);

static inline const char *sb_str(const struct strbuf *b)
{
	return b->s ? b->s : "";
}

/* 0, or -ENOMEM when any call before failed. */
static inline int sb_error(const struct strbuf *b)
{
	return b->failed ? -ENOMEM : 0;
}

/* Gives the string to the caller (to free()); NULL when something failed. The buffer is empty afterwards. */
char *sb_take(struct strbuf *b);

#endif

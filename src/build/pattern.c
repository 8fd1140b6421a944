/* A pattern is pieces between stars; a piece is characters, each ordinary or any. The first piece must stand at the
 * beginning, each further one is looked for as far left as it goes; only the last decides about short or long: its
 * first place, or its last. That needs no trying again, so a hostile pattern costs its length times the value's and no
 * more. Ends are beginnings of both turned round. */
#include "build/pattern.h"

#include <stdint.h>
#include <string.h>

#include "base/json.h"

#define ANY (UINT32_MAX)
#define STAR (UINT32_MAX - 1)
/* a byte that is no UTF-8 stands for itself */
#define BYTE 0x200000U

struct chars {
	uint32_t *v;
	size_t n;
};

static size_t char_len(const char *s, const char *end)
{
	size_t n = json_utf8_sequence(s, end);

	return n ? n : 1;
}

static uint32_t decode(const char *s, size_t len)
{
	static const unsigned char mask[] = { 0, 0x7f, 0x1f, 0x0f, 0x07 };
	uint32_t c = (unsigned char)*s & mask[len];

	if (len == 1 && (unsigned char)*s >= 0x80)
		return BYTE + (unsigned char)*s;
	for (size_t i = 1; i < len; i++)
		c = c << 6 | ((unsigned char)s[i] & 0x3f);
	return c;
}

static void free_chars(struct chars *c)
{
	free(c->v);
}
#define CLEANUP_CHARS CLEANUP(free_chars)

static int read_value(const char *s, struct chars *out, struct err *e)
{
	const char *end = s + strlen(s);

	out->v = calloc(strlen(s) + 1, sizeof(*out->v));
	if (!out->v)
		return err_errno(e, -ENOMEM, "a substitution");
	while (s < end) {
		size_t n = char_len(s, end);

		out->v[out->n++] = decode(s, n);
		s += n;
	}
	return 0;
}

/* } and / have to be escaped within ${}; they are ordinary here. */
static int read_pattern(const char *text, char escape, struct chars *out, struct err *e)
{
	size_t to = 0;

	if (read_value(text, out, e) < 0)
		return e->code;
	for (size_t i = 0; i < out->n; i++) {
		uint32_t c = out->v[i];

		if (c == (unsigned char)escape) {
			c = ++i < out->n ? out->v[i] : 0;
			if (c != '*' && c != '?' && c != '}' && c != '/' && c != (unsigned char)escape)
				return err_set(e, ERR_INVALID,
					       "the pattern \"%.60s\": an escape %c may precede *, ?, }, / and itself",
					       text, escape);
		} else if (c == '*' || c == '?') {
			c = c == '*' ? STAR : ANY;
		}
		out->v[to++] = c;
	}
	out->n = to;
	return 0;
}

static void turn_round(struct chars *c)
{
	for (size_t i = 0; i < c->n / 2; i++) {
		uint32_t t = c->v[i];

		c->v[i] = c->v[c->n - 1 - i];
		c->v[c->n - 1 - i] = t;
	}
}

static bool fits(const uint32_t *piece, size_t n, const struct chars *value, size_t at)
{
	if (value->n - at < n)
		return false;
	for (size_t i = 0; i < n; i++)
		if (piece[i] != ANY && piece[i] != value->v[at + i])
			return false;
	return true;
}

/* The first place from `at` on where piece fits, or the last; false: none. */
static bool find(const uint32_t *piece, size_t n, const struct chars *value, size_t at, bool last, size_t *place)
{
	bool found = false;

	for (size_t i = at; i + n <= value->n; i++) {
		size_t k = last ? value->n - n - (i - at) : i;

		if (fits(piece, n, value, k)) {
			*place = k;
			found = true;
			break;
		}
	}
	return found;
}

static size_t piece_len(const struct chars *pattern, size_t at)
{
	size_t n = 0;

	while (at + n < pattern->n && pattern->v[at + n] != STAR)
		n++;
	return n;
}

/* Does the pattern fit at `at`? *end: where the part ends. */
static bool match_at(const struct chars *pattern, const struct chars *value, size_t at, bool longest, size_t *end)
{
	size_t i = piece_len(pattern, 0);

	if (!fits(pattern->v, i, value, at))
		return false;
	at += i;
	while (i < pattern->n) { /* at a star */
		size_t n = piece_len(pattern, ++i), place = at;

		if (!find(pattern->v + i, n, value, at, longest && i + n == pattern->n, &place))
			return false;
		at = place + n;
		i += n;
	}
	*end = at;
	return true;
}

/* Where character n of s begins. */
static const char *char_at(const char *s, const char *end, size_t n)
{
	while (n--)
		s += char_len(s, end);
	return s;
}

int df_pattern_cut(const char *value, const char *pattern, char escape, bool at_end, bool longest, struct strbuf *out,
		   struct err *e)
{
	CLEANUP_CHARS struct chars p = { 0 }, v = { 0 };
	const char *from = value, *stop = value + strlen(value), *to = stop;
	size_t end = 0;

	if (read_pattern(pattern, escape, &p, e) < 0 || read_value(value, &v, e) < 0)
		return e->code;
	if (at_end) {
		turn_round(&p);
		turn_round(&v);
	}
	if (match_at(&p, &v, 0, longest, &end)) {
		if (at_end)
			to = char_at(value, stop, v.n - end);
		else
			from = char_at(value, stop, end);
	}
	sb_add(out, from, (size_t)(to - from));
	return sb_error(out) < 0 ? err_errno(e, -ENOMEM, "a substitution") : 0;
}

/* The next part from `at` on. What fits nowhere behind the first place of the first piece fits nowhere at all: the rest
 * of the pattern has only less room further right. */
static bool next_match(const struct chars *p, const struct chars *v, size_t at, size_t *from, size_t *end)
{
	return find(p->v, piece_len(p, 0), v, at, false, from) && match_at(p, v, *from, true, end);
}

/* As Go's regular expressions count them: an empty part that touches the one before is none. */
int df_pattern_replace(const char *value, const char *pattern, char escape, const char *with, bool all, size_t max,
		       struct strbuf *out, struct err *e)
{
	CLEANUP_CHARS struct chars p = { 0 }, v = { 0 };
	size_t at = 0, from = 0, end = 0, done = 0;
	const char *rest = value, *stop = value + strlen(value);
	bool first = true;

	if (read_pattern(pattern, escape, &p, e) < 0 || read_value(value, &v, e) < 0)
		return e->code;
	while (at <= v.n && (first || all) && next_match(&p, &v, at, &from, &end)) {
		const char *part = char_at(rest, stop, from - done);

		at = end > from ? end : from + 1;
		if (end == from && from == done && !first)
			continue;
		sb_add(out, rest, (size_t)(part - rest));
		sb_puts(out, with);
		rest = char_at(part, stop, end - from);
		done = end;
		first = false;
		if (out->len > max)
			return err_set(e, ERR_LIMIT, "the text becomes longer than %zu bytes", max);
	}
	sb_puts(out, rest);
	return sb_error(out) < 0 ? err_errno(e, -ENOMEM, "a substitution") : 0;
}

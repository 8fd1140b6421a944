/* A pattern is compiled to steps, and a path is followed through them by the set of all steps it may be at: no going
 * back, so a pattern of many stars costs its length times the path's and no more. Which set is left in the middle of a
 * path also says whether anything below a folder can match.
 *
 * Most patterns are names without any of the special characters, and most others have some ordinary ones together:
 * these are looked for first. */
#include "build/glob.h"

#include <stdint.h>
#include <string.h>

#include "base/json.h"

#define MAX_STEPS 4096U

enum kind {
	END,
	CHAR,     /* one character, itself */
	ONE,      /* any but a slash */
	CLASS,    /* one of a class: ranges[from] to ranges[to - 1] */
	STAR,     /* any text without a slash */
	ANYTHING, /* any text */
	FOLDERS,  /* nothing, or any text and a slash behind it: goes on at the next step but one, or stays in the next
		   */
	WITHIN,   /* the text of that */
};

struct step {
	enum kind kind;
	bool negated;
	uint32_t c;
	uint32_t from, to;
};

struct range {
	uint32_t low, high;
};

struct glob {
	const char *literal; /* what it begins with, character for character */
	size_t literal_len;
	bool exact;       /* it is no more than that */
	const char *must; /* the longest text of ordinary characters in it */
	size_t must_len;
	const struct step *steps;
	size_t n; /* without END */
	const struct range *ranges;
};

bool glob_is_pattern(const char *pattern)
{
	for (const char *s = pattern; *s; s++) {
		if (*s == '\\' && s[1])
			s++;
		else if (strchr("*?[", *s))
			return true;
	}
	return false;
}

/* The next character; a byte that is no UTF-8 is one of its own, above all of Unicode. */
static uint32_t take_char(const char **s, const char *end)
{
	static const unsigned char mask[] = { 0, 0x7f, 0x1f, 0x0f, 0x07 };
	size_t n = json_utf8_sequence(*s, end);
	uint32_t c;

	if (!n)
		return 0x200000U + (unsigned char)*(*s)++;
	c = (unsigned char)**s & mask[n];
	for (size_t i = 1; i < n; i++)
		c = c << 6 | ((unsigned char)(*s)[i] & 0x3f);
	*s += n;
	return c;
}

/* ---- compiling ---- */

struct compiler {
	const char *at, *end;
	struct step *steps;
	struct range *ranges;
	size_t n, n_ranges;
	bool deep;
	const char *run,
		*must; /* ordinary characters: those before `at`, and the most of them that there were together */
	size_t run_len, must_len;
};

static void add(struct compiler *c, enum kind kind, uint32_t ch)
{
	c->steps[c->n++] = (struct step){ .kind = kind, .c = ch };
}

/* A bound of a range. */
static int take_bound(struct compiler *c, uint32_t *out)
{
	if (c->at == c->end || *c->at == '-' || *c->at == ']')
		return -EINVAL;
	if (*c->at == '\\' && ++c->at == c->end)
		return -EINVAL;
	*out = take_char(&c->at, c->end);
	return 0;
}

static int take_class(struct compiler *c)
{
	struct step *s = &c->steps[c->n++];

	c->at++;
	*s = (struct step){ .kind = CLASS, .from = (uint32_t)c->n_ranges };
	s->negated = c->at < c->end && *c->at == '^';
	c->at += s->negated;
	while (c->at < c->end && (*c->at != ']' || c->n_ranges == s->from)) {
		struct range *r = &c->ranges[c->n_ranges++];

		if (take_bound(c, &r->low) < 0)
			return -EINVAL;
		r->high = r->low;
		if (c->at < c->end && *c->at == '-') {
			c->at++;
			if (take_bound(c, &r->high) < 0)
				return -EINVAL;
		}
	}
	if (c->at == c->end)
		return -EINVAL;
	c->at++;
	s->to = (uint32_t)c->n_ranges;
	return 0;
}

/* At the second star. */
static void take_deep(struct compiler *c, bool first)
{
	c->at++;
	if (c->at < c->end && *c->at == '/')
		c->at++;
	else if (first && c->at < c->end && !memchr(c->at, '*', (size_t)(c->end - c->at)) &&
		 !memchr(c->at, '?', (size_t)(c->end - c->at)) && !memchr(c->at, '[', (size_t)(c->end - c->at)) &&
		 !memchr(c->at, '\\', (size_t)(c->end - c->at))) {
		/* "**name" with nothing special behind it is whatever ends with name: moby's, and only there */
		add(c, ANYTHING, 0);
		return;
	}
	if (c->at == c->end) {
		add(c, ANYTHING, 0);
		return;
	}
	add(c, FOLDERS, 0);
	add(c, WITHIN, 0);
}

static void take_ordinary(struct compiler *c)
{
	const char *from = c->at;

	add(c, CHAR, take_char(&c->at, c->end));
	if (c->run + c->run_len != from) {
		c->run = from;
		c->run_len = 0;
	}
	c->run_len += (size_t)(c->at - from);
	if (c->run_len > c->must_len) {
		c->must = c->run;
		c->must_len = c->run_len;
	}
}

static int compile(struct compiler *c)
{
	bool first = true;

	for (; c->at < c->end; first = false) {
		switch (*c->at) {
		case '*':
			c->at++;
			if (c->deep && c->at < c->end && *c->at == '*')
				take_deep(c, first);
			else
				add(c, STAR, 0);
			break;
		case '?':
			c->at++;
			add(c, ONE, 0);
			break;
		case '[':
			if (take_class(c) < 0)
				return -EINVAL;
			break;
		case '\\':
			if (++c->at == c->end)
				return -EINVAL;
			add(c, CHAR, take_char(&c->at, c->end));
			break;
		default:
			take_ordinary(c);
		}
	}
	add(c, END, 0);
	return 0;
}

int glob_compile(struct arena *a, const char *pattern, bool deep, const struct glob **out, struct err *e)
{
	size_t len = strlen(pattern), literal = strcspn(pattern, "*?[\\");
	struct compiler c = { .at = pattern, .end = pattern + len, .deep = deep, .run = pattern, .must = pattern };
	struct glob *g = arena_new(a, struct glob);

	if (len + 1 > MAX_STEPS)
		return err_set(e, ERR_LIMIT, "the pattern %.40s… is longer than %u bytes", pattern, MAX_STEPS - 1);
	/* a character makes a step at most, "**" two */
	c.steps = arena_array(a, len + 2, sizeof(*c.steps));
	c.ranges = arena_array(a, len + 1, sizeof(*c.ranges));
	if (!g || !c.steps || !c.ranges)
		return err_errno(e, -ENOMEM, "a pattern");
	if (compile(&c) < 0)
		return err_set(e, ERR_INVALID,
			       "the pattern \"%.60s\": a [ wants its ], with something between them, and a \\ "
			       "something behind it",
			       pattern);
	*g = (struct glob){
		.literal = arena_strndup(a, pattern, literal),
		.literal_len = literal,
		.exact = literal == len,
		.must = arena_strndup(a, c.must, c.must_len),
		.must_len = c.must_len,
		.steps = c.steps,
		.n = c.n - 1,
		.ranges = c.ranges,
	};
	if (!g->literal || !g->must)
		return err_errno(e, -ENOMEM, "a pattern");
	*out = g;
	return 0;
}

/* ---- matching ---- */

#define WORDS (MAX_STEPS / 64 + 1)

struct set {
	uint64_t bits[WORDS];
};

static bool has(const struct set *s, size_t i)
{
	return s->bits[i / 64] >> i % 64 & 1;
}

/* Step i, and those that follow it without a character. */
static void enter(const struct glob *g, struct set *s, size_t i)
{
	for (;;) {
		s->bits[i / 64] |= UINT64_C(1) << i % 64;
		switch (g->steps[i].kind) {
		case STAR:
		case ANYTHING:
			i++;
			break;
		case FOLDERS:
			i += 2;
			break;
		default:
			return;
		}
	}
}

static bool in_class(const struct glob *g, const struct step *s, uint32_t c)
{
	bool in = false;

	for (uint32_t i = s->from; i < s->to && !in; i++)
		in = g->ranges[i].low <= c && c <= g->ranges[i].high;
	return in != s->negated;
}

/* From step i on by character c. */
static void advance(const struct glob *g, struct set *to, size_t i, uint32_t c)
{
	const struct step *s = &g->steps[i];

	switch (s->kind) {
	case END:
		break;
	case CHAR:
		if (c == s->c)
			enter(g, to, i + 1);
		break;
	case ONE:
		if (c != '/')
			enter(g, to, i + 1);
		break;
	case CLASS:
		if (in_class(g, s, c))
			enter(g, to, i + 1);
		break;
	case STAR:
		if (c != '/')
			enter(g, to, i);
		break;
	case ANYTHING:
		enter(g, to, i);
		break;
	case FOLDERS:
		enter(g, to, i + 1);
		if (c == '/')
			enter(g, to, i + 2);
		break;
	case WITHIN:
		enter(g, to, i);
		if (c == '/')
			enter(g, to, i + 1);
		break;
	}
}

/* The steps where s[0 … len) may be; false: at none. */
static bool follow(const struct glob *g, const char *s, size_t len, struct set *now)
{
	const char *end = s + len;
	size_t words = g->n / 64 + 1;
	bool any = true;

	memset(now->bits, 0, words * sizeof(now->bits[0]));
	enter(g, now, 0);
	while (s < end && any) {
		uint32_t c = take_char(&s, end);
		struct set next;

		memset(next.bits, 0, words * sizeof(next.bits[0]));
		any = false;
		for (size_t w = 0; w < words; w++)
			for (uint64_t b = now->bits[w]; b; b &= b - 1)
				advance(g, &next, w * 64 + (size_t)__builtin_ctzll(b), c);
		for (size_t w = 0; w < words; w++) {
			now->bits[w] = next.bits[w];
			any = any || next.bits[w];
		}
	}
	return any;
}

bool glob_matches(const struct glob *g, const char *path)
{
	size_t len;
	struct set s;

	if (strncmp(path, g->literal, g->literal_len) != 0)
		return false;
	if (g->exact)
		return path[g->literal_len] == '\0';
	len = strlen(path);
	if (!memmem(path, len, g->must, g->must_len))
		return false;
	return follow(g, path, len, &s) && has(&s, g->n);
}

bool glob_matches_below(const struct glob *g, const char *dir)
{
	size_t len = strlen(dir), common = len < g->literal_len ? len : g->literal_len;
	struct set s, below = { 0 };

	if (strncmp(dir, g->literal, common) != 0 || (len < g->literal_len && g->literal[len] != '/'))
		return false;
	if (!follow(g, dir, len, &s))
		return false;
	for (size_t i = 0; i <= g->n; i++)
		if (has(&s, i))
			advance(g, &below, i, '/');
	/* at the end there is no more to come */
	below.bits[g->n / 64] &= ~(UINT64_C(1) << g->n % 64);
	for (size_t w = 0; w < WORDS; w++)
		if (below.bits[w])
			return true;
	return false;
}

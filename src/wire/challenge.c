/* The grammar needs one look ahead: in "Bearer a=b, Basic realm=c" what follows a comma is a parameter when a token and then '=' are
 * there, else the next challenge. A token68 ("Negotiate abc==") is told from a parameter by what follows its '='s: the end or a comma. */
#include "wire/challenge.h"

#include <string.h>
#include <strings.h>

#include "base/text.h"

#define MAX_VALUE 8192U
#define MAX_PARAMETERS 32U

struct cursor {
	struct arena *a;
	const char *p, *end;
	struct err *e;
};

/* The parameters that we look at, by scheme. */
struct scheme {
	bool *offered;
	const char *names[5];
	const char **to[4];
};

static int bad(const struct cursor *c, const char *what)
{
	return err_set(c->e, ERR_INVALID, "WWW-Authenticate of the registry: %s", what);
}

static bool is_tchar(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || (c && strchr("!#$%&'*+-.^_`|~", c));
}

static bool is_token68(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || (c && strchr("-._~+/", c));
}

static bool at(const struct cursor *c, char what)
{
	return c->p < c->end && *c->p == what;
}

static void skip_blanks(struct cursor *c)
{
	while (at(c, ' ') || at(c, '\t'))
		c->p++;
}

/* Empty elements of a list are allowed. */
static void skip_commas(struct cursor *c)
{
	do
		skip_blanks(c);
	while (at(c, ',') && c->p++);
}

static size_t token_length(const struct cursor *c)
{
	size_t n = 0;

	while (c->p + n < c->end && is_tchar(c->p[n]))
		n++;
	return n;
}

/* Is a parameter here (TOKEN = something that is no end of a token68)? */
static bool at_parameter(const struct cursor *c)
{
	struct cursor ahead = *c;
	size_t n = token_length(c);

	ahead.p += n;
	skip_blanks(&ahead);
	if (n == 0 || !at(&ahead, '='))
		return false;
	ahead.p++;
	skip_blanks(&ahead);
	return ahead.p < ahead.end && *ahead.p != '=' && *ahead.p != ',';
}

/* "text with \" and \\", into a. */
static int take_quoted(struct cursor *c, const char **out)
{
	char *to = arena_alloc(c->a, (size_t)(c->end - c->p) + 1);

	if (!to)
		return err_errno(c->e, -ENOMEM, "WWW-Authenticate");
	*out = to;
	for (c->p++; c->p < c->end && *c->p != '"'; c->p++) {
		if (*c->p == '\\' && ++c->p == c->end)
			break;
		if (((unsigned char)*c->p < 0x20 && *c->p != '\t') || *c->p == 0x7f)
			return bad(c, "a control character");
		*to++ = *c->p;
	}
	if (c->p == c->end)
		return bad(c, "a quoted string without its end");
	c->p++;
	return 0;
}

static int take_token(struct cursor *c, const char **out)
{
	size_t n = token_length(c);

	if (n == 0)
		return bad(c, "a name or a value is missing, or has characters that it must not");
	*out = arena_strndup(c->a, c->p, n);
	c->p += n;
	return *out ? 0 : err_errno(c->e, -ENOMEM, "WWW-Authenticate");
}

/* NAME = VALUE; kept when the scheme has a place for it. seen: the names so far. */
static int take_parameter(struct cursor *c, const struct scheme *s, const char **seen, size_t *n_seen)
{
	const char *name, *value;
	int r = take_token(c, &name);

	if (r < 0)
		return r;
	for (size_t i = 0; i < *n_seen; i++)
		if (strcasecmp(seen[i], name) == 0)
			return bad(c, "a parameter is given twice");
	if (*n_seen == MAX_PARAMETERS)
		return bad(c, "a challenge with more than 32 parameters");
	seen[(*n_seen)++] = name;
	skip_blanks(c);
	c->p++; /* '=': at_parameter() has seen it */
	skip_blanks(c);
	r = at(c, '"') ? take_quoted(c, &value) : take_token(c, &value);
	for (size_t i = 0; r == 0 && s && s->names[i]; i++)
		if (strcasecmp(s->names[i], name) == 0)
			*s->to[i] = value;
	skip_blanks(c);
	if (r == 0 && c->p < c->end && !at(c, ','))
		return bad(c, "parameters that are not parted by ','");
	return r;
}

static int take_token68(struct cursor *c)
{
	const char *from = c->p;

	while (c->p < c->end && is_token68(*c->p))
		c->p++;
	while (c->p > from && at(c, '='))
		c->p++;
	skip_blanks(c);
	return c->p > from && (c->p == c->end || at(c, ',')) ? 0 : bad(c, "what follows a scheme is no parameter");
}

static int take_parameters(struct cursor *c, const struct scheme *s)
{
	const char *seen[MAX_PARAMETERS];
	size_t n_seen = 0;

	skip_blanks(c);
	if (c->p == c->end || at(c, ','))
		return 0;
	if (!at_parameter(c))
		return take_token68(c);
	while (at_parameter(c)) {
		if (take_parameter(c, s, seen, &n_seen) < 0)
			return c->e->code;
		skip_commas(c);
	}
	return 0;
}

static int take_challenge(struct cursor *c, struct challenges *out)
{
	/* of a scheme that was there before the parameters are read for their form alone */
	const struct scheme bearer = { &out->bearer, { "realm", "service", "scope", "error", NULL }, { &out->realm, &out->service, &out->scope, &out->error } };
	const struct scheme basic = { &out->basic, { "realm", NULL }, { &out->basic_realm } };
	const struct scheme *s = NULL;
	const char *name;
	int r = take_token(c, &name);

	if (r < 0)
		return r;
	if (c->p < c->end && !at(c, ' ') && !at(c, '\t') && !at(c, ','))
		return bad(c, "a scheme's name is not followed by a blank");
	if (strcasecmp(name, "bearer") == 0)
		s = &bearer;
	else if (strcasecmp(name, "basic") == 0)
		s = &basic;
	else if (!*out->other)
		out->other = name;
	if (s && *s->offered)
		s = NULL;
	r = take_parameters(c, s);
	if (r == 0 && s)
		*s->offered = true;
	return r;
}

int challenge_parse(struct arena *a, const char *value, size_t len, struct challenges *c, struct err *e)
{
	struct cursor at_value = { a, value, value + len, e };
	int r = 0;

	if (len > MAX_VALUE)
		return bad(&at_value, "it is longer than 8192 bytes");
	skip_commas(&at_value);
	while (r == 0 && at_value.p < at_value.end) {
		struct challenges before = *c;

		r = take_challenge(&at_value, c);
		if (r < 0)
			*c = before;
		skip_commas(&at_value);
	}
	return r;
}

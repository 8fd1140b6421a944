#include "api/server/query.h"

#include <string.h>
#include <strings.h>

static int hex(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

int query_decode(struct arena *a, const char *text, size_t len, bool plus, const char **out, struct err *e)
{
	char *to = arena_alloc(a, len + 1);
	size_t n = 0;

	if (!to)
		return err_errno(e, -ENOMEM, "read the request");
	for (size_t i = 0; i < len; i++) {
		char c = text[i];

		if (c == '%') {
			int high = i + 2 < len ? hex(text[i + 1]) : -1, low = high >= 0 ? hex(text[i + 2]) : -1;

			if (low < 0 || (high | low) == 0)
				return err_set(e, ERR_INVALID, "the request has an escape with %% that is none");
			c = (char)(high * 16 + low);
			i += 2;
		} else if (c == '+' && plus) {
			c = ' ';
		}
		to[n++] = c;
	}
	to[n] = '\0';
	*out = to;
	return 0;
}

/* One pair; its value is empty where there is no '='. */
static int take_pair(struct arena *a, const char *text, size_t len, struct query_pair *out, struct err *e)
{
	const char *eq = memchr(text, '=', len);
	size_t key = eq ? (size_t)(eq - text) : len;
	int r = query_decode(a, text, key, true, &out->key, e);

	if (r < 0)
		return r;
	return query_decode(a, eq ? eq + 1 : "", eq ? len - key - 1 : 0, true, &out->value, e);
}

int query_parse(struct arena *a, const char *text, struct query_pair **out, size_t *n, struct err *e)
{
	struct query_pair *v = NULL;
	size_t cap = 0, count = 0;

	while (text && *text) {
		size_t len = strcspn(text, "&");
		struct query_pair *more;
		int r;

		if (len > 0) {
			if (count == QUERY_MAX)
				return err_set(e, ERR_LIMIT, "the request has more than %d parameters", QUERY_MAX);
			more = arena_grow(a, v, count, &cap, sizeof(*v));
			if (!more)
				return err_errno(e, -ENOMEM, "read the request");
			v = more;
			r = take_pair(a, text, len, &v[count], e);
			if (r < 0)
				return r;
			count++;
		}
		text += len + (text[len] == '&');
	}
	*out = v;
	*n = count;
	return 0;
}

bool query_yes(const char *value)
{
	static const char *const no[] = { "", "0", "no", "false", "none" };
	size_t from = strspn(value, " \t"), len = strlen(value + from);

	while (len > 0 && strchr(" \t", value[from + len - 1]))
		len--;
	for (size_t i = 0; i < ARRAY_LEN(no); i++)
		if (len == strlen(no[i]) && !strncasecmp(value + from, no[i], len))
			return false;
	return true;
}

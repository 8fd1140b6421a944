#include "api/docker/filters.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/text.h"

static bool adds_up(const char *key)
{
	return text_starts(key, "label");
}

int filter_passes(struct arena *a, struct strv filters, filter_fn fn, void *data, struct err *e)
{
	for (size_t i = 0; i < filters.n; i++) {
		const char *eq = strchr(filters.v[i], '=');
		const char *key = eq ? arena_strndup(a, filters.v[i], (size_t)(eq - filters.v[i])) : NULL;
		int any = 0;

		if (!key)
			return err_set(e, ERR_INVALID, "--filter %s: want KEY=VALUE", filters.v[i]);
		if (adds_up(key))
			any = fn(key, eq + 1, data, e);
		for (size_t k = 0; any == 0 && !adds_up(key) && k < filters.n; k++)
			if (text_starts(filters.v[k], key) && filters.v[k][strlen(key)] == '=')
				any = fn(key, filters.v[k] + strlen(key) + 1, data, e);
		if (any <= 0)
			return any;
	}
	return 1;
}

int filter_check(struct arena *a, struct strv filters, filter_fn fn, void *data, struct err *e)
{
	int r = 0;

	for (size_t i = 0; r >= 0 && i < filters.n; i++)
		r = filter_passes(a, (struct strv){ filters.v + i, 1 }, fn, data, e);
	return r < 0 ? r : 0;
}

bool filter_is_key(const char *keys, const char *key)
{
	size_t len = strlen(key);

	for (const char *p = keys; len && !strchr(key, ' ') && (p = strstr(p, key)); p += len)
		if ((p == keys || p[-1] == ' ') && (p[len] == ' ' || !p[len]))
			return true;
	return false;
}

bool filter_label(const struct json *labels, const char *want)
{
	const char *eq = strchr(want, '=');
	size_t len = eq ? (size_t)(eq - want) : strlen(want);

	json_each(label, labels)
		if (strncmp(label->key, want, len) == 0 && !label->key[len] &&
		    (!eq || (label->type == JSON_STRING && strcmp(label->str, eq + 1) == 0)))
			return true;
	return false;
}

int filter_bool(const char *key, const char *value, bool *out, struct err *e)
{
	*out = strcmp(value, "true") == 0 || strcmp(value, "1") == 0;
	return *out || strcmp(value, "false") == 0 || strcmp(value, "0") == 0 ? 0 : err_set(e, ERR_INVALID, "--filter %s=%s: true or false", key, value);
}

/* "2026-01-02[T03[:04[:05[.6]]]]", with a zone or, as in Docker, in ours. */
static bool read_civil(const char *text, struct timespec *ts)
{
	static const char *const formats[] = { "%Y-%m-%dT%H:%M:%S", "%Y-%m-%dT%H:%M", "%Y-%m-%dT%H", "%Y-%m-%d" };
	const char *rest = NULL;
	char whole[100];
	struct tm tm;
	size_t len;

	for (size_t i = 0; i < ARRAY_LEN(formats) && !rest; i++) {
		tm = (struct tm){ .tm_isdst = -1 };
		rest = strptime(text, formats[i], &tm);
	}
	if (!rest || strlen(rest) > sizeof(whole) / 2)
		return false;
	len = strftime(whole, sizeof(whole), "%Y-%m-%dT%H:%M:%S", &tm);
	(void)snprintf(whole + len, sizeof(whole) - len, "%s%s", rest, strpbrk(rest, "Zz+-") ? "" : "Z");
	if (text_parse_time(whole, ts) < 0)
		return false;
	if (!strpbrk(rest, "Zz+-"))
		ts->tv_sec = mktime(&tm);
	return true;
}

/* A time, or how long ago. */
int filter_time(const char *option, const char *text, int64_t *ns, struct err *e)
{
	struct timespec ts;
	int64_t ago;

	if (!text)
		return 0;
	if (read_civil(text, &ts) || text_parse_time(text, &ts) == 0) {
		*ns = (int64_t)ts.tv_sec * 1000000000 + ts.tv_nsec;
		return 0;
	}
	if (text_duration(text, &ago) < 0)
		return err_set(e, ERR_INVALID,
			       "%s %s: want a time such as 2026-01-02T03:04:05Z, seconds since 1970, or how long ago, such as 10m",
			       option, text);
	*ns = clock_now_ns() - ago;
	return 0;
}

int filter_prune(const char *key, const char *value, void *made, struct err *e)
{
	const struct filter_made *m = made;
	int64_t until = 0;

	if (strcmp(key, "label") == 0)
		return filter_label(m->labels, value);
	if (strcmp(key, "label!") == 0)
		return !filter_label(m->labels, value);
	if (strcmp(key, "until") != 0)
		return err_set(e, ERR_INVALID, "--filter %s=%s: the keys are label, label!, until", key, value);
	return filter_time("--filter until", value, &until, e) < 0 ? e->code : m->created < until;
}

/* ---- a query's ---- */

/* Of an object the values are the names of its members, whatever these are. */
static int add_values(struct arena *a, const struct json *of, const char **v, size_t *n, struct err *e)
{
	if (of->type != JSON_OBJECT && of->type != JSON_ARRAY)
		return err_set(e, ERR_INVALID, "invalid filter '%.100s': want a list of its values", of->key);
	json_each(value, of) {
		const char *text = of->type == JSON_OBJECT ? value->key : value->type == JSON_STRING ? value->str : NULL;

		if (!text)
			return err_set(e, ERR_INVALID, "invalid filter '%.100s': want a list of texts", of->key);
		v[(*n)++] = arena_printf(a, "%s=%s", of->key, text);
	}
	return 0;
}

int filters_parse(struct arena *a, const char *text, const char *keys, struct strv *out, struct err *e)
{
	const struct json *doc;
	const char **v;
	size_t n = 0;
	int r = 0;

	*out = (struct strv){ NULL, 0 };
	if (!text || !*text)
		return 0;
	r = json_parse(a, text, strlen(text), NULL, &doc, e);
	if (r < 0 || doc->type != JSON_OBJECT)
		return r < 0 ? err_ctx(e, "invalid filter") : err_set(e, ERR_INVALID, "invalid filter: want an object of filters");
	json_each(key, doc)
		n += key->len;
	v = arena_array(a, n + 1, sizeof(*v));
	if (!v)
		return err_errno(e, -ENOMEM, "filters");
	out->v = v;
	json_each(key, doc) {
		if (!filter_is_key(keys, key->key))
			return err_set(e, ERR_INVALID, "invalid filter '%.100s': there are %s", key->key, keys);
		r = add_values(a, key, v, &out->n, e);
		if (r < 0)
			return r;
	}
	return arena_error(a) < 0 ? err_errno(e, -ENOMEM, "filters") : 0;
}

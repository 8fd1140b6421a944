#include "cmd/tare/filter.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/text.h"

static bool adds_up(const char *key)
{
	return text_starts(key, "label");
}

int filter_passes(struct arena *a, const struct cli_strv *filters, filter_fn fn, void *data, struct err *e)
{
	for (size_t i = 0; i < filters->n; i++) {
		const char *eq = strchr(filters->v[i], '=');
		const char *key = eq ? arena_strndup(a, filters->v[i], (size_t)(eq - filters->v[i])) : NULL;
		int any = 0;

		if (!key)
			return err_set(e, ERR_INVALID, "--filter %s: want KEY=VALUE", filters->v[i]);
		if (adds_up(key))
			any = fn(key, eq + 1, data, e);
		for (size_t k = 0; any == 0 && !adds_up(key) && k < filters->n; k++)
			if (text_starts(filters->v[k], key) && filters->v[k][strlen(key)] == '=')
				any = fn(key, filters->v[k] + strlen(key) + 1, data, e);
		if (any <= 0)
			return any;
	}
	return 1;
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

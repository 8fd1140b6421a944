#include "cmd/cli_words.h"

static size_t count(const struct cli_option *rows, const void *opts)
{
	size_t n = 1;

	for (const struct cli_option *o = rows; o->name; o++)
		n += o->kind == CLI_STRV ? ((const struct cli_strv *)((const char *)opts + o->offset))->n : 1;
	return n;
}

const char **cli_words(struct arena *a, const char *program, const struct cli_option *rows, const void *opts)
{
	const char **words = arena_array(a, count(rows, opts) + 1, sizeof(*words));
	size_t n = 0;

	if (!words)
		return NULL;
	words[n++] = program;
	for (const struct cli_option *o = rows; o->name; o++) {
		const char *at = (const char *)opts + o->offset;

		if (o->kind == CLI_FLAG && *(const bool *)at)
			words[n++] = arena_printf(a, "--%s", o->name);
		else if (o->kind == CLI_STR && *(const char *const *)at)
			words[n++] = arena_printf(a, "--%s=%s", o->name, *(const char *const *)at);
		else if (o->kind == CLI_DURATION && *(const int64_t *)at)
			words[n++] = arena_printf(a, "--%s=%lldns", o->name, (long long)*(const int64_t *)at);
		for (size_t i = 0; o->kind == CLI_STRV && i < ((const struct cli_strv *)at)->n; i++)
			words[n++] = arena_printf(a, "--%s=%s", o->name, ((const struct cli_strv *)at)->v[i]);
	}
	return arena_error(a) < 0 ? NULL : words;
}

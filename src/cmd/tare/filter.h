/* What the commands that list or remove many have in common: --filter KEY=VALUE, labels, points in time. */
#ifndef TARE_CMD_TARE_FILTER_H
#define TARE_CMD_TARE_FILTER_H

#include "base/json.h"
#include "cmd/cli.h"

/* Whether the thing that data stands for has it: 1, 0, or an error, which names the keys there are. */
typedef int (*filter_fn)(const char *key, const char *value, void *data, struct err *e);
/* 1: it passes. Values of one key are alternatives, but for labels, which all must be there; keys add up. ERR_INVALID where there is no "=". */
int filter_passes(struct arena *a, const struct cli_strv *filters, filter_fn fn, void *data, struct err *e) MUST_CHECK;
/* Whether labels have "KEY" or "KEY=VALUE". */
bool filter_label(const struct json *labels, const char *want);
/* "true" or "false" of a filter; ERR_INVALID. */
int filter_bool(const char *key, const char *value, bool *out, struct err *e) MUST_CHECK;

/* An option's point in time: a date, seconds since 1970, or how long ago. In ns since the epoch; text NULL leaves it alone. ERR_INVALID. */
int filter_time(const char *option, const char *text, int64_t *ns, struct err *e) MUST_CHECK;

#endif

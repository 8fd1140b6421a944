/* What is listed, removed or told: "KEY=VALUE", as on command lines and, in JSON, in the query of requests. */
#ifndef TARE_API_DOCKER_FILTERS_H
#define TARE_API_DOCKER_FILTERS_H

#include "base/json.h"
#include "engine/options.h"

/* The texts "KEY=VALUE" of a query's JSON, which is {"KEY":["VALUE",…]} or, as Docker's own client has it, {"KEY":{"VALUE":true,…}}; text NULL or "": none.
 * keys: those that there are, with a space between. ERR_INVALID: another one, or no such JSON. */
int filters_parse(struct arena *a, const char *text, const char *keys, struct strv *out, struct err *e) MUST_CHECK;

/* Whether the thing that data stands for has it: 1, 0, or an error, which names the keys there are. */
typedef int (*filter_fn)(const char *key, const char *value, void *data, struct err *e);
/* 1: it passes. Values of one key are alternatives, but for labels, which all must be there; keys add up. ERR_INVALID where there is no "=". */
int filter_passes(struct arena *a, struct strv filters, filter_fn fn, void *data, struct err *e) MUST_CHECK;
/* Whether fn knows each of them, asked one by one about data, a thing that stands for none: what must be said also where there is nothing to be judged. */
int filter_check(struct arena *a, struct strv filters, filter_fn fn, void *data, struct err *e) MUST_CHECK;

/* Whether a list with spaces between has that key. */
bool filter_is_key(const char *keys, const char *key);
/* Whether labels have "KEY" or "KEY=VALUE". */
bool filter_label(const struct json *labels, const char *want);
/* "true" or "false" of a filter; ERR_INVALID. */
int filter_bool(const char *key, const char *value, bool *out, struct err *e) MUST_CHECK;
/* An option's point in time: a date, seconds since 1970, or how long ago. In ns since the epoch; text NULL leaves it alone. ERR_INVALID. */
int filter_time(const char *option, const char *text, int64_t *ns, struct err *e) MUST_CHECK;

/* What a prune asks of a container or a network: a filter_fn whose data is a struct filter_made. */
#define FILTER_PRUNE_KEYS "label label! until"
struct filter_made {
	const struct json *labels;
	int64_t created;
};
int filter_prune(const char *key, const char *value, void *made, struct err *e) MUST_CHECK;

#endif

/* An image's configuration: the OCI image-spec's config.md and Docker's superset of it. Its digest is the image's id. */
#ifndef TARE_IMAGE_CONFIG_H
#define TARE_IMAGE_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/json.h"

struct image_kv {
	const char *key, *value;
};

struct image_history {
	const char *created, *created_by, *author, *comment; /* NULL where silent */
	bool empty_layer;
};

struct image_config {
	const char *created, *author;           /* as written; NULL where silent */
	const char *architecture, *os, *variant; /* variant NULL where silent */
	const char *const *entrypoint, *const *cmd; /* NULL-terminated; NULL where silent */
	const char *const *env;                 /* never NULL */
	const char *user, *working_dir;         /* "" where silent */
	const char *const *exposed_ports;       /* "80/tcp"; never NULL */
	const char *const *volumes;             /* absolute paths; never NULL */
	const struct image_kv *labels;
	size_t n_labels;
	const char *stop_signal;                /* NULL where silent */
	int64_t stop_timeout;                   /* seconds; -1 where silent */
	const char *const *shell;               /* NULL where silent */
	const struct json *healthcheck;         /* as written (Docker's Test, Interval, …); NULL where silent */
	const char *const *diff_ids;            /* bottom first; never NULL */
	size_t n_layers;
	const struct image_history *history;
	size_t n_history;
	const struct json *json;                /* the whole document */
};

/* Deeper or longer than any real configuration: 4 MiB, 32 levels, 100,000 values. */
extern const struct json_limits image_json_limits;

/* Parses and checks types, digests, signal and path forms. Everything lives in a; text is not needed any more. */
int image_config_parse(struct arena *a, const char *text, size_t len, const struct image_config **out,
		       struct err *e) MUST_CHECK;

#endif

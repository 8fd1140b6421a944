/* The configuration of an image while it is being built: a base's, changed by one instruction after the other, written at
 * the end. image-spec, config.md; Docker's members beside it. */
#ifndef TARE_BUILD_CONF_H
#define TARE_BUILD_CONF_H

#include "base/strbuf.h"
#include "build/dockerfile.h"
#include "image/config.h"
#include "image/load.h"
#include "image/platform.h"

struct conf_history {
	const char *created, *created_by, *author, *comment; /* NULL where silent */
	bool empty_layer;
};

/* What a step gave: of its key (build/key.h) the layer with this number. */
struct conf_cached {
	const char *key;
	size_t layer;
};
#define CONF_CACHED "tare.buildcache.v1"

struct conf {
	const char *arch, *os, *variant, *author; /* variant, author NULL where silent */
	const char *user, *workdir, *stop_signal; /* "", "", NULL where silent */
	int64_t stop_timeout;                     /* -1 where silent */
	const char *const *entrypoint, *const *cmd, *const *shell; /* NULL where silent */
	bool own_cmd; /* CMD came in this stage: ENTRYPOINT leaves it then */
	const char *const *env;
	struct df_list ports, volumes, onbuild;
	struct df_pair *labels;
	size_t n_labels, cap_labels;
	const struct json *base_health; /* of the base */
	const struct df_health *health; /* NULL: base_health */
	const struct conf_cached *cached; /* for --cache-from */
	size_t n_cached;
	struct conf_history *history;
	size_t n_history, cap_history;
};

/* base NULL: scratch, of this platform. Everything lives in a. */
int conf_begin(struct arena *a, const struct image_config *base, const struct platform *platform, struct conf *out,
	       struct err *e) MUST_CHECK;
/* A stage that stands on another: own lists. */
int conf_copy(struct arena *a, const struct conf *from, struct conf *out, struct err *e) MUST_CHECK;

/* What an instruction that has its values says of the configuration: all but ADD, COPY, FROM and RUN; of ENV nothing
 * (build/args.h has it). */
int conf_apply(struct arena *a, struct conf *c, const struct df_instruction *in, struct err *e) MUST_CHECK;

int conf_label(struct arena *a, struct conf *c, const char *key, const char *value, struct err *e) MUST_CHECK;
int conf_add_entry(struct arena *a, struct conf *c, const struct conf_history *h, struct err *e) MUST_CHECK;
int conf_add_history(struct arena *a, struct conf *c, const char *created, const char *created_by, bool empty,
		     struct err *e) MUST_CHECK;

/* The argv of a command: as it is, or by the image's shell; NULL-terminated, NULL: no memory. */
const char *const *conf_command(struct arena *a, const struct conf *c, const struct df_command *command);

/* dir as WORKDIR means it: absolute, clean. NULL: no memory. */
const char *conf_path(struct arena *a, const struct conf *c, const char *dir);

void conf_write(const struct conf *c, const char *created, const struct image_layer *layers, size_t n, struct strbuf *out);

#endif

/* --log-driver and --log-opt. */
#ifndef TARE_ENGINE_SPEC_LOG_H
#define TARE_ENGINE_SPEC_LOG_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/json.h"
#include "engine/options.h"

struct plan_log {
	bool none;
	uint64_t max_size; /* 0 = never rotate */
	uint32_t max_file;
};

int plan_log(const struct ct_options *opt, struct plan_log *out, struct err *e) MUST_CHECK;
/* The description's "log". The file is Docker's: CONTAINER-DIR/ID-json.log. */
void plan_write_log(const struct plan_log *log, const char *container_dir, const char *id, struct json_writer *w);

#endif

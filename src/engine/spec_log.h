/* --log-driver and --log-opt. */
#ifndef TARE_ENGINE_SPEC_LOG_H
#define TARE_ENGINE_SPEC_LOG_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/json.h"

struct plan;
struct image_config;

struct plan_log_attr {
	const char *key, *value;
};

struct plan_log {
	const struct log_driver *driver;
	uint64_t max_size; /* 0 = never rotate */
	uint32_t max_file;
	bool compress; /* files that are done */
	uint64_t buffer; /* of mode=non-blocking, in bytes; 0: the container waits for its log */
	const char *tag; /* a template; NULL: none */
	struct plan_log_attr *attrs; /* labels and variables that records carry, by key */
	size_t n_attrs;
};

#define LOG_DRIVERS "json-file|local|k8s-file|journald|none"

/* Into p->log; p->env is there already. Without p->id, as defaults of no container are judged, a tag may be any text. */
int plan_log(struct plan *p, const struct image_config *image, struct err *e) MUST_CHECK;
/* At a start: whether there is somebody who takes what the driver of that name is given. ERR_UNAVAILABLE. */
int log_driver_ready(const char *driver, struct err *e) MUST_CHECK;
/* The description's "log" of a container of that name. */
int plan_write_log(const struct plan *p, const char *container_dir, const char *name, struct json_writer *w, struct err *e) MUST_CHECK;
/* A description's "log" of the journal again (its value), of a container that has another name by now; other drivers' is as it was. */
void plan_rename_log(const struct json *log, const char *name, struct json_writer *w);
/* The record's "LogPath"; "" where there is no file. json-file's is Docker's, CONTAINER-DIR/ID-json.log. */
const char *plan_log_path(const struct plan *p, const char *container_dir);
/* The record's "LogConfig". */
void plan_write_log_config(const struct plan *p, struct json_writer *w);

#endif

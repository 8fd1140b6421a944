/* Devices by name: the Container Device Interface, https://github.com/cncf-tags/container-device-interface (SPEC.md, 1.1.0).
 *
 * A vendor's file in one of the folders says which devices of a kind, "VENDOR/CLASS", there are, and what a container that gets one is to
 * be given: nodes, mounts, variables, hooks ("containerEdits"; engine/spec_cdi.c). Files whose names end in .json are JSON, in .yaml and .yml
 * what engine/yaml.h reads. Of a device that several folders have the last folder's counts; twice in one folder it
 * is nobody's. A file that makes no sense takes away only what it would have described: it is the reason given when that is asked for. */
#ifndef TARE_ENGINE_CDI_H
#define TARE_ENGINE_CDI_H

#include <stdbool.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/json.h"
#include "engine/options.h"

struct cdi_device {
	const char *name;             /* without its kind */
	const char *file;             /* that describes it */
	const struct json *of_all;    /* that file's edits for whoever gets any of its devices; NULL: none */
	const struct json *edits;     /* its own */
	unsigned int folder;          /* which of the folders */
	const char *twice;            /* another file of that folder that has it; NULL: none */
};

struct cdi_kind {
	const char *kind; /* "vendor.com/class" */
	struct cdi_device *devices;
	size_t n, cap;
};

struct cdi {
	struct arena *a;
	struct strv folders;
	struct cdi_kind *kinds;
	size_t n, cap;
	struct err damaged; /* what is wrong with the first file that makes no sense; code 0: nothing */
};

/* "vendor.com/class=name", as --device may have it; whatever begins with a slash is none. */
bool cdi_is_name(const char *text);

/* Everything the folders describe, in a. A folder that is not there has nothing. */
int cdi_read(struct arena *a, struct strv folders, struct cdi *out, struct err *e) MUST_CHECK;

/* NULL: no file describes that kind. */
const struct cdi_kind *cdi_kind_find(const struct cdi *c, const char *kind);

/* ERR_NOTFOUND: what is missing, the nearest there is, and what may be the reason; ERR_CONFLICT: two files have it. */
int cdi_device_find(const struct cdi *c, const char *name, const struct cdi_device **out, struct err *e) MUST_CHECK;

/* --gpus: "all", a number, or fields "device=ID,…" (in double quotes, where there are several), "count=N|all", "driver=VENDOR",
 * "capabilities=gpu". The full names of what is meant, in c's arena: devices of the class gpu, of the vendor, or of the only one there is. */
int cdi_gpus(const struct cdi *c, const char *text, struct strv *names, struct err *e) MUST_CHECK;

#endif

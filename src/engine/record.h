/* The catalog's rows about containers, and the id ranges that belong to them. What changes rows wants an open
 * transaction (catalog_begin). Strings live in the arena given. */
#ifndef TARE_ENGINE_RECORD_H
#define TARE_ENGINE_RECORD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "engine/catalog.h"

#define ID_LEN 64
#define ID_SHORT 12

enum record_status {
	RECORD_CREATED, /* never ran */
	RECORD_RUNNING, /* a monitor was asked to run it and nobody wrote down an end yet */
	RECORD_EXITED,
	RECORD_RESTARTING /* it ended, and is about to be started again (engine/revive.h) */
};

/* Since its last start, and so no restart policy wants it. */
enum record_stopped {
	STOPPED_NOT,
	STOPPED_BY_HAND,
	STOPPED_FOR_SHUTDOWN /* until the machine has started again */
};

struct record {
	const char *id, *name;
	const char *image;     /* id; NULL: a plain folder */
	const char *image_ref; /* as the user named it */
	const char *command;   /* for people */
	const char *config;    /* JSON: what was asked for, as inspect shows it */
	int64_t created, started, finished; /* ns since the epoch; 0 = not yet. While it runs finished is the end of its last life */
	enum record_status status;
	const char *boot_id; /* of the last start; NULL = none */
	int exit_code;
	bool exit_known, oom, auto_remove;
	const char *error; /* of the last start; NULL = none */
	enum record_stopped stopped;
	uint32_t restarts; /* of the policy, since it was started by hand */
	int64_t restart_wait, restart_due; /* ns: the last pause before one (0: started by hand); when it is over, since the epoch */
	uint32_t id_base, id_size; /* host ids of its user namespace; size 0 = it has none */
};

const char *record_status_name(enum record_status s);

/* A name in use is ERR_CONFLICT. The id range is not part of it. */
int record_insert(struct catalog *c, const struct record *rec, struct err *e) MUST_CHECK;
/* It runs, or will again. */
static inline bool record_is_active(const struct record *rec)
{
	return rec->status == RECORD_RUNNING || rec->status == RECORD_RESTARTING;
}

/* Status, boot id, times, exit, error, restarts; nothing else. */
int record_update(struct catalog *c, const struct record *rec, struct err *e) MUST_CHECK;
/* The id range goes with it. Absent is success. */
int record_delete(struct catalog *c, const char *id, struct err *e) MUST_CHECK;
int record_set_auto_remove(struct catalog *c, const char *id, bool on, struct err *e) MUST_CHECK;
/* Known after a power failure only with CATALOG_DURABLE. */
int record_set_stopped(struct catalog *c, const char *id, enum record_stopped stopped, struct err *e) MUST_CHECK;
int record_set_config(struct catalog *c, const char *id, const char *config, struct err *e) MUST_CHECK;
int record_rename(struct catalog *c, const char *id, const char *name, struct err *e) MUST_CHECK;

/* How a record says that it has an image mounted, up to the image's id: config.c writes these members in this order, and in a text the quotes
 * would be escaped. In SQL over containers, ?1 the id. */
#define RECORD_IMAGE_MOUNT "\"Type\":\"image\",\"ImageID\":\""
#define RECORD_MOUNTS_IMAGE "instr(config, '" RECORD_IMAGE_MOUNT "' || ?1 || '\"')"
/* It is made from this image, or has it mounted. */
bool record_uses_image(const struct record *rec, const char *image);

/* By whole id, name, or a prefix of an id that only one container has; in this order. ERR_NOTFOUND suggests the
 * nearest name, ERR_INVALID says that a prefix is ambiguous. */
int record_find(struct catalog *c, struct arena *a, const char *what, struct record *out, struct err *e) MUST_CHECK;
/* By whole id; ERR_NOTFOUND. */
int record_get(struct catalog *c, struct arena *a, const char *id, struct record *out, struct err *e) MUST_CHECK;
/* All, newest first, without their id ranges. image: only those made from that image id, or that have it mounted (NULL: all). */
int record_list(struct catalog *c, struct arena *a, const char *image, struct record **out, size_t *n,
		struct err *e) MUST_CHECK;

/* All of them, without config (NULL), which is most of a row, and without the counts of restarts. */
int record_list_brief(struct catalog *c, struct arena *a, struct record **out, size_t *n, struct err *e) MUST_CHECK;
/* A condition in SQL on those whose configuration may ask for health checks: the catalog has an index of them. */
#define RECORD_MAY_BE_CHECKED "instr(config, '\"Healthcheck\"')"

/* Host ids for a user namespace: `size` of them (a multiple of 65536 is taken), free, least recently used, above
 * ID_RANGE_FIRST; recorded for the container, whose row must exist already. */
#define ID_RANGE_FIRST 0x10000000U
#define ID_RANGE_END 0x7fff0000U
#define ID_RANGE_MIN 65536U
int id_range_take(struct catalog *c, const char *container, uint32_t size, uint32_t *base, struct err *e) MUST_CHECK;
/* Records a range that the user named, so that no other container is given a part of it. Two that name the same share
 * it. */
int id_range_name(struct catalog *c, const char *container, uint32_t base, uint32_t size, struct err *e) MUST_CHECK;

#endif

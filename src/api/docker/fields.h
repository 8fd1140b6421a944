/* The members of POST /containers/create, each with what is made of it: an option as `tare run` has it, nothing, or a refusal. The tables are data, so
 * that docs/docker-api.md is printed from what the program does. */
#ifndef TARE_API_DOCKER_FIELDS_H
#define TARE_API_DOCKER_FIELDS_H

#include "base/arena.h"
#include "base/json.h"
#include "engine/options.h"

enum field_how {
	FIELD_HONOURED,
	FIELD_HARMLESS, /* read past: it says what is so anyway, or what nobody could notice */
	FIELD_REFUSED   /* an error, unless it is empty, zero or false */
};

struct field;

/* What is being filled in. */
struct taking {
	struct arena *a;
	struct ct_options *o;
	const char *where; /* "HostConfig", for messages */
	const struct json *of; /* the object that the member is of */
	bool made;             /* the container is there, and is changed */
	struct strv *ignored; /* sentences about members that no table has; NULL: such a one is refused */
};

typedef int (*field_fn)(struct taking *t, const struct field *f, const struct json *v, struct err *e);

struct field {
	const char *name;
	enum field_how how;
	field_fn take; /* of FIELD_HONOURED */
	size_t offset; /* in struct ct_options, for those that fill in one member */
	const char *why; /* one line: of what is honoured what is special, NULL: nothing; else why not */
	bool zero;     /* an empty or zero value is taken, too; null never is */
	bool settled;  /* with the container's making: of one that is there it is refused */
};

/* Each ends with a row of zeros. */
extern const struct field field_config[], field_host[], field_resources[];

/* Every member of object by the table's rows; more: the rows of another one, or NULL. One that no row has, and that is not empty, is ERR_INVALID, or
 * a sentence for t->ignored. */
int fields_take(struct taking *t, const char *where, const struct json *object, const struct field *table, const struct field *more, struct err *e) MUST_CHECK;

/* The whole body: *image and so on lie in a; opt was zeroed by the caller. Docker takes what it does not know, so that a client may be newer than it: so does
 * this, and *ignored (zeroed by the caller) has a sentence about each such member. */
int fields_create(struct arena *a, const struct json *body, struct ct_options *out, struct strv *ignored, struct err *e) MUST_CHECK;
/* The body of POST /containers/{}/update. *restart: NULL where it has none. */
int fields_update(struct arena *a, const struct json *body, struct ct_options *out, const char **restart, struct err *e) MUST_CHECK;

/* ---- for rows (fields_take.c, fields_mounts.c) ---- */

bool field_is_empty(const struct json *v);
int field_wrong(const struct taking *t, const struct field *f, const char *want, struct err *e);
/* v is added to *list, which lies in t->a. */
int field_add(struct taking *t, struct strv *list, const char *v, struct err *e) MUST_CHECK;
/* KEY=VALUE onto a line that base/csv.h takes apart again; "" is none. */
void field_put(struct strbuf *line, const char *key, const char *value);
/* Of an object that is an element of a list. */
const char *field_text(const struct json *object, const char *key);
int64_t field_number(const struct json *object, const char *key);
bool field_flag(const struct json *object, const char *key);

int take_text(struct taking *t, const struct field *f, const struct json *v, struct err *e);
int take_flag(struct taking *t, const struct field *f, const struct json *v, struct err *e);
int take_list(struct taking *t, const struct field *f, const struct json *v, struct err *e);
int take_pairs(struct taking *t, const struct field *f, const struct json *v, struct err *e);
int take_keys(struct taking *t, const struct field *f, const struct json *v, struct err *e);
int take_number_as_text(struct taking *t, const struct field *f, const struct json *v, struct err *e);
int take_number(struct taking *t, const struct field *f, const struct json *v, struct err *e);
int take_count(struct taking *t, const struct field *f, const struct json *v, struct err *e);
int take_weight(struct taking *t, const struct field *f, const struct json *v, struct err *e);

/* A name alone takes a variable away. To `tare` it means the caller's own, and the caller is the server: which so has none. */
void fields_no_env_of_ours(struct strv env);

int take_env(struct taking *t, const struct field *f, const struct json *v, struct err *e);
int take_command(struct taking *t, const struct field *f, const struct json *v, struct err *e);
int take_entrypoint(struct taking *t, const struct field *f, const struct json *v, struct err *e);
int take_healthcheck(struct taking *t, const struct field *f, const struct json *v, struct err *e);
int take_no_network(struct taking *t, const struct field *f, const struct json *v, struct err *e);
int take_log(struct taking *t, const struct field *f, const struct json *v, struct err *e);
int take_restart(struct taking *t, const struct field *f, const struct json *v, struct err *e);
int take_bindings(struct taking *t, const struct field *f, const struct json *v, struct err *e);
int take_swappiness(struct taking *t, const struct field *f, const struct json *v, struct err *e);
int take_nano_cpus(struct taking *t, const struct field *f, const struct json *v, struct err *e);
int take_ulimits(struct taking *t, const struct field *f, const struct json *v, struct err *e);
int take_io(struct taking *t, const struct field *f, const struct json *v, struct err *e);
int take_devices(struct taking *t, const struct field *f, const struct json *v, struct err *e);
int take_device_requests(struct taking *t, const struct field *f, const struct json *v, struct err *e);
int take_paths(struct taking *t, const struct field *f, const struct json *v, struct err *e);
int take_runtime(struct taking *t, const struct field *f, const struct json *v, struct err *e);
int take_isolation(struct taking *t, const struct field *f, const struct json *v, struct err *e);

int take_mounts(struct taking *t, const struct field *f, const struct json *v, struct err *e);
int take_tmpfs(struct taking *t, const struct field *f, const struct json *v, struct err *e);
int take_binds(struct taking *t, const struct field *f, const struct json *v, struct err *e);
/* Config's Volumes: those places that HostConfig has nothing else for. */
int take_volumes(struct taking *t, const struct json *volumes, const struct json *host, struct err *e) MUST_CHECK;

#endif

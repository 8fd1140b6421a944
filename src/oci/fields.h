/* Tables that turn JSON objects into C structs, with errors that name the property by its full path
 * ("linux.resources.memory.limit: must be an integer"). Private to oci/.
 *
 * A row says which member goes where and as what. Members no row names are ignored (the specification demands it);
 * null is the same as absent. Everything kept lives in the arena or in the parsed document. */
#ifndef TARE_OCI_FIELDS_H
#define TARE_OCI_FIELDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/json.h"

/* Where in the document we are: a list on the stack, rendered only when something is wrong. */
struct oci_path {
	const struct oci_path *up;
	const char *key; /* NULL: an array's element */
	size_t index;
};

struct oci_ctx {
	struct arena *a;
	struct err *e;
};

enum oci_kind {
	OCI_STR,	/* const char * */
	OCI_BOOL,	/* bool */
	OCI_I32,	/* int32_t; likewise the others */
	OCI_U32,
	OCI_U64,
	OCI_I64,
	OCI_U16,
	OCI_U16_PTR,	/* const uint16_t *, NULL when absent */
	OCI_U32_PTR,
	OCI_U64_PTR,
	OCI_I64_PTR,
	OCI_ENUM,	/* unsigned int (an enum), by the names of `names` */
	OCI_STRV,	/* const char *const *, NULL-terminated; count at `count` when that is not 0 */
	OCI_MAP,	/* array of {const char *key, *value}; count at `count` */
	OCI_OBJECT,	/* the rows of `sub`, their targets at offset + theirs; then `call`, if any, checks the result */
	OCI_LIST,	/* array of `size`-byte elements filled by `sub`, each then checked by `call`; count at `count` */
	OCI_KEYED,	/* the same of an object's members: each element has its key (const char *) at `name`, too */
	OCI_CALL	/* call(c, at, value, base + offset) */
};

#define OCI_REQUIRED 1U /* absence is an error */
#define OCI_NOTEMPTY 2U /* "" is an error */
#define OCI_ABSOLUTE 4U /* STR, STRV: paths that must begin with '/' */

struct oci_name {
	const char *name; /* NULL ends the table */
	unsigned int value;
};

/* v is the value; target what belongs to it. 0 or a negative error. */
typedef int (*oci_field_fn)(const struct oci_ctx *c, const struct oci_path *at, const struct json *v, void *target);

/* One member. A table ends with a row of zeros. */
struct oci_field {
	const char *key;
	enum oci_kind kind;
	size_t offset;
	unsigned int flags;
	size_t count;
	oci_field_fn call;
	const struct oci_field *sub;
	size_t size;
	size_t name;                  /* KEYED: within an element */
	const struct oci_name *names; /* ENUM; STR, STRV: nothing else is accepted */
	int64_t min, max;	      /* integers; both 0: whatever the type holds */
};

/* Fails with "PATH: message" (ERR_INVALID). */
int oci_bad(const struct oci_ctx *c, const struct oci_path *at, const char *fmt, ...) PRINTF_LIKE(3, 4);
/* The same about the member `key` of what is at `at`. */
int oci_bad_member(const struct oci_ctx *c, const struct oci_path *at, const char *key, const char *fmt, ...)
	PRINTF_LIKE(4, 5);
/* No memory, at `at`. */
int oci_no_memory(const struct oci_ctx *c, const struct oci_path *at);

/* Fills base from the object v. at NULL = the document itself. */
int oci_fields(const struct oci_ctx *c, const struct oci_path *at, const struct json *v, const struct oci_field *rows,
	       void *base) MUST_CHECK;

/* One value as one of names, for a `call`. */
int oci_enum(const struct oci_ctx *c, const struct oci_path *at, const struct json *v, const struct oci_name *names,
	     unsigned int *out) MUST_CHECK;

#endif

/* JSON, strictly as RFC 8259: reader into an arena, writer onto a strbuf.
 *
 * The reader refuses what peers disagree about: duplicate keys, invalid UTF-8, lone surrogates, NUL in strings
 * (\u0000), trailing bytes, leading zeros, and anything over its limits, each with line and column. Numbers keep
 * their text, so a value read and written again is the same; 64-bit integers are exact. */
#ifndef TARE_BASE_JSON_H
#define TARE_BASE_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/strbuf.h"

enum json_type { JSON_NULL, JSON_BOOL, JSON_NUMBER, JSON_STRING, JSON_ARRAY, JSON_OBJECT };

struct json {
	enum json_type type;
	bool boolean;
	const char *key;    /* of a member of an object, decoded, NUL-terminated; else NULL */
	const char *str;    /* JSON_STRING: decoded; JSON_NUMBER: its text; NUL-terminated */
	size_t len;         /* bytes of str, or number of children */
	struct json *child; /* first child of an array or object */
	struct json *next;  /* next sibling */
};

struct json_limits {
	size_t max_bytes;       /* of the text */
	unsigned int max_depth; /* arrays and objects inside each other; each level costs the stack about 200 bytes */
	size_t max_nodes;
	/* Of objects that are members of the root only these members (NULL-terminated); the others are passed over, unchecked: for
	 * texts that we wrote ourselves. NULL = all. */
	const char *const *only;
	const char *until; /* of the root only the members up to this one, and nothing behind it is looked at: for such texts, too. NULL = all */
};

/* 8 MiB, 64 levels, 500,000 values: enough for any specification we read. */
extern const struct json_limits json_default_limits;

/* Parses text (len bytes, need not be NUL-terminated nor outlive the call) into a. limits NULL = the default.
 * On success *out is the root, living as long as a. Fails with ERR_INVALID, ERR_LIMIT or ERR_INTERNAL (memory);
 * the message carries line and column. */
int json_parse(struct arena *a, const char *text, size_t len, const struct json_limits *limits, const struct json **out,
	       struct err *e) MUST_CHECK;

/* The member of obj named key, or NULL (also when obj is NULL or no object). */
const struct json *json_get(const struct json *obj, const char *key);

/* The text of a member; usual where it is none, of whatever type: for documents that were judged before, or are only shown. */
const char *json_text(const struct json *obj, const char *key, const char *usual);

/* Loop over the children of an array or object v (NULL allowed). */
#define json_each(it, v) for (const struct json *it = (v) ? (v)->child : NULL; it; it = it->next)

/* The n children of v, those of an object in the order of their names. NULL: no memory. */
const struct json **json_sorted(struct arena *a, const struct json *v, size_t *n);

/* Typed access to a member. Absent or null: leaves *out alone and returns 0 (so defaults are set before).
 * Wrong type or out of range: ERR_INVALID naming the key. `where` names the object in the message ("process"). */
int json_get_str(const struct json *obj, const char *where, const char *key, const char **out, struct err *e) MUST_CHECK;
int json_get_bool(const struct json *obj, const char *where, const char *key, bool *out, struct err *e) MUST_CHECK;
int json_get_i64(const struct json *obj, const char *where, const char *key, int64_t *out, struct err *e) MUST_CHECK;
int json_get_u64(const struct json *obj, const char *where, const char *key, uint64_t *out, struct err *e) MUST_CHECK;
int json_get_u32(const struct json *obj, const char *where, const char *key, uint32_t *out, struct err *e) MUST_CHECK;
/* An array of strings into a NULL-terminated array of n pointers, in a. */
int json_get_strv(struct arena *a, const struct json *obj, const char *where, const char *key, const char ***out,
		  size_t *n, struct err *e) MUST_CHECK;
/* A member that must be an object, array; *out NULL when absent. */
int json_get_obj(const struct json *obj, const char *where, const char *key, const struct json **out,
		 struct err *e) MUST_CHECK;
int json_get_array(const struct json *obj, const char *where, const char *key, const struct json **out,
		   struct err *e) MUST_CHECK;
/* Every member's key is one of n known: else ERR_INVALID with the nearest, or `rest` behind the message where none is near. obj NULL: fine. */
int json_check_keys(const struct json *obj, const char *const *known, size_t n, const char *where, const char *rest, struct err *e) MUST_CHECK;
/* The value itself as an integer; -EINVAL when it is none, -ERANGE when it does not fit. */
int json_as_i64(const struct json *v, int64_t *out) MUST_CHECK;
int json_as_u64(const struct json *v, uint64_t *out) MUST_CHECK;

/* Length of the UTF-8 sequence that starts at s (RFC 3629; s < end); 0 when it is none: overlong, a surrogate, above
 * U+10FFFF, cut short by end. */
size_t json_utf8_sequence(const char *s, const char *end);

/* ---- writing ----
 * jw_* keep the commas and the nesting; key is NULL inside an array and for the root. Errors are the strbuf's
 * (sticky). Strings that are not UTF-8 have each bad byte replaced by U+FFFD. What is open must be ended. */
struct json_writer {
	struct strbuf *out;
	unsigned int depth;
	bool pretty; /* indent by one tab */
};

#define JSON_WRITER(buf) { .out = (buf) }

void jw_object(struct json_writer *w, const char *key);
void jw_array(struct json_writer *w, const char *key);
void jw_end_object(struct json_writer *w);
void jw_end_array(struct json_writer *w);
void jw_str(struct json_writer *w, const char *key, const char *s); /* s NULL writes null */
void jw_strn(struct json_writer *w, const char *key, const char *s, size_t len);
void jw_bool(struct json_writer *w, const char *key, bool v);
void jw_i64(struct json_writer *w, const char *key, int64_t v);
void jw_u64(struct json_writer *w, const char *key, uint64_t v);
void jw_null(struct json_writer *w, const char *key);
void jw_strv(struct json_writer *w, const char *key, const char *const *v); /* NULL-terminated; NULL = [] */
/* Text that a writer has written, as the next value of an array or as the root; perhaps its beginning alone, which is written on. */
void jw_piece(struct json_writer *w, const char *text, size_t len);
/* A parsed value as it was, under key. */
void jw_value(struct json_writer *w, const char *key, const struct json *v);

#endif

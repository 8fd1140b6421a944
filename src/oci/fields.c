/* The one walker behind every table of oci/; see fields.h.
 *
 * config.json comes from whoever made the bundle. base/json has already bounded its size and depth; here every value
 * is checked for type and range before it is stored, so that the floors above can trust the structs. */
#include "oci/fields.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* "a.b[3].c" of a path; the root is "". */
static void render(const struct oci_path *at, char *out, size_t size)
{
	size_t len;

	out[0] = '\0';
	if (!at)
		return;
	render(at->up, out, size);
	len = strlen(out);
	if (at->key)
		snprintf(out + len, size - len, "%s%s", len ? "." : "", at->key);
	else
		snprintf(out + len, size - len, "[%zu]", at->index);
}

static int PRINTF_LIKE(3, 0) bad(const struct oci_ctx *c, const struct oci_path *at, const char *fmt, va_list ap)
{
	char path[256], what[256];

	render(at, path, sizeof(path));
	vsnprintf(what, sizeof(what), fmt, ap);
	return err_set(c->e, ERR_INVALID, "%s%s%s", path, path[0] ? ": " : "", what);
}

int oci_bad(const struct oci_ctx *c, const struct oci_path *at, const char *fmt, ...)
{
	va_list ap;
	int r;

	va_start(ap, fmt);
	r = bad(c, at, fmt, ap);
	va_end(ap);
	return r;
}

int oci_bad_member(const struct oci_ctx *c, const struct oci_path *at, const char *key, const char *fmt, ...)
{
	struct oci_path member = { at, key, 0 };
	va_list ap;
	int r;

	va_start(ap, fmt);
	r = bad(c, &member, fmt, ap);
	va_end(ap);
	return r;
}

int oci_no_memory(const struct oci_ctx *c, const struct oci_path *at)
{
	char path[256];

	render(at, path, sizeof(path));
	return err_errno(c->e, -ENOMEM, "%s", path[0] ? path : "specification");
}

static const struct oci_name *find_name(const struct oci_name *names, const char *s)
{
	for (; names->name; names++)
		if (!strcmp(names->name, s))
			return names;
	return NULL;
}

int oci_enum(const struct oci_ctx *c, const struct oci_path *at, const struct json *v, const struct oci_name *names,
	     unsigned int *out)
{
	const struct oci_name *n;

	if (v->type != JSON_STRING)
		return oci_bad(c, at, "must be a string");
	n = find_name(names, v->str);
	if (!n)
		return oci_bad(c, at, "unknown value \"%s\"", v->str);
	*out = n->value;
	return 0;
}

static int get_string(const struct oci_ctx *c, const struct oci_path *at, const struct json *v,
		      const struct oci_field *f, const char **out)
{
	if (v->type != JSON_STRING)
		return oci_bad(c, at, "must be a string");
	if ((f->flags & OCI_NOTEMPTY) && !v->len)
		return oci_bad(c, at, "must not be empty");
	if ((f->flags & OCI_ABSOLUTE) && v->str[0] != '/')
		return oci_bad(c, at, "\"%s\" must be an absolute path", v->str);
	if (f->names && !find_name(f->names, v->str))
		return oci_bad(c, at, "unknown value \"%s\"", v->str);
	*out = v->str;
	return 0;
}

static int get_strv(const struct oci_ctx *c, const struct oci_path *at, const struct json *v, const struct oci_field *f,
		    char *base)
{
	const char **list;
	size_t n = 0;

	if (v->type != JSON_ARRAY)
		return oci_bad(c, at, "must be an array of strings");
	list = arena_array(c->a, v->len + 1, sizeof(*list));
	if (!list)
		return oci_no_memory(c, at);
	json_each(item, v) {
		struct oci_path element = { at, NULL, n };
		int r = get_string(c, &element, item, f, &list[n++]);

		if (r < 0)
			return r;
	}
	*(const char *const **)(void *)(base + f->offset) = list;
	if (f->count)
		*(size_t *)(void *)(base + f->count) = n;
	return 0;
}

static int get_map(const struct oci_ctx *c, const struct oci_path *at, const struct json *v, const struct oci_field *f,
		   char *base)
{
	struct pair {
		const char *key, *value;
	} *pairs;
	size_t n = 0;

	if (v->type != JSON_OBJECT)
		return oci_bad(c, at, "must be an object");
	pairs = arena_array(c->a, v->len + 1, sizeof(*pairs));
	if (!pairs)
		return oci_no_memory(c, at);
	json_each(item, v) {
		struct oci_path element = { at, item->key, 0 };
		int r;

		if (!*item->key)
			return oci_bad(c, at, "an empty key is not allowed");
		pairs[n].key = item->key;
		r = get_string(c, &element, item, f, &pairs[n++].value);
		if (r < 0)
			return r;
	}
	memcpy(base + f->offset, &pairs, sizeof(pairs));
	*(size_t *)(void *)(base + f->count) = n;
	return 0;
}

static int get_list(const struct oci_ctx *c, const struct oci_path *at, const struct json *v, const struct oci_field *f,
		    char *base)
{
	bool keyed = f->kind == OCI_KEYED;
	char *list;
	size_t n = 0;

	if (v->type != (keyed ? JSON_OBJECT : JSON_ARRAY))
		return oci_bad(c, at, keyed ? "must be an object" : "must be an array");
	list = arena_array(c->a, v->len + 1, f->size);
	if (!list)
		return oci_no_memory(c, at);
	json_each(item, v) {
		struct oci_path element = { at, keyed ? item->key : NULL, n };
		char *to = list + n++ * f->size;
		int r = oci_fields(c, &element, item, f->sub, to);

		if (r == 0 && keyed)
			memcpy(to + f->name, &item->key, sizeof(item->key));
		if (r == 0 && f->call)
			r = f->call(c, &element, item, to);
		if (r < 0)
			return r;
	}
	memcpy(base + f->offset, &list, sizeof(list));
	*(size_t *)(void *)(base + f->count) = n;
	return 0;
}

/* What each integer kind holds, and how wide it is stored. */
static const struct int_kind {
	int64_t min;
	uint64_t max;
	size_t size;
	bool pointer;
} int_kinds[] = {
	[OCI_I32] = { INT32_MIN, INT32_MAX, 4, false },	   [OCI_U32] = { 0, UINT32_MAX, 4, false },
	[OCI_U64] = { 0, UINT64_MAX, 8, false },	   [OCI_I64] = { INT64_MIN, INT64_MAX, 8, false },
	[OCI_U16] = { 0, UINT16_MAX, 2, false },	   [OCI_U16_PTR] = { 0, UINT16_MAX, 2, true },
	[OCI_U32_PTR] = { 0, UINT32_MAX, 4, true },	   [OCI_U64_PTR] = { 0, UINT64_MAX, 8, true },
	[OCI_I64_PTR] = { INT64_MIN, INT64_MAX, 8, true },
};

static int out_of_range(const struct oci_ctx *c, const struct oci_path *at, const struct json *v,
			const struct int_kind *k, const struct oci_field *f)
{
	if (f->min || f->max)
		return oci_bad(c, at, "%s is out of range (%lld to %lld)", v->str, (long long)f->min, (long long)f->max);
	if (k->min == 0 && v->str[0] == '-')
		return oci_bad(c, at, "%s must not be negative", v->str);
	return oci_bad(c, at, "%s is out of range", v->str);
}

static int get_int(const struct oci_ctx *c, const struct oci_path *at, const struct json *v, const struct oci_field *f,
		   void *target)
{
	const struct int_kind *k = &int_kinds[f->kind];
	uint64_t bits = 0;
	int64_t number = 0;
	void *to = target;
	int r;

	r = json_as_i64(v, &number);
	bits = (uint64_t)number;
	if (r == -ERANGE && k->max == UINT64_MAX) {
		r = json_as_u64(v, &bits);
		number = INT64_MAX;
	}
	if (r == -EINVAL)
		return oci_bad(c, at, "must be an integer");
	if (r < 0 || number < k->min || (number > 0 && bits > k->max))
		return out_of_range(c, at, v, k, f);
	if ((f->min || f->max) && (number < f->min || number > f->max))
		return out_of_range(c, at, v, k, f);
	if (k->pointer) {
		to = arena_alloc(c->a, k->size);
		if (!to)
			return oci_no_memory(c, at);
		memcpy(target, &to, sizeof(to));
	}
	if (k->size == 8)
		*(uint64_t *)to = bits;
	else if (k->size == 4)
		*(uint32_t *)to = (uint32_t)bits;
	else
		*(uint16_t *)to = (uint16_t)bits;
	return 0;
}

static int get_member(const struct oci_ctx *c, const struct oci_path *at, const struct json *v, const struct oci_field *f,
		      char *base)
{
	void *target = base + f->offset;
	int r;

	switch (f->kind) {
	case OCI_STR:
		return get_string(c, at, v, f, target);
	case OCI_BOOL:
		if (v->type != JSON_BOOL)
			return oci_bad(c, at, "must be true or false");
		*(bool *)target = v->boolean;
		return 0;
	case OCI_ENUM:
		return oci_enum(c, at, v, f->names, target);
	case OCI_STRV:
		return get_strv(c, at, v, f, base);
	case OCI_MAP:
		return get_map(c, at, v, f, base);
	case OCI_OBJECT:
		r = oci_fields(c, at, v, f->sub, target);
		return r == 0 && f->call ? f->call(c, at, v, target) : r;
	case OCI_LIST:
	case OCI_KEYED:
		return get_list(c, at, v, f, base);
	case OCI_CALL:
		return f->call(c, at, v, target);
	case OCI_I32:
	case OCI_U32:
	case OCI_U64:
	case OCI_I64:
	case OCI_U16:
	case OCI_U16_PTR:
	case OCI_U32_PTR:
	case OCI_U64_PTR:
	case OCI_I64_PTR:
		break;
	}
	return get_int(c, at, v, f, target);
}

int oci_fields(const struct oci_ctx *c, const struct oci_path *at, const struct json *v, const struct oci_field *rows,
	       void *base)
{
	if (!v || v->type != JSON_OBJECT)
		return oci_bad(c, at, "must be an object");
	for (const struct oci_field *f = rows; f->key; f++) {
		const struct json *member = json_get(v, f->key);
		struct oci_path member_at = { at, f->key, 0 };
		int r;

		if (!member || member->type == JSON_NULL) {
			if (f->flags & OCI_REQUIRED)
				return oci_bad(c, &member_at, "is required");
			continue;
		}
		r = get_member(c, &member_at, member, f, base);
		if (r < 0)
			return r;
	}
	return 0;
}

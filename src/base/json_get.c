#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/nearest.h"
#include "base/text.h"

const struct json *json_get(const struct json *obj, const char *key)
{
	if (!obj || obj->type != JSON_OBJECT)
		return NULL;
	json_each (m, obj)
		if (*m->key == *key && !strcmp(m->key, key))
			return m;
	return NULL;
}

static int by_key(const void *a, const void *b)
{
	const struct json *x = *(const struct json *const *)a, *y = *(const struct json *const *)b;

	return strcmp(x->key, y->key);
}

const struct json **json_sorted(struct arena *a, const struct json *v, size_t *n)
{
	bool object = v && v->type == JSON_OBJECT, list = object || (v && v->type == JSON_ARRAY);
	const struct json **sorted = arena_array(a, (list ? v->len : 0) + 1, sizeof(*sorted));

	*n = 0;
	json_each (it, sorted && list ? v : NULL)
		sorted[(*n)++] = it;
	if (*n > 1 && object)
		qsort(sorted, *n, sizeof(*sorted), by_key);
	return sorted;
}

/* The member, or NULL when it is absent or null. */
static const struct json *present(const struct json *obj, const char *key)
{
	const struct json *v = json_get(obj, key);

	return v && v->type != JSON_NULL ? v : NULL;
}

static int wrong(struct err *e, const char *where, const char *key, const char *what)
{
	return err_set(e, ERR_INVALID, "%s%s%s: %s", where ? where : "", where && *where ? "." : "", key, what);
}

const char *json_text(const struct json *obj, const char *key, const char *usual)
{
	const struct json *v = json_get(obj, key);

	return v && v->type == JSON_STRING ? v->str : usual;
}

int json_get_str(const struct json *obj, const char *where, const char *key, const char **out, struct err *e)
{
	const struct json *v = present(obj, key);

	if (v && v->type != JSON_STRING)
		return wrong(e, where, key, "must be a string");
	if (v)
		*out = v->str;
	return 0;
}

int json_get_bool(const struct json *obj, const char *where, const char *key, bool *out, struct err *e)
{
	const struct json *v = present(obj, key);

	if (v && v->type != JSON_BOOL)
		return wrong(e, where, key, "must be true or false");
	if (v)
		*out = v->boolean;
	return 0;
}

int json_as_i64(const struct json *v, int64_t *out)
{
	return v && v->type == JSON_NUMBER ? text_i64(v->str, out) : -EINVAL;
}

int json_as_u64(const struct json *v, uint64_t *out)
{
	if (v && v->type == JSON_NUMBER && v->str[0] == '-')
		return -ERANGE;
	return v && v->type == JSON_NUMBER ? text_u64(v->str, out) : -EINVAL;
}

static int wrong_number(struct err *e, const char *where, const char *key, int r)
{
	return wrong(e, where, key, r == -ERANGE ? "is out of range" : "must be an integer");
}

int json_get_i64(const struct json *obj, const char *where, const char *key, int64_t *out, struct err *e)
{
	const struct json *v = present(obj, key);
	int r = v ? json_as_i64(v, out) : 0;

	return r < 0 ? wrong_number(e, where, key, r) : 0;
}

int json_get_u64(const struct json *obj, const char *where, const char *key, uint64_t *out, struct err *e)
{
	const struct json *v = present(obj, key);
	int r = v ? json_as_u64(v, out) : 0;

	return r < 0 ? wrong_number(e, where, key, r) : 0;
}

int json_get_u32(const struct json *obj, const char *where, const char *key, uint32_t *out, struct err *e)
{
	uint64_t v = *out;
	int r = json_get_u64(obj, where, key, &v, e);

	if (r < 0)
		return r;
	if (v > UINT32_MAX)
		return wrong_number(e, where, key, -ERANGE);
	*out = (uint32_t)v;
	return 0;
}

int json_get_strv(struct arena *a, const struct json *obj, const char *where, const char *key, const char ***out,
		  size_t *n, struct err *e)
{
	const struct json *v = present(obj, key);
	const char **list;
	size_t i = 0;

	if (!v)
		return 0;
	if (v->type != JSON_ARRAY)
		return wrong(e, where, key, "must be an array of strings");
	list = arena_array(a, v->len + 1, sizeof(*list));
	if (!list)
		return err_errno(e, -ENOMEM, "%s", key);
	json_each (item, v) {
		if (item->type != JSON_STRING)
			return wrong(e, where, key, "must be an array of strings");
		list[i++] = item->str;
	}
	*out = list;
	if (n)
		*n = i;
	return 0;
}

static int get_typed(const struct json *obj, const char *where, const char *key, enum json_type type, const char *what,
		     const struct json **out, struct err *e)
{
	const struct json *v = present(obj, key);

	*out = NULL;
	if (v && v->type != type)
		return wrong(e, where, key, what);
	*out = v;
	return 0;
}

int json_get_obj(const struct json *obj, const char *where, const char *key, const struct json **out, struct err *e)
{
	return get_typed(obj, where, key, JSON_OBJECT, "must be an object", out, e);
}

int json_get_array(const struct json *obj, const char *where, const char *key, const struct json **out, struct err *e)
{
	return get_typed(obj, where, key, JSON_ARRAY, "must be an array", out, e);
}

int json_check_keys(const struct json *obj, const char *const *known, size_t n, const char *where, const char *rest, struct err *e)
{
	char hint[NEAREST_HINT_LEN], shown[80];

	if (obj && obj->type != JSON_OBJECT)
		return err_set(e, ERR_INVALID, "%s: want an object", where);
	json_each(it, obj) {
		struct nearest near = NEAREST(it->key);
		size_t i = 0;

		while (i < n && strcmp(known[i], it->key) != 0)
			(void)nearest_offer(&near, known[i++]);
		if (i == n)
			return err_set(e, ERR_INVALID, "%s has no key \"%s\"%s", where, text_escape(it->key, shown, sizeof(shown)),
				       near.best[0] ? nearest_hint(&near, hint) : rest);
	}
	return 0;
}

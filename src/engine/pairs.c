#include "engine/pairs.h"

#include <stdio.h>
#include <string.h>

void pairs_write(struct json_writer *w, const char *key, struct strv v)
{
	jw_object(w, key);
	for (size_t i = 0; i < v.n; i++) {
		const char *eq = strchr(v.v[i], '=');
		size_t len = eq ? (size_t)(eq - v.v[i]) : strlen(v.v[i]);
		char name[PAIRS_KEY_MAX + 1];
		bool again = len >= sizeof(name);

		for (size_t k = i + 1; k < v.n && !again; k++)
			again = strncmp(v.v[k], v.v[i], len) == 0 && (v.v[k][len] == '=' || !v.v[k][len]);
		(void)snprintf(name, sizeof(name), "%.*s", (int)len, v.v[i]);
		if (!again)
			jw_str(w, name, eq ? eq + 1 : "");
	}
	jw_end_object(w);
}

int pairs_texts(struct arena *a, const struct json *object, const char *what, struct strv *out, struct err *e)
{
	const char **v = arena_array(a, object ? object->len + 1 : 1, sizeof(*v));

	*out = (struct strv){ v, 0 };
	if (object && object->type != JSON_OBJECT && object->type != JSON_NULL)
		return err_set(e, ERR_INVALID, "%s: want an object of texts", what);
	json_each(member, v && object && object->type == JSON_OBJECT ? object : NULL) {
		if (member->type != JSON_STRING)
			return err_set(e, ERR_INVALID, "%s: \"%.100s\" is no text", what, member->key);
		v[out->n++] = arena_printf(a, "%s=%s", member->key, member->str);
	}
	return arena_error(a) < 0 ? err_errno(e, -ENOMEM, "%s", what) : 0;
}

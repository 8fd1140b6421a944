/* What is not listed says nothing, or is refused: a member that is new one day is no hole. */
#include "api/docker/own_judge.h"

#include <string.h>

#include "api/docker/fields.h"
#include "engine/config.h"

int own_no(struct err *e, const char *what)
{
	return err_set(e, ERR_DENIED, "not allowed to you, who are kept to containers of your own: %s", what);
}

bool own_is_word(const char *words, const char *text)
{
	size_t len = strlen(text);

	for (const char *w = words; w; w = strchr(w, '|') ? strchr(w, '|') + 1 : NULL)
		if (strcspn(w, "|") == len && strncmp(w, text, len) == 0)
			return true;
	return false;
}

static const struct own_member *find(const struct own_member *table, const char *name)
{
	for (const struct own_member *m = table; m->name; m++)
		if (strcmp(m->name, name) == 0)
			return m;
	return NULL;
}

/* What no row has must say nothing. */
int own_judge(const struct json *object, const struct own_member *table, struct err *e)
{
	if (object && object->type != JSON_OBJECT && object->type != JSON_NULL)
		return err_set(e, ERR_INVALID, "want an object {...}");
	json_each(it, object) {
		const struct own_member *m = find(table, it->key);
		bool fine = it->type == JSON_NULL || (m ? m->said == OWN_ANYTHING || m->said == OWN_JUDGED : field_is_empty(it));

		if (m && m->said == OWN_ONE_OF && it->type == JSON_STRING)
			fine = own_is_word(m->texts, it->str);
		if (!fine)
			return own_no(e, it->key);
		if (m && m->said == OWN_JUDGED && it->type != JSON_NULL && m->judge(it, e) < 0)
			return e->code;
	}
	return 0;
}

/* ---- whose it is ---- */

static struct json *new_member(struct arena *a, struct json *object, const char *key, enum json_type type)
{
	struct json *v = arena_new(a, struct json), **at = &object->child;

	if (!v)
		return NULL;
	while (*at) /* the last one: it has the last word of what is read in turn */
		at = &(*at)->next;
	*v = (struct json){ .type = type, .key = key };
	*at = v;
	object->len++;
	return v;
}

static void drop_member(struct json *object, const char *key)
{
	for (struct json **at = &object->child; *at;) {
		if (strcmp((*at)->key, key) != 0) {
			at = &(*at)->next;
			continue;
		}
		*at = (*at)->next;
		object->len--;
	}
}

int own_sign(struct exchange *ex, struct json *body, struct err *e)
{
	struct arena *a = ex_arena(ex);
	struct json *labels = (struct json *)(uintptr_t)json_get(body, "Labels"), *own;

	if (body->type != JSON_OBJECT)
		return err_set(e, ERR_INVALID, "want an object {...}");
	if (labels && labels->type != JSON_OBJECT) { /* null, or what the handler would refuse */
		drop_member(body, "Labels");
		labels = NULL;
	}
	if (!labels)
		labels = new_member(a, body, "Labels", JSON_OBJECT);
	if (!labels)
		return err_errno(e, -ENOMEM, "create");
	drop_member(labels, CONFIG_OWNER_LABEL);
	own = new_member(a, labels, CONFIG_OWNER_LABEL, JSON_STRING);
	if (!own)
		return err_errno(e, -ENOMEM, "create");
	own->str = guard_owner(ex);
	own->len = strlen(own->str);
	return 0;
}

bool own_has(const struct exchange *ex, const struct json *labels)
{
	return strcmp(json_text(labels, CONFIG_OWNER_LABEL, ""), guard_owner(ex)) == 0;
}

bool own_made(struct exchange *ex, const char *config)
{
	return config_is_of(ex_arena(ex), config, guard_owner(ex));
}

#include "api/server/authorize.h"

#include <fcntl.h>
#include <string.h>

#include "oci/user.h"

static const char *const roles[] = {
	[AUTHORIZE_NONE] = "none",
	[AUTHORIZE_READ_ONLY] = "read-only",
	[AUTHORIZE_OWN] = "own",
	[AUTHORIZE_FULL] = "full",
};

static int take_role(const struct json *v, struct authorize_rule *out, struct err *e)
{
	const char *text = json_text(v, "role", "");

	for (size_t i = 0; i < ARRAY_LEN(roles); i++) {
		if (strcmp(text, roles[i]) == 0) {
			out->role = (enum authorize_role)i;
			return 0;
		}
	}
	return err_set(e, ERR_INVALID, "\"role\": \"%.40s\": full, read-only, own or none", text);
}

/* A number, or a name of this machine. */
static int take_user(struct arena *a, const struct json *v, struct authorize_rule *out, struct err *e)
{
	const struct json *user = json_get(v, "user");
	struct oci_resolved_user found;
	CLEANUP_FD int root = -1;
	int r;

	if (!user)
		return 0;
	if (user->type != JSON_NUMBER && user->type != JSON_STRING)
		return err_set(e, ERR_INVALID, "\"user\": want a name or a number");
	root = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	r = root < 0 ? err_errno(e, -errno, "open /") : oci_user_resolve(a, root, user->str, &found, e);
	if (r < 0)
		return err_ctx(e, "\"user\"");
	out->has_user = true;
	out->user = found.uid;
	return 0;
}

static int take_rule(struct arena *a, const struct json *v, struct authorize_rule *out, struct err *e)
{
	static const char *const known[] = { "socket", "user", "certificate", "role", "owner" };
	int r = v->type == JSON_OBJECT ? json_check_keys(v, known, ARRAY_LEN(known), "a rule", "", e) : err_set(e, ERR_INVALID, "a rule is an object {...}");

	if (r == 0)
		r = take_role(v, out, e);
	if (r == 0)
		r = json_get_str(v, "a rule", "socket", &out->socket, e);
	if (r == 0)
		r = json_get_str(v, "a rule", "certificate", &out->certificate, e);
	if (r == 0)
		r = json_get_str(v, "a rule", "owner", &out->owner, e);
	if (r == 0)
		r = take_user(a, v, out, e);
	if (r == 0 && out->owner && (out->role != AUTHORIZE_OWN || !*out->owner))
		r = err_set(e, ERR_INVALID, "\"owner\": a name, and with \"role\": \"own\" alone");
	return r;
}

int authorize_take(struct arena *a, const struct json *v, struct authorize_rules *out, struct err *e)
{
	struct authorize_rule *rules;

	*out = (struct authorize_rules){ .given = v && v->type != JSON_NULL };
	if (!out->given)
		return 0;
	rules = arena_array(a, v->len + 1, sizeof(*rules));
	if (!rules)
		return err_errno(e, -ENOMEM, AUTHORIZE_KEY);
	json_each(it, v)
		if (take_rule(a, it, &rules[out->n++], e) < 0)
			return err_ctx(e, AUTHORIZE_KEY ", rule %zu", out->n);
	out->v = rules;
	return 0;
}

static bool fits(const struct authorize_rule *rule, const struct authorize_who *who)
{
	if (rule->socket && strcmp(rule->socket, who->socket) != 0)
		return false;
	if (rule->certificate && (!who->certificate || strcmp(rule->certificate, who->certificate) != 0))
		return false;
	return !rule->has_user || (who->user != (uid_t)-1 && rule->user == who->user);
}

static const char *name_of(struct arena *a, const struct authorize_who *who)
{
	if (who->certificate)
		return arena_printf(a, "certificate:%s", who->certificate);
	if (who->user != (uid_t)-1)
		return arena_printf(a, "user:%u", who->user);
	return arena_printf(a, "socket:%s", who->socket);
}

int authorize(const struct authorize_rules *rules, struct arena *a, const struct authorize_who *who, enum authorize_role *role, const char **owner,
	      struct err *e)
{
	*role = rules->given ? AUTHORIZE_NONE : AUTHORIZE_FULL;
	*owner = NULL;
	for (size_t i = 0; i < rules->n; i++) {
		const struct authorize_rule *rule = &rules->v[i];

		if (!fits(rule, who))
			continue;
		*role = rule->role;
		if (rule->role == AUTHORIZE_OWN)
			*owner = rule->owner ? rule->owner : name_of(a, who);
		return rule->role == AUTHORIZE_OWN && !*owner ? err_errno(e, -ENOMEM, "authorize") : 0;
	}
	return 0;
}

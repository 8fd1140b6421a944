#include "engine/policy.h"

#include <string.h>

#include "base/text.h"

#define MS 1000000LL
#define PAUSE_MIN (100 * MS)
#define PAUSE_MAX (60000 * MS)
#define RAN_WELL (10000 * MS)

static const char *const names[] = {
	[POLICY_NO] = "no",
	[POLICY_ALWAYS] = "always",
	[POLICY_UNLESS_STOPPED] = "unless-stopped",
	[POLICY_ON_FAILURE] = "on-failure",
};

static int find_kind(const char *name, size_t len, enum policy_kind *out)
{
	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		if (strlen(names[i]) == len && strncmp(name, names[i], len) == 0) {
			*out = (enum policy_kind)i;
			return 0;
		}
	}
	return -EINVAL;
}

int policy_parse(const char *text, struct policy *out, struct err *e)
{
	const char *colon = text ? strchr(text, ':') : NULL;

	*out = (struct policy){ 0 };
	if (!text || !*text)
		return 0;
	if (find_kind(text, colon ? (size_t)(colon - text) : strlen(text), &out->kind) < 0)
		return err_set(e, ERR_INVALID, "--restart %.100s: no, always, unless-stopped or on-failure[:N]", text);
	if (colon && out->kind != POLICY_ON_FAILURE)
		return err_set(e, ERR_INVALID, "--restart %.100s: only on-failure takes a number of restarts", text);
	if (colon && text_u32(colon + 1, &out->most) < 0)
		return err_set(e, ERR_INVALID, "--restart %.100s: \"%.60s\" is no number of restarts", text, colon + 1);
	return 0;
}

int policy_read(const struct json *host_config, struct policy *out, struct err *e)
{
	const struct json *policy = json_get(host_config, "RestartPolicy");
	const char *name = NULL;
	int r;

	*out = (struct policy){ 0 };
	if (!policy)
		return 0;
	r = json_get_str(policy, "RestartPolicy", "Name", &name, e);
	if (r == 0)
		r = json_get_u32(policy, "RestartPolicy", "MaximumRetryCount", &out->most, e);
	if (r == 0 && name && *name && find_kind(name, strlen(name), &out->kind) < 0)
		r = err_set(e, ERR_INTERNAL, "RestartPolicy: \"%.60s\" is unknown", name);
	return r;
}

void policy_write(const struct policy *p, struct json_writer *w)
{
	jw_object(w, "RestartPolicy");
	jw_str(w, "Name", names[p->kind]);
	jw_u64(w, "MaximumRetryCount", p->most);
	jw_end_object(w);
}

static bool failed(const struct record *rec)
{
	return !rec->exit_known || rec->exit_code != 0;
}

static bool after_that_end(const struct policy *p, const struct record *rec)
{
	if (p->kind == POLICY_NO)
		return false;
	if (p->kind != POLICY_ON_FAILURE)
		return true;
	return failed(rec) && (p->most == 0 || rec->restarts < p->most);
}

bool policy_wants(const struct policy *p, const struct record *rec)
{
	return rec->stopped == STOPPED_NOT && after_that_end(p, rec);
}

bool policy_enabled(const struct policy *p, const struct record *rec)
{
	if (!rec->started || (rec->stopped == STOPPED_BY_HAND && p->kind != POLICY_ALWAYS))
		return false;
	return after_that_end(p, rec);
}

void policy_begin(struct record *rec)
{
	rec->restarts = 0;
	rec->restart_wait = PAUSE_MIN / 2;
}

bool policy_started(const struct record *rec)
{
	return rec->restart_wait != 0;
}

int64_t policy_pause(const struct record *rec)
{
	int64_t twice = 2 * rec->restart_wait;

	/* a start that failed is no life, however long ago the last one began */
	if (!rec->restart_wait || (!rec->error && rec->finished - rec->started >= RAN_WELL))
		return PAUSE_MIN;
	return twice < PAUSE_MAX ? twice : PAUSE_MAX;
}

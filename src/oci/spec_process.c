/* The process object: also what exec gets (process.json). */
#include <string.h>

#include "oci/parts.h"
#include "sys/caps.h"
#include "sys/rlimit.h"

#define TO(member) offsetof(struct oci_process, member)
#define TO_USER(member) offsetof(struct oci_user, member)
#define TO_SCHED(member) offsetof(struct oci_scheduler, member)

/* ---- user ---- */

static int parse_groups(const struct oci_ctx *c, const struct oci_path *at, const struct json *v, void *target)
{
	struct oci_user *user = target;
	uint32_t *groups;

	if (v->type != JSON_ARRAY)
		return oci_bad(c, at, "must be an array of integers");
	groups = arena_array(c->a, v->len + 1, sizeof(*groups));
	if (!groups)
		return oci_no_memory(c, at);
	json_each(item, v) {
		struct oci_path element = { at, NULL, user->n_groups };
		int64_t id;

		if (json_as_i64(item, &id) < 0 || id < 0 || id >= UINT32_MAX)
			return oci_bad(c, &element, "must be a group id");
		groups[user->n_groups++] = (uint32_t)id;
	}
	user->groups = groups;
	return 0;
}

static const struct oci_field user_fields[] = {
	{ "uid", OCI_U32, TO_USER(uid), .min = 0, .max = UINT32_MAX - 1 },
	{ "gid", OCI_U32, TO_USER(gid), .min = 0, .max = UINT32_MAX - 1 },
	{ "umask", OCI_U32_PTR, TO_USER(umask), .min = 0, .max = 0777 },
	{ "additionalGids", OCI_CALL, 0, .call = parse_groups },
	{ 0 },
};

/* ---- capabilities ---- */

static const struct {
	const char *key;
	enum oci_cap_set set;
} cap_sets[] = {
	{ "bounding", OCI_CAP_BOUNDING },	{ "effective", OCI_CAP_EFFECTIVE }, { "inheritable", OCI_CAP_INHERITABLE },
	{ "permitted", OCI_CAP_PERMITTED }, { "ambient", OCI_CAP_AMBIENT },
};

/* One set; names nobody knows are collected, each once. */
static int parse_cap_set(const struct oci_ctx *c, const struct oci_path *at, const struct json *v, uint64_t *mask,
			 const char **unknown, size_t *n_unknown)
{
	size_t n = 0;

	if (v->type != JSON_ARRAY)
		return oci_bad(c, at, "must be an array of strings");
	json_each(item, v) {
		struct oci_path element = { at, NULL, n++ };
		size_t known = 0;
		int cap;

		if (item->type != JSON_STRING)
			return oci_bad(c, &element, "must be a string");
		cap = cap_number(item->str);
		if (cap >= 0) {
			*mask |= CAP_BIT(cap);
			continue;
		}
		while (known < *n_unknown && strcmp(unknown[known], item->str) != 0)
			known++;
		if (known == *n_unknown && *n_unknown < 64)
			unknown[(*n_unknown)++] = item->str;
	}
	return 0;
}

static int parse_caps(const struct oci_ctx *c, const struct oci_path *at, const struct json *v, void *target)
{
	struct oci_process *p = target;
	const char **unknown = arena_array(c->a, 65, sizeof(*unknown));
	size_t n_unknown = 0;

	if (!unknown)
		return oci_no_memory(c, at);
	if (v->type != JSON_OBJECT)
		return oci_bad(c, at, "must be an object");
	for (size_t i = 0; i < ARRAY_LEN(cap_sets); i++) {
		const struct json *set = json_get(v, cap_sets[i].key);
		struct oci_path set_at = { at, cap_sets[i].key, 0 };
		int r;

		if (!set || set->type == JSON_NULL)
			continue;
		r = parse_cap_set(c, &set_at, set, &p->caps[cap_sets[i].set], unknown, &n_unknown);
		if (r < 0)
			return r;
	}
	p->has_capabilities = true;
	p->unknown_caps = n_unknown ? unknown : NULL;
	return 0;
}

/* ---- limits, scheduling ---- */

static int check_rlimit_type(const struct oci_ctx *c, const struct oci_path *at, const struct json *v, void *target)
{
	if (v->type != JSON_STRING)
		return oci_bad(c, at, "must be a string");
	if (rlimit_number(v->str) < 0)
		return oci_bad(c, at, "unknown value \"%s\"", v->str);
	*(const char **)target = v->str;
	return 0;
}

static const struct oci_field rlimit_fields[] = {
	{ "type", OCI_CALL, offsetof(struct oci_rlimit, type), OCI_REQUIRED, .call = check_rlimit_type },
	{ "soft", OCI_U64, offsetof(struct oci_rlimit, soft), OCI_REQUIRED },
	{ "hard", OCI_U64, offsetof(struct oci_rlimit, hard), OCI_REQUIRED },
	{ 0 },
};

static int check_rlimit(const struct oci_ctx *c, const struct oci_path *at, const struct json *v, void *target)
{
	const struct oci_rlimit *self = target;
	const struct oci_rlimit *first = self - at->index;

	(void)v;
	if (self->soft > self->hard)
		return oci_bad(c, at, "%s: soft is above hard", self->type);
	for (const struct oci_rlimit *other = first; other < self; other++)
		if (!strcmp(other->type, self->type))
			return oci_bad(c, at, "%s is there twice", self->type);
	return 0;
}

const struct oci_name oci_sched_policies[] = {
	/* linux/sched.h */
	{ "SCHED_OTHER", 0 }, { "SCHED_FIFO", 1 }, { "SCHED_RR", 2 },	    { "SCHED_BATCH", 3 },
	{ "SCHED_ISO", 4 },   { "SCHED_IDLE", 5 }, { "SCHED_DEADLINE", 6 }, { 0 },
};
const struct oci_name oci_sched_flags[] = {
	{ "SCHED_FLAG_RESET_ON_FORK", 0x01 },  { "SCHED_FLAG_RECLAIM", 0x02 },
	{ "SCHED_FLAG_DL_OVERRUN", 0x04 },     { "SCHED_FLAG_KEEP_POLICY", 0x08 },
	{ "SCHED_FLAG_KEEP_PARAMS", 0x10 },    { "SCHED_FLAG_UTIL_CLAMP_MIN", 0x20 },
	{ "SCHED_FLAG_UTIL_CLAMP_MAX", 0x40 }, { 0 },
};

static const struct oci_field scheduler_fields[] = {
	{ "policy", OCI_STR, TO_SCHED(policy), OCI_REQUIRED, .names = oci_sched_policies },
	{ "nice", OCI_I32, TO_SCHED(nice), .min = -20, .max = 19 },
	{ "priority", OCI_I32, TO_SCHED(priority), .min = 0, .max = 99 },
	{ "flags", OCI_STRV, TO_SCHED(flags), .names = oci_sched_flags },
	{ "runtime", OCI_U64, TO_SCHED(runtime) },
	{ "deadline", OCI_U64, TO_SCHED(deadline) },
	{ "period", OCI_U64, TO_SCHED(period) },
	{ 0 },
};

static int parse_scheduler(const struct oci_ctx *c, const struct oci_path *at, const struct json *v, void *target)
{
	struct oci_scheduler *s = arena_new(c->a, struct oci_scheduler);
	bool realtime, deadline;
	int r;

	if (!s)
		return oci_no_memory(c, at);
	r = oci_fields(c, at, v, scheduler_fields, s);
	if (r < 0)
		return r;
	realtime = !strcmp(s->policy, "SCHED_FIFO") || !strcmp(s->policy, "SCHED_RR");
	deadline = !strcmp(s->policy, "SCHED_DEADLINE");
	if (s->priority && !realtime)
		return oci_bad_member(c, at, "priority", "only for SCHED_FIFO and SCHED_RR, not for %s", s->policy);
	if (!deadline && (s->runtime || s->deadline || s->period))
		return oci_bad(c, at, "runtime, deadline and period are only for SCHED_DEADLINE, not for %s", s->policy);
	*(const struct oci_scheduler **)target = s;
	return 0;
}

const struct oci_name oci_io_classes[] = {
	{ "IOPRIO_CLASS_RT", 1 }, { "IOPRIO_CLASS_BE", 2 }, { "IOPRIO_CLASS_IDLE", 3 }, { 0 },
};

static const struct oci_field io_priority_fields[] = {
	{ "class", OCI_STR, TO(io_priority_class), OCI_REQUIRED, .names = oci_io_classes },
	{ "priority", OCI_I32, TO(io_priority), .min = 0, .max = 7 },
	{ 0 },
};

static int parse_io_priority(const struct oci_ctx *c, const struct oci_path *at, const struct json *v, void *target)
{
	struct oci_process *p = target;

	p->has_io_priority = true;
	return oci_fields(c, at, v, io_priority_fields, p);
}

static int check_cpu_list(const struct oci_ctx *c, const struct oci_path *at, const struct json *v, void *target)
{
	if (v->type != JSON_STRING)
		return oci_bad(c, at, "must be a string");
	if (strspn(v->str, "0123456789, -") != v->len)
		return oci_bad(c, at, "\"%s\" is no list of CPUs such as 0-3,7", v->str);
	*(const char **)target = v->str;
	return 0;
}

static const struct oci_field affinity_fields[] = {
	{ "initial", OCI_CALL, TO(cpu_affinity_initial), .call = check_cpu_list },
	{ "final", OCI_CALL, TO(cpu_affinity_final), .call = check_cpu_list },
	{ 0 },
};

/* ---- the object ---- */

static const struct oci_field console_fields[] = {
	{ "height", OCI_U32, TO(console_height), OCI_REQUIRED, .min = 0, .max = UINT16_MAX },
	{ "width", OCI_U32, TO(console_width), OCI_REQUIRED, .min = 0, .max = UINT16_MAX },
	{ 0 },
};

static const struct oci_field process_fields[] = {
	{ "terminal", OCI_BOOL, TO(terminal) },
	{ "consoleSize", OCI_OBJECT, 0, .sub = console_fields },
	{ "user", OCI_OBJECT, TO(user), .sub = user_fields },
	{ "args", OCI_STRV, TO(args), 0, TO(n_args) },
	{ "env", OCI_STRV, TO(env) },
	{ "cwd", OCI_STR, TO(cwd), OCI_REQUIRED | OCI_ABSOLUTE },
	{ "capabilities", OCI_CALL, 0, .call = parse_caps },
	{ "rlimits", OCI_LIST, TO(rlimits), 0, TO(n_rlimits), check_rlimit, rlimit_fields, sizeof(struct oci_rlimit) },
	{ "noNewPrivileges", OCI_BOOL, TO(no_new_privileges) },
	{ "oomScoreAdj", OCI_I64_PTR, TO(oom_score_adj), .min = -1000, .max = 1000 },
	{ "apparmorProfile", OCI_STR, TO(apparmor_profile) },
	{ "selinuxLabel", OCI_STR, TO(selinux_label) },
	{ "scheduler", OCI_CALL, TO(scheduler), .call = parse_scheduler },
	{ "ioPriority", OCI_CALL, 0, .call = parse_io_priority },
	{ "execCPUAffinity", OCI_OBJECT, 0, .sub = affinity_fields },
	{ 0 },
};

static int check_env(const struct oci_ctx *c, const struct oci_path *at, const char *const *env)
{
	struct oci_path env_at = { at, "env", 0 };

	for (size_t i = 0; env && env[i]; i++) {
		struct oci_path element = { &env_at, NULL, i };

		if (!strchr(env[i], '=') || env[i][0] == '=')
			return oci_bad(c, &element, "\"%s\" must be NAME=VALUE", env[i]);
	}
	return 0;
}

int oci_parse_process(const struct oci_ctx *c, const struct oci_path *at, const struct json *v, void *target)
{
	struct oci_process *p = arena_new(c->a, struct oci_process);
	int r;

	if (!p)
		return oci_no_memory(c, at);
	r = oci_fields(c, at, v, process_fields, p);
	if (r == 0)
		r = check_env(c, at, p->env);
	if (r < 0)
		return r;
	if (p->n_args == 0)
		p->args = NULL;
	*(const struct oci_process **)target = p;
	return 0;
}

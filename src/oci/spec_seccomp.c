/* The seccomp object. Names of system calls are not looked at: which exist depends on the architecture, and the
 * compiler in runtime/ decides what an unknown one means. */
#include <string.h>

#include "oci/parts.h"

#define TO(member) offsetof(struct oci_seccomp, member)
#define TO_RULE(member) offsetof(struct oci_seccomp_rule, member)
#define TO_ARG(member) offsetof(struct oci_seccomp_arg, member)

const struct oci_name oci_seccomp_actions[] = {
	{ "SCMP_ACT_KILL", OCI_SCMP_KILL_THREAD },
	{ "SCMP_ACT_KILL_THREAD", OCI_SCMP_KILL_THREAD },
	{ "SCMP_ACT_KILL_PROCESS", OCI_SCMP_KILL_PROCESS },
	{ "SCMP_ACT_TRAP", OCI_SCMP_TRAP },
	{ "SCMP_ACT_ERRNO", OCI_SCMP_ERRNO },
	{ "SCMP_ACT_TRACE", OCI_SCMP_TRACE },
	{ "SCMP_ACT_LOG", OCI_SCMP_LOG },
	{ "SCMP_ACT_NOTIFY", OCI_SCMP_NOTIFY },
	{ "SCMP_ACT_ALLOW", OCI_SCMP_ALLOW },
	{ 0 },
};

const struct oci_name oci_seccomp_operators[] = {
	{ "SCMP_CMP_NE", OCI_SCMP_CMP_NE },
	{ "SCMP_CMP_LT", OCI_SCMP_CMP_LT },
	{ "SCMP_CMP_LE", OCI_SCMP_CMP_LE },
	{ "SCMP_CMP_EQ", OCI_SCMP_CMP_EQ },
	{ "SCMP_CMP_GE", OCI_SCMP_CMP_GE },
	{ "SCMP_CMP_GT", OCI_SCMP_CMP_GT },
	{ "SCMP_CMP_MASKED_EQ", OCI_SCMP_CMP_MASKED_EQ },
	{ 0 },
};

static const struct oci_name architectures[] = {
	{ "SCMP_ARCH_X86", 0 },		{ "SCMP_ARCH_X86_64", 0 },   { "SCMP_ARCH_X32", 0 },
	{ "SCMP_ARCH_ARM", 0 },		{ "SCMP_ARCH_AARCH64", 0 },  { "SCMP_ARCH_LOONGARCH64", 0 },
	{ "SCMP_ARCH_M68K", 0 },	{ "SCMP_ARCH_MIPS", 0 },     { "SCMP_ARCH_MIPS64", 0 },
	{ "SCMP_ARCH_MIPS64N32", 0 },	{ "SCMP_ARCH_MIPSEL", 0 },   { "SCMP_ARCH_MIPSEL64", 0 },
	{ "SCMP_ARCH_MIPSEL64N32", 0 }, { "SCMP_ARCH_PPC", 0 },	     { "SCMP_ARCH_PPC64", 0 },
	{ "SCMP_ARCH_PPC64LE", 0 },	{ "SCMP_ARCH_S390", 0 },     { "SCMP_ARCH_S390X", 0 },
	{ "SCMP_ARCH_SH", 0 },		{ "SCMP_ARCH_SHEB", 0 },     { "SCMP_ARCH_PARISC", 0 },
	{ "SCMP_ARCH_PARISC64", 0 },	{ "SCMP_ARCH_RISCV64", 0 },  { 0 },
};

const struct oci_name oci_seccomp_flags[] = {
	{ "SECCOMP_FILTER_FLAG_TSYNC", 0 },
	{ "SECCOMP_FILTER_FLAG_LOG", 0 },
	{ "SECCOMP_FILTER_FLAG_SPEC_ALLOW", 0 },
	{ "SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV", 0 },
	{ 0 },
};

static const struct oci_field arg_fields[] = {
	{ "index", OCI_U32, TO_ARG(index), OCI_REQUIRED, .min = 0, .max = 5 },
	{ "value", OCI_U64, TO_ARG(value), OCI_REQUIRED },
	{ "valueTwo", OCI_U64, TO_ARG(value_two) },
	{ "op", OCI_ENUM, TO_ARG(op), OCI_REQUIRED, .names = oci_seccomp_operators },
	{ 0 },
};

/* The kernel keeps 12 bits of errno (more is clamped to 4095, which is not what was asked). */
struct errno_value {
	bool *has;
	uint32_t *value;
};

static int parse_errno(const struct oci_ctx *c, const struct oci_path *at, const struct json *v, struct errno_value to)
{
	uint64_t number;

	if (json_as_u64(v, &number) < 0 || number > 4095)
		return oci_bad(c, at, "must be an errno between 0 and 4095");
	*to.has = true;
	*to.value = (uint32_t)number;
	return 0;
}

static int parse_rule_errno(const struct oci_ctx *c, const struct oci_path *at, const struct json *v, void *target)
{
	struct oci_seccomp_rule *rule = target;

	return parse_errno(c, at, v, (struct errno_value){ &rule->has_errno, &rule->errno_ret });
}

static int parse_default_errno(const struct oci_ctx *c, const struct oci_path *at, const struct json *v, void *target)
{
	struct oci_seccomp *s = target;

	return parse_errno(c, at, v, (struct errno_value){ &s->has_default_errno, &s->default_errno_ret });
}

static bool takes_errno(enum oci_seccomp_action action)
{
	return action == OCI_SCMP_ERRNO || action == OCI_SCMP_TRACE;
}

static const struct oci_field rule_fields[] = {
	{ "names", OCI_STRV, TO_RULE(names), OCI_REQUIRED | OCI_NOTEMPTY, TO_RULE(n_names) },
	{ "action", OCI_ENUM, TO_RULE(action), OCI_REQUIRED, .names = oci_seccomp_actions },
	{ "errnoRet", OCI_CALL, 0, .call = parse_rule_errno },
	{ "args", OCI_LIST, TO_RULE(args), 0, TO_RULE(n_args), NULL, arg_fields, sizeof(struct oci_seccomp_arg) },
	{ 0 },
};

static int check_rule(const struct oci_ctx *c, const struct oci_path *at, const struct json *v, void *target)
{
	const struct oci_seccomp_rule *rule = target;

	(void)v;
	if (!rule->n_names)
		return oci_bad_member(c, at, "names", "must name a system call");
	if (rule->has_errno && !takes_errno(rule->action))
		return oci_bad_member(c, at, "errnoRet", "only for SCMP_ACT_ERRNO and SCMP_ACT_TRACE");
	/* whoever answers notifications is told through a write: it could never arrive */
	if (rule->action == OCI_SCMP_NOTIFY)
		for (size_t i = 0; i < rule->n_names; i++)
			if (!strcmp(rule->names[i], "write"))
				return oci_bad_member(c, at, "names", "SCMP_ACT_NOTIFY cannot be used for the write syscall");
	return 0;
}

static const struct oci_field seccomp_fields[] = {
	{ "defaultAction", OCI_ENUM, TO(default_action), OCI_REQUIRED, .names = oci_seccomp_actions },
	{ "defaultErrnoRet", OCI_CALL, 0, .call = parse_default_errno },
	{ "architectures", OCI_STRV, TO(architectures), .names = architectures },
	{ "flags", OCI_STRV, TO(flags), .names = oci_seccomp_flags },
	{ "listenerPath", OCI_STR, TO(listener_path) },
	{ "listenerMetadata", OCI_STR, TO(listener_metadata) },
	{ "syscalls", OCI_LIST, TO(rules), 0, TO(n_rules), check_rule, rule_fields, sizeof(struct oci_seccomp_rule) },
	{ 0 },
};

static bool notifies(const struct oci_seccomp *s)
{
	for (size_t i = 0; i < s->n_rules; i++)
		if (s->rules[i].action == OCI_SCMP_NOTIFY)
			return true;
	return false;
}

int oci_check_listener(const struct oci_ctx *c, struct oci_spec *spec)
{
	const struct oci_seccomp *s = spec->linux_.seccomp;
	const char *receiver = oci_annotation(spec, "run.oci.seccomp.receiver");
	struct oci_seccomp *copy;

	if (receiver && receiver[0] != '/')
		return oci_bad_member(c, NULL, "annotations.run.oci.seccomp.receiver", "\"%s\" is not absolute", receiver);
	if (!s || (s->listener_path && *s->listener_path))
		return 0;
	if (s->listener_metadata && *s->listener_metadata && !receiver)
		return oci_bad_member(c, NULL, "linux.seccomp.listenerMetadata", "needs listenerPath");
	if (!notifies(s))
		return 0;
	if (!receiver)
		return oci_bad_member(c, NULL, "linux.seccomp.listenerPath", "is required with SCMP_ACT_NOTIFY");
	copy = arena_new(c->a, struct oci_seccomp);
	if (!copy)
		return oci_no_memory(c, NULL);
	*copy = *s;
	copy->listener_path = receiver;
	spec->linux_.seccomp = copy;
	return 0;
}

int oci_parse_seccomp(const struct oci_ctx *c, const struct oci_path *at, const struct json *v, void *target)
{
	struct oci_seccomp *s = arena_new(c->a, struct oci_seccomp);
	int r;

	if (!s)
		return oci_no_memory(c, at);
	r = oci_fields(c, at, v, seccomp_fields, s);
	if (r < 0)
		return r;
	if (s->default_action == OCI_SCMP_NOTIFY)
		return oci_bad_member(c, at, "defaultAction", "cannot be SCMP_ACT_NOTIFY");
	if (s->has_default_errno && !takes_errno(s->default_action))
		return oci_bad_member(c, at, "defaultErrnoRet", "only for SCMP_ACT_ERRNO and SCMP_ACT_TRACE");
	if (s->architectures && !s->architectures[0])
		s->architectures = NULL;
	*(const struct oci_seccomp **)target = s;
	return 0;
}

static const char *name_of(const struct oci_name *names, unsigned int value)
{
	while (names->value != value)
		names++;
	return names->name;
}

static void write_rule(struct json_writer *w, const struct oci_seccomp_rule *rule)
{
	jw_object(w, NULL);
	jw_strv(w, "names", rule->names);
	jw_str(w, "action", name_of(oci_seccomp_actions, rule->action));
	if (rule->has_errno)
		jw_u64(w, "errnoRet", rule->errno_ret);
	if (rule->n_args)
		jw_array(w, "args");
	for (size_t i = 0; i < rule->n_args; i++) {
		jw_object(w, NULL);
		jw_u64(w, "index", rule->args[i].index);
		jw_u64(w, "value", rule->args[i].value);
		if (rule->args[i].op == OCI_SCMP_CMP_MASKED_EQ)
			jw_u64(w, "valueTwo", rule->args[i].value_two);
		jw_str(w, "op", name_of(oci_seccomp_operators, rule->args[i].op));
		jw_end_object(w);
	}
	if (rule->n_args)
		jw_end_array(w);
	jw_end_object(w);
}

void oci_seccomp_write(struct json_writer *w, const char *key, const struct oci_seccomp *s)
{
	jw_object(w, key);
	jw_str(w, "defaultAction", name_of(oci_seccomp_actions, s->default_action));
	if (s->has_default_errno)
		jw_u64(w, "defaultErrnoRet", s->default_errno_ret);
	if (s->architectures)
		jw_strv(w, "architectures", s->architectures);
	if (s->flags)
		jw_strv(w, "flags", s->flags);
	if (s->listener_path)
		jw_str(w, "listenerPath", s->listener_path);
	if (s->listener_metadata)
		jw_str(w, "listenerMetadata", s->listener_metadata);
	jw_array(w, "syscalls");
	for (size_t i = 0; i < s->n_rules; i++)
		write_rule(w, &s->rules[i]);
	jw_end_array(w);
	jw_end_object(w);
}

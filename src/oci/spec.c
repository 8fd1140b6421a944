/* The document as a whole: version, root, mounts, hooks, annotations; the larger objects have files of their own.
 *
 * Parsing is driven by tables (fields.h): a row per property. Checks that involve several properties come after,
 * because the document may name them in any order. Whether this kernel, or this tare, can do what is asked is not
 * judged here but by the floor that applies it. */
#include "oci/spec.h"

#include <sched.h>
#include <string.h>

#include "base/io.h"
#include "oci/fields.h"
#include "oci/parts.h"

#ifndef CLONE_NEWTIME
#define CLONE_NEWTIME 0x00000080
#endif

#define TO(member) offsetof(struct oci_spec, member)

/* "1.2.3-rc.1+build": digits without leading zeros, then letters, digits, '-' and '.'. */
static bool semver(const char *s, unsigned long *major)
{
	static const char tail[] = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ.-";

	for (int part = 0; part < 3; part++) {
		size_t digits = strspn(s, "0123456789");

		if (!digits || digits > 9 || (digits > 1 && *s == '0'))
			return false;
		if (part == 0)
			*major = strtoul(s, NULL, 10);
		s += digits;
		if (part < 2 && *s++ != '.')
			return false;
	}
	if (*s == '-') {
		size_t n = strspn(++s, tail);

		if (!n)
			return false;
		s += n;
	}
	if (*s == '+') {
		size_t n = strspn(++s, tail);

		return n && !s[n];
	}
	return !*s;
}

static int parse_version(const struct oci_ctx *c, const struct oci_path *at, const struct json *v, void *target)
{
	unsigned long major = 0;

	if (v->type != JSON_STRING)
		return oci_bad(c, at, "must be a string");
	if (!semver(v->str, &major))
		return oci_bad(c, at, "\"%s\" is no semantic version", v->str);
	if (major != 1)
		return oci_bad(c, at, "version %s of the runtime specification is not supported, only 1.x is", v->str);
	*(const char **)target = v->str;
	return 0;
}

static int refuse_vm(const struct oci_ctx *c, const struct oci_path *at, const struct json *v, void *target)
{
	(void)v;
	(void)target;
	return oci_bad(c, at, "virtual machine settings are not supported");
}

static const struct oci_field hook_fields[] = {
	{ "path", OCI_STR, offsetof(struct oci_hook, path), OCI_REQUIRED | OCI_ABSOLUTE },
	{ "args", OCI_STRV, offsetof(struct oci_hook, args) },
	{ "env", OCI_STRV, offsetof(struct oci_hook, env) },
	{ "timeout", OCI_I64, offsetof(struct oci_hook, timeout), .min = 1, .max = INT32_MAX },
	{ 0 },
};

#define HOOKS(name, point)                                                                                             \
	{                                                                                                              \
		name, OCI_LIST, point * sizeof(struct oci_hook_list) + offsetof(struct oci_hook_list, hooks), 0,       \
			point * sizeof(struct oci_hook_list) + offsetof(struct oci_hook_list, n), NULL, hook_fields,   \
			sizeof(struct oci_hook)                                                                        \
	}

static const struct oci_field hooks_fields[] = {
	HOOKS("prestart", OCI_HOOK_PRESTART),
	HOOKS("createRuntime", OCI_HOOK_CREATE_RUNTIME),
	HOOKS("createContainer", OCI_HOOK_CREATE_CONTAINER),
	HOOKS("startContainer", OCI_HOOK_START_CONTAINER),
	HOOKS("poststart", OCI_HOOK_POSTSTART),
	HOOKS("poststop", OCI_HOOK_POSTSTOP),
	{ 0 },
};

static const struct oci_field root_fields[] = {
	{ "path", OCI_STR, TO(root_path), OCI_REQUIRED | OCI_NOTEMPTY },
	{ "readonly", OCI_BOOL, TO(root_readonly) },
	{ 0 },
};

#define MOUNTS                                                                                                         \
	{                                                                                                              \
		"mounts", OCI_LIST, TO(mounts), 0, TO(n_mounts), oci_check_mount, oci_mount_fields,                    \
			sizeof(struct oci_mount)                                                                       \
	}

static const struct oci_field spec_fields[] = {
	{ "ociVersion", OCI_CALL, TO(oci_version), OCI_REQUIRED, .call = parse_version },
	{ "root", OCI_OBJECT, 0, OCI_REQUIRED, .sub = root_fields },
	{ "process", OCI_CALL, TO(process), .call = oci_parse_process },
	{ "hostname", OCI_STR, TO(hostname) },
	{ "domainname", OCI_STR, TO(domainname) },
	MOUNTS,
	{ "hooks", OCI_OBJECT, TO(hooks), .sub = hooks_fields },
	{ "linux", OCI_CALL, TO(linux_), .call = oci_parse_linux },
	{ "annotations", OCI_MAP, TO(annotations), 0, TO(n_annotations) },
	{ "vm", OCI_CALL, 0, .call = refuse_vm },
	{ 0 },
};

int oci_spec_parse(struct arena *a, const struct json *doc, const struct oci_spec **out, struct err *e)
{
	struct oci_ctx c = { a, e };
	struct oci_spec *spec = arena_new(a, struct oci_spec);
	int r;

	if (!spec)
		return oci_no_memory(&c, NULL);
	r = oci_fields(&c, NULL, doc, spec_fields, spec);
	if (r == 0)
		r = oci_check_whole(&c, spec);
	if (r == 0)
		r = oci_check_listener(&c, spec);
	if (r < 0)
		return r;
	*out = spec;
	return 0;
}

int oci_spec_load_text(struct arena *a, int bundle_dirfd, const char *file, const struct oci_spec **out, char **text,
		       size_t *len, struct err *e)
{
	const struct json *doc;
	int r;

	*text = NULL;
	r = io_read_file(bundle_dirfd, file, json_default_limits.max_bytes, text, len);
	if (r < 0)
		return err_errno(e, r, "%s", file);
	r = json_parse(a, *text, *len, NULL, &doc, e);
	if (r == 0)
		r = oci_spec_parse(a, doc, out, e);
	return r < 0 ? err_ctx(e, "%s", file) : 0;
}

int oci_spec_load(struct arena *a, int bundle_dirfd, const char *file, const struct oci_spec **out, struct err *e)
{
	CLEANUP_FREE char *text = NULL;
	size_t len;

	return oci_spec_load_text(a, bundle_dirfd, file, out, &text, &len, e);
}

int oci_process_parse(struct arena *a, const struct json *doc, const struct oci_process **out, struct err *e)
{
	struct oci_ctx c = { a, e };
	struct oci_path at = { NULL, "process", 0 };

	return oci_parse_process(&c, &at, doc, out);
}

int oci_resources_parse(struct arena *a, const struct json *doc, struct cg_resources *out, struct err *e)
{
	struct oci_ctx c = { a, e };
	struct oci_path at = { NULL, "resources", 0 };

	return oci_parse_resources(&c, &at, doc, out);
}

int oci_mounts_parse(struct arena *a, const struct json *doc, const struct oci_mount **out, size_t *n, struct err *e)
{
	static const struct oci_field rows[] = { MOUNTS, { 0 } };
	struct json list = *doc, object = { .type = JSON_OBJECT, .child = &list, .len = 1 };
	struct oci_ctx c = { a, e };
	struct oci_spec spec = { 0 };
	int r;

	/* as the member that it is of a whole document */
	list.key = "mounts";
	list.next = NULL;
	r = oci_fields(&c, NULL, &object, rows, &spec);
	*out = spec.mounts;
	*n = spec.n_mounts;
	return r;
}

int oci_seccomp_parse(struct arena *a, const struct json *doc, const struct oci_seccomp **out, struct err *e)
{
	struct oci_ctx c = { a, e };
	struct oci_path at = { NULL, "seccomp", 0 };

	return oci_parse_seccomp(&c, &at, doc, out);
}

static const struct oci_name *const word_tables[] = {
	[OCI_WORDS_NAMESPACES] = oci_namespace_names,
	[OCI_WORDS_SECCOMP_ACTIONS] = oci_seccomp_actions,
	[OCI_WORDS_SECCOMP_OPERATORS] = oci_seccomp_operators,
	[OCI_WORDS_SECCOMP_FLAGS] = oci_seccomp_flags,
	[OCI_WORDS_MEMORY_MODES] = oci_memory_modes,
	[OCI_WORDS_MEMORY_FLAGS] = oci_memory_flags,
	[OCI_WORDS_SCHED_POLICIES] = oci_sched_policies,
	[OCI_WORDS_SCHED_FLAGS] = oci_sched_flags,
	[OCI_WORDS_IO_CLASSES] = oci_io_classes,
	[OCI_WORDS_PERSONALITIES] = oci_personalities,
};

const char *oci_word(enum oci_words kind, size_t i)
{
	return kind == OCI_WORDS_HOOKS ? hooks_fields[i].key : word_tables[kind][i].name;
}

int oci_word_number(enum oci_words kind, const char *name)
{
	for (const struct oci_name *n = word_tables[kind]; n->name; n++)
		if (!strcmp(n->name, name))
			return (int)n->value;
	return -EINVAL;
}

const char *oci_annotation(const struct oci_spec *spec, const char *key)
{
	for (size_t i = 0; i < spec->n_annotations; i++)
		if (!strcmp(spec->annotations[i].key, key))
			return spec->annotations[i].value;
	return NULL;
}

static const struct {
	const char *name;
	int flag;
} namespaces[OCI_NS_COUNT] = {
	[OCI_NS_USER] = { "user", CLONE_NEWUSER },     [OCI_NS_PID] = { "pid", CLONE_NEWPID },
	[OCI_NS_MOUNT] = { "mount", CLONE_NEWNS },     [OCI_NS_NETWORK] = { "network", CLONE_NEWNET },
	[OCI_NS_IPC] = { "ipc", CLONE_NEWIPC },	       [OCI_NS_UTS] = { "uts", CLONE_NEWUTS },
	[OCI_NS_CGROUP] = { "cgroup", CLONE_NEWCGROUP }, [OCI_NS_TIME] = { "time", CLONE_NEWTIME },
};

int oci_ns_flag(enum oci_ns ns)
{
	return namespaces[ns].flag;
}

const char *oci_ns_name(enum oci_ns ns)
{
	return namespaces[ns].name;
}

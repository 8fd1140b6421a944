/* The linux object, but for resources and seccomp, and what the parts of a document owe each other. */
#include <net/if.h>
#include <string.h>
#include <sys/personality.h>

#include "oci/parts.h"

#define TO(member) offsetof(struct oci_linux, member)

/* ---- namespaces ---- */

const struct oci_name oci_namespace_names[] = {
	{ "user", OCI_NS_USER }, { "pid", OCI_NS_PID }, { "mount", OCI_NS_MOUNT },   { "network", OCI_NS_NETWORK },
	{ "ipc", OCI_NS_IPC },	 { "uts", OCI_NS_UTS }, { "cgroup", OCI_NS_CGROUP }, { "time", OCI_NS_TIME },
	{ 0 },
};

struct namespace_row {
	unsigned int type;
	const char *path;
};

static const struct oci_field namespace_fields[] = {
	{ "type", OCI_ENUM, offsetof(struct namespace_row, type), OCI_REQUIRED, .names = oci_namespace_names },
	{ "path", OCI_STR, offsetof(struct namespace_row, path) },
	{ 0 },
};

static int parse_namespaces(const struct oci_ctx *c, const struct oci_path *at, const struct json *v, void *target)
{
	struct oci_linux *l = target;
	size_t n = 0;

	if (v->type != JSON_ARRAY)
		return oci_bad(c, at, "must be an array");
	json_each(item, v) {
		struct oci_path element = { at, NULL, n++ };
		struct namespace_row row = { 0 };
		int r = oci_fields(c, &element, item, namespace_fields, &row);

		if (r < 0)
			return r;
		if (l->ns[row.type].wanted)
			return oci_bad(c, &element, "namespace %s is there twice", oci_ns_name((enum oci_ns)row.type));
		if (row.path && !*row.path)
			row.path = NULL;
		if (row.path && row.path[0] != '/')
			return oci_bad_member(c, &element, "path", "\"%s\" must be an absolute path", row.path);
		l->ns[row.type] = (struct oci_namespace){ true, row.path };
	}
	return 0;
}

/* ---- devices ---- */

static int parse_device_type(const struct oci_ctx *c, const struct oci_path *at, const struct json *v, void *target)
{
	if (v->type != JSON_STRING || v->len != 1 || !strchr("cbup", v->str[0]))
		return oci_bad(c, at, "must be \"c\", \"b\", \"u\" or \"p\"");
	*(char *)target = v->str[0];
	return 0;
}

/* Callers write permissions, some with the type's bits beside them. */
static int parse_file_mode(const struct oci_ctx *c, const struct oci_path *at, const struct json *v, void *target)
{
	struct oci_device *d = target;
	uint64_t mode;

	if (json_as_u64(v, &mode) < 0 || mode > UINT32_MAX)
		return oci_bad(c, at, "must be a file mode (a decimal number)");
	d->has_mode = true;
	d->mode = (mode_t)(mode & 07777);
	return 0;
}

#define TO_DEVICE(member) offsetof(struct oci_device, member)
static const struct oci_field device_fields[] = {
	{ "path", OCI_STR, TO_DEVICE(path), OCI_REQUIRED | OCI_ABSOLUTE },
	{ "type", OCI_CALL, TO_DEVICE(type), OCI_REQUIRED, .call = parse_device_type },
	{ "major", OCI_I64, TO_DEVICE(major), .min = 0, .max = 0xfff },
	{ "minor", OCI_I64, TO_DEVICE(minor), .min = 0, .max = 0xfffff },
	{ "fileMode", OCI_CALL, 0, .call = parse_file_mode },
	{ "uid", OCI_U32, TO_DEVICE(uid), .min = 0, .max = UINT32_MAX - 1 },
	{ "gid", OCI_U32, TO_DEVICE(gid), .min = 0, .max = UINT32_MAX - 1 },
	{ 0 },
};

static int check_device(const struct oci_ctx *c, const struct oci_path *at, const struct json *v, void *target)
{
	const struct oci_device *d = target;

	if (d->type != 'p' && (!json_get(v, "major") || !json_get(v, "minor")))
		return oci_bad(c, at, "%s: major and minor are required", d->path);
	return 0;
}

/* ---- time, network devices ---- */

#define TO_TIME(member) offsetof(struct oci_time_offset, member)
static const struct oci_field time_fields[] = {
	{ "secs", OCI_I64, TO_TIME(secs) },
	{ "nanosecs", OCI_U32, TO_TIME(nanosecs), .min = 0, .max = 999999999 },
	{ 0 },
};

static int check_time_offset(const struct oci_ctx *c, const struct oci_path *at, const struct json *v, void *target)
{
	const struct oci_time_offset *offset = target;

	(void)v;
	if (strcmp(offset->clock, "monotonic") != 0 && strcmp(offset->clock, "boottime") != 0)
		return oci_bad(c, at, "unknown clock, only monotonic and boottime have offsets");
	return 0;
}

/* What the kernel takes as the name of a network interface. */
static bool is_interface_name(const char *s)
{
	size_t len = strlen(s);

	return len && len < IFNAMSIZ && strcmp(s, ".") != 0 && strcmp(s, "..") != 0 && strcspn(s, "/: \t\n\v\f\r%") == len;
}

static const struct oci_field net_device_fields[] = {
	{ "name", OCI_STR, offsetof(struct oci_net_device, new_name), OCI_NOTEMPTY },
	{ 0 },
};

static int check_net_device(const struct oci_ctx *c, const struct oci_path *at, const struct json *v, void *target)
{
	const struct oci_net_device *d = target;

	(void)v;
	if (!is_interface_name(d->name))
		return oci_bad(c, at, "is no name of a network interface");
	if (d->new_name && !is_interface_name(d->new_name))
		return oci_bad_member(c, at, "name", "\"%s\" is no name of a network interface", d->new_name);
	return 0;
}

/* ---- intelRdt, memoryPolicy, personality ---- */

#define TO_RDT(member) offsetof(struct oci_intel_rdt, member)
static const struct oci_field rdt_fields[] = {
	{ "closID", OCI_STR, TO_RDT(clos_id) },
	{ "l3CacheSchema", OCI_STR, TO_RDT(l3_schema) },
	{ "memBwSchema", OCI_STR, TO_RDT(mb_schema) },
	{ "schemata", OCI_STRV, TO_RDT(schemata) },
	{ "enableMonitoring", OCI_BOOL, TO_RDT(enable_monitoring) },
	{ 0 },
};

/* closID becomes the name of a folder in resctrl; "/" is its root. */
static int parse_rdt(const struct oci_ctx *c, const struct oci_path *at, const struct json *v, void *target)
{
	struct oci_intel_rdt *rdt = arena_new(c->a, struct oci_intel_rdt);
	const char *id;
	int r;

	if (!rdt)
		return oci_no_memory(c, at);
	r = oci_fields(c, at, v, rdt_fields, rdt);
	if (r < 0)
		return r;
	id = rdt->clos_id;
	if (id && strcmp(id, "/") != 0 && (strchr(id, '/') || !strcmp(id, ".") || !strcmp(id, "..")))
		return oci_bad_member(c, at, "closID", "\"%s\" is no name of a resctrl group", id);
	*(const struct oci_intel_rdt **)target = rdt;
	return 0;
}

/* linux/mempolicy.h */
const struct oci_name oci_memory_modes[] = {
	{ "MPOL_DEFAULT", 0 }, { "MPOL_PREFERRED", 1 },	     { "MPOL_BIND", 2 },	       { "MPOL_INTERLEAVE", 3 },
	{ "MPOL_LOCAL", 4 },   { "MPOL_PREFERRED_MANY", 5 }, { "MPOL_WEIGHTED_INTERLEAVE", 6 }, { 0 },
};
const struct oci_name oci_memory_flags[] = {
	{ "MPOL_F_STATIC_NODES", 1U << 15 },
	{ "MPOL_F_RELATIVE_NODES", 1U << 14 },
	{ "MPOL_F_NUMA_BALANCING", 1U << 13 },
	{ 0 },
};

#define TO_POLICY(member) offsetof(struct oci_memory_policy, member)
static const struct oci_field policy_fields[] = {
	{ "mode", OCI_STR, TO_POLICY(mode), OCI_REQUIRED, .names = oci_memory_modes },
	{ "nodes", OCI_STR, TO_POLICY(nodes) },
	{ "flags", OCI_STRV, TO_POLICY(flags), .names = oci_memory_flags },
	{ 0 },
};

static int parse_policy(const struct oci_ctx *c, const struct oci_path *at, const struct json *v, void *target)
{
	struct oci_memory_policy *p = arena_new(c->a, struct oci_memory_policy);
	int r;

	if (!p)
		return oci_no_memory(c, at);
	r = oci_fields(c, at, v, policy_fields, p);
	if (r < 0)
		return r;
	if (p->nodes && strspn(p->nodes, "0123456789,-") != strlen(p->nodes))
		return oci_bad_member(c, at, "nodes", "\"%s\" is no list of nodes such as 0-3,7", p->nodes);
	*(const struct oci_memory_policy **)target = p;
	return 0;
}

static int refuse_flags(const struct oci_ctx *c, const struct oci_path *at, const struct json *v, void *target)
{
	(void)target;
	if (v->type != JSON_ARRAY)
		return oci_bad(c, at, "must be an array of strings");
	return v->len ? oci_bad(c, at, "the specification knows no flags yet") : 0;
}

const struct oci_name oci_personalities[] = { { "LINUX", PER_LINUX }, { "LINUX32", PER_LINUX32 }, { 0 } };
static const struct oci_field personality_fields[] = {
	{ "domain", OCI_STR, TO(personality_domain), OCI_REQUIRED, .names = oci_personalities },
	{ "flags", OCI_CALL, 0, .call = refuse_flags },
	{ 0 },
};

/* ---- the object ---- */

static const struct oci_name propagations[] = {
	{ "private", 0 },  { "shared", 0 },  { "slave", 0 },  { "unbindable", 0 }, { "", 0 },
	{ "rprivate", 0 }, { "rshared", 0 }, { "rslave", 0 }, { "runbindable", 0 }, { 0 },
};

static int parse_linux_resources(const struct oci_ctx *c, const struct oci_path *at, const struct json *v, void *target)
{
	struct oci_linux *l = target;

	l->has_resources = true;
	return oci_parse_resources(c, at, v, &l->resources);
}

static const struct oci_field linux_fields[] = {
	{ "namespaces", OCI_CALL, 0, .call = parse_namespaces },
	{ "uidMappings", OCI_LIST, TO(uid_map), 0, TO(n_uid_map), oci_check_id_map, oci_id_map_fields,
	  sizeof(struct oci_id_map) },
	{ "gidMappings", OCI_LIST, TO(gid_map), 0, TO(n_gid_map), oci_check_id_map, oci_id_map_fields,
	  sizeof(struct oci_id_map) },
	{ "devices", OCI_LIST, TO(devices), 0, TO(n_devices), check_device, device_fields, sizeof(struct oci_device) },
	{ "cgroupsPath", OCI_STR, TO(cgroups_path) },
	{ "resources", OCI_CALL, 0, .call = parse_linux_resources },
	{ "rootfsPropagation", OCI_STR, TO(rootfs_propagation), .names = propagations },
	{ "seccomp", OCI_CALL, TO(seccomp), .call = oci_parse_seccomp },
	{ "maskedPaths", OCI_STRV, TO(masked_paths), OCI_ABSOLUTE },
	{ "readonlyPaths", OCI_STRV, TO(readonly_paths), OCI_ABSOLUTE },
	{ "mountLabel", OCI_STR, TO(mount_label) },
	{ "sysctl", OCI_MAP, TO(sysctl), 0, TO(n_sysctl) },
	{ "timeOffsets", OCI_KEYED, TO(time_offsets), 0, TO(n_time_offsets), check_time_offset, time_fields,
	  sizeof(struct oci_time_offset), TO_TIME(clock) },
	{ "netDevices", OCI_KEYED, TO(net_devices), 0, TO(n_net_devices), check_net_device, net_device_fields,
	  sizeof(struct oci_net_device), offsetof(struct oci_net_device, name) },
	{ "intelRdt", OCI_CALL, TO(intel_rdt), .call = parse_rdt },
	{ "memoryPolicy", OCI_CALL, TO(memory_policy), .call = parse_policy },
	{ "personality", OCI_OBJECT, 0, .sub = personality_fields },
	{ 0 },
};

int oci_parse_linux(const struct oci_ctx *c, const struct oci_path *at, const struct json *v, void *target)
{
	return oci_fields(c, at, v, linux_fields, target);
}

/* ---- what needs what ---- */

struct need {
	enum oci_ns ns;
	bool asked;
	const char *property;
};

int oci_check_whole(const struct oci_ctx *c, const struct oci_spec *spec)
{
	const struct oci_linux *l = &spec->linux_;
	const struct need needs[] = {
		{ OCI_NS_UTS, spec->hostname && *spec->hostname, "hostname" },
		{ OCI_NS_UTS, spec->domainname && *spec->domainname, "domainname" },
		{ OCI_NS_USER, l->n_uid_map || l->n_gid_map, "linux.uidMappings" },
		{ OCI_NS_TIME, l->n_time_offsets, "linux.timeOffsets" },
		{ OCI_NS_NETWORK, l->n_net_devices, "linux.netDevices" },
		{ OCI_NS_MOUNT, l->masked_paths && l->masked_paths[0], "linux.maskedPaths" },
		{ OCI_NS_MOUNT, l->readonly_paths && l->readonly_paths[0], "linux.readonlyPaths" },
	};

	for (size_t i = 0; i < ARRAY_LEN(needs); i++)
		if (needs[i].asked && !l->ns[needs[i].ns].wanted)
			return oci_bad_member(c, NULL, needs[i].property, "needs a %s namespace in linux.namespaces",
					      oci_ns_name(needs[i].ns));
	if (!l->n_uid_map != !l->n_gid_map)
		return oci_bad_member(c, NULL, "linux.uidMappings", "and linux.gidMappings belong together");
	if (l->ns[OCI_NS_USER].wanted && !l->ns[OCI_NS_USER].path && !l->n_uid_map)
		return oci_bad_member(c, NULL, "linux.uidMappings", "is required with a new user namespace");
	return 0;
}

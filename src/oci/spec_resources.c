/* linux.resources, straight into sys/cgroup.h's terms. Names that become parts of file names (unified keys, page
 * sizes) are checked here, so that no path is ever made of something else. */
#include <string.h>

#include "oci/parts.h"

#define TO(member) offsetof(struct cg_resources, member)

/* ---- devices ---- */

static int parse_device_type(const struct oci_ctx *c, const struct oci_path *at, const struct json *v, void *target)
{
	if (v->type != JSON_STRING || v->len != 1 || !strchr("abc", v->str[0]))
		return oci_bad(c, at, "must be \"a\", \"b\" or \"c\"");
	*(char *)target = v->str[0];
	return 0;
}

static int parse_access(const struct oci_ctx *c, const struct oci_path *at, const struct json *v, void *target)
{
	struct cg_device_rule *rule = target;

	/* an "a" beside them, as old files have it, adds nothing: runc skips it, too */
	if (v->type != JSON_STRING || strspn(v->str, "rwma") != v->len || strspn(v->str, "a") == v->len)
		return oci_bad(c, at, "must be made of \"r\", \"w\" and \"m\"");
	rule->read = strchr(v->str, 'r');
	rule->write = strchr(v->str, 'w');
	rule->mknod = strchr(v->str, 'm');
	return 0;
}

static const struct oci_field device_fields[] = {
	{ "allow", OCI_BOOL, offsetof(struct cg_device_rule, allow), OCI_REQUIRED },
	{ "type", OCI_CALL, offsetof(struct cg_device_rule, type), .call = parse_device_type },
	{ "major", OCI_I64, offsetof(struct cg_device_rule, major), .min = -1, .max = UINT32_MAX },
	{ "minor", OCI_I64, offsetof(struct cg_device_rule, minor), .min = -1, .max = UINT32_MAX },
	{ "access", OCI_CALL, 0, OCI_REQUIRED, .call = parse_access },
	{ 0 },
};

/* Absent numbers mean any: what a table of zeroed elements cannot say. */
static int check_device(const struct oci_ctx *c, const struct oci_path *at, const struct json *v, void *target)
{
	struct cg_device_rule *rule = target;
	const struct json *major = json_get(v, "major"), *minor = json_get(v, "minor");

	(void)c;
	(void)at;
	if (!rule->type)
		rule->type = 'a';
	if (!major || major->type == JSON_NULL)
		rule->major = -1;
	if (!minor || minor->type == JSON_NULL)
		rule->minor = -1;
	return 0;
}

/* ---- memory, cpu, pids ---- */

#define LIMIT .min = -1, .max = INT64_MAX

static const struct oci_field memory_fields[] = {
	{ "limit", OCI_I64_PTR, TO(memory_limit), LIMIT },
	{ "reservation", OCI_I64_PTR, TO(memory_reservation), LIMIT },
	{ "swap", OCI_I64_PTR, TO(memory_swap), LIMIT },
	{ "kernel", OCI_I64_PTR, TO(kernel_memory), LIMIT },
	{ "kernelTCP", OCI_I64_PTR, TO(kernel_memory_tcp), LIMIT },
	{ "swappiness", OCI_U64_PTR, TO(swappiness), .min = 0, .max = 200 },
	{ "disableOOMKiller", OCI_BOOL, TO(disable_oom_killer) },
	{ "useHierarchy", OCI_BOOL, TO(use_hierarchy) },
	{ "checkBeforeUpdate", OCI_BOOL, TO(check_before_update) },
	{ 0 },
};

static int check_memory(const struct oci_ctx *c, const struct oci_path *at, const struct json *v, void *target)
{
	const struct cg_resources *r = target;
	int64_t swap = r->memory_swap ? *r->memory_swap : 0, limit = r->memory_limit ? *r->memory_limit : 0;

	(void)v;
	if (swap > 0 && limit > 0 && swap < limit)
		return oci_bad_member(c, at, "swap", "is memory and swap together, so it cannot be less than limit");
	return 0;
}

static const struct oci_field cpu_fields[] = {
	{ "shares", OCI_U64_PTR, TO(cpu_shares) },
	{ "quota", OCI_I64_PTR, TO(cpu_quota) },
	{ "burst", OCI_U64_PTR, TO(cpu_burst) },
	{ "period", OCI_U64_PTR, TO(cpu_period) },
	{ "realtimeRuntime", OCI_I64_PTR, TO(cpu_rt_runtime) },
	{ "realtimePeriod", OCI_U64_PTR, TO(cpu_rt_period) },
	{ "cpus", OCI_STR, TO(cpuset_cpus) },
	{ "mems", OCI_STR, TO(cpuset_mems) },
	{ "idle", OCI_I64_PTR, TO(cpu_idle), .min = 0, .max = 1 },
	{ 0 },
};

static const struct oci_field pids_fields[] = {
	{ "limit", OCI_I64_PTR, TO(pids_limit), LIMIT },
	{ 0 },
};

/* ---- block devices ---- */

#define TO_WEIGHT(member) offsetof(struct cg_weight_device, member)
static const struct oci_field weight_fields[] = {
	{ "major", OCI_I64, TO_WEIGHT(major), OCI_REQUIRED, .min = 0, .max = UINT32_MAX },
	{ "minor", OCI_I64, TO_WEIGHT(minor), OCI_REQUIRED, .min = 0, .max = UINT32_MAX },
	{ "weight", OCI_U16, TO_WEIGHT(weight) },
	{ "leafWeight", OCI_U16, TO_WEIGHT(leaf_weight) },
	{ 0 },
};

#define TO_THROTTLE(member) offsetof(struct cg_throttle, member)
static const struct oci_field throttle_fields[] = {
	{ "major", OCI_I64, TO_THROTTLE(major), OCI_REQUIRED, .min = 0, .max = UINT32_MAX },
	{ "minor", OCI_I64, TO_THROTTLE(minor), OCI_REQUIRED, .min = 0, .max = UINT32_MAX },
	{ "rate", OCI_U64, TO_THROTTLE(rate) },
	{ 0 },
};

#define THROTTLE(name, member)                                                                                         \
	{                                                                                                              \
		name, OCI_LIST, TO(member), 0, TO(n_##member), NULL, throttle_fields, sizeof(struct cg_throttle)       \
	}
static const struct oci_field block_fields[] = {
	{ "weight", OCI_U16_PTR, TO(blkio_weight) },
	{ "leafWeight", OCI_U16_PTR, TO(blkio_leaf_weight) },
	{ "weightDevice", OCI_LIST, TO(weight_devices), 0, TO(n_weight_devices), NULL, weight_fields,
	  sizeof(struct cg_weight_device) },
	THROTTLE("throttleReadBpsDevice", read_bps),
	THROTTLE("throttleWriteBpsDevice", write_bps),
	THROTTLE("throttleReadIOPSDevice", read_iops),
	THROTTLE("throttleWriteIOPSDevice", write_iops),
	{ 0 },
};

/* ---- the rest ---- */

/* "2MB": ^[1-9][0-9]*[KMG]B$ */
static int check_hugepage(const struct oci_ctx *c, const struct oci_path *at, const struct json *v, void *target)
{
	const struct cg_hugepage_limit *h = target;
	const char *unit = h->page_size + strspn(h->page_size, "0123456789");

	(void)v;
	if (unit == h->page_size || h->page_size[0] == '0' || !*unit || !strchr("KMG", *unit) || strcmp(unit + 1, "B") != 0)
		return oci_bad_member(c, at, "pageSize", "\"%s\" is no page size such as 2MB", h->page_size);
	return 0;
}

static const struct oci_field hugepage_fields[] = {
	{ "pageSize", OCI_STR, offsetof(struct cg_hugepage_limit, page_size), OCI_REQUIRED },
	{ "limit", OCI_U64, offsetof(struct cg_hugepage_limit, limit), OCI_REQUIRED },
	{ 0 },
};

static const struct oci_field priority_fields[] = {
	{ "name", OCI_STR, offsetof(struct cg_ifprio, name), OCI_REQUIRED | OCI_NOTEMPTY },
	{ "priority", OCI_U32, offsetof(struct cg_ifprio, priority), OCI_REQUIRED },
	{ 0 },
};

static const struct oci_field network_fields[] = {
	{ "classID", OCI_U32_PTR, TO(net_class_id) },
	{ "priorities", OCI_LIST, TO(net_priorities), 0, TO(n_net_priorities), NULL, priority_fields,
	  sizeof(struct cg_ifprio) },
	{ 0 },
};

static const struct oci_field rdma_fields[] = {
	{ "hcaHandles", OCI_U32_PTR, offsetof(struct cg_rdma_limit, hca_handles) },
	{ "hcaObjects", OCI_U32_PTR, offsetof(struct cg_rdma_limit, hca_objects) },
	{ 0 },
};

static int check_rdma(const struct oci_ctx *c, const struct oci_path *at, const struct json *v, void *target)
{
	const struct cg_rdma_limit *limit = target;

	(void)v;
	if (!limit->hca_handles && !limit->hca_objects)
		return oci_bad(c, at, "sets neither hcaHandles nor hcaObjects");
	return 0;
}

/* Keys are names of files in the cgroup's folder: "memory.high". */
static int check_unified(const struct oci_ctx *c, const struct oci_path *at, const struct cg_resources *r)
{
	for (size_t i = 0; i < r->n_unified; i++) {
		const char *key = r->unified[i].key, *dot = strchr(key, '.');

		if (!dot || dot == key || strchr(key, '/') || !dot[1])
			return oci_bad_member(c, at, "unified", "\"%s\" is no file of a cgroup", key);
	}
	return 0;
}

static const struct oci_field resources_fields[] = {
	{ "devices", OCI_LIST, TO(devices), 0, TO(n_devices), check_device, device_fields, sizeof(struct cg_device_rule) },
	{ "memory", OCI_OBJECT, 0, .sub = memory_fields, .call = check_memory },
	{ "cpu", OCI_OBJECT, 0, .sub = cpu_fields },
	{ "pids", OCI_OBJECT, 0, .sub = pids_fields },
	{ "blockIO", OCI_OBJECT, 0, .sub = block_fields },
	{ "hugepageLimits", OCI_LIST, TO(hugepages), 0, TO(n_hugepages), check_hugepage, hugepage_fields,
	  sizeof(struct cg_hugepage_limit) },
	{ "network", OCI_OBJECT, 0, .sub = network_fields },
	{ "rdma", OCI_KEYED, TO(rdma), 0, TO(n_rdma), check_rdma, rdma_fields, sizeof(struct cg_rdma_limit),
	  offsetof(struct cg_rdma_limit, device) },
	{ "unified", OCI_MAP, TO(unified), 0, TO(n_unified) },
	{ 0 },
};

int oci_parse_resources(const struct oci_ctx *c, const struct oci_path *at, const struct json *v, void *target)
{
	struct cg_resources *r = target;
	int res;

	*r = (struct cg_resources){ 0 };
	res = oci_fields(c, at, v, resources_fields, r);
	return res < 0 ? res : check_unified(c, at, r);
}

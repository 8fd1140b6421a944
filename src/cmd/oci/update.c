/* update: new limits and devices for a container that exists. What is not named stays as it is. */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "base/io.h"
#include "base/text.h"
#include "cmd/oci/oci.h"
#include "sys/cgroup.h"

static int parse_integer(struct arena *a, const char *value, void *target, struct err *e)
{
	struct oci_number *n = target;

	(void)a;
	n->given = true;
	return text_i64(value, &n->value) < 0 ? err_set(e, ERR_INVALID, "%s: must be an integer", value) : 0;
}

/* Bytes, with units; -1: no limit. */
static int parse_bytes(struct arena *a, const char *value, void *target, struct err *e)
{
	struct oci_number *n = target;
	uint64_t bytes = 0;

	(void)a;
	n->given = true;
	n->value = -1;
	if (strcmp(value, "-1") == 0)
		return 0;
	if (text_size(value, &bytes) < 0 || bytes > INT64_MAX)
		return err_set(e, ERR_INVALID, "%s: must be bytes, such as 67108864 or 64m, or -1 for no limit", value);
	n->value = (int64_t)bytes;
	return 0;
}

#define TO(m) offsetof(struct oci_update_opts, m)
#define INTEGER(name, arg, help, m) { name, 0, arg, CLI_CALL, help, TO(m), .parse = parse_integer }
#define BYTES(name, help, m) { name, 0, "BYTES", CLI_CALL, help, TO(m), .parse = parse_bytes }
const struct cli_option oci_update_options[] = {
	{ "resources", 'r', "FILE", CLI_STR, "take the limits from a JSON file (linux.resources); -: standard input",
	  TO(resources) },
	INTEGER("blkio-weight", "N", "weight of block I/O, 10 to 1000", blkio_weight),
	INTEGER("cpu-period", "MICROSECONDS", "length of a period of the CPU quota", cpu_period),
	INTEGER("cpu-quota", "MICROSECONDS", "CPU time in each period; -1: no limit", cpu_quota),
	INTEGER("cpu-burst", "MICROSECONDS", "unused quota that may be saved up", cpu_burst),
	INTEGER("cpu-share", "N", "relative weight of CPU time", cpu_shares),
	INTEGER("cpu-rt-period", "MICROSECONDS", "length of a period of the real-time quota", cpu_rt_period),
	INTEGER("cpu-rt-runtime", "MICROSECONDS", "real-time CPU time in each period", cpu_rt_runtime),
	INTEGER("cpu-idle", "0|1", "1: run only when nothing else does", cpu_idle),
	{ "cpuset-cpus", 0, "LIST", CLI_STR, "the CPUs it may use, such as 0-2,5", TO(cpuset_cpus) },
	{ "cpuset-mems", 0, "LIST", CLI_STR, "the memory nodes it may use", TO(cpuset_mems) },
	BYTES("memory", "memory limit; -1: none", memory),
	BYTES("memory-reservation", "memory it keeps when memory gets tight", memory_reservation),
	BYTES("memory-swap", "limit of memory and swap together; -1: none", memory_swap),
	INTEGER("pids-limit", "N", "most processes; -1: no limit", pids_limit),
	{ "l3-cache-schema", 0, "LINE", CLI_STR, "Intel RDT: its part of the L3 cache, such as L3:0=ff", TO(l3) },
	{ "mem-bw-schema", 0, "LINE", CLI_STR, "Intel RDT: its part of the memory bandwidth, such as MB:0=50", TO(mb) },
	{ "device-add", 0, "PATH[:PATH-INSIDE][:rwm]", CLI_STRV, "give it a device of the host, node and rights",
	  TO(device_add) },
	{ "device-rm", 0, "PATH-INSIDE", CLI_STRV, "take a device that was added away again", TO(device_rm) },
	{ "kernel-memory", 0, "BYTES", CLI_IGNORED, NULL, 0 },
	{ "kernel-memory-tcp", 0, "BYTES", CLI_IGNORED, NULL, 0 },
	{ 0 },
};

static int from_file(const struct cli_call *call, const char *path, struct cg_resources *out, struct err *e)
{
	const struct json *doc;
	int r = oci_read_json(call, path, &doc, e);

	if (r == 0)
		r = oci_resources_parse(call->arena, doc, out, e);
	return r < 0 ? err_ctx(e, "--resources %s", path) : 0;
}

static const int64_t *signed_of(const struct oci_number *n)
{
	return n->given ? &n->value : NULL;
}

/* For values the kernel takes no negative of. */
static int unsigned_of(const struct oci_number *n, const char *option, const uint64_t **out, struct err *e)
{
	if (n->given && n->value < 0)
		return err_set(e, ERR_INVALID, "--%s %jd: must not be negative", option, (intmax_t)n->value);
	*out = (const uint64_t *)signed_of(n);
	return 0;
}

static int weight_of(struct arena *a, const struct oci_number *n, const uint16_t **out, struct err *e)
{
	uint16_t *weight = n->given ? arena_alloc(a, sizeof(*weight)) : NULL;

	if (!n->given)
		return 0;
	if (!weight)
		return err_errno(e, -ENOMEM, "--blkio-weight");
	if (n->value < 10 || n->value > 1000)
		return err_set(e, ERR_INVALID, "--blkio-weight %jd: must be 10 to 1000", (intmax_t)n->value);
	*weight = (uint16_t)n->value;
	*out = weight;
	return 0;
}

static int from_options(struct arena *a, const struct oci_update_opts *o, struct cg_resources *out, struct err *e)
{
	*out = (struct cg_resources){
		.memory_limit = signed_of(&o->memory),
		.memory_reservation = signed_of(&o->memory_reservation),
		.memory_swap = signed_of(&o->memory_swap),
		.cpu_quota = signed_of(&o->cpu_quota),
		.cpu_rt_runtime = signed_of(&o->cpu_rt_runtime),
		.cpu_idle = signed_of(&o->cpu_idle),
		.pids_limit = signed_of(&o->pids_limit),
		.cpuset_cpus = o->cpuset_cpus,
		.cpuset_mems = o->cpuset_mems,
	};
	if (o->cpu_idle.given && o->cpu_idle.value != 0 && o->cpu_idle.value != 1)
		return err_set(e, ERR_INVALID, "--cpu-idle %jd: must be 0 or 1", (intmax_t)o->cpu_idle.value);
	if (unsigned_of(&o->cpu_period, "cpu-period", &out->cpu_period, e) < 0 ||
	    unsigned_of(&o->cpu_burst, "cpu-burst", &out->cpu_burst, e) < 0 ||
	    unsigned_of(&o->cpu_shares, "cpu-share", &out->cpu_shares, e) < 0 ||
	    unsigned_of(&o->cpu_rt_period, "cpu-rt-period", &out->cpu_rt_period, e) < 0 ||
	    weight_of(a, &o->blkio_weight, &out->blkio_weight, e) < 0)
		return e->code;
	return 0;
}

/* Of a container that has linux.intelRdt: without, its processes are in no group that is its own, and exec would know of none. */
static int change_rdt(const struct cli_call *call, const struct oci_container *c, struct err *e)
{
	const struct oci_update_opts *o = call->opts;
	const struct oci_spec *spec;
	struct oci_intel_rdt lines;
	struct oci_spec wanted;

	if (!o->l3 && !o->mb)
		return 0;
	if (oci_load_spec(call, &c->rec, &spec, e) < 0)
		return e->code;
	if (!spec->linux_.intel_rdt)
		return err_set(e, ERR_UNSUPPORTED, "--%s: the container was created without linux.intelRdt",
			       o->l3 ? "l3-cache-schema" : "mem-bw-schema");
	lines = (struct oci_intel_rdt){ .clos_id = spec->linux_.intel_rdt->clos_id, .l3_schema = o->l3, .mb_schema = o->mb,
					.enable_monitoring = spec->linux_.intel_rdt->enable_monitoring };
	wanted = *spec;
	wanted.linux_.intel_rdt = &lines;
	return rt_rdt_change(&wanted, c->rec.id, c->rec.pid, e);
}

int cmd_update(const struct cli_call *call, struct err *e)
{
	const struct oci_update_opts *o = call->opts;
	CLEANUP_CONTAINER struct oci_container c = OCI_CONTAINER_INIT;
	struct cg_resources resources = { 0 };
	int r = o->resources ? from_file(call, o->resources, &resources, e) :
			       from_options(call->arena, o, &resources, e);

	if (r == 0)
		r = oci_open(call, true, &c, e);
	if (r < 0)
		return r;
	if (c.status == RT_STOPPED || c.status == RT_CREATING)
		return err_set(e, ERR_BUSY, "container not running: it is %s", rt_status_name(c.status));
	/* first: of all it is what fails most, and then nothing has changed */
	r = change_rdt(call, &c, e);
	if (r == 0)
		r = oci_change_limits(call, &c, &resources, e);
	return r == 0 ? oci_change_devices(call, o, &c, e) : r;
}

/* Limits as properties of a unit. The kernel's files are written by sys/cgroup afterwards, exactly as asked; systemd is
 * told so that it knows of them, and writes the same again when it has a reason to. What it has no property for is left
 * out here, and what it could only refuse (a malformed unified value) too: that becomes sys/cgroup's error.
 *
 * CPU quotas are kept by systemd in whole percent of a CPU, so they are rounded up, as runc does: it must never write a
 * tighter one than was asked for. v1's "no device list" would make systemd allow every device again whenever it rewrites the
 * cgroup (at daemon-reload), so it gets the rules as a list of what is allowed; on v2 its program and ours are joined
 * by "and", and without a list it has none. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "runtime/unit.h"

#define INFINITE UINT64_MAX
#define DEFAULT_PERIOD 100000U
#define USEC_PER_SEC UINT64_C(1000000)
#define PERCENT 10000U /* microseconds of a second */
#define CPUS_MAX 8192U

static void put_u64(struct dbus_writer *w, const char *name, uint64_t v)
{
	dbus_open(w, '(');
	dbus_put_string(w, name);
	dbus_open_variant(w, "t");
	dbus_put_u64(w, v);
	dbus_close(w);
	dbus_close(w);
}

/* As cgroup files have it: negative = no limit; 0 is not set. */
static void put_limit(struct dbus_writer *w, const char *name, const int64_t *v)
{
	if (v && *v)
		put_u64(w, name, *v < 0 ? INFINITE : (uint64_t)*v);
}

static void put_tasks(struct dbus_writer *w, int64_t limit)
{
	/* systemd takes no 0 */
	put_u64(w, "TasksMax", limit < 0 ? INFINITE : limit == 0 ? 1 : (uint64_t)limit);
}

/* Microseconds of CPU time in a second, up to whole percents. */
static uint64_t per_second(int64_t quota, uint64_t period)
{
	uint64_t usec;

	if (quota <= 0 || __builtin_mul_overflow((uint64_t)quota, USEC_PER_SEC, &usec))
		return INFINITE;
	return (usec / (period ? period : DEFAULT_PERIOD) + PERCENT - 1) / PERCENT * PERCENT;
}

int64_t rt_unit_quota(int64_t quota, uint64_t period)
{
	uint64_t usec = per_second(quota, period), whole;

	if (usec == INFINITE || usec % PERCENT || __builtin_mul_overflow(usec, period ? period : DEFAULT_PERIOD, &whole))
		return quota;
	return (int64_t)(whole / USEC_PER_SEC);
}

/* quota 0: not set; < 0: no limit. period 0: not set. */
static void put_quota(struct dbus_writer *w, int64_t quota, uint64_t period)
{
	if (period)
		put_u64(w, "CPUQuotaPeriodUSec", period);
	if (quota)
		put_u64(w, "CPUQuotaPerSecUSec", per_second(quota, period));
}

/* ---- cpu lists ---- */

/* "0-2,5" as bits, the lowest first. The bytes that hold them; 0 for what is no such list. */
static size_t list_bits(const char *list, uint8_t bits[CPUS_MAX / 8])
{
	size_t used = 0;

	memset(bits, 0, CPUS_MAX / 8);
	while (*list) {
		char *end;
		unsigned long first = strtoul(list, &end, 10), last = first;

		if (*list < '0' || *list > '9')
			return 0;
		if (*end == '-') {
			if (end[1] < '0' || end[1] > '9')
				return 0;
			last = strtoul(end + 1, &end, 10);
		}
		if (last >= CPUS_MAX || first > last || (*end && *end != ','))
			return 0;
		for (unsigned long i = first; i <= last; i++)
			bits[i / 8] = (uint8_t)(bits[i / 8] | 1U << i % 8);
		used = last / 8 + 1 > used ? last / 8 + 1 : used;
		list = end + (*end == ',');
	}
	return used;
}

static void put_list(struct dbus_writer *w, const char *name, const char *list)
{
	uint8_t bits[CPUS_MAX / 8];
	size_t n = list ? list_bits(list, bits) : 0;

	if (n == 0)
		return;
	dbus_open(w, '(');
	dbus_put_string(w, name);
	dbus_open_variant(w, "ay");
	dbus_open(w, 'a');
	for (size_t i = 0; i < n; i++)
		dbus_put_byte(w, bits[i]);
	dbus_close(w);
	dbus_close(w);
	dbus_close(w);
}

/* ---- unified ---- */

static void unified_number(struct dbus_writer *w, const char *name, const char *value)
{
	uint64_t v = INFINITE;

	if (strcmp(value, "max") == 0 || text_u64(value, &v) == 0)
		put_u64(w, name, v);
}

static void unified_tasks(struct dbus_writer *w, const char *name, const char *value)
{
	int64_t v = -1;

	(void)name;
	if (strcmp(value, "max") == 0 || text_i64(value, &v) == 0)
		put_tasks(w, v);
}

static void unified_quota(struct dbus_writer *w, const char *name, const char *value)
{
	char copy[64], *rest = NULL, *quota, *period;
	uint64_t p = 100000;
	int64_t q = -1;

	(void)name;
	if (strlen(value) >= sizeof(copy))
		return;
	(void)snprintf(copy, sizeof(copy), "%s", value);
	quota = strtok_r(copy, " \t\n", &rest);
	period = quota ? strtok_r(NULL, " \t\n", &rest) : NULL;
	if (quota && (strcmp(quota, "max") == 0 || text_i64(quota, &q) == 0) && (!period || text_u64(period, &p) == 0))
		put_quota(w, q, p);
}

/* Weight 0 is systemd's word for cpu.idle. */
static void unified_idle(struct dbus_writer *w, const char *name, const char *value)
{
	if (strcmp(value, "1") == 0)
		put_u64(w, name, 0);
}

static const struct {
	const char *file, *property;
	void (*put)(struct dbus_writer *w, const char *name, const char *value);
} unified[] = {
	{"cpu.idle", "CPUWeight", unified_idle},         {"cpu.max", "CPUQuotaPerSecUSec", unified_quota},
	{"cpu.weight", "CPUWeight", unified_number},     {"cpuset.cpus", "AllowedCPUs", put_list},
	{"cpuset.mems", "AllowedMemoryNodes", put_list}, {"memory.high", "MemoryHigh", unified_number},
	{"memory.low", "MemoryLow", unified_number},     {"memory.max", "MemoryMax", unified_number},
	{"memory.min", "MemoryMin", unified_number},     {"memory.swap.max", "MemorySwapMax", unified_number},
	{"pids.max", "TasksMax", unified_tasks},
};

static void put_unified(struct dbus_writer *w, const struct cg_kv *kv)
{
	char value[256];
	size_t len = strspn(kv->value, " \t\n");

	snprintf(value, sizeof(value), "%s", kv->value + len);
	for (len = strlen(value); len && strchr(" \t\n", value[len - 1]); len--)
		value[len - 1] = '\0';
	for (size_t i = 0; i < ARRAY_LEN(unified); i++)
		if (strcmp(unified[i].file, kv->key) == 0)
			unified[i].put(w, unified[i].property, value);
}

/* ---- devices ---- */

static void put_device(struct dbus_writer *w, char type, const struct cg_device_rule *r)
{
	bool all = !r->read && !r->write && !r->mknod;
	char node[80], access[4] = "", *at = access;
	const char *kind = type == 'b' ? "block" : "char";

	if (r->major < 0)
		snprintf(node, sizeof(node), "%s-*", kind);
	else if (r->minor < 0)
		snprintf(node, sizeof(node), "%s-%" PRId64, kind, r->major);
	else
		snprintf(node, sizeof(node), "/dev/%s/%" PRId64 ":%" PRId64, kind, r->major, r->minor);
	if (r->read || all)
		*at++ = 'r';
	if (r->write || all)
		*at++ = 'w';
	if (r->mknod || all)
		*at++ = 'm';
	dbus_open(w, '(');
	dbus_put_string(w, node);
	dbus_put_string(w, access);
	dbus_close(w);
}

/* "any major, this minor" has no name in systemd. */
static bool nameable(const struct cg_device_rule *r)
{
	return r->allow && (r->major >= 0 || r->minor < 0);
}

static bool is_everything(const struct cg_device_rule *r)
{
	return r->type == 'a' && r->major < 0 && r->minor < 0 && r->read == r->write && r->write == r->mknod;
}

static void put_devices(struct dbus_writer *w, const struct cg_resources *r)
{
	size_t first = 0;
	bool all = false;

	for (size_t i = 0; i < r->n_devices; i++) {
		if (is_everything(&r->devices[i])) {
			all = r->devices[i].allow;
			first = i + 1;
		}
	}
	dbus_open(w, '(');
	dbus_put_string(w, "DevicePolicy");
	dbus_open_variant(w, "s");
	dbus_put_string(w, all ? "auto" : "strict");
	dbus_close(w);
	dbus_close(w);
	/* an empty list takes back earlier ones, the next adds to it */
	for (int round = 0; round < 2; round++) {
		dbus_open(w, '(');
		dbus_put_string(w, "DeviceAllow");
		dbus_open_variant(w, "a(ss)");
		dbus_open(w, 'a');
		for (size_t i = first; round && !all && i < r->n_devices; i++) {
			const struct cg_device_rule *d = &r->devices[i];

			if (nameable(d) && d->type != 'c')
				put_device(w, 'b', d);
			if (nameable(d) && d->type != 'b')
				put_device(w, 'c', d);
		}
		dbus_close(w);
		dbus_close(w);
		dbus_close(w);
	}
}

/* ---- all ---- */

static int put_v2(struct dbus_writer *w, const struct cg_resources *r, struct err *e)
{
	int64_t limit = r->memory_limit ? *r->memory_limit : 0, swap = r->memory_swap ? *r->memory_swap : 0;
	bool idle = r->cpu_idle && *r->cpu_idle == 1;
	int rc = 0;

	put_limit(w, "MemoryMax", r->memory_limit);
	put_limit(w, "MemoryLow", r->memory_reservation);
	if (limit == -1 && swap == 0)
		swap = -1;
	if (swap < 0 || (swap && limit))
		rc = cg2_swap(limit, swap, &swap, e);
	else
		swap = 0;
	if (rc < 0)
		return rc;
	/* swap 0 is a limit when both were given and are the same */
	if (swap || (limit > 0 && r->memory_swap && *r->memory_swap == limit))
		put_u64(w, "MemorySwapMax", swap < 0 ? INFINITE : (uint64_t)swap);
	if (idle)
		put_u64(w, "CPUWeight", 0);
	else if (r->cpu_shares && *r->cpu_shares)
		put_u64(w, "CPUWeight", cg2_cpu_weight(*r->cpu_shares));
	put_list(w, "AllowedCPUs", r->cpuset_cpus);
	put_list(w, "AllowedMemoryNodes", r->cpuset_mems);
	return 0;
}

static void put_v1(struct dbus_writer *w, const struct cg_resources *r)
{
	put_limit(w, "MemoryLimit", r->memory_limit);
	if (r->cpu_shares && *r->cpu_shares)
		put_u64(w, "CPUShares", *r->cpu_shares);
	if (r->blkio_weight && *r->blkio_weight)
		put_u64(w, "BlockIOWeight", *r->blkio_weight);
	if (r->n_devices)
		put_devices(w, r);
}

int rt_unit_limits(struct dbus_writer *w, const struct cg_resources *r, bool v2, struct err *e)
{
	int rc = 0;

	if (v2)
		rc = put_v2(w, r, e);
	else
		put_v1(w, r);
	put_quota(w, r->cpu_quota ? *r->cpu_quota : 0, r->cpu_period ? *r->cpu_period : 0);
	if (r->pids_limit)
		put_tasks(w, *r->pids_limit);
	for (size_t i = 0; v2 && i < r->n_unified; i++)
		put_unified(w, &r->unified[i]);
	return rc;
}

/* Limits in v1's files. The specification's terms are v1's, so there is little to convert; the work is in the order
 * of writes, because v1 checks each value against its neighbour's present one: memory <= memory+swap, burst <= quota,
 * quota/period within the parent's, and a cpuset must not be empty before a process comes.
 *
 * A number of 0 means "not set" where the peers take it so (memory, swap, shares, quota, period, weights): their
 * clients send zeros for what the user did not say. kernel: admin-guide/cgroup-v1/. */
#include "sys/cgroup_impl.h"

#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "base/io.h"

static int64_t value_or_0(const int64_t *p)
{
	return p ? *p : 0;
}

static int write_i64(const struct cg_dir *d, const char *file, int64_t value, struct err *e)
{
	return cg_writef(d, file, e, "%" PRId64, value);
}

/* A limit below what is in use is EBUSY after the kernel tried to reclaim. */
static int write_limit(const struct cg_dir *d, int64_t limit, struct err *e)
{
	int r = write_i64(d, "memory.limit_in_bytes", limit, e);

	if (r == -EBUSY && cg_check_usage(d, "memory.usage_in_bytes", limit, e) < 0)
		return e->code;
	return r;
}

/* Both together: the one first that keeps memory <= memory+swap at each step. */
static int write_memory_and_swap(const struct cg_dir *d, int64_t limit, int64_t swap, struct err *e)
{
	uint64_t now = 0;
	int r = cg_read_u64(d->fd, "memory.limit_in_bytes", &now);

	if (r < 0)
		return cg_write_error(d, "memory.limit_in_bytes", "", r, e);
	if (swap == -1 || (uint64_t)swap >= now) {
		r = write_i64(d, "memory.memsw.limit_in_bytes", swap, e);
		return r < 0 ? r : write_limit(d, limit, e);
	}
	r = write_limit(d, limit, e);
	return r < 0 ? r : write_i64(d, "memory.memsw.limit_in_bytes", swap, e);
}

static int write_memory(const struct cg_dir *d, const struct cg_resources *r, struct err *e)
{
	int64_t limit = value_or_0(r->memory_limit), swap = value_or_0(r->memory_swap);

	if (limit < -1 || swap < -1)
		return err_set(e, ERR_INVALID, "memory and swap limits are bytes, or -1 for none");
	if (swap > 0 && (limit == -1 || swap < limit))
		return err_set(e, ERR_INVALID, "memory+swap limit %" PRId64 " is less than the memory limit %" PRId64,
			       swap, limit);
	if (limit > 0 && r->check_before_update && cg_check_usage(d, "memory.usage_in_bytes", limit, e) < 0)
		return e->code;
	/* no limit on memory, and nothing said about swap: an older memory+swap limit would still be one on memory */
	if (limit == -1 && swap == 0 && cg_has(d, "memory.memsw.limit_in_bytes"))
		swap = -1;
	if (limit && swap)
		return write_memory_and_swap(d, limit, swap, e);
	if (limit)
		return write_limit(d, limit, e);
	return swap ? write_i64(d, "memory.memsw.limit_in_bytes", swap, e) : 0;
}

/* Kernels since 5.16 take the value and forget it; then the limit is not there, and we say so. covered: another one holds it. */
static int write_kernel_memory(const struct cg_dir *d, const char *file, const int64_t *limit, bool covered, struct err *e)
{
	uint64_t now = 0;
	int r;

	if (!limit || *limit == 0)
		return 0;
	r = write_i64(d, file, *limit, e);
	if (r < 0 || *limit < 0)
		return r;
	r = cg_read_u64(d->fd, file, &now);
	if (r < 0)
		return err_errno(e, r, "read %s of cgroup %s", file, d->cgroup);
	return now == UINT64_MAX && !covered ? err_set(e, ERR_UNSUPPORTED,
						       "this kernel no longer limits kernel memory by itself (%s); leave the "
						       "limit out, the memory limit covers it", file) : 0;
}

int cg1_memory(const struct cg_dir *d, const struct cg_resources *r, struct err *e)
{
	int rc = r->use_hierarchy ? cg_write(d, "memory.use_hierarchy", "1", e) : 0;

	if (rc == 0)
		rc = write_memory(d, r, e);
	if (rc == 0 && value_or_0(r->memory_reservation))
		rc = write_i64(d, "memory.soft_limit_in_bytes", *r->memory_reservation, e);
	if (rc == 0)
		rc = write_kernel_memory(d, "memory.kmem.limit_in_bytes", r->kernel_memory,
					 cg_memory_covers(r, r->kernel_memory), e);
	if (rc == 0)
		rc = write_kernel_memory(d, "memory.kmem.tcp.limit_in_bytes", r->kernel_memory_tcp, false, e);
	if (rc == 0 && r->swappiness)
		rc = cg_writef(d, "memory.swappiness", e, "%" PRIu64, *r->swappiness);
	if (rc == 0 && r->disable_oom_killer)
		rc = cg_write(d, "memory.oom_control", "1", e);
	return rc;
}

/* The kernel refuses shares of a group that is idle, so a group is made idle last and woken first. */
static int write_shares(const struct cg_dir *d, const struct cg_resources *r, struct err *e)
{
	int rc = r->cpu_idle && *r->cpu_idle == 0 ? cg_write(d, "cpu.idle", "0", e) : 0;

	if (rc == 0 && r->cpu_shares && *r->cpu_shares)
		rc = cg_writef(d, "cpu.shares", e, "%" PRIu64, *r->cpu_shares);
	if (rc == 0 && r->cpu_idle && *r->cpu_idle != 0)
		rc = write_i64(d, "cpu.idle", *r->cpu_idle, e);
	return rc;
}

/* Period and quota: each may be too much beside the other's old value. */
static int write_quota(const struct cg_dir *d, const struct cg_resources *r, struct err *e)
{
	char period[24], quota[24];
	bool has_period = r->cpu_period && *r->cpu_period, has_quota = r->cpu_quota && *r->cpu_quota;

	snprintf(period, sizeof(period), "%" PRIu64, has_period ? *r->cpu_period : 0);
	snprintf(quota, sizeof(quota), "%" PRId64, has_quota ? *r->cpu_quota : 0);
	return cg_write_pair(d, "cpu.cfs_period_us", has_period ? period : NULL, "cpu.cfs_quota_us",
			     has_quota ? quota : NULL, e);
}

/* Burst <= quota: a larger burst waits for its quota, a smaller quota for its burst. */
static int write_quota_and_burst(const struct cg_dir *d, const struct cg_resources *r, struct err *e)
{
	char burst[24];
	int rc;

	if (!r->cpu_burst)
		return write_quota(d, r, e);
	snprintf(burst, sizeof(burst), "%" PRIu64, *r->cpu_burst);
	rc = io_write_value(d->fd, "cpu.cfs_burst_us", burst);
	if (rc < 0 && rc != -EINVAL)
		return cg_write_error(d, "cpu.cfs_burst_us", burst, rc, e);
	if (write_quota(d, r, e) < 0)
		return e->code;
	return rc < 0 ? cg_write(d, "cpu.cfs_burst_us", burst, e) : 0;
}

static int write_realtime(const struct cg_dir *d, const struct cg_resources *r, struct err *e)
{
	char period[24], runtime[24];
	bool has_period = r->cpu_rt_period && *r->cpu_rt_period, has_runtime = value_or_0(r->cpu_rt_runtime) != 0;

	snprintf(period, sizeof(period), "%" PRIu64, has_period ? *r->cpu_rt_period : 0);
	snprintf(runtime, sizeof(runtime), "%" PRId64, has_runtime ? *r->cpu_rt_runtime : 0);
	if (cg_write_pair(d, "cpu.rt_period_us", has_period ? period : NULL, "cpu.rt_runtime_us", has_runtime ? runtime : NULL, e) == 0)
		return 0;
	if (e->code != -EINVAL)
		return e->code;
	(void)err_ctx(e, "real-time cpu limits: the cgroups above need as much, that is in their cpu.rt_runtime_us");
	return e->code;
}

int cg1_cpu(const struct cg_dir *d, const struct cg_resources *r, struct err *e)
{
	int rc = write_shares(d, r, e);

	if (rc == 0)
		rc = write_realtime(d, r, e);
	return rc == 0 ? write_quota_and_burst(d, r, e) : rc;
}

int cg1_cpuset(const struct cg_dir *d, const struct cg_resources *r, struct err *e)
{
	int rc = r->cpuset_cpus && *r->cpuset_cpus ? cg_write(d, "cpuset.cpus", r->cpuset_cpus, e) : 0;

	if (rc == 0 && r->cpuset_mems && *r->cpuset_mems)
		rc = cg_write(d, "cpuset.mems", r->cpuset_mems, e);
	return rc;
}

/* Copies the nearest ancestor's value down to path, whose folder is leaf. Levels that have one keep it. */
static int inherit_file(const struct cg_hierarchy *h, const char *path, int leaf, bool made, const char *file)
{
	CLEANUP_FREE char *level = strdup(path);
	char value[4096] = "";
	size_t full = strlen(path), len = full;
	int r = level ? 0 : -ENOMEM;

	/* up to the first that has one (what was just made has none)… */
	if (r == 0 && !made)
		r = cg_read(leaf, file, value, sizeof(value));
	while (r == 0 && !*value && len > 0) {
		while (level[--len] != '/')
			;
		level[len] = '\0';
		r = cg_read_in(h, level, file, value, sizeof(value));
	}
	/* …and down again; the bytes behind level's end are still path's */
	while (r == 0 && len < full) {
		CLEANUP_FD int dir = -1;

		level[len] = '/';
		len = strlen(level);
		dir = len < full ? cg_open_dir(h, level) : -1;
		r = len < full && dir < 0 ? dir : io_write_value(len < full ? dir : leaf, file, value);
	}
	return r;
}

int cg1_cpuset_inherit(const struct cg_hierarchy *h, const char *path, int leaf, bool made, struct err *e)
{
	static const char *const files[] = { "cpuset.cpus", "cpuset.mems" };

	for (size_t i = 0; i < ARRAY_LEN(files); i++) {
		int r = inherit_file(h, path, leaf, made, files[i]);

		if (r < 0)
			return err_errno(e, r, "inherit %s of cgroup %s%s", files[i], h->mount, path);
	}
	return 0;
}

int cg1_pids(const struct cg_dir *d, const struct cg_resources *r, struct err *e)
{
	int64_t limit = *r->pids_limit;

	if (limit < 0)
		return cg_write(d, "pids.max", "max", e);
	return write_i64(d, "pids.max", limit == 0 ? 1 : limit, e);
}

static int write_weights(const struct cg_dir *d, const struct cg_resources *r, struct err *e)
{
	bool bfq = !cg_has(d, "blkio.weight") && cg_has(d, "blkio.bfq.weight");
	int rc = 0;

	if (r->blkio_weight && *r->blkio_weight)
		rc = cg_writef(d, bfq ? "blkio.bfq.weight" : "blkio.weight", e, "%u", *r->blkio_weight);
	if (rc == 0 && r->blkio_leaf_weight && *r->blkio_leaf_weight)
		rc = cg_writef(d, "blkio.leaf_weight", e, "%u", *r->blkio_leaf_weight);
	for (size_t i = 0; rc == 0 && i < r->n_weight_devices; i++) {
		const struct cg_weight_device *w = &r->weight_devices[i];

		if (w->weight)
			rc = cg_writef(d, bfq ? "blkio.bfq.weight_device" : "blkio.weight_device", e,
				       "%" PRId64 ":%" PRId64 " %u", w->major, w->minor, w->weight);
		if (rc == 0 && w->leaf_weight)
			rc = cg_writef(d, "blkio.leaf_weight_device", e, "%" PRId64 ":%" PRId64 " %u", w->major,
				       w->minor, w->leaf_weight);
	}
	return rc;
}

int cg1_io(const struct cg_dir *d, const struct cg_resources *r, struct err *e)
{
	const struct {
		const char *file;
		const struct cg_throttle *list;
		size_t n;
	} throttles[] = {
		{ "blkio.throttle.read_bps_device", r->read_bps, r->n_read_bps },
		{ "blkio.throttle.write_bps_device", r->write_bps, r->n_write_bps },
		{ "blkio.throttle.read_iops_device", r->read_iops, r->n_read_iops },
		{ "blkio.throttle.write_iops_device", r->write_iops, r->n_write_iops },
	};
	int rc = write_weights(d, r, e);

	for (size_t f = 0; f < ARRAY_LEN(throttles); f++) {
		for (size_t i = 0; rc == 0 && i < throttles[f].n; i++) {
			const struct cg_throttle *t = &throttles[f].list[i];

			rc = cg_writef(d, throttles[f].file, e, "%" PRId64 ":%" PRId64 " %" PRIu64, t->major, t->minor,
				       t->rate);
		}
	}
	return rc;
}

int cg1_net_cls(const struct cg_dir *d, const struct cg_resources *r, struct err *e)
{
	return cg_writef(d, "net_cls.classid", e, "%u", *r->net_class_id);
}

int cg1_net_prio(const struct cg_dir *d, const struct cg_resources *r, struct err *e)
{
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < r->n_net_priorities; i++)
		rc = cg_writef(d, "net_prio.ifpriomap", e, "%s %u", r->net_priorities[i].name,
			       r->net_priorities[i].priority);
	return rc;
}

/* Limits: for each controller a row says which fields of cg_resources are its own and who writes them on v1 and v2.
 *
 * A field that is set goes to the driver of the hierarchy where the controller lives on this machine; where there is
 * no such controller, or no function in its row, the error names the limit. So nothing is dropped in silence. */
#include "sys/cgroup_impl.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/io.h"
#include "base/text.h"

#define VALUE_MAX 4096

/* Of CPU quota and period, in microseconds. */
#define CPU_LEAST 1000
#define CPU_MOST 1000000

int cg_read(int dir, const char *file, char *buf, size_t len)
{
	CLEANUP_FD int fd = openat(dir, file, O_RDONLY | O_CLOEXEC);
	ssize_t n;

	if (fd < 0)
		return -errno;
	n = io_read_text(fd, buf, len);
	if (n > 0 && buf[n - 1] == '\n')
		buf[n - 1] = '\0';
	return n < 0 ? (int)n : 0;
}

int cg_read_u64(int dir, const char *file, uint64_t *out)
{
	char text[64];
	int r = cg_read(dir, file, text, sizeof(text));

	if (r < 0)
		return r;
	if (strcmp(text, "max") == 0 || strcmp(text, "-1") == 0) {
		*out = UINT64_MAX;
		return 0;
	}
	r = text_u64(text, out);
	/* v1's "no limit" is the largest page-aligned int64 */
	if (r == 0 && *out >= (uint64_t)INT64_MAX - 65536)
		*out = UINT64_MAX;
	return r;
}

bool cg_keyed(const char *text, const char *key, uint64_t *out)
{
	size_t len = strlen(key);

	while (*text) {
		if (strncmp(text, key, len) == 0 && text[len] == ' ') {
			*out = strtoull(text + len + 1, NULL, 10);
			return true;
		}
		text += strcspn(text, "\n");
		text += *text == '\n';
	}
	return false;
}

bool cg_has(const struct cg_dir *d, const char *file)
{
	return faccessat(d->fd, file, F_OK, 0) == 0;
}

int cg_write_error(const struct cg_dir *d, const char *file, const char *value, int r, struct err *e)
{
	if (r == -ENOENT)
		return err_set(e, ERR_UNSUPPORTED, "this kernel has no %s (needed for value \"%s\" on cgroup %s)", file,
			       value, d->cgroup);
	return err_errno(e, r, "write \"%s\" to %s of cgroup %s", value, file, d->cgroup);
}

int cg_write(const struct cg_dir *d, const char *file, const char *value, struct err *e)
{
	int r = io_write_value(d->fd, file, value);

	return r < 0 ? cg_write_error(d, file, value, r, e) : 0;
}

int cg_writef(const struct cg_dir *d, const char *file, struct err *e, const char *fmt, ...)
{
	char value[VALUE_MAX];
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(value, sizeof(value), fmt, ap);
	va_end(ap);
	if (n < 0 || (size_t)n >= sizeof(value))
		return err_set(e, ERR_LIMIT, "value for %s of cgroup %s is longer than %d bytes", file, d->cgroup,
			       VALUE_MAX);
	return cg_write(d, file, value, e);
}

int cg_write_pair(const struct cg_dir *d, const char *file_a, const char *value_a, const char *file_b,
		  const char *value_b, struct err *e)
{
	int r = value_a ? io_write_value(d->fd, file_a, value_a) : 0;
	bool again = r == -EINVAL && value_b;

	if (r < 0 && !again)
		return cg_write_error(d, file_a, value_a, r, e);
	r = value_b ? cg_write(d, file_b, value_b, e) : 0;
	return r == 0 && again ? cg_write(d, file_a, value_a, e) : r;
}

/* "2MB", as the kernel names its files; anything else could name another file. */
static int check_page_size(const char *size, struct err *e)
{
	size_t digits = strspn(size, "0123456789");
	const char *unit = size + digits;

	if (digits > 0 && digits < 12 && (strcmp(unit, "KB") == 0 || strcmp(unit, "MB") == 0 || strcmp(unit, "GB") == 0))
		return 0;
	return err_set(e, ERR_INVALID, "huge page size \"%s\" is not of the form 64KB, 2MB, 1GB", size);
}

/* The two versions name the same files with another end. */
static int hugetlb(const struct cg_dir *d, const struct cg_resources *r, const char *file, struct err *e)
{
	for (size_t i = 0; i < r->n_hugepages; i++) {
		const struct cg_hugepage_limit *l = &r->hugepages[i];
		char limit[64], reserved[64];
		int rc = check_page_size(l->page_size, e);

		if (rc < 0)
			return rc;
		snprintf(limit, sizeof(limit), "hugetlb.%s.%s", l->page_size, file);
		snprintf(reserved, sizeof(reserved), "hugetlb.%s.rsvd.%s", l->page_size, file);
		rc = cg_writef(d, limit, e, "%" PRIu64, l->limit);
		if (rc == 0 && cg_has(d, reserved))
			rc = cg_writef(d, reserved, e, "%" PRIu64, l->limit);
		if (rc < 0)
			return rc;
	}
	return 0;
}

int cg1_hugetlb(const struct cg_dir *d, const struct cg_resources *r, struct err *e)
{
	return hugetlb(d, r, "limit_in_bytes", e);
}

int cg2_hugetlb(const struct cg_dir *d, const struct cg_resources *r, struct err *e)
{
	return hugetlb(d, r, "max", e);
}

bool cg_memory_covers(const struct cg_resources *r, const int64_t *limit)
{
	return limit && r->memory_limit && *r->memory_limit > 0 && *limit >= *r->memory_limit;
}

int cg_check_usage(const struct cg_dir *d, const char *usage_file, int64_t limit, struct err *e)
{
	uint64_t usage;
	int r = cg_read_u64(d->fd, usage_file, &usage);

	if (r < 0)
		return err_errno(e, r, "read %s of cgroup %s", usage_file, d->cgroup);
	if (limit > 0 && usage > (uint64_t)limit)
		return err_set(e, ERR_BUSY, "rejecting memory limit %lld of cgroup %s: it is below its present usage of %llu bytes",
			       (long long)limit, d->cgroup, (unsigned long long)usage);
	return 0;
}

static bool text_set(const char *s)
{
	return s && *s;
}

static bool want_memory(const struct cg_resources *r)
{
	return r->memory_limit || r->memory_reservation || r->memory_swap || r->kernel_memory || r->kernel_memory_tcp ||
	       r->swappiness || r->disable_oom_killer;
}

static bool want_cpu(const struct cg_resources *r)
{
	return r->cpu_shares || r->cpu_period || r->cpu_quota || r->cpu_burst || r->cpu_rt_period ||
	       r->cpu_rt_runtime || r->cpu_idle;
}

static bool want_cpuset(const struct cg_resources *r)
{
	return text_set(r->cpuset_cpus) || text_set(r->cpuset_mems);
}

static bool want_pids(const struct cg_resources *r)
{
	return r->pids_limit;
}

static bool want_io(const struct cg_resources *r)
{
	return r->blkio_weight || r->blkio_leaf_weight || r->n_weight_devices || r->n_read_bps || r->n_write_bps ||
	       r->n_read_iops || r->n_write_iops;
}

static bool want_hugetlb(const struct cg_resources *r)
{
	return r->n_hugepages;
}

static bool want_rdma(const struct cg_resources *r)
{
	return r->n_rdma;
}

static bool want_net_cls(const struct cg_resources *r)
{
	return r->net_class_id && *r->net_class_id;
}

static bool want_net_prio(const struct cg_resources *r)
{
	return r->n_net_priorities;
}

/* The same file and format in both versions. */
static int apply_rdma(const struct cg_dir *d, const struct cg_resources *r, struct err *e)
{
	for (size_t i = 0; i < r->n_rdma; i++) {
		const struct cg_rdma_limit *l = &r->rdma[i];
		char handles[32] = "", objects[32] = "";
		int rc;

		if (l->hca_handles)
			snprintf(handles, sizeof(handles), " hca_handle=%u", *l->hca_handles);
		if (l->hca_objects)
			snprintf(objects, sizeof(objects), " hca_object=%u", *l->hca_objects);
		rc = cg_writef(d, "rdma.max", e, "%s%s%s", l->device, handles, objects);
		if (rc < 0)
			return rc;
	}
	return 0;
}

static const struct {
	enum cg_ctrl ctrl;
	const char *what;
	bool (*wanted)(const struct cg_resources *r);
	cg_apply_fn v1, v2;
} appliers[] = {
	{ CG_CPUSET, "cpuset", want_cpuset, cg1_cpuset, cg1_cpuset },
	{ CG_CPU, "cpu limits", want_cpu, cg1_cpu, cg2_cpu },
	{ CG_MEMORY, "memory limits", want_memory, cg1_memory, cg2_memory },
	{ CG_PIDS, "pids limit", want_pids, cg1_pids, cg1_pids },
	{ CG_IO, "block I/O limits", want_io, cg1_io, cg2_io },
	{ CG_HUGETLB, "huge page limits", want_hugetlb, cg1_hugetlb, cg2_hugetlb },
	{ CG_RDMA, "rdma limits", want_rdma, apply_rdma, apply_rdma },
	{ CG_NET_CLS, "network class id", want_net_cls, cg1_net_cls, NULL },
	{ CG_NET_PRIO, "network priorities", want_net_prio, cg1_net_prio, NULL },
};

static int missing(const struct cgroup *cg, const char *what, enum cg_ctrl ctrl, struct err *e)
{
	return err_set(e, ERR_UNSUPPORTED, "%s: this machine has no %s controller in cgroup %s (cgroup %s)", what,
		       cg_ctrl_name(ctrl, cg->sys->mode == CG_V2 && cg_ctrl_name(ctrl, true)),
		       cg->sys->mode == CG_V2 ? "v2" : "v1 or v2", cg->path);
}

static int apply_one(struct cgroup *cg, size_t row, const struct cg_resources *r, struct err *e)
{
	enum cg_ctrl ctrl = appliers[row].ctrl;
	int i = cg->sys->where[ctrl];
	struct cg_dir d = { .cgroup = cg->path };
	cg_apply_fn fn;
	int rc;

	if (i < 0)
		return missing(cg, appliers[row].what, ctrl, e);
	d.fd = cg->dir[i];
	d.v2 = cg->sys->h[i].v2;
	if (d.fd < 0)
		return err_set(e, ERR_NOTFOUND, "%s: cgroup %s is not in hierarchy %s", appliers[row].what, cg->path,
			       cg->sys->h[i].mount);
	fn = d.v2 ? appliers[row].v2 : appliers[row].v1;
	if (!fn)
		return missing(cg, appliers[row].what, ctrl, e);
	rc = fn(&d, r, e);
	/* no such file on v2 mostly means that a level above did not hand the controller down */
	if (rc < 0 && e->cls == ERR_UNSUPPORTED && d.v2)
		rc = cg2_explain(cg->sys, cg->path, cg_ctrl_name(ctrl, true), e);
	return rc < 0 ? err_ctx(e, "%s", appliers[row].what) : 0;
}

static int devices_dir(struct cgroup *cg, struct cg_dir *d, struct err *e)
{
	int i = cg->sys->where[CG_DEVICES] >= 0 ? cg->sys->where[CG_DEVICES] : cg->sys->v2;

	if (i < 0)
		return missing(cg, "device rules", CG_DEVICES, e);
	*d = (struct cg_dir){ .cgroup = cg->path, .fd = cg->dir[i], .v2 = cg->sys->h[i].v2 };
	if (d->fd < 0)
		return err_set(e, ERR_NOTFOUND, "device rules: cgroup %s is not in hierarchy %s", cg->path,
			       cg->sys->h[i].mount);
	return 0;
}

static int apply_devices(struct cgroup *cg, const struct cg_resources *r, struct err *e)
{
	struct cg_dir d;
	int rc = devices_dir(cg, &d, e);

	if (rc < 0)
		return rc;
	rc = d.v2 ? cg2_devices(&d, r, e) : cg1_devices(&d, r, e);
	return rc < 0 ? err_ctx(e, "device rules") : 0;
}

int cg_change_device(struct cgroup *cg, const struct cg_resources *before, const struct cg_resources *after,
		     const struct cg_device_rule *device, struct err *e)
{
	struct cg_dir d;
	int rc = devices_dir(cg, &d, e);

	if (rc < 0)
		return rc;
	rc = d.v2 ? cg2_devices(&d, after, e) : cg1_change_device(&d, before, after, device, e);
	return rc < 0 ? err_ctx(e, "device rules") : 0;
}

static int apply_unified(struct cgroup *cg, const struct cg_resources *r, struct err *e)
{
	struct cg_dir d = { .cgroup = cg->path, .v2 = true };

	if (cg->sys->v2 < 0 || cg->dir[cg->sys->v2] < 0)
		return err_set(e, ERR_UNSUPPORTED, "invalid configuration: unified limit %s: this machine has no cgroup v2", r->unified[0].key);
	d.fd = cg->dir[cg->sys->v2];
	for (size_t i = 0; i < r->n_unified; i++) {
		const struct cg_kv *kv = &r->unified[i];
		char controller[32];
		int rc = cg2_unified(&d, kv->key, kv->value, e);

		snprintf(controller, sizeof(controller), "%.*s", (int)strcspn(kv->key, "."), kv->key);
		if (rc < 0 && e->cls == ERR_UNSUPPORTED)
			rc = cg2_explain(cg->sys, cg->path, controller, e);
		if (rc < 0)
			return err_ctx(e, "%sunified limit %s",
				       cg->sys->mode == CG_V2 ? "" : "invalid configuration for this hybrid machine: ", kv->key);
	}
	return 0;
}

/* The kernel would only say that it is invalid (min_cfs_quota_period and max_cfs_quota_period in kernel/sched/core.c). */
static int check_cpu(const struct cg_resources *r, struct err *e)
{
	if (r->cpu_quota && *r->cpu_quota > 0 && *r->cpu_quota < CPU_LEAST)
		return err_set(e, ERR_INVALID, "cpu quota: %lld microseconds are too small, at least %d are needed",
			       (long long)*r->cpu_quota, CPU_LEAST);
	if (r->cpu_period && *r->cpu_period && (*r->cpu_period < CPU_LEAST || *r->cpu_period > CPU_MOST))
		return err_set(e, ERR_INVALID, "cpu period: %llu microseconds are not between %d and %d",
			       (unsigned long long)*r->cpu_period, CPU_LEAST, CPU_MOST);
	return 0;
}

int cg_apply(struct cgroup *cg, const struct cg_resources *r, struct err *e)
{
	int rc = check_cpu(r, e);

	for (size_t i = 0; rc == 0 && i < ARRAY_LEN(appliers); i++)
		rc = appliers[i].wanted(r) ? apply_one(cg, i, r, e) : 0;
	if (rc == 0 && r->n_devices)
		rc = apply_devices(cg, r, e);
	if (rc == 0 && r->n_unified)
		rc = apply_unified(cg, r, e);
	return rc;
}

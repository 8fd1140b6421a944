/* Limits in v2's files, converted from v1's terms, and the handing down of controllers.
 *
 * Conversions: cpu.weight by the quadratic formula that maps shares 2, 1024, 262144 to weights 1, 100, 10000 (so the
 * default stays the default); io.weight linearly; swap = (memory+swap) - memory; the reservation is memory.low.
 * memory.high is only reached through `unified`, and memory.oom.group is left to whoever runs inside.
 *
 * A controller is usable in a cgroup when every level above enables it for its children. We enable what each level
 * offers and move nobody: where that is refused (processes in an inner cgroup, a threaded cgroup) the limit that
 * needs it says so. One root is ours to arrange: that of a container we are in, where whoever made it left its first
 * process, for nothing could be limited in there. kernel: admin-guide/cgroup-v2.rst. */
#include "sys/cgroup_impl.h"

#include <fcntl.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/io.h"
#include "base/text.h"

static int64_t value_or_0(const int64_t *p)
{
	return p ? *p : 0;
}

static bool has_word(const char *list, const char *word, size_t len)
{
	while (*list) {
		size_t n = strcspn(list, " ");

		if (n == len && memcmp(list, word, len) == 0)
			return true;
		list += n + strspn(list + n, " ");
	}
	return false;
}

/* ---- controllers ---- */

/* Processes in a cgroup that is not the machine's root: a domain controller could not be enabled there, and enabling
 * a threaded one (cpu, pids) would quietly turn it into a threaded domain whose children nobody can use. */
static bool has_processes(int dir)
{
	char type[64], procs[16];

	return cg_read(dir, "cgroup.type", type, sizeof(type)) == 0 &&
	       cg_read(dir, "cgroup.procs", procs, sizeof(procs)) == 0 && procs[0];
}

/* A manager that is the first process, as systemd, has gone down from the root itself, and arranges it. */
static bool is_a_containers(void)
{
	CLEANUP_FREE char *of_first = NULL;

	return io_read_file(AT_FDCWD, "/proc/1/cgroup", 4096, &of_first, NULL) == 0 && text_ends(of_first, "0::/\n");
}

/* Everybody in the root of a container's cgroup namespace, to a cgroup beside those that we make there. Who is being born meanwhile
 * is found by the next look; one whom nobody here can name (0: of another pid namespace) stays. */
static void clear_root(int root)
{
	if (!has_processes(root) || !is_a_containers() || (mkdirat(root, "init", 0755) < 0 && errno != EEXIST))
		return;
	for (int looks = 0; looks < 10; looks++) {
		CLEANUP_FREE char *all = cg_slurp(root, "cgroup.procs");
		char *rest = all, *pid = cg_word(&rest, "\n");

		if (!pid)
			return;
		for (; pid; pid = cg_word(&rest, "\n"))
			if (strcmp(pid, "0") != 0)
				(void)!io_write_value(root, "init/cgroup.procs", pid);
	}
}

static void enable_level(int dir)
{
	char offered[512], enabled[512], wish[1024] = "";
	size_t used = 0;

	if (cg_read(dir, "cgroup.controllers", offered, sizeof(offered)) < 0 ||
	    cg_read(dir, "cgroup.subtree_control", enabled, sizeof(enabled)) < 0)
		return;
	for (const char *w = offered; *w;) {
		size_t n = strcspn(w, " ");

		if (!has_word(enabled, w, n))
			used += (size_t)snprintf(wish + used, sizeof(wish) - used, "%s+%.*s", used ? " " : "", (int)n, w);
		w += n + strspn(w + n, " ");
	}
	if (!used || has_processes(dir) || io_write_value(dir, "cgroup.subtree_control", wish) == 0)
		return;
	/* one that is refused must not keep the others out */
	for (char *w = wish; *w;) {
		size_t n = strcspn(w, " ");
		char saved = w[n];

		w[n] = '\0';
		(void)!io_write_value(dir, "cgroup.subtree_control", w);
		w += n + (saved != '\0');
	}
}

void cg2_enable(const struct cg_system *s, const char *path)
{
	const struct cg_hierarchy *h = &s->h[s->v2];
	CLEANUP_FREE char *level = strdup(path), *top = strdup(path);
	size_t first = top && cg_delegated(top) == 0 ? strlen(top) : 0;

	/* "" (the mount point), "/a", "/a/b" … but not the leaf; and nothing above what was delegated: that is somebody else's */
	for (char *slash = level ? level + first : NULL; slash && *slash; slash = strchr(slash + 1, '/')) {
		CLEANUP_FD int dir = -1;

		*slash = '\0';
		dir = cg_open_dir(h, level);
		*slash = '/';
		if (dir >= 0 && slash == level && s->mode == CG_V2)
			clear_root(dir);
		if (dir >= 0)
			enable_level(dir);
	}
}

/* Why dir does not enable a controller for its children. */
static int explain_level(const struct cg_hierarchy *h, const char *level, int dir, const char *controller, struct err *e)
{
	char type[64] = "", procs[16] = "";

	(void)!cg_read(dir, "cgroup.type", type, sizeof(type));
	(void)!cg_read(dir, "cgroup.procs", procs, sizeof(procs));
	procs[strcspn(procs, "\n")] = '\0';
	if (strcmp(type, "threaded") == 0 || strcmp(type, "domain threaded") == 0 || strcmp(type, "domain invalid") == 0)
		return err_set(e, ERR_UNSUPPORTED, "the %s controller stops at cgroup %s%s, which is of type \"%s\": "
						   "name a parent that is no threaded cgroup", controller, h->mount,
			       level, type);
	if (procs[0])
		return err_set(e, ERR_UNSUPPORTED, "the %s controller stops at cgroup %s%s, which has processes of its "
						   "own (process %s): move them into a child cgroup first", controller,
			       h->mount, level, procs);
	return err_set(e, ERR_UNSUPPORTED, "the %s controller stops at cgroup %s%s, and could not be enabled in its "
					   "cgroup.subtree_control", controller, h->mount, level);
}

int cg2_explain(const struct cg_system *s, const char *path, const char *controller, struct err *e)
{
	const struct cg_hierarchy *h = &s->h[s->v2];
	CLEANUP_FREE char *level = strdup(path);

	if (!has_word(s->v2_controllers, controller, strlen(controller)))
		return e->code;
	for (char *slash = level; slash; slash = strchr(slash + 1, '/')) {
		CLEANUP_FD int dir = -1;
		char enabled[512];

		*slash = '\0';
		dir = cg_open_dir(h, level);
		if (dir >= 0 && cg_read(dir, "cgroup.subtree_control", enabled, sizeof(enabled)) == 0 &&
		    !has_word(enabled, controller, strlen(controller)))
			return explain_level(h, *level ? level : "/", dir, controller, e);
		*slash = '/';
	}
	return e->code;
}

/* ---- memory ---- */

int cg2_swap(int64_t memory, int64_t memory_swap, int64_t *out, struct err *e)
{
	if (memory_swap == -1) {
		*out = -1;
		return 0;
	}
	if (memory <= 0)
		return err_set(e, ERR_INVALID, "a memory+swap limit of %" PRId64 " needs a memory limit", memory_swap);
	if (memory_swap < memory)
		return err_set(e, ERR_INVALID, "memory+swap limit %" PRId64 " is less than the memory limit %" PRId64,
			       memory_swap, memory);
	*out = memory_swap - memory;
	return 0;
}

static int write_max(const struct cg_dir *d, const char *file, int64_t value, struct err *e)
{
	return value < 0 ? cg_write(d, file, "max", e) : cg_writef(d, file, e, "%" PRId64, value);
}

/* A memory limit that is not being set now is the one in force. */
static int present_limit(const struct cg_dir *d, int64_t *limit, struct err *e)
{
	uint64_t now;
	int r = cg_read_u64(d->fd, "memory.max", &now);

	if (r < 0)
		return cg_write_error(d, "memory.max", "", r, e);
	*limit = now > INT64_MAX ? -1 : (int64_t)now;
	return 0;
}

static int write_swap(const struct cg_dir *d, int64_t limit, int64_t swap, struct err *e)
{
	int r = limit == 0 && swap > 0 ? present_limit(d, &limit, e) : 0;

	if (r == 0)
		r = cg2_swap(limit, swap, &swap, e);
	if (r < 0)
		return r;
	/* without swap accounting "no limit" is what there is */
	if (swap < 0 && !cg_has(d, "memory.swap.max") && cg_has(d, "memory.max"))
		return 0;
	return write_max(d, "memory.swap.max", swap, e);
}

static int unsupported_memory(const struct cg_resources *r, struct err *e)
{
	const char *what = NULL;

	if (value_or_0(r->kernel_memory) > 0 && !cg_memory_covers(r, r->kernel_memory))
		what = "a kernel memory limit";
	else if (value_or_0(r->kernel_memory_tcp) > 0 && !cg_memory_covers(r, r->kernel_memory_tcp))
		what = "a kernel TCP memory limit";
	else if (r->swappiness)
		what = "swappiness";
	else if (r->disable_oom_killer)
		what = "disabling the OOM killer";
	return what ? err_set(e, ERR_UNSUPPORTED, "cgroup v2 has no %s", what) : 0;
}

int cg2_memory(const struct cg_dir *d, const struct cg_resources *r, struct err *e)
{
	int64_t limit = value_or_0(r->memory_limit), swap = value_or_0(r->memory_swap);
	int rc = unsupported_memory(r, e);

	if (rc == 0 && (limit < -1 || swap < -1))
		return err_set(e, ERR_INVALID, "memory and swap limits are bytes, or -1 for none");
	if (rc == 0 && limit > 0 && r->check_before_update)
		rc = cg_check_usage(d, "memory.current", limit, e);
	if (limit == -1 && swap == 0)
		swap = -1; /* as on v1 */
	if (rc == 0 && swap)
		rc = write_swap(d, limit, swap, e);
	if (rc == 0 && limit)
		rc = write_max(d, "memory.max", limit, e);
	if (rc == 0 && value_or_0(r->memory_reservation))
		rc = write_max(d, "memory.low", *r->memory_reservation, e);
	return rc;
}

/* ---- cpu ---- */

/* 10^(x*x/612 + 125x/612 - 7/34) with x = log2(shares): a parabola through (2,1), (1024,100), (262144,10000). */
uint64_t cg2_cpu_weight(uint64_t shares)
{
	double x;

	if (shares == 0)
		return 0;
	if (shares <= 2)
		return 1;
	if (shares >= 262144)
		return 10000;
	x = log2((double)shares);
	return (uint64_t)ceil(pow(10, (x * x + 125 * x) / 612.0 - 7.0 / 34.0));
}

static int write_weight(const struct cg_dir *d, const struct cg_resources *r, struct err *e)
{
	int rc = r->cpu_idle && *r->cpu_idle == 0 ? cg_write(d, "cpu.idle", "0", e) : 0;

	if (rc == 0 && r->cpu_shares && *r->cpu_shares)
		rc = cg_writef(d, "cpu.weight", e, "%" PRIu64, cg2_cpu_weight(*r->cpu_shares));
	if (rc == 0 && r->cpu_idle && *r->cpu_idle != 0)
		rc = cg_writef(d, "cpu.idle", e, "%" PRId64, *r->cpu_idle);
	return rc;
}

/* "QUOTA PERIOD"; the one that is not given stays what it is. */
static int cpu_max(const struct cg_dir *d, const struct cg_resources *r, char *out, size_t len, struct err *e)
{
	char quota[64];
	int rc;

	if (r->cpu_quota && *r->cpu_quota) {
		snprintf(quota, sizeof(quota), "%" PRId64, *r->cpu_quota);
		if (*r->cpu_quota < 0)
			snprintf(quota, sizeof(quota), "max");
	} else {
		rc = cg_read(d->fd, "cpu.max", quota, sizeof(quota));
		if (rc < 0)
			return cg_write_error(d, "cpu.max", "", rc, e);
		quota[strcspn(quota, " ")] = '\0';
	}
	if (r->cpu_period && *r->cpu_period)
		snprintf(out, len, "%s %" PRIu64, quota, *r->cpu_period);
	else
		snprintf(out, len, "%s", quota);
	return 0;
}

int cg2_cpu(const struct cg_dir *d, const struct cg_resources *r, struct err *e)
{
	bool has_max = (r->cpu_quota && *r->cpu_quota) || (r->cpu_period && *r->cpu_period);
	char max[96], burst[24];
	int rc;

	if ((r->cpu_rt_period && *r->cpu_rt_period) || value_or_0(r->cpu_rt_runtime) != 0)
		return err_set(e, ERR_UNSUPPORTED, "cgroup v2 has no real-time cpu limits");
	rc = write_weight(d, r, e);
	if (rc == 0 && has_max)
		rc = cpu_max(d, r, max, sizeof(max), e);
	snprintf(burst, sizeof(burst), "%" PRIu64, r->cpu_burst ? *r->cpu_burst : 0);
	if (rc == 0)
		rc = cg_write_pair(d, "cpu.max.burst", r->cpu_burst ? burst : NULL, "cpu.max", has_max ? max : NULL, e);
	return rc;
}

/* ---- io ---- */

uint64_t cg2_io_weight(uint64_t weight)
{
	return weight < 10 ? 1 : 1 + (weight - 10) * 9999 / 990;
}

static int write_io_weights(const struct cg_dir *d, const struct cg_resources *r, struct err *e)
{
	bool bfq = cg_has(d, "io.bfq.weight");
	const char *file = bfq ? "io.bfq.weight" : "io.weight";
	int rc = 0;

	if (r->blkio_leaf_weight && *r->blkio_leaf_weight)
		return err_set(e, ERR_UNSUPPORTED, "cgroup v2 has no leaf weight");
	if (r->blkio_weight && *r->blkio_weight)
		rc = cg_writef(d, file, e, "%" PRIu64, bfq ? *r->blkio_weight : cg2_io_weight(*r->blkio_weight));
	for (size_t i = 0; rc == 0 && i < r->n_weight_devices; i++) {
		const struct cg_weight_device *w = &r->weight_devices[i];

		if (w->leaf_weight)
			return err_set(e, ERR_UNSUPPORTED, "cgroup v2 has no leaf weight");
		if (w->weight)
			rc = cg_writef(d, file, e, "%" PRId64 ":%" PRId64 " %" PRIu64, w->major, w->minor,
				       bfq ? w->weight : cg2_io_weight(w->weight));
	}
	return rc;
}

int cg2_io(const struct cg_dir *d, const struct cg_resources *r, struct err *e)
{
	const struct {
		const char *key;
		const struct cg_throttle *list;
		size_t n;
	} throttles[] = {
		{ "rbps", r->read_bps, r->n_read_bps },
		{ "wbps", r->write_bps, r->n_write_bps },
		{ "riops", r->read_iops, r->n_read_iops },
		{ "wiops", r->write_iops, r->n_write_iops },
	};
	int rc = write_io_weights(d, r, e);

	for (size_t k = 0; k < ARRAY_LEN(throttles); k++) {
		for (size_t i = 0; rc == 0 && i < throttles[k].n; i++) {
			const struct cg_throttle *t = &throttles[k].list[i];
			char rate[24];

			/* v1's 0 takes the limit away */
			snprintf(rate, sizeof(rate), "%" PRIu64, t->rate);
			rc = cg_writef(d, "io.max", e, "%" PRId64 ":%" PRId64 " %s=%s", t->major, t->minor,
				       throttles[k].key, t->rate ? rate : "max");
		}
	}
	return rc;
}

/* Files take one setting per write, so each line of the value is one. */
int cg2_unified(const struct cg_dir *d, const char *key, const char *value, struct err *e)
{
	if (strchr(key, '/') || !strchr(key, '.') || key[0] == '.')
		return err_set(e, ERR_INVALID, "\"%s\" is no name of a cgroup v2 file", key);
	do {
		size_t len = strcspn(value, "\n");
		int r = cg_writef(d, key, e, "%.*s", (int)len, value);

		if (r < 0)
			return r;
		value += len + (value[len] == '\n');
	} while (*value);
	return 0;
}

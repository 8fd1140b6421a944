/* What a cgroup has used. Files that are not there leave their numbers 0: statistics are shown, not relied on. */
#include "sys/cgroup_impl.h"

#include <string.h>
#include <unistd.h>

#include "base/io.h"

#define STAT_MAX 65536

int cg_ctrl_dir(const struct cgroup *cg, enum cg_ctrl c, bool *v2)
{
	int at = cg->sys->where[c];

	*v2 = at >= 0 && cg->sys->h[at].v2;
	return at < 0 ? -1 : cg->dir[at];
}

static uint64_t number(int dir, const char *file)
{
	uint64_t v = 0;

	return cg_read_u64(dir, file, &v) == 0 ? v : 0;
}

/* Values of a flat keyed file; keys without one stay as they are. */
static void keyed_file(int dir, const char *file, const char *const *keys, uint64_t *const *values, size_t n)
{
	CLEANUP_FREE char *text = NULL;

	if (io_read_file(dir, file, STAT_MAX, &text, NULL) < 0)
		return;
	for (size_t i = 0; i < n; i++)
		(void)cg_keyed(text, keys[i], values[i]);
}

static void read_cpu(const struct cgroup *cg, struct cg_stats *s)
{
	bool v2;
	int dir = cg_ctrl_dir(cg, CG_CPUACCT, &v2);
	long hz = sysconf(_SC_CLK_TCK);
	uint64_t tick = 1000000000U / (hz > 0 ? (uint64_t)hz : 100), scale = tick;

	if (dir >= 0) {
		static const char *const keys[] = { "user", "system" };

		s->cpu_ns = number(dir, "cpuacct.usage");
		keyed_file(dir, "cpuacct.stat", keys, (uint64_t *const[]){ &s->cpu_user_ns, &s->cpu_system_ns }, 2);
	} else if (cg->sys->v2 >= 0 && cg->dir[cg->sys->v2] >= 0) {
		static const char *const keys[] = { "usage_usec", "user_usec", "system_usec" };

		keyed_file(cg->dir[cg->sys->v2], "cpu.stat", keys,
			   (uint64_t *const[]){ &s->cpu_ns, &s->cpu_user_ns, &s->cpu_system_ns }, 3);
		scale = 1000;
		s->cpu_ns *= scale;
	}
	s->cpu_user_ns *= scale;
	s->cpu_system_ns *= scale;
}

static void read_memory_v1(int dir, struct cg_stats *s)
{
	static const char *const keys[] = { "total_inactive_file", "total_swap" }, *const oom[] = { "oom_kill" };

	s->memory = number(dir, "memory.usage_in_bytes");
	s->memory_limit = number(dir, "memory.limit_in_bytes");
	s->memory_max = number(dir, "memory.max_usage_in_bytes");
	keyed_file(dir, "memory.stat", keys, (uint64_t *const[]){ &s->cache, &s->swap }, 2);
	keyed_file(dir, "memory.oom_control", oom, (uint64_t *const[]){ &s->oom_kills }, 1);
}

static void read_memory_v2(int dir, struct cg_stats *s)
{
	static const char *const keys[] = { "inactive_file" }, *const oom[] = { "oom_kill" };

	s->memory = number(dir, "memory.current");
	s->memory_limit = number(dir, "memory.max");
	s->memory_max = number(dir, "memory.peak");
	s->swap = number(dir, "memory.swap.current");
	keyed_file(dir, "memory.stat", keys, (uint64_t *const[]){ &s->cache }, 1);
	keyed_file(dir, "memory.events", oom, (uint64_t *const[]){ &s->oom_kills }, 1);
}

int cg_read_stats(struct cgroup *cg, struct cg_stats *out, struct err *e)
{
	bool v2;
	int dir;

	memset(out, 0, sizeof(*out));
	if (cg_main_hierarchy(cg) < 0)
		return err_set(e, ERR_NOTFOUND, "no such cgroup: %s", cg->path);
	read_cpu(cg, out);
	dir = cg_ctrl_dir(cg, CG_MEMORY, &v2);
	if (dir >= 0 && v2)
		read_memory_v2(dir, out);
	else if (dir >= 0)
		read_memory_v1(dir, out);
	dir = cg_ctrl_dir(cg, CG_PIDS, &v2);
	if (dir >= 0) {
		out->pids = number(dir, "pids.current");
		out->pids_limit = number(dir, "pids.max");
	}
	return 0;
}

int cg_read_quota(struct cgroup *cg, int64_t *quota, uint64_t *period)
{
	char text[64], *end;
	uint64_t v;
	bool v2;
	int dir = cg_ctrl_dir(cg, CG_CPU, &v2), r;

	if (dir < 0)
		return -ENOENT;
	r = cg_read(dir, v2 ? "cpu.max" : "cpu.cfs_quota_us", text, sizeof(text));
	if (r == 0 && !v2)
		r = cg_read_u64(dir, "cpu.cfs_period_us", &v);
	if (r < 0)
		return r;
	*quota = *text == 'm' ? -1 : strtoll(text, &end, 10);
	*period = v2 ? strtoull(text + strcspn(text, " "), &end, 10) : v;
	return 0;
}

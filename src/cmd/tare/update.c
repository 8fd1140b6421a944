/* tare update: limits; restart policy; published ports and mounts, now and for the next start. */
#include "cmd/tare/tare.h"

#include <unistd.h>

#include "engine/limits.h"
#include "engine/mounts.h"
#include "engine/publish.h"
#include "engine/revive.h"

#define OWN(member) offsetof(struct update_opts, member)
#define LIMIT(member) offsetof(struct update_opts, limits.member)

const struct cli_option update_options[] = {
	{ "publish-add", 0, "[[IP:]PORT:]PORT[/PROTO]", CLI_STRV, "publish it, as run's -p does", offsetof(struct update_opts, publish_add) },
	{ "publish-rm", 0, "[IP:]PORT[/PROTO]|[IP:][PORT]:PORT[/PROTO]", CLI_STRV, "a port of the host, or of the container, or what -p said",
	  offsetof(struct update_opts, publish_rm) },
	{ "mount-add", 0, "type=bind|volume|tmpfs|image,source=SRC,target=DST[,...]", CLI_STRV, "mount it, as run's --mount does", offsetof(struct update_opts, mount_add) },
	{ "mount-rm", 0, "PATH-INSIDE", CLI_STRV, "where a mount is in the container", offsetof(struct update_opts, mount_rm) },
	{ "restart", 0, "no|always|unless-stopped|on-failure[:N]", CLI_STR, "another restart policy, from its next end on",
	  offsetof(struct update_opts, restart) },
	{ "memory", 'm', "BYTES", CLI_STR, "memory limit (512m)", LIMIT(memory) },
	{ "memory-swap", 0, "BYTES", CLI_STR, "limit of memory and swap together (-1: no limit)", LIMIT(memory_swap) },
	{ "memory-reservation", 0, "BYTES", CLI_STR, "soft memory limit", LIMIT(memory_reservation) },
	{ "cpus", 0, "N", CLI_STR, "how many CPUs' time it may use (1.5; 0: no limit)", LIMIT(cpus) },
	{ "cpu-shares", 'c', "N", CLI_U64, "relative weight (1024 is usual)", OWN(cpu_shares) },
	{ "cpu-quota", 0, "MICROSECONDS", CLI_I64, "CPU time it may use in each period, instead of --cpus (-1: no limit)", OWN(cpu_quota) },
	{ "cpu-period", 0, "MICROSECONDS", CLI_I64, "that period", OWN(cpu_period) },
	{ "cpu-rt-period", 0, "MICROSECONDS", CLI_I64, "period of real-time CPU time (cgroup v1)", OWN(cpu_rt_period) },
	{ "cpu-rt-runtime", 0, "MICROSECONDS", CLI_I64, "real-time CPU time it may use in each (cgroup v1)", OWN(cpu_rt_runtime) },
	{ "cpuset-cpus", 0, "LIST", CLI_STR, "CPUs it may run on (0-2,4)", LIMIT(cpuset_cpus) },
	{ "cpuset-mems", 0, "LIST", CLI_STR, "memory nodes it may use", LIMIT(cpuset_mems) },
	{ "pids-limit", 0, "N", CLI_I64, "most processes (-1: no limit)", OWN(pids_limit) },
	{ "blkio-weight", 0, "10-1000", CLI_U64, "relative weight of its reads and writes", LIMIT(blkio_weight) },
	{ "kernel-memory", 0, "BYTES", CLI_UNSUPPORTED, "the kernel limits its own memory within --memory: use that" },
	{ 0 }
};

const struct update_opts update_defaults = {
	.pids_limit = INT64_MIN,
	.cpu_quota = INT64_MIN,
	.cpu_period = INT64_MIN,
	.cpu_rt_period = INT64_MIN,
	.cpu_rt_runtime = INT64_MIN,
};

static const int64_t *if_given(const int64_t *v)
{
	return *v == INT64_MIN ? NULL : v;
}

/* False: no limit is given. */
static bool limits(const struct update_opts *o, struct ct_options *out)
{
	*out = o->limits;
	out->pids_limit = if_given(&o->pids_limit);
	out->cpu_quota = if_given(&o->cpu_quota);
	out->cpu_period = if_given(&o->cpu_period);
	out->cpu_rt_period = if_given(&o->cpu_rt_period);
	out->cpu_rt_runtime = if_given(&o->cpu_rt_runtime);
	out->cpu_shares = o->cpu_shares ? &o->cpu_shares : NULL;
	return out->memory || out->memory_swap || out->memory_reservation || out->cpus || out->cpu_quota || out->cpu_period || out->cpu_shares ||
	       out->cpuset_cpus || out->cpuset_mems || out->pids_limit || out->cpu_rt_period || out->cpu_rt_runtime || out->blkio_weight;
}

static int update_one(const struct engine *en, const char *what, const void *data, struct err *e)
{
	const struct update_opts *o = data;
	CLEANUP_FREE char *here = getcwd(NULL, 0);
	struct ct_options limit;
	struct policy policy;
	int r = policy_parse(o->restart, &policy, e);

	if (r == 0 && limits(o, &limit))
		r = container_limit(en, what, &limit, e);
	if (r == 0 && o->restart)
		r = container_set_policy(en, what, &policy, e);
	if (r == 0 && (o->publish_add.n || o->publish_rm.n))
		r = container_publish(en, what, (struct strv){ o->publish_add.v, o->publish_add.n }, (struct strv){ o->publish_rm.v, o->publish_rm.n }, e);
	if (r == 0 && (o->mount_add.n || o->mount_rm.n))
		r = container_mounts_change(en, what, (struct strv){ o->mount_rm.v, o->mount_rm.n }, (struct strv){ o->mount_add.v, o->mount_add.n }, here, e);
	if (r == 0)
		tare_say("%s", what);
	return r;
}

int cmd_update(const struct cli_call *call, struct err *e)
{
	const struct update_opts *o = call->opts;
	CLEANUP_ENGINE struct engine en = ENGINE_INIT;
	const struct image_need any = { 0 };
	struct ct_options limit;
	int r;

	if (!o->publish_add.n && !o->publish_rm.n && !o->mount_add.n && !o->mount_rm.n && !o->restart && !limits(o, &limit))
		return err_set(e, ERR_INVALID, "what is to be changed? --memory, --restart, --publish-add, --mount-add...: see \"%s --help\"", call->name);
	r = tare_engine(call, &en, e);
	if (r == 0)
		r = tare_need_mounted(call, &en, (struct strv){ o->mount_add.v, o->mount_add.n }, &any, e);
	return r < 0 ? r : tare_each(call, &en, update_one, o);
}

/* Which cgroup a container gets, by whom it is made, and how it is changed and taken away again.
 *
 * cgroupfs: a folder that we make. systemd: a scope that systemd makes for us (runtime/scope.c). disabled: none, and then
 * no limits either. Commands that come later go by the record alone: their callers do not all repeat the options of create.
 *
 * Rootless without systemd: a folder beside our own cgroup, for what is above that may have been delegated to the user
 * (v2; our own has processes, and could hand no controllers down). Without rights there: none, unless the
 * specification asks for a cgroup or for limits. */
#include <limits.h>
#include <signal.h>
#include <string.h>

#include "base/log.h"
#include "cmd/oci/oci.h"
#include "sys/cgroup.h"

enum manager { CGROUPFS, SYSTEMD, DISABLED };

static int choose_manager(const struct oci_globals *g, enum manager *out, struct err *e)
{
	const char *name = g->cgroup_manager;

	*out = CGROUPFS;
	if (name && strcmp(name, "disabled") == 0)
		*out = DISABLED;
	if (g->systemd_cgroup || (name && strcmp(name, "systemd") == 0))
		*out = SYSTEMD;
	if (g->systemd_cgroup && name && strcmp(name, "systemd") != 0)
		return err_set(e, ERR_INVALID, "--systemd-cgroup and --cgroup-manager=%s contradict each other", name);
	return 0;
}

static bool has_limits(const struct cg_resources *r)
{
	return r->memory_limit || r->memory_reservation || r->memory_swap || r->swappiness || r->cpu_shares ||
	       r->cpu_quota || r->cpu_period || r->cpu_burst || r->cpu_idle || r->cpuset_cpus || r->cpuset_mems ||
	       r->pids_limit || r->blkio_weight || r->n_weight_devices || r->n_read_bps || r->n_write_bps ||
	       r->n_read_iops || r->n_write_iops || r->n_hugepages || r->n_rdma || r->net_class_id ||
	       r->n_net_priorities || r->n_unified;
}

static int no_cgroup(const struct oci_spec *spec, const char *why, struct err *e)
{
	const struct oci_namespace *pid = &spec->linux_.ns[OCI_NS_PID];

	if (has_limits(&spec->linux_.resources))
		return err_set(e, ERR_UNSUPPORTED, "linux.resources: limits need a cgroup, and there is none %s", why);
	if (!pid->wanted || pid->path)
		log_warning("without a cgroup and a \"pid\" namespace of its own, what a container leaves running cannot be found");
	return 0;
}

static const char *join(struct arena *a, const char *folder, const char *name)
{
	while (*name == '/')
		name++;
	return arena_printf(a, "%s/%s", strcmp(folder, "/") == 0 ? "" : folder, name);
}

/* The cgroup above our own, on v2; "/" where we see none. */
static const char *above_own(struct arena *a)
{
	char own[PATH_MAX], *slash;

	if (cg_detect() != CG_V2 || cg_path_of(0, own, sizeof(own)) < 0)
		return "/";
	slash = strrchr(own, '/');
	*slash = '\0';
	return *own ? arena_strdup(a, own) : "/";
}

static int plan_rootless(struct arena *a, const struct oci_spec *spec, struct rt_record *rec, struct err *e)
{
	const char *asked = spec->linux_.cgroups_path, *above = above_own(a), *path;

	if (asked && !*asked)
		asked = NULL;
	if (asked && asked[0] == '/')
		path = asked;
	else
		path = above ? join(a, above, asked ? asked : rec->id) : NULL;
	if (!path)
		return err_errno(e, -ENOMEM, "cgroup");
	if (!cg_may_make(path)) {
		if (asked)
			return err_set(e, ERR_DENIED,
				       "linux.cgroupsPath: no rights to make cgroup %s and to move processes there: leave it out, "
				       "or have a cgroup delegated (systemd: --systemd-cgroup)", path);
		return no_cgroup(spec, "without rights over one (rootless)", e);
	}
	rec->cgroup = path;
	return 0;
}

static int plan_unit(struct arena *a, const struct oci_spec *spec, bool user, const char *id, struct rt_unit *unit,
		     struct err *e)
{
	if (user && cg_detect() != CG_V2)
		return err_set(e, ERR_UNSUPPORTED, "rootless systemd cgroups need pure cgroup v2");
	return rt_unit_plan(a, spec->linux_.cgroups_path, id, user, unit, e);
}

/* The specification with a CPU quota that systemd can keep, too. */
static int fit_quota(struct arena *a, const struct oci_spec **spec, struct err *e)
{
	const struct cg_resources *r = &(*spec)->linux_.resources;
	uint64_t period = r->cpu_period ? *r->cpu_period : 0;
	struct oci_spec *copy;
	int64_t *quota;

	if (!r->cpu_quota || rt_unit_quota(*r->cpu_quota, period) == *r->cpu_quota)
		return 0;
	copy = arena_new(a, struct oci_spec);
	quota = arena_new(a, int64_t);
	if (!copy || !quota)
		return err_errno(e, -ENOMEM, "linux.resources.cpu.quota");
	*copy = **spec;
	*quota = rt_unit_quota(*r->cpu_quota, period);
	copy->linux_.resources.cpu_quota = quota;
	*spec = copy;
	return 0;
}

/* Paths are below the mount point of each hierarchy, relative ones too. Without one the container gets a cgroup of its
 * own there, by its id, as runc does it. */
int oci_plan_cgroup(const struct cli_call *call, const struct oci_spec **given, struct rt_record *rec,
		    struct rt_unit *unit, struct err *e)
{
	const struct oci_globals *g = call->global;
	const struct oci_spec *spec = *given;
	const char *path = spec->linux_.cgroups_path, *subgroup;
	bool rootless = oci_rootless(g);
	enum manager manager;
	int r = choose_manager(g, &manager, e);

	if (r < 0)
		return r;
	subgroup = oci_annotation(spec, RT_SUBGROUP);
	if (manager != SYSTEMD && subgroup && *subgroup)
		return err_set(e, ERR_INVALID, "annotations." RT_SUBGROUP " needs --systemd-cgroup");
	if (manager == SYSTEMD) {
		r = plan_unit(call->arena, spec, rootless, rec->id, unit, e);
		return r < 0 ? r : fit_quota(call->arena, given, e);
	}
	if (manager == DISABLED)
		return no_cgroup(spec, "with --cgroup-manager=disabled", e);
	if (rootless)
		return plan_rootless(call->arena, spec, rec, e);
	if (!path || !*path)
		rec->cgroup = arena_printf(call->arena, "/%s", rec->id);
	else
		rec->cgroup = path[0] == '/' ? path : arena_printf(call->arena, "/%s", path);
	return rec->cgroup ? 0 : err_errno(e, -ENOMEM, "cgroup");
}

int oci_start_unit(const struct cli_call *call, const struct oci_spec *spec, struct rt_record *rec,
		   const struct rt_unit *unit, struct rt_scope *scope, struct err *e)
{
	char cgroup[PATH_MAX];
	int r;

	if (!unit->name)
		return 0;
	r = rt_scope_start(unit, rec->id, spec, scope, cgroup, e);
	if (r < 0)
		return r;
	rec->unit = unit->name;
	rec->unit_user = unit->user;
	r = rt_scope_divide(spec, unit->user, scope->helper, cgroup, e);
	rec->cgroup = arena_strdup(call->arena, cgroup);
	return r < 0 || rec->cgroup ? r : err_errno(e, -ENOMEM, "cgroup");
}

/* systemd writes all that it knows of a controller when a part is changed, CPU quotas in its whole percents, so what we
 * write behind it is the whole too: what was not given stays what it is now. */
struct completed {
	struct cg_resources r;
	int64_t quota, limit;
	uint64_t period;
};

static int complete(struct cgroup *cg, const struct cg_resources *r, struct completed *out, struct err *e)
{
	bool cpu = r->cpu_shares || r->cpu_quota || r->cpu_period || r->cpu_idle || r->cpu_burst;
	struct cg_stats now;
	int rc;

	out->r = *r;
	if (cpu && cg_read_quota(cg, &out->quota, &out->period) == 0) {
		if (!r->cpu_quota || !*r->cpu_quota)
			out->r.cpu_quota = &out->quota;
		if (!r->cpu_period || !*r->cpu_period)
			out->r.cpu_period = &out->period;
		out->quota = rt_unit_quota(*out->r.cpu_quota, *out->r.cpu_period);
		out->r.cpu_quota = &out->quota;
	}
	if (!r->memory_limit && !r->memory_swap)
		return 0;
	rc = cg_read_stats(cg, &now, e);
	if (rc < 0)
		return rc;
	out->limit = now.memory_limit > INT64_MAX ? -1 : (int64_t)now.memory_limit;
	if (r->memory_swap && *r->memory_swap > 0 && (!r->memory_limit || !*r->memory_limit) && out->limit)
		out->r.memory_limit = &out->limit;
	/* systemd does not ask */
	if (r->check_before_update && r->memory_limit && *r->memory_limit > 0 &&
	    now.memory > (uint64_t)*r->memory_limit)
		return err_set(e, ERR_BUSY, "rejecting memory limit %lld: it is below the present usage of %llu bytes",
			       (long long)*r->memory_limit, (unsigned long long)now.memory);
	return 0;
}

int oci_set_limits(const struct rt_record *rec, const struct cg_resources *r, struct err *e)
{
	CLEANUP_CGROUP struct cgroup *cg = NULL;
	struct completed all = {0};
	int rc;

	if (!rec->cgroup)
		return err_set(e, ERR_UNSUPPORTED, "container %s has no cgroup to limit", rec->id);
	rc = cg_open(rec->cgroup, &cg, e);
	if (rc < 0 || !rec->unit)
		return rc < 0 ? rc : cg_apply(cg, r, e);
	rc = complete(cg, r, &all, e);
	if (rc == 0)
		rc = rt_scope_update(rec->unit, rec->unit_user, &all.r, e);
	return rc < 0 ? rc : cg_apply(cg, &all.r, e);
}

static int kill_all(const char *path, struct err *e)
{
	CLEANUP_CGROUP struct cgroup *cg = NULL;
	int r = cg_open(path, &cg, e);

	if (r < 0)
		return e->cls == ERR_NOTFOUND ? 0 : r;
	return cg_populated(cg) ? cg_signal_all(cg, SIGKILL, e) : 0;
}

int oci_clear_cgroup(const struct rt_record *rec, struct err *e)
{
	struct err unit_error = {0};
	int r = 0;

	/* before systemd would ask them to end and wait for it */
	if (rec->unit && rec->cgroup)
		r = kill_all(rec->cgroup, e);
	/* a bus that does not answer keeps nobody from deleting: a scope ends when its cgroup is empty */
	if (r == 0 && rec->unit && rt_scope_stop(rec->unit, rec->unit_user, &unit_error) < 0)
		log_warning("stopping: %s", unit_error.msg);
	if (r == 0 && rec->cgroup)
		r = cg_clear(rec->cgroup, e);
	return r;
}

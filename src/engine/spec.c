#include "engine/spec.h"

#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "engine/capacity.h"
#include "engine/record.h"
#include "engine/service.h"
#include "engine/spec_log.h"
#include "engine/usercgroup.h"
#include "oci/signals.h"
#include "oci/user.h"
#include "sys/caps.h"



/* ---- judging ---- */

/* No mount's ids can be mapped, so its ids are those of the layers' files: all that its user has. */
static int plan_user_map(struct plan *p, uint32_t max_id, struct err *e)
{
	p->map_size = p->rootless->ids;
	if (p->map_base)
		return err_set(e, ERR_DENIED, "--userns=%s: only root may choose ids; yours are those in /etc/subuid", p->opt->userns);
	if (max_id < p->map_size)
		return 0;
	return err_set(e, ERR_LIMIT, "id %u occurs in the image or in --user, and %u ids are yours: more have to be set aside in /etc/subuid and "
				     "/etc/subgid", max_id, p->map_size);
}

/* As wide as the highest id that may occur, in whole steps. */
static int plan_map(struct plan *p, uint32_t max_id, struct err *e)
{
	uint64_t want = ((uint64_t)max_id + ID_RANGE_MIN) / ID_RANGE_MIN * ID_RANGE_MIN;

	if (p->rootless)
		return plan_user_map(p, max_id, e);
	if (!p->userns)
		return 0;
	if (p->map_base) {
		if (p->map_size <= max_id && p->joined)
			return err_set(e, ERR_INVALID, "ids up to %u are needed, and %s, whose namespace is shared, has %u: make that one with --userns=range",
				       max_id, plan_joined(p)->name, p->map_size);
		if (p->map_size <= max_id)
			return err_set(e, ERR_INVALID, "--userns=range: the image has ids up to %u: the range must be that wide", max_id);
		return 0;
	}
	if (want > ID_RANGE_END - ID_RANGE_FIRST)
		return err_set(e, ERR_LIMIT, "the image has files of id %u, too high for an id map: use --userns=host", max_id);
	p->map_size = (uint32_t)want;
	return 0;
}

static int plan_stop_signal(struct plan *p, const struct image_config *image, struct err *e)
{
	const char *name = p->opt->stop_signal ? p->opt->stop_signal : image ? image->stop_signal : NULL;

	p->stop_signal = oci_signal_number(name ? name : "SIGTERM");
	if (p->stop_signal < 0)
		return err_set(e, ERR_INVALID, "--stop-signal %s: no such signal", name);
	return 0;
}

/* One that is relative is below the root, as dockerd's. */
static const char *cgroup_parent(const struct plan *p)
{
	const char *parent = p->opt->cgroup_parent ? p->opt->cgroup_parent : SPEC_CGROUP_PARENT;

	return parent[0] == '/' ? parent : arena_printf(p->a, "/%s", parent);
}

static int check_cgroup_parent(const struct plan *p, const char *parent, struct err *e)
{
	const char *path = cgroup_parent(p);

	if (parent && p->rootless)
		return err_set(e, ERR_UNSUPPORTED, "--cgroup-parent: which cgroup the containers of an ordinary user are in is not his to choose");
	if (!parent || (parent[0] && path && !strstr(path, "/../") && !text_ends(path, "/..") && !strstr(path, "//")))
		return 0;
	return err_set(e, ERR_INVALID, "--cgroup-parent %s: must be a path without \"..\" and empty names", parent);
}

/* What tells the manager that it is ready must be there; and without a cgroup only who may make no device nodes is kept from the machine's. */
static int plan_service(const struct plan *p, struct err *e)
{
	int r = service_check(p->opt, p->rootless != NULL, e);

	if (r == 0 && p->opt->sdnotify && strcmp(p->opt->sdnotify, "healthy") == 0 && !p->health.args.n)
		return err_set(e, ERR_INVALID, "--sdnotify=healthy: neither --health-cmd nor the image has a health check");
	if (r == 0 && !plan_has_cgroup(p) && !p->userns && !p->rootless && !p->opt->privileged && (p->caps & CAP_BIT((unsigned int)cap_number("MKNOD"))))
		return err_set(e, ERR_INVALID, "--cgroups=disabled with --userns=host: nothing keeps it from the machine's devices: add --cap-drop MKNOD");
	return r;
}

static int plan_restart(struct plan *p, struct err *e)
{
	int r = policy_parse(p->opt->restart, &p->restart, e);

	if (r == 0 && p->opt->rm && p->restart.kind != POLICY_NO)
		return err_set(e, ERR_INVALID, "--rm and --restart %s contradict each other: a container that is removed is not restarted", p->opt->restart);
	return r;
}

int spec_plan(struct plan *p, const struct image_config *image, uint32_t max_id, struct err *e)
{
	int r = plan_security(p, image, e);

	if (r == 0)
		r = plan_namespaces(p, image, e);
	if (r == 0)
		r = plan_process(p, image, e);
	if (r == 0)
		r = plan_mounts(p, image ? image->volumes : NULL, e);
	if (r == 0)
		r = plan_devices(p, e);
	if (r == 0)
		r = plan_limits(p, e);
	if (r == 0)
		r = plan_storage(p, e);
	if (r == 0)
		r = plan_map(p, max_id, e);
	if (r == 0)
		r = plan_stop_signal(p, image, e);
	if (r == 0)
		r = plan_restart(p, e);
	if (r == 0)
		r = plan_health(p, image, e);
	if (r == 0)
		r = check_cgroup_parent(p, p->opt->cgroup_parent, e);
	if (r == 0)
		r = plan_service(p, e);
	if (r == 0)
		r = plan_log(p, image, e);
	if (r == 0 && arena_error(p->a) < 0)
		r = err_errno(e, -ENOMEM, "options");
	return r;
}

/* Widens the map to an id the process runs with. */
static int cover(struct plan *p, uint32_t id, struct err *e)
{
	if ((!p->userns && !p->rootless) || id < p->map_size)
		return 0;
	return plan_map(p, id, e);
}

int spec_user(struct plan *p, const char *passwd, const char *group, struct err *e)
{
	struct oci_resolved_user u;
	uint32_t *groups;
	size_t n;
	int r = oci_user_resolve_texts(p->a, passwd, group, p->user, &u, e);

	if (r < 0)
		return r;
	n = u.n_groups;
	groups = arena_array(p->a, n + p->opt->group_add.n + p->n_device_groups + 1, sizeof(*groups));
	if (!groups)
		return err_errno(e, -ENOMEM, "--user");
	if (n)
		memcpy(groups, u.groups, n * sizeof(*groups));
	for (size_t i = 0; r == 0 && i < p->opt->group_add.n; i++) {
		r = oci_group_resolve_text(group, p->opt->group_add.v[i], &groups[n++], e);
		if (r < 0)
			(void)err_ctx(e, "--group-add");
	}
	for (size_t i = 0; i < p->n_device_groups; i++)
		groups[n++] = p->device_groups[i];
	p->uid = u.uid;
	p->gid = u.gid;
	p->groups = groups;
	p->n_groups = n;
	plan_home(p, u.home);
	if (r == 0)
		r = cover(p, u.uid, e);
	if (r == 0)
		r = cover(p, u.gid, e);
	for (size_t i = 0; r == 0 && i < n; i++)
		r = cover(p, groups[i], e);
	return r;
}

/* ---- writing ---- */

/* What execve(2) would leave: root has them, another user may only get them back. */
void spec_write_caps(uint64_t caps, uint32_t uid, struct json_writer *w)
{
	static const char *const sets[] = { "bounding", "effective", "permitted" };

	jw_object(w, "capabilities");
	for (size_t i = 0; i < (uid == 0 ? ARRAY_LEN(sets) : 1); i++) {
		jw_array(w, sets[i]);
		for (unsigned int cap = 0; cap < 64; cap++)
			if (caps & CAP_BIT(cap) && cap_name(cap))
				jw_str(w, NULL, cap_name(cap));
		jw_end_array(w);
	}
	jw_end_object(w);
}

void spec_write_user(uint32_t uid, uint32_t gid, const uint32_t *groups, size_t n_groups, struct json_writer *w)
{
	jw_object(w, "user");
	jw_u64(w, "uid", uid);
	jw_u64(w, "gid", gid);
	if (n_groups) {
		jw_array(w, "additionalGids");
		for (size_t i = 0; i < n_groups; i++)
			jw_u64(w, NULL, groups[i]);
		jw_end_array(w);
	}
	jw_end_object(w);
}

static void write_rlimits(const struct plan *p, struct json_writer *w)
{
	if (!p->n_rlimits)
		return;
	jw_array(w, "rlimits");
	for (size_t i = 0; i < p->n_rlimits; i++) {
		jw_object(w, NULL);
		jw_str(w, "type", p->rlimits[i].type);
		jw_u64(w, "soft", p->rlimits[i].soft);
		jw_u64(w, "hard", p->rlimits[i].hard);
		jw_end_object(w);
	}
	jw_end_array(w);
}

/* args: the container's own command, or another's. */
static void write_process(const struct plan *p, struct strv args, bool terminal, bool init, struct json_writer *w)
{
	jw_object(w, "process");
	jw_bool(w, "terminal", terminal);
	spec_write_user(p->uid, p->gid, p->groups, p->n_groups, w);
	jw_array(w, "args");
	if (init) {
		jw_str(w, NULL, PLAN_INIT);
		jw_str(w, NULL, "--");
	}
	for (size_t i = 0; i < args.n; i++)
		jw_str(w, NULL, args.v[i]);
	jw_end_array(w);
	jw_strv(w, "env", p->run_env.v);
	jw_str(w, "cwd", p->cwd);
	spec_write_caps(p->caps, p->uid, w);
	write_rlimits(p, w);
	jw_bool(w, "noNewPrivileges", p->no_new_privs);
	if (p->opt->oom_score_adj)
		jw_i64(w, "oomScoreAdj", *p->opt->oom_score_adj);
	jw_end_object(w);
}

static void write_namespaces(const struct plan *p, struct json_writer *w)
{
	const struct {
		const char *type;
		bool wanted;
	} rows[] = {
		{ "user", p->userns },      { "mount", true },          { "pid", !p->host_pid }, { "network", !p->host_net },
		{ "ipc", !p->host_ipc }, { "uts", !p->host_uts }, { "cgroup", !p->host_cgroupns },
	};

	jw_array(w, "namespaces");
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		if (rows[i].wanted) {
			jw_object(w, NULL);
			jw_str(w, "type", rows[i].type);
			jw_end_object(w);
		}
	jw_end_array(w);
}

static void write_range(uint32_t inside, uint32_t outside, uint32_t size, struct json_writer *w)
{
	jw_object(w, NULL);
	jw_u64(w, "containerID", inside);
	jw_u64(w, "hostID", outside);
	jw_u64(w, "size", size);
	jw_end_object(w);
}

/* of_user: the ranges of the user's own namespace, which the kernel lets nobody put together. */
static void write_map(const struct plan *p, const char *key, const struct idmap_range *of_user, size_t n, struct json_writer *w)
{
	jw_array(w, key);
	if (!p->rootless)
		write_range(0, p->map_base, p->map_size, w);
	for (size_t i = 0; i < n && of_user; i++)
		write_range(of_user[i].inside, of_user[i].inside, of_user[i].size, w);
	jw_end_array(w);
}

static void write_sysctls(const struct plan *p, struct json_writer *w)
{
	if (!p->n_sysctls)
		return;
	jw_object(w, "sysctl");
	for (size_t i = 0; i < p->n_sysctls; i++)
		jw_str(w, p->sysctls[i].key, p->sysctls[i].value);
	jw_end_object(w);
}

static void write_seccomp(const struct plan *p, struct json_writer *w)
{
	if (p->seccomp == SECCOMP_FILE)
		jw_value(w, "seccomp", p->seccomp_doc);
	else if (p->seccomp == SECCOMP_DEFAULT)
		oci_seccomp_write(w, "seccomp", p->seccomp_profile);
}

/* What is mounted in a shared bind becomes the host's only out of a root that is shared, too. */
static bool shares_mounts(const struct plan *p)
{
	for (size_t i = 0; i < p->n_binds; i++)
		if (strstr(p->binds[i].propagation, "shared"))
			return true;
	return false;
}

static void write_linux(const struct plan *p, struct json_writer *w)
{
	jw_object(w, "linux");
	if (shares_mounts(p))
		jw_str(w, "rootfsPropagation", "shared");
	write_namespaces(p, w);
	if (p->userns) {
		write_map(p, "uidMappings", p->rootless ? p->rootless->uid : NULL, p->rootless ? p->rootless->n_uid : 0, w);
		write_map(p, "gidMappings", p->rootless ? p->rootless->gid : NULL, p->rootless ? p->rootless->n_gid : 0, w);
	}
	plan_write_resources(p, w);
	plan_write_devices(p, w);
	write_sysctls(p, w);
	if (p->masked.v)
		jw_strv(w, "maskedPaths", p->masked.v);
	if (p->readonly.v)
		jw_strv(w, "readonlyPaths", p->readonly.v);
	write_seccomp(p, w);
	jw_end_object(w);
}

static void write_annotations(const struct plan *p, struct json_writer *w)
{
	if (!p->annotations.n)
		return;
	jw_object(w, "annotations");
	for (size_t i = 0; i < p->annotations.n; i++) {
		const char *text = p->annotations.v[i];
		size_t len = strcspn(text, "=");

		jw_str(w, arena_strndup(p->a, text, len), text[len] ? text + len + 1 : "");
	}
	jw_end_object(w);
}

static void write_spec(const struct plan *p, const struct spec_place *place, struct json_writer *w)
{
	jw_object(w, "spec");
	jw_str(w, "ociVersion", "1.2.0");
	write_process(p, p->args, p->opt->tty, place->init_program != NULL, w);
	jw_object(w, "root");
	jw_str(w, "path", "rootfs");
	jw_bool(w, "readonly", p->opt->read_only);
	jw_end_object(w);
	if (!p->host_uts)
		jw_str(w, "hostname", p->hostname);
	if (p->domainname)
		jw_str(w, "domainname", p->domainname);
	plan_write_mounts(p, place->container_dir, place->init_program, w);
	plan_write_hooks(p, w);
	write_linux(p, w);
	write_annotations(p, w);
	jw_end_object(w);
}

/* As with Docker: what makes a Debian in a container looks whether it does. The cgroup says which, where a map of ids would not hold anybody. */
static bool opens_nodes(const struct plan *p)
{
	return !p->userns && !p->rootless && (p->opt->privileged || plan_as_docker(p));
}

static void write_rootfs(const struct plan *p, const struct spec_place *place, struct json_writer *w)
{
	const char *apart = p->storage_kind == QUOTA_SUBVOLUME ? "/" CAPACITY_SUBVOLUME : "";

	jw_object(w, "rootfs");
	if (p->opt->rootfs) {
		jw_str(w, "kind", "dir");
		jw_str(w, "path", p->opt->rootfs);
		jw_bool(w, "idmap", p->userns && !p->rootless);
	} else {
		jw_str(w, "kind", "overlay");
		jw_strv(w, "lower", place->lowers);
		jw_str(w, "upper", p->opt->step ? "upper" : arena_printf(p->a, "%s%s/upper", place->container_dir, apart));
		jw_str(w, "work", p->opt->step ? "work" : arena_printf(p->a, "%s%s/work", place->container_dir, apart));
		if (p->opt->step)
			jw_str(w, "base", p->opt->step->base);
		if (p->opt->rm && !p->opt->step)
			jw_bool(w, "volatile", true);
		if (p->rootless)
			jw_bool(w, "ofUser", true);
		if (opens_nodes(p))
			jw_bool(w, "nodes", true);
	}
	jw_end_object(w);
}

const char *spec_cgroup(const struct plan *p)
{
	const char *parent = cgroup_parent(p);

	if (!plan_has_cgroup(p))
		return NULL;
	if (p->rootless)
		return arena_printf(p->a, "%s/%s", p->rootless->cgroup, p->id);
	return arena_printf(p->a, "%s/%s", strcmp(parent, "/") == 0 ? "" : parent, p->id);
}

int spec_describe(const struct plan *p, const struct spec_place *place, unsigned int attach, struct strbuf *out,
		  struct err *e)
{
	struct json_writer w = JSON_WRITER(out);
	const char *cgroup = spec_cgroup(p);
	int r;

	jw_object(&w, NULL);
	jw_u64(&w, "version", 1);
	jw_str(&w, "id", p->id);
	jw_str(&w, "containerDir", place->container_dir);
	jw_str(&w, "stateDir", place->state_dir);
	jw_u64(&w, "attach", attach);
	write_rootfs(p, place, &w);
	jw_bool(&w, "tty", p->opt->tty);
	jw_bool(&w, "openStdin", p->opt->open_stdin);
	jw_bool(&w, "stdinOnce", p->opt->stdin_once);
	r = plan_write_log(p, place->container_dir, place->name, &w, e);
	if (r < 0)
		return r;
	jw_str(&w, "cgroup", cgroup);
	if (cgroup && (!p->opt->cgroups || strcmp(p->opt->cgroups, "enabled") == 0))
		jw_str(&w, "monitorCgroup", p->rootless ? arena_printf(p->a, "%s" USERCGROUP_MONITORS, p->rootless->cgroup) : SPEC_MONITOR_CGROUP);
	jw_strv(&w, "exited", place->exited);
	if (p->health.args.n) {
		jw_object(&w, "health");
		plan_write_health(p, &w);
		write_process(p, p->health.args, false, false, &w);
		jw_end_object(&w);
	}
	write_spec(p, place, &w);
	jw_end_object(&w);
	if (sb_error(out) < 0 || arena_error(p->a) < 0)
		return err_errno(e, -ENOMEM, "write the container's description");
	return 0;
}

int spec_reattach(const char *description, size_t len, unsigned int attach, struct strbuf *out, struct err *e)
{
	CLEANUP_ARENA struct arena a = ARENA_INIT;
	struct json_writer w = JSON_WRITER(out);
	const struct json *doc;
	int r = json_parse(&a, description, len, NULL, &doc, e);

	if (r < 0)
		return r;
	jw_object(&w, NULL);
	json_each(member, doc) {
		if (strcmp(member->key, "attach") == 0)
			jw_u64(&w, "attach", attach);
		else
			jw_value(&w, member->key, member);
	}
	jw_end_object(&w);
	return sb_error(out) < 0 ? err_errno(e, -ENOMEM, "write the container's description") : 0;
}

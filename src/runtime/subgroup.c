/* Cgroups below the container's, by crun's annotations, on v2 alone: below what has processes of its own there can be no
 * controllers (cgroups(7), "no internal processes"), and v1 cannot be delegated safely. So who is in a cgroup that shall be
 * divided is moved below it first; only then the controllers are handed down. */
#include <limits.h>
#include <string.h>

#include "base/text.h"
#include "runtime/internal.h"
#include "runtime/unit.h"

#define DELEGATED "run.oci.delegate-cgroup"

/* NULL in *name: there is none. */
static int find(const struct oci_spec *spec, const char *key, const char **name, struct err *e)
{
	const char *value = oci_annotation(spec, key);

	*name = NULL;
	if (!value || !*value)
		return 0;
	if (strchr(value, '/') || !strcmp(value, ".") || !strcmp(value, "..") || strlen(value) > NAME_MAX)
		return err_set(e, ERR_INVALID, "annotations.%s: \"%.80s\" is not the name of one folder", key, value);
	if (cg_detect() != CG_V2)
		return err_set(e, ERR_UNSUPPORTED, "annotations.%s needs pure cgroup v2", key);
	*name = value;
	return 0;
}

/* Makes cgroup path and moves pid there, the only one in the cgroup above. */
static int divide(const char *path, pid_t pid, struct cgroup **out, struct err *e)
{
	CLEANUP_CGROUP struct cgroup *cg = NULL;
	int r = cg_create(path, &cg, NULL, e);

	if (r == 0)
		r = cg_join(cg, pid, e);
	/* once more, with the controllers */
	if (r == 0) {
		cg_close(cg);
		cg = NULL;
		r = cg_create(path, &cg, NULL, e);
	}
	if (r < 0)
		return r;
	*out = cg;
	cg = NULL;
	return 0;
}

int rt_scope_divide(const struct oci_spec *spec, bool user, pid_t helper, char cgroup[PATH_MAX], struct err *e)
{
	CLEANUP_CGROUP struct cgroup *cg = NULL;
	size_t len = strlen(cgroup);
	const char *name;
	int r = find(spec, RT_SUBGROUP, &name, e);

	if (r < 0 || !name)
		return r;
	if (user)
		return err_set(e, ERR_UNSUPPORTED, "annotations." RT_SUBGROUP ": only with the system's systemd, whose units root may divide");
	r = TEXT_JOIN(cgroup + len, PATH_MAX - len, "/", name);
	if (r < 0)
		return err_errno(e, r, "annotations." RT_SUBGROUP);
	return divide(cgroup, helper, &cg, e) < 0 ? err_ctx(e, "annotations." RT_SUBGROUP) : 0;
}

int rt_delegate_check(const struct rt_ctx *c, struct err *e)
{
	const char *name;
	int r = find(c->spec, DELEGATED, &name, e);

	if (r == 0 && name && !c->create->cgroup)
		return err_set(e, ERR_INVALID, "annotations." DELEGATED ": the container has no cgroup");
	return r;
}

int rt_delegate(const struct rt_ctx *c, pid_t pid, struct err *e)
{
	CLEANUP_CGROUP struct cgroup *cg = NULL;
	const char *name;
	char path[PATH_MAX];
	uid_t owner;
	int r = find(c->spec, DELEGATED, &name, e);

	if (r < 0 || !name)
		return r;
	r = TEXT_JOIN(path, sizeof(path), c->create->cgroup, "/", name);
	if (r < 0)
		return err_errno(e, r, "annotations." DELEGATED);
	r = divide(path, pid, &cg, e);
	if (r == 0)
		r = rt_outside_uid(c, c->process ? c->process->user.uid : 0, "process.user.uid", &owner, e);
	if (r == 0)
		r = cg_give(cg, owner, e);
	return r < 0 ? err_ctx(e, "annotations." DELEGATED) : 0;
}

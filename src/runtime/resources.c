/* The resources of a container: what its specification says, and the device rules that every runtime adds behind them.
 *
 * Without a rule a cgroup may open every device its parent may. A container with CAP_MKNOD and no user namespace would
 * then reach the host's disks, so there is always a list, it starts from "nothing", and it ends with what every
 * container is expected to have: any node may be made (opening it is another matter), and the devices that are always
 * in /dev may be used. runc and crun append the same. */
#include <string.h>

#include "runtime/internal.h"
#include "sys/resctrl.h"

static const struct cg_device_rule usual[] = {
	{ true, 'c', -1, -1, false, false, true },
	{ true, 'b', -1, -1, false, false, true },
	{ true, 'c', 1, 3, true, true, true },	  /* null */
	{ true, 'c', 1, 5, true, true, true },	  /* zero */
	{ true, 'c', 1, 7, true, true, true },	  /* full */
	{ true, 'c', 1, 8, true, true, true },	  /* random */
	{ true, 'c', 1, 9, true, true, true },	  /* urandom */
	{ true, 'c', 5, 0, true, true, true },	  /* tty */
	{ true, 'c', 5, 2, true, true, true },	  /* ptmx */
	{ true, 'c', 136, -1, true, true, true }, /* pts */
	{ true, 'c', 10, 200, true, true, true }, /* net/tun */
};

int rt_resources(struct arena *a, const struct oci_spec *s, struct cg_resources *out, struct err *e)
{
	const struct cg_resources *spec = &s->linux_.resources;
	size_t n = spec->n_devices + ARRAY_LEN(usual);
	struct cg_device_rule *rules = arena_array(a, n, sizeof(*rules));

	if (!rules)
		return err_errno(e, -ENOMEM, "device rules");
	if (spec->n_devices)
		memcpy(rules, spec->devices, spec->n_devices * sizeof(*rules));
	memcpy(rules + spec->n_devices, usual, sizeof(usual));
	*out = *spec;
	out->devices = rules;
	out->n_devices = n;
	return 0;
}

/* ---- linux.intelRdt ---- */

/* The file system's root, and what is wanted of it. */
static int open_rdt(const struct oci_intel_rdt *rdt, const char *id, struct rdt_wish *w, struct err *e)
{
	int root = rdt_open(NULL, e);

	*w = (struct rdt_wish){ .clos = rdt->clos_id,
				.l3 = rdt->l3_schema,
				.mb = rdt->mb_schema,
				.schemata = rdt->schemata,
				.monitoring = rdt->enable_monitoring,
				.id = id };
	return root < 0 ? err_ctx(e, "linux.intelRdt") : root;
}

int rt_rdt_own(const struct oci_spec *spec, const char *id, char **own, struct err *e)
{
	CLEANUP_FD int root = -1;
	struct rdt_wish w;
	int r;

	*own = NULL;
	if (!spec->linux_.intel_rdt)
		return 0;
	root = open_rdt(spec->linux_.intel_rdt, id, &w, e);
	if (root < 0)
		return root;
	r = rdt_own(root, &w, own);
	return r < 0 ? err_errno(e, r, "linux.intelRdt") : 0;
}

int rt_rdt_remove(const char *own, struct err *e)
{
	CLEANUP_FD int root = rdt_open(NULL, e);

	return root < 0 ? root : rdt_remove(root, own, e);
}

int rt_rdt_usage(const struct oci_spec *spec, const char *id, struct arena *a, struct rdt_usage *out, bool *given,
		 struct err *e)
{
	CLEANUP_FD int root = -1;
	struct rdt_wish w;
	int r;

	*given = spec->linux_.intel_rdt;
	if (!*given)
		return 0;
	root = open_rdt(spec->linux_.intel_rdt, id, &w, e);
	if (root < 0)
		return root;
	r = rdt_read_usage(root, &w, a, out);
	return r < 0 ? err_errno(e, r, "linux.intelRdt: statistics") : 0;
}

static int put_rdt(const struct oci_spec *spec, const char *id, pid_t pid, bool join, struct err *e)
{
	CLEANUP_FD int root = -1;
	struct rdt_wish w;
	int r;

	if (!spec->linux_.intel_rdt)
		return 0;
	root = open_rdt(spec->linux_.intel_rdt, id, &w, e);
	if (root < 0)
		return root;
	r = join ? rdt_join(root, &w, pid, e) : rdt_apply(root, &w, pid, e);
	return r < 0 ? err_ctx(e, "linux.intelRdt") : 0;
}

int rt_rdt(const struct rt_ctx *c, pid_t pid, bool join, struct err *e)
{
	return put_rdt(c->spec, c->id, pid, join, e);
}

int rt_rdt_change(const struct oci_spec *spec, const char *id, pid_t pid, struct err *e)
{
	return put_rdt(spec, id, pid, false, e);
}

/* mounts add, mounts remove: crun's commands for the mounts of a container that runs. */
#include "cmd/oci/oci.h"

#include "runtime/live.h"

typedef int (*change_fn)(const struct rt_live *l, const struct oci_mount *mounts, size_t n, struct err *e);

static int change(const struct cli_call *call, change_fn fn, struct err *e)
{
	CLEANUP_CONTAINER struct oci_container c = OCI_CONTAINER_INIT;
	const struct oci_mount *mounts;
	const struct oci_spec *spec;
	const struct json *doc;
	struct rt_live live;
	size_t n;
	int r;

	r = oci_read_json(call, call->args[1], &doc, e);
	if (r == 0)
		r = oci_mounts_parse(call->arena, doc, &mounts, &n, e);
	if (r < 0)
		return err_ctx(e, "%s", call->args[1]);
	r = oci_open(call, true, &c, e);
	if (r == 0)
		r = oci_load_spec(call, &c.rec, &spec, e);
	if (r == 0)
		r = oci_live(&c, spec, &live, e);
	return r < 0 ? r : fn(&live, mounts, n, e);
}

int cmd_mounts_add(const struct cli_call *call, struct err *e)
{
	return change(call, rt_live_mount, e);
}

static int unmount(const struct rt_live *l, const struct oci_mount *mounts, size_t n, struct err *e)
{
	return rt_live_unmount(l, mounts, n, false, e);
}

int cmd_mounts_remove(const struct cli_call *call, struct err *e)
{
	return change(call, unmount, e);
}

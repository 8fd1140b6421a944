/* tare update: restart policy; published ports and mounts, now and for the next start. */
#include "cmd/tare/tare.h"

#include <unistd.h>

#include "engine/mounts.h"
#include "engine/publish.h"
#include "engine/revive.h"

const struct cli_option update_options[] = {
	{ "publish-add", 0, "[[IP:]PORT:]PORT[/PROTO]", CLI_STRV, "publish it, as run's -p does", offsetof(struct update_opts, publish_add) },
	{ "publish-rm", 0, "[IP:]PORT[/PROTO]|[IP:][PORT]:PORT[/PROTO]", CLI_STRV, "a port of the host, or of the container, or what -p said",
	  offsetof(struct update_opts, publish_rm) },
	{ "mount-add", 0, "type=bind|volume|tmpfs,source=SRC,target=DST[,...]", CLI_STRV, "mount it, as run's --mount does", offsetof(struct update_opts, mount_add) },
	{ "mount-rm", 0, "PATH-INSIDE", CLI_STRV, "where a mount is in the container", offsetof(struct update_opts, mount_rm) },
	{ "restart", 0, "no|always|unless-stopped|on-failure[:N]", CLI_STR, "another restart policy, from its next end on",
	  offsetof(struct update_opts, restart) },
	/* Docker's, for later versions */
	{ "blkio-weight", 0, "N", CLI_UNSUPPORTED },
	{ "cpu-period", 0, "MICROSECONDS", CLI_UNSUPPORTED },
	{ "cpu-quota", 0, "MICROSECONDS", CLI_UNSUPPORTED },
	{ "cpu-rt-period", 0, "N", CLI_UNSUPPORTED },
	{ "cpu-rt-runtime", 0, "N", CLI_UNSUPPORTED },
	{ "cpu-shares", 'c', "N", CLI_UNSUPPORTED },
	{ "cpus", 0, "N", CLI_UNSUPPORTED },
	{ "cpuset-cpus", 0, "LIST", CLI_UNSUPPORTED },
	{ "cpuset-mems", 0, "LIST", CLI_UNSUPPORTED },
	{ "kernel-memory", 0, "BYTES", CLI_UNSUPPORTED },
	{ "memory", 'm', "BYTES", CLI_UNSUPPORTED },
	{ "memory-reservation", 0, "BYTES", CLI_UNSUPPORTED },
	{ "memory-swap", 0, "BYTES", CLI_UNSUPPORTED },
	{ "pids-limit", 0, "N", CLI_UNSUPPORTED },
	{ 0 }
};

static int update_one(const struct engine *en, const char *what, const void *data, struct err *e)
{
	const struct update_opts *o = data;
	CLEANUP_FREE char *here = getcwd(NULL, 0);
	struct policy policy;
	int r = policy_parse(o->restart, &policy, e);

	if (r == 0 && o->restart)
		r = container_set_policy(en, what, &policy, e);
	if (r == 0 && (o->publish_add.n || o->publish_rm.n))
		r = container_publish(en, what, (struct strv){ o->publish_add.v, o->publish_add.n }, (struct strv){ o->publish_rm.v, o->publish_rm.n }, e);
	for (size_t i = 0; r == 0 && i < o->mount_rm.n; i++)
		r = container_mount_remove(en, what, o->mount_rm.v[i], e);
	for (size_t i = 0; r == 0 && i < o->mount_add.n; i++)
		r = container_mount_add(en, what, o->mount_add.v[i], here, e);
	if (r == 0)
		tare_say("%s", what);
	return r;
}

int cmd_update(const struct cli_call *call, struct err *e)
{
	const struct update_opts *o = call->opts;
	CLEANUP_ENGINE struct engine en = ENGINE_INIT;
	int r;

	if (!o->publish_add.n && !o->publish_rm.n && !o->mount_add.n && !o->mount_rm.n && !o->restart)
		return err_set(e, ERR_INVALID, "what is to be changed? --restart, --publish-add, --publish-rm, --mount-add, --mount-rm: see \"%s --help\"", call->name);
	r = tare_engine(call, &en, e);
	return r < 0 ? r : tare_each(call, &en, update_one, o);
}

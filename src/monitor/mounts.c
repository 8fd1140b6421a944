#include "monitor/mounts.h"

#include <sys/types.h>

#include "base/io.h"
#include "base/json.h"
#include "runtime/live.h"

#define MOST_BYTES (8U << 20)

static int read_live(struct arena *a, const struct json *doc, struct rt_live *out, bool *removing, struct err *e)
{
	int64_t pid = 0;
	int r = json_get_str(doc, "mounts", "id", &out->id, e);

	if (r == 0)
		r = json_get_i64(doc, "mounts", "pid", &pid, e);
	if (r == 0)
		r = json_get_u64(doc, "mounts", "startTime", &out->start_time, e);
	if (r == 0)
		r = json_get_str(doc, "mounts", "bundle", &out->bundle, e);
	if (r == 0)
		r = json_get_str(doc, "mounts", "rootfs", &out->rootfs, e);
	if (r == 0)
		r = json_get_bool(doc, "mounts", "remove", removing, e);
	if (r == 0)
		r = oci_spec_parse(a, json_get(doc, "spec"), &out->spec, e);
	out->pid = (pid_t)pid;
	if (r == 0 && (!out->id || !out->bundle || !out->rootfs || out->pid <= 0 || !json_get(doc, "mounts")))
		r = err_set(e, ERR_INVALID, "the description of mounts is not whole");
	return r;
}

int monitor_mounts(struct err *e)
{
	CLEANUP_ARENA struct arena a = ARENA_INIT;
	CLEANUP_FREE char *text = NULL;
	const struct oci_mount *mounts;
	struct rt_live live = { 0 };
	const struct json *doc;
	bool removing = false;
	size_t n = 0, len = 0;
	int r = io_read_fd(0, MOST_BYTES, &text, &len);

	if (r < 0)
		return err_errno(e, r, "read the description of mounts");
	r = json_parse(&a, text, len, NULL, &doc, e);
	if (r == 0)
		r = read_live(&a, doc, &live, &removing, e);
	if (r == 0)
		r = oci_mounts_parse(&a, json_get(doc, "mounts"), &mounts, &n, e);
	if (r < 0)
		return r;
	return removing ? rt_live_unmount(&live, mounts, n, true, e) : rt_live_mount(&live, mounts, n, e);
}

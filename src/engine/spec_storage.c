/* --storage-opt: what a container may write into its root, that is into upper and work of its overlay, not into volumes and not what is kept
 * of its output. */
#include <string.h>

#include "engine/capacity.h"
#include "engine/spec_plan.h"

int plan_storage(struct plan *p, struct err *e)
{
	struct strv opts = p->opt->storage_opts;

	for (size_t i = 0; i < opts.n; i++) {
		int r = capacity_option("--storage-opt", opts.v[i], &p->storage, e);

		if (r == 0)
			return err_set(e, ERR_INVALID, "--storage-opt %s: size=BYTES and inodes=N are supported", opts.v[i]);
		if (r < 0)
			return r;
	}
	if (opts.n && p->opt->rootfs)
		return err_set(e, ERR_UNSUPPORTED, "--storage-opt %s: with --rootfs it writes into your folder: limit that one", opts.v[0]);
	return 0;
}

/* As they were given; the last one of a name counts, as above. */
void plan_show_storage(const struct plan *p, struct json_writer *w)
{
	struct strv opts = p->opt->storage_opts;

	if (!opts.n) {
		jw_null(w, "StorageOpt");
		return;
	}
	jw_object(w, "StorageOpt");
	for (size_t i = 0; i < opts.n; i++) {
		const char *eq = strchr(opts.v[i], '=');
		const char *key = eq ? arena_strndup(p->a, opts.v[i], (size_t)(eq - opts.v[i])) : NULL;
		bool again = false;

		for (size_t k = i + 1; key && k < opts.n; k++)
			again |= plan_value_of(opts.v[k], key) != NULL;
		if (key && !again)
			jw_str(w, key, eq + 1);
	}
	jw_end_object(w);
}

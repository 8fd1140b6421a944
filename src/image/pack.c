/* The order is a load's (ingest.c): everything staged, one sync, renames, one sync of the names. */
#include "image/pack.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "image/unpack.h"

static void write_opaque(struct json_writer *w, const void *data)
{
	const struct pack_args *args = data;

	jw_strv(w, "opaque", args->opaque);
}

/* layers/HEX/fs becomes what the step wrote. */
static int stage_tree(struct store_ingest *in, const struct pack_args *args, const char *chain, struct err *e)
{
	char dir[sizeof("layers/") + 64], fs[sizeof(dir) + 3];

	(void)snprintf(dir, sizeof(dir), "layers/%s", digest_hex(chain));
	(void)snprintf(fs, sizeof(fs), "%s/fs", dir);
	if (mkdirat(in->dir, dir, 0700) < 0 || renameat(in->dir, args->folder, in->dir, fs) < 0)
		return err_errno(e, -errno, "stage layer %s", chain);
	return 0;
}

static int finish(struct store_ingest *in, const struct pack_args *args, const struct unpack_packed *p, const char *chain,
		  struct err *e)
{
	struct store_layer_info info = { .size = p->size, .entries = p->entries, .max_id = p->max_id };
	int r = 0;

	memcpy(info.diff_id, p->diff_id, sizeof(info.diff_id));
	if (!store_has_layer(in->store, chain)) {
		r = stage_tree(in, args, chain, e);
		if (r == 0)
			r = store_ingest_layer_info(in, chain, &info, e);
	}
	if (r == 0)
		r = store_ingest_sync_staged(in, e);
	if (r == 0)
		r = store_commit_blob(in, p->blob, e);
	if (r == 0)
		r = store_commit_layer(in, chain, e);
	return r < 0 ? r : store_commit_sync(in, e);
}

int image_pack(struct store_ingest *in, const struct pack_args *args, struct arena *a, struct image_layer *out, struct err *e)
{
	const struct image_load_args load = { .worker = args->worker, .input = args->upper, .name = "step", .limits = args->limits };
	const struct unpack_pull how = { .write = write_opaque, .data = (void *)(uintptr_t)args };
	struct unpack_report report;
	char chain[DIGEST_LEN + 1];
	int r = unpack_run("pack", in, &load, &how, a, &report, e);

	if (r < 0)
		return r;
	if (!report.packed.blob)
		return err_set(e, ERR_INTERNAL, "tare-worker packed nothing");
	digest_chain(args->parent, report.packed.diff_id, chain);
	*out = (struct image_layer){
		.blob = report.packed.blob, .diff_id = report.packed.diff_id, .chain_id = arena_strdup(a, chain),
		.blob_size = report.packed.blob_size, .size = report.packed.size, .max_id = report.packed.max_id,
		.existed = store_has_layer(in->store, chain),
	};
	if (!out->chain_id)
		return err_errno(e, -ENOMEM, "layer");
	return finish(in, args, &report.packed, chain, e);
}

/* ---- a tar for others ---- */

static void write_out(struct json_writer *w, const void *data)
{
	const struct pack_out *args = data;

	jw_bool(w, "plain", true);
	jw_bool(w, "live", args->live);
	if (args->skip)
		jw_strv(w, "skip", args->skip);
}

int image_pack_out(const struct store_ingest *in, const struct pack_out *args, int out, struct err *e)
{
	CLEANUP_ARENA struct arena a = ARENA_INIT;
	struct image_load_args load = { .worker = args->worker, .input = args->tree, .name = "tree" };
	const struct unpack_pull how = { .write = write_out, .data = (void *)(uintptr_t)args, .files = &out, .n_files = 1 };
	struct unpack_report report;
	int r;

	image_limits_default(&load.limits);
	load.limits.entries = UINT64_MAX; /* that is for what comes in */
	r = unpack_run("pack", in, &load, &how, &a, &report, e);
	return r < 0 ? r : report.packed.diff_id ? 0 : err_set(e, ERR_INTERNAL, "tare-worker packed nothing");
}

/* The order is a load's (ingest.c): everything staged, one sync, renames, one sync of the names. */
#include "image/pack.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "image/unpack.h"
#include "image/unpack_blob.h"

static void write_opaque(struct json_writer *w, const void *data)
{
	const struct pack_args *args = data;

	jw_strv(w, "opaque", args->opaque);
	if (args->skip)
		jw_strv(w, "skip", args->skip);
	jw_bool(w, "live", args->live);
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

static int commit(struct store_ingest *in, const struct unpack_packed *p, const char *chain, struct err *e)
{
	int r = store_ingest_sync_staged(in, e);

	if (r == 0)
		r = store_commit_blob(in, p->blob, e);
	if (r == 0)
		r = store_commit_layer(in, chain, e);
	return r < 0 ? r : store_commit_sync(in, e);
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
	return r < 0 ? r : commit(in, p, chain, e);
}

/* The strings are in a. */
static int run(struct store_ingest *in, const struct pack_args *args, const char *name, struct arena *a, struct unpack_packed *p,
	       struct image_layer *out, struct err *e)
{
	const struct image_load_args load = { .worker = args->worker, .input = args->upper, .name = name, .limits = args->limits };
	const struct unpack_pull how = { .write = write_opaque, .data = (void *)(uintptr_t)args };
	struct unpack_report report;
	char chain[DIGEST_LEN + 1];
	int r = unpack_run("pack", in, &load, &how, a, &report, e);

	if (r < 0)
		return r;
	*p = report.packed;
	if (!p->blob)
		return err_set(e, ERR_INTERNAL, "tare-worker packed nothing");
	digest_chain(args->parent, p->diff_id, chain);
	*out = (struct image_layer){
		.blob = p->blob, .diff_id = p->diff_id, .chain_id = arena_strdup(a, chain), .blob_size = p->blob_size, .size = p->size,
		.max_id = p->max_id, .existed = store_has_layer(in->store, chain),
	};
	return out->chain_id ? 0 : err_errno(e, -ENOMEM, "layer");
}

int image_pack(struct store_ingest *in, const struct pack_args *args, struct arena *a, struct image_layer *out, struct err *e)
{
	struct unpack_packed p;
	int r = run(in, args, "step", a, &p, out, e);

	return r < 0 ? r : finish(in, args, &p, out->chain_id, e);
}

int image_pack_copy(struct store_ingest *in, const struct pack_args *args, struct arena *a, struct image_layer *out, uint64_t *entries,
		    struct err *e)
{
	struct unpack_blob unpack = { .worker = args->worker, .fd = -1 };
	struct unpack_packed p;
	int r = run(in, args, "container", a, &p, out, e);

	if (r < 0)
		return r;
	*entries = p.entries;
	if (!p.entries)
		return 0;
	unpack.blob = p.blob;
	unpack.diff_id = p.diff_id;
	unpack.chain_id = out->chain_id;
	unpack.size = p.blob_size;
	unpack.fd = out->existed ? -1 : store_ingest_open(in, p.blob, e);
	if (!out->existed)
		r = unpack.fd < 0 ? unpack.fd : unpack_blob(in, &unpack, e);
	(void)close_fd(unpack.fd);
	return r < 0 ? r : commit(in, &p, out->chain_id, e);
}

/* ---- a tar for others ---- */

static void write_out(struct json_writer *w, const void *data)
{
	const struct pack_out *args = data;

	jw_bool(w, "plain", true);
	jw_bool(w, "live", args->live);
	if (args->skip)
		jw_strv(w, "skip", args->skip);
	if (args->part) {
		jw_str(w, "part", args->part);
		jw_str(w, "as", args->as);
	}
	jw_u64(w, "idBase", args->id_base);
	jw_u64(w, "idSize", args->id_size);
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
	if (args->depth)
		load.limits.depth = args->depth;
	r = unpack_run("pack", in, &load, &how, &a, &report, e);
	return r < 0 ? r : report.packed.diff_id ? 0 : err_set(e, ERR_INTERNAL, "tare-worker packed nothing");
}

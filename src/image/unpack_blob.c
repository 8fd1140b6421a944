#include "image/unpack_blob.h"

#include <string.h>

#include "base/io.h"
#include "image/partial.h"
#include "image/unpack.h"

/* As a pull asks for it: one blob, all of which is here, and no lanes. */
static void write_request(struct json_writer *w, const void *data)
{
	const struct unpack_blob *b = data;

	jw_u64(w, "lanes", 0);
	jw_array(w, "blobs");
	jw_object(w, NULL);
	jw_str(w, "digest", b->blob);
	jw_u64(w, "size", b->size);
	jw_end_object(w);
	jw_end_array(w);
	jw_array(w, "chunks");
	jw_end_array(w);
	jw_array(w, "layers");
	jw_object(w, NULL);
	jw_u64(w, "blob", 0);
	jw_str(w, "diffId", b->diff_id);
	jw_str(w, "chainId", b->chain_id);
	jw_bool(w, "tree", true);
	jw_end_object(w);
	jw_end_array(w);
}

static void on_arrived(size_t blob, uint64_t bytes, void *data)
{
	(void)blob;
	(void)bytes;
	(void)data;
}

static int full_map(uint64_t size, struct err *e)
{
	size_t n = (size_t)((size + PARTIAL_GRANULE - 1) / PARTIAL_GRANULE);
	CLEANUP_FREE char *map = malloc(n + 1);
	int fd;

	if (!map)
		return err_errno(e, -ENOMEM, "unpack");
	memset(map, 1, n);
	fd = io_memfd("tare-map", map, n, false);
	return fd < 0 ? err_errno(e, fd, "unpack") : fd;
}

static struct image_limits no_limits(void)
{
	struct image_limits l;

	image_limits_default(&l);
	for (size_t i = 0; i < image_limit_count; i++)
		*image_limit_at(&l, &image_limit_rows[i]) = INT64_MAX;
	return l;
}

int unpack_blob(struct store_ingest *in, const struct unpack_blob *args, struct err *e)
{
	CLEANUP_ARENA struct arena a = ARENA_INIT;
	CLEANUP_FD int map = full_map(args->size, e);
	struct image_load_args load = { .worker = args->worker, .input = -1, .name = "layer", .limits = args->limits ? *args->limits : no_limits() };
	const int files[] = { args->fd, map };
	const struct unpack_pull more = { .write = write_request, .arrived = on_arrived, .data = (void *)(uintptr_t)args, .files = files,
					  .n_files = 2 };
	struct unpack_report report;
	int r;

	if (map < 0)
		return map;
	r = unpack_run("pull", in, &load, &more, &a, &report, e);
	if (r == 0)
		r = image_load_finish_layer(in, &report, args->chain_id, args->diff_id, e);
	return r < 0 ? r : r > 0 ? 0 : err_set(e, ERR_INTERNAL, "tare-worker did not unpack layer %s", args->chain_id);
}

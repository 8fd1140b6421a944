#include "engine/load.h"

#include <fcntl.h>
#include <unistd.h>

#include "engine/events.h"
#include "engine/fetch.h"
#include "engine/images.h"

void bringing_end(struct bringing *b)
{
	image_load_end(&b->load);
	store_ingest_end(&b->fetched);
	store_close(&b->store);
	b->file = close_fd(b->file);
}

static int fetch(struct bringing *b, const struct engine *en, const char *url, struct arena *a, struct err *e)
{
	struct fetched got;
	int r = store_ingest_begin(&b->store, &b->fetched, e);

	if (r < 0)
		return r;
	b->file = openat(b->fetched.dir, "input", O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (b->file < 0)
		return err_errno(e, -errno, "make a file for what is fetched");
	r = engine_fetch(en, a, url, false, b->args.limits.unpacked_bytes, b->file, &got, e);
	if (r == 0 && lseek(b->file, 0, SEEK_SET) < 0)
		r = err_errno(e, -errno, "what was fetched");
	b->args.input = b->file;
	b->args.name = url;
	return r;
}

int bringing_begin(const struct engine *en, const struct bring_args *args, struct arena *a, struct bringing *out, struct err *e)
{
	int r = engine_program("tare-worker", out->worker, e);

	out->args = (struct image_load_args){ .worker = out->worker, .input = args->input, .name = args->name, .platform = args->platform,
					      .limits = args->limits, .progress = args->progress, .progress_data = args->progress_data };
	if (r == 0)
		r = store_open(en->root_fd, &out->store, e);
	return r < 0 || args->input >= 0 ? r : fetch(out, en, args->url, a, e);
}

int engine_load(const struct engine *en, const struct bring_args *args, struct arena *a, const struct image_loaded **out, size_t *n, struct err *e)
{
	CLEANUP_BRINGING struct bringing b = BRINGING_INIT;
	int r = bringing_begin(en, args, a, &b, e);

	if (r == 0)
		r = image_load(&b.store, &b.args, a, &b.load, e);
	if (r == 0)
		r = image_record(en, b.load.images, b.load.n_images, e);
	if (r < 0)
		return r;
	for (size_t i = 0; i < b.load.n_images; i++)
		events_image(en, "load", b.load.images[i].id, NULL);
	*out = b.load.images;
	*n = b.load.n_images;
	return 0;
}

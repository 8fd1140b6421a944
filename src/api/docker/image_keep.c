/* What is done with the images that are here: loaded, saved, named, removed. */
#include <stdio.h>
#include <string.h>

#include "api/docker/filters.h"
#include "api/docker/image_filter.h"
#include "api/docker/image_names.h"
#include "api/docker/image_routes.h"
#include "api/docker/routes.h"
#include "api/docker/stream.h"
#include "api/docker/words.h"
#include "engine/events.h"
#include "engine/images.h"
#include "engine/load.h"
#include "engine/save.h"
#include "engine/usage.h"
#include "image/ref.h"

static const char *familiar(struct arena *a, const char *canonical)
{
	struct image_ref ref;
	struct err ignored;

	return image_ref_parse(a, canonical, &ref, &ignored) == 0 ? image_ref_familiar(a, &ref) : canonical;
}

static int find(struct exchange *ex, const struct engine *en, const char *name, struct image *out, struct err *e)
{
	int r = image_find(en->catalog, ex_arena(ex), name, out, e);

	return r < 0 ? words_no_image(ex_arena(ex), name, e) : 0;
}

/* An image here is for one platform: another one that is asked for is not here. text: as a query has it; NULL: any. */
static int check_platform(struct exchange *ex, const struct engine *en, const struct image *img, const char *text, struct err *e)
{
	const char *platform;
	int r = image_platform(ex_arena(ex), text, &platform, e);

	if (r == 0)
		r = platform ? image_suits(en, ex_arena(ex), img, platform, e) : 1;
	return r == 0 ? e->code : r < 0 ? r : 0;
}

/* The same, for the platform of the query. */
static int find_for(struct exchange *ex, const struct engine *en, const char *name, struct image *out, struct err *e)
{
	int r = find(ex, en, name, out, e);

	return r < 0 ? r : check_platform(ex, en, out, ex_query(ex, "platform"), e);
}

/* ---- load ---- */

static void loaded_layer(enum image_progress_kind kind, const char *digest, uint64_t bytes, void *data)
{
	char id[13];

	if (kind != IMAGE_PROGRESS_LAYER)
		return;
	(void)snprintf(id, sizeof(id), "%.12s", digest_hex(digest));
	stream_progress(data, id, "Loading layer", bytes, bytes);
}

static int load(struct exchange *ex, struct stream *s, struct err *e)
{
	CLEANUP_FD int fd = -1;
	struct bring_args args = { .name = "the archive", .progress = ex_query_bool(ex, "quiet", false) ? NULL : loaded_layer, .progress_data = s };
	const struct image_loaded *images;
	struct engine *en;
	struct err broken;
	size_t n;
	int r = ex_engine(ex, &en, e);

	image_limits_default(&args.limits);
	if (r == 0)
		r = image_platform(ex_arena(ex), ex_query(ex, "platform"), &args.platform, e);
	if (r == 0)
		r = ex_body_fd(ex, &fd, e);
	if (r < 0)
		return r;
	args.input = fd;
	r = engine_load(en, &args, ex_arena(ex), &images, &n, e);
	if (r < 0)
		return r;
	(void)!ex_body_end(ex, fd, &broken); /* the images are whole and here, whatever it says */
	for (size_t i = 0; i < n; i++) {
		for (size_t k = 0; k < images[i].n_names; k++)
			stream_line(s, "Loaded image: %s", familiar(ex_arena(ex), images[i].names[k]));
		if (images[i].n_names == 0)
			stream_line(s, "Loaded image ID: %s", images[i].id);
	}
	return 0;
}

static int image_load_all(struct exchange *ex, struct err *e)
{
	CLEANUP_STREAM struct stream s;
	int r;

	stream_begin(&s, ex);
	r = load(ex, &s, e);
	if (r < 0 && e->cls == ERR_INVALID) /* what is wrong with an archive is told in the stream, as docker does */
		stream_begin_now(&s);
	return stream_end(&s, r, 0, e);
}

/* ---- save ---- */

static int save(struct exchange *ex, const char *const *names, size_t n, struct err *e)
{
	struct engine *en;
	struct image img;
	int out = -1, r = ex_engine(ex, &en, e), done;

	if (r == 0 && !n)
		return err_set(e, ERR_INVALID, "names: which images are to be saved?");
	/* while the answer can still say so */
	for (size_t i = 0; r == 0 && i < n; i++)
		r = find_for(ex, en, names[i], &img, e);
	if (r == 0)
		r = ex_out_fd(ex, 200, "application/x-tar", &out, e);
	if (r < 0)
		return r;
	r = engine_save(en, names, n, SAVE_DOCKER, out, e);
	close_fd(out);
	done = ex_out_end(ex, r == 0, e);
	return r < 0 ? r : done;
}

static int images_get(struct exchange *ex, struct err *e)
{
	size_t n;
	const char *const *names = ex_query_all(ex, "names", &n);

	return save(ex, names, n, e);
}

static int image_get_one(struct exchange *ex, struct err *e)
{
	const char *name = ex_param(ex, 0);

	return save(ex, &name, 1, e);
}

/* ---- tag ---- */

static int image_give_name(struct exchange *ex, struct err *e)
{
	const char *name = ex_param(ex, 0), *target;
	struct image img;
	struct engine *en;
	int r = ex_engine(ex, &en, e);

	if (r == 0)
		r = image_name_of(ex_arena(ex), ex_query(ex, "repo"), ex_query(ex, "tag"), &target, e);
	if (r == 0)
		r = find(ex, en, name, &img, e);
	if (r == 0)
		r = image_tag(en, img.id, target, e);
	return r < 0 ? r : ex_empty(ex, 201, e);
}

/* ---- remove ---- */

static void removed(const char *kind, const char *what, void *data)
{
	struct json_writer *w = data;

	jw_object(w, NULL);
	jw_str(w, kind, what);
	jw_end_object(w);
}

/* Several may be named: those that are to go. */
static int check_platforms(struct exchange *ex, const struct engine *en, const char *name, struct err *e)
{
	size_t n;
	const char *const *all = ex_query_all(ex, "platforms", &n);
	struct image img;
	int r = n ? find(ex, en, name, &img, e) : 0;

	for (size_t i = 0; r == 0 && i < n; i++)
		r = check_platform(ex, en, &img, all[i], e);
	return r;
}

static int delete_image(struct exchange *ex, struct err *e)
{
	CLEANUP_STRBUF struct strbuf text = STRBUF_INIT;
	struct json_writer w = JSON_WRITER(&text);
	const char *name = ex_param(ex, 0);
	bool force = ex_query_bool(ex, "force", false);
	struct store_gc_result gc;
	struct engine *en;
	int r = ex_engine(ex, &en, e);

	jw_array(&w, NULL);
	if (r == 0)
		r = check_platforms(ex, en, name, e);
	if (r == 0 && image_remove(en, name, force, removed, &w, e) < 0)
		r = words_no_image(ex_arena(ex), name, e);
	jw_end_array(&w);
	if (r < 0 && e->cls == ERR_CONFLICT)
		return err_ctx(e, "conflict: unable to delete %.100s (%s)", name, force ? "cannot be forced" : "must be forced");
	if (r == 0)
		r = image_gc(en, &gc, e);
	return r < 0 ? r : ex_json(ex, 200, &text, e);
}

/* ---- prune ---- */

struct pruning {
	const struct engine *en;
	struct arena *a;
	struct strv filters;
	struct json_writer w;
	bool any;
};

static int passes(const struct image *img, void *data, struct err *e)
{
	struct pruning *p = data;

	return image_filter_prune(p->en, p->a, p->filters, img, e);
}

static void pruned(const char *kind, const char *what, void *data)
{
	struct pruning *p = data;

	if (!p->any)
		jw_array(&p->w, "ImagesDeleted");
	p->any = true;
	removed(strcmp(kind, "image") == 0 ? "Deleted" : "Untagged", what, &p->w);
}

/* dangling=false: those with a name, too. It is no filter of single images. */
static int take_dangling(struct pruning *p, bool *all, struct err *e)
{
	const char **v = arena_array(p->a, p->filters.n + 1, sizeof(*v));
	bool dangling = true;
	size_t n = 0;
	int r = v ? 0 : err_errno(e, -ENOMEM, "filters");

	for (size_t i = 0; r == 0 && i < p->filters.n; i++) {
		const char *text = p->filters.v[i];

		if (strncmp(text, "dangling=", 9) == 0)
			r = filter_bool("dangling", text + 9, &dangling, e);
		else
			v[n++] = text;
	}
	p->filters = (struct strv){ v, n };
	*all = !dangling;
	return r;
}

static int images_prune(struct exchange *ex, struct err *e)
{
	CLEANUP_STRBUF struct strbuf text = STRBUF_INIT;
	struct pruning p = { .a = ex_arena(ex), .w = JSON_WRITER(&text) };
	struct engine *en;
	uint64_t freed = 0;
	bool all = false;
	int r = filters_parse(p.a, ex_query(ex, "filters"), "dangling " IMAGE_FILTER_PRUNE, &p.filters, e);

	if (r == 0)
		r = take_dangling(&p, &all, e);
	if (r == 0)
		r = image_filter_check(p.filters, IMAGE_FILTER_PRUNE, e);
	if (r == 0)
		r = ex_engine(ex, &en, e);
	if (r < 0)
		return r;
	p.en = en;
	jw_object(&p.w, NULL);
	r = prune_images(en, all, passes, pruned, &p, &freed, e);
	if (p.any)
		jw_end_array(&p.w);
	else
		jw_null(&p.w, "ImagesDeleted"); /* as Docker has it */
	jw_u64(&p.w, "SpaceReclaimed", freed);
	jw_end_object(&p.w);
	if (r < 0)
		return r;
	events_pruned(en, "image", freed);
	return ex_json(ex, 200, &text, e);
}

const struct route docker_image_routes[] = {
	{ .method = "POST", .path = "/images/create", .handler = image_create, .access = ROUTE_WRITE, .about = "pull an image, or import one" },
	{ .method = "POST", .path = "/images/load", .handler = image_load_all, .access = ROUTE_WRITE, .about = "images of an archive" },
	{ .method = "POST", .path = "/images/prune", .handler = images_prune, .access = ROUTE_WRITE, .about = "remove unused images" },
	{ .method = "GET", .path = "/images/get", .handler = images_get, .access = ROUTE_READ, .about = "an archive of several images" },
	{ .method = "GET", .path = "/images/{+}/get", .handler = image_get_one, .access = ROUTE_READ, .about = "an archive of an image" },
	{ .method = "POST", .path = "/images/{+}/push", .handler = image_push_to, .access = ROUTE_WRITE, .about = "send an image to its registry" },
	{ .method = "POST", .path = "/images/{+}/tag", .handler = image_give_name, .access = ROUTE_WRITE, .about = "give an image another name" },
	{ .method = "GET", .path = "/images/{+}/attestations", .access = ROUTE_READ, .about = "attestations of an image",
	  .missing = "attestations of images are not kept here", .missing_status = 501 },
	{ .method = "DELETE", .path = "/images/{+}", .handler = delete_image, .access = ROUTE_WRITE, .about = "remove an image, or one of its names" },
	{ 0 }
};

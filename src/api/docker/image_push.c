/* POST /images/NAME/push */
#include "engine/push.h"

#include <string.h>

#include "api/docker/image_names.h"
#include "api/docker/image_routes.h"
#include "api/docker/image_stream.h"
#include "api/docker/registry_auth.h"
#include "api/server/gone.h"
#include "engine/images.h"
#include "image/ref.h"

static int push_one(struct exchange *ex, const struct engine *en, struct stream *s, const char *name, struct err *e)
{
	struct push_stream shown = { .s = s, .arena = ex_arena(ex) };
	struct push_args args = { .what = name, .progress = push_stream_take, .progress_data = &shown };
	struct json_writer *w;
	struct pushed done;
	int r = image_platform(ex_arena(ex), ex_query(ex, "platform"), &args.platform, e);

	if (r == 0)
		r = engine_push(en, &args, ex_arena(ex), &done, e);

	if (r < 0)
		return r;
	stream_say(s, "%s: digest: %s size: %llu", done.tag, done.digest, (unsigned long long)done.size);
	w = stream_object(s);
	jw_object(w, "progressDetail");
	jw_end_object(w);
	jw_object(w, "aux");
	jw_str(w, "Tag", done.tag);
	jw_str(w, "Digest", done.digest);
	jw_u64(w, "Size", done.size);
	jw_end_object(w);
	stream_object_end(s);
	return 0;
}

static int missing(const char *name, int r, struct err *e)
{
	if (r < 0 && e->cls == ERR_NOTFOUND)
		return err_set(e, ERR_NOTFOUND, "An image does not exist locally with the tag: %.200s", name);
	return r;
}

static int push(struct exchange *ex, struct engine *en, struct stream *s, struct err *e)
{
	struct arena *a = ex_arena(ex);
	const char *name, *repository, *const *names = &name;
	struct image img;
	size_t n = 1;
	bool tagged;
	int r = image_name_of(a, ex_param(ex, 0), ex_query(ex, "tag"), &name, e);

	if (r == 0)
		r = engine_push_repository(a, name, &repository, &tagged, e);
	if (r == 0)
		r = registry_auth(ex, en, name, e);
	if (r < 0)
		return r;
	stream_say(s, "The push refers to repository [%s]", repository);
	if (tagged)
		r = missing(repository, image_find(en->catalog, a, name, &img, e), e);
	else
		r = missing(repository, engine_push_names(en, name, a, &names, &n, e), e);
	for (size_t i = 0; r == 0 && i < n; i++)
		r = push_one(ex, en, s, names[i], e);
	return r;
}

int image_push_to(struct exchange *ex, struct err *e)
{
	CLEANUP_STREAM struct stream s;
	CLEANUP_GONE_WATCH struct gone_watch gone = GONE_WATCH_INIT;
	struct engine *en;
	int r = ex_engine(ex, &en, e);

	stream_begin(&s, ex);
	if (r == 0)
		r = gone_watch(ex, &gone, e);
	if (r == 0)
		r = push(ex, en, &s, e);
	return stream_end(&s, r, 0, e);
}

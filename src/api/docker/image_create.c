/* POST /images/create: a pull, or an import. */
#include <string.h>

#include "api/docker/image_names.h"
#include "api/docker/image_routes.h"
#include "api/docker/image_stream.h"
#include "api/docker/registry_auth.h"
#include "api/server/gone.h"
#include "base/text.h"
#include "build/import.h"
#include "engine/pull.h"
#include "image/ref.h"

/* ---- pull ---- */

/* In the words by which clients tell a missing image from a refused one; both are 404, as registries that hide what is private have it. */
static int pull_failed(struct arena *a, const char *name, struct err *e)
{
	struct err why = *e, ignored;
	struct image_ref ref;

	if ((why.cls != ERR_NOTFOUND && why.cls != ERR_DENIED) || image_ref_parse(a, name, &ref, &ignored) < 0)
		return e->code;
	if (why.cls == ERR_NOTFOUND)
		return err_set(e, ERR_NOTFOUND, "manifest for %.200s not found: manifest unknown: %.300s", image_ref_familiar(a, &ref), why.msg);
	ref.tag = ref.digest = NULL;
	return err_set(e, ERR_NOTFOUND,
		       "pull access denied for %.150s, repository does not exist or may require 'docker login': denied: %.300s",
		       image_ref_familiar(a, &ref), why.msg);
}

static int pull_one(struct exchange *ex, struct engine *en, struct stream *s, const char *name, struct err *e)
{
	struct arena *a = ex_arena(ex);
	struct pull_stream shown = { .s = s, .arena = a };
	struct pull_args args = { .what = name, .progress = pull_stream_take, .progress_data = &shown };
	struct image_ref ref;
	struct pulled got;
	int r = image_ref_parse(a, name, &ref, e);

	if (r < 0)
		return err_ctx(e, "invalid reference format");
	if (image_platform(a, ex_query(ex, "platform"), &args.platform, e) < 0)
		return e->code;
	shown.repository = ref.path;
	shown.reference = ref.digest ? ref.digest : ref.tag;
	image_limits_default(&args.limits);
	if (engine_pull(en, &args, a, &got, e) < 0)
		return pull_failed(a, name, e);
	pull_stream_done(&shown, &got);
	return 0;
}

static bool is_name_alone(const char *name)
{
	const char *slash = strrchr(name, '/');

	return !strpbrk(slash ? slash : name, ":@");
}

static int pull(struct exchange *ex, struct engine *en, struct stream *s, struct err *e)
{
	struct arena *a = ex_arena(ex);
	const char *const *names, *name;
	size_t n;
	int r = image_name_of(a, ex_query(ex, "fromImage"), ex_query(ex, "tag"), &name, e);

	if (r == 0)
		r = registry_auth(ex, en, name, e);
	if (r < 0 || !is_name_alone(name))
		return r < 0 ? r : pull_one(ex, en, s, name, e);
	/* without a tag: all of them */
	if (engine_pull_names(en, name, a, &names, &n, e) < 0)
		return pull_failed(a, name, e);
	for (size_t i = 0; r == 0 && i < n; i++)
		r = pull_one(ex, en, s, names[i], e);
	return r;
}

/* ---- import ---- */

int image_changes(struct exchange *ex, struct strv *out, struct err *e)
{
	struct arena *a = ex_arena(ex);
	size_t given, n = 0, max = 1;
	const char *const *texts = ex_query_all(ex, "changes", &given);
	const char **v;

	for (size_t i = 0; i < given; i++)
		max += strlen(texts[i]) + 1;
	v = arena_array(a, max, sizeof(*v));
	for (size_t i = 0; v && i < given; i++) {
		char *copy = arena_strdup(a, texts[i]), *save = NULL;

		for (char *line = copy ? strtok_r(copy, "\n", &save) : NULL; line; line = strtok_r(NULL, "\n", &save))
			if (line[strspn(line, " \t\r")])
				v[n++] = line;
	}
	*out = (struct strv){ v, n };
	return arena_error(a) < 0 ? err_errno(e, -ENOMEM, "changes") : 0;
}

/* src: "-", the body; or a URL. A name without a scheme is one of http's, as with Docker. */
static int open_source(struct exchange *ex, struct stream *s, const char *src, struct bring_args *out, struct ex_body *body, struct err *e)
{
	out->name = "the archive";
	out->input = -1;
	if (strcmp(src, "-") == 0) {
		int r = ex_body_fd(ex, &body->fd, e);

		out->input = body->fd;
		out->arrival = (struct arrival){ ex_body_arrived, body };
		return r;
	}
	out->url = strstr(src, "://") ? src : arena_printf(ex_arena(ex), "http://%s", src);
	if (!out->url)
		return err_errno(e, -ENOMEM, "the source");
	if (!text_starts(out->url, "http://") && !text_starts(out->url, "https://"))
		return err_set(e, ERR_INVALID, "fromSrc=%.200s: - (the body), or a URL by http or https", src);
	stream_say(s, "Downloading from %s", out->url);
	return 0;
}

static int import(struct exchange *ex, struct engine *en, struct stream *s, const char *src, struct err *e)
{
	struct ex_body body = { ex, -1 };
	const char *repository = ex_query(ex, "repo"), *message = ex_query(ex, "message"), *id;
	struct import_args args = { .message = message && *message ? message : NULL };
	int r = repository && *repository ? image_name_of(ex_arena(ex), repository, ex_query(ex, "tag"), &args.name, e) : 0;

	image_limits_default(&args.from.limits);
	if (r == 0)
		r = image_platform(ex_arena(ex), ex_query(ex, "platform"), &args.from.platform, e);
	if (r == 0)
		r = image_changes(ex, &args.changes, e);
	if (r == 0)
		r = open_source(ex, s, src, &args.from, &body, e);
	if (r == 0)
		r = import_image(en, &args, ex_arena(ex), &id, e);
	close_fd(body.fd);
	if (r == 0)
		stream_say(s, "%s", id);
	return r;
}

int image_create(struct exchange *ex, struct err *e)
{
	CLEANUP_STREAM struct stream s;
	CLEANUP_GONE_WATCH struct gone_watch gone = GONE_WATCH_INIT;
	const char *src = ex_query(ex, "fromSrc");
	bool imports = src && *src, with_body = imports && strcmp(src, "-") == 0;
	struct engine *en;
	int r = ex_engine(ex, &en, e);

	stream_begin(&s, ex);
	if (r == 0 && !with_body)
		r = gone_watch(ex, &gone, e);
	if (r == 0)
		r = imports ? import(ex, en, &s, src, e) : pull(ex, en, &s, e);
	return stream_end(&s, r, 0, e);
}

/* POST /build and what is around it. */
#include "build/build.h"

#include <string.h>

#include "api/docker/build_query.h"
#include "api/docker/build_stream.h"
#include "api/docker/buildkit.h"
#include "api/docker/filters.h"
#include "api/docker/registry_auth.h"
#include "api/docker/routes.h"
#include "api/server/gone.h"
#include "engine/buildcache.h"
#include "engine/events.h"

/* ---- build ---- */

struct building {
	struct exchange *ex;
	struct build_stream shown;
	struct gone_watch gone;
};

/* Once the stages are known the context has been read: what comes from the client then is his end. */
static void on_event(const struct build_event *ev, void *data)
{
	struct building *b = data;
	struct err ignored;

	if (ev->kind == BUILD_PLANNED && b->gone.fd < 0)
		(void)!gone_watch(b->ex, &b->gone, &ignored); /* else the next write tells */
	build_stream_event(ev, &b->shown);
}

static void on_pull(const struct build_pull *pull, void *data)
{
	struct building *b = data;

	build_stream_pull(pull, &b->shown);
}

/* A command that failed is told in Docker's words: clients take its exit code from there. */
static void tell_command(const struct building *b, int r, struct err *e)
{
	if (r < 0 && b->shown.code)
		(void)err_set(e, ERR_INVALID, "The command '%.400s' returned a non-zero code: %d", b->shown.command ? b->shown.command : "", b->shown.code);
}

static int run(struct building *b, struct stream *s, struct err *e)
{
	CLEANUP_FD int fd = -1;
	struct exchange *ex = b->ex;
	struct ex_body body = { .ex = ex };
	struct build_query query;
	struct build_args args;
	struct build_result got = { 0 };
	struct settings settings;
	struct engine *en;
	int r = build_query(ex, &query, &args, e);

	if (r == 0)
		r = ex_engine(ex, &en, e);
	if (r == 0)
		r = registry_auths(ex, en, e);
	if (r == 0)
		r = settings_read(ex_arena(ex), en->user.on, &settings, e);
	if (r == 0)
		r = ex_body_fd(ex, &fd, e);
	if (r < 0)
		return r;
	args.input = body.fd = fd;
	args.arrival = (struct arrival){ ex_body_arrived, &body };
	args.settings = &settings;
	args.watch = (struct build_watch){ .event = on_event, .pull = on_pull, .data = b };
	b->shown = (struct build_stream){ .s = s, .arena = ex_arena(ex), .quiet = ex_query_bool(ex, "q", false) };
	r = build_image(en, &args, ex_arena(ex), &got, e);
	build_stream_end(&b->shown, r, &got);
	tell_command(b, r, e);
	return r;
}

static int build(struct exchange *ex, struct err *e)
{
	struct building b = { .ex = ex, .gone = GONE_WATCH_INIT };
	CLEANUP_STREAM struct stream s;
	int r;

	stream_begin(&s, ex);
	r = run(&b, &s, e);
	gone_unwatch(&b.gone);
	if (r < 0 && b.shown.code) /* the exit code has its place in the stream alone */
		stream_begin_now(&s);
	r = stream_end(&s, r, b.shown.code, e);
	build_stream_free(&b.shown);
	return r;
}

/* ---- prune ---- */

static int take_until(struct exchange *ex, int64_t *out, struct err *e)
{
	struct strv filters;
	int r = filters_parse(ex_arena(ex), ex_query(ex, "filters"), "until", &filters, e);

	*out = INT64_MAX;
	for (size_t i = 0; r == 0 && i < filters.n; i++)
		r = filter_time("until", filters.v[i] + strlen("until="), out, e);
	return r;
}

static int prune_cache(struct exchange *ex, struct err *e)
{
	CLEANUP_STRBUF struct strbuf text = STRBUF_INIT;
	struct json_writer w = JSON_WRITER(&text);
	struct buildcache_prune args = { .all = ex_query_bool(ex, "all", false) };
	int64_t keep = 0;
	uint64_t freed = 0;
	struct engine *en;
	int r = take_until(ex, &args.until, e);

	if (r == 0)
		r = ex_query_i64(ex, ex_query(ex, "reserved-space") ? "reserved-space" : "keep-storage", &keep, e);
	if (r == 0)
		r = ex_engine(ex, &en, e);
	args.keep = keep > 0 ? (uint64_t)keep : 0;
	if (r == 0)
		r = buildcache_prune(en, &args, &freed, e);
	if (r < 0)
		return r;
	events_pruned(en, "builder", freed);
	jw_object(&w, NULL);
	jw_null(&w, "CachesDeleted");
	jw_u64(&w, "SpaceReclaimed", freed);
	jw_end_object(&w);
	return ex_json(ex, 200, &text, e);
}

/* What BuildKit's clients call while they end; a build of ours ends with its connection. */
static int cancel(struct exchange *ex, struct err *e)
{
	return ex_empty(ex, 200, e);
}

const struct route docker_build_routes[] = {
	{ .method = "POST", .path = "/build", .handler = build, .access = ROUTE_WRITE, .about = "build an image (the classic builder's request)" },
	{ .method = "POST", .path = "/build/prune", .handler = prune_cache, .access = ROUTE_WRITE, .about = "remove what steps of builds gave" },
	{ .method = "POST", .path = "/build/cancel", .handler = cancel, .access = ROUTE_WRITE,
	  .about = "nothing: a build ends with its connection" },
	{ .method = "POST", .path = "/session", .handler = buildkit_session, .access = ROUTE_WRITE,
	  .about = "BuildKit: a connection that ends at once, so that a client shows why its build is refused" },
	{ .method = "POST", .path = "/grpc", .handler = buildkit_grpc, .access = ROUTE_WRITE,
	  .about = "BuildKit: every call is refused, with a sentence" },
	{ 0 }
};

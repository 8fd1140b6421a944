/* POST /commit */
#include "build/commit.h"

#include "api/docker/image_names.h"
#include "api/docker/image_routes.h"
#include "api/docker/routes.h"
#include "api/docker/words.h"
#include "api/server/exchange.h"

static int commit(struct exchange *ex, struct err *e)
{
	CLEANUP_STRBUF struct strbuf text = STRBUF_INIT;
	struct json_writer w = JSON_WRITER(&text);
	const char *container = ex_query(ex, "container"), *repository = ex_query(ex, "repo"), *id;
	struct commit_args args = { .what = container ? container : "", .author = ex_query(ex, "author"), .message = ex_query(ex, "comment"),
				    .pause = ex_query_bool(ex, "pause", true) };
	struct engine *en;
	int r = ex_body_json(ex, 0, &args.config, e);

	if (r == 0)
		r = image_changes(ex, &args.changes, e);
	if (r == 0 && repository && *repository)
		r = image_name_of(ex_arena(ex), repository, ex_query(ex, "tag"), &args.name, e);
	if (r == 0)
		r = ex_engine(ex, &en, e);
	if (r == 0)
		r = commit_container(en, &args, ex_arena(ex), &id, e);
	if (r < 0)
		return words_no_container(args.what, e);
	jw_object(&w, NULL);
	jw_str(&w, "Id", id);
	jw_end_object(&w);
	return ex_json(ex, 201, &text, e);
}

const struct route docker_commit_routes[] = {
	{ .method = "POST", .path = "/commit", .handler = commit, .access = ROUTE_WRITE, .about = "an image of what a container wrote" },
	{ 0 }
};

/* POST /commit */
#include "build/commit.h"

#include <string.h>

#include "api/docker/image_names.h"
#include "api/docker/image_routes.h"
#include "api/docker/routes.h"
#include "api/docker/words.h"
#include "api/server/exchange.h"

/* ---- the request's configuration, as instructions ---- */

struct changing {
	struct arena *a;
	const char **v;
	size_t n, cap;
};

static int add(struct changing *c, const char *text, struct err *e)
{
	const char **v = arena_grow(c->a, c->v, c->n, &c->cap, sizeof(*v));

	if (!v || !text)
		return err_errno(e, -ENOMEM, "changes");
	c->v = v;
	v[c->n++] = text;
	return 0;
}

/* A word of an instruction that means just itself. */
static const char *quoted(struct arena *a, const char *text)
{
	CLEANUP_STRBUF struct strbuf out = STRBUF_INIT;

	sb_putc(&out, '"');
	for (; *text; text++) {
		if (strchr("\"\\$", *text))
			sb_putc(&out, '\\');
		sb_putc(&out, *text);
	}
	sb_putc(&out, '"');
	return sb_error(&out) < 0 ? NULL : arena_strdup(a, out.s);
}

static int take_text(struct changing *c, const char *instruction, const struct json *v, struct err *e)
{
	if (v->type != JSON_STRING)
		return err_set(e, ERR_INVALID, "%s: want a string", v->key);
	return *v->str ? add(c, arena_printf(c->a, "%s %s", instruction, v->str), e) : 0;
}

static int take_list(struct changing *c, const char *instruction, const struct json *v, struct err *e)
{
	CLEANUP_STRBUF struct strbuf text = STRBUF_INIT;
	struct json_writer w = JSON_WRITER(&text);

	if (v->type != JSON_ARRAY)
		return err_set(e, ERR_INVALID, "%s: want an array", v->key);
	jw_value(&w, NULL, v);
	return sb_error(&text) < 0 ? err_errno(e, -ENOMEM, "changes") : add(c, arena_printf(c->a, "%s %s", instruction, text.s), e);
}

/* Of an object the keys: ports, volumes. */
static int take_keys(struct changing *c, const char *instruction, const struct json *v, struct err *e)
{
	int r = v->type == JSON_OBJECT ? 0 : err_set(e, ERR_INVALID, "%s: want an object", v->key);

	json_each(it, v)
		if (r == 0)
			r = add(c, arena_printf(c->a, "%s %s", instruction, it->key), e);
	return r;
}

static int take_env(struct changing *c, const char *instruction, const struct json *v, struct err *e)
{
	int r = v->type == JSON_ARRAY ? 0 : err_set(e, ERR_INVALID, "%s: want an array", v->key);

	json_each(it, v) {
		const char *eq = it->type == JSON_STRING ? strchr(it->str, '=') : NULL, *value = eq ? quoted(c->a, eq + 1) : NULL;

		if (r == 0 && !eq)
			r = err_set(e, ERR_INVALID, "Env: want NAME=VALUE");
		if (r == 0)
			r = add(c, value ? arena_printf(c->a, "%s %.*s=%s", instruction, (int)(eq - it->str), it->str, value) : NULL, e);
	}
	return r;
}

static int take_labels(struct changing *c, const char *instruction, const struct json *v, struct err *e)
{
	int r = v->type == JSON_OBJECT ? 0 : err_set(e, ERR_INVALID, "%s: want an object", v->key);

	json_each(it, v) {
		const char *key = quoted(c->a, it->key), *value = it->type == JSON_STRING ? quoted(c->a, it->str) : NULL;

		if (r == 0 && it->type != JSON_STRING)
			r = err_set(e, ERR_INVALID, "Labels: want strings");
		if (r == 0)
			r = add(c, key && value ? arena_printf(c->a, "%s %s=%s", instruction, key, value) : NULL, e);
	}
	return r;
}

/* The others are a container's, and no image has them. */
static const struct {
	const char *member, *instruction;
	int (*take)(struct changing *c, const char *instruction, const struct json *v, struct err *e);
} members[] = {
	{ "Cmd", "CMD", take_list },
	{ "Entrypoint", "ENTRYPOINT", take_list },
	{ "Env", "ENV", take_env },
	{ "ExposedPorts", "EXPOSE", take_keys },
	{ "Labels", "LABEL", take_labels },
	{ "Shell", "SHELL", take_list },
	{ "StopSignal", "STOPSIGNAL", take_text },
	{ "User", "USER", take_text },
	{ "Volumes", "VOLUME", take_keys },
	{ "WorkingDir", "WORKDIR", take_text },
};

/* Entrypoint before Cmd: it takes the image's own command away. */
static int take_config(struct changing *c, const struct json *config, struct err *e)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < ARRAY_LEN(members); i++) {
		const struct json *v = json_get(config, members[i].member);

		if (v && v->type != JSON_NULL && !(v->type != JSON_STRING && v->len == 0))
			r = members[i].take(c, members[i].instruction, v, e);
	}
	return r;
}

static int all_changes(struct exchange *ex, struct strv *out, struct err *e)
{
	struct changing c = { .a = ex_arena(ex) };
	const struct json *config = NULL;
	struct strv given;
	int r = ex_body_json(ex, 0, &config, e);

	if (r == 0)
		r = take_config(&c, config, e);
	if (r == 0)
		r = image_changes(ex, &given, e);
	for (size_t i = 0; r == 0 && i < given.n; i++)
		r = add(&c, given.v[i], e);
	*out = (struct strv){ c.v, c.n };
	return r;
}

static int commit(struct exchange *ex, struct err *e)
{
	CLEANUP_STRBUF struct strbuf text = STRBUF_INIT;
	struct json_writer w = JSON_WRITER(&text);
	const char *container = ex_query(ex, "container"), *repository = ex_query(ex, "repo"), *id;
	struct commit_args args = { .what = container ? container : "", .author = ex_query(ex, "author"), .message = ex_query(ex, "comment"),
				    .pause = ex_query_bool(ex, "pause", true) };
	struct engine *en;
	int r = all_changes(ex, &args.changes, e);

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

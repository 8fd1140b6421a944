/* POST /containers/create */
#include <stdio.h>
#include <string.h>

#include "api/docker/fields.h"
#include "api/docker/routes.h"
#include "api/docker/words.h"
#include "api/server/server.h"
#include "base/text.h"
#include "engine/container.h"
#include "engine/images.h"
#include "engine/settings.h"

/* "linux/arm64[/v8]" of an image that is for something else is no image: the client fetches the one that is meant. */
static int check_platform(const struct engine *en, struct arena *a, const struct image *img, const char *image, const char *platform, struct err *e)
{
	int r = platform && *platform ? image_suits(en, a, img, platform, e) : 1;

	if (r == 0)
		return err_set(e, ERR_NOTFOUND, "image with reference %s was found but does not provide the specified platform (%s)", image, platform);
	return r < 0 ? r : 0;
}

static int find_image(const struct engine *en, struct arena *a, const char *image, const char *platform, struct err *e)
{
	struct image img;
	int r = image_find(en->catalog, a, image, &img, e);

	return r < 0 ? words_no_image(a, image, e) : check_platform(en, a, &img, image, platform, e);
}

/* What daemon.json leaves open of logs, name servers and limits the machine's settings say here, too; who is behind a proxy says so himself. */
static int defaults(const struct server_options *server, const struct engine *en, struct arena *a, struct ct_options *o, struct err *e)
{
	struct settings s;
	int r = daemon_json_defaults(server->daemon, a, o, e);

	if (r == 0)
		r = settings_read(a, en->user.on, &s, e);
	if (r < 0)
		return r;
	s.proxies = (struct strv){ NULL, 0 };
	return settings_container(&s, a, en->user.on, o, e);
}

static int answer(struct exchange *ex, const char *id, struct strv warnings, struct err *e)
{
	CLEANUP_STRBUF struct strbuf out = STRBUF_INIT;
	struct json_writer w = JSON_WRITER(&out);

	jw_object(&w, NULL);
	jw_str(&w, "Id", id);
	jw_array(&w, "Warnings");
	for (size_t i = 0; i < warnings.n; i++)
		jw_str(&w, NULL, warnings.v[i]);
	jw_end_array(&w);
	jw_end_object(&w);
	return ex_json(ex, 201, &out, e);
}

static int create(struct exchange *ex, struct err *e)
{
	CLEANUP_CONTAINER_NEW struct container_new n = CONTAINER_NEW_INIT;
	struct ct_options o = { .profile = "docker" };
	struct strv ignored = { 0 };
	struct arena *a = ex_arena(ex);
	const char *name = ex_query(ex, "name");
	const struct json *body = NULL;
	struct engine *en;
	int r = ex_body_json(ex, 0, &body, e);

	if (r == 0 && !body)
		r = err_set(e, ERR_INVALID, "invalid JSON: got EOF while reading request body");
	if (r == 0)
		r = fields_create(a, body, &o, &ignored, e);
	if (r == 0 && (!o.image || !*o.image))
		r = err_set(e, ERR_INVALID, "no image specified");
	if (name && name[0] == '/')
		name++;
	o.name = name && *name ? name : NULL;
	if (r == 0)
		r = ex_engine(ex, &en, e);
	if (r == 0)
		r = find_image(en, a, o.image, ex_query(ex, "platform"), e);
	if (r == 0)
		r = defaults(ex_server(ex), en, a, &o, e);
	if (r < 0)
		return r;
	r = container_create(en, a, &o, false, 0, &n, e);
	if (r < 0 && e->cls == ERR_NOTFOUND) /* a client takes 404 for an image that it has to fetch */
		e->cls = ERR_INVALID;
	if (r < 0)
		return o.name ? words_name_taken(en, o.name, e) : r;
	n.lock = close_fd(n.lock);
	return answer(ex, n.id, ignored, e);
}

const struct route docker_create_routes[] = {
	{ .method = "POST", .path = "/containers/create", .handler = create, .access = ROUTE_WRITE, .about = "makes a container (name, platform; the body: below)" },
	{ 0 }
};

/* Volumes made and removed over the API. A name that is taken, and what else an engine says in its own words, is said in Docker's where clients look for it. */
#include <string.h>

#include "api/docker/filters.h"
#include "api/docker/inspect_volume.h"
#include "api/docker/prune.h"
#include "api/docker/routes.h"
#include "engine/pairs.h"

/* From this one on a prune leaves volumes with a name alone, unless the filter all says otherwise. */
#define API_PRUNE_ANONYMOUS 142

static int read_wish(struct exchange *ex, struct volume_wish *wish, struct err *e)
{
	struct arena *a = ex_arena(ex);
	const struct json *body, *cluster = NULL;
	const char *name = "", *driver = "";
	int r = ex_body_json(ex, 0, &body, e);

	if (r < 0 || (r = json_get_str(body, "the volume", "Name", &name, e)) < 0 || (r = json_get_str(body, "the volume", "Driver", &driver, e)) < 0 ||
	    (r = pairs_texts(a, json_get(body, "DriverOpts"), "DriverOpts", &wish->options, e)) < 0 ||
	    (r = pairs_texts(a, json_get(body, "Labels"), "Labels", &wish->labels, e)) < 0 ||
	    (r = json_get_obj(body, "the volume", "ClusterVolumeSpec", &cluster, e)) < 0)
		return r;
	if (cluster)
		return err_set(e, ERR_UNSUPPORTED, "ClusterVolumeSpec: volumes of a swarm are not supported");
	wish->name = *name ? name : NULL;
	wish->driver = *driver ? driver : NULL;
	if (wish->driver && strcmp(wish->driver, VOLUME_DRIVER) != 0)
		return err_set(e, ERR_NOTFOUND, "create %s: error looking up volume plugin %s: plugin \"%s\" not found", name, driver, driver);
	return 0;
}

static int create(struct exchange *ex, struct err *e)
{
	CLEANUP_STRBUF struct strbuf out = STRBUF_INIT;
	struct json_writer w = JSON_WRITER(&out);
	struct volume_wish wish = { 0 };
	struct engine *en;
	const char *name;
	int r = read_wish(ex, &wish, e);

	if (r == 0)
		r = ex_engine(ex, &en, e);
	if (r == 0)
		r = volume_create(en, ex_arena(ex), &wish, &name, e);
	if (r == 0)
		r = inspect_volume(en, ex_arena(ex), name, &w, e);
	return r < 0 ? r : ex_json(ex, 201, &out, e);
}

static int in_use(struct exchange *ex, const struct engine *en, const char *name, struct err *e)
{
	CLEANUP_STRBUF struct strbuf ids = STRBUF_INIT;
	struct err ignored;
	struct strv users;

	if (volume_users(en->catalog, ex_arena(ex), name, &users, &ignored) < 0 || !users.n)
		return e->code;
	for (size_t i = 0; i < users.n; i++)
		sb_printf(&ids, "%s%s", i ? ", " : "", users.v[i]);
	return err_set(e, ERR_CONFLICT, "remove %s: volume is in use - [%s]", name, sb_str(&ids));
}

static int remove_volume(struct exchange *ex, struct err *e)
{
	const char *name = ex_param(ex, 0);
	struct engine *en;
	int r = ex_engine(ex, &en, e);

	if (r == 0)
		r = volume_remove(en, name, e);
	if (r < 0 && e->cls == ERR_CONFLICT)
		return in_use(ex, en, name, e);
	if (r < 0 && e->cls == ERR_NOTFOUND)
		r = ex_query_bool(ex, "force", false) ? 0 : err_set(e, ERR_NOTFOUND, "get %s: no such volume", name);
	return r < 0 ? r : ex_empty(ex, 204, e);
}

static void removed(const char *name, void *w)
{
	jw_str(w, NULL, name);
}

static int prune(struct exchange *ex, struct err *e)
{
	CLEANUP_STRBUF struct strbuf out = STRBUF_INIT;
	struct json_writer w = JSON_WRITER(&out);
	bool all = ex_api(ex) < API_PRUNE_ANONYMOUS;
	uint64_t freed = 0;
	struct strv filters;
	struct engine *en;
	int r = filters_parse(ex_arena(ex), ex_query(ex, "filters"), VOLUME_PRUNE_KEYS, &filters, e);

	if (r == 0)
		r = ex_engine(ex, &en, e);
	jw_object(&w, NULL);
	jw_array(&w, "VolumesDeleted");
	if (r == 0)
		r = prune_volumes(en, ex_arena(ex), filters, all, removed, &w, &freed, e);
	jw_end_array(&w);
	jw_u64(&w, "SpaceReclaimed", freed);
	jw_end_object(&w);
	return r < 0 ? r : ex_json(ex, 200, &out, e);
}

const struct route docker_volume_change_routes[] = {
	{ "POST", "/volumes/create", create, ROUTE_WRITE, "make a volume" },
	{ "POST", "/volumes/prune", prune, ROUTE_WRITE, "remove volumes that no container has" },
	{ "DELETE", "/volumes/{}", remove_volume, ROUTE_WRITE, "remove a volume" },
	{ "PUT", "/volumes/{}", NULL, ROUTE_WRITE, "change a volume of a swarm", .missing = DOCKER_NO_SWARM, .missing_status = 503 },
	{ 0 },
};

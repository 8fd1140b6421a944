/* What is asked about networks and volumes: the lists, and one of them. */
#include <string.h>

#include "api/docker/filters.h"
#include "api/docker/inspect_network.h"
#include "api/docker/inspect_volume.h"
#include "api/docker/networks.h"
#include "api/docker/routes.h"
#include "api/docker/words.h"
#include "api/server/guard.h"

static int get_networks(struct exchange *ex, struct err *e)
{
	CLEANUP_STRBUF struct strbuf text = STRBUF_INIT;
	struct json_writer w = JSON_WRITER(&text);
	struct network *v;
	struct engine *en;
	struct strv filters;
	size_t n = 0;
	int r = filters_parse(ex_arena(ex), ex_query(ex, "filters"), NETWORK_FILTER_KEYS, &filters, e);

	if (r == 0)
		r = ex_engine(ex, &en, e);
	if (r == 0)
		r = networks_listed(en, ex_arena(ex), filters, &v, &n, e);
	jw_array(&w, NULL);
	for (size_t i = 0; r == 0 && i < n; i++)
		if (network_is_for(&v[i], guard_owner(ex)))
			r = inspect_network_write(en, ex_arena(ex), &v[i], ex_api(ex) >= 128 ? NETWORK_BRIEF : NETWORK_API, guard_owner(ex), &w, e);
	jw_end_array(&w);
	return r < 0 ? r : ex_json(ex, 200, &text, e);
}

static int get_network(struct exchange *ex, struct err *e)
{
	CLEANUP_STRBUF struct strbuf text = STRBUF_INIT;
	struct json_writer w = JSON_WRITER(&text);
	const char *scope = ex_query(ex, "scope"), *what = ex_param(ex, 0);
	struct engine *en;
	int r = 0;

	if (scope && *scope && strcmp(scope, "local") != 0) /* those of a swarm */
		r = err_set(e, ERR_NOTFOUND, "network %.300s not found", what);
	if (r == 0)
		r = ex_engine(ex, &en, e);
	if (r == 0 && (r = inspect_network(en, ex_arena(ex), what, NETWORK_API, guard_owner(ex), &w, e)) < 0)
		r = words_no_network(what, e);
	return r < 0 ? r : ex_json(ex, 200, &text, e);
}

static int get_volumes(struct exchange *ex, struct err *e)
{
	CLEANUP_STRBUF struct strbuf text = STRBUF_INIT;
	struct json_writer w = JSON_WRITER(&text);
	struct volume *v;
	struct engine *en;
	struct strv filters;
	size_t n = 0;
	int r = filters_parse(ex_arena(ex), ex_query(ex, "filters"), VOLUME_FILTER_KEYS, &filters, e);

	if (r == 0)
		r = ex_engine(ex, &en, e);
	if (r == 0)
		r = volumes_listed(en, ex_arena(ex), filters, &v, &n, e);
	if (r < 0)
		return r;
	jw_object(&w, NULL);
	jw_array(&w, "Volumes");
	for (size_t i = 0; i < n; i++)
		inspect_volume_write(en, ex_arena(ex), &v[i], false, &w);
	jw_end_array(&w);
	jw_null(&w, "Warnings");
	jw_end_object(&w);
	return ex_json(ex, 200, &text, e);
}

static int get_volume(struct exchange *ex, struct err *e)
{
	CLEANUP_STRBUF struct strbuf text = STRBUF_INIT;
	struct json_writer w = JSON_WRITER(&text);
	struct engine *en;
	int r = ex_engine(ex, &en, e);

	if (r == 0 && (r = inspect_volume(en, ex_arena(ex), ex_param(ex, 0), &w, e)) < 0)
		r = words_no_volume(ex_param(ex, 0), e);
	return r < 0 ? r : ex_json(ex, 200, &text, e);
}

const struct route docker_place_view_routes[] = {
	{ "GET", "/networks", get_networks, ROUTE_READ, "the networks", .quick = true },
	{ "GET", "/networks/{}", get_network, ROUTE_READ, "a network, and who is in it", .quick = true },
	{ "GET", "/volumes", get_volumes, ROUTE_READ, "the volumes", .quick = true },
	{ "GET", "/volumes/{}", get_volume, ROUTE_READ, "a volume", .quick = true },
	{ 0 },
};

/* What is asked about all of it: info, version, what things take on the disk. */
#include <fcntl.h>
#include <string.h>

#include "api/docker/container_list.h"
#include "api/docker/container_view.h"
#include "api/docker/image_list.h"
#include "api/docker/info.h"
#include "api/docker/inspect_volume.h"
#include "api/docker/routes.h"
#include "api/docker/times.h"
#include "api/server/server.h"
#include "base/io.h"
#include "base/log.h"
#include "base/sha256.h"
#include "engine/buildcache.h"
#include "engine/usage.h"

/* ---- info ---- */

/* A name of this machine's store, the same as long as both are, in the form of a UUID. */
static const char *id_of(const struct engine *en, struct arena *a)
{
	CLEANUP_FREE char *machine = NULL;
	unsigned char sum[32];
	char hex[65];
	struct sha256 s;

	sha256_init(&s);
	if (io_read_file(AT_FDCWD, "/etc/machine-id", 64, &machine, NULL) == 0)
		sha256_add(&s, machine, strlen(machine));
	sha256_add(&s, en->root, strlen(en->root));
	sha256_end(&s, sum);
	sha256_hex(sum, hex);
	return arena_printf(a, "%.8s-%.4s-%.4s-%.4s-%.12s", hex, hex + 8, hex + 12, hex + 16, hex + 20);
}

static void write_list(struct json_writer *w, const char *key, const struct strv *v)
{
	jw_array(w, key);
	for (size_t i = 0; i < v->n; i++)
		jw_str(w, NULL, v->v[i]);
	jw_end_array(w);
}

/* As Docker has them: with a slash at the end. */
static void write_mirrors(struct arena *a, const struct strv *mirrors, struct json_writer *w)
{
	jw_array(w, "Mirrors");
	for (size_t i = 0; i < mirrors->n; i++) {
		size_t len = strlen(mirrors->v[i]);
		const char *slash = len && mirrors->v[i][len - 1] == '/' ? "" : "/";

		jw_str(w, NULL, arena_printf(a, "%s%s", mirrors->v[i], slash));
	}
	jw_end_array(w);
}

static void write_index(const char *name, bool secure, bool official, struct json_writer *w)
{
	jw_str(w, "Name", name);
	jw_bool(w, "Secure", secure);
	jw_bool(w, "Official", official);
}

static void write_registries(struct arena *a, const struct registries_more *more, struct json_writer *w)
{
	static const char hub[] = "docker.io";
	struct ip_net net;
	bool secure = true;

	jw_str(w, "IndexServerAddress", "https://index.docker.io/v1/");
	jw_object(w, "RegistryConfig");
	jw_strv(w, "AllowNondistributableArtifactsCIDRs", NULL);
	jw_strv(w, "AllowNondistributableArtifactsHostnames", NULL);
	jw_array(w, "InsecureRegistryCIDRs");
	jw_str(w, NULL, "127.0.0.0/8"); /* plain HTTP is tried there */
	for (size_t i = 0; i < more->insecure.n; i++)
		if (ip_net_parse(more->insecure.v[i], &net) == 0)
			jw_str(w, NULL, more->insecure.v[i]);
	jw_end_array(w);
	jw_object(w, "IndexConfigs");
	for (size_t i = 0; i < more->insecure.n; i++) {
		const char *name = more->insecure.v[i];

		if (strcmp(name, hub) == 0)
			secure = false;
		else if (ip_net_parse(name, &net) < 0) {
			jw_object(w, name);
			write_index(name, false, false, w);
			jw_strv(w, "Mirrors", NULL);
			jw_end_object(w);
		}
	}
	jw_object(w, hub);
	write_index(hub, secure, true, w);
	write_mirrors(a, &more->mirrors, w);
	jw_end_object(w);
	jw_end_object(w);
	write_mirrors(a, &more->mirrors, w);
	jw_end_object(w);
}

static void write_commit(const char *key, struct json_writer *w)
{
	jw_object(w, key);
	jw_str(w, "ID", TARE_VERSION);
	jw_str(w, "Expected", TARE_VERSION);
	jw_end_object(w);
}

/* What Docker's clients ask of a daemon, and a command has not. */
static void write_daemon(const struct engine *en, const struct daemon_json *daemon, struct arena *a, struct json_writer *w)
{
	jw_str(w, "ID", id_of(en, a));
	jw_bool(w, "Debug", log_wants(LOG_LEVEL_DEBUG));
	jw_u64(w, "NFd", 0); /* each request has a process of its own */
	jw_u64(w, "NGoroutines", 0);
	jw_u64(w, "NEventsListener", 0);
	write_registries(a, &daemon->around.registries, w);
	jw_null(w, "GenericResources");
	write_list(w, "Labels", &daemon->labels);
	jw_str(w, "Isolation", "");
	write_commit("ContainerdCommit", w);
	write_commit("RuncCommit", w);
	write_commit("InitCommit", w);
}

static int get_info(struct exchange *ex, struct err *e)
{
	CLEANUP_STRBUF struct strbuf text = STRBUF_INIT;
	struct json_writer w = JSON_WRITER(&text);
	struct engine *en;
	struct info info;
	int r = ex_engine(ex, &en, e);

	if (r == 0)
		r = info_read(en, ex_arena(ex), &info, e);
	if (r < 0)
		return r;
	info.machine.userns &= ex_server(ex)->daemon->remap; /* what the API makes has none unless that is asked for */
	jw_object(&w, NULL);
	info_write(&info, &w);
	write_daemon(en, ex_server(ex)->daemon, ex_arena(ex), &w);
	jw_end_object(&w);
	return ex_json(ex, 200, &text, e);
}

/* ---- version ---- */

static int get_version(struct exchange *ex, struct err *e)
{
	static const struct info_pair api[] = {
		{ NULL, "ApiVersion", DOCKER_API_MAX_TEXT, 0 },
		{ NULL, "MinAPIVersion", DOCKER_API_MIN_TEXT, 0 },
		{ NULL, "GitCommit", "", 0 },
		{ NULL, "GoVersion", "", 0 }, /* it is C */
		{ NULL, "BuildTime", "", 0 },
	};
	CLEANUP_STRBUF struct strbuf text = STRBUF_INIT;
	struct json_writer w = JSON_WRITER(&text);
	struct info version;
	int r = version_read(&version, e);

	if (r < 0)
		return r;
	for (size_t i = 0; i < ARRAY_LEN(api); i++)
		version.pairs[version.n++] = api[i];
	jw_object(&w, NULL);
	version_write(&version, true, &w);
	jw_end_object(&w);
	return ex_json(ex, 200, &text, e);
}

/* ---- df ---- */

enum kind { IMAGES = 1, CONTAINERS = 2, VOLUMES = 4, CACHE = 8 };

static int asked_kinds(struct exchange *ex, unsigned int *out, struct err *e)
{
	static const struct {
		const char *name;
		enum kind kind;
	} rows[] = { { "image", IMAGES }, { "container", CONTAINERS }, { "volume", VOLUMES }, { "build-cache", CACHE } };
	size_t n;
	const char *const *types = ex_query_all(ex, "type", &n);

	*out = n && ex_api(ex) >= 142 ? 0 : IMAGES | CONTAINERS | VOLUMES | CACHE;
	for (size_t i = 0; i < n && ex_api(ex) >= 142; i++) {
		unsigned int known = 0;

		for (size_t k = 0; k < ARRAY_LEN(rows); k++)
			if (strcmp(rows[k].name, types[i]) == 0)
				known = rows[k].kind;
		if (!known)
			return err_set(e, ERR_INVALID, "unknown object type: %.100s", types[i]);
		*out |= known;
	}
	return 0;
}

/* Docker's null of what was not asked for; else the beginning of its list. */
static bool begin(unsigned int kinds, enum kind kind, const char *key, struct json_writer *w)
{
	if (kinds & kind)
		jw_array(w, key);
	else
		jw_null(w, key);
	return (kinds & kind) != 0;
}

static int add_container(const struct engine *en, struct arena *a, const struct seen *s, void *data, struct err *e)
{
	return container_write_summary(en, a, s, true, data, NULL, e);
}

static int write_volumes(const struct engine *en, struct arena *a, struct json_writer *w, struct err *e)
{
	struct volume *v;
	size_t n = 0;
	int r = volume_list(en->catalog, a, &v, &n, e);

	for (size_t i = 0; r == 0 && i < n; i++)
		inspect_volume_write(en, a, &v[i], true, w);
	return r;
}

static int write_cache(const struct engine *en, struct arena *a, struct json_writer *w, struct err *e)
{
	struct buildcache_row *v;
	size_t n = 0;
	int r = buildcache_list(en, a, &v, &n, e);

	for (size_t i = 0; r == 0 && i < n; i++) {
		jw_object(w, NULL);
		jw_str(w, "ID", v[i].id);
		jw_str(w, "Parent", "");
		jw_str(w, "Type", v[i].folder ? "exec.cachemount" : "regular");
		jw_str(w, "Description", v[i].description);
		jw_bool(w, "InUse", v[i].in_use);
		jw_bool(w, "Shared", v[i].in_use);
		jw_u64(w, "Size", v[i].bytes);
		jw_str(w, "CreatedAt", time_text(a, v[i].created));
		jw_str(w, "LastUsedAt", time_text(a, v[i].used));
		jw_u64(w, "UsageCount", 1);
		jw_end_object(w);
	}
	return r;
}

static int write_df(struct exchange *ex, const struct engine *en, unsigned int kinds, struct json_writer *w, struct err *e)
{
	const struct image_query images = { .api = ex_api(ex), .shared = true, .containers = true };
	const struct container_query containers = { .all = true, .config = true, .most = -1 };
	struct usage u;
	int r = usage_read(en, &u, e);

	if (r < 0)
		return r;
	jw_object(w, NULL);
	jw_u64(w, "LayersSize", kinds & IMAGES ? u.images.bytes : 0);
	if (begin(kinds, IMAGES, "Images", w)) {
		r = images_write(en, ex_arena(ex), &images, w, e);
		jw_end_array(w);
	}
	if (r == 0 && begin(kinds, CONTAINERS, "Containers", w)) {
		r = containers_listed(en, &containers, add_container, w, e);
		jw_end_array(w);
	}
	if (r == 0 && begin(kinds, VOLUMES, "Volumes", w)) {
		r = write_volumes(en, ex_arena(ex), w, e);
		jw_end_array(w);
	}
	if (r == 0 && begin(kinds, CACHE, "BuildCache", w)) {
		r = write_cache(en, ex_arena(ex), w, e);
		jw_end_array(w);
	}
	if (ex_api(ex) < 142)
		jw_u64(w, "BuilderSize", u.cache.bytes);
	jw_end_object(w);
	return r;
}

static int get_df(struct exchange *ex, struct err *e)
{
	CLEANUP_STRBUF struct strbuf text = STRBUF_INIT;
	struct json_writer w = JSON_WRITER(&text);
	struct engine *en;
	unsigned int kinds;
	int r = asked_kinds(ex, &kinds, e);

	if (r == 0)
		r = ex_engine(ex, &en, e);
	if (r == 0)
		r = write_df(ex, en, kinds, &w, e);
	return r < 0 ? r : ex_json(ex, 200, &text, e);
}

const struct route docker_system_routes[] = {
	{ "GET", "/info", get_info, ROUTE_READ, "what is here, and what the machine can do", .quick = true },
	{ "GET", "/version", get_version, ROUTE_PUBLIC, "which versions of tare and of the API", .quick = true },
	{ "GET", "/system/df", get_df, ROUTE_READ, "what images, containers, volumes and the build cache take on the disk" },
	{ 0 },
};

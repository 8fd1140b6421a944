/* tare system df: what is kept, and with -v each of it. Sizes are what du(1) says of it. */
#include "cmd/tare/tare.h"

#include <stdio.h>
#include <string.h>

#include "api/docker/times.h"
#include "api/docker/image_list.h"
#include "cmd/tare/table.h"
#include "cmd/tare/template.h"
#include "engine/buildcache.h"
#include "engine/config.h"
#include "engine/images.h"
#include "engine/usage.h"
#include "engine/volume_prune.h"
#include "image/ref.h"

const struct cli_option df_options[] = {
	{ "format", 0, "table|json|TEMPLATE", CLI_STR, "how it is written, or what of each by a template of Go's", offsetof(struct system_opts, format) },
	{ "verbose", 'v', NULL, CLI_FLAG, "each image, container and volume", offsetof(struct system_opts, verbose) },
	{ 0 }
};

static const struct table_column df_columns[] = {
	{ "TYPE", "Type" }, { "TOTAL", "TotalCount" }, { "ACTIVE", "Active" }, { "SIZE", "Size" }, { "RECLAIMABLE", "Reclaimable" },
};

static void df_row(struct table *t, const char *type, const struct usage_row *u)
{
	struct arena *a = t->a;
	unsigned int percent = u->bytes ? (unsigned int)(u->reclaimable * 100 / u->bytes) : 0;
	const char *cells[] = {
		type,
		arena_printf(a, "%zu", u->total),
		arena_printf(a, "%zu", u->active),
		table_size(a, u->bytes),
		arena_printf(a, "%s (%u%%)", table_size(a, u->reclaimable), percent > 100 ? 100 : percent),
	};

	table_add(t, cells);
}

static int short_list(const struct cli_call *call, const struct engine *en, struct strbuf *out, struct err *e)
{
	const struct system_opts *o = call->opts;
	struct table t = TABLE(call->arena, df_columns);
	struct usage u;
	int r = usage_read(en, &u, e);

	if (r < 0)
		return r;
	df_row(&t, "Images", &u.images);
	df_row(&t, "Containers", &u.containers);
	df_row(&t, "Local Volumes", &u.volumes);
	df_row(&t, "Build Cache", &u.cache);
	return table_write(&t, o->format, false, out, e);
}

/* ---- -v ---- */

static const struct table_column image_columns[] = {
	{ "REPOSITORY", "Repository" }, { "TAG", "Tag" }, { "IMAGE ID", "ID" }, { "CREATED", "CreatedSince" }, { "SIZE", "Size" },
	{ "SHARED SIZE", "SharedSize" }, { "UNIQUE SIZE", "UniqueSize" }, { "CONTAINERS", "Containers" }, { NULL, "CreatedAt" }, { NULL, "Digest" },
};

static void split_name(struct arena *a, const struct image *img, const char **name, const char **tag)
{
	struct image_ref ref;
	struct err ignored;

	*name = *tag = "<none>";
	if (img->n_tags && image_ref_parse(a, img->tags[0], &ref, &ignored) == 0) {
		const char *whole = image_ref_familiar(a, &ref), *colon = whole ? strrchr(whole, ':') : NULL;

		*name = colon && !strchr(colon, '/') ? arena_strndup(a, whole, (size_t)(colon - whole)) : whole;
		*tag = ref.tag ? ref.tag : "<none>";
	}
}

static int images_table(const struct engine *en, struct table *t, struct err *e)
{
	struct image *v;
	size_t n = 0;
	int r = image_list(en->catalog, t->a, &v, &n, e);

	for (size_t i = 0; r == 0 && i < n; i++) {
		const char *name, *tag;
		const char *digits = strchr(v[i].id, ':');
		uint64_t size = 0, shared = 0;
		size_t containers = 0;

		split_name(t->a, &v[i], &name, &tag);
		r = image_bytes(en, v[i].id, false, &size, e);
		if (r == 0)
			r = image_bytes(en, v[i].id, true, &shared, e);
		if (r == 0)
			r = image_containers(en, t->a, v[i].id, &containers, e);
		if (r < 0)
			break;
		table_add(t, (const char *[]){ name, tag, arena_strndup(t->a, digits ? digits + 1 : v[i].id, ID_SHORT),
					       v[i].created == IMAGE_NO_TIME ? "N/A" : time_ago(t->a, v[i].created), table_size(t->a, size),
					       table_size(t->a, shared), table_size(t->a, size - shared), arena_printf(t->a, "%zu", containers),
					       v[i].created == IMAGE_NO_TIME ? "N/A" : time_date(t->a, v[i].created, false), v[i].manifest });
	}
	return r;
}

static const struct table_column container_columns[] = {
	{ "CONTAINER ID", "ID" }, { "IMAGE", "Image" }, { "COMMAND", "Command" }, { "LOCAL VOLUMES", "LocalVolumes" }, { "SIZE", "Size" },
	{ "CREATED", "RunningFor" }, { "STATUS", "Status" }, { "NAMES", "Names" },
};

static int containers_table(const struct engine *en, struct table *t, struct err *e)
{
	struct record *v;
	size_t n = 0;
	int r = record_list(en->catalog, t->a, NULL, &v, &n, e);

	for (size_t i = 0; r == 0 && i < n; i++) {
		CLEANUP_STMT struct cat_stmt *s = NULL;

		r = cat_prepare(en->catalog, &s, e, "SELECT count(*) FROM volume_uses WHERE container = ?1", "s", v[i].id);
		if (r == 0)
			r = cat_step(s, e);
		if (r < 0)
			break;
		table_add(t, (const char *[]){ arena_strndup(t->a, v[i].id, ID_SHORT), v[i].image_ref,
					       table_command(t->a, v[i].command, false), arena_printf(t->a, "%lld", (long long)cat_int(s, 0)),
					       table_size(t->a, usage_of_container(en, v[i].id)), time_ago(t->a, v[i].created),
					       record_status_name(v[i].status), v[i].name });
		r = 0;
	}
	return r;
}

static const struct table_column volume_columns[] = {
	{ "VOLUME NAME", "Name" }, { "LINKS", "Links" }, { "SIZE", "Size" }, { NULL, "Driver" }, { NULL, "Labels" }, { NULL, "Mountpoint" },
	{ NULL, "Scope" }, { NULL, "Availability" }, { NULL, "Group" }, { NULL, "Status" },
};

static int volumes_table(const struct engine *en, struct table *t, struct err *e)
{
	struct volume *v;
	size_t n = 0;
	int r = volume_list(en->catalog, t->a, &v, &n, e);

	for (size_t i = 0; r == 0 && i < n; i++)
		table_add(t, (const char *[]){ v[i].name, arena_printf(t->a, "%zu", v[i].users), table_size(t->a, volume_bytes(en, &v[i])), VOLUME_DRIVER,
					       table_labels(t->a, v[i].labels), volume_path(en, t->a, v[i].name), "local", "N/A", "N/A", "N/A" });
	return r;
}

static const struct table_column cache_columns[] = {
	{ NULL, "ID" }, { NULL, "CacheType" }, { NULL, "Size" }, { NULL, "CreatedAt" }, { NULL, "CreatedSince" }, { NULL, "LastUsedAt" },
	{ NULL, "LastUsedSince" }, { NULL, "InUse" }, { NULL, "Description" },
};

static int cache_table(const struct engine *en, struct table *t, struct err *e)
{
	struct buildcache_row *v;
	size_t n = 0;
	int r = buildcache_list(en, t->a, &v, &n, e);

	for (size_t i = 0; r == 0 && i < n; i++)
		table_add(t, (const char *[]){ arena_strndup(t->a, v[i].id, ID_SHORT), v[i].folder ? "exec.cachemount" : "regular", table_size(t->a, v[i].bytes),
					       time_text(t->a, v[i].created), time_ago(t->a, v[i].created), time_text(t->a, v[i].used),
					       time_ago(t->a, v[i].used), v[i].in_use ? "true" : "false", v[i].description });
	return r;
}

/* One document, as docker writes it with --verbose; containers are as ps has them. */
static int document(const struct cli_call *call, const struct engine *en, struct strbuf *out, struct err *e)
{
	static const char *const keys[] = { "Images", "Containers", "Volumes", "BuildCache" };
	struct arena *a = call->arena;
	struct table tables[] = { TABLE(a, image_columns), { 0 }, TABLE(a, volume_columns), TABLE(a, cache_columns) };
	int r = images_table(en, &tables[0], e);

	if (r == 0)
		r = ps_list(en, a, &tables[1], e);
	if (r == 0)
		r = volumes_table(en, &tables[2], e);
	if (r == 0)
		r = cache_table(en, &tables[3], e);
	for (size_t i = 0; r == 0 && i < ARRAY_LEN(tables); i++) {
		sb_printf(out, "%c\"%s\":", i ? ',' : '{', keys[i]);
		table_write_array(&tables[i], out);
	}
	sb_putc(out, '}');
	return r;
}

static int formatted(const struct cli_call *call, const struct engine *en, const char *format, struct strbuf *out, struct err *e)
{
	CLEANUP_STRBUF struct strbuf text = STRBUF_INIT;
	const struct json *doc;
	int r;

	if (strcmp(format, "json") != 0 && !strstr(format, "{{"))
		return err_set(e, ERR_INVALID, "--format '%.40s': there are table, json, and templates with {{.Member}}, whose members are those of json", format);
	r = document(call, en, &text, e);
	if (r == 0 && sb_error(&text) < 0)
		r = err_errno(e, -ENOMEM, "write the list");
	if (r == 0)
		r = json_parse(call->arena, sb_str(&text), text.len, NULL, &doc, e);
	if (r == 0)
		r = template_apply(call->arena, strcmp(format, "json") == 0 ? "{{json .}}" : format, doc, out, e);
	sb_putc(out, '\n');
	return r;
}

static int long_list(const struct cli_call *call, const struct engine *en, struct strbuf *out, struct err *e)
{
	static const char *const titles[] = { "Images space usage:", "Containers space usage:", "Local Volumes space usage:" };
	struct table tables[] = { TABLE(call->arena, image_columns), TABLE(call->arena, container_columns), TABLE(call->arena, volume_columns) };
	const struct system_opts *o = call->opts;
	struct usage u;
	int r;

	if (o->format && strcmp(o->format, "table") != 0)
		return formatted(call, en, o->format, out, e);
	r = usage_read(en, &u, e);
	if (r == 0)
		r = images_table(en, &tables[0], e);
	if (r == 0)
		r = containers_table(en, &tables[1], e);
	if (r == 0)
		r = volumes_table(en, &tables[2], e);
	for (size_t i = 0; r == 0 && i < ARRAY_LEN(tables); i++) {
		sb_printf(out, "%s%s\n\n", i ? "\n" : "", titles[i]);
		r = table_write(&tables[i], "table", false, out, e);
	}
	if (r == 0)
		sb_printf(out, "\nBuild cache usage: %s\n", table_size(call->arena, u.cache.bytes));
	return r;
}

int cmd_df(const struct cli_call *call, struct err *e)
{
	const struct system_opts *o = call->opts;
	CLEANUP_ENGINE struct engine en = ENGINE_INIT;
	CLEANUP_STRBUF struct strbuf out = STRBUF_INIT;
	int r = tare_engine_to_look(call, &en, e);

	if (r == 0)
		r = o->verbose ? long_list(call, &en, &out, e) : short_list(call, &en, &out, e);
	return r < 0 ? r : tare_print(&out, e);
}

/* tare diff; tare image diff, export, mount, umount: an image's files, looked at without a container */
#include <stdio.h>
#include <string.h>

#include "base/json.h"
#include "base/log.h"
#include "base/text.h"
#include "cmd/tare/table.h"
#include "cmd/tare/tare.h"
#include "engine/diff.h"
#include "engine/imagemount.h"
#include "engine/images.h"
#include "engine/imageview.h"
#include "image/pack.h"
#include "image/ref.h"

const struct cli_option diff_options[] = {
	{ "format", 0, "lines|json", CLI_STR, "how it is written", offsetof(struct diff_opts, format), .choices = "lines|json" },
	{ 0 }
};
const struct cli_option image_mount_options[] = {
	{ "format", 0, "table|json", CLI_STR, "how the list is written", offsetof(struct diff_opts, format), .choices = "table|json" },
	{ 0 }
};
const struct cli_option image_umount_options[] = {
	{ "all", 'a', NULL, CLI_FLAG, "all that are mounted", offsetof(struct umount_opts, all) },
	{ "force", 'f', NULL, CLI_FLAG, "also when somebody is in it", offsetof(struct umount_opts, force) },
	{ 0 }
};

/* ---- diff ---- */

static void write_change(const struct change *c, bool json, struct strbuf *out)
{
	struct json_writer w = JSON_WRITER(out);
	const char kind[] = { c->kind, '\0' };

	if (json) {
		jw_object(&w, NULL);
		jw_str(&w, "Kind", kind);
		jw_str(&w, "Path", c->path);
		jw_end_object(&w);
	} else { /* a name may have anything in it, and a line is a line */
		size_t size = 4 * strlen(c->path) + 1;
		CLEANUP_FREE char *shown = malloc(size);

		sb_printf(out, "%s %s", kind, shown ? text_escape(c->path, shown, size) : "");
		out->failed |= !shown;
	}
	sb_putc(out, '\n');
}

int tare_print_changes(const struct change *v, size_t n, const char *format, struct err *e)
{
	CLEANUP_STRBUF struct strbuf out = STRBUF_INIT;

	for (size_t i = 0; i < n; i++)
		write_change(&v[i], format && strcmp(format, "json") == 0, &out);
	return sb_error(&out) < 0 ? err_errno(e, -ENOMEM, "diff") : tare_print(&out, e);
}

int cmd_image_diff(const struct cli_call *call, struct err *e)
{
	const struct diff_opts *o = call->opts;
	CLEANUP_ENGINE struct engine en = ENGINE_INIT;
	struct change *v;
	size_t n = 0;
	int r = tare_engine_to_look(call, &en, e);

	if (r == 0)
		r = imageview_diff(&en, call->arena, call->args[0], call->n_args > 1 ? call->args[1] : NULL, &v, &n, e);
	return r < 0 ? r : tare_print_changes(v, n, o->format, e);
}

int cmd_diff(const struct cli_call *call, struct err *e)
{
	const struct diff_opts *o = call->opts;
	CLEANUP_ENGINE struct engine en = ENGINE_INIT;
	struct change *v;
	size_t n = 0;
	int r = tare_engine_to_look(call, &en, e);

	if (r == 0)
		r = container_diff(&en, call->arena, call->args[0], &v, &n, e);
	return r < 0 ? r : tare_print_changes(v, n, o->format, e);
}

/* ---- export ---- */

static int export_image(const struct cli_call *call, int out, struct err *e)
{
	CLEANUP_ENGINE struct engine en = ENGINE_INIT;
	CLEANUP_STORE struct store store = STORE_INIT;
	CLEANUP_INGEST struct store_ingest in = STORE_INGEST_INIT;
	CLEANUP_FD int tree = -1;
	struct pack_out pack = { 0 };
	const char *const *chains;
	char worker[PATH_MAX];
	struct image img;
	size_t n;
	int r = tare_engine(call, &en, e);

	if (r == 0)
		r = engine_program("tare-worker", worker, e);
	if (r == 0)
		r = store_open(en.root_fd, &store, e);
	if (r == 0)
		r = store_ingest_begin(&store, &in, e);
	if (r == 0)
		r = image_find(en.catalog, call->arena, call->args[0], &img, e);
	if (r == 0)
		r = image_layers(en.catalog, call->arena, img.id, &chains, &n, e);
	if (r < 0)
		return r;
	pack.worker = worker;
	pack.tree = tree = imageview_open(&en, call->arena, chains, n, e);
	return tree < 0 ? tree : image_pack_out(&in, &pack, out, e);
}

int cmd_image_export(const struct cli_call *call, struct err *e)
{
	const struct save_opts *o = call->opts;

	return tare_output(call, o->output, export_image, e);
}

/* ---- mount ---- */

static const struct table_column mount_columns[] = {
	{ NULL, NULL }, { "IMAGE ID", "ID" }, { "NAMES", "Names" }, { "PATH", "Path" },
};

static const char *names_of(const struct engine *en, struct arena *a, const char *id)
{
	const char *all = "";
	struct image img;
	struct err ignored;

	if (image_get(en->catalog, a, id, &img, &ignored) < 0)
		return "";
	for (size_t i = 0; i < img.n_tags; i++) {
		struct image_ref ref;

		if (image_ref_parse(a, img.tags[i], &ref, &ignored) == 0)
			all = arena_printf(a, "%s%s%s", all, *all ? " " : "", image_ref_familiar(a, &ref));
	}
	return all;
}

static int list(const struct engine *en, const struct cli_call *call, struct err *e)
{
	const struct diff_opts *o = call->opts;
	CLEANUP_STRBUF struct strbuf out = STRBUF_INIT;
	struct table t = TABLE(call->arena, mount_columns);
	struct imagemount *v;
	size_t n;
	int r = imagemount_list(en, call->arena, &v, &n, e);

	for (size_t i = 0; r == 0 && i < n; i++)
		table_add(&t, (const char *[]){ v[i].path, arena_strndup(call->arena, digest_hex(v[i].image), ID_SHORT), names_of(en, call->arena, v[i].image),
						v[i].path });
	if (r == 0)
		r = table_write(&t, o->format, false, &out, e);
	return r < 0 ? r : tare_print(&out, e);
}

int cmd_image_mount(const struct cli_call *call, struct err *e)
{
	CLEANUP_ENGINE struct engine en = ENGINE_INIT;
	const char *where;
	int r = tare_engine(call, &en, e);

	if (r < 0 || call->n_args == 0)
		return r < 0 ? r : list(&en, call, e);
	r = imagemount_make(&en, call->arena, call->args[0], call->n_args > 1 ? call->args[1] : NULL, &where, e);
	if (r == 0)
		tare_say("%s", where);
	return r;
}

/* ---- umount ---- */

/* The place, whose name may be an image's, too; NULL: it is none. */
static const char *place_of(struct arena *a, const struct imagemount *v, size_t n, const char *what)
{
	char real[PATH_MAX];

	if (!realpath(what, real))
		return NULL;
	for (size_t i = 0; i < n; i++)
		if (v[i].here && strcmp(real, v[i].path) == 0)
			return arena_strdup(a, real);
	return NULL;
}

/* By the place, or all of an image. */
static bool is_meant(const struct engine *en, struct arena *a, const struct imagemount *m, const char *what, const char *place)
{
	struct image img;
	struct err ignored;

	if (place)
		return strcmp(place, m->path) == 0;
	return image_find(en->catalog, a, what, &img, &ignored) == 0 && strcmp(img.id, m->image) == 0;
}

static int umount_one(const struct engine *en, const struct cli_call *call, const char *what, struct err *e)
{
	const struct umount_opts *o = call->opts;
	const char *place = NULL;
	struct imagemount *v;
	size_t n, done = 0;
	int r = imagemount_list(en, call->arena, &v, &n, e);

	if (r == 0 && what)
		place = place_of(call->arena, v, n, what);
	for (size_t i = 0; r == 0 && i < n; i++) {
		if (what && !is_meant(en, call->arena, &v[i], what, place))
			continue;
		r = imagemount_end(en, &v[i], o->force, e);
		if (r == 0)
			tare_say("%s", v[i].path);
		done++;
	}
	if (r == 0 && done == 0 && what)
		return err_set(e, ERR_NOTFOUND, "no image is mounted as %s (tare image mount lists them)", what);
	return r;
}

int cmd_image_umount(const struct cli_call *call, struct err *e)
{
	const struct umount_opts *o = call->opts;
	CLEANUP_ENGINE struct engine en = ENGINE_INIT;
	int failed = 0, r;

	if (o->all == (call->n_args > 0))
		return err_set(e, ERR_INVALID, o->all ? "--all is everything: name nothing beside it" : "name an image or a place, or give --all");
	r = tare_engine(call, &en, e);
	if (r < 0 || o->all)
		return r < 0 ? r : umount_one(&en, call, NULL, e);
	for (size_t i = 0; i < call->n_args; i++) {
		struct err why = { 0 };

		if (umount_one(&en, call, call->args[i], &why) < 0) {
			log_error("%s", why.msg);
			failed = 1;
		}
	}
	return failed;
}

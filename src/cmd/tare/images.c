/* tare load, import, images, rmi, history */
#include "engine/images.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "api/docker/image_filter.h"
#include "api/docker/image_list.h"
#include "api/docker/times.h"
#include "base/log.h"
#include "base/text.h"
#include "build/import.h"
#include "cmd/tare/table.h"
#include "cmd/tare/tare.h"
#include "image/ref.h"

const struct cli_option load_options[] = {
	{ "input", 'i', "FILE", CLI_STR, "archive or OCI layout folder (default: standard input)", offsetof(struct load_opts, input) },
	{ "quiet", 'q', NULL, CLI_FLAG, "no progress: only what was loaded", offsetof(struct load_opts, quiet) },
	{ "platform", 0, "OS/ARCH", CLI_STR, "which one of an archive with several", offsetof(struct load_opts, platform) },
	{ "limit", 0, "NAME=N", CLI_STRV, "raise a limit: unpacked ratio file entries density devices depth", offsetof(struct load_opts, limits) },
	{ 0 }
};
const struct cli_option import_options[] = {
	{ "message", 'm', "TEXT", CLI_STR, "comment in its history", offsetof(struct import_opts, message) },
	{ "platform", 0, "OS/ARCH", CLI_STR, "what it is for (default: this machine)", offsetof(struct import_opts, platform) },
	{ "limit", 0, "NAME=N", CLI_STRV, "raise a limit: unpacked ratio file entries density devices depth",
	  offsetof(struct import_opts, limits) },
	{ "change", 'c', "INSTRUCTION", CLI_STRV, "apply an instruction of a Dockerfile: CMD, ENV, LABEL…",
	  offsetof(struct import_opts, changes) },
	{ 0 }
};
const struct cli_option images_options[] = {
	{ "all", 'a', NULL, CLI_FLAG, "all of them (they always are)", offsetof(struct list_opts, all) },
	{ "quiet", 'q', NULL, CLI_FLAG, "only their ids", offsetof(struct list_opts, quiet) },
	{ "no-trunc", 0, NULL, CLI_FLAG, "whole ids", offsetof(struct list_opts, no_trunc) },
	{ "digests", 0, NULL, CLI_FLAG, "show the digests by which registries know them, else their manifests'", offsetof(struct list_opts, digests) },
	{ "filter", 'f', "KEY=VALUE", CLI_STRV, "only those that match (" IMAGE_FILTER_LIST ")", offsetof(struct list_opts, filters),
	  .choices = "dangling=true|false,reference=IMAGE,label=,label!=,before=IMAGE,since=IMAGE,until=,digest=" },
	{ "format", 0, "table|json|TEMPLATE", CLI_STR, "how it is written, or what of each by a template of Go's", offsetof(struct list_opts, format) },
	{ "tree", 0, NULL, CLI_UNSUPPORTED, "tare image tree shows images by their layers; of each image one platform is here" },
	{ 0 }
};
const struct cli_option rmi_options[] = {
	{ "force", 'f', NULL, CLI_FLAG, "take all its names away; untag it even when a container uses it",
	  offsetof(struct rmi_opts, force) },
	{ "no-prune", 0, NULL, CLI_IGNORED }, /* an image goes alone always: there are no parents of one */
	{ "platform", 0, "OS/ARCH", CLI_STR, "only if it is for that: an image here is for one", offsetof(struct rmi_opts, platform) },
	{ 0 }
};
const struct cli_option history_options[] = {
	{ "no-trunc", 0, NULL, CLI_FLAG, "whole commands", offsetof(struct list_opts, no_trunc) },
	{ "quiet", 'q', NULL, CLI_FLAG, "only the layers' ids", offsetof(struct list_opts, quiet) },
	{ "format", 0, "table|json|TEMPLATE", CLI_STR, "how it is written, or what of each by a template of Go's", offsetof(struct list_opts, format) },
	{ "human", 'H', NULL, CLI_FLAG, "ages and rounded sizes (default true); else times and bytes", offsetof(struct list_opts, human) },
	{ "platform", 0, "OS/ARCH", CLI_STR, "only if it is for that: an image here is for one", offsetof(struct list_opts, platform) },
	{ 0 }
};

static const char *familiar(struct arena *a, const char *canonical)
{
	struct image_ref ref;
	struct err ignored;

	return image_ref_parse(a, canonical, &ref, &ignored) == 0 ? image_ref_familiar(a, &ref) : canonical;
}

/* ---- load, import ---- */

static bool is_url(const char *path)
{
	return text_starts(path, "http://") || text_starts(path, "https://");
}

/* *fd: to be closed; -1 where nothing is to be. by_url: the input may be one. */
static int open_input(const char *path, bool by_url, int *fd, struct bring_args *out, struct err *e)
{
	bool standard = !path || strcmp(path, "-") == 0;

	out->name = standard ? "standard input" : path;
	if (by_url && is_url(path)) {
		(void)fprintf(stderr, "Downloading from %s\n", path);
		out->url = path;
		out->input = -1;
		return 0;
	}
	if (standard && isatty(0))
		return err_set(e, ERR_INVALID, "standard input is a terminal: name the archive with -i FILE");
	out->input = 0;
	if (!standard)
		out->input = *fd = open(path, O_RDONLY | O_CLOEXEC);
	return out->input < 0 ? err_errno(e, -errno, "open %s", path) : 0;
}

static int limits_of(const struct cli_strv *texts, struct image_limits *out, struct err *e)
{
	int r = 0;

	image_limits_default(out);
	for (size_t i = 0; r == 0 && i < texts->n; i++)
		r = image_limits_set(out, texts->v[i], e);
	return r;
}

static void progress(enum image_progress_kind kind, const char *digest, uint64_t bytes, void *data)
{
	char size[32];

	if (kind != IMAGE_PROGRESS_LAYER || !isatty(2))
		return;
	(void)data;
	text_human_size(bytes, size, sizeof(size));
	(void)fprintf(stderr, "%.12s: unpacked, %s\n", digest + strlen(DIGEST_PREFIX), size);
}

int cmd_load(const struct cli_call *call, struct err *e)
{
	const struct load_opts *o = call->opts;
	CLEANUP_ENGINE struct engine en = ENGINE_INIT;
	CLEANUP_FD int fd = -1;
	struct bring_args args = { .platform = o->platform, .progress = o->quiet ? NULL : progress };
	const struct image_loaded *images;
	size_t n;
	int r = tare_engine(call, &en, e);

	if (r == 0)
		r = limits_of(&o->limits, &args.limits, e);
	if (r == 0)
		r = open_input(o->input, false, &fd, &args, e);
	if (r == 0)
		r = engine_load(&en, &args, call->arena, &images, &n, e);
	if (r < 0)
		return r;
	for (size_t i = 0; i < n; i++) {
		const struct image_loaded *img = &images[i];

		for (size_t k = 0; k < img->n_names; k++)
			tare_say("Loaded image: %s", familiar(call->arena, img->names[k]));
		if (img->n_names == 0)
			tare_say("Loaded image ID: %s", img->id);
	}
	return 0;
}

int cmd_import(const struct cli_call *call, struct err *e)
{
	const struct import_opts *o = call->opts;
	CLEANUP_ENGINE struct engine en = ENGINE_INIT;
	CLEANUP_FD int fd = -1;
	struct import_args args = { .from.platform = o->platform, .name = call->n_args > 1 ? call->args[1] : NULL, .message = o->message,
				    .changes = { o->changes.v, o->changes.n } };
	const char *id;
	int r = tare_engine(call, &en, e);

	if (r == 0)
		r = limits_of(&o->limits, &args.from.limits, e);
	if (r == 0)
		r = open_input(call->args[0], true, &fd, &args.from, e);
	if (r == 0)
		r = import_image(&en, &args, call->arena, &id, e);
	if (r == 0)
		tare_say("%s", id);
	return r;
}

/* ---- images ---- */

/* Members that docker has in its list, three of which it does not count there either. */
#define DOCKERS { NULL, "VirtualSize" }, { NULL, "Containers" }, { NULL, "SharedSize" }, { NULL, "UniqueSize" }
#define DOCKERS_CELLS(size) size, "N/A", "N/A", "N/A"

static const struct table_column images_columns[] = {
	{ NULL, NULL }, { "REPOSITORY", "Repository" }, { "TAG", "Tag" }, { "IMAGE ID", "ID" }, { "CREATED", "CreatedSince" },
	{ "SIZE", "Size" }, { NULL, "CreatedAt" }, { NULL, "Digest" }, DOCKERS,
};
static const struct table_column digest_columns[] = {
	{ NULL, NULL }, { "REPOSITORY", "Repository" }, { "TAG", "Tag" }, { "DIGEST", "Digest" }, { "IMAGE ID", "ID" },
	{ "CREATED", "CreatedSince" }, { "SIZE", "Size" }, { NULL, "CreatedAt" }, DOCKERS,
};

static const char *shown_age(struct arena *a, int64_t created)
{
	return created == IMAGE_NO_TIME ? "N/A" : time_ago(a, created);
}

/* A row of `images`: a tag, or what the image is called by digest alone, and the digest that is shown. */
struct image_name {
	const char *name; /* canonical, of the image's; NULL: it has none */
	const char *digest;
};

static void image_row(struct table *t, const struct image *img, const struct image_name *n, const struct list_opts *o)
{
	struct arena *a = t->a;
	const char *repo = "<none>", *label = "<none>";
	const char *id = o->no_trunc ? img->id : arena_strndup(a, digest_hex(img->id), ID_SHORT);
	const char *ago = shown_age(a, img->created), *size = table_size(a, img->size);
	const char *at = img->created == IMAGE_NO_TIME ? time_date(a, TIME_NEVER, false) : time_date(a, img->created, false);
	struct image_ref ref;
	struct err ignored;

	if (n->name && image_ref_parse(a, n->name, &ref, &ignored) == 0) {
		label = ref.tag ? ref.tag : label;
		ref.tag = ref.digest = NULL;
		repo = image_ref_familiar(a, &ref);
	}
	if (o->digests)
		table_add(t, (const char *[]){ id, repo, label, n->digest, id, ago, size, at, DOCKERS_CELLS(size) });
	else
		table_add(t, (const char *[]){ id, repo, label, id, ago, size, at, n->digest, DOCKERS_CELLS(size) });
}

/* NAME: the repository, with or without a tag, or with a digest; or a pattern of it, as of --filter reference=. */
static int is_named(struct arena *a, const char *want, const struct image *img, const struct image_name *n, struct err *e)
{
	struct image_ref ref, have;
	int r;

	if (strpbrk(want, "*?["))
		return image_matches(a, img, n->name, want);
	r = image_ref_parse(a, want, &ref, e);
	if (r < 0)
		return r;
	if (!n->name || image_ref_parse(a, n->name, &have, e) < 0 || strcmp(ref.domain, have.domain) != 0 || strcmp(ref.path, have.path) != 0)
		return 0;
	if (ref.digest)
		return strcmp(ref.digest, n->digest) == 0 || strcmp(ref.digest, img->manifest) == 0;
	return !text_ends(want, arena_printf(a, ":%s", ref.tag)) || (have.tag && strcmp(ref.tag, have.tag) == 0);
}

static int add_row(const struct engine *en, struct table *t, const struct cli_call *call, const struct image *img, const char *name,
		   const char *digest, struct err *e)
{
	const struct list_opts *o = call->opts;
	const struct image_name n = { name, digest };
	int r = image_filter(en, t->a, tare_strv(&o->filters), img, name, e);

	if (r > 0 && call->n_args)
		r = is_named(t->a, call->args[0], img, &n, e);
	if (r > 0)
		image_row(t, img, &n, o);
	return r;
}

static bool same_repository(const char *digest, const char *tag)
{
	size_t len = (size_t)(strrchr(tag, ':') - tag);

	return strncmp(digest, tag, len) == 0 && digest[len] == '@';
}

/* The tag, with each of the digests that the same repository knows the image by, if digests are shown; with none of its own its manifest's. */
static int add_tag(const struct engine *en, struct table *t, const struct cli_call *call, const struct image *img, const char *tag, struct err *e)
{
	const struct list_opts *o = call->opts;
	int r = 0, rows = 0;

	for (size_t i = 0; r >= 0 && i < img->n_digests && (o->digests || rows == 0); i++)
		if (same_repository(img->digests[i], tag)) {
			r = add_row(en, t, call, img, tag, strchr(img->digests[i], '@') + 1, e);
			rows++;
		}
	return rows ? r : add_row(en, t, call, img, tag, img->manifest, e);
}

/* By a repository that knows it by digest alone; once, unless digests are shown. */
static int add_digest(const struct engine *en, struct table *t, const struct cli_call *call, const struct image *img, size_t i, struct err *e)
{
	const struct list_opts *o = call->opts;
	const char *digest = img->digests[i];
	size_t len = (size_t)(strchr(digest, '@') - digest) + 1;

	for (size_t k = 0; k < img->n_tags; k++)
		if (same_repository(digest, img->tags[k]))
			return 0;
	if (!o->digests && i > 0 && strncmp(img->digests[i - 1], digest, len) == 0)
		return 0;
	return add_row(en, t, call, img, digest, digest + len, e);
}

/* 1: a row was added, and with -q that is all that there is to say. */
static int add_image(const struct engine *en, struct table *t, const struct cli_call *call, const struct image *img, struct err *e)
{
	const struct list_opts *o = call->opts;
	int r = 0;

	for (size_t i = 0; i < img->n_tags; i++) {
		r = add_tag(en, t, call, img, img->tags[i], e);
		if (r < 0 || (r > 0 && o->quiet))
			return r;
	}
	for (size_t i = 0; i < img->n_digests; i++) {
		r = add_digest(en, t, call, img, i, e);
		if (r < 0 || (r > 0 && o->quiet))
			return r;
	}
	return img->n_tags + img->n_digests ? r : add_row(en, t, call, img, NULL, img->manifest, e);
}

int cmd_images(const struct cli_call *call, struct err *e)
{
	const struct list_opts *o = tare_list_opts(call, "imagesFormat");
	CLEANUP_ENGINE struct engine en = ENGINE_INIT;
	CLEANUP_STRBUF struct strbuf out = STRBUF_INIT;
	struct table t = TABLE(call->arena, images_columns);
	struct image *images;
	size_t n;
	int r = image_filter_check(tare_strv(&o->filters), IMAGE_FILTER_LIST, e);

	if (r == 0)
		r = tare_engine_to_look(call, &en, e);
	if (o->digests)
		t.columns = digest_columns;
	if (r == 0)
		r = image_list(en.catalog, call->arena, &images, &n, e);
	for (size_t i = 0; r >= 0 && i < n; i++)
		r = add_image(&en, &t, call, &images[i], e);
	if (r >= 0)
		r = table_write(&t, o->format, o->quiet, &out, e);
	return r < 0 ? r : tare_print(&out, e);
}

/* ---- rmi ---- */

static void removed(const char *kind, const char *what, void *data)
{
	(void)data;
	tare_say("%s: %s", kind, what);
}

static int rmi_one(const struct engine *en, const char *what, const void *data, struct err *e)
{
	const struct rmi_opts *o = data;

	return image_remove(en, what, o->force, removed, NULL, e);
}

int cmd_rmi(const struct cli_call *call, struct err *e)
{
	const struct rmi_opts *o = call->opts;
	CLEANUP_ENGINE struct engine en = ENGINE_INIT;
	struct store_gc_result gc;
	int r = tare_engine(call, &en, e), failed;

	for (size_t i = 0; r == 0 && i < call->n_args; i++)
		r = tare_check_platform(call, &en, call->args[i], o->platform, e);
	if (r < 0)
		return r;
	failed = tare_each(call, &en, rmi_one, call->opts);
	r = image_gc(&en, &gc, e);
	return r < 0 ? r : failed;
}

/* ---- history ---- */

static const struct table_column history_columns[] = {
	{ "IMAGE", "ID" },    { "CREATED", "CreatedSince" }, { "CREATED BY", "CreatedBy" }, { "SIZE", "Size" },
	{ "COMMENT", "Comment" }, { NULL, "CreatedAt" },
};

/* For programs: the columns are in the same places. */
static const struct table_column history_columns_exact[] = {
	{ "IMAGE", "ID" },    { "CREATED AT", "CreatedAt" }, { "CREATED BY", "CreatedBy" }, { "SIZE", "Size" },
	{ "COMMENT", "Comment" }, { NULL, "CreatedSince" },
};

static void history_row(struct table *t, const struct image_history *h, const char *id, uint64_t size, const struct list_opts *o)
{
	struct arena *a = t->a;
	const char *by = h->created_by ? h->created_by : "", *at = h->created ? h->created : "";
	const char *cells[] = {
		id,
		o->human ? shown_age(a, image_time(h->created)) : at,
		o->no_trunc ? by : table_cut(a, by, 45),
		o->human ? table_size(a, size) : arena_printf(a, "%llu", (unsigned long long)size),
		h->comment ? h->comment : "",
		at,
	};

	table_add(t, cells);
}

int cmd_history(const struct cli_call *call, struct err *e)
{
	const struct list_opts *o = call->opts;
	CLEANUP_ENGINE struct engine en = ENGINE_INIT;
	CLEANUP_STRBUF struct strbuf out = STRBUF_INIT;
	struct table t = TABLE(call->arena, history_columns);
	struct image_step *v;
	struct image img;
	size_t n = 0;
	int r = tare_engine_to_look(call, &en, e);

	if (!o->human)
		t.columns = history_columns_exact;
	if (r == 0)
		r = tare_check_platform(call, &en, call->args[0], o->platform, e);
	if (r == 0)
		r = image_history_read(&en, call->arena, call->args[0], &img, &v, &n, e);
	for (size_t i = 0; r == 0 && i < n; i++) {
		const char *id = i > 0 ? "<missing>" : o->no_trunc ? img.id : arena_strndup(call->arena, digest_hex(img.id), ID_SHORT);

		history_row(&t, v[i].said, id, v[i].size, o);
	}
	if (r == 0)
		r = table_write(&t, o->format, o->quiet, &out, e);
	return r < 0 ? r : tare_print(&out, e);
}

/* tare save; tare image verify, prune, tree */
#include <stdio.h>
#include <string.h>

#include "api/docker/image_filter.h"
#include "base/log.h"
#include "base/newfile.h"
#include "base/text.h"
#include "cmd/tare/pruned.h"
#include "cmd/tare/table.h"
#include "cmd/tare/tare.h"
#include "engine/events.h"
#include "engine/pull.h"
#include "engine/save.h"
#include "engine/usage.h"
#include "engine/verify.h"
#include "image/ref.h"

const struct cli_option save_options[] = {
	{ "output", 'o', "FILE", CLI_STR, "where to (default: standard output)", offsetof(struct save_opts, output) },
	{ "format", 0, "docker|oci", CLI_STR, "for docker load and everybody, or an OCI layout alone", offsetof(struct save_opts, format),
	  .choices = "docker|oci|docker-archive|oci-archive" },
	{ "platform", 0, "OS/ARCH", CLI_STR, "only if they are for that: an image here is for one", offsetof(struct save_opts, platform) },
	{ 0 }
};
const struct cli_option verify_options[] = {
	{ "all", 'a', NULL, CLI_FLAG, "every image", offsetof(struct verify_opts, all) },
	{ "repair", 0, NULL, CLI_FLAG, "unpack damaged layers again, fetch damaged blobs again", offsetof(struct verify_opts, repair) },
	{ "quiet", 'q', NULL, CLI_FLAG, "only what is wrong", offsetof(struct verify_opts, quiet) },
	{ 0 }
};
const struct cli_option image_prune_options[] = {
	{ "all", 'a', NULL, CLI_FLAG, "every image no container uses, not only those without a name", offsetof(struct system_opts, all) },
	{ "force", 'f', NULL, CLI_FLAG, "do not ask", offsetof(struct system_opts, force) },
	{ "filter", 0, "KEY=VALUE", CLI_STRV, "only those that match (" IMAGE_FILTER_PRUNE ")", offsetof(struct system_opts, filters),
	  .choices = "label=,label!=,until=" },
	{ 0 }
};

const struct cli_option tree_options[] = {
	{ "referrers", 0, NULL, CLI_FLAG, "ask the registries what refers to the images: signatures, bills of materials", offsetof(struct tree_opts, referrers) },
	{ 0 }
};

/* ---- save ---- */

static int write_file(const struct cli_call *call, const char *path, tare_write_fn write, struct err *e)
{
	CLEANUP_NEWFILE struct newfile out = NEWFILE_INIT;
	int r = newfile_begin(path, 0600, &out);

	if (r < 0)
		return err_errno(e, r, "open %s", path);
	if (write(call, out.fd, e) < 0)
		return e->code;
	r = newfile_commit(&out);
	return r < 0 ? err_errno(e, r, "write %s", path) : 0;
}

int tare_output(const struct cli_call *call, const char *path, tare_write_fn write, struct err *e)
{
	if (path && strcmp(path, "-") != 0)
		return write_file(call, path, write, e);
	if (isatty(STDOUT_FILENO))
		return err_set(e, ERR_INVALID, "standard output is a terminal: name a file with -o FILE, or redirect it");
	return write(call, STDOUT_FILENO, e);
}

static int save(const struct cli_call *call, int fd, struct err *e)
{
	const struct save_opts *o = call->opts;
	CLEANUP_ENGINE struct engine en = ENGINE_INIT;
	int r = tare_engine(call, &en, e);

	for (size_t i = 0; r == 0 && i < call->n_args; i++)
		r = tare_check_platform(call, &en, call->args[i], o->platform, e);
	return r < 0 ? r : engine_save(&en, call->args, call->n_args, o->format && text_starts(o->format, "oci") ? SAVE_OCI : SAVE_DOCKER, fd, e);
}

int cmd_save(const struct cli_call *call, struct err *e)
{
	const struct save_opts *o = call->opts;

	return tare_output(call, o->output, save, e);
}

/* ---- verify ---- */

static void on_event(const struct verify_event *event, void *data)
{
	const struct verify_opts *o = data;

	if (o->quiet && event->repaired)
		return;
	(void)printf("%s", event->image);
	if (event->layer)
		(void)printf(": layer %.12s", digest_hex(event->layer));
	if (event->where)
		(void)printf(": %s", event->where);
	tare_say("%s %s", event->where ? "" : ":", event->what);
}

static int verify_one(struct verification *v, const struct image *img, const char *name, const struct verify_opts *o, struct err *e)
{
	size_t before = v->faults;
	int r = verification_image(v, img, e);

	if (r == 0 && v->faults == before && !o->quiet)
		tare_say("%s: good", name);
	return r;
}

/* One that could not be looked at does not keep the others from it. */
static int verify_named(struct verification *v, const struct cli_call *call)
{
	int failed = 0;

	for (size_t i = 0; i < call->n_args; i++) {
		struct err why = { 0 };
		struct image img;
		int r = image_find(v->en->catalog, call->arena, call->args[i], &img, &why);

		if (r == 0)
			r = verify_one(v, &img, call->args[i], call->opts, &why);
		if (r < 0) {
			log_error("%s", why.msg);
			failed = 1;
		}
	}
	return failed;
}

static const char *shown(struct arena *a, const char *canonical)
{
	struct image_ref ref;
	struct err ignored;

	return image_ref_parse(a, canonical, &ref, &ignored) == 0 ? image_ref_familiar(a, &ref) : canonical;
}

static int verify_all(struct verification *v, const struct cli_call *call, struct err *e)
{
	struct image *images;
	size_t n;
	int failed = 0, r = image_list(v->en->catalog, call->arena, &images, &n, e);

	for (size_t i = 0; r == 0 && i < n; i++) {
		const char *name = images[i].n_tags ? shown(call->arena, images[i].tags[0]) :
						      arena_printf(call->arena, "%.12s", digest_hex(images[i].id));
		struct err why = { 0 };

		if (verify_one(v, &images[i], name, call->opts, &why) < 0) {
			log_error("%s", why.msg);
			failed = 1;
		}
	}
	return r < 0 ? r : failed;
}

int cmd_verify(const struct cli_call *call, struct err *e)
{
	const struct verify_opts *o = call->opts;
	CLEANUP_ENGINE struct engine en = ENGINE_INIT;
	CLEANUP_VERIFICATION struct verification v = VERIFICATION_INIT;
	int r;

	if (o->all == (call->n_args > 0))
		return err_set(e, ERR_INVALID, o->all ? "--all is every image: name none beside it" : "name images, or give --all");
	r = tare_engine(call, &en, e);
	v.repair = o->repair;
	v.fn = on_event;
	v.data = (void *)(uintptr_t)o;
	if (r == 0)
		r = verification_begin(&v, &en, e);
	if (r == 0)
		r = o->all ? verify_all(&v, call, e) : verify_named(&v, call);
	return r < 0 ? r : r > 0 || v.faults > 0;
}

/* ---- prune ---- */

struct pruning {
	const struct engine *en;
	const struct cli_call *call;
};

static int prune_passes(const struct image *img, void *data, struct err *e)
{
	struct pruning *p = data;
	const struct system_opts *o = p->call->opts;

	return image_filter_prune(p->en, p->call->arena, tare_strv(&o->filters), img, e);
}

int cmd_image_prune(const struct cli_call *call, struct err *e)
{
	const struct system_opts *o = call->opts;
	CLEANUP_ENGINE struct engine en = ENGINE_INIT;
	struct pruning p = { &en, call };
	uint64_t freed;
	int r = image_filter_check(tare_strv(&o->filters), IMAGE_FILTER_PRUNE, e);

	if (r == 0)
		r = tare_engine(call, &en, e);
	if (r < 0)
		return r;
	if (!o->force && !tare_confirm(o->all ? "This removes every image that no container uses." : "This removes every image without a name."))
		return 1;
	r = prune_images(&en, o->all, prune_passes, pruned_say, &p, &freed, e);
	if (r == 0) {
		events_pruned(&en, "image", freed);
		pruned_total(call->arena, freed);
	}
	return r;
}

/* ---- tree ---- */

#define TREE_DEEPEST 1024

struct node {
	const char *chain;
	uint64_t size;
	struct node *child, *next;
	const char *images; /* whose topmost layer it is; NULL: none's */
	const char *notes;  /* lines about these images; NULL: none */
};

struct forest {
	const struct engine *en;
	struct arena *a;
	struct node root;
	struct strbuf out, indent;
	bool referrers; /* their registries are asked */
	struct err *e;
};

static struct node *below(struct forest *f, struct node *up, const char *chain, uint64_t size)
{
	struct node **at = &up->child;

	while (*at && strcmp((*at)->chain, chain) != 0)
		at = &(*at)->next;
	if (!*at && (*at = arena_new(f->a, struct node))) {
		(*at)->chain = arena_strdup(f->a, chain);
		(*at)->size = size;
	}
	return *at;
}

static const char *title(struct forest *f, const struct image *img)
{
	const char *all = arena_printf(f->a, "%.12s", digest_hex(img->id));

	for (size_t i = 0; all && i < img->n_tags; i++)
		all = arena_printf(f->a, "%s %s", all, shown(f->a, img->tags[i]));
	return all;
}

/* What refers to the image, by every name that a registry knows it by; one that does not answer is told of, and the others shown. */
static int note_referrers(struct forest *f, const struct image *img, struct node *at)
{
	for (size_t i = 0; f->referrers && at && i < img->n_digests; i++) {
		struct listing_referrer *v;
		char type[200];
		size_t n;

		if (engine_referrers(f->en, img->digests[i], f->a, &v, &n, f->e) < 0) {
			log_warning("%s", f->e->msg);
			continue;
		}
		for (size_t k = 0; k < n; k++)
			at->notes = arena_printf(f->a, "%s%s %.19s of %s\n", at->notes ? at->notes : "", text_escape(v[k].type, type, sizeof(type)), v[k].digest,
						 shown(f->a, img->digests[i]));
	}
	return arena_error(f->a) < 0 ? err_errno(f->e, -ENOMEM, "tree") : 0;
}

static int plant(struct forest *f, const struct image *img)
{
	CLEANUP_STMT struct cat_stmt *s = NULL;
	struct node *at = &f->root;
	const char *name = title(f, img);
	int r = cat_prepare(f->en->catalog, &s, f->e,
			    "SELECT chain, size FROM image_layers JOIN layers USING(chain) WHERE image = ?1 ORDER BY position", "s", img->id);

	while (r == 0 && at && (r = cat_step(s, f->e)) > 0) {
		at = below(f, at, cat_text(s, 0), (uint64_t)cat_int(s, 1));
		r = 0;
	}
	if (r < 0)
		return r;
	if (at && name)
		at->images = at->images ? arena_printf(f->a, "%s, %s", at->images, name) : name;
	return arena_error(f->a) < 0 ? err_errno(f->e, -ENOMEM, "tree") : note_referrers(f, img, at);
}

static void write_notes(struct forest *f, const char *notes)
{
	for (const char *end; notes && (end = strchr(notes, '\n')); notes = end + 1)
		sb_printf(&f->out, "%s   * %.*s\n", sb_str(&f->indent), (int)(end - notes), notes);
}

/* A layer in its line, what lies on it further right, also where it is the only one: else it would look like what lies beside. */
static void write_node(struct forest *f, const struct node *node, const char *branch, const char *stem, unsigned int depth)
{
	size_t len = f->indent.len;

	sb_printf(&f->out, "%s%s%.12s %s", sb_str(&f->indent), branch, digest_hex(node->chain), table_size(f->a, node->size));
	sb_printf(&f->out, node->images ? "  %s\n" : "\n", node->images);
	sb_puts(&f->indent, stem);
	write_notes(f, node->notes);
	for (const struct node *c = node->child; c && depth < TREE_DEEPEST; c = c->next)
		write_node(f, c, c->next ? "├─ " : "└─ ", c->next ? "│  " : "   ", depth + 1);
	if (f->indent.s) {
		f->indent.len = len;
		f->indent.s[len] = '\0';
	}
}

static int plant_all(struct forest *f, const struct cli_call *call)
{
	struct image *images, one;
	size_t n = 0;
	int r = call->n_args ? 0 : image_list(f->en->catalog, f->a, &images, &n, f->e);

	for (size_t i = 0; r == 0 && i < n; i++)
		r = plant(f, &images[i]);
	for (size_t i = 0; r == 0 && i < call->n_args; i++) {
		r = image_find(f->en->catalog, f->a, call->args[i], &one, f->e);
		if (r == 0)
			r = plant(f, &one);
	}
	return r;
}

int cmd_image_tree(const struct cli_call *call, struct err *e)
{
	CLEANUP_ENGINE struct engine en = ENGINE_INIT;
	const struct tree_opts *o = call->opts;
	struct forest f = { .en = &en, .a = call->arena, .referrers = o->referrers, .out = STRBUF_INIT, .indent = STRBUF_INIT, .e = e };
	int r = tare_engine_to_look(call, &en, e);

	if (r == 0)
		r = plant_all(&f, call);
	for (const struct node *n = f.root.child; r == 0 && n; n = n->next)
		write_node(&f, n, "", "", 0);
	if (r == 0 && f.root.images) /* without any layer */
		sb_printf(&f.out, "<no layer>  %s\n", f.root.images);
	if (r == 0)
		r = sb_error(&f.out) < 0 ? err_errno(e, -ENOMEM, "tree") : tare_print(&f.out, e);
	sb_free(&f.out);
	sb_free(&f.indent);
	return r;
}

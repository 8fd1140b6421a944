/* A build of one step that was done already: it stands on the container's image, and its folder is the container's, which keeps it. So the
 * folder is packed from a view that has the image's ids (engine/rootview.h), and the layer unpacked from that; the container stands still
 * meanwhile, and nobody removes it. */
#include "build/commit.h"

#include <poll.h>
#include <string.h>
#include <time.h>

#include "base/log.h"
#include "base/text.h"
#include "build/ports.h"
#include "build/work.h"
#include "engine/container.h"
#include "engine/events.h"
#include "engine/freezer.h"
#include "engine/hold.h"
#include "engine/images.h"
#include "engine/rootview.h"
#include "image/pack.h"
#include "image/survey.h"

struct commit {
	struct build b; /* as far as what is used of it asks for */
	struct build_args none;
	struct stage stage;
	struct hold hold;
	const struct commit_args *args;
};

static void commit_end(struct commit *c)
{
	store_ingest_end(&c->b.ingest);
	store_close(&c->b.store);
	hold_end(&c->hold);
}

/* ---- the configuration ---- */

static int get_strv(struct commit *c, const struct json *config, const char *key, const char *const **out, struct err *e)
{
	const char **v = NULL;
	size_t n = 0;
	int r = json_get_strv(c->b.a, config, "Config", key, &v, &n, e);

	if (r == 0)
		*out = v;
	return r;
}

/* Without what older versions wrote down for every container, where the image has it not, and without names that have no value: those took a variable away. */
static int take_env(struct commit *c, const struct json *config, struct err *e)
{
	static const char *const none[] = { NULL };
	const char *const *had = c->stage.conf.env, *const *env = NULL;
	const char *hostname = "", *given;
	struct df_list kept = { 0 };
	int r = get_strv(c, config, "Env", &env, e);

	if (r == 0)
		r = json_get_str(config, "Config", "Hostname", &hostname, e);
	if (r < 0)
		return r;
	given = arena_printf(c->b.a, "HOSTNAME=%s", hostname);
	for (; given && env && *env; env++) {
		bool ours = strcmp(*env, given) == 0 || (c->hold.config.tty && strcmp(*env, "TERM=xterm") == 0) || !strchr(*env, '=');

		for (const char *const *v = had; ours && *v; v++)
			ours = strcmp(*v, *env) != 0;
		if (!ours && !df_list_add(c->b.a, &kept, *env))
			given = NULL;
	}
	c->stage.conf.env = kept.n ? kept.v : none;
	return given ? 0 : err_errno(e, -ENOMEM, "environment");
}

static int take_labels(struct commit *c, const struct json *labels, struct err *e)
{
	int r = 0;

	json_each(it, labels)
		if (r == 0 && it->type == JSON_STRING)
			r = conf_label(c->b.a, &c->stage.conf, it->key, it->str, e);
	return r;
}

/* Volumes without a name; one that people named is theirs, and no part of what the container is. */
static int take_volumes(struct commit *c, const struct json *volumes, struct err *e)
{
	int r = 0;

	json_each(it, volumes) {
		struct df_instruction in = { .kind = DF_VOLUME };

		if (r < 0)
			return r;
		if (!df_list_add(c->b.a, &in.list, it->key))
			return err_errno(e, -ENOMEM, "volumes");
		r = conf_apply(c->b.a, &c->stage.conf, &in, e);
	}
	return r;
}

/* Those that were published, too: a container of the new image offers them. */
static int take_ports(struct commit *c, const struct json *exposed, struct err *e)
{
	struct df_instruction in = { .kind = DF_EXPOSE };
	struct df_list words = { 0 };
	int r;

	json_each(it, exposed)
		if (it->type == JSON_STRING && !df_list_add(c->b.a, &words, it->str))
			return err_errno(e, -ENOMEM, "ports");
	r = df_ports(c->b.a, &words, &in.list, e);
	return r < 0 ? r : conf_apply(c->b.a, &c->stage.conf, &in, e);
}

static void take_health(struct commit *c, const struct json *health)
{
	if (!health || health->type != JSON_OBJECT)
		return;
	c->stage.conf.base_health = health;
	c->stage.conf.health = NULL;
}

/* The record says some things also where nobody asked for them. */
static int take_config(struct commit *c, struct err *e)
{
	const struct json *doc = c->hold.config.doc, *config = json_get(doc, "Config");
	struct conf *to = &c->stage.conf;
	const char *dir = "", *signal = c->hold.config.stop_signal;
	int r = json_get_str(config, "Config", "User", &to->user, e);

	if (r == 0)
		r = json_get_str(config, "Config", "WorkingDir", &dir, e);
	if (r == 0)
		r = take_env(c, config, e);
	if (r == 0)
		r = get_strv(c, config, "Entrypoint", &to->entrypoint, e);
	if (r == 0)
		r = get_strv(c, config, "Cmd", &to->cmd, e);
	if (r < 0)
		return r;
	if (to->workdir[0] || strcmp(dir, "/") != 0)
		to->workdir = dir;
	if (to->stop_signal || strcmp(signal, "SIGTERM") != 0)
		to->stop_signal = signal;
	r = take_labels(c, c->hold.config.labels, e);
	take_health(c, json_get(config, "Healthcheck"));
	if (r == 0)
		r = take_ports(c, json_get(doc, "Exposed"), e);
	return r < 0 ? r : take_volumes(c, json_get(config, "Volumes"), e);
}

/* The words of the container's command with blanks between, as docker has it. */
static const char *created_by(struct arena *a, const struct json *config)
{
	CLEANUP_STRBUF struct strbuf text = STRBUF_INIT;
	const struct json *path = json_get(config, "Path");

	sb_puts(&text, path && path->type == JSON_STRING ? path->str : "");
	json_each(word, json_get(config, "Args"))
		if (word->type == JSON_STRING)
			sb_printf(&text, " %s", word->str);
	return arena_strdup(a, sb_str(&text));
}

static int add_history(struct commit *c, bool empty, struct err *e)
{
	const struct timespec when = { .tv_sec = c->stage.epoch };
	char created[TEXT_TIME_LEN];
	struct conf_history h = { .created_by = created_by(c->b.a, c->hold.config.doc), .author = c->args->author, .comment = c->args->message,
				  .empty_layer = empty };

	text_time(&when, created);
	h.created = arena_strdup(c->b.a, created);
	if (!h.created)
		return err_errno(e, -ENOMEM, "history");
	if (c->args->author)
		c->stage.conf.author = c->args->author;
	return conf_add_entry(c->b.a, &c->stage.conf, &h, e);
}

/* ---- the layer ---- */

static bool has_ended(const struct hold *h)
{
	struct pollfd p = { .fd = h->live.pidfd, .events = POLLIN };

	return h->live.pidfd >= 0 && poll(&p, 1, 0) == 1;
}

/* 1: nobody writes while it is read. */
static int stand_still(struct commit *c, struct freezer *f, struct err *e)
{
	int r;

	if (!hold_runs(&c->hold) || container_paused(&c->hold.rec))
		return 1;
	if (!c->args->pause)
		return 0;
	if (!c->hold.config.cgroup) {
		log_warning("container %s has no cgroup and cannot be paused: what it writes meanwhile may be half in the image",
			    c->hold.rec.name);
		return 0;
	}
	r = freezer_begin(c->b.en, &c->hold.rec, c->hold.lock, f, e);
	return r < 0 && !has_ended(&c->hold) ? r : 1; /* one that ended meanwhile stands still, too */
}

static int pack(struct commit *c, const struct rootview *view, bool live, struct image_layer *out, uint64_t *entries, struct err *e)
{
	struct pack_args pack = { .worker = c->b.worker, .upper = view->upper, .parent = stage_chain(&c->stage), .live = live };
	struct survey_args look = { .upper = view->upper, .lowers = view->lowers, .n_lowers = view->n_lowers, .stubs = view->stubs };
	struct survey seen;
	int r;

	image_limits_default(&pack.limits);
	look.max_depth = pack.limits.depth;
	r = survey_upper(&look, c->b.a, &seen, e);
	if (r < 0)
		return r;
	pack.opaque = seen.opaque;
	pack.skip = seen.same;
	return image_pack_copy(&c->b.ingest, &pack, c->b.a, out, entries, e);
}

static int make_layer(struct commit *c, struct err *e)
{
	CLEANUP_ROOTVIEW struct rootview view = ROOTVIEW_INIT;
	CLEANUP_FREEZER struct freezer freezer = FREEZER_INIT;
	struct image_layer l;
	uint64_t entries = 0;
	int still, r = rootview_open(c->b.en, c->b.a, &c->hold.rec, &view, e);

	if (r < 0)
		return r;
	still = stand_still(c, &freezer, e);
	if (still < 0)
		return still;
	r = pack(c, &view, !still, &l, &entries, e);
	if (r == 0 && entries)
		r = stage_add_layer(&c->b, &c->stage, &l, PACK_TYPE, e);
	return r < 0 ? r : add_history(c, entries == 0, e);
}

/* ---- all of it ---- */

static int begin(struct commit *c, struct err *e)
{
	const struct image_config *config;
	struct df_stage_plan plan = { .base = -1, .has_platform = true };
	struct build *b = &c->b;
	int r = build_names(b, e);

	if (r == 0)
		r = engine_program("tare-worker", b->worker, e);
	if (r == 0)
		r = hold_container(b->en, b->a, c->args->what, &c->hold, e);
	if (r == 0 && !c->hold.rec.image)
		r = err_set(e, ERR_UNSUPPORTED, "container %s stands on no image", c->hold.rec.name);
	if (r == 0)
		r = store_open(b->en->root_fd, &b->store, e);
	if (r == 0)
		r = store_ingest_begin(&b->store, &b->ingest, e);
	if (r == 0)
		r = image_config_read(b->en, b->a, c->hold.rec.image, &config, e);
	if (r < 0)
		return r;
	platform_make(config->os, config->architecture, config->variant, &plan.platform);
	b->target = plan.platform;
	plan.from.from.base = c->hold.rec.image;
	return stage_from_image(b, &c->stage, &plan, e);
}

int commit_container(struct engine *en, const struct commit_args *args, struct arena *a, const char **id, struct err *e)
{
	CLEANUP(commit_end) struct commit c = { .args = args, .hold = HOLD_INIT };
	static const struct df_inputs nothing;
	static const struct df_file no_file;
	struct build_result result;
	int r;

	c.none.names = (struct strv){ &args->name, args->name ? 1 : 0 };
	c.b = (struct build){ .en = en, .args = &c.none, .a = a, .store = STORE_INIT, .ingest = STORE_INGEST_INIT, .context = -1,
			      .up = -1, .digests = DIGESTS_INIT, .tarball = TARBALL_INIT, .stages = &c.stage };
	r = df_scope_global(a, &no_file, &nothing, &c.b.global, e);
	if (r == 0)
		r = begin(&c, e);
	if (r == 0)
		r = take_config(&c, e);
	if (r == 0)
		r = conf_change_data(a, &c.stage.conf, args->config, e);
	if (r == 0)
		r = conf_change(a, &c.stage.conf, args->changes, e);
	c.stage.epoch = time(NULL);
	c.b.parent = c.hold.rec.image;
	if (r == 0)
		r = make_layer(&c, e);
	if (r == 0)
		r = build_finish(&c.b, &result, e);
	if (r < 0)
		return r;
	*id = result.id;
	events_container(en, &c.hold.rec, "commit", EVENT_PAIRS({ "comment", args->message }, { "imageID", result.id }, { "imageRef", result.names.n ? result.names.v[0] : "" }));
	return 0;
}

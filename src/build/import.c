#include "build/import.h"

#include "base/text.h"
#include "engine/events.h"
#include "engine/images.h"

struct import {
	const struct import_args *args;
	struct arena *a;
	struct conf conf;
	struct platform target;
	struct image_ref ref;
};

static int plan(struct import *m, struct err *e)
{
	static const char *const nothing[] = { NULL };
	int r = m->args->name ? image_ref_parse(m->a, m->args->name, &m->ref, e) : 0;

	if (r == 0 && m->args->name && m->ref.digest)
		return err_set(e, ERR_INVALID, "%s: a name for an image cannot have a digest", m->args->name);
	platform_host(&m->target);
	if (r == 0 && m->args->from.platform)
		r = platform_parse(m->args->from.platform, &m->target, e);
	if (r == 0)
		r = conf_begin(m->a, NULL, &m->target, &m->conf, e);
	if (r == 0)
		m->conf.env = nothing; /* as docker: only what was asked for; who runs it gives it a PATH */
	return r < 0 ? r : conf_change(m->a, &m->conf, m->args->changes, e);
}

static int write_config(const struct image_layer *layer, struct strbuf *out, void *data, struct err *e)
{
	struct import *m = data;
	char now[TEXT_TIME_LEN];
	struct conf_history h = { .comment = m->args->message ? m->args->message : "imported by tare" };
	int r;

	text_now(now);
	h.created = arena_strdup(m->a, now);
	r = h.created ? conf_add_entry(m->a, &m->conf, &h, e) : err_errno(e, -ENOMEM, "import");
	if (r == 0)
		conf_write(&m->conf, now, layer, 1, out);
	return r;
}

int import_image(const struct engine *en, const struct import_args *args, struct arena *a, const char **id, struct err *e)
{
	CLEANUP_BRINGING struct bringing b = BRINGING_INIT;
	struct import m = { .args = args, .a = a };
	struct image_import how = { .config = write_config, .data = &m };
	int r = plan(&m, e);

	if (r == 0 && args->name)
		how.reference = image_ref_canonical(a, &m.ref);
	if (r == 0)
		r = bringing_begin(en, &args->from, a, &b, e);
	if (r == 0)
		r = image_import(&b.store, &b.args, &how, a, &b.load, e);
	if (r == 0)
		r = arrival_check(&args->from.arrival, e);
	if (r == 0)
		r = image_record(en, b.load.images, b.load.n_images, e);
	if (r < 0)
		return r;
	if (!b.load.n_images)
		return err_set(e, ERR_INTERNAL, "nothing was imported");
	*id = b.load.images[0].id;
	if (args->name)
		events_image(en, "tag", *id, image_ref_familiar(a, &m.ref));
	events_image(en, "import", *id, NULL);
	return 0;
}

#include "build/import.h"

#include "base/text.h"

int import_plan(struct import_args *args, struct err *e)
{
	static const char *const nothing[] = { NULL };
	int r = 0;

	platform_host(&args->target);
	if (args->platform)
		r = platform_parse(args->platform, &args->target, e);
	if (r == 0)
		r = conf_begin(args->a, NULL, &args->target, &args->conf, e);
	if (r == 0)
		args->conf.env = nothing; /* as docker: only what was asked for; who runs it gives it a PATH */
	return r < 0 ? r : conf_change(args->a, &args->conf, args->changes, e);
}

int import_config(const struct image_layer *layer, struct strbuf *out, void *data, struct err *e)
{
	struct import_args *args = data;
	char now[TEXT_TIME_LEN];
	struct conf_history h = { .comment = args->message ? args->message : "imported by tare" };
	int r;

	text_now(now);
	h.created = arena_strdup(args->a, now);
	r = h.created ? conf_add_entry(args->a, &args->conf, &h, e) : err_errno(e, -ENOMEM, "import");
	if (r == 0)
		conf_write(&args->conf, now, layer, 1, out);
	return r;
}

/* tare pull */
#include "engine/pull.h"

#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "base/text.h"
#include "cmd/tare/progress.h"
#include "cmd/tare/tare.h"
#include "engine/images.h"
#include "engine/imageuse.h"
#include "image/platform.h"
#include "image/ref.h"

const struct cli_option pull_options[] = {
	{ "platform", 0, "OS/ARCH", CLI_STR, "which one of an image for several", offsetof(struct pull_opts, platform) },
	{ "quiet", 'q', NULL, CLI_FLAG, "no progress: only the image's name", offsetof(struct pull_opts, quiet) },
	{ "progress", 0, "auto|plain|tty|json", CLI_STR, "how progress is shown", offsetof(struct pull_opts, progress),
	  .choices = "auto|plain|tty|json" },
	{ "limit", 0, "NAME=N", CLI_STRV, "raise a limit: unpacked ratio file entries density devices depth", offsetof(struct pull_opts, limits) },
	{ "all-tags", 'a', NULL, CLI_FLAG, "all tags of the name's repository", offsetof(struct pull_opts, all_tags) },
	{ "disable-content-trust", 0, NULL, CLI_UNSUPPORTED },
	{ 0 }
};

static int fetch(const struct cli_call *call, const struct engine *en, struct pull_args *args, enum progress_kind style, struct pulled *got,
		 struct err *e)
{
	CLEANUP_PROGRESS struct progress shown = PROGRESS_INIT;
	int r;

	progress_begin(&shown, style);
	args->progress = progress_image;
	args->progress_data = &shown;
	r = engine_pull(en, args, call->arena, got, e);
	progress_end(&shown);
	return r;
}

int tare_check_platform(const struct cli_call *call, const struct engine *en, const char *what, const char *platform, struct err *e)
{
	struct image img;
	int r = platform ? image_find(en->catalog, call->arena, what, &img, e) : 1;

	if (r == 0)
		r = image_suits(en, call->arena, &img, platform, e);
	return r > 0 ? 0 : err_ctx(e, "%s", what);
}

/* 1: what is wanted is here, 0: it is not, and e says why. */
static int image_is_here(const struct cli_call *call, const struct engine *en, const char *image, const struct image_need *need, struct err *e)
{
	struct image img;
	int r = image_find(en->catalog, call->arena, image, &img, e);

	if (r < 0)
		return e->cls == ERR_NOTFOUND ? 0 : r;
	if (!need->platform)
		return 1;
	r = image_suits(en, call->arena, &img, need->platform, e);
	if (r <= 0)
		(void)err_ctx(e, "%s", image);
	return r;
}

int tare_need_image(const struct cli_call *call, const struct engine *en, const char *image, const struct image_need *need, struct err *e)
{
	bool always = need->pull && strcmp(need->pull, "always") == 0, never = need->pull && strcmp(need->pull, "never") == 0;
	struct pull_args args = { .what = image, .platform = need->platform };
	int here = image ? image_is_here(call, en, image, need, e) : 1;
	struct err looking, pulling;
	struct image_ref ref;
	struct pulled got;

	if (!image || here < 0)
		return here < 0 ? here : 0;
	if (never || (here && !always))
		return here ? 0 : e->code;
	if (!here && image_ref_parse(call->arena, image, &ref, &pulling) < 0)
		return e->code;
	if (!here && !need->quiet)
		(void)fprintf(stderr, "Unable to find image '%s' locally\n", image_ref_familiar(call->arena, &ref));
	image_limits_default(&args.limits);
	if (fetch(call, en, &args, need->quiet ? PROGRESS_NONE : progress_style(NULL), &got, &pulling) == 0)
		return 0;
	looking = *e;
	*e = pulling;
	/* the first error says what is called nearly so */
	return here ? e->code : err_set(e, pulling.cls, "%s; nor can it be pulled: %s", looking.msg, pulling.msg);
}

int tare_need_mounted(const struct cli_call *call, const struct engine *en, struct strv mounts, const struct image_need *need, struct err *e)
{
	const struct image_need any = { .pull = need->pull, .quiet = need->quiet };
	struct strv images;
	int r = images_named(call->arena, mounts, &images, e);

	for (size_t i = 0; r == 0 && i < images.n; i++)
		r = tare_need_image(call, en, images.v[i], &any, e);
	return r;
}

static int pull_one(const struct engine *en, const struct cli_call *call, const char *what, const struct image_limits *limits, struct err *e)
{
	const struct pull_opts *o = call->opts;
	struct pull_args args = { .what = what, .platform = o->platform, .limits = *limits };
	struct pulled got;
	int r = fetch(call, en, &args, o->quiet ? PROGRESS_NONE : progress_style(o->progress), &got, e);

	if (r < 0)
		return r;
	if (!o->quiet) {
		tare_say("Digest: %s", got.digest);
		tare_say("Status: %s %s", got.was_here ? "Image is up to date for" : "Downloaded newer image for", got.name);
	}
	tare_say("%s", got.name);
	return 0;
}

/* One tag that cannot be had, of another platform say, does not keep the others from it. */
static int pull_all(const struct engine *en, const struct cli_call *call, const struct image_limits *limits, struct err *e)
{
	const char *const *names;
	size_t n;
	int failed = 0, r = engine_pull_names(en, call->args[0], call->arena, &names, &n, e);

	for (size_t i = 0; r == 0 && i < n; i++) {
		struct err why = { 0 };

		if (pull_one(en, call, names[i], limits, &why) < 0) {
			log_error("%s", why.msg);
			failed = 1;
		}
	}
	return r < 0 ? r : failed;
}

int cmd_pull(const struct cli_call *call, struct err *e)
{
	const struct pull_opts *o = call->opts;
	CLEANUP_ENGINE struct engine en = ENGINE_INIT;
	struct image_limits limits;
	int r = tare_engine(call, &en, e);

	image_limits_default(&limits);
	for (size_t i = 0; r == 0 && i < o->limits.n; i++)
		r = image_limits_set(&limits, o->limits.v[i], e);
	if (r < 0)
		return r;
	return o->all_tags ? pull_all(&en, call, &limits, e) : pull_one(&en, call, call->args[0], &limits, e);
}

/* tare push, tare tag */
#include "engine/push.h"

#include <string.h>

#include "base/text.h"
#include "cmd/tare/push.h"
#include "cmd/tare/tare.h"
#include "engine/images.h"

const struct cli_option push_options[] = {
	{ "all-tags", 'a', NULL, CLI_FLAG, "all tags of the name's repository", offsetof(struct push_opts, all_tags) },
	{ "platform", 0, "OS/ARCH", CLI_STR, "only when the image is for it", offsetof(struct push_opts, platform) },
	{ "quiet", 'q', NULL, CLI_FLAG, "no progress: only the image's name", offsetof(struct push_opts, quiet) },
	{ "progress", 0, "auto|plain|tty|json", CLI_STR, "how progress is shown", offsetof(struct push_opts, progress),
	  .choices = "auto|plain|tty|json" },
	{ "disable-content-trust", 0, NULL, CLI_UNSUPPORTED },
	{ 0 }
};

void push_on_step(const struct image_push_step *step, void *data)
{
	struct push_shown *s = data;
	const char *state = "Waiting";

	switch (step->state) {
	case IMAGE_PUSH_WAIT:
		break;
	case IMAGE_PUSH_SENT:
		state = "Pushing";
		break;
	case IMAGE_PUSH_DONE:
		state = "Pushed";
		break;
	case IMAGE_PUSH_THERE:
		state = "Layer already exists";
		break;
	case IMAGE_PUSH_MOUNTED:
		state = arena_printf(s->arena, "Mounted from %s", step->from);
		break;
	}
	progress_state(&s->progress, step->digest, state ? state : "Mounted", step->bytes, step->size);
}

int tare_push(const struct cli_call *call, const struct engine *en, const struct push_opts *o, const char *what, struct pushed *done,
	      struct err *e)
{
	struct push_shown s = { .progress = PROGRESS_INIT, .arena = call->arena };
	const struct push_args args = { .what = what, .platform = o->platform, .progress = push_on_step, .progress_data = &s };
	int r;

	progress_begin(&s.progress, o->quiet ? PROGRESS_NONE : progress_style(o->progress));
	r = engine_push(en, &args, call->arena, done, e);
	progress_end(&s.progress);
	progress_free(&s.progress);
	return r;
}

static int push_one(const struct cli_call *call, const struct engine *en, const char *what, struct err *e)
{
	const struct push_opts *o = call->opts;
	struct pushed done;
	int r = tare_push(call, en, o, what, &done, e);

	if (r < 0)
		return r;
	if (o->quiet)
		tare_say("%s", done.name);
	else
		tare_say("%s: digest: %s size: %llu", done.tag, done.digest, (unsigned long long)done.size);
	return 0;
}

int cmd_push(const struct cli_call *call, struct err *e)
{
	const struct push_opts *o = call->opts;
	CLEANUP_ENGINE struct engine en = ENGINE_INIT;
	const char *const *names = call->args, *repository;
	size_t n = 1;
	bool tagged;
	int r = engine_push_repository(call->arena, call->args[0], &repository, &tagged, e);

	if (r == 0 && o->all_tags && tagged)
		return err_set(e, ERR_INVALID, "--all-tags takes a name without a tag: %s", call->args[0]);
	if (r == 0)
		r = tare_engine(call, &en, e);
	if (r == 0 && o->all_tags)
		r = engine_push_names(&en, call->args[0], call->arena, &names, &n, e);
	if (r < 0)
		return r;
	if (!o->quiet)
		tare_say("The push refers to repository [%s]", repository);
	for (size_t i = 0; r == 0 && i < n; i++)
		r = push_one(call, &en, names[i], e);
	return r;
}

int cmd_tag(const struct cli_call *call, struct err *e)
{
	CLEANUP_ENGINE struct engine en = ENGINE_INIT;
	int r = tare_engine(call, &en, e);

	return r < 0 ? r : image_tag(&en, call->args[0], call->args[1], e);
}

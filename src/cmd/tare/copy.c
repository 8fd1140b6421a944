/* tare image copy */
#include "engine/copy.h"

#include <string.h>

#include "cmd/tare/progress.h"
#include "cmd/tare/push.h"
#include "cmd/tare/tare.h"

const struct cli_option copy_options[] = {
	{ "platform", 0, "OS/ARCH", CLI_STR, "of an image for several only that one", offsetof(struct copy_opts, platform) },
	{ "referrers", 0, NULL, CLI_FLAG, "also what refers to it: signatures, bills of materials", offsetof(struct copy_opts, referrers) },
	{ "quiet", 'q', NULL, CLI_FLAG, "no progress: only the digest", offsetof(struct copy_opts, quiet) },
	{ "progress", 0, "auto|plain|tty|json", CLI_STR, "how progress is shown", offsetof(struct copy_opts, progress),
	  .choices = "auto|plain|tty|json" },
	{ 0 }
};

int cmd_image_copy(const struct cli_call *call, struct err *e)
{
	const struct copy_opts *o = call->opts;
	CLEANUP_ENGINE struct engine en = ENGINE_INIT;
	struct push_shown shown = { .progress = PROGRESS_INIT, .arena = call->arena };
	const struct copy_args args = { .from = call->args[0], .to = call->args[1], .platform = o->platform, .referrers = o->referrers,
					.progress = push_on_step, .progress_data = &shown };
	const char *digest = "";
	int r = tare_engine(call, &en, e);

	if (r < 0)
		return r;
	progress_begin(&shown.progress, o->quiet ? PROGRESS_NONE : progress_style(o->progress));
	r = engine_copy(&en, &args, call->arena, &digest, e);
	progress_end(&shown.progress);
	progress_free(&shown.progress);
	if (r == 0)
		tare_say("%s", digest);
	return r;
}

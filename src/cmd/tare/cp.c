/* tare cp */
#include "build/cp.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cmd/tare/table.h"
#include "cmd/tare/tare.h"

const struct cli_option cp_options[] = {
	{ "archive", 'a', NULL, CLI_FLAG, "keep owners; out of a container, also set-id bits, attributes and devices", offsetof(struct cp_opts, archive) },
	{ "follow-link", 'L', NULL, CLI_FLAG, "of a source that is a link: copy what it leads to", offsetof(struct cp_opts, follow) },
	{ "quiet", 'q', NULL, CLI_FLAG, "say nothing when it is done", offsetof(struct cp_opts, quiet) },
	{ 0 }
};

/* "CONTAINER:PATH"; a path that begins with a slash or a dot is one of the machine, whatever colons it has. */
static const char *split(struct arena *a, const char *arg, const char **container)
{
	const char *colon = *arg == '/' || *arg == '.' ? NULL : strchr(arg, ':');

	*container = colon ? arena_strndup(a, arg, (size_t)(colon - arg)) : NULL;
	return colon ? colon + 1 : arg;
}

int cmd_cp(const struct cli_call *call, struct err *e)
{
	const struct cp_opts *o = call->opts;
	CLEANUP_ENGINE struct engine en = ENGINE_INIT;
	const char *from_container, *to_container, *from = split(call->arena, call->args[0], &from_container),
						   *to = split(call->arena, call->args[1], &to_container);
	bool out = from_container != NULL;
	const struct cp_args args = { .container = out ? from_container : to_container, .inside = out ? from : to, .here = out ? to : from,
				      .archive = o->archive, .follow = o->follow, .tar = out ? STDOUT_FILENO : STDIN_FILENO };
	uint64_t bytes = 0;
	int r;

	if (arena_error(call->arena) < 0)
		return err_errno(e, -ENOMEM, "paths");
	if (from_container && to_container)
		return err_set(e, ERR_INVALID, "both are of containers: copy out of one (tare cp CONTAINER:PATH -) and into the other (tare cp - CONTAINER:PATH)");
	if (!args.container)
		return err_set(e, ERR_INVALID, "neither %s nor %s is of a container: write one as CONTAINER:PATH", from, to);
	if (!*args.container || !*args.inside)
		return err_set(e, ERR_INVALID, "%s: want CONTAINER:PATH", out ? call->args[0] : call->args[1]);
	if (out && strcmp(args.here, "-") == 0 && isatty(STDOUT_FILENO))
		return err_set(e, ERR_INVALID, "standard output is a terminal: redirect it, or name a file or folder to copy to");
	r = tare_engine(call, &en, e);
	if (r == 0)
		r = out ? cp_out(&en, &args, &bytes, e) : cp_in(&en, &args, &bytes, e);
	if (r == 0 && !o->quiet && isatty(STDOUT_FILENO))
		(void)fprintf(stderr, "Successfully copied %s to %s\n", table_size(call->arena, bytes), call->args[1]);
	return r;
}

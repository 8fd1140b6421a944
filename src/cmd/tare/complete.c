/* tare completion; and what its scripts and the installation call: tare internal complete, tare internal man */
#include <stdlib.h>
#include <string.h>

#include "cmd/cli_complete.h"
#include "cmd/cli_man.h"
#include "cmd/tare/tare.h"
#include "cmd/tared/options.h"
#include "engine/glance.h"

static void offer_thing(const char *name, const char *about, void *data)
{
	cli_offer(data, name, about);
}

/* What cannot be read is not offered: a message would come amid what somebody types. */
static void things(const struct cli_completion *c, enum cli_thing thing)
{
	static const enum glance_kind kinds[] = {
		[CLI_CONTAINERS] = GLANCE_CONTAINERS, [CLI_IMAGES] = GLANCE_IMAGES, [CLI_NETWORKS] = GLANCE_NETWORKS,
		[CLI_VOLUMES] = GLANCE_VOLUMES
	};
	const struct tare_global *g = c->global;
	const char *root = g->root ? g->root : getenv("TARE_ROOT");
	struct cli_completion copy = *c;
	struct err ignored;

	if (glance(c->a, root && root[0] ? root : NULL, kinds[thing], offer_thing, &copy, &ignored) < 0)
		return;
}

int cmd_complete(const struct cli_call *call, struct err *e)
{
	CLEANUP_STRBUF struct strbuf out = STRBUF_INIT;
	int r = cli_complete(call->arena, &tare_program, things, call->args, call->n_args, &out, e);

	return r < 0 ? r : tare_print(&out, e);
}

int cmd_completion(const struct cli_call *call, struct err *e)
{
	CLEANUP_STRBUF struct strbuf out = STRBUF_INIT;
	const char *script = cli_completion_script(call->args[0]);

	if (!script)
		return err_set(e, ERR_INVALID, "%s: no completion for that shell, only for bash, zsh and fish", call->args[0]);
	sb_puts(&out, script);
	return sb_error(&out) < 0 ? err_errno(e, -ENOMEM, "write") : tare_print(&out, e);
}

int cmd_man(const struct cli_call *call, struct err *e)
{
	int r = cli_man(call->arena, &tare_program, call->args[0], call->args[1], false, e);

	if (r == 0)
		r = cli_man(call->arena, &tared_program, call->args[0], call->args[1], true, e);
	return r < 0 || call->n_args < 3 ? r : cli_man_topics(call->arena, &tare_program, tare_topics, call->args[2], e);
}

/* What completions of shells and the installation call: tare-oci internal complete, tare-oci internal man */
#include "cmd/cli_complete.h"
#include "cmd/cli_man.h"
#include "cmd/oci/oci.h"

/* The ids below the root folder, whether their containers are whole or not. */
static void things(const struct cli_completion *c, enum cli_thing thing)
{
	const struct cli_call call = { .global = c->global, .arena = c->a };
	const char **ids = NULL, *root = oci_root(&call);
	struct err ignored;
	size_t n;

	if (thing != CLI_CONTAINERS || !root || oci_container_ids(&call, root, &ids, &n, &ignored) < 0)
		return;
	for (size_t i = 0; i < n; i++)
		cli_offer(c, ids[i], NULL);
}

int cmd_complete(const struct cli_call *call, struct err *e)
{
	CLEANUP_STRBUF struct strbuf out = STRBUF_INIT;
	int r = cli_complete(call->arena, &oci_program, things, call->args, call->n_args, &out, e);

	return r < 0 ? r : oci_print(&out, e);
}

int cmd_man(const struct cli_call *call, struct err *e)
{
	return cli_man(call->arena, &oci_program, call->args[0], call->args[1], true, e);
}

/* tare system service: becomes tared, with the same options. */
#include <errno.h>
#include <unistd.h>

#include "cmd/cli_words.h"
#include "cmd/tare/tare.h"
#include "cmd/tared/options.h"
#include "engine/engine.h"

int cmd_service(const struct cli_call *call, struct err *e)
{
	const struct tare_global *g = call->global;
	struct tared_opts o = *(const struct tared_opts *)call->opts;
	char program[PATH_MAX];
	const char **words;
	int r = engine_program("tared", program, e);

	if (r < 0)
		return r;
	o.root = o.root ? o.root : g->root;
	o.state = o.state ? o.state : g->state;
	words = cli_words(call->arena, "tared", tared_options, &o);
	if (!words)
		return err_errno(e, -ENOMEM, "start tared");
	(void)execv(program, (char *const *)words);
	return err_errno(e, -errno, "start %s", program);
}

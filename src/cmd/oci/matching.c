/* One command for all containers whose ids match (crun's --regex). Who understands the expression is the system's grep:
 * libc's own would be a tenth of this program, for something that is rarely asked for. */
#include <string.h>
#include <sys/wait.h>

#include "base/io.h"
#include "base/log.h"
#include "cmd/oci/oci.h"

#define GREP_ERROR 2 /* 1: nothing matched */

/* The ids as lines: those that match, in *out. */
static int grep(const char *expression, const struct strbuf *ids, char **out, struct err *e)
{
	const char *const argv[] = { "grep", "-E", "-e", expression, NULL };
	CLEANUP_FD int in = io_memfd("ids", sb_str(ids), ids->len, true);
	int status, r = in < 0 ? err_errno(e, in, "--regex") : oci_output_of(argv, in, true, ids->len + 1, out, &status, e);

	if (r < 0)
		return err_ctx(e, "--regex");
	return WIFEXITED(status) && WEXITSTATUS(status) < GREP_ERROR ? 0 :
		       err_set(e, ERR_INVALID, "--regex \"%.80s\": not an extended regular expression (grep -E)", expression);
}

static int matching(const struct cli_call *call, char **out, struct err *e)
{
	CLEANUP_STRBUF struct strbuf lines = STRBUF_INIT;
	const char **ids = NULL;
	size_t n;
	int r = oci_container_ids(call, oci_root(call), &ids, &n, e);

	for (size_t i = 0; r == 0 && i < n; i++) {
		sb_puts(&lines, ids[i]);
		sb_putc(&lines, '\n');
	}
	if (r == 0 && sb_error(&lines) < 0)
		return err_errno(e, -ENOMEM, "--regex");
	return r < 0 ? r : grep(call->args[0], &lines, out, e);
}

/* What grep would read as nothing: who says '*' means a shell's pattern, and would meet every container. */
static bool repeats_nothing(const char *text)
{
	for (const char *p = text; *p; p++) {
		bool begins = p == text || p[-1] == '(' || p[-1] == '|';

		if (begins && strchr("*+?{", *p))
			return true;
		if (*p == '\\' && p[1])
			p++;
	}
	return !*text;
}

int oci_for_matching(const struct cli_call *call, int (*one)(const struct cli_call *, struct err *), struct err *e)
{
	CLEANUP_FREE char *ids = NULL;
	char *rest = NULL;
	size_t failed = 0, matched = 0;
	int r;

	if (repeats_nothing(call->args[0]))
		return err_set(e, ERR_INVALID, "--regex \"%.80s\": repeats nothing, or is empty; all containers are \".\"", call->args[0]);
	r = matching(call, &ids, e);
	if (r < 0)
		return r;
	for (char *id = strtok_r(ids, "\n", &rest); id; id = strtok_r(NULL, "\n", &rest)) {
		const char *args[] = { id, call->n_args > 1 ? call->args[1] : NULL };
		struct cli_call each = *call;
		struct err its = { 0 };

		each.args = args;
		matched++;
		if (one(&each, &its) >= 0)
			continue;
		log_error("%s: %s", id, its.msg);
		failed++;
	}
	return failed ? err_set(e, ERR_CONFLICT, "%zu of the %zu containers that match failed", failed, matched) : 0;
}

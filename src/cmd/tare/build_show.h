/* What people see of a build, on standard error: plain lines, JSON, one object a line, or on a terminal build_tty.h. Where stages run at the same time, a
 * line says whose it is. */
#ifndef TARE_CMD_TARE_BUILD_SHOW_H
#define TARE_CMD_TARE_BUILD_SHOW_H

#include "base/strbuf.h"
#include "build/build.h"
#include "cmd/tare/build_tty.h"
#include "cmd/tare/progress.h"

struct build_shown { /* a stage */
	const char *name;
	struct strbuf line; /* of its command's output, not whole yet */
};

struct build_show {
	enum progress_kind kind;
	struct build_tty *tty; /* where kind is PROGRESS_TTY */
	struct build_shown **v; /* by number; NULL: nothing was heard of it */
	size_t n;
};
#define BUILD_SHOW_INIT { .kind = PROGRESS_NONE }
#define CLEANUP_BUILD_SHOW CLEANUP(build_show_free)

/* option: of --progress; NULL: auto. ERR_INVALID: "tty" where standard error is no terminal. */
int build_show_begin(struct build_show *s, const char *option, struct err *e) MUST_CHECK;
/* Of struct build_watch; data is a struct build_show. */
void build_show_event(const struct build_event *ev, void *data);
void build_show_end(struct build_show *s, bool well);
void build_show_free(struct build_show *s);

#endif

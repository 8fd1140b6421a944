/* What people see of a build, on standard error: plain lines, or JSON, one object a line. Where stages run at the same time, a
 * line says whose it is. */
#ifndef TARE_CMD_TARE_BUILD_SHOW_H
#define TARE_CMD_TARE_BUILD_SHOW_H

#include "base/strbuf.h"
#include "build/build.h"
#include "cmd/tare/progress.h"

struct build_shown { /* a stage */
	const char *name;
	struct strbuf line; /* of its command's output, not whole yet */
};

struct build_show {
	enum progress_kind kind;
	struct build_shown **v; /* by number; NULL: nothing was heard of it */
	size_t n;
};
#define BUILD_SHOW_INIT { .kind = PROGRESS_NONE }
#define CLEANUP_BUILD_SHOW CLEANUP(build_show_free)

/* option: of --progress; NULL: auto. */
void build_show_begin(struct build_show *s, const char *option);
/* Of struct build_watch; data is a struct build_show. */
void build_show_event(const struct build_event *ev, void *data);
void build_show_end(struct build_show *s, bool well);
void build_show_free(struct build_show *s);

#endif

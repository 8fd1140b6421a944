#include "build/blame.h"

#include <stdio.h>
#include <string.h>

#include "base/text.h"

#define SHOWN 48

int df_blame(struct err *e, unsigned int line, const char *text)
{
	struct err raw = *e;

	if (text)
		err_ctx(&raw, "line %u: %.*s%s", line, SHOWN, text, strlen(text) > SHOWN ? "…" : "");
	else
		err_ctx(&raw, "line %u", line);
	(void)text_tame(raw.msg, e->msg, sizeof(e->msg));
	return e->code;
}

int df_blame_trigger(struct err *e, unsigned int line, const char *from, const char *trigger)
{
	struct err raw = *e;

	err_ctx(&raw, "ONBUILD %.*s%s", SHOWN, trigger, strlen(trigger) > SHOWN ? "…" : "");
	(void)text_tame(raw.msg, e->msg, sizeof(e->msg));
	return df_blame(e, line, from);
}

#include "wire/event.h"

#include <stdio.h>

#include "base/clock.h"

void event_line_begin(struct event_line *l, const char *type, const char *action, const char *id)
{
	*l = (struct event_line){ 0 };
	l->w = (struct json_writer)JSON_WRITER(&l->text);
	jw_object(&l->w, NULL);
	jw_str(&l->w, "Type", type);
	jw_str(&l->w, "Action", action);
	jw_object(&l->w, "Actor");
	jw_str(&l->w, "ID", id);
}

void event_line_end(struct event_line *l, const char *once)
{

	jw_end_object(&l->w);
	jw_i64(&l->w, "time", clock_now_ns());
	if (once)
		jw_str(&l->w, "once", once);
	jw_end_object(&l->w);
	sb_putc(&l->text, '\n');
}

const char *event_exec_once(const char *container, const char *exec, char out[EVENT_ONCE_LEN])
{
	(void)snprintf(out, EVENT_ONCE_LEN, "%s %s exec_die", container, exec);
	return out;
}

void event_line_free(struct event_line *l)
{
	sb_free(&l->text);
}

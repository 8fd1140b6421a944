#include "wire/event.h"

#include <time.h>

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
	struct timespec now;

	jw_end_object(&l->w);
	clock_gettime(CLOCK_REALTIME, &now);
	jw_i64(&l->w, "time", (int64_t)now.tv_sec * 1000000000 + now.tv_nsec);
	if (once)
		jw_str(&l->w, "once", once);
	jw_end_object(&l->w);
	sb_putc(&l->text, '\n');
}

void event_line_free(struct event_line *l)
{
	sb_free(&l->text);
}

/* A line of STATE/events (docs/formats.md): what happened to what. Written by engine/ and by monitors, to be added with eventlog_append(). */
#ifndef TARE_WIRE_EVENT_H
#define TARE_WIRE_EVENT_H

#include "base/json.h"

struct event_line {
	struct strbuf text;
	struct json_writer w;
};
#define CLEANUP_EVENT_LINE CLEANUP(event_line_free)

/* Up to the actor's attributes, which are written next: one object, "Attributes". */
void event_line_begin(struct event_line *l, const char *type, const char *action, const char *id);
/* The rest, with the time that it is now. once: names what happens but one time (NULL: nothing does). The text is whole then, or sb_error(). */
void event_line_end(struct event_line *l, const char *once);
/* What names the end of a process in a container. */
#define EVENT_ONCE_LEN 256
const char *event_exec_once(const char *container, const char *exec, char out[EVENT_ONCE_LEN]);
void event_line_free(struct event_line *l);

#endif

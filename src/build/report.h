/* What the process of a stage (parallel.h) tells the build: frames in a pipe, between two copies of one program, so in that
 * program's own layout. */
#ifndef TARE_BUILD_REPORT_H
#define TARE_BUILD_REPORT_H

#include "build/work.h"
#include "engine/record.h"

enum report_kind { REPORT_EVENT, REPORT_STEP, REPORT_MADE, REPORT_CONTAINER, REPORT_FAILED };

struct report {
	enum report_kind kind;
	struct build_event event; /* REPORT_EVENT; its text until the next report_read(); stage and number are not told */
	struct given given;       /* REPORT_STEP, REPORT_MADE */
	const char *key;	  /* REPORT_MADE: what gave it */
	char container[ID_LEN + 1]; /* REPORT_CONTAINER: of the RUN at work; "": it is gone */
	struct err err;           /* REPORT_FAILED: why */
};

/* Whether anybody listens is not asked: who listened and is gone has ended us, too. */
void report_event(int fd, const struct build_event *ev);
void report_step(int fd, const struct image_layer *l); /* NULL: it wrote nothing */
void report_made(int fd, const char *key, const struct image_layer *l); /* for --cache-to */
void report_container(int fd, const char *id);
void report_failed(int fd, const struct err *why);

/* The next one, waited for. Strings of a step are in a, the event's text is in *text, which is emptied first. 1; 0: no more;
 * negative errno. */
int report_read(int fd, struct arena *a, struct strbuf *text, struct report *out) MUST_CHECK;

#endif

/* What people see of a long piece of work on images: on a terminal a line for each layer, written over as it goes on; elsewhere plain lines,
 * or JSON, one object a line. All on standard error: standard output has the result. */
#ifndef TARE_CMD_TARE_PROGRESS_H
#define TARE_CMD_TARE_PROGRESS_H

#include "image/load.h"

enum progress_kind { PROGRESS_NONE, PROGRESS_PLAIN, PROGRESS_TTY, PROGRESS_JSON };

struct progress_line {
	char digest[DIGEST_LEN + 1];
	const char *state; /* a text that stays; another pointer is another state */
	uint64_t bytes, total;
};

struct progress {
	enum progress_kind kind;
	struct progress_line *lines;
	size_t n, drawn;
	int64_t began, last; /* base/clock.h */
	uint64_t arrived;     /* bytes of all */
};
#define PROGRESS_INIT { .kind = PROGRESS_NONE }
#define CLEANUP_PROGRESS CLEANUP(progress_free)

/* "auto" (NULL): a terminal's where standard error is one that can do more than go on, else plain. */
enum progress_kind progress_style(const char *option);
void progress_begin(struct progress *p, enum progress_kind kind);
/* An image_progress_fn; data is a struct progress. */
void progress_image(enum image_progress_kind kind, const char *digest, uint64_t bytes, void *data);
/* The same for other work: what the line of digest says (a text that stays), and so many bytes of it. */
void progress_state(struct progress *p, const char *digest, const char *state, uint64_t bytes, uint64_t total);
/* Leaves the lines as they are and the cursor below them. */
void progress_end(struct progress *p);
void progress_free(struct progress *p);

#endif

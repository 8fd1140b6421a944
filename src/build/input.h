/* One source of a COPY or ADD: files of the context, of a stage or an image; or what ADD fetches, which is files once it is here. */
#ifndef TARE_BUILD_INPUT_H
#define TARE_BUILD_INPUT_H

#include "build/pick.h"
#include "build/source.h"
#include "build/work.h"

struct input {
	struct df_source source;
	struct pick_from from;
	struct pick_list items; /* of what is fetched one, as soon as it is here */
	const char *name;       /* of the file that a URL is; NULL: it names none */
	const char *content;    /* digest of what is fetched, of git its commit: known before it is here where that can be */
	int root;               /* of what is fetched; owned */
	const char *folder;     /* that has it, below the ingest */
};
#define INPUT_INIT { .root = -1, .from = { .root = -1 } }

/* What text, a source of the instruction, means; only ADD fetches. files: where files are. Of a URL this learns what it will be, and fetches
 * it when nobody else knows. */
int input_find(struct build *b, const struct df_instruction *step, const char *text, const struct pick_from *files, struct input *out,
	       struct err *e) MUST_CHECK;
/* Adds to the key all of it that counts; seen as pick_digest() has it, nothing of what is fetched. */
int input_key(const struct input *in, const struct df_copy *copy, struct key *k, struct key *seen, struct err *e) MUST_CHECK;
/* As pick_seen(). */
int input_seen(const struct input *in, struct key *seen, struct err *e) MUST_CHECK;
/* Makes items what they are: fetches what is not here. */
int input_get(struct build *b, const struct df_copy *copy, struct input *in, struct err *e) MUST_CHECK;
/* How many things go to the destination. */
size_t input_count(const struct input *in);
void input_end(struct build *b, struct input *in);

#endif

/* "Did you mean": the nearest of some names to one that is none, offered one by one. Near is what a slip of the fingers makes: one edit in
 * a word of up to three letters, one more for each three letters more; upper and lower case are the same. */
#ifndef TARE_BASE_NEAREST_H
#define TARE_BASE_NEAREST_H

#include <stdbool.h>
#include <stddef.h>

#define NEAREST_LEN 200

struct nearest {
	const char *word;	/* what was written; borrowed */
	char best[NEAREST_LEN]; /* "" while nothing is near */
	size_t distance;	/* of best */
};

#define NEAREST(word_) { .word = (word_) }

/* True: it is nearer than all before, and best now. One that is too long for best is passed over. */
bool nearest_offer(struct nearest *n, const char *name);

/* "; did you mean NAME?", or "" where nothing is near: the end of a message. */
#define NEAREST_HINT_LEN (NEAREST_LEN + 32)
const char *nearest_hint(const struct nearest *n, char out[NEAREST_HINT_LEN]);

#endif

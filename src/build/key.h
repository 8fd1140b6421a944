/* The digest of all that the result of a step depends on. Parts are put in with their length, so no two lists of parts
 * are the same bytes. */
#ifndef TARE_BUILD_KEY_H
#define TARE_BUILD_KEY_H

#include "base/sha256.h"

struct key {
	struct sha256 sum;
};

/* what: the kind of step; parent: chain id of what it stands on, NULL: nothing. */
void key_begin(struct key *k, const char *what, const char *parent);
void key_add(struct key *k, const char *part); /* NULL is another part than "" */
void key_add_number(struct key *k, int64_t n);
void key_add_all(struct key *k, const char *const *parts); /* NULL-terminated; their number counts */
void key_end(struct key *k, char out[SHA256_DIGEST_LEN + 1]);

#endif

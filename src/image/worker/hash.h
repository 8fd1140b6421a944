/* SHA-256 of long streams by OpenSSL, which uses the CPU's instructions; digests come out as the image specification
 * writes them. */
#ifndef TARE_WORKER_HASH_H
#define TARE_WORKER_HASH_H

#include <stddef.h>

#include "base/err.h"
#include "image/digest.h"

struct hash; /* a running one */

/* Fetches the algorithm. Once, before the sandbox closes (the provider may read its configuration). */
int hash_setup(struct err *e) MUST_CHECK;

int hash_new(struct hash **out, struct err *e) MUST_CHECK;
void hash_free(struct hash *h); /* NULL allowed */
static inline void cleanup_hash(struct hash **h)
{
	hash_free(*h);
}
#define CLEANUP_HASH CLEANUP(cleanup_hash)

/* A failure of OpenSSL is kept and comes out of hash_end(). */
void hash_add(struct hash *h, const void *data, size_t len);
int hash_end(struct hash *h, char digest[DIGEST_LEN + 1], struct err *e) MUST_CHECK;

#endif

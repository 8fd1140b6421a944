/* Content digests as the image specification writes them: "sha256:" and 64 lower-case hex digits. Shared by the store
 * and the worker. */
#ifndef TARE_IMAGE_DIGEST_H
#define TARE_IMAGE_DIGEST_H

#include <stdbool.h>

#define DIGEST_PREFIX "sha256:"
#define DIGEST_LEN 71 /* strlen of a digest */

/* Exactly the form above; everything else (other algorithms, upper case) is false. */
bool digest_valid(const char *digest);
/* The hex digits of a valid digest; they are also the file's name in the store. */
const char *digest_hex(const char *digest);

/* The chain id of a layer: diff_id for the lowest (parent NULL), else the digest of "PARENT DIFF_ID", parent being the
 * chain id of the layer below (image-spec, config.md, "Layer ChainID"). */
void digest_chain(const char *parent, const char *diff_id, char out[DIGEST_LEN + 1]);

#endif

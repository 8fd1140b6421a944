/* SHA-256 (FIPS 180-4), for the small things the static programs have to name by digest: configurations, chain ids.
 * Whole layers are hashed by tare-worker with OpenSSL. In `tare` itself the CPU's instructions are used where it has them,
 * for the files of a build's context. */
#ifndef TARE_BASE_SHA256_H
#define TARE_BASE_SHA256_H

#include <stddef.h>
#include <stdint.h>

struct sha256 {
	uint32_t h[8];
	uint64_t bytes;
	unsigned char block[64];
};

void sha256_init(struct sha256 *s);
void sha256_add(struct sha256 *s, const void *data, size_t len);
void sha256_end(struct sha256 *s, unsigned char out[32]);

/* "sha256:" and 64 lower-case hex digits of data: a content digest. */
#define SHA256_DIGEST_LEN 71
void sha256_digest(const void *data, size_t len, char out[SHA256_DIGEST_LEN + 1]);
void sha256_hex(const unsigned char sum[32], char out[65]);

#endif

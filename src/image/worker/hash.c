#include "image/worker/hash.h"

#include <openssl/evp.h>
#include <string.h>

#include "base/sha256.h"

struct hash {
	EVP_MD_CTX *ctx;
	bool failed;
};

static EVP_MD *algorithm;

int hash_setup(struct err *e)
{
	if (!algorithm)
		algorithm = EVP_MD_fetch(NULL, "SHA256", NULL);
	return algorithm ? 0 : err_set(e, ERR_INTERNAL, "OpenSSL offers no SHA-256");
}

int hash_new(struct hash **out, struct err *e)
{
	struct hash *h = calloc(1, sizeof(*h));

	if (h)
		h->ctx = EVP_MD_CTX_new();
	if (!h || !h->ctx || EVP_DigestInit_ex2(h->ctx, algorithm, NULL) != 1) {
		hash_free(h);
		return err_errno(e, -ENOMEM, "SHA-256");
	}
	*out = h;
	return 0;
}

void hash_free(struct hash *h)
{
	if (!h)
		return;
	EVP_MD_CTX_free(h->ctx);
	free(h);
}

void hash_add(struct hash *h, const void *data, size_t len)
{
	if (EVP_DigestUpdate(h->ctx, data, len) != 1)
		h->failed = true;
}

int hash_end(struct hash *h, char digest[DIGEST_LEN + 1], struct err *e)
{
	unsigned char sum[32];

	if (h->failed || EVP_DigestFinal_ex(h->ctx, sum, NULL) != 1)
		return err_set(e, ERR_INTERNAL, "SHA-256 failed");
	memcpy(digest, DIGEST_PREFIX, strlen(DIGEST_PREFIX));
	sha256_hex(sum, digest + strlen(DIGEST_PREFIX));
	return 0;
}

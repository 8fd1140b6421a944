#include "image/digest.h"

#include <stdio.h>
#include <string.h>

#include "base/sha256.h"
#include "base/text.h"

bool digest_valid(const char *digest)
{
	return text_starts(digest, DIGEST_PREFIX) && text_is_hex(digest + strlen(DIGEST_PREFIX), 64);
}

const char *digest_hex(const char *digest)
{
	return digest + strlen(DIGEST_PREFIX);
}

void digest_chain(const char *parent, const char *diff_id, char out[DIGEST_LEN + 1])
{
	char both[2 * DIGEST_LEN + 2];
	int len;

	if (!parent) {
		memcpy(out, diff_id, DIGEST_LEN + 1);
		return;
	}
	len = snprintf(both, sizeof(both), "%s %s", parent, diff_id);
	sha256_digest(both, (size_t)len, out);
}

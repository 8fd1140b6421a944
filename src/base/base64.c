#include "base/base64.h"

#include <stdint.h>
#include <string.h>

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/* Up to 4 characters: 2 are one byte, 3 are two, 4 are three. */
static int decode_group(const char *text, size_t n, unsigned char *out, size_t *len)
{
	uint32_t bits = 0;

	if (n == 1)
		return -EINVAL;
	for (size_t i = 0; i < 4; i++) {
		const char *at = i < n ? strchr(alphabet, text[i]) : alphabet;

		if (!at || !*at)
			return -EINVAL;
		bits = bits << 6 | (uint32_t)(at - alphabet);
	}
	/* two spellings of the same bytes would be one too many */
	if (n < 4 && bits & (n == 2 ? 0xffffU : 0xffU))
		return -EINVAL;
	for (size_t i = 0; i + 1 < n; i++)
		out[(*len)++] = (unsigned char)(bits >> (16 - 8 * i));
	return 0;
}

int base64_decode(const char *text, unsigned char *out, size_t *len)
{
	size_t n = strlen(text);

	*len = 0;
	if (n && n % 4 == 0 && text[n - 1] == '=')
		n -= text[n - 2] == '=' ? 2 : 1;
	for (size_t i = 0; i < n; i += 4) {
		int r = decode_group(text + i, n - i < 4 ? n - i : 4, out, len);

		if (r < 0)
			return r;
	}
	return 0;
}

void base64_encode(const void *data, size_t len, struct strbuf *out)
{
	const unsigned char *in = data;

	for (size_t i = 0; i < len; i += 3) {
		size_t n = len - i < 3 ? len - i : 3;
		uint32_t bits = (uint32_t)in[i] << 16 | (n > 1 ? (uint32_t)in[i + 1] << 8 : 0) | (n > 2 ? in[i + 2] : 0);

		for (size_t k = 0; k < 4; k++)
			sb_putc(out, k <= n ? alphabet[bits >> (18 - 6 * k) & 63] : '=');
	}
}

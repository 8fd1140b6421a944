/* Base64 of RFC 4648, section 4. */
#ifndef TARE_BASE_BASE64_H
#define TARE_BASE_BASE64_H

#include <stddef.h>

#include "base/strbuf.h"

/* Decodes text, padded or not, into out, which has room for 3 bytes out of 4 characters; *len: how many there are. -EINVAL for
 * what is none: foreign characters, blanks too, a length that cannot be, bits that mean nothing. */
int base64_decode(const char *text, unsigned char *out, size_t *len) MUST_CHECK;

/* len bytes as text, padded, behind what out has. */
void base64_encode(const void *data, size_t len, struct strbuf *out);

#endif

#include "engine/detach.h"

#include <ctype.h>
#include <string.h>

static int key_of(const char *word, size_t len, unsigned char *out)
{
	if (len == 1) {
		*out = (unsigned char)word[0];
		return 0;
	}
	if (len != 6 || strncmp(word, "ctrl-", 5) != 0)
		return -EINVAL;
	if (isalpha((unsigned char)word[5]))
		*out = (unsigned char)(tolower((unsigned char)word[5]) - 'a' + 1);
	else if (strchr("@[\\]^_", word[5]))
		*out = word[5] == '@' ? 0 : (unsigned char)(word[5] - '[' + 27);
	else
		return -EINVAL;
	return 0;
}

int detach_init(struct detach *d, const char *keys)
{
	*d = (struct detach){ .n = 0 };
	if (!keys)
		keys = "ctrl-p,ctrl-q";
	while (*keys) {
		size_t len = strcspn(keys, ",");

		if (d->n == DETACH_MAX || key_of(keys, len, &d->keys[d->n]) < 0)
			return -EINVAL;
		d->n++;
		keys += len;
		if (*keys == ',' && !*++keys)
			return -EINVAL;
	}
	return 0;
}

bool detach_feed(struct detach *d, const char *in, size_t len, char *out, size_t *out_len)
{
	size_t n = 0;

	for (size_t i = 0; i < len; i++) {
		unsigned char c = (unsigned char)in[i];

		if (d->n && d->matched && c != d->keys[d->matched]) {
			memcpy(out + n, d->keys, d->matched); /* it was something else after all */
			n += d->matched;
			d->matched = 0;
		}
		if (d->n && c == d->keys[d->matched]) {
			if (++d->matched == d->n) {
				*out_len = n;
				return true;
			}
		} else {
			out[n++] = (char)c;
		}
	}
	*out_len = n;
	return false;
}

#include "build/key.h"

#include <stdio.h>
#include <string.h>

/* Another number when what a step does with the same parts changes: the results of before are then of no use. */
#define FORMAT "tare-build-1"

static void add(struct key *k, char type, const void *data, size_t len)
{
	char head[32];
	int n = snprintf(head, sizeof(head), "%c%zu:", type, len);

	sha256_add(&k->sum, head, (size_t)n);
	sha256_add(&k->sum, data, len);
}

void key_begin(struct key *k, const char *what, const char *parent)
{
	sha256_init(&k->sum);
	key_add(k, FORMAT);
	key_add(k, what);
	key_add(k, parent);
}

void key_add(struct key *k, const char *part)
{
	add(k, part ? 's' : '-', part ? part : "", part ? strlen(part) : 0);
}

void key_add_number(struct key *k, int64_t n)
{
	char text[32];
	int len = snprintf(text, sizeof(text), "%lld", (long long)n);

	add(k, 'n', text, (size_t)len);
}

void key_add_all(struct key *k, const char *const *parts)
{
	size_t n = 0;

	while (parts && parts[n])
		n++;
	key_add_number(k, (int64_t)n);
	for (size_t i = 0; i < n; i++)
		key_add(k, parts[i]);
}

void key_end(struct key *k, char out[SHA256_DIGEST_LEN + 1])
{
	static const char prefix[] = "sha256:";
	unsigned char sum[32];

	sha256_end(&k->sum, sum);
	memcpy(out, prefix, sizeof(prefix));
	sha256_hex(sum, out + sizeof(prefix) - 1);
}

/* What belongs to a manifest or an index, and the list of what refers to one; registries send both. The first byte chooses. */
#include <stdlib.h>

#include "image/closure.h"
#include "image/referrertag.h"

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size);

#define DIGEST "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

struct text {
	const char *s;
	size_t len;
};

/* Every document is the same one: what names itself by each of its entries must not be endless. */
static int read_again(void *data, struct arena *a, const char *digest, const char **text, size_t *len, const char **type, struct err *e)
{
	const struct text *t = data;

	(void)a;
	(void)digest;
	(void)e;
	*text = t->s;
	*len = t->len;
	*type = NULL;
	return 0;
}

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size)
{
	CLEANUP_ARENA struct arena a = ARENA_INIT;
	CLEANUP_STRBUF struct strbuf out = STRBUF_INIT;
	const struct closure_part doc = { .digest = DIGEST, .type = "text/x", .size = 1 };
	struct text t = { (const char *)data + 1, size - 1 };
	struct closure all;
	struct err e = { 0 };
	bool there;
	int r;

	if (size < 1)
		return 0;
	if (data[0] == 'r')
		r = referrertag_add(&a, t.s, t.len, &doc, &out, &there, &e);
	else
		r = closure_collect(&a, DIGEST, read_again, &t, &all, &e);
	if (r < 0 && (e.code >= 0 || !e.msg[0]))
		abort(); /* a failure must say what it is */
	return 0;
}

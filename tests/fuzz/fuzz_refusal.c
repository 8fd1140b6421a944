/* wire/refusal: any bytes, taken whole and one by one, are answered with the same. */
#include <stdlib.h>
#include <string.h>

#include "wire/refusal.h"

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size);

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size)
{
	CLEANUP_STRBUF struct strbuf whole = STRBUF_INIT, single = STRBUF_INIT;
	struct refusal a, b;
	int ra, rb = 1;

	refusal_begin(&a, "no", &whole);
	refusal_begin(&b, "no", &single);
	ra = refusal_feed(&a, data, size, &whole);
	for (size_t i = 0; rb > 0 && i < size; i++)
		rb = refusal_feed(&b, data + i, 1, &single);
	if (ra != rb || whole.len != single.len || memcmp(whole.s, single.s, whole.len) != 0 || a.calls != b.calls)
		abort();
	return 0;
}

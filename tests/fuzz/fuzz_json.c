/* base/json: what is accepted must survive being written and read again unchanged. */
#include <stdlib.h>
#include <string.h>

#include "base/json.h"

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size);

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size)
{
	static const struct json_limits limits = { .max_bytes = 1U << 20, .max_depth = 64, .max_nodes = 10000 };
	CLEANUP_ARENA struct arena a = ARENA_INIT;
	CLEANUP_STRBUF struct strbuf once = STRBUF_INIT, twice = STRBUF_INIT;
	struct json_writer w1 = JSON_WRITER(&once), w2 = JSON_WRITER(&twice);
	const struct json *v, *again;
	struct err e = { 0 };

	if (json_parse(&a, (const char *)data, size, &limits, &v, &e) < 0)
		return 0;
	jw_value(&w1, NULL, v);
	if (json_parse(&a, sb_str(&once), once.len, NULL, &again, &e) < 0)
		abort();
	jw_value(&w2, NULL, again);
	if (once.len != twice.len || memcmp(sb_str(&once), sb_str(&twice), once.len) != 0)
		abort();
	return 0;
}

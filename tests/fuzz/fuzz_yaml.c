/* engine/yaml: what is accepted is a tree that JSON can say, and that says the same when it is read again. */
#include <stdlib.h>
#include <string.h>

#include "engine/yaml.h"

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size);

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size)
{
	static const struct json_limits limits = { .max_bytes = 64U << 20, .max_depth = 100, .max_nodes = 100000 };
	CLEANUP_ARENA struct arena a = ARENA_INIT;
	CLEANUP_STRBUF struct strbuf once = STRBUF_INIT, twice = STRBUF_INIT;
	struct json_writer w1 = JSON_WRITER(&once), w2 = JSON_WRITER(&twice);
	const struct json *v, *again;
	struct err e = { 0 };

	if (yaml_read(&a, (const char *)data, size, &v, &e) < 0) {
		if (v || strncmp(e.msg, "line ", 5) != 0)
			abort();
		return 0;
	}
	jw_value(&w1, NULL, v);
	if (json_parse(&a, sb_str(&once), once.len, &limits, &again, &e) < 0)
		abort();
	jw_value(&w2, NULL, again);
	if (once.len != twice.len || memcmp(sb_str(&once), sb_str(&twice), once.len) != 0)
		abort();
	return 0;
}

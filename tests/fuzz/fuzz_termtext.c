/* What commands of a build say, as it is shown on a terminal (cmd/tare/termtext.c): nothing in it may act upon the terminal,
 * and nothing may be wider than was asked for. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "cmd/tare/termtext.h"

#define MOST_LINES 5U

static void check_clean(const char *text, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		unsigned char c = (unsigned char)text[i];

		/* C1 control characters are C2 80 to C2 9F */
		if (c < 0x20 || c == 0x7f || (c == 0xc2 && (unsigned char)text[i + 1] < 0xa0))
			abort();
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	CLEANUP_STRBUF struct strbuf line = STRBUF_INIT, tail = STRBUF_INIT;
	const char *text = (const char *)data;
	size_t used, n, lines = 0;

	if (!size)
		return 0;
	n = memchr(text, '\n', size) ? (size_t)((const char *)memchr(text, '\n', size) - text) : size;
	termtext_clean(text, n, &line);
	check_clean(sb_str(&line), line.len);
	for (size_t columns = 0; columns < 20; columns++) {
		n = termtext_fit(sb_str(&line), line.len, columns, &used);
		if (n > line.len || used > columns || (n < line.len && used + 2 <= columns))
			abort();
	}
	termtext_tail(text, size, MOST_LINES, &tail);
	for (const char *p = sb_str(&tail); *p; lines++) {
		n = strcspn(p, "\n");
		if (p[n] != '\n' || strspn(p, " ") >= n)
			abort();
		check_clean(p, n);
		p += n + 1;
	}
	if (lines > MOST_LINES)
		abort();
	return 0;
}

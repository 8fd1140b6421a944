#include "base/csv.h"

#include <stdbool.h>

const char *csv_next(const char *s, struct strbuf *out)
{
	bool quoted = *s == '"';

	sb_reset(out);
	s += quoted;
	while (*s && (quoted || *s != ',')) {
		if (quoted && *s == '"') {
			if (s[1] != '"') {
				quoted = false;
				s++;
				continue;
			}
			s++;
		}
		sb_putc(out, *s++);
	}
	return quoted ? NULL : s;
}

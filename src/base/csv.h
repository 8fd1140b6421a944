/* A line of comma-separated values, RFC 4180: in double quotes a field may have commas, and "" is a quote. */
#ifndef TARE_BASE_CSV_H
#define TARE_BASE_CSV_H

#include "base/strbuf.h"

/* The field that s begins with, into out. Behind it: at the comma or the end; NULL: a quote is open. */
const char *csv_next(const char *s, struct strbuf *out);

#endif

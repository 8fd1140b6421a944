/* Lists for people and programs: the same rows as an aligned table, as one JSON object per line, or as bare ids. */
#ifndef TARE_CMD_TARE_TABLE_H
#define TARE_CMD_TARE_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/strbuf.h"

struct table_column {
	const char *title; /* NULL: only in JSON */
	const char *key;   /* in JSON */
	bool values;       /* the cell is a JSON object of texts, which templates alone can ask: {{.Label "name"}} */
};

struct table {
	struct arena *a;
	const struct table_column *columns;
	size_t n_columns;
	const char *const **rows; /* each n_columns cells */
	size_t n_rows, cap;
};

#define TABLE(arena, cols) { .a = (arena), .columns = (cols), .n_columns = ARRAY_LEN(cols) }

/* cells: n_columns strings that live as long as the arena. */
void table_add(struct table *t, const char *const *cells);

/* format: NULL or "table", "json", or a template (cmd/tare/template.h), a line for each row; with "table " before it under a line of titles,
 * its tabs making columns (docker's "Format command and log output"). quiet: the first column alone, no title. */
int table_write(const struct table *t, const char *format, bool quiet, struct strbuf *out, struct err *e) MUST_CHECK;

/* The rows as an array of what JSON has of them. */
void table_write_array(const struct table *t, struct strbuf *out);

/* Cells (times: api/docker/times.h). */
struct json;
const char *table_values(struct arena *a, const struct json *object); /* for a column of values; NULL: of none */
const char *table_labels(struct arena *a, const struct json *labels); /* "a=1,b=2", as docker has them; NULL: none */
const char *table_size(struct arena *a, uint64_t bytes);
const char *table_cut(struct arena *a, const char *text, size_t width); /* with "…" where it is longer */
const char *table_command(struct arena *a, const char *command, bool whole); /* in double quotes, as Go quotes; cut after 20 */

#endif

#include "cmd/tare/pruned.h"

#include <string.h>

#include "cmd/tare/table.h"
#include "cmd/tare/tare.h"

static const struct {
	const char *kind, *heading, *before; /* before: what a line begins with */
} rows[] = {
	{ "container", "Deleted Containers:", "" }, { "network", "Deleted Networks:", "" },	  { "volume", "Deleted Volumes:", "" },
	{ "image", "Deleted Images:", "deleted: " }, { "untagged", "Deleted Images:", "untagged: " },
};

static const char *heading; /* that stands; NULL: none */

void pruned_say(const char *kind, const char *what, void *data)
{
	size_t i = 0;

	(void)data;
	while (i + 1 < ARRAY_LEN(rows) && strcmp(rows[i].kind, kind) != 0)
		i++;
	if (!heading || strcmp(heading, rows[i].heading) != 0) {
		pruned_end();
		heading = rows[i].heading;
		tare_say("%s", heading);
	}
	tare_say("%s%s", rows[i].before, what);
}

void pruned_end(void)
{
	if (heading)
		tare_say("%s", "");
	heading = NULL;
}

void pruned_total(struct arena *a, uint64_t bytes)
{
	pruned_end();
	tare_say("Total reclaimed space: %s", table_size(a, bytes));
}

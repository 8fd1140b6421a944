/* One container in a list, as the API has it. */
#ifndef TARE_API_DOCKER_CONTAINER_VIEW_H
#define TARE_API_DOCKER_CONTAINER_VIEW_H

#include "api/docker/container_filter.h"
#include "base/json.h"

/* Where in the text of one that part stands which is another at each look, from the comma on; and whether the rest comes of the catalog alone. */
struct summary_marks {
	size_t begin, end;
	bool of_catalog;
};
/* An object; s with its configuration. size: what it takes, too, for which its files are walked. marks may be NULL. */
int container_write_summary(const struct engine *en, struct arena *a, const struct seen *s, bool size, struct json_writer *w, struct summary_marks *marks,
			    struct err *e) MUST_CHECK;
/* That part. */
void container_write_condition(struct arena *a, const struct seen *s, struct json_writer *w);

#endif

/* What inspect says of a volume, in Docker's words; volumes in a list. */
#ifndef TARE_API_DOCKER_INSPECT_VOLUME_H
#define TARE_API_DOCKER_INSPECT_VOLUME_H

#include "base/json.h"
#include "engine/volume.h"

/* One object. ERR_NOTFOUND: there is no such volume. */
int inspect_volume(const struct engine *en, struct arena *a, const char *what, struct json_writer *w, struct err *e) MUST_CHECK;
/* Of one that was found. usage: with what it takes, for which its files are walked, and how many containers have it. */
void inspect_volume_write(const struct engine *en, struct arena *a, const struct volume *v, bool usage, struct json_writer *w);

#define VOLUME_FILTER_KEYS "anonymous dangling driver label name"
/* All that pass the filters (api/docker/filters.h). */
int volumes_listed(const struct engine *en, struct arena *a, struct strv filters, struct volume **out, size_t *n, struct err *e) MUST_CHECK;

#endif

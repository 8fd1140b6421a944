/* Between migrate.c, which asks and lists, and migrate_image.c and migrate_volume.c. */
#ifndef TARE_ENGINE_MIGRATE_IMPL_H
#define TARE_ENGINE_MIGRATE_IMPL_H

#include "base/json.h"
#include "engine/migrate.h"
#include "image/registry.h"

struct migration {
	const struct engine *en;
	const struct migrate_args *args;
	struct arena *a;
	struct migrated *done;
	const char *program; /* tare-transfer */
	struct transfer_endpoint dockerd;
	const struct json *containers; /* NULL: not known */
};

void migrate_say(const struct migration *m, const char *fmt, ...) PRINTF_LIKE(2, 3);
/* Of one thing; the migration goes on. */
void migrate_failed(const struct migration *m, const char *what, const struct err *why);

/* One of Docker's list of images. */
void migrate_image(struct migration *m, const struct json *image);
/* One of its list of volumes; or of a folder that was looked through, with a name and options alone. */
void migrate_volume(struct migration *m, const struct json *volume);

#endif

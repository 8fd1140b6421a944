/* What a container's monitor found out about its health (monitor/health.h). */
#ifndef TARE_ENGINE_HEALTH_H
#define TARE_ENGINE_HEALTH_H

#include <stdbool.h>

#include "base/arena.h"
#include "base/json.h"
#include "engine/config.h"
#include "engine/engine.h"

/* Whether it is checked at all. */
bool health_is_checked(const struct ct_config *config);
/* Docker's object, {"Status","FailingStreak","Log"}: of the last start; NULL when there is none yet. */
const struct json *health_read(const struct engine *en, struct arena *a, const char *id);
/* Of one that is checked: starting, healthy, unhealthy. */
const char *health_word(const struct engine *en, struct arena *a, const char *id);
/* none, starting, healthy, unhealthy. */
const char *health_status(const struct engine *en, struct arena *a, const char *id, const struct ct_config *config);

/* The monitor's word that it is another now: told as an event. */
int health_changed(const struct engine *en, const char *id, const char *status, struct err *e) MUST_CHECK;

#endif

/* What people see of a push, and of a copy to a registry. */
#ifndef TARE_CMD_TARE_PUSH_H
#define TARE_CMD_TARE_PUSH_H

#include "base/arena.h"
#include "cmd/tare/progress.h"
#include "image/push.h"

struct push_shown {
	struct progress progress;
	struct arena *arena;
};

/* An image_push_fn; data is a struct push_shown. */
void push_on_step(const struct image_push_step *step, void *data);

#endif

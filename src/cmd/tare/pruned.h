/* What the commands that prune print: under a heading for each kind of thing, as docker has them, what went; and how much space that was. */
#ifndef TARE_CMD_TARE_PRUNED_H
#define TARE_CMD_TARE_PRUNED_H

#include <stdint.h>

#include "base/arena.h"

/* One thing: kind "container", "network", "volume", "image" or "untagged" (an image's name). Things of one kind come together. data is not looked at
 * (prune_fn of engine/usage.h). */
void pruned_say(const char *kind, const char *what, void *data);
/* Ends the last kind's, if anything went. */
void pruned_end(void);
/* The last line. */
void pruned_total(struct arena *a, uint64_t bytes);

#endif

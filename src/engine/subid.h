/* The ids that are set aside for a user, subuid(5): lines "WHO:FIRST:COUNT", WHO a name or a uid. */
#ifndef TARE_ENGINE_SUBID_H
#define TARE_ENGINE_SUBID_H

#include <stddef.h>
#include <stdint.h>

#include "sys/idmap.h"

/* The map of the user's own user namespace by the text of one of these files: 0 is own, and from 1 on come the ranges of name (may be
 * NULL) or uid, in their order; at most max ranges. Lines that are none, and ranges that overlap one before or hold own, are passed over.
 * Gives how many there are: 1 when nothing is set aside. */
size_t subid_map(const char *text, const char *name, uint32_t uid, uint32_t own, struct idmap_range *out, size_t max);

#endif

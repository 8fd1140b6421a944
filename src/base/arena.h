/* Memory that is freed as a whole: one arena per request for parsed JSON and the specifications made of it.
 * Allocations are zeroed and aligned for any type. Failure is sticky: NULL now means arena_error() is -ENOMEM. */
#ifndef TARE_BASE_ARENA_H
#define TARE_BASE_ARENA_H

#include <stdbool.h>
#include <stddef.h>

#include "base/cleanup.h"

struct arena_chunk;
struct arena {
	struct arena_chunk *head;
	bool failed;
};

#define ARENA_INIT { NULL, false }
#define CLEANUP_ARENA CLEANUP(arena_free)

void *arena_alloc(struct arena *a, size_t size);
/* n * size, overflow-checked. */
void *arena_array(struct arena *a, size_t n, size_t size);
/* An array of n elements of this size with room for one more: v, or a copy in twice the room (*cap elements, from 16 on).
 * NULL: no memory; v is as it was. */
void *arena_grow(struct arena *a, void *v, size_t n, size_t *cap, size_t size);
char *arena_strdup(struct arena *a, const char *s);
char *arena_strndup(struct arena *a, const char *s, size_t len);
char *arena_printf(struct arena *a, const char *fmt, ...) PRINTF_LIKE(2, 3);
/* Empties it for what comes next, keeping memory for as much again. */
void arena_reset(struct arena *a);
void arena_free(struct arena *a);
/* arena_free() of one that held secrets: they are overwritten first. */
void arena_wipe(struct arena *a);
#define CLEANUP_SECRETS CLEANUP(arena_wipe)

static inline int arena_error(const struct arena *a)
{
	return a->failed ? -ENOMEM : 0;
}

#define arena_new(a, type) ((type *)arena_alloc((a), sizeof(type)))

#endif

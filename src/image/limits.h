/* What an archive may ask of us before it is refused. One row each in limits.c: the option that raises it, its name in
 * the worker's request, its default. The defaults are far above real images and far below what hurts a machine. */
#ifndef TARE_IMAGE_LIMITS_H
#define TARE_IMAGE_LIMITS_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

struct image_limits {
	uint64_t unpacked_bytes; /* of all layers together */
	uint64_t ratio;          /* unpacked : packed of one layer, once it is above 256 MiB */
	uint64_t file_bytes;     /* one file's size, holes included */
	uint64_t entries;        /* of one layer */
	uint64_t density;        /* entries per MiB of packed layer, above 50,000 of them; 8 bytes not packed count as 1 */
	uint64_t devices;        /* device nodes of one layer; 0 = none may be made */
	uint64_t depth;          /* components of one path */
};

struct image_limit_row {
	const char *key;  /* "entries": the option is --limit entries=N */
	size_t offset;    /* of the uint64_t in struct image_limits */
	uint64_t deflt;
	const char *help;
};
extern const struct image_limit_row image_limit_rows[];
extern const size_t image_limit_count;

void image_limits_default(struct image_limits *l);

/* "entries=2000000", "unpacked=500g", "ratio=5000": one --limit option's value. */
int image_limits_set(struct image_limits *l, const char *assignment, struct err *e) MUST_CHECK;

static inline uint64_t *image_limit_at(struct image_limits *l, const struct image_limit_row *row)
{
	return (uint64_t *)(void *)((char *)l + row->offset);
}

#endif

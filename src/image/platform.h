/* Platforms as images name them: "linux/amd64", "linux/arm/v7" (Go's names, OCI image-index). */
#ifndef TARE_IMAGE_PLATFORM_H
#define TARE_IMAGE_PLATFORM_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"

struct platform {
	char os[32], arch[32], variant[16]; /* variant "" where none matters */
};

#define PLATFORM_TEXT_LEN 84

/* This machine's. */
void platform_host(struct platform *out);
/* "os/arch[/variant]", "arch" or "os"; also the kernel's and Debian's names of architectures. What nobody has heard of is ERR_INVALID. */
int platform_parse(const char *text, struct platform *out, struct err *e) MUST_CHECK;
/* Normalised from an image's three fields (NULL = absent). */
void platform_make(const char *os, const char *arch, const char *variant, struct platform *out);
const char *platform_text(const struct platform *p, char out[PLATFORM_TEXT_LEN]);

/* How well an image for `have` runs where `want` is wanted: 0 not at all; the higher the better. A lower variant runs
 * on a higher one's machine (arm v5 to v8, amd64 v1 to v4). */
int platform_match(const struct platform *want, const struct platform *have);

#endif

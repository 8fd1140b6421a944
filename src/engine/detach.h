/* Detach keys: a sequence typed into a terminal that means "leave the container running". Bytes in, bytes out. */
#ifndef TARE_ENGINE_DETACH_H
#define TARE_ENGINE_DETACH_H

#include <stdbool.h>
#include <stddef.h>

#include "base/cleanup.h"

#define DETACH_MAX 16

struct detach {
	unsigned char keys[DETACH_MAX];
	size_t n, matched; /* matched: how many have been typed and are held back */
};

/* "ctrl-p,ctrl-q"; "a,b"; NULL = ctrl-p,ctrl-q; "" = none. -EINVAL for anything else. */
int detach_init(struct detach *d, const char *keys) MUST_CHECK;

/* Passes len bytes on to out (room for len + DETACH_MAX), without the keys; true when they were typed whole. */
bool detach_feed(struct detach *d, const char *in, size_t len, char *out, size_t *out_len);

#endif

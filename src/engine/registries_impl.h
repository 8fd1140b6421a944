/* Between registries.c, which reads, and registries_resolve.c. */
#ifndef TARE_ENGINE_REGISTRIES_IMPL_H
#define TARE_ENGINE_REGISTRIES_IMPL_H

#include "engine/registries.h"

/* A location, or a domain, taken apart. */
struct location {
	const char *socket;  /* NULL: none */
	const char *domain;  /* "host:5000"; "" of a socket */
	const char *host;    /* "host"; an address of IPv6 in [] */
	unsigned int port;   /* 0: the scheme's */
	const char *path;    /* without slashes around it; "" without */
};

/* ERR_INVALID: it is none; the message does not repeat it. */
int location_parse(struct arena *a, const char *text, struct location *out, struct err *e) MUST_CHECK;

/* What registries_add() was told of it. */
bool registries_are_insecure(const struct registries *regs, const struct location *l);

#endif

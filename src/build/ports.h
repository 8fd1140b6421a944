/* The ports of EXPOSE. */
#ifndef TARE_BUILD_PORTS_H
#define TARE_BUILD_PORTS_H

#include "build/split.h"

/* Words "PORT[-PORT][/tcp|udp|sctp]" as "80/tcp" each, in order of their numbers and each once. Docker takes an address
 * and a port of the host before them, "[IP:][PORT]:PORT", which EXPOSE has no use for; so does this, as long as they
 * are such. ERR_INVALID. */
int df_ports(struct arena *a, const struct df_list *words, struct df_list *out, struct err *e) MUST_CHECK;

#endif

/* The network of an ordinary user's container, as the engine sees it (net/usernet.h): a program per container, no rows but its ports. */
#ifndef TARE_ENGINE_USERNET_H
#define TARE_ENGINE_USERNET_H

#include "base/json.h"
#include "base/strbuf.h"
#include "engine/engine.h"

#define USERNET_TUN "/dev/net/tun"

/* Whether the program is where a monitor looks for it. */
bool usernet_installed(const char *program);

struct net_usernet;
/* What a container has, without its ports; *out NULL: none of these. */
int usernet_read(const struct engine *en, struct arena *a, const char *id, const struct net_usernet **out, struct err *e) MUST_CHECK;

/* Before a start: the container's hosts and resolv.conf, and the program with its ports into the description. config: config.h's; a
 * container with another network, or none, is let alone. */
int usernet_connect(const struct engine *en, struct arena *a, const char *id, const struct json *config, struct strbuf *description,
		    struct err *e) MUST_CHECK;

/* After its end: waits until the program has gone, and with it the host's ports. */
void usernet_await_end(const struct engine *en, const char *id);

#endif

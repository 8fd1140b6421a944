/* Whether anybody is there, and what he can: the first request of every client. */
#include "api/docker/routes.h"

static int ping(struct exchange *ex, struct err *e)
{
	/* 1: the classic POST /build; buildx' own protocol is not spoken */
	ex_add_header(ex, "Builder-Version", "1");
	ex_add_header(ex, "Swarm", "inactive");
	ex_add_header(ex, "Cache-Control", "no-cache, no-store, must-revalidate");
	ex_add_header(ex, "Pragma", "no-cache");
	return ex_method(ex)[0] == 'H' ? ex_text(ex, 200, "text/plain; charset=utf-8", "", e) : ex_text(ex, 200, "text/plain; charset=utf-8", "OK", e);
}

const struct route docker_ping_routes[] = {
	{ "HEAD", "/_ping", ping, ROUTE_PUBLIC, "whether the server is there: the headers alone" },
	{ "GET", "/_ping", ping, ROUTE_PUBLIC, "whether the server is there" },
	{ 0 },
};

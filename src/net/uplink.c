#include "net/uplink.h"

#include <fcntl.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include "base/io.h"

#define ROUTES "/proc/thread-self/net/route"
#define ROUTES_MAX (16U << 20)

struct route {
	char device[IFNAMSIZ];
	struct ip_net to;
};

/* "eth0 0000A8C0 00000000 0001 0 0 0 00FFFFFF …": numbers as they are in memory. False: the heading, or no route. */
static bool parse_line(const char *line, struct route *out)
{
	unsigned int to, mask;

	*out = (struct route){ .to.ip.len = 4 };
	if (sscanf(line, "%15s %8x %*x %*x %*d %*d %*d %8x", out->device, &to, &mask) != 3)
		return false;
	memcpy(out->to.ip.bytes, &to, 4);
	out->to.prefix = (unsigned char)__builtin_popcount(mask);
	return true;
}

typedef bool (*route_fn)(const struct route *r, void *data); /* true: enough */

static bool each_route(route_fn fn, void *data)
{
	CLEANUP_FREE char *text = NULL;
	char *rest = NULL;

	if (io_read_file(AT_FDCWD, ROUTES, ROUTES_MAX, &text, NULL) < 0)
		return false;
	for (char *line = strtok_r(text, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest)) {
		struct route r;

		if (parse_line(line, &r) && fn(&r, data))
			return true;
	}
	return false;
}

static bool leads_there(const struct route *r, void *data)
{
	return r->to.prefix > 0 && ip_net_overlap(&r->to, data);
}

bool uplink_has_route(const struct ip_net *net)
{
	struct ip_net copy = *net;

	return each_route(leads_there, &copy);
}

static bool is_default(const struct route *r, void *data)
{
	if (r->to.prefix)
		return false;
	(void)snprintf(data, IFNAMSIZ, "%s", r->device);
	return true;
}

uint32_t uplink_mtu(void)
{
	struct ifreq q = { 0 };
	CLEANUP_FD int fd = -1;

	if (!each_route(is_default, q.ifr_name))
		return 0;
	fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	return fd >= 0 && ioctl(fd, SIOCGIFMTU, &q) == 0 && q.ifr_mtu > 0 ? (uint32_t)q.ifr_mtu : 0;
}

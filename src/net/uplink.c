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
#define ROUTES6 "/proc/thread-self/net/ipv6_route"
#define ROUTES_MAX (16U << 20)

struct route {
	char device[IFNAMSIZ];
	struct ip_net to;
};

/* "fd00…32 digits 40 0…0 00 via… metric refs use flags eth0"; what leads nowhere (lo) is no route. */
static bool parse_line6(const char *line, struct route *out)
{
	unsigned int prefix;

	*out = (struct route){ .to.ip.len = 16 };
	for (size_t i = 0; i < 16; i++)
		if (strnlen(line, 32) < 32 || sscanf(line + 2 * i, "%2hhx", &out->to.ip.bytes[i]) != 1)
			return false;
	if (sscanf(line + 32, " %2x %*s %*s %*s %*s %*s %*s %*s %15s", &prefix, out->device) != 2)
		return false;
	out->to.prefix = (unsigned char)prefix;
	return strcmp(out->device, "lo") != 0;
}

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

static bool each_route(const char *path, route_fn fn, void *data)
{
	bool six = strcmp(path, ROUTES6) == 0;
	CLEANUP_FREE char *text = NULL;
	char *rest = NULL;

	if (io_read_file(AT_FDCWD, path, ROUTES_MAX, &text, NULL) < 0)
		return false;
	for (char *line = strtok_r(text, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest)) {
		struct route r;

		if ((six ? parse_line6(line, &r) : parse_line(line, &r)) && fn(&r, data))
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

	return each_route(net->ip.len == 16 ? ROUTES6 : ROUTES, leads_there, &copy);
}

struct visit {
	uplink_route_fn fn;
	void *data;
};

static bool visit(const struct route *r, void *data)
{
	const struct visit *v = data;

	return v->fn(&r->to, r->device, v->data);
}

bool uplink_each_route(bool v6, uplink_route_fn fn, void *data)
{
	struct visit v = { fn, data };

	return each_route(v6 ? ROUTES6 : ROUTES, visit, &v);
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

	if (!each_route(ROUTES, is_default, q.ifr_name))
		return 0;
	fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	return fd >= 0 && ioctl(fd, SIOCGIFMTU, &q) == 0 && q.ifr_mtu > 0 ? (uint32_t)q.ifr_mtu : 0;
}

bool uplink_has_ipv6(void)
{
	CLEANUP_FD int fd = open("/proc/sys/net/ipv6/conf/all/disable_ipv6", O_RDONLY | O_CLOEXEC);
	char off[4] = "";

	return fd >= 0 && io_read_text(fd, off, sizeof(off)) > 0 && off[0] == '0';
}

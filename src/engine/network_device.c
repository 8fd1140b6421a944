/* What stands for a network on the host: a bridge, also for the default network, whose bridge has no ports and is there to hold the
 * gateway's address; elements of the firewall; the right of packets to pass through the host.
 *
 * A direct network (macvlan, ipvlan) lies on a device of the host's, about which nothing is changed. Without one, on a bridge of its own
 * that leads nowhere: its containers have each other. */
#include <dirent.h>
#include <fcntl.h>
#include <linux/ip.h>
#include <stdio.h>
#include <string.h>

#include "base/io.h"
#include "base/log.h"
#include "engine/network.h"
#include "engine/strays.h"
#include "net/uplink.h"
#include "sys/rtnl.h"

#define FORWARD4 "/proc/sys/net/ipv4/ip_forward"
#define CONF6 "/proc/sys/net/ipv6/conf"

void network_elements(const struct firewall *fw, struct nl_batch *q, bool add, const struct network *n)
{
	const struct firewall_network f = { .id = n->id, .group = firewall_group(fw, n->number), .subnet = n->subnet, .gateway = n->gateway,
					    .subnet6 = n->subnet6, .gateway6 = n->gateway6, .internal = n->internal };

	if (!network_is_direct(n))
		firewall_network(fw, q, add, &f);
}

uint32_t network_mtu(const struct network *n)
{
	return n->mtu || network_is_direct(n) ? n->mtu : uplink_mtu();
}

/* ---- forwarding ---- */

/* The first character of a setting; 0: it is not there. */
static char setting(int dir, const char *path)
{
	CLEANUP_FD int fd = openat(dir, path, O_RDONLY | O_CLOEXEC);
	char now[4] = "";

	return fd >= 0 && io_read_text(fd, now, sizeof(now)) > 0 ? now[0] : '\0';
}

/* 1: it was off. */
static int switch_on(const char *path, const char *name, struct err *e)
{
	int r;

	if (setting(AT_FDCWD, path) == '1')
		return 0;
	r = io_write_value(AT_FDCWD, path, "1");
	return r < 0 ? err_errno(e, r, "%s", name) : 1;
}

/* A host that forwards does not listen to routers any more, unless it is told to (accept_ra 2), and would lose its own way out. */
static void keep_listening(void)
{
	CLEANUP_DIR DIR *d = opendir(CONF6);
	struct dirent *entry;

	while (d && (entry = readdir(d))) {
		char path[sizeof(entry->d_name) + 16];
		int r;

		(void)snprintf(path, sizeof(path), "%s/accept_ra", entry->d_name);
		r = setting(dirfd(d), path) == '1' ? io_write_value(dirfd(d), path, "2") : 0;
		if (r < 0)
			log_warning("net.ipv6.conf.%s.accept_ra: %s", entry->d_name, strerror(-r));
	}
}

static int forward6(struct err *e)
{
	char now = setting(AT_FDCWD, CONF6 "/all/forwarding");
	int r;

	if (!now)
		return err_set(e, ERR_UNSUPPORTED, "this machine has no IPv6, which the network has");
	if (now == '0')
		keep_listening();
	r = switch_on(CONF6 "/all/forwarding", "net.ipv6.conf.all.forwarding", e);
	if (r > 0)
		log_info("net.ipv6.conf.all.forwarding is on now, and accept_ra of devices that listened to routers is 2");
	return r < 0 ? r : 0;
}

static int let_forward(const struct network *n, struct err *e)
{
	int r = switch_on(FORWARD4, "net.ipv4.ip_forward", e);

	if (r > 0)
		log_info("net.ipv4.ip_forward is on now: containers reach the world through this machine");
	return r < 0 || !n->subnet6.ip.len ? r < 0 ? r : 0 : forward6(e);
}

/* ---- devices ---- */

/* Its own link-local address, which takes a second or two to be sure that nobody else has it, until when the host's other addresses find no
 * neighbour there, is not wanted; a network with IPv6 gets one that is ready at once. */
static void no_own_ipv6(int sock, int index)
{
	CLEANUP_NL struct nl_batch q = NL_BATCH_INIT;

	rtnl_set_no_ipv6(&q, index);
	if (nl_exchange(sock, &q, NULL, NULL, NULL) < 0)
		log_debug("this kernel has no IPv6");
}

static int add_addresses(int sock, int index, const struct network *n, struct err *e)
{
	static const struct ip link_local = { .len = 16, .bytes = { 0xfe, 0x80, [15] = 1 } };
	CLEANUP_NL struct nl_batch q = NL_BATCH_INIT;
	int r;

	no_own_ipv6(sock, index);
	rtnl_add_address(&q, index, &n->gateway, n->subnet.prefix, false);
	rtnl_set_inet(&q, index, IPV4_DEVCONF_ROUTE_LOCALNET, 1);
	if (n->subnet6.ip.len) {
		rtnl_add_address(&q, index, &n->gateway6, n->subnet6.prefix, false);
		rtnl_add_address(&q, index, &link_local, 64, false);
	}
	r = nl_exchange(sock, &q, NULL, NULL, NULL);
	if (r == -EACCES && n->subnet6.ip.len)
		return err_set(e, ERR_UNSUPPORTED, "give %s its address: IPv6 is switched off on this machine (net.ipv6.conf.default.disable_ipv6)", n->device);
	return r < 0 ? err_errno(e, r, "give %s its address", n->device) : let_forward(n, e);
}

/* The group comes last: a device without it is not finished, and whoever comes next does that. */
static int finish_device(int sock, int index, uint32_t group, const struct network *n, struct err *e)
{
	CLEANUP_NL struct nl_batch q = NL_BATCH_INIT;
	int r = add_addresses(sock, index, n, e);

	if (r < 0)
		return r;
	rtnl_set_group(&q, index, group);
	r = nl_exchange(sock, &q, NULL, NULL, NULL);
	return r < 0 ? err_errno(e, r, "give %s its group", n->device) : 1;
}

/* Its index. */
static int make_device(int sock, const struct network *n, struct err *e)
{
	CLEANUP_NL struct nl_batch q = NL_BATCH_INIT;
	int r, index;

	rtnl_add_bridge(&q, n->device, 0, network_mtu(n));
	r = nl_exchange(sock, &q, NULL, NULL, NULL);
	index = r < 0 && r != -EEXIST ? r : rtnl_index(sock, n->device);
	return index < 0 ? err_errno(e, index, "make the network's device %s", n->device) : index;
}

/* No device is made for a network that names one, be it a VLAN's (Docker makes those): how one does that is said. */
int network_check_parent(const struct network *n, struct err *e)
{
	CLEANUP_FD int sock = *n->parent ? nl_open(NETLINK_ROUTE) : -1;
	int index = !*n->parent || sock < 0 ? sock : rtnl_index(sock, n->parent);
	const char *dot = strrchr(n->parent, '.');

	if (!*n->parent || index >= 0)
		return 0;
	if (index != -ENODEV)
		return err_errno(e, index, "look for %s", n->parent);
	if (dot && dot[1] && dot[1 + strspn(dot + 1, "0123456789")] == '\0')
		return err_set(e, ERR_NOTFOUND, "--opt parent=%s: this machine has no device %s: make it: ip link add link %.*s name %s type vlan id %s",
			       n->parent, n->parent, (int)(dot - n->parent), n->parent, n->parent, dot + 1);
	return err_set(e, ERR_NOTFOUND, "--opt parent=%s: this machine has no device %s (ip link lists them)", n->parent, n->parent);
}

/* Somebody has switched it off since it was switched on, with the network's device: it is his word, and he is told what it
 * costs. */
static void warn_of_forwarding(const struct network *n)
{
	if (n->internal)
		return;
	if (setting(AT_FDCWD, FORWARD4) == '0')
		log_warning("net.ipv4.ip_forward is off: containers of network %s reach nothing beyond this machine, and nobody reaches their ports: "
			    "sysctl -w net.ipv4.ip_forward=1", n->name);
	if (n->subnet6.ip.len && setting(AT_FDCWD, CONF6 "/all/forwarding") == '0')
		log_warning("net.ipv6.conf.all.forwarding is off: containers of network %s reach nothing beyond this machine by IPv6: "
			    "sysctl -w net.ipv6.conf.all.forwarding=1", n->name);
}

int network_up(const struct engine *en, const struct network *n, struct err *e)
{
	const char *device = *n->parent ? n->parent : n->device;
	CLEANUP_FD int sock = nl_open(NETLINK_ROUTE);
	uint32_t group = 0, wanted;
	int index = sock < 0 ? sock : rtnl_group(sock, device, &group);
	struct firewall fw;

	network_firewall(en, &fw);
	wanted = firewall_group(&fw, n->number);
	if (index == -ENODEV && *n->parent)
		return err_set(e, ERR_NOTFOUND, "network %s: this machine has no device %s (ip link lists them)", n->name, n->parent);
	if (index < 0 && index != -ENODEV)
		return err_errno(e, index, "look for %s", device);
	if (!network_is_direct(n) && (index < 0 || group != wanted) && strays_sweep(en, false, e) < 0)
		return e->code;
	if (index < 0)
		index = make_device(sock, n, e);
	if (index >= 0 && !network_is_direct(n) && group == wanted)
		warn_of_forwarding(n);
	if (index < 0 || network_is_direct(n) || group == wanted)
		return index < 0 ? index : 0;
	return finish_device(sock, index, wanted, n, e);
}

void network_down(const struct engine *en, const struct network *n)
{
	CLEANUP_NL struct nl_batch q = NL_BATCH_INIT;
	CLEANUP_FD int sock = nl_open(NETLINK_ROUTE);
	int index = sock < 0 ? sock : rtnl_index(sock, n->device), r = 0;
	struct firewall fw;

	network_firewall(en, &fw);
	if (!network_is_direct(n)) {
		firewall_begin(&q);
		network_elements(&fw, &q, false, n);
		if (firewall_commit(&q) < 0)
			log_debug("network %s had no rules", n->name);
	}
	if (index > 0) {
		rtnl_del_link(&q, index);
		r = nl_exchange(sock, &q, NULL, NULL, NULL);
	}
	if (r < 0 && r != -ENODEV)
		log_warning("device %s of network %s: %s", n->device, n->name, strerror(-r));
}

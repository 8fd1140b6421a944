/* Moving a network device into another network namespace, by rtnetlink(7). */
#ifndef TARE_SYS_NETDEV_H
#define TARE_SYS_NETDEV_H

#include "base/cleanup.h"
#include "base/err.h"

/* Moves device `name` of our network namespace into the one fd `netns` refers to, named new_name there (NULL: the same),
 * and sets it up. Its MTU and hardware address stay; so do its global addresses of both families that somebody has
 * configured, which the kernel would drop. Other addresses are bound to where it was. ERR_NOTFOUND, ERR_CONFLICT
 * (the name is taken there). When it fails after the move the device stays
 * in netns. Single-threaded callers only: the calling thread enters netns for a moment. */
int netdev_move(const char *name, int netns, const char *new_name, struct err *e) MUST_CHECK;

#endif

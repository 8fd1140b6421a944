/* Addresses whose owner has gone while the kernel may still track connections of it. To forget them is a walk over the kernel's whole table, ten
 * milliseconds of a processor, for which nobody waits: the address is marked, a monitor that ends does the walk, and whoever is given a marked address
 * before that does it first. Where many end at the same time one of their monitors does it for all, a few times a second.
 *
 * A mark is a symbolic link in the folder "stale" of the state folder: ADDRESS -> ID of who had it. */
#ifndef TARE_NET_STALE_H
#define TARE_NET_STALE_H

#include <stdbool.h>

#include "base/ip.h"

#define STALE_FOLDER "stale"
#define STALE_LOCK "stale.lock" /* in the state folder; its time is the last walk's */

/* All of them: state is the state folder's descriptor. Errors are -errno. */
int stale_mark(int state, const struct ip *ip, const char *id) MUST_CHECK;
/* Before an address is used: forgets its connections if it is marked. */
int stale_forget(int state, const struct ip *ip) MUST_CHECK;
/* Those that id had. */
int stale_forget_of(int state, const char *id) MUST_CHECK;
/* A descriptor: it is the caller's turn to forget all there are; -EAGAIN: one is at it, and will look for those that were marked before now. */
int stale_turn(int state) MUST_CHECK;
/* Walks a few times a second at most, for as long as there are more. */
int stale_forget_all(int state, int turn) MUST_CHECK;
/* Those of whom lives() knows nothing: who had to forget them was killed. */
int stale_forget_orphans(int state, bool (*lives)(const void *data, const char *id), const void *data) MUST_CHECK;

#endif

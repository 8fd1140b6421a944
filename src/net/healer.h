/* What the programs that have to do with the healer (cmd/netd/healer.c) agree on. */
#ifndef TARE_NET_HEALER_H
#define TARE_NET_HEALER_H

/* In the state folder. Whoever is connected has a container in a network, and is told by the connection's end that the healer is gone. One
 * byte on it says that tare-netd has been started. */
#define HEALER_SOCKET "healer.sock"
#define HEALER_LOCK "healer.lock" /* flock, the healer's as long as it lives */
#define HEALING_LOCK "heal.lock"  /* flock of the one monitor that has it started */

/* What `tare internal heal` says by its exit code: nobody is in a network. */
#define HEALER_UNNEEDED 3

#endif

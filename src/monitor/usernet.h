/* The program that is an ordinary user's container's network (net/usernet.h), and the process that stays with it. */
#ifndef TARE_MONITOR_USERNET_H
#define TARE_MONITOR_USERNET_H

#include "net/usernet.h"

/* Held (flock) by that process as long as it is there: when it can be had, the ports are free again. */
#define USERNET_LOCK "usernet.lock"

/* Starts it for the network namespace of process pid (pidfd), and waits until it is ready, its ports too. state_dir: the container's. */
int usernet_start(const struct net_usernet *u, pid_t pid, int pidfd, int state_dir, struct err *e) MUST_CHECK;

/* `tare-monitor usernet PID`. Descriptors: 3 a JSON object (net_usernet_write), 4 where the answer goes, 5 the pidfd, 6 the state folder. */
int usernet_main(const char *pid);

#endif

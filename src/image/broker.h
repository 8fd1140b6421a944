/* Who connects tare-transfer to a registry on a unix socket. It is root's, and tare-transfer is nobody and makes no such sockets: what answers
 * it could otherwise send it to any other of root's. So a process of ours, which does nothing else, connects, only to the endpoints'
 * sockets, and hands the connections over. */
#ifndef TARE_IMAGE_BROKER_H
#define TARE_IMAGE_BROKER_H

#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"

struct broker {
	pid_t pid;
	int pidfd; /* owned; -1: none was started */
};
#define BROKER_INIT { 0, -1 }

/* paths: of each endpoint, NULL where it has none; n of them. *theirs: what the other side asks by (broker_dial()); the caller's. */
int broker_start(const char *const *paths, size_t n, struct broker *out, int *theirs, struct err *e) MUST_CHECK;
void broker_end(struct broker *b);

/* The other side: a connection to endpoint number's socket, or negative errno. One at a time. */
int broker_dial(int broker, uint32_t number) MUST_CHECK;

#endif

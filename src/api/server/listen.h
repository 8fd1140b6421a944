/* Sockets that a server listens on: unix sockets, TCP, or those of the service manager. */
#ifndef TARE_API_SERVER_LISTEN_H
#define TARE_API_SERVER_LISTEN_H

#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"
#include "base/err.h"

#define LISTEN_MAX 16

struct listener {
	const char *host; /* as it was asked for, a service manager's unix socket as "unix://PATH"; in the arena */
	int fd;
	bool tcp;
	bool given;       /* a service manager's */
	char *path;       /* of a unix socket that we made; removed with listen_close() */
	unsigned long long inode; /* its own, so that nobody else's is removed */
};

struct listeners {
	struct listener v[LISTEN_MAX];
	size_t n;
};

/* Opens all of hosts (NULL-terminated): "unix://PATH" and "PATH", "tcp://ADDRESS:PORT", "fd://". Unix sockets have mode 0660 and belong to group (NULL:
 * "docker" where the machine has one, else root's). tls: what comes by TCP is going to be TLS. ERR_BUSY: somebody listens there already. The service manager's descriptors are taken out of the environment. */
int listen_open(const char *const *hosts, const char *group, bool tls, struct arena *a, struct listeners *out, struct err *e) MUST_CHECK;
void listen_close(struct listeners *l);

/* Tells the service manager that we serve, or end ("READY=1"); nothing where there is none. */
void listen_notify(const char *what);
/* What the environment says of a service manager is for us alone: nothing that we start is to see it. */
void listen_forget_manager(void);

/* What a connection by TCP is to have: nothing is held back, and a client that is gone is found out (POLLHUP, POLLERR) while nothing is sent to it. */
int listen_set_tcp(int fd) MUST_CHECK;

#endif

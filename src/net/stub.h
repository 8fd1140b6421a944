/* The name server that a container sees: sockets at 127.0.0.11 in its network namespace, which tare-netd answers on. They lie on ports
 * that nobody has, and port 53 of that address leads there, so that a container's own name server can have its port 53. */
#ifndef TARE_NET_STUB_H
#define TARE_NET_STUB_H

#include "base/err.h"

#define STUB_ADDRESS "127.0.0.11"
#define STUB_SOCKET "netd.sock" /* tare-netd's, in the state folder; there while anybody has a name */
#define STUB_MESSAGE_LEN 66     /* a letter, an id, the NUL */
#define STUB_MISSING 32U        /* as many ids of 64 digits an answer has at most */
#define STUB_MISSING_LEN (STUB_MISSING * 64 + 1)

/* A connection to tare-netd, whose socket is in dirfd. Nobody waits for it for longer than two seconds: -EAGAIN. */
int net_stub_connect(int dirfd) MUST_CHECK;
/* A message to it (cmd/netd/main.c has them) and its answer: 0, -EINVAL when it could not do that, -ECONNRESET and -EAGAIN when it does not
 * answer. */
int net_stub_tell(int sock, const char *message, const int *fds, size_t n_fds) MUST_CHECK;
/* The table, in fd memfd. missing: the ids of those in it whose sockets it does not have, one behind the other. */
int net_stub_table(int sock, int memfd, char missing[STUB_MISSING_LEN]) MUST_CHECK;

/* Opens the sockets of container id in its network namespace, fd netns, and hands them over. Again for the same one: new ones take the
 * place of the old. Single-threaded callers only: the thread enters netns for a moment. */
int net_stub_give(int sock, const char *id, int netns, struct err *e) MUST_CHECK;

#endif

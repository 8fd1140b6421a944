/* The talk between the host side and the child: small fixed messages on a SOCK_SEQPACKET pair, descriptors along, and
 * errors as struct err. The end of the conversation is the child's exec, which closes its end. */
#ifndef TARE_RUNTIME_SYNC_H
#define TARE_RUNTIME_SYNC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

enum rt_msg {
	RT_MSG_MAPPED = 1, /* host: id maps are written */
	RT_MSG_TIMENS,     /* child: made its time namespace; host: its offsets are set */
	RT_MSG_ROOTFS,     /* host, fd: the root mount */
	RT_MSG_DEV,        /* host, fd: the tmpfs with the device nodes */
	RT_MSG_MOUNT,      /* host, arg index, fds: mounts of the specification, this one and those that follow it */
	RT_MSG_MOUNTED,    /* host: that was all it makes */
	RT_MSG_JOINED,     /* host: the child is in its cgroup */
	RT_MSG_READY,      /* child: everything is mounted, not pivoted; host: prestart and createRuntime hooks ran */
	RT_MSG_CONSOLE,    /* child, fd: pty master */
	RT_MSG_CREATED,    /* child: waits for start */
	RT_MSG_START,      /* host */
	RT_MSG_ERROR       /* child: it failed and ends */
};

/* The failure "the other side is gone": sets it (gives its code), asks for it. Why it went may still be to be read. */
int rt_gone(struct err *e, const char *who);
bool rt_is_gone(const struct err *e) MUST_CHECK;

/* When *e says that the other side is gone, or it is: why it went, where it left word, is of more use. */
void rt_last_word(int sock, struct err *e);

/* fd -1 = none (a copy is sent, the caller keeps its own). */
int rt_send(int sock, enum rt_msg type, uint32_t arg, int fd, struct err *e) MUST_CHECK;
#define RT_MAX_FDS 16U
int rt_send_fds(int sock, enum rt_msg type, uint32_t arg, const int *fds, size_t n_fds, struct err *e) MUST_CHECK;
/* The child's last word. */
void rt_send_error(int sock, const struct err *failure);

struct rt_received {
	enum rt_msg type;
	uint32_t arg;
	int fd;   /* owned, -1 = none */
	int more[RT_MAX_FDS - 1]; /* owned, those that came with fd */
	size_t n_more;
	bool eof; /* the other side closed; type is 0 */
};
void rt_received_close(struct rt_received *m);
/* The next message. A RT_MSG_ERROR becomes this function's failure, as the child said it. */
int rt_recv(int sock, struct rt_received *out, struct err *e) MUST_CHECK;
/* The next message, which must be of this type; fd NULL = it must have none. */
int rt_expect(int sock, enum rt_msg type, int *fd, struct err *e) MUST_CHECK;

#endif

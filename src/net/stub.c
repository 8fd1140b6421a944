#include "net/stub.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/ip.h"
#include "sys/nft.h"
#include "sys/ns.h"
#include "sys/sock.h"

#define TABLE "tare-names"
#define BACKLOG 16
#define PATIENCE_SECONDS 2

/* At a free port. */
static int open_at(const struct ip *ip, int type, uint16_t *port)
{
	struct sockaddr_in sa = { .sin_family = AF_INET };
	socklen_t len = sizeof(sa);
	CLEANUP_FD int fd = socket(AF_INET, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	memcpy(&sa.sin_addr, ip->bytes, 4);
	if (fd < 0 || bind(fd, (struct sockaddr *)&sa, sizeof(sa)) < 0 || (type == SOCK_STREAM && listen(fd, BACKLOG) < 0) ||
	    getsockname(fd, (struct sockaddr *)&sa, &len) < 0)
		return -errno;
	*port = ntohs(sa.sin_port);
	return take_fd(&fd);
}

static int open_all(const struct ip *ip, int *udp, int *tcp, int *rules)
{
	CLEANUP_NL struct nl_batch q = NL_BATCH_INIT;
	uint16_t udp_port = 0, tcp_port = 0;

	*udp = open_at(ip, SOCK_DGRAM, &udp_port);
	*tcp = *udp < 0 ? -1 : open_at(ip, SOCK_STREAM, &tcp_port);
	*rules = *tcp < 0 ? -1 : nl_open(NETLINK_NETFILTER);
	if (*rules < 0)
		return *udp < 0 ? *udp : *tcp < 0 ? *tcp : *rules;
	nft_begin(&q);
	nft_local_table(&q, TABLE);
	nft_local_port(&q, TABLE, ip, IPPROTO_UDP, 53, udp_port);
	nft_local_port(&q, TABLE, ip, IPPROTO_TCP, 53, tcp_port);
	return nft_commit(*rules, &q, NULL);
}

/* Both non-blocking, the second one listening. */
static int open_in(int netns, int *udp, int *tcp, struct err *e)
{
	CLEANUP_FD int home = openat(AT_FDCWD, "/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC), rules = -1;
	struct ip ip;
	int r = home < 0 ? -errno : ip_parse(STUB_ADDRESS, &ip);

	*udp = *tcp = -1;
	if (r == 0)
		r = ns_enter(netns, CLONE_NEWNET);
	if (r == 0) {
		r = open_all(&ip, udp, tcp, &rules);
		if (ns_enter(home, CLONE_NEWNET) < 0)
			abort(); /* in another namespace than the caller thinks */
	}
	if (r == 0)
		return 0;
	*udp = *udp < 0 ? -1 : close_fd(*udp);
	*tcp = *tcp < 0 ? -1 : close_fd(*tcp);
	return err_errno(e, r, "the name server's sockets in the container");
}

int net_stub_connect(int dirfd)
{
	return sock_connect_within(dirfd, STUB_SOCKET, SOCK_SEQPACKET, PATIENCE_SECONDS);
}

/* What it says behind its 'k' goes to more. */
static int tell(int sock, const char *message, const int *fds, size_t n_fds, char *more, size_t size)
{
	char answer = '\0';
	struct iovec parts[] = { { &answer, 1 }, { more, size - 1 } };
	struct msghdr m = { .msg_iov = parts, .msg_iovlen = ARRAY_LEN(parts) };
	ssize_t n;
	int r = sock_send_fds(sock, message, strlen(message), fds, n_fds);

	if (r < 0)
		return r;
	n = recvmsg(sock, &m, 0);
	more[n > 1 ? n - 1 : 0] = '\0';
	return n < 0 ? -errno : n == 0 ? -ECONNRESET : answer == 'k' ? 0 : -EINVAL;
}

int net_stub_tell(int sock, const char *message, const int *fds, size_t n_fds)
{
	char none[1];

	return tell(sock, message, fds, n_fds, none, sizeof(none));
}

int net_stub_table(int sock, int memfd, char missing[STUB_MISSING_LEN])
{
	return tell(sock, "T", &memfd, 1, missing, STUB_MISSING_LEN);
}

int net_stub_give(int sock, const char *id, int netns, struct err *e)
{
	CLEANUP_FD int udp = -1, tcp = -1;
	char message[STUB_MESSAGE_LEN];
	int r = open_in(netns, &udp, &tcp, e);

	if (r < 0)
		return r;
	(void)snprintf(message, sizeof(message), "S%s", id);
	r = net_stub_tell(sock, message, (const int[]){ udp, tcp }, 2);
	return r < 0 ? err_errno(e, r, "hand the sockets to tare-netd") : 0;
}

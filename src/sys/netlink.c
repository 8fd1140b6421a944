/* A request is built in a fixed buffer: a header, the family's struct, attributes. Answers come in datagrams of several
 * messages; a request is answered by one NLMSG_ERROR (0 = done), a dump by messages up to NLMSG_DONE.
 *
 * The order of a move: addresses are read while the device is up, because going down drops IPv6's; it goes down, since
 * only then may it be renamed; namespace and name change in one request, so that it never stands under its old name in
 * the new place; then addresses and up, through a socket that was opened in the new namespace and belongs to it. */
#include "sys/netlink.h"

#include <fcntl.h>
#include <linux/if_addr.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <sched.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "sys/ns.h"

#define BUF_SIZE 32768U
#define MAX_ADDRESSES 256U

struct request {
	struct nlmsghdr head;
	union {
		struct ifinfomsg link;
		struct ifaddrmsg address;
	};
	char attributes[256];
};

struct address {
	unsigned char family, prefix;
	unsigned char len; /* of both */
	bool has_local;
	unsigned char address[16], local[16];
};

static void begin(struct request *q, uint16_t type, uint16_t flags, size_t body)
{
	*q = (struct request){ .head = { .nlmsg_len = (uint32_t)NLMSG_LENGTH(body), .nlmsg_type = type,
					 .nlmsg_flags = (uint16_t)(NLM_F_REQUEST | flags), .nlmsg_seq = 1 } };
}

static void add(struct request *q, uint16_t type, const void *data, size_t len)
{
	struct rtattr *a = (struct rtattr *)(void *)((char *)q + NLMSG_ALIGN(q->head.nlmsg_len));

	a->rta_type = type;
	a->rta_len = (uint16_t)RTA_LENGTH(len);
	memcpy(RTA_DATA(a), data, len);
	q->head.nlmsg_len = (uint32_t)(NLMSG_ALIGN(q->head.nlmsg_len) + RTA_ALIGN(a->rta_len));
}

static int open_socket(void)
{
	CLEANUP_FD int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
	struct sockaddr_nl sa = { .nl_family = AF_NETLINK };

	if (fd < 0 || bind(fd, (struct sockaddr *)&sa, sizeof(sa)) < 0)
		return -errno;
	return take_fd(&fd);
}

/* A socket works in the namespace it was opened in. Not to come back would be worse than to fail. */
static int open_socket_in(int netns)
{
	CLEANUP_FD int home = openat(AT_FDCWD, "/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
	CLEANUP_FD int fd = -1;
	int r = home < 0 ? -errno : ns_enter(netns, CLONE_NEWNET);

	if (r < 0)
		return r;
	fd = open_socket();
	if (ns_enter(home, CLONE_NEWNET) < 0)
		abort();
	return take_fd(&fd);
}

/* ---- one exchange ---- */

/* Each answer goes to take(); ends at an acknowledgement, an error, or the end of a dump. */
typedef void (*take_fn)(const struct nlmsghdr *m, void *data);

/* 1: the exchange is over. */
static int take_datagram(const char *buf, size_t len, take_fn take, void *data)
{
	const struct nlmsghdr *m;

	for (size_t at = 0; len >= at + sizeof(*m); at += NLMSG_ALIGN(m->nlmsg_len)) {
		const struct nlmsgerr *failure;

		m = (const void *)(buf + at);
		if (m->nlmsg_len < sizeof(*m) || m->nlmsg_len > len - at)
			return -EBADMSG;
		failure = NLMSG_DATA(m);
		if (m->nlmsg_type == NLMSG_DONE)
			return 1;
		if (m->nlmsg_type == NLMSG_ERROR)
			return m->nlmsg_len < NLMSG_LENGTH(sizeof(*failure)) ? -EBADMSG :
			       failure->error < 0			     ? failure->error :
									       1;
		if (take)
			take(m, data);
	}
	return 0;
}

static int exchange(int sock, const struct request *q, take_fn take, void *data)
{
	CLEANUP_FREE char *buf = malloc(BUF_SIZE);
	int r = 0;

	if (!buf)
		return -ENOMEM;
	if (send(sock, q, q->head.nlmsg_len, 0) < 0)
		return -errno;
	while (r == 0) {
		ssize_t n = recv(sock, buf, BUF_SIZE, MSG_TRUNC);

		if (n < 0 && errno == EINTR)
			continue;
		r = n < 0 ? -errno : n > (ssize_t)BUF_SIZE ? -EMSGSIZE : take_datagram(buf, (size_t)n, take, data);
	}
	return r < 0 ? r : 0;
}

static void take_index(const struct nlmsghdr *m, void *data)
{
	if (m->nlmsg_type == RTM_NEWLINK && m->nlmsg_len >= NLMSG_LENGTH(sizeof(struct ifinfomsg)))
		*(int *)data = ((const struct ifinfomsg *)NLMSG_DATA(m))->ifi_index;
}

static int find_index(int sock, const char *name)
{
	struct request q;
	int index = -ENODEV, r;

	begin(&q, RTM_GETLINK, NLM_F_ACK, sizeof(q.link));
	add(&q, IFLA_IFNAME, name, strlen(name) + 1);
	r = exchange(sock, &q, take_index, &index);
	return r < 0 ? r : index;
}

static int set_up(int sock, int index, bool up)
{
	struct request q;

	begin(&q, RTM_NEWLINK, NLM_F_ACK, sizeof(q.link));
	q.link.ifi_index = index;
	q.link.ifi_change = IFF_UP;
	q.link.ifi_flags = up ? IFF_UP : 0;
	return exchange(sock, &q, NULL, NULL);
}

/* ---- addresses ---- */

struct addresses {
	int index;
	struct address v[MAX_ADDRESSES];
	size_t n;
	bool too_many;
};

static void read_attribute(const struct rtattr *a, struct address *out, uint32_t *flags)
{
	size_t len = RTA_PAYLOAD(a);

	if (a->rta_type == IFA_FLAGS && len == sizeof(*flags))
		memcpy(flags, RTA_DATA(a), len);
	if ((a->rta_type != IFA_ADDRESS && a->rta_type != IFA_LOCAL) || len > sizeof(out->address))
		return;
	out->len = (unsigned char)len;
	out->has_local = out->has_local || a->rta_type == IFA_LOCAL;
	memcpy(a->rta_type == IFA_LOCAL ? out->local : out->address, RTA_DATA(a), len);
}

static void take_address(const struct nlmsghdr *m, void *data)
{
	struct addresses *all = data;
	const struct ifaddrmsg *head = NLMSG_DATA(m);
	const char *at = (const char *)m + NLMSG_LENGTH(sizeof(*head)), *end = (const char *)m + m->nlmsg_len;
	struct address found = { 0 };
	uint32_t flags;

	if (m->nlmsg_type != RTM_NEWADDR || m->nlmsg_len < NLMSG_LENGTH(sizeof(*head)) ||
	    (int)head->ifa_index != all->index || head->ifa_scope != RT_SCOPE_UNIVERSE)
		return;
	found.family = head->ifa_family;
	found.prefix = head->ifa_prefixlen;
	flags = head->ifa_flags;
	while (end - at >= (ptrdiff_t)sizeof(struct rtattr)) {
		const struct rtattr *a = (const void *)at;

		if (a->rta_len < sizeof(*a) || a->rta_len > end - at)
			return;
		read_attribute(a, &found, &flags);
		at += RTA_ALIGN(a->rta_len);
	}
	if (!(flags & IFA_F_PERMANENT) || !found.len)
		return;
	all->too_many = all->n == MAX_ADDRESSES;
	if (!all->too_many)
		all->v[all->n++] = found;
}

static int read_addresses(int sock, struct addresses *all)
{
	struct request q;
	int r;

	begin(&q, RTM_GETADDR, NLM_F_DUMP, sizeof(q.address));
	r = exchange(sock, &q, take_address, all);
	return r < 0 ? r : all->too_many ? -E2BIG : 0;
}

static int add_address(int sock, int index, const struct address *a)
{
	struct request q;

	begin(&q, RTM_NEWADDR, NLM_F_ACK | NLM_F_CREATE | NLM_F_EXCL, sizeof(q.address));
	q.address.ifa_family = a->family;
	q.address.ifa_prefixlen = a->prefix;
	q.address.ifa_scope = RT_SCOPE_UNIVERSE;
	q.address.ifa_index = (unsigned int)index;
	if (a->has_local)
		add(&q, IFA_LOCAL, a->local, a->len);
	add(&q, IFA_ADDRESS, a->address, a->len);
	return exchange(sock, &q, NULL, NULL);
}

/* ---- the move ---- */

static int move(int sock, int index, int netns, const char *name)
{
	uint32_t fd = (uint32_t)netns;
	struct request q;

	begin(&q, RTM_NEWLINK, NLM_F_ACK, sizeof(q.link));
	q.link.ifi_index = index;
	add(&q, IFLA_IFNAME, name, strlen(name) + 1);
	add(&q, IFLA_NET_NS_FD, &fd, sizeof(fd));
	return exchange(sock, &q, NULL, NULL);
}

static int settle_there(int netns, const char *name, const struct addresses *all, struct err *e)
{
	CLEANUP_FD int sock = open_socket_in(netns);
	int index = sock < 0 ? sock : find_index(sock, name), r;

	if (index < 0)
		return err_errno(e, index, "in the new network namespace");
	for (size_t i = 0; i < all->n; i++) {
		r = add_address(sock, index, &all->v[i]);
		if (r < 0)
			return err_errno(e, r, "giving it its addresses again");
	}
	r = set_up(sock, index, true);
	return r < 0 ? err_errno(e, r, "setting it up") : 0;
}

int nl_move_device(const char *name, int netns, const char *new_name, struct err *e)
{
	CLEANUP_FD int sock = open_socket();
	CLEANUP_FREE struct addresses *all = calloc(1, sizeof(*all));
	const char *there = new_name ? new_name : name;
	int r;

	if (sock < 0 || !all)
		return err_errno(e, sock < 0 ? sock : -ENOMEM, "rtnetlink");
	if (strlen(name) >= IFNAMSIZ || strlen(there) >= IFNAMSIZ)
		return err_set(e, ERR_INVALID, "a name of a network device has at most %d bytes", IFNAMSIZ - 1);
	all->index = find_index(sock, name);
	if (all->index == -ENODEV)
		return err_set(e, ERR_NOTFOUND, "there is no such network device");
	if (all->index < 0)
		return err_errno(e, all->index, "looking for it");
	r = read_addresses(sock, all);
	if (r < 0)
		return err_errno(e, r, "reading its addresses");
	r = set_up(sock, all->index, false);
	if (r < 0)
		return err_errno(e, r, "setting it down");
	r = move(sock, all->index, netns, there);
	if (r == -EEXIST)
		return err_set(e, ERR_CONFLICT, "the container has a network device \"%s\" already", there);
	if (r < 0)
		return err_errno(e, r, "moving it");
	return settle_there(netns, there, all, e);
}

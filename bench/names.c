/* names NETD CONTAINERS SECONDS ASKERS [PORT PID]: starts tare-netd as tare does, with a table of CONTAINERS and a network namespace for
 * each, and asks it for names for that long, out of ASKERS of the namespaces. PORT and PID: of another name server, which is asked at
 * 127.0.0.1 of this namespace instead, by as many sockets.
 *
 * Prints JSON: answers a second of wall time and of the server's processor time, and its private memory. */
#include <arpa/inet.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>

#include "base/io.h"
#include "base/strbuf.h"
#include "net/stub.h"
#include "sys/ns.h"
#include "sys/rtnl.h"
#include "sys/sock.h"
#include "sys/spawn.h"

#define WINDOW 16U /* questions of an asker that are on their way */

static unsigned int containers, seconds, askers, other;
static int netd; /* connection */
static pid_t server;

static _Noreturn void die(const char *what, int r)
{
	fprintf(stderr, "names: %s: %s\n", what, strerror(-r));
	exit(1);
}

static double now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

/* ---- the server ---- */

static void start_netd(const char *path)
{
	char folder[] = "/tmp/tare-bench-names-XXXXXX";
	int dir = mkdtemp(folder) ? open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
	CLEANUP_FD int fd = sock_listen(dir, STUB_SOCKET, SOCK_SEQPACKET), pidfd = -1;
	int r = spawn(&(struct spawn_args){ .path = path, .argv = (const char *const[]){ "tare-netd", NULL }, .death_signal = SIGKILL,
					    .fds = (const struct spawn_fd[]){ { fd, 3 } }, .n_fds = 1 }, &server, &pidfd);

	netd = r < 0 ? r : sock_connect(dir, STUB_SOCKET, SOCK_SEQPACKET);
	if (netd < 0)
		die(path, netd);
	unlinkat(dir, STUB_SOCKET, 0);
	rmdir(folder);
}

/* As resolver.c writes it: a name, a short id and an alias each. */
static void tell_table(void)
{
	CLEANUP_STRBUF struct strbuf t = STRBUF_INIT;
	int memfd, r;

	sb_puts(&t, "upstream 192.0.2.53\nnetwork 2 open\n");
	for (unsigned int i = 0; i < containers; i++)
		sb_printf(&t, "member %064x 2\n", i);
	for (unsigned int i = 0; i < containers; i++)
		sb_printf(&t, "name 2 10.1.%u.%u container-%u\nname 2 10.1.%u.%u %012x\nname 2 10.1.%u.%u service-%u\n", i >> 8, i & 255, i, i >> 8,
			  i & 255, i, i >> 8, i & 255, i % 50);
	memfd = io_memfd("names", sb_str(&t), t.len, true);
	r = memfd < 0 ? memfd : net_stub_tell(netd, "T", &memfd, 1);
	if (r < 0)
		die("the table", r);
	close_fd(memfd);
}

/* A namespace that nobody is in. */
static int new_netns(void)
{
	CLEANUP_FD int home = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	CLEANUP_NL struct nl_batch q = NL_BATCH_INIT;
	CLEANUP_FD int rtnl = -1;
	int fd = ns_unshare(CLONE_NEWNET) < 0 ? -1 : open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);

	rtnl = nl_open(NETLINK_ROUTE);
	rtnl_set_up(&q, 1, true);
	if (fd < 0 || rtnl < 0 || nl_exchange(rtnl, &q, NULL, NULL, NULL) < 0 || ns_enter(home, CLONE_NEWNET) < 0)
		die("a network namespace", -errno);
	return fd;
}

/* ---- asking ---- */

struct asker {
	int fd;
	unsigned int waiting; /* answers that are to come */
};

static int open_asker(int netns)
{
	CLEANUP_FD int home = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	struct sockaddr_in sa = { .sin_family = AF_INET, .sin_port = htons(other ? (uint16_t)other : 53) };
	int fd;

	inet_pton(AF_INET, other ? "127.0.0.1" : STUB_ADDRESS, &sa.sin_addr);
	if (netns >= 0 && ns_enter(netns, CLONE_NEWNET) < 0)
		exit(1);
	fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0 || connect(fd, (struct sockaddr *)&sa, sizeof(sa)) < 0 || (netns >= 0 && ns_enter(home, CLONE_NEWNET) < 0))
		die("a socket", -errno);
	return fd;
}

/* Whom it is about is its id, too. */
static size_t question(unsigned char *m)
{
	unsigned int who = (unsigned int)random() % containers;
	int len = snprintf((char *)m + 13, 40, "container-%u", who);

	memcpy(m, (const unsigned char[]){ (unsigned char)(who >> 8), (unsigned char)who, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0 }, 12);
	m[12] = (unsigned char)len;
	memcpy(m + 13 + len, "\0\0\1\0\1", 5);
	return 18 + (size_t)len;
}

/* As many as there may be on their way. */
static void ask(struct asker *a)
{
	unsigned char m[WINDOW][64];
	struct iovec iov[WINDOW];
	struct mmsghdr v[WINDOW] = { 0 };
	unsigned int n = WINDOW - a->waiting;
	int sent;

	for (unsigned int i = 0; i < n; i++) {
		iov[i] = (struct iovec){ m[i], question(m[i]) };
		v[i].msg_hdr = (struct msghdr){ .msg_iov = &iov[i], .msg_iovlen = 1 };
	}
	sent = n ? sendmmsg(a->fd, v, n, 0) : 0;
	if (sent > 0)
		a->waiting += (unsigned int)sent;
}

/* Right ones; the server's address ends with the id. */
static unsigned int take_answers(struct asker *a)
{
	unsigned char m[WINDOW][512];
	struct iovec iov[WINDOW];
	struct mmsghdr v[WINDOW] = { 0 };
	unsigned int right = 0;
	int n;

	for (unsigned int i = 0; i < WINDOW; i++) {
		iov[i] = (struct iovec){ m[i], sizeof(m[i]) };
		v[i].msg_hdr = (struct msghdr){ .msg_iov = &iov[i], .msg_iovlen = 1 };
	}
	n = recvmmsg(a->fd, v, WINDOW, MSG_DONTWAIT, NULL);
	for (int i = 0; i < n; i++) {
		const unsigned char *end = m[i] + v[i].msg_len;

		if (v[i].msg_len > 30 && m[i][3] == 0x80 && memcmp(end - 2, m[i], 2) == 0)
			right++;
	}
	a->waiting -= n < 0 ? 0 : (unsigned int)n < a->waiting ? (unsigned int)n : a->waiting;
	return right;
}

static unsigned long load(struct asker *v, double until)
{
	CLEANUP_FD int ep = epoll_create1(EPOLL_CLOEXEC);
	unsigned long right = 0;

	for (unsigned int i = 0; i < askers; i++) {
		epoll_ctl(ep, EPOLL_CTL_ADD, v[i].fd, &(struct epoll_event){ .events = EPOLLIN, .data.ptr = &v[i] });
		v[i].waiting = 0;
		ask(&v[i]);
	}
	while (now() < until) {
		struct epoll_event evs[64];
		int n = epoll_wait(ep, evs, 64, 200);

		for (int i = 0; i < n; i++) {
			right += take_answers(evs[i].data.ptr);
			ask(evs[i].data.ptr);
		}
		for (unsigned int i = 0; n == 0 && i < askers; i++) { /* lost */
			v[i].waiting = 0;
			ask(&v[i]);
		}
	}
	return right;
}

/* ---- what it took ---- */

static double cpu(void)
{
	CLEANUP_FREE char *text = NULL;
	char path[48];

	snprintf(path, sizeof(path), "/proc/%d/schedstat", (int)server);
	if (io_read_file(AT_FDCWD, path, 200, &text, NULL) < 0)
		die(path, -errno);
	return strtod(text, NULL) / 1e9;
}

static unsigned long private_kb(void)
{
	CLEANUP_FREE char *text = NULL;
	unsigned long sum = 0;
	char path[48];

	snprintf(path, sizeof(path), "/proc/%d/smaps_rollup", (int)server);
	if (io_read_file(AT_FDCWD, path, 1 << 16, &text, NULL) < 0)
		die(path, -errno);
	for (const char *line = text; (line = strstr(line, "\nPrivate_")); line++)
		sum += strtoul(strchr(line, ':') + 1, NULL, 10);
	return sum;
}

static void pin(pid_t pid, int processor)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(processor, &set);
	(void)sched_setaffinity(pid, sizeof(set), &set); /* one is enough where there is only one */
}

int main(int argc, char **argv)
{
	struct rlimit l;
	struct asker *v;
	unsigned long before, right;
	double start, took, used;

	if (argc < 5)
		return 2;
	containers = (unsigned int)atoi(argv[2]), seconds = (unsigned int)atoi(argv[3]), askers = (unsigned int)atoi(argv[4]);
	other = argc > 6 ? (unsigned int)atoi(argv[5]) : 0;
	v = calloc(containers + askers, sizeof(*v));
	if (!v || getrlimit(RLIMIT_NOFILE, &l) < 0)
		return 1;
	l.rlim_cur = l.rlim_max;
	(void)setrlimit(RLIMIT_NOFILE, &l);
	if (other) {
		server = atoi(argv[6]);
	} else {
		start_netd(argv[1]);
		tell_table();
	}
	for (unsigned int i = 0; i < containers && !other; i++) {
		CLEANUP_FD int netns = new_netns();
		char id[80];
		struct err e = { 0 };

		snprintf(id, sizeof(id), "%064x", i);
		if (net_stub_give(netd, id, netns, &e) < 0) {
			fprintf(stderr, "names: %s\n", e.msg);
			return 1;
		}
		if (i < askers)
			v[i].fd = open_asker(netns);
		if (i % 10 == 0)
			tell_table(); /* as with each start */
	}
	for (unsigned int i = 0; i < askers && other; i++)
		v[i].fd = open_asker(-1);
	before = private_kb();
	pin(server, 0);
	pin(0, 1);
	used = cpu();
	start = now();
	right = load(v, start + seconds);
	took = now() - start;
	used = cpu() - used;
	printf("{\"answers_per_s\": %.0f, \"answers_per_cpu_s\": %.0f, \"private_kb_before\": %lu, \"private_kb\": %lu}\n", (double)right / took,
	       (double)right / used, before, private_kb());
	if (!other)
		kill(server, SIGKILL);
	return right == 0;
}

/* net-cycle ROUNDS OTHERS: what a container's network takes, as tare does it: a link into a new network namespace, its elements in the
 * firewall with one published port, and the way back. Run in a network namespace of its own, with a device "bench0" that has 10.9.0.1/16.
 * OTHERS links are there meanwhile. Prints JSON: microseconds of wall time. */
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "net/firewall.h"
#include "net/stale.h"
#include "sys/ns.h"

static struct firewall fw;
static int state; /* a state folder */

static double now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec * 1e6 + (double)ts.tv_nsec / 1e3;
}

static _Noreturn void die(const struct err *e)
{
	fprintf(stderr, "net-cycle: %s\n", e->msg);
	exit(1);
}

/* A namespace that nobody is in. */
static int new_netns(void)
{
	CLEANUP_FD int home = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	int fd = ns_unshare(CLONE_NEWNET) < 0 ? -1 : open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);

	if (fd < 0 || ns_enter(home, CLONE_NEWNET) < 0)
		exit(1);
	return fd;
}

static void describe(unsigned int i, struct net_link *l, struct net_port *p)
{
	*l = (struct net_link){ .name = "eth0", .group = firewall_group(&fw, 1), .mac = { 2, 0x42, 10, 9, (unsigned char)(i >> 8), (unsigned char)i },
				.ip = { { 4, { 10, 9, (unsigned char)(i >> 8), (unsigned char)i } }, 16 }, .gateway = { 4, { 10, 9, 0, 1 } }, .leads_out = true };
	snprintf(l->host, sizeof(l->host), "bn%u", i);
	*p = (struct net_port){ .proto = 6, .first = (uint16_t)(10000 + i % 50000), .target = 80, .count = 1 };
}

static void change(const struct net_link *l, const struct net_port *p, bool add)
{
	CLEANUP_NL struct nl_batch q = NL_BATCH_INIT;
	struct err e = { 0 };
	int r;

	firewall_begin(&q);
	firewall_link(&fw, &q, add, l, "bench");
	firewall_port(&fw, &q, add, p, &l->ip.ip, "bench");
	r = firewall_commit(&q);
	if (r < 0) {
		err_errno(&e, r, "the firewall");
		die(&e);
	}
}

static void add(unsigned int i, int netns)
{
	struct net_link l;
	struct net_port p;
	struct err e = { 0 };

	describe(i, &l, &p);
	if (stale_forget(state, &l.ip.ip) < 0)
		exit(1);
	change(&l, &p, true);
	if (net_link_make(&l, netns, &e) < 0)
		die(&e);
}

static void take_away(unsigned int i)
{
	struct net_link l;
	struct net_port p;
	struct err e = { 0 };

	describe(i, &l, &p);
	change(&l, &p, false);
	if (net_link_unroute(&l, &e) < 0 || stale_mark(state, &l.ip.ip, "bench") < 0)
		die(&e);
}

static int by_size(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

static void print(const char *name, double *v, unsigned int n, const char *end)
{
	qsort(v, n, sizeof(*v), by_size);
	printf("\"%s\": {\"median_us\": %.0f, \"p90_us\": %.0f}%s", name, v[n / 2], v[n * 9 / 10], end);
}

int main(int argc, char **argv)
{
	unsigned int rounds = argc > 1 ? (unsigned int)atoi(argv[1]) : 50, others = argc > 2 ? (unsigned int)atoi(argv[2]) : 0;
	double *adds = calloc(rounds + 1, sizeof(*adds)), *deletions = calloc(rounds + 1, sizeof(*deletions)), *both = calloc(rounds + 1, sizeof(*both));
	char folder[] = "/dev/shm/net-cycle.XXXXXX";
	struct err e = { 0 };

	if (!adds || !deletions || !both)
		return 1;
	state = mkdtemp(folder) ? open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
	if (state < 0)
		return 1;
	firewall_of("/bench", false, &fw);
	if (firewall_load(&fw, &e) < 0)
		die(&e);
	for (unsigned int i = 0; i < others; i++)
		add(20000 + i, new_netns()); /* which stays open */
	for (unsigned int i = 0; i < rounds; i++) {
		int netns = new_netns();
		double start = now(), middle;

		add(2 + i, netns);
		middle = now();
		take_away(2 + i);
		close_fd(netns); /* and the kernel takes the devices away */
		adds[i] = middle - start;
		deletions[i] = now() - middle;
		both[i] = adds[i] + deletions[i];
		(void)!stale_forget_of(state, "bench"); /* which the container's monitor does at its end, and nobody waits for */
		nanosleep(&(struct timespec){ .tv_nsec = 60000000 }, NULL); /* as containers come: not one on another's heels */
	}
	printf("{");
	print("add", adds, rounds, ", ");
	print("delete", deletions, rounds, ", ");
	print("both", both, rounds, "}\n");
	(void)!rmdir(folder);
	return firewall_unload(&fw, &e) < 0;
}

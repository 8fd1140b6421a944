/* What networks need is tried, not looked up: a kernel has its parts built in, as modules that are there or not, or refuses to load them. The
 * rules are given to nft with the order to check them, which asks the kernel for each expression and takes everything back; devices are
 * made in a network namespace of a process of its own, and go with it. */
#include <fcntl.h>
#include <sched.h>
#include <sys/wait.h>

#include "engine/check.h"
#include "engine/network.h"
#include "sys/ns.h"
#include "sys/rtnl.h"
#include "sys/spawn.h"

enum missing { NO_NETNS = 1, NO_BRIDGE = 2, NO_VETH = 4, NO_ANSWER = 128 };

static int try_device(int sock, struct nl_batch *q)
{
	return nl_exchange(sock, q, NULL, NULL, NULL);
}

/* In the child: which are missing. */
static int try_devices(void)
{
	CLEANUP_NL struct nl_batch q = NL_BATCH_INIT;
	CLEANUP_FD int netns = -1, sock = -1;
	struct rtnl_veth v = { .host = "ta0", .inside = "ta1", .mac = { 2 } };
	int missing = 0;

	if (ns_unshare(CLONE_NEWNET) < 0)
		return NO_NETNS;
	netns = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
	sock = nl_open(NETLINK_ROUTE);
	if (netns < 0 || sock < 0)
		return NO_NETNS;
	v.netns = netns;
	rtnl_add_bridge(&q, "tn0", 0, 0);
	missing |= try_device(sock, &q) < 0 ? NO_BRIDGE : 0;
	rtnl_add_veth(&q, &v);
	missing |= try_device(sock, &q) < 0 ? NO_VETH : 0;
	return missing;
}

static int ask_child(void)
{
	CLEANUP_FD int pidfd = -1;
	int status = 0;
	pid_t pid = spawn_fork(&pidfd);

	if (pid == 0)
		_exit(try_devices());
	if (pid < 0 || spawn_wait(pidfd, -1, &status) < 0 || !WIFEXITED(status))
		return NO_ANSWER;
	return WEXITSTATUS(status);
}

int check_kernel(const struct engine *en, struct checks *c, struct err *e)
{
	struct err why = { 0 };
	struct firewall fw;
	int missing = ask_child();

	(void)e;
	network_firewall(en, &fw);
	if (missing & NO_NETNS)
		check_add(c, true, "the kernel", "makes no network namespaces", "boot one with CONFIG_NET_NS");
	if (missing & NO_BRIDGE)
		check_add(c, true, "the kernel", "makes no bridges", "modprobe bridge, or boot a kernel with CONFIG_BRIDGE");
	if (missing & NO_VETH)
		check_add(c, true, "the kernel", "makes no pairs of devices", "modprobe veth, or boot a kernel with CONFIG_VETH");
	if (firewall_try(&fw, &why) < 0)
		check_add(c, true, "nf_tables", check_text(c, "our rules cannot be loaded: %s", why.msg),
			  "install nftables; modprobe nf_tables, nft_fib_inet, nft_nat, nft_masq, nft_ct, or boot a kernel with them");
	return 0;
}

/* Other firewalls of the machine, and whether it forwards at all. Where a chain drops what is forwarded and is not iptables', only its
 * author can change that: he is told the rule. It names our devices by their group, so it holds for networks to come. */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "base/io.h"
#include "engine/check.h"
#include "engine/others.h"
#include "net/others.h"

static bool is_set(const char *path)
{
	CLEANUP_FD int fd = open(path, O_RDONLY | O_CLOEXEC);
	char text[4] = "";

	return fd >= 0 && io_read_text(fd, text, sizeof(text)) > 0 && text[0] != '0';
}

/* Whether containers run, and whether one of them has IPv6. */
static int count(const struct engine *en, const char *where, int64_t *n, struct err *e)
{
	CLEANUP_STMT struct cat_stmt *s = NULL;
	char sql[96];
	int r;

	(void)snprintf(sql, sizeof(sql), "SELECT count(*) FROM endpoints%s", where);
	r = cat_prepare(en->catalog, &s, e, sql, "");
	if (r == 0)
		r = cat_step(s, e);
	*n = r > 0 ? cat_int(s, 0) : 0;
	return r < 0 ? r : 0;
}

static void check_forwarding(struct checks *c, int64_t running, int64_t running6)
{
	if (running && !is_set("/proc/sys/net/ipv4/ip_forward"))
		check_add(c, true, "net.ipv4.ip_forward", "is off: containers reach nothing beyond this machine, and nobody reaches them",
			  "sysctl -w net.ipv4.ip_forward=1, and write it to /etc/sysctl.d");
	if (running6 && !is_set("/proc/sys/net/ipv6/conf/all/forwarding"))
		check_add(c, true, "net.ipv6.conf.all.forwarding", "is off: containers reach nothing beyond this machine by IPv6",
			  "sysctl -w net.ipv6.conf.all.forwarding=1, and write it to /etc/sysctl.d");
}

/* A chain of nft rules that refuses what is forwarded. */
static void check_chain(struct checks *c, const struct firewall *fw, const struct others_family *f, bool v6)
{
	const char *bridged = v6 ? "/proc/sys/net/bridge/bridge-nf-call-ip6tables" : "/proc/sys/net/bridge/bridge-nf-call-iptables";

	if (!f->forward[0])
		return;
	if (f->groups)
		check_add(c, false, check_text(c, "chain %s", f->forward), "decides what is forwarded, and has a rule about groups of devices",
			  "if containers do not get out or are not reached, look there");
	else
		check_add(c, true, check_text(c, "chain %s", f->forward),
			  check_text(c, "drops what containers send and what comes to published ports%s",
				     is_set(bridged) ? ", and, for bridges pass through it (bridge-nf-call-iptables), what they say to each other" : ""),
			  check_text(c,
				     "write there, before what refuses: ct state established,related accept; meta iifgroup & 0xffff0000 == %#x accept; "
				     "and for published ports of your choice: ct status dnat ct original proto-dst PORT accept",
				     fw->prefix));
}

static void check_iptables(struct checks *c, const struct others_iptables *t, const char *program, bool runs)
{
	const char *where = check_text(c, "%s, chain FORWARD", program);

	if (!t->drops)
		return;
	if (runs && !t->ours)
		check_add(c, true, where, "drops what containers send, and our chain, which was there when they started, is gone or changed",
			  "start any container: that puts it back");
	if (t->ufw)
		check_add(c, false, where, "is ufw's, and it decides who comes to published ports", "ufw route allow proto tcp to any port PORT, the container's own");
	else if (!t->docker)
		check_add(c, false, where, "has a policy of drop that is not Docker's: your rules there decide who comes to published ports",
			  check_text(c, "%s -I FORWARD -m conntrack --ctstate DNAT --ctorigdstport PORT -j ACCEPT", program));
}

static void check_family(struct checks *c, const struct firewall *fw, const struct others_family *f, bool v6, bool runs)
{
	check_chain(c, fw, f, v6);
	check_iptables(c, &f->iptables[OTHERS_NFT], v6 ? "ip6tables" : "iptables", runs);
	check_iptables(c, &f->iptables[OTHERS_LEGACY], v6 ? "ip6tables-legacy" : "iptables-legacy", runs);
	if (f->in[0] && !f->decides)
		check_add(c, false, check_text(c, "chain %s", f->in), "refuses some of what comes in, and published ports obey it as services of this machine do",
			  "let their ports in there, as you would a service's");
}

int check_others(const struct engine *en, struct checks *c, struct err *e)
{
	int64_t running, running6;
	struct firewall fw;
	struct others o;
	int r = count(en, "", &running, e);

	if (r == 0)
		r = count(en, " WHERE ip6 <> ''", &running6, e);
	network_firewall(en, &fw);
	if (r == 0)
		r = others_look(&fw, &o, e);
	if (r < 0)
		return r;
	check_forwarding(c, running, running6);
	check_family(c, &fw, &o.v4, false, running > 0);
	if (running6)
		check_family(c, &fw, &o.v6, true, true);
	if (o.firewalld && running && !others_zone_is_right(en))
		check_add(c, true, "firewalld", "was not told of our networks, or has forgotten them with a reload, and rejects what containers send", "start any container: that tells it");
	return 0;
}

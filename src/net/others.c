/* Whose rules are whose: iptables-nft's are tables "ip filter" and "ip6 filter" with a chain FORWARD. They are changed by the iptables
 * programs alone, for these refuse a table that anybody else has written to. A table "firewalld" is firewalld's. Any other is written by
 * the administrator (/etc/nftables.conf), and nobody but him changes it.
 *
 * Docker sets the policy of FORWARD to drop so that the machine, now that it forwards, is nobody's router; ufw's and a policy without
 * Docker are the administrator's wish. Both say nothing of what containers send, which came after them, and both stop it. Our chain
 * stands behind the last rule: what others wrote (DOCKER-USER, `ufw route deny`) counts first, and only the policy is forestalled. It knows
 * our devices by their group and lets nothing into Docker's networks. Our own table, which sees every packet too, says what of it may
 * go where.
 *
 * That the chain is whole is seen from the number of its uses: the rules in it and the jump to it. */
#include "net/others.h"

#include <ctype.h>
#include <fcntl.h>
#include <linux/netfilter.h>
#include <stdio.h>
#include <string.h>

#include "base/io.h"
#include "sys/nft.h"
#include "sys/spawn.h"

#define TOOL_WAIT_MS 10000
#define RULES 4U /* in our chain; one more where the policy is Docker's */
#define CHAIN_LEN 29
#define TEXT_MAX 1024

static void chain_name(const struct firewall *fw, char out[CHAIN_LEN])
{
	size_t i = 0;

	for (; fw->table[i] && i < CHAIN_LEN - 1; i++)
		out[i] = (char)toupper((unsigned char)fw->table[i]);
	out[i] = '\0';
}

/* ---- looking: nf_tables ---- */

struct candidate {
	unsigned char family;
	bool drops;
	int hook;
	char table[NFT_NAME_LEN], chain[NFT_NAME_LEN];
};

struct look {
	struct others *out;
	char ours[CHAIN_LEN];
	uint32_t uses[2]; /* of our chain, by family */
	struct candidate v[32]; /* base chains of others that look at what is for us */
	size_t n;
};

static bool is_tare(const char *table)
{
	return strncmp(table, "tare", 4) == 0 && (!table[4] || table[4] == '-');
}

/* A chain of iptables' table filter, by its name. */
static void take_iptables(struct look *l, const struct nft_chain *c)
{
	struct others_family *f = c->family == NFPROTO_IPV6 ? &l->out->v6 : &l->out->v4;
	struct others_iptables *t = &f->iptables[OTHERS_NFT];

	if (strcmp(c->name, "FORWARD") == 0)
		t->drops = c->drops;
	else if (strcmp(c->name, "DOCKER-USER") == 0)
		t->docker = true;
	else if (strcmp(c->name, c->family == NFPROTO_IPV6 ? "ufw6-user-forward" : "ufw-user-forward") == 0)
		t->ufw = true;
	else if (strcmp(c->name, l->ours) == 0) {
		t->traces = true;
		l->uses[c->family == NFPROTO_IPV6] = c->uses;
	}
}

static void take_chain(const struct nft_chain *c, void *data)
{
	struct look *l = data;
	bool ip = c->family == NFPROTO_IPV4 || c->family == NFPROTO_IPV6;

	if (ip && strcmp(c->table, "filter") == 0)
		take_iptables(l, c);
	if ((!ip && c->family != NFPROTO_INET) || is_tare(c->table))
		return;
	if (c->family == NFPROTO_INET && strcmp(c->table, "firewalld") == 0)
		l->out->firewalld = true;
	if ((c->hook != NF_INET_LOCAL_IN && c->hook != NF_INET_FORWARD) || strcmp(c->type, "filter") != 0 || (!c->drops && !c->uses) ||
	    l->n == ARRAY_LEN(l->v))
		return;
	l->v[l->n] = (struct candidate){ .family = c->family, .drops = c->drops, .hook = c->hook };
	(void)snprintf(l->v[l->n].table, sizeof(l->v[l->n].table), "%s", c->table);
	(void)snprintf(l->v[l->n].chain, sizeof(l->v[l->n].chain), "%s", c->name);
	l->n++;
}

static void name_it(const struct candidate *c, char out[OTHERS_NAME])
{
	const char *family = c->family == NFPROTO_INET ? "inet" : c->family == NFPROTO_IPV4 ? "ip" : "ip6";

	if (!out[0])
		(void)snprintf(out, OTHERS_NAME, "%s %.70s %.70s", family, c->table, c->chain);
}

/* firewalld's chain ends with a reject, but has let pass before whatever was translated. */
static void judge(struct others_family *f, const struct candidate *c, enum nft_refusal refuses, bool groups)
{
	bool iptables = c->family != NFPROTO_INET && strcmp(c->table, "filter") == 0 && strcmp(c->chain, "FORWARD") == 0;
	bool firewalld = c->family == NFPROTO_INET && strcmp(c->table, "firewalld") == 0;

	if (c->hook == NF_INET_LOCAL_IN && refuses != NFT_REFUSES_NOTHING)
		name_it(c, f->in);
	if (c->hook != NF_INET_FORWARD || refuses != NFT_REFUSES_REST || firewalld)
		return;
	/* whose rules end with a refusal of all is not helped by ours behind them */
	if (iptables && c->drops)
		return;
	f->groups = groups && (!f->forward[0] || f->groups);
	name_it(c, f->forward);
}

static int look_at_rules(int sock, struct look *l)
{
	for (size_t i = 0; i < l->n; i++) {
		const struct candidate *c = &l->v[i];
		bool groups = false;
		int r = nft_chain_refuses(sock, c->family, c->table, c->chain, &groups);

		if (r == -ENOENT) /* gone meanwhile */
			continue;
		if (r < 0)
			return r;
		if (c->drops)
			r = NFT_REFUSES_REST;
		if (c->family != NFPROTO_IPV6)
			judge(&l->out->v4, c, (enum nft_refusal)r, groups);
		if (c->family != NFPROTO_IPV4)
			judge(&l->out->v6, c, (enum nft_refusal)r, groups);
	}
	return 0;
}

/* Closing may wait for what others took away (firewall_commit()). */
static int look_at_nft(struct look *l)
{
	int sock = nl_open(NETLINK_NETFILTER), r;

	if (sock < 0)
		return sock;
	r = nft_chains(sock, take_chain, l);
	if (r == 0)
		r = look_at_rules(sock, l);
	if (l->n)
		spawn_close(&sock);
	sock = close_fd(sock);
	return r;
}

static bool is_dockers(const struct others_iptables *t)
{
	return t->docker && !t->ufw;
}

static unsigned int rules_of(const struct others_iptables *t)
{
	return RULES + (is_dockers(t) ? 1 : 0);
}

/* ---- looking: iptables-legacy ---- */

static bool legacy_is_used(bool v6)
{
	char text[256];
	CLEANUP_FD int fd = open(v6 ? "/proc/thread-self/net/ip6_tables_names" : "/proc/thread-self/net/ip_tables_names", O_RDONLY | O_CLOEXEC);

	return fd >= 0 && io_read_text(fd, text, sizeof(text)) > 0 && strstr(text, "filter");
}

struct legacy {
	bool v6;
	char said[200]; /* the first line of the last answer */
};

/* Whether the program says yes; rule: a number, or a jump's target. */
static bool legacy_says(struct legacy *l, const char *option, const char *chain, const char *rule)
{
	bool jump = strcmp(option, "-C") == 0;
	const char *argv[] = { l->v6 ? "ip6tables-legacy" : "iptables-legacy", "-w", "5", option, chain, jump ? "-j" : rule, jump ? rule : NULL, NULL };

	l->said[0] = '\0';
	return spawn_tool(argv, -1, TOOL_WAIT_MS, l->said, sizeof(l->said)) == 0;
}

static bool legacy_drops(struct legacy *l, const char *chain)
{
	char policy[32];

	(void)snprintf(policy, sizeof(policy), "-P %s DROP", chain);
	return legacy_says(l, "-S", chain, NULL) && strcmp(l->said, policy) == 0;
}

static void look_at_legacy(struct others_family *f, bool v6, const char *ours)
{
	struct others_iptables *t = &f->iptables[OTHERS_LEGACY];
	struct legacy l = { .v6 = v6 };
	char last[4];

	if (!legacy_is_used(v6))
		return;
	if (!f->in[0] && legacy_drops(&l, "INPUT"))
		(void)snprintf(f->in, sizeof(f->in), "%s INPUT", v6 ? "ip6tables-legacy" : "iptables-legacy");
	t->drops = legacy_drops(&l, "FORWARD");
	t->traces = legacy_says(&l, "-S", ours, NULL);
	if (!t->drops)
		return;
	t->docker = legacy_says(&l, "-S", "DOCKER-USER", NULL);
	t->ufw = legacy_says(&l, "-S", v6 ? "ufw6-user-forward" : "ufw-user-forward", NULL);
	(void)snprintf(last, sizeof(last), "%u", rules_of(t));
	t->ours = t->traces && legacy_says(&l, "-S", ours, last) && l.said[0] && legacy_says(&l, "-C", "FORWARD", ours);
}

/* ---- both ---- */

static void conclude(struct others_family *f, uint32_t uses)
{
	struct others_iptables *t = &f->iptables[OTHERS_NFT];

	t->ours = uses == rules_of(t) + 1;
	f->decides = f->forward[0] != '\0';
	for (int i = 0; i < OTHERS_BACKENDS; i++)
		f->decides = f->decides || (f->iptables[i].drops && !is_dockers(&f->iptables[i]));
}

int others_look(const struct firewall *fw, struct others *out, struct err *e)
{
	struct look l = { 0 };
	int r = -EINTR;

	for (int i = 0; r == -EINTR && i < NL_DUMP_TRIES; i++) {
		*out = (struct others){ 0 };
		l = (struct look){ .out = out };
		chain_name(fw, l.ours);
		r = look_at_nft(&l);
	}
	if (r < 0)
		return err_errno(e, r, "look at the machine's firewall");
	look_at_legacy(&out->v4, false, l.ours);
	look_at_legacy(&out->v6, true, l.ours);
	conclude(&out->v4, l.uses[0]);
	conclude(&out->v6, l.uses[1]);
	return 0;
}

/* ---- our chain ---- */

static bool wants(const struct others_iptables *t)
{
	return t->drops && !t->ours;
}

static bool drops(const struct others_iptables *t)
{
	return t->drops;
}

static bool any(const struct others *o, bool (*is)(const struct others_iptables *t))
{
	for (int i = 0; i < OTHERS_BACKENDS; i++)
		if (is(&o->v4.iptables[i]) || is(&o->v6.iptables[i]))
			return true;
	return false;
}

bool others_concern(const struct others *o)
{
	return any(o, drops);
}

bool others_want(const struct others *o)
{
	return any(o, wants);
}

static int restore(enum others_backend backend, bool v6, const char *text, char *said, size_t size)
{
	static const char *const programs[OTHERS_BACKENDS][2] = { { "iptables-nft-restore", "ip6tables-nft-restore" },
								   { "iptables-legacy-restore", "ip6tables-legacy-restore" } };
	const char *argv[] = { programs[backend][v6], "-n", backend == OTHERS_LEGACY ? "-w" : NULL, "5", NULL };
	CLEANUP_FD int in = io_memfd("tare-iptables", text, strlen(text), true);

	return in < 0 ? in : spawn_tool(argv, in, TOOL_WAIT_MS, said, size);
}

/* The jump may be gone, and then nothing of the text is done. */
static int take_away(const char *chain, enum others_backend backend, bool v6, char *said, size_t size)
{
	char text[TEXT_MAX];
	int r;

	(void)snprintf(text, sizeof(text), "*filter\n-D FORWARD -j %1$s\n-F %1$s\n-X %1$s\nCOMMIT\n", chain);
	r = restore(backend, v6, text, said, size);
	if (r == 0)
		return 0;
	(void)snprintf(text, sizeof(text), "*filter\n-F %1$s\n-X %1$s\nCOMMIT\n", chain);
	return restore(backend, v6, text, said, size);
}

static int put_chain(const struct firewall *fw, const char *chain, const struct others_iptables *t, enum others_backend backend, bool v6,
		     char *said, size_t size)
{
	char text[TEXT_MAX], published[160] = "";

	if (is_dockers(t))
		(void)snprintf(published, sizeof(published), "-A %s -m devgroup --dst-group %#x/0xffff0000 -m conntrack --ctstate DNAT -j ACCEPT\n", chain, fw->prefix);
	(void)snprintf(text, sizeof(text),
		       "*filter\n"
		       ":%1$s - [0:0]\n"
		       "-A %1$s -o docker0 -j RETURN\n"
		       "-A %1$s -o br-+ -j RETURN\n"
		       "-A %1$s -m devgroup --src-group %2$#x/0xffff0000 -j ACCEPT\n"
		       "-A %1$s -m devgroup --dst-group %2$#x/0xffff0000 -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT\n"
		       "%3$s"
		       "-A FORWARD -j %1$s\n"
		       "COMMIT\n",
		       chain, fw->prefix, published);
	return restore(backend, v6, text, said, size);
}

typedef int (*chain_fn)(const struct firewall *fw, const char *chain, const struct others_iptables *t, enum others_backend backend, bool v6,
			char *said, size_t size);

static int each_iptables(const struct firewall *fw, const struct others *o, chain_fn fn, const char *what, struct err *e)
{
	char chain[CHAIN_LEN], said[200] = "";

	chain_name(fw, chain);
	for (int i = 0; i < OTHERS_BACKENDS * 2; i++) {
		bool v6 = i % 2;
		enum others_backend backend = (enum others_backend)(i / 2);
		int r = fn(fw, chain, v6 ? &o->v6.iptables[backend] : &o->v4.iptables[backend], backend, v6, said, sizeof(said));

		if (r < 0)
			return err_errno(e, r, "%s: run ip%stables-%s-restore (Debian's package iptables)", what, v6 ? "6" : "", backend ? "legacy" : "nft");
		if (r > 0)
			return err_set(e, ERR_UNSUPPORTED, "%s: ip%stables: %s", what, v6 ? "6" : "", said);
	}
	return 0;
}

static int let(const struct firewall *fw, const char *chain, const struct others_iptables *t, enum others_backend backend, bool v6, char *said,
	       size_t size)
{
	int r = wants(t) && t->traces ? take_away(chain, backend, v6, said, size) : 0;

	return r || !wants(t) ? r : put_chain(fw, chain, t, backend, v6, said, size);
}

static int unlet(const struct firewall *fw, const char *chain, const struct others_iptables *t, enum others_backend backend, bool v6, char *said,
		 size_t size)
{
	(void)fw;
	return t->traces ? take_away(chain, backend, v6, said, size) : 0;
}

int others_let(const struct firewall *fw, const struct others *o, struct err *e)
{
	return each_iptables(fw, o, let, "let containers through the host's firewall", e);
}

int others_unlet(const struct firewall *fw, const struct others *o, struct err *e)
{
	return each_iptables(fw, o, unlet, "take our chain out of the host's firewall", e);
}

/* ---- firewalld ---- */

#define CMD_WAIT_MS 20000
/* Of firewall-cmd(1)'s exit codes. */
#define ALREADY_ENABLED 11
#define NOT_ENABLED 12
#define ZONE_CONFLICT 26
#define UNKNOWN_SOURCE 128

int others_trust(const struct ip_net *subnet, bool on, struct err *e)
{
	char option[24 + IP_TEXT_LEN], text[IP_TEXT_LEN], said[200] = "";
	const char *argv[] = { "firewall-cmd", "-q", "--zone=trusted", option, NULL };
	int r;

	(void)snprintf(option, sizeof(option), "--%s-source=%s", on ? "add" : "remove", ip_net_text(subnet, text));
	r = spawn_tool(argv, -1, CMD_WAIT_MS, said, sizeof(said));
	if (r < 0)
		return err_errno(e, r, "run firewall-cmd (Debian's package firewalld) for subnet %s", text);
	if (r == 0 || (on ? r == ALREADY_ENABLED || r == ZONE_CONFLICT : r == NOT_ENABLED || r == UNKNOWN_SOURCE))
		return 0;
	return err_set(e, ERR_UNSUPPORTED, "firewalld does not let subnet %s pass: firewall-cmd ends with %d %s", text, r, said);
}

uint64_t others_firewalld(void)
{
	CLEANUP_FD int sock = nl_open(NETLINK_NETFILTER);
	uint64_t handle = 0;

	return sock >= 0 && nft_table_handle(sock, NFPROTO_INET, "firewalld", &handle) == 0 ? handle : 0;
}

/* Other people's firewalls on this machine: Docker's, ufw's, firewalld's, anybody's nft rules. An accept of ours ends our own chain alone,
 * so where one of theirs drops what is forwarded, what containers send is dropped. */
#ifndef TARE_NET_OTHERS_H
#define TARE_NET_OTHERS_H

#include "net/firewall.h"

#define OTHERS_NAME 160

/* One of the two kinds of iptables, of one family: its table filter. */
struct others_iptables {
	bool drops;  /* the policy of FORWARD */
	bool docker; /* Docker works with it: the policy is Docker's */
	bool ufw;    /* ufw does: the policy is the administrator's */
	bool ours;   /* our chain is there, and whole */
	bool traces; /* something of our chain is */
};
enum others_backend { OTHERS_NFT, OTHERS_LEGACY, OTHERS_BACKENDS };

/* What meets packets of one family. */
struct others_family {
	struct others_iptables iptables[OTHERS_BACKENDS];
	char in[OTHERS_NAME];      /* a chain that refuses some of what comes in for the host itself, "inet filter input"; "" */
	char forward[OTHERS_NAME]; /* a chain of nft rules that refuses what is forwarded, and is neither iptables' nor firewalld's; "" */
	bool groups;               /* it has a rule about groups of devices, so it may let containers pass */
	bool decides;              /* the administrator's rules say what is forwarded, published ports too */
};

struct others {
	struct others_family v4, v6;
	bool firewalld;
};

/* What there is now. Two requests to the kernel, and one for each chain of others that has rules; of iptables-legacy's table, where it
 * has been used at all, what its program says. */
int others_look(const struct firewall *fw, struct others *out, struct err *e) MUST_CHECK;

/* Whether there is a FORWARD whose policy drops; whether our chain is missing in one. */
bool others_concern(const struct others *o);
bool others_want(const struct others *o);
/* Puts a chain of ours behind the last rule of every FORWARD whose policy drops: what containers send is accepted, answers too, and
 * connections to published ports where the policy is not the administrator's. */
int others_let(const struct firewall *fw, const struct others *o, struct err *e) MUST_CHECK;
/* Takes it away, wherever it is. */
int others_unlet(const struct firewall *fw, const struct others *o, struct err *e) MUST_CHECK;

/* firewalld: what is forwarded from a subnet is accepted (it becomes a source of the zone trusted), or not any more. A subnet that the
 * administrator has put into another zone stays there. */
int others_trust(const struct ip_net *subnet, bool on, struct err *e) MUST_CHECK;
/* Which rules of firewalld's are loaded: others after its next start or reload, which forget what they were told. 0: none. */
uint64_t others_firewalld(void);

#endif

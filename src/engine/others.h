/* Beside other firewalls of the machine: what a start does about them. */
#ifndef TARE_ENGINE_OTHERS_H
#define TARE_ENGINE_OTHERS_H

#include "engine/network.h"

/* With the firewall's table loaded: our chain in iptables' FORWARD where that drops, and whether published ports ask the host's rules
 * (net/admission.h). Done again with every start, so what somebody took away is there again. What cannot be done is a warning. */
void others_arrange(const struct engine *en);
/* After endpoints were given back: when nobody has any, our chain goes. */
void others_leave(const struct engine *en);

/* Which there are, for people: "none", "iptables (Docker), inet filter forward". In a's memory. */
const char *others_text(const struct engine *en, struct arena *a);
/* Before a network goes: firewalld does not trust its subnets any more. */
void others_network_leaves(const struct engine *en, const struct network *n);

/* Parts of these (others_zone.c), with the lock held: every network of ours trusted by firewalld, if it is there. */
int others_arrange_zone(const struct engine *en, struct err *e) MUST_CHECK;
bool others_zone_is_right(const struct engine *en);

#endif

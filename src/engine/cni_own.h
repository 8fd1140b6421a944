/* Networks of CNI that are served by tare's own machinery: a row among the networks like any other, whose configuration has a member
 * "Cni": {"File","Digest","Store"}. It is made when a container first joins it, and made anew when the list has changed.
 *
 * Whoever runs the plugins of the same list uses the same bridge and the same store of addresses. Who was there first decides: where the
 * bridge stands already and is not ours, the plugins are run. */
#ifndef TARE_ENGINE_CNI_OWN_H
#define TARE_ENGINE_CNI_OWN_H

#include "engine/network.h"

/* In an open transaction: net, as network_find() gave it, as it is now. 1: its plugins are to be run. ERR_BUSY: the list has changed while
 * containers use the network as it was. */
int cni_own_settle(const struct engine *en, struct arena *a, struct network *net, struct err *e) MUST_CHECK;

/* Of any network: whether an address is in the store of another program; takes and gives back one of a container's. Networks that are
 * none of CNI have no store. */
bool cni_own_is_held(const struct network *net, const struct ip *ip);
int cni_own_hold(const struct network *net, const struct ip *ip, const char *container, const char *ifname, struct err *e) MUST_CHECK;
void cni_own_release(const struct network *net, const struct ip *ip, const char *container);

#endif

/* Lists of CNI whose plugins need not be run: a bridge with translated addresses, host-local's addresses and portmap are what a network
 * of tare's own is. */
#ifndef TARE_NET_CNI_OWN_H
#define TARE_NET_CNI_OWN_H

#include "net/cni.h"

#define CNI_STORE "/var/lib/cni/networks" /* where host-local keeps who has which address, unless it is told another folder */

struct cni_own {
	const char *bridge; /* its device */
	struct ip_net subnet;
	struct ip gateway;
	uint32_t mtu;      /* 0: not said */
	const char *store; /* the folder above */
};

/* Whether every plugin, and every option, of the list is one whose meaning a network of tare's own has; then *out is which one. */
bool cni_own_read(const struct cni_list *list, struct cni_own *out);

/* host-local's store, FOLDER/NETWORK/ADDRESS: an address is its holder's who made the file. Whether somebody has it. */
bool cni_store_has(const char *store, const char *network, const struct ip *ip);
/* Takes it for device ifname of a container; again is fine. ERR_CONFLICT: somebody else has it. */
int cni_store_hold(const char *store, const char *network, const struct ip *ip, const char *container, const char *ifname, struct err *e) MUST_CHECK;
/* Gives it back, if it is this container's. */
void cni_store_release(const char *store, const char *network, const struct ip *ip, const char *container);

#endif

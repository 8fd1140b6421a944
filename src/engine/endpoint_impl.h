/* Private to engine/endpoint*.c: the elements of the firewall that stand for ports, and the end of a container that has guests. */
#ifndef TARE_ENGINE_ENDPOINT_IMPL_H
#define TARE_ENGINE_ENDPOINT_IMPL_H

#include "engine/endpoint.h"

void endpoint_port_elements(const struct firewall *fw, struct nl_batch *q, bool add, const char *id, const struct net_port *p,
			    const struct net_link *to);
/* Each in a change of its own, for one that is not there would keep the others: links (or not), and ports. */
int endpoint_remove_each(const struct firewall *fw, const char *id, const struct endpoints *own, bool links) MUST_CHECK;
/* Takes the devices out of the network namespace where others share it (join.h). Nothing where nobody does. */
int endpoint_leave_guests(const struct engine *en, struct arena *a, const char *id, const struct endpoints *own, struct err *e) MUST_CHECK;

#endif

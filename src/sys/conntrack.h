/* Connections that the kernel keeps track of, by ctnetlink: forgetting those that must not go on. What has been translated once goes
 * where it went, whatever the rules say by now. */
#ifndef TARE_SYS_CONNTRACK_H
#define TARE_SYS_CONNTRACK_H

#include <stddef.h>
#include <stdint.h>

#include "base/ip.h"

/* All that one of these addresses began or answers. How many, or -errno. */
int conntrack_forget_ips(const struct ip *v, size_t n) MUST_CHECK;
/* All of a protocol that were begun to one of these ports, and of which neither end was translated. IPv4. */
int conntrack_forget_ports(unsigned char proto, uint16_t first, uint16_t last) MUST_CHECK;

/* All of a protocol that were begun to one of these ports of another address, and were translated to ip, which answers. */
int conntrack_forget_published(const struct ip *ip, unsigned char proto, uint16_t first, uint16_t last) MUST_CHECK;

#endif

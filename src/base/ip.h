/* Addresses of IPv4 and IPv6 and their subnets, and hardware addresses: texts and arithmetic. */
#ifndef TARE_BASE_IP_H
#define TARE_BASE_IP_H

#include <stdbool.h>
#include <stdint.h>

#include "base/cleanup.h"

struct ip {
	unsigned char len; /* 4 or 16; 0 = none */
	unsigned char bytes[16]; /* network order */
};

/* An address and the length of its subnet's prefix, in bits; the address may be any of the subnet's. */
struct ip_net {
	struct ip ip;
	unsigned char prefix;
};

int ip_parse(const char *s, struct ip *out) MUST_CHECK;         /* "10.0.0.1", "fd00::1"; -EINVAL */
int ip_net_parse(const char *s, struct ip_net *out) MUST_CHECK; /* "10.0.0.0/16"; -EINVAL */
/* Into out, which is given; "" for none. */
#define IP_TEXT_LEN 50
const char *ip_text(const struct ip *ip, char out[IP_TEXT_LEN]);
const char *ip_net_text(const struct ip_net *net, char out[IP_TEXT_LEN]);

bool ip_same(const struct ip *a, const struct ip *b);
bool ip_any(const struct ip *ip); /* 0.0.0.0 and ::, or none */

/* The n-th address of a subnet, its own being 0; and which one ip is. Both look at 64 bits at most. */
struct ip ip_nth(const struct ip_net *net, uint64_t n);
uint64_t ip_number(const struct ip_net *net, const struct ip *ip);
/* The first and the last address of a subnet, of any size. */
struct ip ip_first(const struct ip_net *net);
struct ip ip_last(const struct ip_net *net);
/* How many addresses it has; UINT32_MAX for more. */
uint32_t ip_net_size(const struct ip_net *net);
bool ip_net_has(const struct ip_net *net, const struct ip *ip);
bool ip_net_overlap(const struct ip_net *a, const struct ip_net *b);

#define MAC_LEN 6
#define MAC_TEXT_LEN 18
int mac_parse(const char *s, unsigned char mac[MAC_LEN]) MUST_CHECK; /* "02:42:0a:00:00:01"; -EINVAL */
const char *mac_text(const unsigned char mac[MAC_LEN], char out[MAC_TEXT_LEN]);

#endif

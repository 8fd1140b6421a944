#include "base/ip.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "base/text.h"

int ip_parse(const char *s, struct ip *out)
{
	*out = (struct ip){ .len = strchr(s, ':') ? 16 : 4 };
	return inet_pton(out->len == 16 ? AF_INET6 : AF_INET, s, out->bytes) == 1 ? 0 : -EINVAL;
}

int ip_net_parse(const char *s, struct ip_net *out)
{
	const char *slash = strchr(s, '/');
	char address[IP_TEXT_LEN];
	uint32_t prefix;

	if (!slash || (size_t)(slash - s) >= sizeof(address))
		return -EINVAL;
	memcpy(address, s, (size_t)(slash - s));
	address[slash - s] = '\0';
	if (ip_parse(address, &out->ip) < 0 || text_u32(slash + 1, &prefix) < 0 || prefix > out->ip.len * 8U)
		return -EINVAL;
	out->prefix = (unsigned char)prefix;
	return 0;
}

const char *ip_text(const struct ip *ip, char out[IP_TEXT_LEN])
{
	out[0] = '\0';
	if (ip->len && !inet_ntop(ip->len == 16 ? AF_INET6 : AF_INET, ip->bytes, out, IP_TEXT_LEN))
		out[0] = '\0';
	return out;
}

const char *ip_net_text(const struct ip_net *net, char out[IP_TEXT_LEN])
{
	char address[IP_TEXT_LEN], number[TEXT_U64_LEN];

	out[0] = '\0';
	if (net->ip.len && TEXT_JOIN(out, IP_TEXT_LEN, ip_text(&net->ip, address), "/", text_of_u64(net->prefix, number)) < 0)
		out[0] = '\0';
	return out;
}

bool ip_same(const struct ip *a, const struct ip *b)
{
	return a->len == b->len && memcmp(a->bytes, b->bytes, a->len) == 0;
}

bool ip_any(const struct ip *ip)
{
	for (unsigned char i = 0; i < ip->len; i++)
		if (ip->bytes[i])
			return false;
	return true;
}

/* The bits of byte i that belong to the subnet's name. */
static unsigned char mask(const struct ip_net *net, unsigned char i)
{
	unsigned int from = i * 8U;

	if (net->prefix >= from + 8)
		return 0xff;
	if (net->prefix <= from)
		return 0;
	return (unsigned char)(0xffU << (8 - (net->prefix - from)));
}

struct ip ip_nth(const struct ip_net *net, uint64_t n)
{
	struct ip ip = { .len = net->ip.len };

	for (unsigned char i = ip.len; i-- > 0; n >>= 8)
		ip.bytes[i] = (unsigned char)((net->ip.bytes[i] & mask(net, i)) | ((n & 0xff) & (unsigned char)~mask(net, i)));
	return ip;
}

static struct ip filled(const struct ip_net *net, unsigned char with)
{
	struct ip ip = { .len = net->ip.len };

	for (unsigned char i = 0; i < ip.len; i++)
		ip.bytes[i] = (unsigned char)((net->ip.bytes[i] & mask(net, i)) | (with & (unsigned char)~mask(net, i)));
	return ip;
}

struct ip ip_first(const struct ip_net *net)
{
	return filled(net, 0);
}

struct ip ip_last(const struct ip_net *net)
{
	return filled(net, 0xff);
}

uint64_t ip_number(const struct ip_net *net, const struct ip *ip)
{
	uint64_t n = 0;

	for (unsigned char i = 0; i < ip->len; i++)
		n = n << 8 | (ip->bytes[i] & (unsigned char)~mask(net, i));
	return n;
}

uint32_t ip_net_size(const struct ip_net *net)
{
	unsigned int bits = net->ip.len * 8U - net->prefix;

	return bits >= 32 ? UINT32_MAX : 1U << bits;
}

bool ip_net_has(const struct ip_net *net, const struct ip *ip)
{
	if (ip->len != net->ip.len)
		return false;
	for (unsigned char i = 0; i < ip->len; i++)
		if ((ip->bytes[i] ^ net->ip.bytes[i]) & mask(net, i))
			return false;
	return true;
}

bool ip_net_overlap(const struct ip_net *a, const struct ip_net *b)
{
	return a->prefix <= b->prefix ? ip_net_has(a, &b->ip) : ip_net_has(b, &a->ip);
}

int mac_parse(const char *s, unsigned char mac[MAC_LEN])
{
	unsigned int v[MAC_LEN];
	char end;

	if (sscanf(s, "%2x:%2x:%2x:%2x:%2x:%2x%c", &v[0], &v[1], &v[2], &v[3], &v[4], &v[5], &end) != MAC_LEN)
		return -EINVAL;
	for (int i = 0; i < MAC_LEN; i++)
		mac[i] = (unsigned char)v[i];
	return 0;
}

const char *mac_text(const unsigned char mac[MAC_LEN], char out[MAC_TEXT_LEN])
{
	(void)snprintf(out, MAC_TEXT_LEN, "%02x:%02x:%02x:%02x:%02x:%02x", mac[0], mac[1], mac[2], mac[3], mac[4], mac[5]);
	return out;
}

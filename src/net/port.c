#include "net/port.h"

#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/text.h"

static const struct {
	const char *name;
	unsigned char proto;
} protocols[] = { { "tcp", IPPROTO_TCP }, { "udp", IPPROTO_UDP }, { "sctp", IPPROTO_SCTP } };

const char *net_proto_name(unsigned char proto)
{
	for (size_t i = 0; i < ARRAY_LEN(protocols); i++)
		if (protocols[i].proto == proto)
			return protocols[i].name;
	return "?";
}

int net_proto_parse(const char *s, unsigned char *out)
{
	for (size_t i = 0; i < ARRAY_LEN(protocols); i++)
		if (strcasecmp(protocols[i].name, s) == 0) {
			*out = protocols[i].proto;
			return 0;
		}
	return -EINVAL;
}

/* "80" or "80-90"; cut at its dash. */
static int parse_range(char *s, uint16_t *first, uint16_t *last)
{
	char *dash = strchr(s, '-');
	uint32_t a, b;

	if (dash)
		*dash++ = '\0';
	if (text_u32(s, &a) < 0 || text_u32(dash ? dash : s, &b) < 0 || a == 0 || b > 65535 || b < a)
		return -EINVAL;
	*first = (uint16_t)a;
	*last = (uint16_t)b;
	return 0;
}

static bool is_link_local(const struct ip *ip)
{
	return ip->len == 16 && ip->bytes[0] == 0xfe && (ip->bytes[1] & 0xc0) == 0x80;
}

/* ::ffff:1.2.3.4 is another text for 1.2.3.4: no packet of IPv6 goes there. */
static void unmap(struct ip *ip)
{
	static const unsigned char mapped[12] = { [10] = 0xff, 0xff };

	const struct ip was = *ip;

	if (was.len != 16 || memcmp(was.bytes, mapped, sizeof(mapped)) != 0)
		return;
	*ip = (struct ip){ .len = 4 };
	memcpy(ip->bytes, was.bytes + sizeof(mapped), 4);
}

int net_port_set_host(struct net_port *p, const char *text)
{
	p->host = (struct ip){ 0 };
	p->only = 0;
	if (!*text)
		return 0;
	if (ip_parse(text, &p->host) < 0)
		return -EINVAL;
	unmap(&p->host);
	p->only = p->host.len;
	if (ip_any(&p->host))
		p->host.len = 0;
	return 0;
}

const char *net_port_host(const struct net_port *p, char out[IP_TEXT_LEN])
{
	const struct ip any = { .len = p->only };

	return ip_text(p->host.len ? &p->host : &any, out);
}

static int parse_host(char *s, struct net_port *out)
{
	size_t len = strlen(s);

	if (len > 1 && s[0] == '[' && s[len - 1] == ']') {
		s[len - 1] = '\0';
		s++;
	}
	return net_port_set_host(out, s);
}

static int parse_parts(char *text, struct net_port *out, struct err *e)
{
	char *slash = strchr(text, '/'), *colon, *target = text, *host_port = NULL, *host = NULL;
	uint16_t end;

	if (slash)
		*slash++ = '\0';
	if (slash && net_proto_parse(slash, &out->proto) < 0)
		return err_set(e, ERR_INVALID, "the protocol is tcp, udp or sctp");
	colon = strrchr(text, ':');
	if (colon) {
		*colon = '\0';
		target = colon + 1;
		host_port = text;
		colon = strrchr(text, ':');
		if (colon && !strchr(colon, ']')) {
			*colon = '\0';
			host = text;
			host_port = colon + 1;
		}
	}
	if (parse_range(target, &out->target, &end) < 0)
		return err_set(e, ERR_INVALID, "the container's port is a number from 1 to 65535, or two of them as a range");
	if (host && parse_host(host, out) < 0)
		return err_set(e, ERR_INVALID, "\"%s\" is no address of the host", host);
	if (is_link_local(&out->host))
		return err_set(e, ERR_INVALID, "a link-local address says nothing without its device: take another address of the host");
	out->count = (uint16_t)(end - out->target + 1);
	if (!host_port || !*host_port || (strcmp(host_port, "0") == 0 && out->count == 1))
		return 0;
	if (parse_range(host_port, &out->first, &out->last) < 0)
		return err_set(e, ERR_INVALID, "the host's port is a number from 1 to 65535, or two of them as a range");
	if (out->count > 1 && out->last - out->first + 1 != out->count)
		return err_set(e, ERR_INVALID, "the two ranges differ in length");
	return 0;
}

/* "published=8080,target=80,protocol=udp" as "8080:80/udp". */
static int shorten(char *text, char *out, size_t size, struct err *e)
{
	struct {
		const char *key, *value;
	} parts[] = { { "published", "" }, { "target", "" }, { "protocol", "tcp" } };
	char *part;

	while ((part = strsep(&text, ","))) {
		char *eq = strchr(part, '=');
		size_t i = 0;

		if (eq)
			*eq++ = '\0';
		while (i < ARRAY_LEN(parts) && strcmp(parts[i].key, part) != 0)
			i++;
		if (!eq || i == ARRAY_LEN(parts))
			return err_set(e, ERR_UNSUPPORTED, "\"%s\" is not supported (published=, target= and protocol= are)", part);
		parts[i].value = eq;
	}
	(void)snprintf(out, size, "%s:%s/%s", parts[0].value, parts[1].value, parts[2].value);
	return 0;
}

int net_port_parse(const char *text, struct net_port *out, struct err *e)
{
	char copy[128], words[128];

	*out = (struct net_port){ .proto = IPPROTO_TCP };
	if ((size_t)snprintf(copy, sizeof(copy), "%s", text) >= sizeof(copy))
		return err_set(e, ERR_INVALID, "-p %.40s…: it is too long", text);
	if (strchr(text, '=')) {
		memcpy(words, copy, sizeof(words));
		if (shorten(words, copy, sizeof(copy), e) < 0)
			return err_ctx(e, "-p %s", text);
	}
	return parse_parts(copy, out, e) < 0 ? err_ctx(e, "-p %s", text) : 0;
}

/* ---- texts of what is there ---- */

static size_t put_range(char *out, size_t size, uint16_t first, uint16_t last)
{
	int n = first == last ? snprintf(out, size, "%u", first) : snprintf(out, size, "%u-%u", first, last);

	return n < 0 ? 0 : (size_t)n;
}

const char *net_port_text(const struct net_port *p, char out[NET_PORT_TEXT_LEN])
{
	char host[IP_TEXT_LEN];
	size_t n = 0;

	out[0] = '\0';
	if (p->only)
		n = (size_t)snprintf(out, NET_PORT_TEXT_LEN, p->only == 16 ? "[%s]:" : "%s:", net_port_host(p, host));
	if (p->first)
		n += put_range(out + n, NET_PORT_TEXT_LEN - n, p->first, p->count > 1 ? (uint16_t)(p->first + p->count - 1) : p->last);
	if (p->first || n)
		out[n++] = ':';
	n += put_range(out + n, NET_PORT_TEXT_LEN - n, p->target, (uint16_t)(p->target + p->count - 1));
	(void)snprintf(out + n, NET_PORT_TEXT_LEN - n, "/%s", net_proto_name(p->proto));
	return out;
}

bool net_port_same(const struct net_port *a, const struct net_port *b)
{
	return a->proto == b->proto && a->only == b->only && ip_same(&a->host, &b->host) && a->first == b->first && a->target == b->target && a->count == b->count &&
	       (!a->first || a->last == b->last);
}

/* ---- looking for them ---- */

/* An address as it stands before a port; bare: IPv6 without brackets may be meant, for two ports follow. */
static bool take_address(char *s, bool bare, struct net_port_match *out)
{
	struct net_port p = { 0 };
	bool is_one = s[0] == '[' || (strchr(s, ':') ? bare : strchr(s, '.') != NULL);

	if (!is_one || parse_host(s, &p) < 0)
		return false;
	out->at = true;
	out->host = p.host;
	out->only = p.only;
	return true;
}

/* The last colon, cut there; one within brackets is none. */
static char *cut_last(char *s)
{
	char *colon = strrchr(s, ':');

	if (!colon || strchr(colon, ']'))
		return NULL;
	*colon = '\0';
	return colon + 1;
}

/* "80/tcp -> ADDRESS:PORT" is "ADDRESS:PORT:80/tcp", as "ADDRESS:PORT->80/tcp" is. */
static int straighten(const char *text, char *out, size_t len)
{
	const char *arrow = strstr(text, "->"), *right = arrow ? arrow + 2 + strspn(arrow + 2, " ") : NULL;
	int left = arrow ? (int)(arrow - text) : 0, n;

	if (arrow == text)
		return -EINVAL;
	if (arrow && arrow[-1] == ' ')
		n = snprintf(out, len, "%s:%.*s", right, left - 1, text);
	else if (arrow)
		n = snprintf(out, len, "%.*s:%s", left, text, right);
	else
		n = snprintf(out, len, "%s", text);
	return n < 0 || (size_t)n >= len ? -EINVAL : 0;
}

static int parse_match(char *text, struct net_port_match *out)
{
	char *slash = strchr(text, '/'), *last, *middle;

	if (slash)
		*slash++ = '\0';
	if (slash && net_proto_parse(slash, &out->proto) < 0)
		return -EINVAL;
	last = cut_last(text);
	if (!last)
		return parse_range(text, &out->first, &out->last);
	if (take_address(text, false, out))
		return parse_range(last, &out->first, &out->last);
	middle = cut_last(text);
	if (middle && !take_address(text, true, out))
		return -EINVAL;
	if (!middle)
		middle = text;
	if (*middle && parse_range(middle, &out->first, &out->last) < 0)
		return -EINVAL;
	return parse_range(last, &out->target, &out->target_last);
}

int net_port_match_parse(const char *text, struct net_port_match *out, struct err *e)
{
	char copy[128];

	*out = (struct net_port_match){ .proto = IPPROTO_TCP };
	if (straighten(text, copy, sizeof(copy)) < 0 || parse_match(copy, out) < 0)
		return err_set(e, ERR_INVALID, "\"%.80s\": want PORT or ADDRESS:PORT of the host, or [[ADDRESS:]PORT]:PORT of both, and /udp or /sctp behind it", text);
	if (out->first && out->target_last > out->target && out->last - out->first != out->target_last - out->target)
		return err_set(e, ERR_INVALID, "\"%.80s\": the two ranges differ in length", text);
	return 0;
}

static int greater(int a, int b)
{
	return a > b ? a : b;
}

uint16_t net_port_match(const struct net_port_match *m, const struct net_port *p, uint16_t *at)
{
	bool pairs = m->first && m->target_last > m->target;
	int from = 0, to = p->count - 1;

	*at = 0;
	if (m->proto != p->proto || (m->at && (!ip_same(&m->host, &p->host) || (p->only && m->only && p->only != m->only))))
		return 0;
	if (pairs && m->target - m->first != p->target - p->first)
		return 0;
	if (m->first) {
		from = greater(from, m->first - p->first);
		to = m->last - p->first < to ? m->last - p->first : to;
	}
	if (m->target) {
		from = greater(from, m->target - p->target);
		to = m->target_last - p->target < to ? m->target_last - p->target : to;
	}
	if (to < from)
		return 0;
	*at = (uint16_t)from;
	return (uint16_t)(to - from + 1);
}

#include "net/port.h"

#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

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
		if (strcmp(protocols[i].name, s) == 0) {
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

int net_port_set_host(struct net_port *p, const char *text)
{
	p->host = (struct ip){ 0 };
	p->only = 0;
	if (!*text)
		return 0;
	if (ip_parse(text, &p->host) < 0)
		return -EINVAL;
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
	} else if (strchr(s, ':')) {
		return -EINVAL;
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
		return err_set(e, ERR_INVALID, "\"%s\" is no address of the host (IPv6 stands in brackets)", host);
	out->count = (uint16_t)(end - out->target + 1);
	if (!host_port || !*host_port)
		return 0;
	if (parse_range(host_port, &out->first, &out->last) < 0)
		return err_set(e, ERR_INVALID, "the host's port is a number from 1 to 65535, or two of them as a range");
	if (out->count > 1 && out->last - out->first + 1 != out->count)
		return err_set(e, ERR_INVALID, "the two ranges differ in length");
	return 0;
}

int net_port_parse(const char *text, struct net_port *out, struct err *e)
{
	char copy[128];

	*out = (struct net_port){ .proto = IPPROTO_TCP };
	if ((size_t)snprintf(copy, sizeof(copy), "%s", text) >= sizeof(copy))
		return err_set(e, ERR_INVALID, "-p %.40s…: it is too long", text);
	return parse_parts(copy, out, e) < 0 ? err_ctx(e, "-p %s", text) : 0;
}

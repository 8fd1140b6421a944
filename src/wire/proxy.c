#include "wire/proxy.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/ip.h"
#include "base/text.h"

static const char *either(const char *upper, const char *lower)
{
	const char *v = getenv(upper);

	if (!v || !*v)
		v = getenv(lower);
	return v ? v : "";
}

void proxy_settings_find(struct proxy_settings *out)
{
	/* a CGI program's HTTP_PROXY is what a visitor sent as the header "Proxy" */
	out->http = getenv("REQUEST_METHOD") ? either("http_proxy", "http_proxy") : either("HTTP_PROXY", "http_proxy");
	out->https = either("HTTPS_PROXY", "https_proxy");
	out->except = either("NO_PROXY", "no_proxy");
}

/* An address, maybe in []. */
static bool address_of(const char *host, struct ip *out)
{
	char text[IP_TEXT_LEN];
	size_t len = strlen(host);

	if (host[0] == '[' && len > 2 && host[len - 1] == ']') {
		host++;
		len -= 2;
	}
	if (len >= sizeof(text))
		return false;
	memcpy(text, host, len);
	text[len] = '\0';
	return ip_parse(text, out) == 0;
}

bool proxy_is_loopback(const char *host)
{
	static const struct ip six = { .len = 16, .bytes = { [15] = 1 } };
	struct ip ip;

	if (!address_of(host, &ip))
		return strcasecmp(host, "localhost") == 0;
	return ip.len == 4 ? ip.bytes[0] == 127 : ip_same(&ip, &six);
}

/* Takes ":port" off an exception: the port, 0 without, -1: it is none. Of an address of IPv6 only [address]:port has one. */
static long take_port(char *entry)
{
	char *colon = strrchr(entry, ':');
	uint32_t port;

	if (!colon || (entry[0] != '[' && strchr(entry, ':') != colon) || (entry[0] == '[' && (colon == entry || colon[-1] != ']')))
		return 0;
	if (text_u32(colon + 1, &port) < 0 || port == 0 || port > 65535)
		return -1;
	*colon = '\0';
	return (long)port;
}

static bool name_matches(const char *entry, const char *host)
{
	size_t len, n = strlen(host);
	bool below = false;

	if (entry[0] == '*' && entry[1] == '.')
		entry++;
	if (entry[0] == '.') {
		entry++;
		below = true;
	}
	len = strlen(entry);
	if (len == 0 || n < len || strcasecmp(host + n - len, entry) != 0)
		return false;
	return n == len ? !below : host[n - len - 1] == '.';
}

static bool exception_matches(char *entry, const char *host, const struct ip *ip, unsigned int port)
{
	struct ip_net net;
	struct ip other;
	long only;

	if (strcmp(entry, "*") == 0)
		return true;
	if (ip_net_parse(entry, &net) == 0)
		return ip && ip_net_has(&net, ip);
	only = take_port(entry);
	if (only < 0 || (only && (unsigned int)only != port))
		return false;
	if (address_of(entry, &other))
		return ip && ip_same(&other, ip);
	return !ip && name_matches(entry, host);
}

static bool is_excepted(const char *list, const char *host, const struct ip *ip, unsigned int port)
{
	while (*list) {
		size_t len = strcspn(list, ", \t");
		char entry[300];

		if (len && len < sizeof(entry)) {
			memcpy(entry, list, len);
			entry[len] = '\0';
			if (exception_matches(entry, host, ip, port))
				return true;
		}
		list += len;
		list += strspn(list, ", \t");
	}
	return false;
}

static int check(const char *url, const char *variable, struct err *e)
{
	static const char *const schemes[] = { "http", "https", "socks5", "socks5h" };
	const char *rest = strstr(url, "://"), *host = rest + 3, *at;

	for (const char *p = url; *p; p++)
		if (*p <= 0x20 || *p >= 0x7f)
			return err_set(e, ERR_INVALID, "%s is no URL: it has characters that must be written as %%XX", variable);
	at = memchr(host, '@', strcspn(host, "/"));
	host = at ? at + 1 : host;
	if (!*host || strchr(":/", *host))
		return err_set(e, ERR_INVALID, "%s names no host", variable);
	for (size_t i = 0; i < ARRAY_LEN(schemes); i++)
		if (strncasecmp(url, schemes[i], (size_t)(rest - url)) == 0 && strlen(schemes[i]) == (size_t)(rest - url))
			return 0;
	return err_set(e, ERR_INVALID, "%s is no proxy by http, https, socks5 or socks5h", variable);
}

int proxy_for(struct arena *a, const struct proxy_settings *s, bool https, const char *host, unsigned int port, const char **out,
	      struct err *e)
{
	const char *url = https ? s->https : s->http;
	struct ip ip;
	bool is_ip = address_of(host, &ip);

	*out = NULL;
	if (!*url || proxy_is_loopback(host) || is_excepted(s->except, host, is_ip ? &ip : NULL, port))
		return 0;
	url = arena_printf(a, "%s%s", strstr(url, "://") ? "" : "http://", url);
	if (!url)
		return err_errno(e, -ENOMEM, "find a proxy");
	if (check(url, https ? "HTTPS_PROXY" : "HTTP_PROXY", e) < 0)
		return e->code;
	*out = url;
	return 0;
}

/* Which proxy a URL is asked through: HTTP_PROXY, HTTPS_PROXY and NO_PROXY, by the rules of Go's net/http, which docker and podman have,
 * and curl has but for details. */
#ifndef TARE_WIRE_PROXY_H
#define TARE_WIRE_PROXY_H

#include <stdbool.h>

#include "base/arena.h"
#include "base/err.h"

struct proxy_settings {
	const char *http, *https; /* proxies for URLs of these schemes; "" for none */
	const char *except;       /* NO_PROXY */
};

/* HTTP_PROXY or http_proxy, and so on; upper case first. */
void proxy_settings_find(struct proxy_settings *out);

/* The proxy for https (or else http) to host ("name", "10.0.0.1", "fd00::1" with or without []) at port: *out is its URL, "http://…" where
 * none was said, or NULL. There is none for localhost and the machine's own addresses, and where NO_PROXY has, parted by commas or blanks,
 *   "*" · an address · a subnet "10.0.0.0/8" · "name", which is that host and all below it · ".name" or "*.name", all below it;
 * each but the subnet also with ":port". What NO_PROXY has that is none of these is passed over, as everywhere. ERR_INVALID: the proxy's
 * URL is not http, https, socks5 or socks5h and a host; the message has no password that may be in it. */
int proxy_for(struct arena *a, const struct proxy_settings *s, bool https, const char *host, unsigned int port, const char **out,
	      struct err *e) MUST_CHECK;

/* localhost, 127.0.0.0/8, ::1. */
bool proxy_is_loopback(const char *host);

#endif

/* What Docker's daemon.json says of registries, as the words of registries.conf. */
#include <string.h>

#include "base/ip.h"
#include "base/text.h"
#include "engine/registries_impl.h"

#define HTTP "http://"
#define HTTPS "https://"

/* A mirror is the URL of a whole registry: its scheme says whether certificates count. */
static int read_mirror(struct arena *a, const char *url, struct registry_place *out, struct err *e)
{
	bool plain = text_starts(url, HTTP);
	const char *rest = plain ? url + strlen(HTTP) : text_starts(url, HTTPS) ? url + strlen(HTTPS) : NULL;
	struct location l;
	int r;

	if (!rest)
		return err_set(e, ERR_INVALID, "want http://HOST[:PORT] or https://HOST[:PORT]");
	*out = (struct registry_place){ .location = arena_strndup(a, rest, text_path_len(rest)), .insecure_said = plain, .insecure = plain,
					.by_tag = true, .by_digest = true };
	if (!out->location)
		return err_errno(e, -ENOMEM, "registries");
	r = location_parse(a, out->location, &l, e);
	return r == 0 && l.socket ? err_set(e, ERR_INVALID, "want a URL with a host") : r;
}

static int check_insecure(struct arena *a, const char *text, struct err *e)
{
	struct ip_net net;
	struct location l;
	int r;

	if (ip_net_parse(text, &net) == 0)
		return 0;
	r = location_parse(a, text, &l, e);
	return r == 0 && (l.socket || *l.path) ? err_set(e, ERR_INVALID, "want HOST[:PORT] or a subnet") : r;
}

int registries_add(struct arena *a, struct registries *regs, const struct registries_more *more, struct err *e)
{
	struct registry_place *mirrors = arena_array(a, more->mirrors.n + 1, sizeof(*mirrors));

	if (!mirrors)
		return err_errno(e, -ENOMEM, "registries");
	for (size_t i = 0; i < more->mirrors.n; i++)
		if (read_mirror(a, more->mirrors.v[i], &mirrors[i], e) < 0)
			return err_ctx(e, "registry-mirrors: \"%.200s\"", more->mirrors.v[i]);
	for (size_t i = 0; i < more->insecure.n; i++)
		if (check_insecure(a, more->insecure.v[i], e) < 0)
			return err_ctx(e, "insecure-registries: \"%.200s\"", more->insecure.v[i]);
	regs->hub_mirrors = mirrors;
	regs->n_hub_mirrors = more->mirrors.n;
	regs->insecure = more->insecure;
	return 0;
}

/* An address of IPv6 stands in brackets there. */
static bool has_address(const struct ip_net *net, const char *host)
{
	char text[IP_TEXT_LEN];
	size_t len = strlen(host);
	struct ip ip;

	if (*host != '[')
		return ip_parse(host, &ip) == 0 && ip_net_has(net, &ip);
	if (len - 2 >= sizeof(text))
		return false;
	memcpy(text, host + 1, len - 2);
	text[len - 2] = '\0';
	return ip_parse(text, &ip) == 0 && ip_net_has(net, &ip);
}

bool registries_are_insecure(const struct registries *regs, const struct location *l)
{
	for (size_t i = 0; i < regs->insecure.n; i++) {
		struct ip_net net;

		if (strcmp(regs->insecure.v[i], l->domain) == 0 || (ip_net_parse(regs->insecure.v[i], &net) == 0 && has_address(&net, l->host)))
			return true;
	}
	return false;
}

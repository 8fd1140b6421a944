/* From an image's name to the places where it may be: the rule with the longest prefix, its mirrors and its location, each rewritten as
 * the rule says, and per place what a connection there needs. */
#include <string.h>

#include "base/text.h"
#include "engine/certs.h"
#include "engine/registries.h"
#include "engine/registries_impl.h"
#include "wire/proxy.h"

#define HUB "docker.io"
#define HUB_ALIAS "index.docker.io"
#define HUB_HOST "registry-1.docker.io"

struct search {
	struct arena *a;
	const struct registries *regs;
	const struct image_ref *ref;
	struct proxy_settings proxies;
	struct registry_endpoint *found;
	size_t n, cap;
	struct err *e;
};

/* ---- which rule ---- */

/* How much of DOMAIN/PATH a prefix covers; 0: it is none of it. */
static size_t covered(const char *prefix, const struct image_ref *ref)
{
	const char *slash = strchr(prefix, '/');
	size_t domain = strlen(ref->domain), len = text_path_len(prefix), path;

	if (text_starts(prefix, "*.")) {
		const char *host_end = strrchr(ref->domain, ':');
		size_t host = host_end && !strchr(host_end, ']') ? (size_t)(host_end - ref->domain) : domain;

		return host > len - 1 && strncmp(ref->domain + host - (len - 1), prefix + 1, len - 1) == 0 ? domain : 0;
	}
	if (len < domain || strncmp(prefix, ref->domain, domain) != 0 || (prefix[domain] && prefix[domain] != '/'))
		return 0;
	if (!slash || len <= domain + 1)
		return domain;
	path = len - domain - 1;
	if (strncmp(slash + 1, ref->path, path) != 0 || (ref->path[path] && ref->path[path] != '/'))
		return 0;
	return len;
}

static const struct registry_rule *find_rule(const struct registries *regs, const struct image_ref *ref, size_t *cover)
{
	const struct registry_rule *best = NULL;
	size_t best_len = 0;

	for (size_t i = 0; i < regs->n; i++) {
		size_t c = covered(regs->rules[i].prefix, ref), len = strlen(regs->rules[i].prefix);

		if (c && len > best_len) {
			best = &regs->rules[i];
			best_len = len;
			*cover = c;
		}
	}
	return best;
}

/* ---- one place ---- */

static int add(struct search *s, const struct registry_endpoint *ep)
{
	s->found = arena_grow(s->a, s->found, s->n, &s->cap, sizeof(*s->found));
	if (!s->found || !ep->base || !ep->repository)
		return err_errno(s->e, -ENOMEM, "find a registry");
	s->found[s->n++] = *ep;
	return 0;
}

/* What is asked for there: the location's path and what the prefix has left of the name. */
static const char *repository(struct search *s, const struct location *l, size_t cover)
{
	const char *name = arena_printf(s->a, "%s/%s", s->ref->domain, s->ref->path), *rest;
	bool hub = strcmp(l->domain, HUB) == 0;

	if (!name)
		return NULL;
	rest = name + cover + (name[cover] == '/');
	if (hub && !*l->path && !strchr(rest, '/'))
		return arena_printf(s->a, "library/%s", rest);
	if (hub && !*rest && !strchr(l->path, '/'))
		return arena_printf(s->a, "library/%s", l->path);
	return arena_printf(s->a, "%s%s%s", l->path, *l->path && *rest ? "/" : "", rest);
}

/* One scheme of a registry by name. */
static int add_scheme(struct search *s, const struct location *l, const struct registry_endpoint *like, bool https, bool verify)
{
	const char *host = strcmp(l->domain, HUB) == 0 ? HUB_HOST : l->host;
	unsigned int port = l->port ? l->port : https ? 443 : 80;
	struct registry_endpoint ep = *like;
	struct certs certs;
	int r = proxy_for(s->a, &s->proxies, https, host, port, &ep.proxy, s->e);

	if (r < 0)
		return r;
	ep.verify = https && verify;
	ep.base = l->port ? arena_printf(s->a, "%s://%s:%u", https ? "https" : "http", host, port) :
			    arena_printf(s->a, "%s://%s", https ? "https" : "http", host);
	if (https) {
		if (certs_read(s->a, s->regs->places->certs, l->domain, &certs, s->e) < 0)
			return s->e->code;
		ep.ca_pem = certs.ca;
		ep.cert_pem = certs.cert;
		ep.key_pem = certs.key;
	}
	return add(s, &ep);
}

/* cover: how much of the name the location stands for. */
static int add_place(struct search *s, const struct registry_place *place, size_t cover, bool is_mirror)
{
	struct registry_endpoint ep = { .is_mirror = is_mirror, .ca_pem = "", .cert_pem = "", .key_pem = "" };
	struct location l;
	bool insecure;
	int r = location_parse(s->a, place->location, &l, s->e);

	if (r < 0)
		return err_ctx(s->e, "registry %s", place->location);
	if (strcmp(l.domain, HUB_ALIAS) == 0 || strcmp(l.domain, HUB_HOST) == 0)
		l.domain = HUB;
	ep.domain = l.socket ? s->ref->domain : l.domain;
	ep.repository = repository(s, &l, cover);
	if (ep.repository && !*ep.repository)
		return err_set(s->e, ERR_INVALID, "registry %s: nothing of the name %s/%s is left to ask for there", place->location, s->ref->domain, s->ref->path);
	if (l.socket) {
		ep.socket = l.socket;
		ep.base = "http://localhost";
		return add(s, &ep);
	}
	insecure = place->insecure_said ? place->insecure : proxy_is_loopback(l.host) || registries_are_insecure(s->regs, &l);
	r = add_scheme(s, &l, &ep, true, !insecure);
	return r == 0 && insecure ? add_scheme(s, &l, &ep, false, false) : r;
}

/* ---- all of them ---- */

static int add_all(struct search *s, enum registry_use use)
{
	size_t cover = strlen(s->ref->domain);
	const struct registry_rule *rule = find_rule(s->regs, s->ref, &cover);
	struct registry_place itself = { .location = s->ref->domain };

	if (rule && rule->blocked)
		return err_set(s->e, ERR_DENIED, "registry %s is blocked: %s says so of the prefix %s", s->ref->domain, rule->file, rule->prefix);
	for (size_t i = 0; use == REGISTRY_PULL && strcmp(s->ref->domain, HUB) == 0 && i < s->regs->n_hub_mirrors; i++)
		if (add_place(s, &s->regs->hub_mirrors[i], strlen(HUB), true) < 0)
			return s->e->code;
	for (size_t i = 0; rule && use == REGISTRY_PULL && i < rule->n_mirrors; i++) {
		const struct registry_place *m = &rule->mirrors[i];

		if ((s->ref->digest ? m->by_digest : m->by_tag) && add_place(s, m, cover, true) < 0)
			return s->e->code;
	}
	if (rule && rule->place.location)
		return add_place(s, &rule->place, cover, false);
	if (rule) {
		itself.insecure_said = rule->place.insecure_said;
		itself.insecure = rule->place.insecure;
	}
	return add_place(s, &itself, strlen(s->ref->domain), false);
}

int registries_resolve(struct arena *a, const struct registries *regs, const struct image_ref *ref, enum registry_use use,
		       struct registry_endpoint **out, size_t *n, struct err *e)
{
	struct search s = { .a = a, .regs = regs, .ref = ref, .e = e };
	int r;

	proxy_settings_find(&s.proxies);
	r = add_all(&s, use);
	*out = s.found;
	*n = r < 0 ? 0 : s.n;
	return r;
}

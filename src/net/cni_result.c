/* Results have had three forms: "ip4" and "ip6" (0.1 and 0.2), "ips" with a "version" each (0.3 and 0.4), "ips" without it (1.0 and
 * later). The device that an address belongs to is an index into "interfaces", of which those with a "sandbox" are the container's. */
#include "net/cni.h"

#include <stdio.h>
#include <string.h>

#define MOST_ADDRESSES 64

/* ---- ADD ---- */

static int read_ip(const struct json *obj, const char *key, struct cni_ip *out, struct err *e)
{
	const char *address = NULL, *gateway = "";
	int r = json_get_str(obj, "ips", key, &address, e);

	if (r == 0)
		r = json_get_str(obj, "ips", "gateway", &gateway, e);
	if (r < 0)
		return r;
	*out = (struct cni_ip){ 0 };
	if (!address || ip_net_parse(address, &out->net) < 0)
		return err_set(e, ERR_INVALID, "\"%.60s\" is no address with a prefix", address ? address : "");
	if (gateway[0] && ip_parse(gateway, &out->gateway) < 0)
		return err_set(e, ERR_INVALID, "gateway \"%.60s\" is no address", gateway);
	return 0;
}

static int read_old(const struct json *doc, struct cni_result *out, struct err *e)
{
	static const char *const keys[] = { "ip4", "ip6" };

	for (size_t i = 0; i < ARRAY_LEN(keys); i++) {
		const struct json *one = NULL;
		int r = json_get_obj(doc, "result", keys[i], &one, e);

		if (r == 0 && one)
			r = read_ip(one, "ip", &out->ips[out->n_ips++], e);
		if (r < 0)
			return r;
	}
	return 0;
}

static const struct json *nth(const struct json *array, uint64_t n)
{
	json_each(v, array)
		if (n-- == 0)
			return v;
	return NULL;
}

/* Of the host's side are the devices without a sandbox; an address that names no device is the container's. */
static bool is_inside(const struct json *interfaces, const struct json *ip)
{
	const struct json *index = json_get(ip, "interface"), *sandbox;
	uint64_t n;

	if (!index || json_as_u64(index, &n) < 0)
		return true;
	sandbox = json_get(nth(interfaces, n), "sandbox");
	return sandbox && sandbox->type == JSON_STRING && sandbox->len > 0;
}

static int read_ips(const struct json *interfaces, const struct json *ips, struct cni_result *out, struct err *e)
{
	if (ips && ips->len > MOST_ADDRESSES)
		return err_set(e, ERR_LIMIT, "%zu addresses for one device; at most %d are read", ips->len, MOST_ADDRESSES);
	json_each(ip, ips) {
		int r = ip->type != JSON_OBJECT ? err_set(e, ERR_INVALID, "ips has what is no object") :
			is_inside(interfaces, ip) ? read_ip(ip, "address", &out->ips[out->n_ips++], e) : 0;

		if (r < 0)
			return r;
	}
	return 0;
}

static int read_mac(const struct json *interfaces, const char *ifname, struct cni_result *out, struct err *e)
{
	json_each(device, interfaces) {
		const char *name = "", *sandbox = "", *mac = "";

		if (json_get_str(device, "interfaces", "name", &name, e) < 0 || json_get_str(device, "interfaces", "sandbox", &sandbox, e) < 0 ||
		    json_get_str(device, "interfaces", "mac", &mac, e) < 0)
			return e->code;
		if (sandbox[0] && strcmp(name, ifname) == 0)
			out->mac = mac;
	}
	return 0;
}

/* A line of resolv.conf is made of them. */
static bool is_word(const char *s)
{
	return s[0] && !strpbrk(s, " \t\r\n\v\f");
}

static int words(struct arena *a, const struct json *dns, const char *key, const char ***v, size_t *n, struct err *e)
{
	int r = json_get_strv(a, dns, "dns", key, v, n, e);

	for (size_t i = 0; r == 0 && i < *n; i++)
		if (!is_word((*v)[i]))
			r = err_set(e, ERR_INVALID, "dns.%s: \"%.60s\" is not one word", key, (*v)[i]);
	return r;
}

static int read_dns(struct arena *a, const struct json *dns, struct cni_result *out, struct err *e)
{
	const char *domain = "";
	struct ip ip;
	int r;

	if ((r = words(a, dns, "nameservers", &out->servers, &out->n_servers, e)) < 0 || (r = words(a, dns, "search", &out->search, &out->n_search, e)) < 0 ||
	    (r = words(a, dns, "options", &out->options, &out->n_options, e)) < 0 || (r = json_get_str(dns, "dns", "domain", &domain, e)) < 0)
		return r;
	for (size_t i = 0; i < out->n_servers; i++)
		if (ip_parse(out->servers[i], &ip) < 0)
			return err_set(e, ERR_INVALID, "dns.nameservers: \"%.60s\" is no address", out->servers[i]);
	if (out->n_search || !domain[0])
		return 0;
	if (!is_word(domain))
		return err_set(e, ERR_INVALID, "dns.domain: \"%.60s\" is not one word", domain);
	out->search = arena_array(a, 2, sizeof(*out->search));
	if (!out->search)
		return err_errno(e, -ENOMEM, "dns.domain");
	out->search[out->n_search++] = domain;
	return 0;
}

int cni_result_parse(struct arena *a, const struct json *doc, const char *ifname, struct cni_result *out, struct err *e)
{
	const struct json *interfaces = NULL, *ips = NULL, *dns = NULL;
	int r;

	*out = (struct cni_result){ .mac = "" };
	if (!doc || doc->type != JSON_OBJECT)
		return err_set(e, ERR_INVALID, "the result is no object");
	out->ips = arena_array(a, MOST_ADDRESSES + 2, sizeof(*out->ips));
	if (!out->ips)
		return err_errno(e, -ENOMEM, "read a result");
	if ((r = json_get_array(doc, "result", "interfaces", &interfaces, e)) < 0 || (r = json_get_array(doc, "result", "ips", &ips, e)) < 0 ||
	    (r = json_get_obj(doc, "result", "dns", &dns, e)) < 0 || (r = read_old(doc, out, e)) < 0 || (r = read_ips(interfaces, ips, out, e)) < 0 ||
	    (r = read_mac(interfaces, ifname, out, e)) < 0)
		return err_ctx(e, "result");
	r = read_dns(a, dns, out, e);
	return r < 0 ? err_ctx(e, "result") : 0;
}

/* ---- errors, versions ---- */

bool cni_error_text(const struct json *doc, char *out, size_t len)
{
	const struct json *code = json_get(doc, "code"), *msg = json_get(doc, "msg"), *details = json_get(doc, "details");
	bool has_msg = msg && msg->type == JSON_STRING && msg->len, has_details = details && details->type == JSON_STRING && details->len;
	char number[32] = "";
	uint64_t n;

	if (code && json_as_u64(code, &n) == 0 && n)
		(void)snprintf(number, sizeof(number), " (code %llu)", (unsigned long long)n);
	if (!has_msg && !has_details && !number[0])
		return false;
	(void)snprintf(out, len, "%.300s%s%.300s%s", has_msg ? msg->str : "it failed", has_details ? ": " : "", has_details ? details->str : "", number);
	for (char *c = out; *c; c++) /* details may be many lines */
		if (*c == '\n' || *c == '\r' || *c == '\t')
			*c = ' ';
	return true;
}

int cni_versions_parse(struct arena *a, const struct json *doc, const char ***v, size_t *n, struct err *e)
{
	static const char *const first[] = { "0.1.0", "0.2.0" };
	const char *own = NULL;
	int r;

	*v = NULL;
	*n = 0;
	if (!doc || doc->type != JSON_OBJECT)
		return err_set(e, ERR_INVALID, "the answer to VERSION is no object");
	r = json_get_str(doc, "VERSION", "cniVersion", &own, e);
	if (r == 0)
		r = json_get_strv(a, doc, "VERSION", "supportedVersions", v, n, e);
	if (r < 0 || *n)
		return r;
	/* as its authors read it: a plugin of 0.2.0 need not say more */
	if (!own || strcmp(own, "0.2.0") != 0)
		return err_set(e, ERR_INVALID, "the answer to VERSION has no supportedVersions");
	*v = arena_array(a, 3, sizeof(**v));
	if (!*v)
		return err_errno(e, -ENOMEM, "VERSION");
	for (*n = 0; *n < ARRAY_LEN(first); ++*n)
		(*v)[*n] = first[*n];
	return 0;
}

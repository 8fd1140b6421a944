/* One table says which options of which types have a meaning here, and which values; whatever is not in it means that the plugins
 * are run.
 *
 * Other programs may use the same list by its plugins, on the same bridge. So that nobody is given an address twice, ours are in the store
 * of host-local too, in its form: a file that is made by whoever takes the address (link(2) fails where there is one). */
#include "net/cni_own.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "base/io.h"
#include "base/text.h"

#define SHORTEST_PREFIX 30
#define DEFAULT_BRIDGE "cni0"
#define EVERYWHERE "0.0.0.0/0"

/* ---- what has a meaning here ---- */

enum rule {
	R_ANY,   /* its value makes no difference here, or is looked at below */
	R_TRUE,  /* true is what we do */
	R_FALSE, /* false is what we do */
	R_ZERO,
	R_TEXT,  /* looked at below */
	R_CHOICE /* one of the texts */
};

static const struct option_row {
	const char *type, *key;
	enum rule rule;
	const char *choices; /* "a|b" */
} options[] = {
	{ "bridge", "bridge", R_TEXT, NULL },
	{ "bridge", "isGateway", R_ANY, NULL },
	{ "bridge", "isDefaultGateway", R_ANY, NULL },
	{ "bridge", "ipMasq", R_TRUE, NULL },
	{ "bridge", "hairpinMode", R_ANY, NULL }, /* ours always do */
	{ "bridge", "forceAddress", R_FALSE, NULL },
	{ "bridge", "promiscMode", R_FALSE, NULL },
	{ "bridge", "vlan", R_ZERO, NULL },
	{ "bridge", "mtu", R_ANY, NULL },
	{ "bridge", "ipam", R_ANY, NULL },
	{ "ipam", "type", R_CHOICE, "host-local" },
	{ "ipam", "subnet", R_TEXT, NULL },
	{ "ipam", "gateway", R_TEXT, NULL },
	{ "ipam", "ranges", R_ANY, NULL },
	{ "ipam", "routes", R_ANY, NULL },
	{ "ipam", "dataDir", R_TEXT, NULL },
	{ "range", "subnet", R_TEXT, NULL },
	{ "range", "gateway", R_TEXT, NULL },
	{ "route", "dst", R_CHOICE, EVERYWHERE },
	{ "portmap", "snat", R_TRUE, NULL },
	{ "firewall", "backend", R_CHOICE, "iptables|nftables" },
	{ "firewall", "ingressPolicy", R_CHOICE, "same-bridge" },
	{ "tuning", NULL, R_ANY, NULL },
	{ "loopback", NULL, R_ANY, NULL },
};

static bool is_text(const struct json *v, const char *choices)
{
	if (v->type != JSON_STRING)
		return false;
	for (const char *c = choices; c; c = strchr(c, '|') ? strchr(c, '|') + 1 : NULL)
		if (strcspn(c, "|") == v->len && strncmp(c, v->str, v->len) == 0)
			return true;
	return !choices;
}

static bool fits(const struct option_row *o, const struct json *v)
{
	uint64_t n;

	switch (o->rule) {
	case R_ANY:
		return true;
	case R_TRUE:
		return v->type == JSON_BOOL && v->boolean;
	case R_FALSE:
		return v->type == JSON_BOOL && !v->boolean;
	case R_ZERO:
		return json_as_u64(v, &n) == 0 && n == 0;
	case R_TEXT:
		return is_text(v, NULL);
	case R_CHOICE:
		return is_text(v, o->choices);
	}
	return false;
}

static bool is_known_type(const char *type)
{
	for (size_t i = 0; i < ARRAY_LEN(options); i++)
		if (strcmp(options[i].type, type) == 0)
			return true;
	return false;
}

static bool is_known(const char *type, const struct json *v)
{
	/* what every plugin's configuration may have; aliases, addresses and ports are ours to give without a capability */
	static const char *const every[] = { "type", "name", "cniVersion", "capabilities" };
	bool plugin = strcmp(type, "ipam") != 0 && strcmp(type, "range") != 0 && strcmp(type, "route") != 0;

	for (size_t i = 0; plugin && i < ARRAY_LEN(every); i++)
		if (strcmp(v->key, every[i]) == 0)
			return true;
	for (size_t i = 0; i < ARRAY_LEN(options); i++)
		if (strcmp(options[i].type, type) == 0 && options[i].key && strcmp(options[i].key, v->key) == 0)
			return fits(&options[i], v);
	return false;
}

static bool all_known(const char *type, const struct json *obj)
{
	if (!obj || obj->type != JSON_OBJECT)
		return false;
	json_each(v, obj)
		if (!is_known(type, v))
			return false;
	return true;
}

static bool is_true(const struct json *obj, const char *key)
{
	const struct json *v = json_get(obj, key);

	return v && v->type == JSON_BOOL && v->boolean;
}

/* The one element of an array. */
static const struct json *only(const struct json *array)
{
	return array && array->type == JSON_ARRAY && array->len == 1 ? array->child : NULL;
}

static bool read_subnet(const struct json *range, struct cni_own *out)
{
	const char *subnet = json_text(range, "subnet", ""), *gateway = json_text(range, "gateway", NULL);
	uint64_t n;

	if (ip_net_parse(subnet, &out->subnet) < 0 || out->subnet.ip.len != 4 || out->subnet.prefix > SHORTEST_PREFIX)
		return false;
	out->subnet.ip = ip_nth(&out->subnet, 0);
	out->gateway = ip_nth(&out->subnet, 1);
	if (gateway && (ip_parse(gateway, &out->gateway) < 0 || !ip_net_has(&out->subnet, &out->gateway)))
		return false;
	n = ip_number(&out->subnet, &out->gateway);
	return n > 0 && n < ip_net_size(&out->subnet) - 1;
}

/* One subnet, said in either way. */
static bool read_ipam(const struct json *ipam, struct cni_own *out)
{
	const struct json *ranges = json_get(ipam, "ranges"), *range = ipam;

	if (!all_known("ipam", ipam) || (ranges && json_get(ipam, "subnet")))
		return false;
	if (ranges) {
		range = only(only(ranges));
		if (!all_known("range", range))
			return false;
	}
	out->store = json_text(ipam, "dataDir", CNI_STORE);
	return out->store[0] == '/' && read_subnet(range, out);
}

/* Everything leads to the gateway, nothing else anywhere. */
static bool leads_out(const struct json *bridge)
{
	const struct json *routes = json_get(json_get(bridge, "ipam"), "routes");

	if (!routes || (routes->type == JSON_ARRAY && !routes->len))
		return is_true(bridge, "isDefaultGateway");
	return only(routes) && all_known("route", only(routes)) && json_get(only(routes), "dst");
}

static bool read_bridge(const struct json *conf, struct cni_own *out)
{
	const struct json *mtu = json_get(conf, "mtu");
	uint64_t n = 0;

	out->bridge = json_text(conf, "bridge", DEFAULT_BRIDGE);
	if (!out->bridge[0] || strlen(out->bridge) > 15 || strpbrk(out->bridge, "/: \t\n") || out->bridge[0] == '.')
		return false;
	if (mtu && (json_as_u64(mtu, &n) < 0 || n > UINT16_MAX || (n && n < 68)))
		return false;
	out->mtu = (uint32_t)n;
	return is_true(conf, "ipMasq") && (is_true(conf, "isGateway") || is_true(conf, "isDefaultGateway")) && leads_out(conf) &&
	       read_ipam(json_get(conf, "ipam"), out);
}

bool cni_own_read(const struct cni_list *list, struct cni_own *out)
{
	*out = (struct cni_own){ 0 };
	for (size_t i = 0; i < list->n_plugins; i++) {
		const struct cni_plugin *p = &list->plugins[i];

		if ((strcmp(p->type, "bridge") == 0) != (i == 0) || !is_known_type(p->type) || !all_known(p->type, p->conf))
			return false;
	}
	return list->n_plugins > 0 && read_bridge(list->plugins[0].conf, out);
}

/* ---- host-local's store ---- */

static int open_store(const char *store, const char *network, bool make)
{
	char path[PATH_MAX];
	int r = TEXT_JOIN(path, sizeof(path), store, "/", network), fd;

	if (r >= 0 && make)
		r = io_mkdirs(AT_FDCWD, path, 0755);
	fd = r < 0 ? r : open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return fd < 0 && r >= 0 ? -errno : fd;
}

bool cni_store_has(const char *store, const char *network, const struct ip *ip)
{
	CLEANUP_FD int dir = open_store(store, network, false);
	char name[IP_TEXT_LEN];

	return dir >= 0 && faccessat(dir, ip_text(ip, name), F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

/* Whether the file says that container; "ID\r\nIFNAME". */
static bool is_of(int dir, const char *name, const char *container)
{
	CLEANUP_FREE char *text = NULL;

	return io_read_file(dir, name, 4096, &text, NULL) == 0 && text_starts(text, container) && strchr("\r\n", text[strlen(container)]);
}

/* A file is whole before it has its name: a kill leaves no address that nobody has. */
static const char *unfinished(const char *container, char out[NAME_MAX + 1])
{
	(void)snprintf(out, NAME_MAX + 1, ".tare-%.64s", container);
	return out;
}

int cni_store_hold(const char *store, const char *network, const struct ip *ip, const char *container, const char *ifname, struct err *e)
{
	CLEANUP_FD int dir = open_store(store, network, true);
	CLEANUP_STRBUF struct strbuf text = STRBUF_INIT;
	char name[IP_TEXT_LEN], made[NAME_MAX + 1];
	int r;

	(void)ip_text(ip, name);
	(void)unfinished(container, made);
	sb_printf(&text, "%s\r\n%s", container, ifname);
	r = dir < 0 ? dir : sb_error(&text) < 0 ? -ENOMEM : io_replace_file(dir, made, text.s, text.len, 0600, false);
	if (r == 0 && linkat(dir, made, dir, name, 0) < 0)
		r = errno == EEXIST && is_of(dir, name, container) ? 0 : -errno;
	if (dir >= 0)
		(void)unlinkat(dir, made, 0);
	if (r == -EEXIST)
		return err_set(e, ERR_CONFLICT, "address %s of network %s is somebody else's: %s/%s/%s", name, network, store, network, name);
	return r < 0 ? err_errno(e, r, "hold address %s in %s/%s", name, store, network) : 0;
}

void cni_store_release(const char *store, const char *network, const struct ip *ip, const char *container)
{
	CLEANUP_FD int dir = open_store(store, network, false);
	char name[IP_TEXT_LEN], made[NAME_MAX + 1];

	if (dir < 0)
		return;
	if (is_of(dir, ip_text(ip, name), container))
		(void)unlinkat(dir, name, 0);
	(void)unlinkat(dir, unfinished(container, made), 0);
}

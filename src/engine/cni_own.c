#include "engine/cni_own.h"

#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "base/sha256.h"
#include "engine/cni.h"
#include "engine/network_rows.h"
#include "net/cni_own.h"
#include "sys/rtnl.h"

static const char *cni_member(const struct network *net, const char *key)
{
	const struct json *v = json_get(json_get(net->config, "Cni"), key);

	return v && v->type == JSON_STRING ? v->str : NULL;
}

/* ---- addresses ---- */

bool cni_own_is_held(const struct network *net, const struct ip *ip)
{
	const char *store = cni_member(net, "Store");

	return store && cni_store_has(store, net->name, ip);
}

int cni_own_hold(const struct network *net, const struct ip *ip, const char *container, const char *ifname, struct err *e)
{
	const char *store = cni_member(net, "Store");

	return store ? cni_store_hold(store, net->name, ip, container, ifname, e) : 0;
}

void cni_own_release(const struct network *net, const struct ip *ip, const char *container)
{
	const char *store = cni_member(net, "Store");

	if (store)
		cni_store_release(store, net->name, ip, container);
}

/* ---- making ---- */

/* 1: a bridge of that name stands there; *ours: and is this network's. */
static int look_at_device(const struct engine *en, const char *device, uint32_t number, bool *ours, struct err *e)
{
	CLEANUP_FD int sock = nl_open(NETLINK_ROUTE);
	uint32_t group = 0;
	struct firewall fw;
	int index = sock < 0 ? sock : rtnl_group(sock, device, &group);

	network_firewall(en, &fw);
	*ours = index > 0 && number && group == firewall_group(&fw, number);
	if (index == -ENODEV)
		return 0;
	return index < 0 ? err_errno(e, index, "look for %s", device) : 1;
}

/* Containers that were joined to it by plugins. */
static int has_rows(const struct engine *en, const char *network, struct err *e)
{
	CLEANUP_STMT struct cat_stmt *s = NULL;
	int r = cat_prepare(en->catalog, &s, e, "SELECT 1 FROM cni WHERE network = ?1 LIMIT 1", "s", network);

	return r < 0 ? r : cat_step(s, e);
}

static int make(const struct engine *en, struct arena *a, const struct cni_network *cni, const struct cni_own *own, struct network *out, struct err *e)
{
	CLEANUP_STRBUF struct strbuf member = STRBUF_INIT;
	struct json_writer w = JSON_WRITER(&member);
	char digest[SHA256_DIGEST_LEN + 1], subnet[IP_TEXT_LEN], gateway[IP_TEXT_LEN];
	const char *subnets[] = { ip_net_text(&own->subnet, subnet) }, *gateways[] = { ip_text(&own->gateway, gateway) };
	const char *mtu[] = { arena_printf(a, "mtu=%u", own->mtu) };
	struct network_options o = { .name = cni->net.name, .driver = NETWORK_BRIDGE, .device = own->bridge, .subnets = { subnets, 1 },
				     .gateways = { gateways, 1 }, .options = { mtu, own->mtu ? 1 : 0 } };
	int r;

	sha256_digest(cni->list.text, strlen(cni->list.text), digest);
	jw_object(&w, NULL);
	jw_str(&w, "File", cni->file);
	jw_str(&w, "Digest", digest);
	jw_str(&w, "Store", own->store);
	jw_end_object(&w);
	r = sb_error(&member) < 0 ? err_errno(e, -ENOMEM, "network %s", o.name) : json_parse(a, member.s, member.len, NULL, &o.cni, e);
	return r < 0 ? r : network_make(en, a, &o, out, e);
}

/* 1: the plugins are to be run. What keeps us from serving it is no error: it is theirs then. */
static int decide(const struct engine *en, struct arena *a, struct network *net, struct err *e)
{
	struct err why = { 0 };
	struct cni_network cni;
	struct cni_own own;
	bool ours;
	int r = cni_folder_find(a, net->name, &cni, e);

	if (r < 0 || !cni_own_read(&cni.list, &own))
		return r < 0 ? r : 1;
	r = has_rows(en, net->name, e);
	if (r == 0)
		r = look_at_device(en, own.bridge, 0, &ours, e);
	if (r != 0)
		return r;
	r = make(en, a, &cni, &own, net, &why);
	if (r < 0)
		log_debug("network %s is left to its plugins: %s", cni.net.name, why.msg);
	if (r == 0 || (why.cls != ERR_CONFLICT && why.cls != ERR_INVALID)) {
		*e = why;
		return r;
	}
	*net = cni.net;
	return 1;
}

static int in_use(const struct engine *en, struct arena *a, const struct network *net, struct err *e)
{
	const char *user;
	int r = network_user(en, a, net, &user, e);

	return r <= 0 ? r : err_set(e, ERR_BUSY, "the configuration of network %s (%s), or its bridge, has changed while container %s uses it: stop that one first",
				    net->name, cni_member(net, "File"), user);
}

/* The row as it was made; when the list is gone it goes on. */
static int is_as_made(const struct engine *en, struct arena *a, const struct network *net, bool *as_made, struct err *e)
{
	const char *digest = cni_member(net, "Digest");
	char now[SHA256_DIGEST_LEN + 1];
	struct cni_network cni;
	struct err gone = { 0 };
	bool ours;
	int r;

	*as_made = true;
	if (cni_folder_find(a, net->name, &cni, &gone) == 0) {
		sha256_digest(cni.list.text, strlen(cni.list.text), now);
		*as_made = digest && strcmp(digest, now) == 0;
	}
	r = look_at_device(en, net->device, net->number, &ours, e);
	*as_made &= r == 0 || ours;
	return r < 0 ? r : 0;
}

int cni_own_settle(const struct engine *en, struct arena *a, struct network *net, struct err *e)
{
	struct network was = *net;
	bool ours, as_made = true;
	int r;

	if (network_is_cni(net))
		return decide(en, a, net, e);
	if (!cni_member(net, "Digest"))
		return 0;
	r = is_as_made(en, a, net, &as_made, e);
	if (r < 0 || as_made)
		return r;
	r = in_use(en, a, net, e);
	if (r == 0)
		r = cat_exec(en->catalog, e, "DELETE FROM networks WHERE id = ?1", "s", net->id);
	if (r >= 0)
		r = look_at_device(en, was.device, was.number, &ours, e);
	if (r < 0)
		return r;
	if (ours)
		network_down(en, &was);
	r = network_find(en, a, was.name, net, e);
	return r < 0 ? r : decide(en, a, net, e);
}

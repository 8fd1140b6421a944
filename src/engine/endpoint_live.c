/* What happens to the endpoints of a running container beside its start and its end: ports that come and go (publish.c), and who else is in
 * its network namespace (join.c); and the files in it that tell its addresses. */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "engine/cni.h"
#include "engine/endpoint_impl.h"
#include "engine/etcfiles.h"
#include "engine/join.h"
#include "engine/links.h"
#include "engine/live.h"
#include "engine/resolver.h"
#include "sys/conntrack.h"
#include "sys/proc.h"

static int lines_of_links(const struct engine *en, struct arena *a, const struct json *config, const char **out, struct err *e)
{
	CLEANUP_STRBUF struct strbuf text = STRBUF_INIT;
	int r = links_hosts(en, a, config, &text, e);

	*out = r == 0 ? arena_strdup(a, sb_str(&text)) : NULL;
	return r == 0 && (!*out || sb_error(&text) < 0) ? err_errno(e, -ENOMEM, "lines of links") : r;
}

/* Those it is linked to may start meanwhile, each of which writes these files by what it sees: who writes looks once more afterwards, so that
 * the last one to write has seen all. */
int endpoint_files(const struct engine *en, struct arena *a, const char *id, const struct json *config, const struct endpoints *own,
		   struct err *e)
{
	static const struct etc_dns none = { 0 };
	const struct endpoint *first = own->v;
	struct etc_addresses at = { 0 };

	if (!own->n)
		return cni_files(en, a, id, config, e);
	at = (struct etc_addresses){ .ip = first->link.ip.ip, .ip6 = first->link.ip6.ip };
	for (size_t i = 0; i < own->n && !at.gateway.len; i++)
		if (!network_is_direct(&own->v[i].network))
			at.gateway = own->v[i].network.gateway;
	for (const char *written = NULL;; written = at.others) {
		int r = lines_of_links(en, a, config, &at.others, e);

		if (r < 0 || (written && strcmp(written, at.others) == 0))
			return r;
		r = etcfiles_write(en, a, id, config, &at, endpoint_has_names(own), &none, e);
		if (r < 0 || !*at.others)
			return r;
	}
}

static void rejoin(const struct engine *en, struct arena *a, const char *id, const struct network *n)
{
	struct endpoints own;
	struct err e = { 0 };
	int r = endpoint_read(en, a, id, &own, &e);

	for (size_t i = 0; r == 0 && i < own.n; i++)
		if (strcmp(own.v[i].network.id, n->id) == 0)
			r = net_link_rejoin(&own.v[i].link, &e);
	if (r < 0)
		log_warning("container %.12s is cut off from network %s: %s", id, n->name, e.msg);
}

int endpoint_network_up(const struct engine *en, struct arena *a, const struct network *n, struct err *e)
{
	CLEANUP_STMT struct cat_stmt *s = NULL;
	int r = network_up(en, n, e);

	if (r <= 0)
		return r;
	r = cat_prepare(en->catalog, &s, e, "SELECT container FROM endpoints WHERE network = ?1", "s", n->id);
	while (r == 0 && (r = cat_step(s, e)) > 0) {
		rejoin(en, a, cat_text(s, 0), n);
		r = 0;
	}
	return r;
}

/* A guest's network namespace; -1: it does not run. */
static int open_guest(const struct engine *en, const char *id)
{
	CLEANUP_LIVE struct live live = LIVE_INIT;
	CLEANUP_FD int fd = -1;
	struct err ignored;
	char path[48];

	if (live_read(en, id, &live, &ignored) < 0 || !live.container)
		return -1;
	(void)snprintf(path, sizeof(path), "/proc/%d/ns/net", (int)live.pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	return fd >= 0 && proc_check(live.pid, live.start_time) == 0 ? take_fd(&fd) : -1;
}

/* The kernel removes the devices with the network namespace, which others may be in: then they would go on with an address that is given
 * away. One that lies on a device of the host's is to be found in there alone. */
int endpoint_leave_guests(const struct engine *en, struct arena *a, const char *id, const struct endpoints *own, struct err *e)
{
	struct strv guests;
	int r = join_guests(en, a, id, &guests, e);

	for (size_t i = 0; r == 0 && i < guests.n; i++) {
		CLEANUP_FD int netns = open_guest(en, guests.v[i]);

		for (size_t k = 0; r == 0 && k < own->n; k++)
			if (netns >= 0 || !network_is_direct(&own->v[k].network))
				r = net_link_unmake(&own->v[k].link, netns, e);
	}
	return r;
}

int endpoint_keep(const struct engine *en, const char *id, struct err *e)
{
	int r = cat_exec(en->catalog, e, "UPDATE endpoints SET host = 'ta' || lower(hex(randomblob(6))) WHERE container = ?1", "s", id);

	return r < 0 ? r : r > 0;
}

/* What was translated to the container goes on with it, whatever the rules say. */
static void cut(const struct net_port *p, const struct net_link *to)
{
	int r = conntrack_forget_published(&to->ip.ip, p->proto, p->first, p->last);

	if (r >= 0 && to->ip6.ip.len)
		r = conntrack_forget_published(&to->ip6.ip, p->proto, p->first, p->last);
	if (r < 0)
		log_warning("port %u/%s: connections may go on: %s", p->first, net_proto_name(p->proto), strerror(-r));
}

int endpoint_close_ports(const struct engine *en, const char *id, const struct endpoints *own, const struct endpoints *rest, struct err *e)
{
	CLEANUP_NL struct nl_batch q = NL_BATCH_INIT;
	const struct net_link *to = own->via < own->n ? &own->v[own->via].link : NULL;
	struct firewall fw;
	int r;

	if (!to)
		return 0;
	network_firewall(en, &fw);
	firewall_begin(&q);
	for (size_t i = 0; i < own->n_ports; i++)
		endpoint_port_elements(&fw, &q, false, id, &own->ports[i], to);
	for (size_t i = 0; i < rest->n_ports; i++)
		endpoint_port_elements(&fw, &q, true, id, &rest->ports[i], to);
	r = firewall_commit(&q);
	if (r == -ENOENT)
		r = endpoint_remove_each(&fw, id, own, false);
	if (r < 0)
		return err_errno(e, r, "take ports of container %.12s out of the firewall", id);
	for (size_t i = 0; i < own->n_ports; i++)
		cut(&own->ports[i], to);
	return 0;
}

int endpoint_mend_ports(const struct engine *en, const char *id, const struct endpoints *own, const struct endpoints *parts, struct err *e)
{
	struct firewall fw;
	int r;

	network_firewall(en, &fw);
	r = endpoint_remove_each(&fw, id, parts, false);
	return r < 0 ? err_errno(e, r, "mend the ports of container %.12s", id) : endpoint_open(en, id, own, e);
}

bool endpoint_has_names(const struct endpoints *own)
{
	for (size_t i = 0; i < own->n; i++)
		if (own->v[i].forwarded || resolver_serves(&own->v[i].network))
			return true;
	return false;
}

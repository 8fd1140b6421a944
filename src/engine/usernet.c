#include "engine/usernet.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <time.h>

#include "base/io.h"
#include "base/log.h"
#include "base/text.h"
#include "engine/endpoint.h"
#include "engine/etcfiles.h"
#include "engine/record.h"
#include "engine/spec_plan.h"
#include "net/usernet.h"

#define LOCK_FILE "usernet.lock" /* monitor/usernet.h */
#define END_MS 5000
#define FIRST_PORT_FILE "/proc/sys/net/ipv4/ip_unprivileged_port_start"

/* ---- what is asked for ---- */

bool usernet_installed(const char *program)
{
	static const char *const folders[] = { "/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin" };

	for (size_t i = 0; i < ARRAY_LEN(folders); i++) {
		char path[64];

		(void)snprintf(path, sizeof(path), "%s/%s", folders[i], program);
		if (access(path, X_OK) == 0)
			return true;
	}
	return false;
}

static const char *usual(void)
{
	return usernet_installed("pasta") || !usernet_installed("slirp4netns") ? "pasta" : "slirp4netns";
}

static int check_program(const struct net_usernet *u, struct err *e)
{
	if (access(USERNET_TUN, R_OK | W_OK) < 0)
		return err_set(e, ERR_UNAVAILABLE,
			       "networks of an ordinary user need " USERNET_TUN " (%s): root can load the module tun and chmod 666 " USERNET_TUN "; --network none and host do "
			       "without", strerror(errno));
	if (usernet_installed(net_usernet_program(u)))
		return 0;
	return err_set(e, ERR_UNAVAILABLE,
		       "networks of an ordinary user need the program pasta (Debian's package passt) or slirp4netns: %s is not installed; --network none "
		       "and host need neither", net_usernet_program(u));
}

static int check_hosts(const struct plan *p, const struct net_usernet *u, struct err *e)
{
	for (size_t i = 0; i < p->opt->add_host.n && !u->host_loopback; i++)
		if (text_ends(p->opt->add_host.v[i], "host-gateway"))
			return err_set(e, ERR_INVALID, "--add-host %s: the host is not to be reached, unless by --network %s:allow_host_loopback=true",
				       p->opt->add_host.v[i], net_usernet_program(u));
	return 0;
}

int plan_usernet(struct plan *p, struct err *e)
{
	const char *text = p->opt->networks.n ? p->opt->networks.v[0] : "";
	const char *about = p->opt->ip ? "--ip" : p->opt->ip6 ? "--ip6" : p->opt->mac_address ? "--mac-address" :
			    p->opt->network_aliases.n ? "--network-alias" : p->opt->links.n ? "--link" :
			    p->opt->link_local.n ? "--link-local-ip" : NULL;
	struct net_usernet u;
	int r;

	if (p->opt->networks.n > 1)
		return err_set(e, ERR_UNSUPPORTED, "--network: a container of an ordinary user has one network");
	if (about)
		return err_set(e, ERR_UNSUPPORTED, "%s needs a network of tare's, which takes root", about);
	if (p->net_of.id)
		return 0;
	p->host_net = strcmp(text, "host") == 0;
	p->no_net = strcmp(text, "none") == 0;
	if (p->host_net || p->no_net)
		return 0;
	if (network_is_default(text))
		text = usual();
	if (!net_usernet_is(text))
		return err_set(e, ERR_UNSUPPORTED, "--network %s takes root: an ordinary user has pasta, slirp4netns, host and none", text);
	p->usernet = text;
	r = net_usernet_parse(text, &u, e);
	if (r == 0)
		r = check_program(&u, e);
	return r < 0 ? r : check_hosts(p, &u, e);
}

int plan_usernet_port(const struct plan *p, const struct net_port *port, struct err *e)
{
	CLEANUP_FREE char *text = NULL;
	struct net_usernet u;
	uint32_t first = 1024;
	int r = net_usernet_parse(p->usernet, &u, e);

	if (r == 0)
		r = net_usernet_port(&u, port, e);
	if (r < 0 || !port->first)
		return r;
	if (io_read_file(AT_FDCWD, FIRST_PORT_FILE, 64, &text, NULL) == 0) {
		text[strcspn(text, "\n")] = '\0';
		if (text_u32(text, &first) < 0)
			first = 1024;
	}
	if (port->first >= first)
		return 0;
	return err_set(e, ERR_DENIED, "-p: port %u is not for an ordinary user to have: take one from %u up, or have root set "
				      "net.ipv4.ip_unprivileged_port_start to it", port->first, first);
}

/* ---- a start ---- */

static int write_files(const struct engine *en, struct arena *a, const char *id, const struct json *config, const struct net_usernet *u,
		       struct err *e)
{
	struct etc_addresses at = { .ip = net_usernet_own(u), .server = net_usernet_dns(u) };
	const struct etc_dns none = { 0 };

	if (u->host_loopback)
		at.gateway = net_usernet_gateway(u);
	return etcfiles_write(en, a, id, config, &at, false, &none, e);
}

static void describe(const struct net_usernet *u, struct strbuf *description)
{
	CLEANUP_STRBUF struct strbuf text = STRBUF_INIT;
	struct json_writer w = JSON_WRITER(&text);

	if (!description->len)
		return;
	jw_object(&w, NULL);
	net_usernet_write(&w, "usernet", u);
	jw_end_object(&w);
	description->len--; /* it ends with its brace */
	sb_printf(description, ",%s", sb_str(&text) + 1);
}

int usernet_read(const struct engine *en, struct arena *a, const char *id, const struct net_usernet **out, struct err *e)
{
	const char *mode = "";
	struct net_usernet *u = arena_new(a, struct net_usernet);
	const struct json *doc;
	struct record rec;
	int r = u ? record_get(en->catalog, a, id, &rec, e) : err_errno(e, -ENOMEM, "the container's network");

	*out = NULL;
	if (r < 0 && e->cls == ERR_NOTFOUND) { /* removed meanwhile: it has nothing */
		*e = (struct err){ 0 };
		return 0;
	}
	if (r == 0)
		r = json_parse(a, rec.config, strlen(rec.config), NULL, &doc, e);
	if (r == 0)
		r = json_get_str(json_get(doc, "HostConfig"), "HostConfig", "NetworkMode", &mode, e);
	if (r < 0 || !net_usernet_is(mode))
		return r;
	*out = u;
	return net_usernet_parse(mode, u, e);
}

int usernet_connect(const struct engine *en, struct arena *a, const char *id, const struct json *config, struct strbuf *description,
		    struct err *e)
{
	struct endpoints own;
	struct net_usernet u;
	int r = endpoint_read(en, a, id, &own, e);

	if (r < 0 || !own.usernet)
		return r;
	u = *own.usernet;
	u.ports = own.ports;
	u.n_ports = own.n_ports;
	r = write_files(en, a, id, config, &u, e);
	describe(&u, description);
	return r;
}

/* ---- an end ---- */

void usernet_await_end(const struct engine *en, const char *id)
{
	const struct timespec pause = { .tv_nsec = 2000000 };
	char name[NAME_MAX + 1];
	CLEANUP_FD int fd = -1;

	(void)snprintf(name, sizeof(name), "%s/" LOCK_FILE, id);
	fd = openat(en->state_fd, name, O_RDWR | O_NOFOLLOW | O_CLOEXEC);
	for (int waited = 0; fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) < 0; waited += 2) {
		if (waited >= END_MS) {
			log_warning("container %.12s: what was its network does not end", id);
			return;
		}
		(void)nanosleep(&pause, NULL);
	}
}

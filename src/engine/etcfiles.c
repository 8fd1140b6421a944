#include "engine/etcfiles.h"

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>

#include "base/io.h"
#include "base/log.h"
#include "base/text.h"
#include "engine/folder.h"
#include "net/stub.h"

#define FILE_MAX (1 << 20)
#define HOST_GATEWAY "host-gateway"
/* What systemd-resolved asks itself, where /etc/resolv.conf names its stub. */
#define UPSTREAMS "/run/systemd/resolve/resolv.conf"

/* ---- hosts ---- */

/* Where the address begins in NAME:ADDRESS or NAME=ADDRESS; an IPv6 address has colons of its own. */
static const char *address_of(const char *text)
{
	const char *at = strpbrk(text, "=:");

	return at && at > text ? at + 1 : NULL;
}

int etc_check_host(const char *text, struct err *e)
{
	const char *address = address_of(text);
	struct ip ip;

	if (address && strcspn(text, " \t\n#") == strlen(text) && (strcmp(address, HOST_GATEWAY) == 0 || ip_parse(address, &ip) == 0))
		return 0;
	return err_set(e, ERR_INVALID, "--add-host %s: want NAME:IP, or NAME:" HOST_GATEWAY " for the host itself", text);
}

bool etc_wants_gateway(const char *text)
{
	const char *address = address_of(text);

	return address && strcmp(address, HOST_GATEWAY) == 0;
}

static void add_extra(const struct etc_hosts *h, const char *text, struct strbuf *out)
{
	const char *address = address_of(text);
	char gateway[IP_TEXT_LEN];

	if (!address)
		return;
	if (etc_wants_gateway(text)) {
		if (!h->at)
			return; /* it is written again when there is a network */
		if (!h->at->gateway.len) {
			log_warning("--add-host %s: the host has no address in the container's networks, so the name is left out", text);
			return;
		}
		address = ip_text(&h->at->gateway, gateway);
	}
	sb_printf(out, "%s\t%.*s\n", address, (int)strcspn(text, "=:"), text);
}

static void add_own(const struct etc_hosts *h, const struct ip *ip, struct strbuf *out)
{
	char text[IP_TEXT_LEN];

	if (ip->len && h->domainname && *h->domainname)
		sb_printf(out, "%s\t%s.%s %s\n", ip_text(ip, text), h->hostname, h->domainname, h->hostname);
	else if (ip->len)
		sb_printf(out, "%s\t%s\n", ip_text(ip, text), h->hostname);
}

void etc_hosts_text(const struct etc_hosts *h, struct strbuf *out)
{
	sb_printf(out, "127.0.0.1\tlocalhost%s%s\n", h->at ? "" : " ", h->at ? "" : h->hostname);
	sb_puts(out, "::1\tlocalhost ip6-localhost ip6-loopback\nfe00::\tip6-localnet\nff00::\tip6-mcastprefix\n"
		     "ff02::1\tip6-allnodes\nff02::2\tip6-allrouters\n");
	for (size_t i = 0; i < h->extra.n; i++)
		add_extra(h, h->extra.v[i], out);
	if (h->at && h->at->others)
		sb_puts(out, h->at->others);
	if (h->at) {
		add_own(h, &h->at->ip, out);
		add_own(h, &h->at->ip6, out);
	}
}

void etc_hosts_add(const struct etc_hosts *h, const char *text, struct strbuf *out)
{
	size_t len = strlen(text);

	sb_printf(out, "%s%s", text, len && text[len - 1] != '\n' ? "\n" : "");
	for (size_t i = 0; i < h->extra.n; i++)
		add_extra(h, h->extra.v[i], out);
}

/* ---- resolv.conf ---- */

static bool is_loopback(const char *server)
{
	return text_starts(server, "127.") || strcmp(server, "::1") == 0;
}

/* The lines of a resolv.conf that begin with word, the words behind it in one. servers: those a container can reach; how many. */
static size_t copy_lines(const char *text, const char *word, const char *as, bool servers, struct strbuf *out)
{
	size_t n = 0, len = strlen(word);

	for (const char *line = text; line && *line; line = strchr(line, '\n') ? strchr(line, '\n') + 1 : NULL) {
		const char *value = line + len + strspn(line + len, " \t");
		char copy[512];

		if (strncmp(line, word, len) != 0 || (line[len] != ' ' && line[len] != '\t'))
			continue;
		(void)snprintf(copy, sizeof(copy), "%.*s", (int)strcspn(value, "\n"), value);
		if (servers && is_loopback(copy))
			continue;
		sb_printf(out, "%s %s\n", as, copy);
		n++;
	}
	return n;
}

static void copy_servers(const char *host, bool local, struct strbuf *out)
{
	CLEANUP_FREE char *upstreams = NULL;

	if (copy_lines(host, "nameserver", "nameserver", !local, out) > 0)
		return;
	if (io_read_file(AT_FDCWD, UPSTREAMS, FILE_MAX, &upstreams, NULL) == 0)
		(void)copy_lines(upstreams, "nameserver", "nameserver", true, out);
}

static void joined(const char *word, struct strv v, struct strbuf *out)
{
	sb_puts(out, word);
	for (size_t i = 0; i < v.n; i++)
		sb_printf(out, " %s", v.v[i]);
	sb_putc(out, '\n');
}

void etc_resolv_text(const struct etc_resolv *r, struct strbuf *out)
{
	CLEANUP_FREE char *host = NULL;
	char server[IP_TEXT_LEN];
	bool no_search = r->search.n == 1 && strcmp(r->search.v[0], ".") == 0; /* Docker's way to say none */

	if (r->alone && !r->servers.n && !r->search.n && !r->options.n)
		sb_puts(out, "# no network, no name servers\n");
	if (r->alone || io_read_file(AT_FDCWD, "/etc/resolv.conf", FILE_MAX, &host, NULL) < 0)
		host = NULL;
	if (r->names)
		sb_puts(out, "nameserver " STUB_ADDRESS "\n");
	for (size_t i = 0; i < r->servers.n && !r->names; i++)
		sb_printf(out, "nameserver %s\n", r->servers.v[i]);
	if (!r->servers.n && r->server)
		sb_printf(out, "nameserver %s\n", ip_text(r->server, server));
	else if (!r->servers.n && !r->names && !r->alone)
		copy_servers(host, r->local, out);
	if (r->search.n && !no_search)
		joined("search", r->search, out);
	else if (!r->search.n)
		(void)copy_lines(host, "search", "search", false, out);
	if (r->options.n)
		joined("options", r->options, out);
	else if (copy_lines(host, "options", "options", false, out) == 0 && r->names)
		sb_puts(out, "options ndots:0\n"); /* names without a dot are ours to answer */
}

void etc_upstreams(struct strbuf *out)
{
	CLEANUP_FREE char *host = NULL;
	CLEANUP_STRBUF struct strbuf lines = STRBUF_INIT;

	if (io_read_file(AT_FDCWD, "/etc/resolv.conf", FILE_MAX, &host, NULL) < 0)
		return;
	(void)copy_lines(host, "nameserver", "upstream", false, &lines);
	for (const char *line = sb_str(&lines); *line; line = strchr(line, '\n') + 1) {
		char server[IP_TEXT_LEN];
		struct ip ip;

		/* what is no address (a scope, a comment behind it) would spoil the table */
		if (sscanf(line, "upstream %49s", server) == 1 && ip_parse(server, &ip) == 0)
			sb_printf(out, "upstream %s\n", server);
	}
}

bool etc_needs_forwarder(void)
{
	CLEANUP_FREE char *host = NULL;
	CLEANUP_STRBUF struct strbuf reached = STRBUF_INIT, upstreams = STRBUF_INIT;

	if (io_read_file(AT_FDCWD, "/etc/resolv.conf", FILE_MAX, &host, NULL) < 0)
		return false;
	copy_servers(host, false, &reached);
	if (reached.len)
		return false;
	etc_upstreams(&upstreams);
	return upstreams.len > 0;
}

/* ---- both ---- */

static int strv_of(struct arena *a, const struct json *obj, const char *key, struct strv *out, struct err *e)
{
	const char **v = NULL;
	int r = json_get_strv(a, obj, "HostConfig", key, &v, &out->n, e);

	out->v = v;
	return r;
}

/* In place: the file is mounted in the container. It is never empty for who reads it, and where there is no room it stays as it was. Not synced:
 * each start writes it anew. */
static int replace_text(int fd, const struct strbuf *text)
{
	int r;

	if (text->len && fallocate(fd, FALLOC_FL_KEEP_SIZE, 0, (off_t)text->len) < 0 && errno != EOPNOTSUPP)
		return -errno;
	r = io_write_full(fd, sb_str(text), text->len);
	return r < 0 || ftruncate(fd, (off_t)text->len) == 0 ? r : -errno;
}

static int overwrite(const struct engine *en, const char *id, int dir, const char *name, const struct strbuf *text, struct err *e)
{
	CLEANUP_FD int fd = openat(dir, name, O_WRONLY | O_CLOEXEC | O_NOFOLLOW);
	int r = fd < 0 ? -errno : sb_error(text) < 0 ? -ENOMEM : replace_text(fd, text);

	return r < 0 ? err_errno(e, r, "write %s/containers/%s/%s", en->root, id, name) : 0;
}

/* Two who write do so one after the other. By the folder, which no container sees: the lock of a file it could hold for ever. */
static int overwrite_both(const struct engine *en, const char *id, const struct strbuf *hosts, const struct strbuf *resolv, struct err *e)
{
	CLEANUP_FD int dir = folder_open(en, id, e);
	int r;

	if (dir < 0)
		return dir;
	while (flock(dir, LOCK_EX) < 0)
		if (errno != EINTR)
			return err_errno(e, -errno, "lock %s/containers/%s", en->root, id);
	r = overwrite(en, id, dir, "hosts", hosts, e);
	return r < 0 ? r : overwrite(en, id, dir, "resolv.conf", resolv, e);
}

int etcfiles_write(const struct engine *en, struct arena *a, const char *id, const struct json *config, const struct etc_addresses *at,
		   bool names, const struct etc_dns *dns, struct err *e)
{
	CLEANUP_STRBUF struct strbuf hosts = STRBUF_INIT, resolv = STRBUF_INIT;
	const struct json *own = json_get(config, "Config"), *host = json_get(config, "HostConfig");
	struct etc_hosts h = { .hostname = "", .at = at };
	struct etc_resolv s = { .names = names, .server = at && at->server.len ? &at->server : NULL, .alone = !at };
	int r;

	if ((r = json_get_str(own, "Config", "Hostname", &h.hostname, e)) < 0 || (r = json_get_str(own, "Config", "Domainname", &h.domainname, e)) < 0 ||
	    (r = strv_of(a, host, "ExtraHosts", &h.extra, e)) < 0 || (r = strv_of(a, host, "Dns", &s.servers, e)) < 0 ||
	    (r = strv_of(a, host, "DnsSearch", &s.search, e)) < 0 || (r = strv_of(a, host, "DnsOptions", &s.options, e)) < 0)
		return r;
	s.servers = s.servers.n ? s.servers : dns->servers;
	s.search = s.search.n ? s.search : dns->search;
	s.options = s.options.n ? s.options : dns->options;
	etc_hosts_text(&h, &hosts);
	etc_resolv_text(&s, &resolv);
	return overwrite_both(en, id, &hosts, &resolv, e);
}

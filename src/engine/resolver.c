#include "engine/resolver.h"

#include <ctype.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>

#include "base/io.h"
#include "base/log.h"
#include "base/text.h"
#include "engine/etcfiles.h"
#include "engine/healer.h"
#include "engine/launch.h"
#include "engine/live.h"
#include "engine/placeopts.h"
#include "engine/record.h"
#include "net/stub.h"
#include "sys/sock.h"

/* Files that are there while a change has been begun, and is told of. */
#define CHANGING "names.changing"
#define TELLING "names.telling"

bool resolver_serves(const struct network *n)
{
	return !network_is_routed(n);
}

bool resolver_forwards(const struct network *n, const char *servers)
{
	return network_is_routed(n) && !*servers && etc_needs_forwarder();
}

/* Endpoints of those whose name server is tare-netd, and their networks. */
#define NAMED "endpoints e JOIN networks n ON n.id = e.network AND (n.driver != '" NETWORK_ROUTED "' OR e.servers = '" RESOLVER_FORWARDED "') "

/* Whether its container is in networks without names as well: the default one, those of CNI. In the table they are one, of this number. */
#define ELSEWHERE                                                                                                                              \
	"EXISTS(SELECT 1 FROM endpoints o JOIN networks r ON r.id = o.network AND r.driver = '" NETWORK_ROUTED "' WHERE o.container = e.container)" \
	" OR EXISTS(SELECT 1 FROM cni p WHERE p.container = e.container)"
#define NUMBER_ELSEWHERE 0

/* ---- the table ---- */

static void add_lower(struct strbuf *out, const char *name, size_t len)
{
	for (size_t i = 0; i < len; i++)
		sb_putc(out, (char)tolower((unsigned char)name[i]));
	sb_putc(out, '\n');
}

static void add_name(struct strbuf *out, int64_t network, const char *ip, const char *name, size_t len)
{
	sb_printf(out, "name %lld %.*s ", (long long)network, (int)strcspn(ip, "/"), ip);
	add_lower(out, name, len);
}

/* For the address of a column, '' if it has none. Its name first: what a question for the address is answered with. */
static void add_names(struct strbuf *out, struct cat_stmt *s, int column)
{
	const char *id = cat_text(s, 0), *name = cat_text(s, 1), *ip = cat_text(s, column);
	int64_t network = cat_int(s, 2);

	if (!*ip)
		return;
	add_name(out, network, ip, name, strlen(name));
	add_name(out, network, ip, id, ID_SHORT);
	for (const char *alias = cat_text(s, 4); *alias; alias += strspn(alias, " ")) {
		if (place_word(alias) == PLACE_ALIAS)
			add_name(out, network, ip, alias, strcspn(alias, " "));
		alias += strcspn(alias, " ");
	}
}

/* Names that it alone knows. */
static void add_links(struct strbuf *out, struct cat_stmt *s)
{
	for (const char *word = cat_text(s, 4); *word; word += strspn(word, " ")) {
		size_t name = strcspn(word, ":"), len = strcspn(word, " ");

		if (place_word(word) == PLACE_LINK) {
			sb_printf(out, "link %s %lld ", cat_text(s, 0), (long long)cat_int(s, 2));
			for (const char *c = word + name + 1; c < word + len; c++)
				sb_putc(out, (char)tolower((unsigned char)*c));
			sb_putc(out, ' ');
			add_lower(out, word, name);
		}
		word += len;
	}
}

static void add_servers(struct strbuf *out, const char *id, const char *servers)
{
	for (; *servers && strcmp(servers, RESOLVER_FORWARDED) != 0; servers += strspn(servers, " ")) {
		sb_printf(out, "server %s %.*s\n", id, (int)strcspn(servers, " "), servers);
		servers += strcspn(servers, " ");
	}
}

/* The containers, each with its networks, as lines; then their names. */
static int add_members(const struct engine *en, struct strbuf *out, struct err *e)
{
	CLEANUP_STRBUF struct strbuf names = STRBUF_INIT;
	CLEANUP_STMT struct cat_stmt *s = NULL;
	char last[ID_LEN + 1] = "", servers[512] = "";
	int r = cat_prepare(en->catalog, &s, e,
			    "SELECT e.container, c.name, n.number, e.ip, e.aliases, e.servers, e.ip6, " ELSEWHERE ", n.driver = '" NETWORK_ROUTED "' FROM " NAMED
			    "JOIN containers c ON c.id = e.container ORDER BY e.container, e.position", "");

	while (r == 0 && (r = cat_step(s, e)) > 0) {
		if (strcmp(last, cat_text(s, 0)) != 0) {
			if (last[0])
				sb_putc(out, '\n');
			add_servers(out, last, servers);
			(void)snprintf(last, sizeof(last), "%s", cat_text(s, 0));
			(void)snprintf(servers, sizeof(servers), "%s", cat_text(s, 5));
			sb_printf(out, "member %s", last);
			if (cat_int(s, 7))
				sb_printf(out, " %d", NUMBER_ELSEWHERE);
		}
		r = 0;
		if (cat_int(s, 8))
			continue; /* NUMBER_ELSEWHERE, where nobody has a name */
		sb_printf(out, " %lld", (long long)cat_int(s, 2));
		add_names(&names, s, 3);
		add_names(&names, s, 6);
		add_links(&names, s);
	}
	if (last[0])
		sb_putc(out, '\n');
	add_servers(out, last, servers);
	sb_puts(out, sb_str(&names));
	return r < 0 ? r : 0;
}

/* Whether somebody can ask for NAME.NETWORK: a network may be called what is no part of a domain. */
static bool is_domain(const char *name)
{
	for (; *name; name++)
		if (!isalnum((unsigned char)*name) && !strchr("_.-", *name))
			return false;
	return true;
}

static int add_networks(const struct engine *en, struct strbuf *out, struct err *e)
{
	CLEANUP_ARENA struct arena a = ARENA_INIT;
	struct network *all;
	size_t n;
	int r = network_list(en, &a, &all, &n, e);

	sb_printf(out, "network %d open\n", NUMBER_ELSEWHERE);
	for (size_t i = 0; r == 0 && i < n; i++)
		if (resolver_serves(&all[i])) {
			const char *name = is_domain(all[i].name) ? all[i].name : "";

			sb_printf(out, "network %u %s ", all[i].number, all[i].internal ? "internal" : "open");
			add_lower(out, name, strlen(name));
		}
	return r;
}

/* Empty when nobody has a name. */
static int write_table(const struct engine *en, struct strbuf *out, struct err *e)
{
	CLEANUP_STRBUF struct strbuf members = STRBUF_INIT;
	int r = add_members(en, &members, e);

	if (r < 0 || !members.len)
		return r;
	etc_upstreams(out);
	r = add_networks(en, out, e);
	sb_add(out, members.s, members.len);
	return r < 0 ? r : sb_error(out) < 0 || sb_error(&members) < 0 ? err_errno(e, -ENOMEM, "the table of names") : 0;
}

/* ---- talking to it ---- */

static int give(int sock, const char *id, pid_t pid, struct err *e)
{
	CLEANUP_FD int netns = -1;
	char path[48];

	(void)snprintf(path, sizeof(path), "/proc/%d/ns/net", (int)pid);
	netns = open(path, O_RDONLY | O_CLOEXEC);
	return netns < 0 ? err_errno(e, -errno, "%s", path) : net_stub_give(sock, id, netns, e);
}

static void give_running(const struct engine *en, int sock, const char *id)
{
	CLEANUP_LIVE struct live live = LIVE_INIT;
	struct err e = { 0 };

	if (live_read(en, id, &live, &e) == 0 && live.container && give(sock, id, live.pid, &e) < 0)
		log_warning("container %.12s has no names: %s", id, e.msg);
}

/* A new process has nobody's sockets. */
static int give_all(const struct engine *en, int sock, struct err *e)
{
	CLEANUP_STMT struct cat_stmt *s = NULL;
	int r = cat_prepare(en->catalog, &s, e, "SELECT DISTINCT e.container FROM " NAMED, "");

	while (r == 0 && (r = cat_step(s, e)) > 0) {
		give_running(en, sock, cat_text(s, 0));
		r = 0;
	}
	return r < 0 ? r : 0;
}

/* One that is about to start hands them over itself, before it is told to run; when tare-netd was killed just then, it has none. What
 * tare-netd says is not to be trusted: no folder but a container's is looked into. */
static int give_missing(const struct engine *en, int sock, const char *missing, struct err *e)
{
	size_t n = strlen(missing) / ID_LEN;

	for (size_t i = 0; i < n && n < STUB_MISSING; i++) {
		char id[ID_LEN + 1];

		(void)snprintf(id, sizeof(id), "%s", missing + i * ID_LEN);
		if (text_is_hex(id, ID_LEN))
			give_running(en, sock, id);
	}
	return n < STUB_MISSING ? 0 : give_all(en, sock, e);
}

static int start(const struct engine *en, struct err *e)
{
	CLEANUP_FD int fd = sock_listen(en->state_fd, STUB_SOCKET, SOCK_SEQPACKET);

	int r = fd < 0 ? err_errno(e, fd, "listen on %s/%s", en->state, STUB_SOCKET) : launch_netd(fd, e);

	if (r == 0)
		healer_tell(en);
	return r;
}

static int send_table(int sock, const struct strbuf *table, char missing[STUB_MISSING_LEN], struct err *e)
{
	CLEANUP_FD int memfd = io_memfd("tare-names", sb_str(table), table->len, true);
	int r = memfd < 0 ? memfd : net_stub_table(sock, memfd, missing);

	return r < 0 ? err_errno(e, r, "tell tare-netd the names") : 0;
}

/* Nobody has a name: it is not needed. */
static void end(const struct engine *en)
{
	CLEANUP_FD int sock = net_stub_connect(en->state_fd);

	if (sock >= 0 && net_stub_tell(sock, "Q", NULL, 0) < 0)
		log_debug("tare-netd does not answer");
	(void)unlinkat(en->state_fd, STUB_SOCKET, 0);
}

static int bring(const struct engine *en, const struct strbuf *table, struct err *e)
{
	CLEANUP_FD int sock = net_stub_connect(en->state_fd);
	char missing[STUB_MISSING_LEN];
	int r = 0;

	if (sock < 0 && sock != -EAGAIN) {
		r = start(en, e);
		if (r < 0)
			return r;
		sock = net_stub_connect(en->state_fd);
	}
	if (sock < 0)
		return err_errno(e, sock, "connect to tare-netd");
	r = send_table(sock, table, missing, e);
	return r < 0 ? r : give_missing(en, sock, missing, e);
}

static int sync_locked(const struct engine *en, struct err *e)
{
	CLEANUP_STRBUF struct strbuf table = STRBUF_INIT;
	int r = write_table(en, &table, e);

	if (r < 0)
		return r;
	if (!table.len) {
		if (faccessat(en->state_fd, STUB_SOCKET, F_OK, 0) == 0)
			end(en);
		return 0;
	}
	r = bring(en, &table, e);
	if (r != -EINVAL)
		return r;
	end(en); /* it may be one from before an upgrade, which reads other tables */
	return bring(en, &table, e);
}

/* A change that comes meanwhile is marked anew. */
static int tell(const struct engine *en, struct err *e)
{
	int r;

	(void)renameat(en->state_fd, CHANGING, en->state_fd, TELLING);
	r = sync_locked(en, e);
	if (r == 0)
		(void)unlinkat(en->state_fd, TELLING, 0);
	return r;
}

void resolver_sync(const struct engine *en)
{
	CLEANUP_FD int lock = openat(en->state_fd, "netd.lock", O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	struct err e = { 0 };

	if (lock < 0 || flock(lock, LOCK_EX) < 0)
		log_warning("names in networks: lock %s/netd.lock: %s", en->state, strerror(errno));
	else if (tell(en, &e) < 0)
		log_warning("names in networks: %s", e.msg);
}

void resolver_changing(const struct engine *en)
{
	CLEANUP_FD int fd = openat(en->state_fd, CHANGING, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);

	if (fd < 0)
		log_debug("%s/" CHANGING ": %s", en->state, strerror(errno));
}

void resolver_check(const struct engine *en)
{
	CLEANUP_FD int sock = -1;

	if (faccessat(en->state_fd, CHANGING, F_OK, 0) == 0 || faccessat(en->state_fd, TELLING, F_OK, 0) == 0)
		resolver_sync(en);
	if (faccessat(en->state_fd, STUB_SOCKET, F_OK, 0) < 0)
		return;
	sock = sock_connect(en->state_fd, STUB_SOCKET, SOCK_SEQPACKET | SOCK_NONBLOCK);
	if (sock < 0 && sock != -EAGAIN) /* that one lives, and has much to do */
		resolver_sync(en);
}

/* A unix socket outlives who made it: one at which nobody listens any more is replaced, at which somebody does, is not. Two that begin at the same moment
 * are kept apart by a lock on the folder. */
#include "api/server/listen.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "base/io.h"
#include "base/ip.h"
#include "base/log.h"
#include "base/text.h"
#include "engine/service.h"
#include "oci/user.h"
#include "sys/sock.h"

#define KEEP_SECONDS 15

#define BACKLOG 4096
#define GROUP_FILE_MAX (8U << 20)

/* ---- unix ---- */

/* Whose group it is. Without "docker" on the machine it is root's alone. */
static int find_group(const char *name, gid_t *gid, struct err *e)
{
	CLEANUP_FREE char *text = NULL;
	struct err none = { 0 };
	int r;

	*gid = getegid();
	if (geteuid() != 0)
		return 0;
	r = io_read_file(AT_FDCWD, "/etc/group", GROUP_FILE_MAX, &text, NULL);
	if (r < 0 && r != -ENOENT)
		return err_errno(e, r, "read /etc/group");
	r = oci_group_resolve_text(text ? text : "", name ? name : "docker", gid, name ? e : &none);
	if (r < 0 && !name)
		*gid = 0;
	return r < 0 && name ? err_ctx(e, "--group %s", name) : 0;
}

/* In a folder that is locked meanwhile. */
static int listen_in(int dirfd, const char *name, gid_t gid, struct listener *out, struct err *e)
{
	CLEANUP_FD int other = sock_connect_within(dirfd, name, SOCK_STREAM, 2);
	struct stat st;

	if (other >= 0 || other == -EAGAIN)
		return err_set(e, ERR_BUSY, "%s: another server listens there; end it, or name another socket with -H", out->path);
	if (other != -ENOENT && other != -ECONNREFUSED)
		return err_errno(e, other, "%s", out->path);
	if (fstatat(dirfd, name, &st, AT_SYMLINK_NOFOLLOW) == 0 && !S_ISSOCK(st.st_mode))
		return err_set(e, ERR_CONFLICT, "%s is there, and no socket", out->path);
	out->fd = sock_listen(dirfd, name, SOCK_STREAM);
	if (out->fd < 0)
		return err_errno(e, out->fd, "listen at %s", out->path);
	if (fchownat(dirfd, name, (uid_t)-1, gid, AT_SYMLINK_NOFOLLOW) < 0 || fchmodat(dirfd, name, 0660, 0) < 0 || listen(out->fd, BACKLOG) < 0 ||
	    fstatat(dirfd, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return err_errno(e, -errno, "listen at %s", out->path);
	out->inode = st.st_ino;
	return 0;
}

static int open_unix(const char *path, gid_t gid, struct listener *out, struct err *e)
{
	CLEANUP_FREE char *folder = strdup(path);
	CLEANUP_FD int dirfd = -1;
	char *slash = folder ? strrchr(folder, '/') : NULL;
	int r;

	if (path[0] != '/' || !slash || !slash[1])
		return err_set(e, ERR_INVALID, "%s: want the absolute path of a socket", path);
	*slash = '\0';
	out->path = strdup(path);
	if (!out->path)
		return err_errno(e, -ENOMEM, "listen at %s", path);
	r = *folder ? io_mkdirs(AT_FDCWD, folder, 0755) : 0;
	if (r == 0)
		dirfd = open(*folder ? folder : "/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (r < 0 || dirfd < 0)
		return err_errno(e, r < 0 ? r : -errno, "folder of %s", path);
	if (flock(dirfd, LOCK_EX) < 0)
		return err_errno(e, -errno, "lock the folder of %s", path);
	return listen_in(dirfd, slash + 1, gid, out, e);
}

/* ---- tcp ---- */

static int address(const char *text, struct sockaddr_storage *out, socklen_t *len, struct err *e)
{
	const char *colon = strrchr(text, ':');
	char host[IP_TEXT_LEN];
	size_t n = colon ? (size_t)(colon - text) : 0;
	struct ip ip;
	uint32_t port;

	if (!colon || n >= sizeof(host) || text_u32(colon + 1, &port) < 0 || port == 0 || port > 65535)
		return err_set(e, ERR_INVALID, "tcp://%s: want ADDRESS:PORT", text);
	memcpy(host, text, n);
	host[n] = '\0';
	if (n > 1 && host[0] == '[' && host[n - 1] == ']') {
		memmove(host, host + 1, n - 2);
		host[n - 2] = '\0';
	}
	if (ip_parse(n == 0 ? "0.0.0.0" : !strcmp(host, "localhost") ? "127.0.0.1" : host, &ip) < 0)
		return err_set(e, ERR_INVALID, "tcp://%s: want ADDRESS:PORT, an address of this machine", text);
	*out = (struct sockaddr_storage){ 0 };
	if (ip.len == 4) {
		struct sockaddr_in *in = (void *)out;

		*in = (struct sockaddr_in){ .sin_family = AF_INET, .sin_port = htons((uint16_t)port) };
		memcpy(&in->sin_addr, ip.bytes, sizeof(in->sin_addr));
		*len = sizeof(*in);
	} else {
		struct sockaddr_in6 *in = (void *)out;

		*in = (struct sockaddr_in6){ .sin6_family = AF_INET6, .sin6_port = htons((uint16_t)port) };
		memcpy(&in->sin6_addr, ip.bytes, sizeof(in->sin6_addr));
		*len = sizeof(*in);
	}
	return 0;
}

static int open_tcp(const char *text, bool tls, struct listener *out, struct err *e)
{
	struct sockaddr_storage sa;
	socklen_t len = 0;
	const int on = 1;
	int r = address(text, &sa, &len, e);

	if (r < 0)
		return r;
	out->tcp = true;
	out->fd = socket(sa.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (out->fd < 0 || setsockopt(out->fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) < 0 || bind(out->fd, (struct sockaddr *)&sa, len) < 0 ||
	    listen(out->fd, BACKLOG) < 0)
		return err_errno(e, -errno, "listen at tcp://%s", text);
	if (!tls)
		log_warning("tcp://%s is served without TLS: whoever reaches it is root of this machine", text);
	return 0;
}

/* ---- the service manager's ---- */

/* So that several can be told apart. */
static const char *given_name(int fd, const char *host, struct arena *a)
{
	struct sockaddr_un sa = { .sun_family = AF_UNSPEC };
	socklen_t len = sizeof(sa);
	const char *name;

	if (getsockname(fd, (struct sockaddr *)&sa, &len) < 0 || sa.sun_family != AF_UNIX || sa.sun_path[0] != '/')
		return host;
	name = arena_printf(a, "unix://%.*s", (int)sizeof(sa.sun_path), sa.sun_path);
	return name ? name : host;
}

static int take_given(const char *host, struct arena *a, struct listeners *out, struct err *e)
{
	struct service s;
	int r = service_read(0, &s, e);

	if (r < 0)
		return r;
	if (s.listen == 0)
		return err_set(e, ERR_INVALID, "fd://: no service manager gave us a socket (LISTEN_FDS)");
	for (uint32_t i = 0; i < s.listen; i++) {
		int fd = 3 + (int)i, listens = 0, domain = 0;
		socklen_t len = sizeof(listens);

		if (getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listens, &len) < 0 || !listens || getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &len) < 0)
			return err_set(e, ERR_INVALID, "fd://: descriptor %d listens nowhere", fd);
		if (out->n == LISTEN_MAX)
			return err_set(e, ERR_LIMIT, "more than %d sockets to listen on", LISTEN_MAX);
		r = io_set_cloexec(fd, true);
		if (r < 0)
			return err_errno(e, r, "fd://");
		out->v[out->n++] = (struct listener){ .host = given_name(fd, host, a), .fd = fd, .tcp = domain != AF_UNIX, .given = true };
	}
	return 0;
}

static int open_one(const char *host, gid_t gid, bool tls, struct arena *a, struct listeners *out, struct err *e)
{
	struct listener *l = &out->v[out->n];
	const char *kept = arena_strdup(a, host);

	if (out->n == LISTEN_MAX)
		return err_set(e, ERR_LIMIT, "more than %d sockets to listen on", LISTEN_MAX);
	if (!kept)
		return err_errno(e, -ENOMEM, "listen at %s", host);
	if (!strcmp(host, "fd://") || !strcmp(host, "fd://*"))
		return take_given(kept, a, out, e);
	*l = (struct listener){ .host = kept, .fd = -1 };
	out->n++;
	if (text_starts(host, "unix://") || host[0] == '/')
		return open_unix(host[0] == '/' ? host : host + strlen("unix://"), gid, l, e);
	if (text_starts(host, "tcp://"))
		return open_tcp(host + strlen("tcp://"), tls, l, e);
	return err_set(e, ERR_INVALID, "%s: want unix://PATH, tcp://ADDRESS:PORT or fd://", host);
}

int listen_open(const char *const *hosts, const char *group, bool tls, struct arena *a, struct listeners *out, struct err *e)
{
	gid_t gid;
	int r = find_group(group, &gid, e);

	for (; r == 0 && *hosts; hosts++)
		r = open_one(*hosts, gid, tls, a, out, e);
	return r;
}

void listen_close(struct listeners *l)
{
	for (size_t i = 0; i < l->n; i++) {
		struct listener *one = &l->v[i];
		struct stat st;

		if (one->path && one->fd >= 0 && lstat(one->path, &st) == 0 && st.st_ino == one->inode)
			(void)unlink(one->path);
		one->fd = close_fd(one->fd);
		free(take_ptr(one->path));
	}
	l->n = 0;
}

void listen_notify(const char *what)
{
	const char *address = getenv("NOTIFY_SOCKET");
	CLEANUP_FD int fd = -1;
	struct sockaddr_un sa = { .sun_family = AF_UNIX };
	size_t len = address ? strlen(address) : 0;

	if (len < 2 || len >= sizeof(sa.sun_path))
		return;
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	memcpy(sa.sun_path, address, len);
	if (sa.sun_path[0] == '@')
		sa.sun_path[0] = '\0';
	if (fd < 0 || sendto(fd, what, strlen(what), MSG_NOSIGNAL, (struct sockaddr *)&sa, (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len)) < 0)
		log_warning("NOTIFY_SOCKET: the service manager is not told that we are there");
}

void listen_forget_manager(void)
{
	static const char *const ours[] = { "LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES", "NOTIFY_SOCKET", "WATCHDOG_PID", "WATCHDOG_USEC" };

	for (size_t i = 0; i < ARRAY_LEN(ours); i++)
		(void)unsetenv(ours[i]);
}

/* Docker's own client ends its half at once where it has no input: that the other end closed says nothing. One that is gone answers by a reset when it
 * is asked, as soon as its kernel has forgotten it. */
int listen_set_tcp(int fd)
{
	static const struct {
		int level, name, value;
	} all[] = { { IPPROTO_TCP, TCP_NODELAY, 1 }, { SOL_SOCKET, SO_KEEPALIVE, 1 }, { IPPROTO_TCP, TCP_KEEPIDLE, KEEP_SECONDS }, { IPPROTO_TCP, TCP_KEEPINTVL, KEEP_SECONDS } };

	for (size_t i = 0; i < ARRAY_LEN(all); i++)
		if (setsockopt(fd, all[i].level, all[i].name, &all[i].value, sizeof(all[i].value)) < 0)
			return -errno;
	return 0;
}

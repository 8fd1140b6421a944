#include "sys/landlock.h"

#include <fcntl.h>
#include <stddef.h>
#include <sys/stat.h>
#include <sys/syscall.h>

/* The kernel's interface (include/uapi/linux/landlock.h), written out: rights newer than Debian 12's headers are used
 * where the kernel has them. */
#define CREATE_RULESET 444
#define ADD_RULE 445
#define RESTRICT_SELF 446
#define CREATE_RULESET_VERSION 1U
#define RULE_PATH_BENEATH 1
#define RULE_NET_PORT 2

#define EXECUTE (UINT64_C(1) << 0)
#define WRITE_FILE (UINT64_C(1) << 1)
#define READ_FILE (UINT64_C(1) << 2)
#define READ_DIR (UINT64_C(1) << 3)
#define REMOVE_DIR (UINT64_C(1) << 4)
#define REMOVE_FILE (UINT64_C(1) << 5)
#define MAKE_ALL (UINT64_C(0x7f) << 6) /* char, dir, regular, socket, fifo, block, symlink */
#define REFER (UINT64_C(1) << 13)      /* ABI 2: link and rename between folders */
#define TRUNCATE (UINT64_C(1) << 14)   /* ABI 3 */
#define IOCTL_DEV (UINT64_C(1) << 15)  /* ABI 5 */

#define BIND_TCP UINT64_C(1) /* ABI 4 */
#define CONNECT_TCP UINT64_C(2)

#define SCOPE_SOCKETS UINT64_C(1) /* ABI 6: abstract unix sockets */
#define SCOPE_SIGNALS UINT64_C(2)

struct ruleset_attr {
	uint64_t handled_access_fs, handled_access_net, scoped;
};

struct path_beneath_attr {
	uint64_t allowed_access;
	int32_t parent_fd;
} __attribute__((packed));

struct net_port_attr {
	uint64_t allowed_access, port;
};

const struct landlock_domain landlock_everything = { true, true, true, true, true };

int landlock_abi(void)
{
	long abi = syscall(CREATE_RULESET, NULL, 0, CREATE_RULESET_VERSION);

	if (abi < 0)
		return errno == ENOSYS || errno == EOPNOTSUPP ? -EOPNOTSUPP : -errno;
	return (int)abi;
}

/* All rights to files that this version has. */
static uint64_t file_rights(int abi)
{
	return (REFER - 1) | (abi >= 2 ? REFER : 0) | (abi >= 3 ? TRUNCATE : 0) | (abi >= 5 ? IOCTL_DEV : 0);
}

int landlock_begin(const struct landlock_domain *d, struct landlock_rules *out)
{
	struct ruleset_attr attr = { 0 };
	size_t size = sizeof(uint64_t);
	int abi = landlock_abi();
	long fd;

	if (abi < 0)
		return abi;
	attr.handled_access_fs = d->files ? file_rights(abi) : 0;
	if (abi >= LANDLOCK_ABI_TCP) {
		attr.handled_access_net = (d->tcp_bind ? BIND_TCP : 0) | (d->tcp_connect ? CONNECT_TCP : 0);
		size = 2 * sizeof(uint64_t);
	}
	if (abi >= LANDLOCK_ABI_SCOPES) {
		attr.scoped = (d->sockets ? SCOPE_SOCKETS : 0) | (d->signals ? SCOPE_SIGNALS : 0);
		size = sizeof(attr);
	}
	fd = syscall(CREATE_RULESET, &attr, size, 0U);
	if (fd < 0)
		return -errno;
	*out = (struct landlock_rules){ .fd = (int)fd, .handled = attr.handled_access_fs };
	return 0;
}

int landlock_allow(struct landlock_rules *r, int fd, enum landlock_grant grant)
{
	static const uint64_t write = WRITE_FILE | REMOVE_DIR | REMOVE_FILE | MAKE_ALL | REFER | TRUNCATE;
	static const uint64_t grants[] = {
		[LANDLOCK_READ_TREE] = READ_FILE | READ_DIR,
		[LANDLOCK_WRITE_TREE] = READ_FILE | READ_DIR | write,
		[LANDLOCK_USE_TREE] = READ_FILE | READ_DIR | write | IOCTL_DEV,
		[LANDLOCK_EXEC_TREE] = READ_FILE | READ_DIR | EXECUTE,
	};
	struct path_beneath_attr attr = { .allowed_access = grants[grant] & r->handled, .parent_fd = fd };
	struct stat st;

	if (fstat(fd, &st) < 0)
		return -errno;
	if (!S_ISDIR(st.st_mode))
		attr.allowed_access &= WRITE_FILE | READ_FILE | TRUNCATE | EXECUTE | IOCTL_DEV;
	return syscall(ADD_RULE, r->fd, RULE_PATH_BENEATH, &attr, 0U) < 0 ? -errno : 0;
}

int landlock_allow_paths(struct landlock_rules *rules, const char *const *paths, enum landlock_grant grant)
{
	int r = 0;

	for (size_t i = 0; r == 0 && paths[i]; i++) {
		CLEANUP_FD int fd = open(paths[i], O_PATH | O_CLOEXEC);

		if (fd >= 0)
			r = landlock_allow(rules, fd, grant);
	}
	return r;
}

int landlock_allow_resolving(struct landlock_rules *r)
{
	static const char *const readable[] = {
		"/proc/sys/net", "/dev/urandom", "/etc/resolv.conf", "/etc/hosts", "/etc/nsswitch.conf", "/etc/host.conf", "/etc/gai.conf",
		"/etc/services", "/etc/protocols", "/etc/ld.so.cache", "/etc/localtime",
		/* where the resolver's files are links to */
		"/run/systemd/resolve", "/run/NetworkManager", "/run/resolvconf", "/run/nscd",
		"/etc/ssl/certs", "/etc/ssl/openssl.cnf", "/etc/ca-certificates", "/etc/pki/ca-trust/extracted", "/etc/pki/tls/certs",
		"/etc/crypto-policies", NULL
	};

	return landlock_allow_paths(r, readable, LANDLOCK_READ_TREE);
}

int landlock_allow_port(struct landlock_rules *r, bool connect, uint16_t port)
{
	struct net_port_attr attr = { .allowed_access = connect ? CONNECT_TCP : BIND_TCP, .port = port };

	return syscall(ADD_RULE, r->fd, RULE_NET_PORT, &attr, 0U) < 0 ? -errno : 0;
}

int landlock_enforce(struct landlock_rules *r)
{
	return syscall(RESTRICT_SELF, r->fd, 0U) < 0 ? -errno : 0;
}

void landlock_end(struct landlock_rules *r)
{
	r->fd = close_fd(r->fd);
}

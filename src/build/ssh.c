#include "build/ssh.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "base/io.h"
#include "sys/sock.h"

struct ssh_agent { /* that we have started */
	const char *id, *name; /* name: its socket, below the ingest */
	struct agent agent;
	struct ssh_agent *next;
};

static const struct build_ssh *find(const struct build *b, const char *id)
{
	for (size_t i = 0; i < b->args->n_ssh; i++)
		if (strcmp(b->args->ssh[i].id, id) == 0)
			return &b->args->ssh[i];
	return NULL;
}

static bool is_socket(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 && S_ISSOCK(st.st_mode);
}

/* Of its one socket; NULL: it has key files. */
static int socket_of(const struct build_ssh *ssh, const char **out, struct err *e)
{
	*out = NULL;
	if (ssh->files.n == 0) {
		*out = getenv("SSH_AUTH_SOCK");
		return *out && **out ? 0 : err_set(e, ERR_NOTFOUND, "--ssh %s: SSH_AUTH_SOCK names no agent: run ssh-agent, or name a key: --ssh %s=FILE", ssh->id, ssh->id);
	}
	for (size_t i = 0; i < ssh->files.n; i++) {
		if (!is_socket(ssh->files.v[i]))
			continue;
		if (ssh->files.n > 1)
			return err_set(e, ERR_INVALID, "--ssh %s: one agent's socket, or files of keys", ssh->id);
		*out = ssh->files.v[i];
	}
	return 0;
}

static int own_agent(struct build *b, const struct build_ssh *ssh, const char **name, struct err *e)
{
	struct ssh_agent *a = b->agents;
	char folder[PATH_MAX];
	int r;

	while (a && strcmp(a->id, ssh->id) != 0)
		a = a->next;
	if (a) {
		*name = a->name;
		return 0;
	}
	a = arena_new(b->a, struct ssh_agent);
	*name = arena_printf(b->a, "agent-%u", b->inputs++);
	if (!a || !*name)
		return err_errno(e, -ENOMEM, "--ssh");
	*a = (struct ssh_agent){ .id = ssh->id, .name = *name, .agent = AGENT_INIT, .next = b->agents };
	r = io_path_of(b->ingest.dir, folder);
	r = r < 0 ? err_errno(e, r, "--ssh") : agent_start(folder, *name, ssh->files.v, &a->agent, e);
	if (r == 0)
		b->agents = a;
	return r;
}

static int connect_by_path(struct build *b, const char *path, struct err *e)
{
	const char *slash = strrchr(path, '/'), *folder = slash ? arena_strndup(b->a, path, (size_t)(slash - path) + 1) : ".";
	CLEANUP_FD int dir = folder ? open(folder, O_PATH | O_DIRECTORY | O_CLOEXEC) : -1;
	int fd = dir < 0 ? -errno : sock_connect(dir, slash ? slash + 1 : path, SOCK_STREAM);

	return fd < 0 ? err_errno(e, fd, "the ssh agent at %s", path) : fd;
}

/* A connection to it. */
static int connect_to(struct build *b, const struct build_ssh *ssh, struct err *e)
{
	const char *path, *name;
	int fd, r = socket_of(ssh, &path, e);

	if (r < 0)
		return r;
	if (path)
		return connect_by_path(b, path, e);
	r = own_agent(b, ssh, &name, e);
	if (r < 0)
		return r;
	fd = sock_connect(b->ingest.dir, name, SOCK_STREAM);
	return fd < 0 ? err_errno(e, fd, "the ssh agent") : fd;
}

/* By a handle: in a folder that others may write to, the name may be another thing's by now. */
static int give_to(int dir, const char *name, uid_t uid, gid_t gid, mode_t mode)
{
	CLEANUP_FD int fd = openat(dir, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	char path[32];
	struct stat st;

	(void)snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	if (fd < 0 || fstat(fd, &st) < 0)
		return -errno;
	if (!S_ISSOCK(st.st_mode))
		return -ENOTSOCK;
	return fchownat(fd, "", uid, gid, AT_EMPTY_PATH) < 0 || chmod(path, mode) < 0 ? -errno : 0;
}

int ssh_lend(struct build *b, const char *id, int dir, const char *name, uid_t uid, gid_t gid, mode_t mode, struct agent *out, struct err *e)
{
	const struct build_ssh *ssh = find(b, id);
	CLEANUP_FD int upstream = -1, listening = -1;
	int r;

	if (!ssh)
		return 0;
	upstream = connect_to(b, ssh, e);
	if (upstream < 0)
		return upstream;
	listening = sock_listen(dir, name, SOCK_STREAM);
	r = listening < 0 ? listening : give_to(dir, name, uid, gid, mode);
	if (r < 0)
		return err_errno(e, r, "a socket for the ssh agent");
	r = agent_lend(listening, upstream, out, e);
	return r < 0 ? r : 1;
}

void ssh_end(struct build *b)
{
	for (; b->agents; b->agents = b->agents->next)
		agent_end(&b->agents->agent);
}

/* tare system dial-stdio, which `docker` runs at the other end of DOCKER_HOST=ssh://…: what comes goes to the server's socket, and back.
 *
 * A process for each direction, since either may stand still for long. The server's end of the stream is the end of all; the client's is passed on, and what
 * the server still has to say goes on. */
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>

#include "base/io.h"
#include "base/text.h"
#include "cmd/tare/tare.h"
#include "engine/engine.h"
#include "sys/sock.h"
#include "sys/spawn.h"

#define UNIX "unix://"
#define CHUNK 65536

const struct cli_option dial_options[] = {
	{ "host", 'H', "SOCKET", CLI_STR, "the server's socket (TARE_HOST, DOCKER_HOST, default " UNIX ENGINE_STATE "/docker.sock)", offsetof(struct dial_opts, host) },
	{ 0 }
};

static const char *find_host(const char *given)
{
	static const char *const variables[] = { "TARE_HOST", "DOCKER_HOST" };

	for (size_t i = 0; !given && i < ARRAY_LEN(variables); i++) {
		const char *v = getenv(variables[i]);

		given = v && *v ? v : NULL;
	}
	return given ? given : UNIX ENGINE_STATE "/docker.sock";
}

static int dial(const char *host, struct err *e)
{
	const char *path = host + strlen(UNIX);
	CLEANUP_FD int root = -1;
	int fd;

	if (!text_starts(host, UNIX) || path[0] != '/')
		return err_set(e, ERR_UNSUPPORTED, "%s: want a socket of this machine, unix:///PATH", host);
	root = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	fd = root < 0 ? -errno : sock_connect(root, path + 1, SOCK_STREAM);
	if (fd == -ENOENT || fd == -ECONNREFUSED)
		return err_set(e, ERR_UNAVAILABLE, "nobody listens at %s: systemctl start tared.socket, or run tared", path);
	return fd < 0 ? err_errno(e, fd, "connect to %s", path) : fd;
}

/* As it comes. */
static int pass_on(int from, int to)
{
	CLEANUP_FREE char *chunk = malloc(CHUNK);
	ssize_t n = chunk ? 1 : -1;
	int r = chunk ? 0 : -ENOMEM;

	while (r == 0 && n > 0) {
		n = read(from, chunk, CHUNK);
		if (n < 0 && errno == EINTR)
			n = 1;
		else if (n < 0)
			r = -errno;
		else if (n > 0)
			r = io_write_full(to, chunk, (size_t)n);
	}
	return r;
}

int cmd_dial(const struct cli_call *call, struct err *e)
{
	const struct dial_opts *o = call->opts;
	CLEANUP_FD int server = dial(find_host(o->host), e);
	CLEANUP_FD int child = -1;
	int r;

	if (server < 0)
		return server;
	(void)signal(SIGPIPE, SIG_IGN);
	r = spawn_fork(&child);
	if (r < 0)
		return err_errno(e, r, "fork");
	if (r == 0) {
		(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
		r = pass_on(STDIN_FILENO, server);
		(void)shutdown(server, SHUT_WR);
		_exit(r < 0);
	}
	r = pass_on(server, STDOUT_FILENO);
	return r < 0 && !io_peer_gone(r) ? err_errno(e, r, "pass on") : 0;
}

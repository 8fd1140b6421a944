/* Whoever speaks to `tare internal agent` is a stranger's command in a container. What reads his bytes has two sockets, and the system calls
 * that it takes to use them: it can open nothing and start nothing. One connection to the agent serves all, one request after the other; a
 * client that does not take its answer stops the others of the same RUN, and nobody else. */
#include "engine/agent.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "base/io.h"
#include "base/text.h"
#include "engine/engine.h"
#include "sys/caps.h"
#include "sys/seccomp.h"
#include "sys/sock.h"
#include "sys/spawn.h"

#define LISTENING 3
#define UPSTREAM 4
#define MAX_FRAME (256U << 10)
#define MAX_CLIENTS 8
#define SAID 300
#define START_MS 5000

enum { AGENT_FAILURE = 5, REQUEST_IDENTITIES = 11, SIGN_REQUEST = 13 };

void agent_end(struct agent *a)
{
	int status;

	if (a->pidfd >= 0) {
		(void)kill(a->pid, SIGKILL);
		(void)!spawn_wait(a->pidfd, -1, &status);
	}
	a->pidfd = close_fd(a->pidfd);
}

int agent_lend(int listening, int upstream, struct agent *out, struct err *e)
{
	const char *const argv[] = { "tare", "internal", "agent", NULL }, *const env[] = { NULL };
	const struct spawn_fd fds[] = { { 2, 2 }, { listening, LISTENING }, { upstream, UPSTREAM } };
	char self[PATH_MAX];
	struct spawn_args sa = { .path = self, .argv = argv, .env = env, .fds = fds, .n_fds = ARRAY_LEN(fds), .new_session = true,
				 .no_new_privs = true, .death_signal = SIGKILL };
	int r = engine_self(self, e);

	if (r < 0)
		return r;
	r = spawn(&sa, &out->pid, &out->pidfd);
	return r < 0 ? err_errno(e, r, "lend an ssh agent") : 0;
}

/* ---- between ---- */

struct client {
	int fd;
	size_t n;
	unsigned char buf[4 + MAX_FRAME];
};

static size_t frame_len(const unsigned char *p)
{
	return (size_t)p[0] << 24 | (size_t)p[1] << 16 | (size_t)p[2] << 8 | p[3];
}

/* The agent's answer, from the same buffer's begin on. Negative: it is gone. */
static ssize_t ask_upstream(unsigned char *buf, size_t len)
{
	size_t n;

	if (io_write_full(UPSTREAM, buf, len) < 0 || io_read_full(UPSTREAM, buf, 4) != 4)
		return -EIO;
	n = frame_len(buf);
	if (n == 0 || n > MAX_FRAME || io_read_full(UPSTREAM, buf + 4, n) != (ssize_t)n)
		return -EIO;
	return (ssize_t)n + 4;
}

/* One whole request. */
static int answer(int fd, const unsigned char *request, size_t len)
{
	static unsigned char buf[4 + MAX_FRAME];
	static const unsigned char refused[] = { 0, 0, 0, 1, AGENT_FAILURE };
	ssize_t n;

	if (request[4] != REQUEST_IDENTITIES && request[4] != SIGN_REQUEST)
		return io_write_full(fd, refused, sizeof(refused));
	memcpy(buf, request, len);
	n = ask_upstream(buf, len);
	if (n < 0)
		_exit(1); /* of no use any more: who connects sees that nobody is there */
	return io_write_full(fd, buf, (size_t)n);
}

/* Negative: it is done with. */
static int hear(struct client *c)
{
	ssize_t n = read(c->fd, c->buf + c->n, sizeof(c->buf) - c->n);

	if (n <= 0)
		return n < 0 && errno == EINTR ? 0 : -EPIPE;
	c->n += (size_t)n;
	while (c->n >= 4) {
		size_t len = frame_len(c->buf);
		int r;

		if (len == 0 || len > MAX_FRAME)
			return -EPROTO;
		if (c->n < 4 + len)
			break;
		r = answer(c->fd, c->buf, 4 + len);
		if (r < 0)
			return r;
		memmove(c->buf, c->buf + 4 + len, c->n - 4 - len);
		c->n -= 4 + len;
	}
	return 0;
}

static int confine(struct err *e)
{
	static const int calls[] = {
		SYS_read, SYS_write, SYS_close, SYS_accept4, SYS_ppoll, SYS_exit, SYS_exit_group, SYS_rt_sigreturn, SYS_brk, SYS_mmap, SYS_munmap,
#ifdef SYS_poll
		SYS_poll,
#endif
	};
	const struct cap_sets none = { 0 };
	const struct rlimit no_core = { 0, 0 };
	int r = cap_before_uid(&none);

	if (r == 0)
		r = cap_after_uid(&none);
	if (r == 0 && (prctl(PR_SET_NO_NEW_PRIVS, 1UL, 0UL, 0UL, 0UL) < 0 || prctl(PR_SET_DUMPABLE, 0UL) < 0 || setrlimit(RLIMIT_CORE, &no_core) < 0))
		r = -errno;
	if (r == 0)
		r = seccomp_allow_only(calls, ARRAY_LEN(calls), NULL, 0);
	return r < 0 ? err_errno(e, r, "confine the ssh agent's relay") : 0;
}

int agent_serve(struct err *e)
{
	static struct client clients[MAX_CLIENTS];
	struct pollfd fds[1 + MAX_CLIENTS];
	size_t n = 0;
	int r;

	(void)signal(SIGPIPE, SIG_IGN);
	r = confine(e);
	while (r == 0) {
		/* who finds no place waits until there is one */
		fds[0] = (struct pollfd){ .fd = n < MAX_CLIENTS ? LISTENING : -1, .events = POLLIN };
		for (size_t i = 0; i < n; i++)
			fds[1 + i] = (struct pollfd){ .fd = clients[i].fd, .events = POLLIN };
		if (poll(fds, (nfds_t)(1 + n), -1) < 0 && errno != EINTR)
			return err_errno(e, -errno, "wait");
		for (size_t i = n; i-- > 0;)
			if (fds[1 + i].revents && hear(&clients[i]) < 0) {
				close_fd(clients[i].fd);
				if (i != --n)
					memcpy(&clients[i], &clients[n], sizeof(clients[n]));
			}
		if (fds[0].revents) {
			int fd = accept4(LISTENING, NULL, NULL, SOCK_CLOEXEC);

			if (fd >= 0) {
				clients[n].fd = fd;
				clients[n++].n = 0;
			}
		}
	}
	return r;
}

/* ---- an agent of our own ---- */

static int wait_for(const char *folder, const char *name, const struct agent *a, struct err *e)
{
	CLEANUP_FD int dir = open(folder, O_PATH | O_DIRECTORY | O_CLOEXEC);

	for (int ms = 0; dir >= 0 && ms < START_MS; ms += 20) {
		CLEANUP_FD int fd = sock_connect(dir, name, SOCK_STREAM);
		struct pollfd ended = { .fd = a->pidfd, .events = POLLIN };

		if (fd >= 0)
			return 0;
		if (poll(&ended, 1, 20) > 0)
			return err_set(e, ERR_UNAVAILABLE, "ssh-agent ended before it began");
	}
	return err_set(e, ERR_UNAVAILABLE, "ssh-agent does not begin");
}

static int add_key(const char *folder, const char *sock, const char *file, struct err *e)
{
	CLEANUP_FD int said = memfd_create("said", MFD_CLOEXEC), pidfd = -1;
	CLEANUP_FREE char *path = realpath(file, NULL);
	const char *const argv[] = { "ssh-add", "-q", "--", path, NULL }, *const env[] = { sock, "SSH_ASKPASS_REQUIRE=never", NULL };
	const struct spawn_fd fds[] = { { said, 1 }, { said, 2 } };
	struct spawn_args sa = { .path = "ssh-add", .argv = argv, .env = env, .fds = fds, .n_fds = 2, .new_session = true,
				 .death_signal = SIGKILL, .chdir = folder };
	char text[SAID] = "", shown[SAID], *line = text;
	int status = 0, r = path ? 0 : -errno;
	pid_t pid;

	if (r == 0 && said < 0)
		r = -errno;
	if (r == 0)
		r = spawn(&sa, &pid, &pidfd);
	if (r == 0)
		r = spawn_wait(pidfd, -1, &status);
	if (r < 0)
		return err_errno(e, r, "%s", path ? "ssh-add" : file);
	if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
		return 0;
	if (lseek(said, 0, SEEK_SET) == 0 && io_read_text(said, text, sizeof(text)) > 0)
		while (*line == '@' && strchr(line, '\n')) /* a frame around what it warns of */
			line = strchr(line, '\n') + 1;
	line[strcspn(line, "\r\n")] = '\0';
	return err_set(e, ERR_INVALID, "%s cannot be used as a key: %s; one with a passphrase has to be in an agent already", file,
		       line[0] ? text_tame(line, shown, sizeof(shown)) : "ssh-add does not take it");
}

int agent_start(const char *folder, const char *name, const char *const *files, struct agent *out, struct err *e)
{
	CLEANUP_AGENT struct agent a = AGENT_INIT;
	const char *const argv[] = { "ssh-agent", "-D", "-a", name, NULL }, *const env[] = { "LC_ALL=C", NULL };
	struct spawn_args sa = { .path = "ssh-agent", .argv = argv, .env = env, .new_session = true, .death_signal = SIGKILL, .chdir = folder };
	char sock[NAME_MAX + 16];
	int r = spawn(&sa, &a.pid, &a.pidfd);

	if (r == -ENOENT)
		return err_set(e, ERR_NOTFOUND, "ssh-agent is not installed: it holds the keys of --ssh; or name an agent's socket");
	if (r < 0)
		return err_errno(e, r, "start ssh-agent");
	(void)snprintf(sock, sizeof(sock), "SSH_AUTH_SOCK=%s", name);
	r = wait_for(folder, name, &a, e);
	for (size_t i = 0; r == 0 && files[i]; i++)
		r = add_key(folder, sock, files[i], e);
	if (r < 0)
		return r;
	*out = a;
	a.pidfd = -1;
	return 0;
}

/* Neither program ends with the container: their tap device keeps the network namespace alive. And a monitor may be killed at any
 * instant and the container goes on, with its network. So each has a process of ours as its parent, which has nothing to do but wait for
 * the end of the container or of the program. When it is killed the program goes with it (PR_SET_PDEATHSIG; slirp4netns'
 * exit descriptor), and the container is without a network, as when the program itself is killed: nothing starts another one, the
 * connections are lost anyway.
 *
 * The program is the user's, and what it reads are packets of the container: it has sandboxed itself by the time it is ready. */
#include "monitor/usernet.h"

#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/io.h"
#include "base/log.h"
#include "base/text.h"
#include "monitor/crew.h"
#include "sys/ns.h"
#include "sys/proc.h"
#include "sys/sock.h"
#include "sys/spawn.h"

#define READY_MS 10000
#define ANSWER_MS 20000 /* the monitor waits longer than whoever it waits for */
#define SETTINGS_MAX (4U << 20)
#define ENV_PATH "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

enum { SETTINGS_FD = 3, ANSWER_FD, CONTAINER_FD, STATE_FD };

/* ---- the monitor's side ---- */

static int settings(const struct net_usernet *u)
{
	CLEANUP_STRBUF struct strbuf text = STRBUF_INIT;
	struct json_writer w = JSON_WRITER(&text);

	net_usernet_write(&w, NULL, u);
	return sb_error(&text) < 0 ? -ENOMEM : io_memfd("tare-usernet", sb_str(&text), text.len, true);
}

/* "+" says that it is ready, anything else why not. Who does not answer is not to come back later, to a network that nobody waits for. */
static int await(int sock, int process, struct err *e)
{
	struct pollfd p = { .fd = sock, .events = POLLIN };
	char text[sizeof(e->msg)];
	ssize_t n;
	int r;

	while ((r = poll(&p, 1, ANSWER_MS)) < 0 && errno == EINTR)
		;
	n = r > 0 ? recv(sock, text, sizeof(text) - 1, 0) : -1;
	if (r == 0 && proc_signal(process, SIGKILL) < 0)
		log_warning("the network's process does not answer, and cannot be killed");
	if (n <= 0)
		return err_set(e, ERR_UNAVAILABLE, "%s", r == 0 ? "its program does not answer" : "its process was killed");
	text[n] = '\0';
	return text[0] == '+' ? 0 : err_set(e, ERR_UNAVAILABLE, "%s", text + 1);
}

int usernet_start(const struct net_usernet *u, pid_t pid, int pidfd, int state_dir, struct err *e)
{
	CLEANUP_FD int fd = settings(u), ours = -1, theirs = -1, child = -1;
	char number[TEXT_U64_LEN];
	const char *argv[] = { "tare-monitor", "usernet", text_of_u64((uint64_t)pid, number), NULL };
	const char *env[] = { ENV_PATH, NULL };
	int pair[2], r = fd < 0 ? fd : sock_pair(SOCK_SEQPACKET, pair);
	pid_t child_pid;

	if (r < 0)
		return err_errno(e, r, "network");
	ours = pair[0];
	theirs = pair[1];
	r = spawn(&(struct spawn_args){ .path = "/proc/self/exe",
					.argv = argv,
					.env = env,
					.fds = (const struct spawn_fd[]){ { fd, SETTINGS_FD }, { theirs, ANSWER_FD }, { pidfd, CONTAINER_FD }, { state_dir, STATE_FD } },
					.n_fds = 4,
					.new_session = true },
		  &child_pid, &child);
	if (r < 0)
		return err_errno(e, r, "network: start its process");
	theirs = close_fd(theirs);
	r = await(ours, child, e);
	return r < 0 ? err_ctx(e, "network (%s)", net_usernet_program(u)) : 0;
}

/* ---- the process ---- */

struct helper {
	struct arena a;
	struct net_usernet u;
	int lock, pidfd;
	int ready, exit; /* our ends */
	int said;        /* what it writes to its standard error */
};

/* Its first line, without the program's name that some begin with. */
static int its_words(const struct helper *h, const char *otherwise, struct err *e)
{
	char text[300], shown[400];
	ssize_t n = read(h->said, text, sizeof(text) - 1);

	text[n > 0 ? n : 0] = '\0';
	/* pasta tells first that there is no system logger for it to tell */
	for (char *line = text; *line; line += strcspn(line, "\n"), line += *line == '\n') {
		size_t len = strcspn(line, "\n");

		if (len && !text_starts(line, "Failed to send ") && !text_starts(line, "WARNING:") && !text_starts(line, "sent tapfd")) {
			line[len] = '\0';
			return err_set(e, ERR_UNAVAILABLE, "%s", text_escape(line, shown, sizeof(shown)));
		}
	}
	return err_set(e, ERR_UNAVAILABLE, "%s", otherwise);
}

/* Nobody but the program is on that wire: an address need not be shown to be free, which takes IPv6 a second or two in which nothing can be
 * sent. Where that cannot be set it is waited for. A process does it that goes into the namespace and does not come back: an ordinary
 * user may not return to the host's. */
static void trust_addresses(int netns)
{
	const struct ns_clone args = { .cgroup = -1 };
	CLEANUP_FD int pidfd = -1;
	pid_t child = ns_clone(&args, &pidfd);

	if (child == 0)
		_exit(ns_enter(netns, CLONE_NEWNET) < 0 || io_write_value(AT_FDCWD, "/proc/sys/net/ipv6/conf/default/accept_dad", "0") < 0);
	ns_reap(child);
}

/* By a number, which is the container's as long as it has not ended: then it may be anybody's, after the wait for the lock. */
static int open_netns(pid_t pid, struct err *e)
{
	struct pollfd ended = { .fd = CONTAINER_FD, .events = POLLIN };
	CLEANUP_FD int netns = -1;
	char path[48];
	int r;

	(void)snprintf(path, sizeof(path), "/proc/%d/ns/net", (int)pid);
	netns = open(path, O_RDONLY | O_CLOEXEC);
	r = netns < 0 ? -errno : 0;
	if (poll(&ended, 1, 0) != 0)
		return err_set(e, ERR_UNAVAILABLE, "the container has ended");
	return r < 0 ? err_errno(e, r, "the container's network namespace") : take_fd(&netns);
}

static int start_program(struct helper *h, pid_t pid, struct err *e)
{
	const char *env[] = { ENV_PATH, NULL };
	CLEANUP_FD int ready = -1, end = -1, said = -1, state = io_dup(STATE_FD), netns = open_netns(pid, e);
	char chdir_to[IO_FD_PATH_LEN];
	int pipes[3][2], r = 0;
	pid_t child;

	if (netns < 0)
		return netns;
	trust_addresses(netns);
	for (size_t i = 0; i < ARRAY_LEN(pipes); i++)
		if (pipe2(pipes[i], O_CLOEXEC) < 0)
			return err_errno(e, -errno, "pipe");
	h->ready = pipes[0][0];
	ready = pipes[0][1];
	end = pipes[1][0];
	h->exit = pipes[1][1];
	h->said = pipes[2][0];
	said = pipes[2][1];
	/* nobody reads on once it runs: a full pipe must not stop it */
	if (state < 0 || io_set_nonblock(said, true) < 0 || io_set_nonblock(h->said, true) < 0)
		return err_errno(e, -EINVAL, "pipe");
	const struct spawn_args args = {
		.path = net_usernet_program(&h->u),
		.argv = net_usernet_args(&h->a, &h->u),
		.env = env,
		.fds = (const struct spawn_fd[]){ { said, 2 }, { ready, USERNET_READY_FD }, { netns, USERNET_NETNS_FD }, { end, USERNET_EXIT_FD } },
		.n_fds = h->u.kind == USERNET_SLIRP ? 4 : 3,
		.death_signal = SIGKILL,
		.chdir = io_fd_path(state, chdir_to),
	};
	r = args.argv ? spawn(&args, &child, &h->pidfd) : -ENOMEM;
	if (r == -ENOENT)
		return err_set(e, ERR_UNAVAILABLE, "it is not installed (Debian's package %s)", h->u.kind == USERNET_PASTA ? "passt" : "slirp4netns");
	return r < 0 ? err_errno(e, r, "start it") : 0;
}

static int await_ready(struct helper *h, struct err *e)
{
	struct pollfd p[] = { { .fd = h->ready, .events = POLLIN }, { .fd = h->pidfd, .events = POLLIN }, { .fd = CONTAINER_FD, .events = POLLIN } };
	int r;

	while ((r = poll(p, ARRAY_LEN(p), READY_MS)) < 0 && errno == EINTR)
		;
	if (r <= 0)
		return its_words(h, "it does not get ready", e);
	if (p[2].revents)
		return err_set(e, ERR_UNAVAILABLE, "the container has ended");
	return p[0].revents & POLLIN ? 0 : its_words(h, "it ended", e);
}

/* One request per connection; "return" or "error" comes back. */
static int forward(const struct helper *h, const struct net_port *p, uint16_t n, struct err *e)
{
	CLEANUP_STRBUF struct strbuf request = STRBUF_INIT;
	CLEANUP_FD int sock = sock_connect(STATE_FD, USERNET_API, SOCK_STREAM);
	const struct timeval patience = { .tv_sec = 5 };
	char answer[512];
	ssize_t len;

	net_usernet_request(&h->u, p, n, &request);
	if (sock < 0 || setsockopt(sock, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience)) < 0 || sb_error(&request) < 0 ||
	    io_write_full(sock, sb_str(&request), request.len) < 0 || shutdown(sock, SHUT_WR) < 0)
		return err_set(e, ERR_UNAVAILABLE, "port %u: its socket does not take the request", p->first + n);
	len = io_read_full(sock, answer, sizeof(answer) - 1);
	answer[len > 0 ? len : 0] = '\0';
	if (strstr(answer, "\"return\""))
		return 0;
	return err_set(e, ERR_CONFLICT, "port %u/%s of the host is in use, or not for you to have", p->first + n, net_proto_name(p->proto));
}

static int forward_all(const struct helper *h, struct err *e)
{
	for (size_t i = 0; h->u.kind == USERNET_SLIRP && i < h->u.n_ports; i++)
		for (uint16_t n = 0; n < h->u.ports[i].count; n++)
			if (forward(h, &h->u.ports[i], n, e) < 0)
				return e->code;
	return 0;
}

static int begin(struct helper *h, const char *pid, struct err *e)
{
	CLEANUP_FREE char *text = NULL;
	const struct json *doc;
	uint32_t number;
	size_t len;
	int r = text_u32(pid, &number);

	if (r == 0)
		r = io_read_fd(SETTINGS_FD, SETTINGS_MAX, &text, &len);
	if (r < 0)
		return err_errno(e, r, "read the settings");
	if ((r = json_parse(&h->a, text, len, NULL, &doc, e)) < 0 || (r = net_usernet_read(&h->a, doc, &h->u, e)) < 0)
		return r;
	h->lock = openat(STATE_FD, USERNET_LOCK, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (h->lock < 0 || flock(h->lock, LOCK_EX) < 0)
		return err_errno(e, -errno, "lock " USERNET_LOCK);
	(void)unlinkat(STATE_FD, USERNET_API, 0);
	r = start_program(h, (pid_t)number, e);
	if (r == 0)
		r = await_ready(h, e);
	return r < 0 ? r : forward_all(h, e);
}

static void answer(const struct err *e, int r)
{
	char text[sizeof(e->msg) + 1];
	int n = snprintf(text, sizeof(text), "%s", r < 0 ? "-" : "+");

	if (r < 0)
		n = snprintf(text, sizeof(text), "-%s", e->msg);
	(void)send(ANSWER_FD, text, (size_t)n < sizeof(text) ? (size_t)n : sizeof(text) - 1, MSG_NOSIGNAL);
	(void)close(ANSWER_FD);
}

int usernet_main(const char *pid)
{
	struct helper h = { .a = ARENA_INIT, .lock = -1, .pidfd = -1 };
	struct pollfd p[2];
	struct err e = { 0 };
	int status, r;

	for (int fd = SETTINGS_FD; fd <= STATE_FD; fd++)
		if (io_set_cloexec(fd, true) < 0)
			return 1;
	crew_quiet();
	r = begin(&h, pid, &e);
	answer(&e, r);
	p[0] = (struct pollfd){ .fd = CONTAINER_FD, .events = POLLIN };
	p[1] = (struct pollfd){ .fd = h.pidfd, .events = POLLIN };
	while (r == 0 && poll(p, 2, -1) < 0 && errno == EINTR)
		;
	if (h.pidfd >= 0 && proc_signal(h.pidfd, SIGKILL) == 0)
		(void)!spawn_wait(h.pidfd, -1, &status);
	(void)unlinkat(STATE_FD, USERNET_API, 0);
	return r < 0;
}

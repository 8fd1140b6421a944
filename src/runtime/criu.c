/* Talking to CRIU by its RPC rather than by its command line: only there can the restored tree become our child
 * (rst_sibling), a terminal's master come back to us, and hooks run at the moment when the namespaces are there and
 * nothing runs in them yet (docs/adr/0011).
 *
 * CRIU is trusted: it is the host's program, run with our rights. What it answers is still parsed as bytes of a
 * stranger, and it may die at any moment: then the socket ends, which is a failure like any other. When we die, it
 * finds its socket closed and undoes what it has begun. */
#include "runtime/criu.h"

#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "base/io.h"
#include "base/log.h"
#include "base/text.h"
#include "sys/proc.h"
#include "sys/sock.h"

#define OLDEST 31600U /* --lsm-profile, network_lock; 3.14 and older cannot freeze a v2 cgroup */
#define MESSAGE_MAX 65536U
#define LOG_MAX (64U << 20)
#define CRIU_SOCKET 3

#define END_MS 10000

/* It has closed the socket, or is no more. */
static int ended(struct criu *c, struct err *e)
{
	int status = 0;

	if (c->pidfd >= 0 && spawn_wait(c->pidfd, END_MS, &status) == 0)
		c->pidfd = close_fd(c->pidfd);
	if (WIFSIGNALED(status))
		return err_set(e, ERR_UNAVAILABLE, "%s was ended by signal %d (%s)", c->program, WTERMSIG(status),
			       strsignal(WTERMSIG(status)));
	return err_set(e, ERR_UNAVAILABLE, "%s ended without an answer", c->program);
}

/* ---- messages ---- */

static int send_request(struct criu *c, const struct criu_request *request, struct err *e)
{
	CLEANUP_STRBUF struct strbuf out = STRBUF_INIT;
	ssize_t n;

	criu_write(&out, request);
	if (sb_error(&out) < 0)
		return err_errno(e, -ENOMEM, "request to %s", c->program);
	do
		n = send(c->sock, out.s, out.len, MSG_NOSIGNAL);
	while (n < 0 && errno == EINTR);
	if (n < 0 && !io_peer_gone(-errno))
		return err_errno(e, -errno, "request to %s", c->program);
	return n < 0 ? ended(c, e) : 0;
}

/* *fd: what came with it, owned by the caller; -1 = nothing. */
static int receive(struct criu *c, struct criu_response *out, int *fd, struct err *e)
{
	CLEANUP_FREE char *buf = malloc(MESSAGE_MAX);
	size_t n_fds = 1;
	ssize_t n;

	*fd = -1;
	if (!buf)
		return err_errno(e, -ENOMEM, "answer of %s", c->program);
	n = sock_recv_fds(c->sock, buf, MESSAGE_MAX, fd, &n_fds);
	if (n_fds == 0 || n < 0)
		*fd = -1;
	if (n == 0 || n == -ECONNRESET)
		return ended(c, e);
	if (n < 0)
		return err_errno(e, (int)n, "answer of %s", c->program);
	if (criu_parse(buf, (size_t)n, out) == 0)
		return 0;
	*fd = close_fd(*fd);
	return err_set(e, ERR_INTERNAL, "%s sent something that is no answer", c->program);
}

/* ---- life ---- */

static int ask_version(struct criu *c, struct err *e)
{
	const struct criu_request ask = { .type = CRIU_VERSION, .keep_open = true };
	struct criu_response answer;
	CLEANUP_FD int fd = -1;

	if (send_request(c, &ask, e) < 0 || receive(c, &answer, &fd, e) < 0)
		return e->code;
	if (answer.type != CRIU_VERSION || !answer.success)
		return err_set(e, ERR_UNSUPPORTED, "%s does not tell its version", c->program);
	c->version = answer.major * 10000 + answer.minor * 100 + answer.sublevel;
	log_debug("%s is CRIU %u", c->program, c->version);
	return criu_require_version(c, OLDEST, c->program, e);
}

static int start(struct criu *c, struct spawn_args *how, int theirs, struct err *e)
{
	const char *const argv[] = { "criu", "swrk", "3", NULL };
	struct spawn_fd fds[16];
	int r;

	if (how->n_fds + 1 > ARRAY_LEN(fds))
		return err_set(e, ERR_LIMIT, "%s: too many descriptors", c->program);
	fds[0] = (struct spawn_fd){ theirs, CRIU_SOCKET };
	for (size_t i = 0; i < how->n_fds; i++)
		fds[i + 1] = how->fds[i];
	how->path = c->program;
	how->argv = argv;
	how->fds = fds;
	how->n_fds++;
	r = spawn(how, &c->pid, &c->pidfd);
	if (r == -ENOENT)
		return err_set(e, ERR_NOTFOUND, "%s: no such program; install CRIU, or name it with --criu PATH", c->program);
	return r < 0 ? err_errno(e, r, "starting %s", c->program) : 0;
}

int criu_start(struct criu *c, const char *program, struct spawn_args *how, struct err *e)
{
	CLEANUP_FD int theirs = -1;
	int pair[2], r;

	c->program = program;
	r = sock_pair(SOCK_SEQPACKET, pair);
	if (r < 0)
		return err_errno(e, r, "socket for %s", program);
	c->sock = pair[0];
	theirs = pair[1];
	r = start(c, how, theirs, e);
	if (r < 0)
		return r;
	theirs = close_fd(theirs);
	return ask_version(c, e);
}

void criu_stop(struct criu *c)
{
	int status;

	c->sock = close_fd(c->sock);
	if (c->pidfd >= 0) {
		/* without its socket it undoes what it has begun, and ends */
		if (spawn_wait(c->pidfd, END_MS, &status) < 0) {
			(void)!proc_signal(c->pidfd, SIGKILL);
			(void)!spawn_wait(c->pidfd, END_MS, &status);
		}
	}
	c->pidfd = close_fd(c->pidfd);
}

/* ---- what it can ---- */

int criu_require_version(const struct criu *c, unsigned int version, const char *what, struct err *e)
{
	if (c->version >= version)
		return 0;
	return err_set(e, ERR_UNSUPPORTED, "%s: CRIU %u.%u or later is needed, %s is %u.%u", what, version / 10000,
		       version / 100 % 100, c->program, c->version / 10000, c->version / 100 % 100);
}

int criu_require(struct criu *c, bool mem_track, bool lazy_pages, struct err *e)
{
	const struct criu_request ask = {
		.type = CRIU_FEATURE_CHECK, .keep_open = true, .mem_track = mem_track, .lazy_pages = lazy_pages
	};
	struct criu_response answer;
	CLEANUP_FD int fd = -1;

	if (!mem_track && !lazy_pages)
		return 0;
	if (send_request(c, &ask, e) < 0 || receive(c, &answer, &fd, e) < 0)
		return err_ctx(e, "asking what can be done");
	if (mem_track && !answer.mem_track)
		return err_set(e, ERR_UNSUPPORTED,
			       "this kernel does not track memory for CRIU, as --pre-dump and --parent-path need it");
	if (lazy_pages && !answer.lazy_pages)
		return err_set(e, ERR_UNSUPPORTED, "this kernel has no userfaultfd for CRIU, as --lazy-pages needs it");
	return 0;
}

/* ---- its log ---- */

#define APART 6 /* lines between errors that have to do with each other */

/* What led to the failure: CRIU logs errors from the innermost function outwards, "File bin/sh has bad size", "Can't fixup
 * VMA's fd", "Restoring FAILED.", and ones that mean nothing long before. So it is the first of the last that stand
 * together; without the time in front of it. */
static const char *cause(char *log)
{
	const char *first = NULL;
	size_t number = 0, last = 0;
	char *rest = NULL;

	for (char *line = strtok_r(log, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest)) {
		const char *error = strstr(line, "Error (");

		number++;
		if (!error || strstr(error, " exited, status=") || (first && text_ends(error, " FAILED.")))
			continue;
		if (!first || number - last > APART)
			first = error;
		last = number;
	}
	return first;
}

static int failed(const struct criu *c, const struct criu_job *job, const struct criu_response *answer, struct err *e)
{
	CLEANUP_FREE char *log = NULL;
	const char *why = NULL;
	char tame[400];

	if (io_read_file(job->log_dir, job->log_file, LOG_MAX, &log, NULL) == 0)
		why = cause(log);
	if (!why && answer->message[0])
		why = answer->message;
	if (why)
		return err_set(e, ERR_INTERNAL, "%s failed: %s (log: %s/%s)", c->program,
			       text_tame(why, tame, sizeof(tame)), job->log_folder, job->log_file);
	return err_set(e, ERR_INTERNAL, "%s failed, and wrote no error into its log %s/%s", c->program, job->log_folder,
		       job->log_file);
}

/* ---- work ---- */

static int serve(struct criu *c, const struct criu_job *job, const struct criu_response *n, int fd, struct err *e)
{
	struct criu_request go = { .type = CRIU_NOTIFY, .notify_success = true };
	struct err why = { 0 }, ignored;
	int r = 0;

	log_debug("%s: %s", c->program, n->script);
	if (job->notify)
		r = job->notify(n, fd, job->arg, &why);
	else
		close_fd(fd);
	go.notify_success = r == 0;
	if (r == 0)
		return send_request(c, &go, e);
	/* it undoes everything before it answers; what it then says is less than what we know */
	*e = why;
	(void)!send_request(c, &go, &ignored);
	return r;
}

/* Until it has answered for good. */
static int converse(struct criu *c, const struct criu_job *job, struct criu_response *out, struct err *e)
{
	struct err ours = { 0 };
	int fd, r = send_request(c, job->request, e);

	*out = (struct criu_response){ 0 };
	while (r == 0) {
		r = receive(c, out, &fd, e);
		if (r < 0)
			break;
		if (out->type != CRIU_NOTIFY) {
			close_fd(fd);
			break;
		}
		r = serve(c, job, out, fd, e);
		if (r < 0 && !ours.code && job->notify) {
			ours = *e;
			r = 0;
		}
	}
	if (ours.code) {
		*e = ours;
		return ours.code;
	}
	return r;
}

int criu_work(struct criu *c, const struct criu_job *job, struct criu_response *out, struct err *e)
{
	int status = 0, r = converse(c, job, out, e);

	if (r < 0)
		return r;
	if (out->type != (uint32_t)job->request->type || !out->success)
		return failed(c, job, out, e);
	c->sock = close_fd(c->sock);
	r = spawn_wait(c->pidfd, -1, &status);
	if (r < 0)
		return err_errno(e, r, "%s", c->program);
	c->pidfd = close_fd(c->pidfd);
	/* after a pre-dump it waits for the next one, and calls it an error that none comes */
	if (status != 0 && job->request->type != CRIU_PRE_DUMP)
		return failed(c, job, out, e);
	return 0;
}

/* A plugin may hang, print without an end, print garbage, or leave a process behind that holds its pipes. So its time is limited, what
 * is read of it is limited, and its end is its own end, not that of its pipes; where it is killed, the whole session that was made for it
 * is. Its environment is the same whoever runs it: a DEL must find the programs that ADD found.
 *
 * The request is a sealed memory file, so that a plugin which does not read it blocks nobody. */
#include "net/cni.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>

#include "base/clock.h"
#include "base/io.h"
#include "base/log.h"
#include "base/text.h"
#include "sys/spawn.h"

#define OUTPUT_MAX (1U << 20)
#define STDERR_MAX 4096U
#define READS 512 /* in one go: more than a pipe holds */
#define KILLED_MS 2000
#define WRITTEN_MS 5000
#define WRITTEN_PAUSE_NS 100000000L

struct run {
	const char *command, *type;
	struct strbuf out, said; /* its stdout; the beginning of its stderr */
	int from[2];             /* the pipes of both; -1: at an end */
	int pidfd, status;
	pid_t pid;
	bool too_much;
};

static void run_end(struct run *p)
{
	sb_free(&p->out);
	sb_free(&p->said);
	p->from[0] = close_fd(p->from[0]);
	p->from[1] = close_fd(p->from[1]);
	p->pidfd = close_fd(p->pidfd);
}

int cni_find(const struct cni_host *h, const char *type, char out[PATH_MAX], struct err *e)
{
	for (const char *at = h->path + strspn(h->path, ":"); *at; at += strspn(at, ":")) {
		size_t len = strcspn(at, ":");
		int n = snprintf(out, PATH_MAX, "%.*s/%s", (int)len, at, type);
		struct stat st;

		if (n > 0 && n < PATH_MAX && stat(out, &st) == 0 && S_ISREG(st.st_mode) && access(out, X_OK) == 0)
			return 0;
		at += len;
	}
	return err_set(e, ERR_NOTFOUND, "CNI plugin %s is not in %s (TARE_CNI_BIN_DIR names other folders)", type, h->path);
}

/* ---- its life ---- */

#define ENV_MAX 8
#define PROGRAMS "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

static int environment(const struct cni_host *h, struct arena *a, const char *command, const struct cni_attachment *at, const char *env[ENV_MAX],
		       struct err *e)
{
	size_t n = 0;

	env[n++] = PROGRAMS;
	env[n++] = arena_printf(a, "CNI_COMMAND=%s", command);
	env[n++] = arena_printf(a, "CNI_PATH=%s", h->path);
	if (at) {
		env[n++] = arena_printf(a, "CNI_CONTAINERID=%s", at->container);
		env[n++] = arena_printf(a, "CNI_NETNS=%s", at->netns);
		env[n++] = arena_printf(a, "CNI_IFNAME=%s", at->ifname);
		env[n++] = arena_printf(a, "CNI_ARGS=%s", at->args);
	}
	env[n] = NULL;
	return arena_error(a) < 0 ? err_errno(e, -ENOMEM, "run plugin %s", command) : 0;
}

/* Whoever installs plugins may be just writing this one. */
static int spawn_written(const struct spawn_args *args, struct run *p)
{
	const struct timespec pause = { .tv_nsec = WRITTEN_PAUSE_NS };
	int64_t end = clock_ms() + WRITTEN_MS;
	int r;

	while ((r = spawn(args, &p->pid, &p->pidfd)) == -ETXTBSY && clock_ms() < end)
		(void)nanosleep(&pause, NULL);
	return r;
}

static int start(const struct cni_host *h, const char *path, const char *const *env, int request, struct run *p, struct err *e)
{
	const char *const argv[] = { path, NULL };
	CLEANUP_FD int to_out = -1, to_err = -1;
	int out[2], err[2], r;

	if (pipe2(out, O_CLOEXEC) < 0)
		return err_errno(e, -errno, "make a pipe");
	p->from[0] = out[0];
	to_out = out[1];
	if (pipe2(err, O_CLOEXEC) < 0)
		return err_errno(e, -errno, "make a pipe");
	p->from[1] = err[0];
	to_err = err[1];
	r = spawn_written(&(const struct spawn_args){ .path = path,
						      .argv = argv,
						      .env = env,
						      .fds = (const struct spawn_fd[]){ { request, 0 }, { to_out, 1 }, { to_err, 2 }, { h->hold, 3 } },
						      .n_fds = h->hold < 0 ? 3 : 4,
						      .new_session = true,
						      .death_signal = SIGKILL,
						      .chdir = "/" },
			  p);
	if (r < 0)
		return err_errno(e, r, "execute %s", path);
	if (io_set_nonblock(p->from[0], true) < 0 || io_set_nonblock(p->from[1], true) < 0)
		return err_set(e, ERR_INTERNAL, "read from %s", path);
	return 0;
}

/* What is there now. Who writes faster than we read gets no more than that before the clock is looked at again. */
static void take(struct run *p, size_t which)
{
	struct strbuf *to = which ? &p->said : &p->out;
	size_t most = which ? STDERR_MAX : OUTPUT_MAX;
	char buf[4096];
	int reads = 0;
	ssize_t n;

	while (p->from[which] >= 0 && (n = read(p->from[which], buf, sizeof(buf))) != 0) {
		if (reads++ == READS)
			return;
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN)
			return;
		if (n < 0)
			break;
		if (to->len + (size_t)n <= most) {
			sb_add(to, buf, (size_t)n);
			continue;
		}
		p->too_much |= !which;
		if (!which)
			break;
	}
	p->from[which] = close_fd(p->from[which]);
}

/* -ETIMEDOUT, -EFBIG: it goes on. */
static int attend(struct run *p, const struct cni_host *h)
{
	int64_t end = clock_ms() + (int64_t)h->seconds * 1000;

	if (h->until && h->until < end)
		end = h->until;
	for (;;) {
		struct pollfd fds[] = { { .fd = p->pidfd, .events = POLLIN }, { .fd = p->from[0], .events = POLLIN }, { .fd = p->from[1], .events = POLLIN } };
		int64_t left = end - clock_ms();

		if (left <= 0)
			return -ETIMEDOUT;
		if (poll(fds, ARRAY_LEN(fds), (int)left) < 0 && errno != EINTR)
			return -errno;
		take(p, 0);
		take(p, 1);
		if (p->too_much)
			return -EFBIG;
		if (fds[0].revents)
			return spawn_wait(p->pidfd, -1, &p->status);
	}
}

/* With all that it started. One that is in the middle of what cannot be interrupted is not waited for. */
static void kill_session(struct run *p)
{
	(void)kill(-p->pid, SIGKILL);
	if (kill(p->pid, SIGKILL) < 0 || spawn_wait(p->pidfd, KILLED_MS, &p->status) < 0)
		log_warning("CNI plugin %s cannot be killed", p->type);
}

/* ---- what it said ---- */

static int failed(const struct run *p, const struct json *doc, struct err *e)
{
	char text[600], said[300];
	int code = WIFEXITED(p->status) ? WEXITSTATUS(p->status) : 128 + WTERMSIG(p->status);

	if (doc && cni_error_text(doc, text, sizeof(text)))
		return err_set(e, ERR_UNAVAILABLE, "CNI plugin %s (%s): %s", p->type, p->command, text);
	(void)snprintf(text, sizeof(text), "%s", p->said.len ? sb_str(&p->said) : sb_str(&p->out));
	text[strcspn(text, "\n")] = '\0';
	text_tame(text, said, sizeof(said));
	return err_set(e, ERR_UNAVAILABLE, "CNI plugin %s (%s) ended with exit code %d%s%s", p->type, p->command, code, said[0] ? ": " : "", said);
}

/* The others may print what they like, for libcni does not look at it. */
static bool has_answer(const char *command)
{
	return strcmp(command, "ADD") == 0 || strcmp(command, "VERSION") == 0;
}

static int judge(struct run *p, struct arena *a, const struct json **out, struct err *e)
{
	struct err why = { 0 };
	size_t blank = strspn(sb_str(&p->out), " \t\r\n");
	bool ok = WIFEXITED(p->status) && WEXITSTATUS(p->status) == 0;
	const struct json *doc = NULL;
	int r = 0;

	if (sb_error(&p->out) < 0)
		return err_errno(e, -ENOMEM, "read what plugin %s says", p->type);
	if (!ok || has_answer(p->command))
		r = p->out.len == blank ? 0 : json_parse(a, p->out.s, p->out.len, NULL, &doc, &why);
	*out = ok ? doc : NULL;
	if (!ok)
		return failed(p, r == 0 ? doc : NULL, e);
	if (r < 0)
		return err_set(e, ERR_INVALID, "CNI plugin %s (%s) did not print JSON: %s", p->type, p->command, why.msg);
	if (p->said.len)
		log_debug("CNI plugin %s: %s", p->type, sb_str(&p->said));
	return 0;
}

int cni_run(const struct cni_host *h, struct arena *a, const char *command, const char *type, const struct cni_attachment *at,
	    const struct strbuf *request, const struct json **out, struct err *e)
{
	CLEANUP(run_end) struct run p = { .command = command, .type = type, .from = { -1, -1 }, .pidfd = -1 };
	CLEANUP_FD int fd = -1;
	const char *env[ENV_MAX];
	char path[PATH_MAX];
	int r = cni_find(h, type, path, e);

	*out = NULL;
	if (r == 0)
		r = environment(h, a, command, at, env, e);
	if (r < 0)
		return r;
	fd = sb_error(request) < 0 ? -ENOMEM : io_memfd("cni-request", sb_str(request), request->len, true);
	if (fd < 0)
		return err_errno(e, fd, "what plugin %s is told", type);
	r = start(h, path, env, fd, &p, e);
	if (r < 0)
		return r;
	r = attend(&p, h);
	if (r == 0)
		return judge(&p, a, out, e);
	kill_session(&p);
	if (r == -ETIMEDOUT)
		return err_set(e, ERR_UNAVAILABLE, "CNI plugin %s (%s) took too long (%u s at most, TARE_CNI_TIMEOUT), and was killed", type, command, h->seconds);
	if (r == -EFBIG)
		return err_set(e, ERR_LIMIT, "CNI plugin %s (%s) printed more than %u bytes, and was killed", type, command, OUTPUT_MAX);
	return err_errno(e, r, "wait for CNI plugin %s", type);
}

/* A helper may hang or print without an end, so its time and what is read of it are limited, and its end is its own, not that of its
 * pipes. What it is told is a sealed memory file: a helper that does not read blocks nobody. What it says on standard output is secret:
 * it goes into one buffer that never moves and is overwritten. */
#include "engine/credential_helper.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

#include "base/clock.h"
#include "base/io.h"
#include "base/json.h"
#include "base/text.h"
#include "sys/spawn.h"

#define OUTPUT_MAX 65536U
#define STDERR_MAX 1024U
#define PROGRAM "docker-credential-"
#define TOKEN_USER "<token>"

struct stream {
	int fd; /* -1: at its end */
	char *buf;
	size_t len, size;
	bool keep_beginning; /* what is too much is dropped; otherwise an error */
};

struct run {
	char program[300];
	struct stream out, said;
	int pidfd, status;
	pid_t pid;
};

static void run_end(struct run *p)
{
	if (p->out.buf)
		explicit_bzero(p->out.buf, p->out.size);
	free(p->out.buf);
	free(p->said.buf);
	p->out.fd = close_fd(p->out.fd);
	p->said.fd = close_fd(p->said.fd);
	p->pidfd = close_fd(p->pidfd);
}

/* What is there now; -EFBIG. */
static int take(struct stream *s)
{
	char rest[512];

	while (s->fd >= 0) {
		size_t room = s->size - 1 - s->len;
		ssize_t n = room ? read(s->fd, s->buf + s->len, room) : read(s->fd, rest, sizeof(rest));

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN)
			return 0;
		if (n <= 0)
			s->fd = close_fd(s->fd);
		else if (room)
			s->len += (size_t)n;
		else if (!s->keep_beginning)
			return -EFBIG;
	}
	return 0;
}

static int attend(struct run *p, unsigned int seconds)
{
	int64_t end = clock_ms() + (int64_t)seconds * 1000;

	for (;;) {
		struct pollfd fds[] = { { .fd = p->pidfd, .events = POLLIN }, { .fd = p->out.fd, .events = POLLIN }, { .fd = p->said.fd, .events = POLLIN } };
		int64_t left = end - clock_ms();
		int r;

		if (left <= 0)
			return -ETIMEDOUT;
		if (poll(fds, ARRAY_LEN(fds), (int)left) < 0 && errno != EINTR)
			return -errno;
		r = take(&p->out);
		if (r == 0)
			r = take(&p->said);
		if (r < 0)
			return r;
		if (fds[0].revents)
			return spawn_wait(p->pidfd, -1, &p->status);
	}
}

static int stream_open(struct stream *s, size_t size, bool keep_beginning, int *theirs)
{
	int pair[2];

	if (pipe2(pair, O_CLOEXEC) < 0)
		return -errno;
	*s = (struct stream){ .fd = pair[0], .size = size, .keep_beginning = keep_beginning, .buf = calloc(1, size) };
	*theirs = pair[1];
	return s->buf ? io_set_nonblock(s->fd, true) : -ENOMEM;
}

static int start(struct run *p, const char *action, int input)
{
	const char *const argv[] = { p->program, action, NULL };
	CLEANUP_FD int out = -1, said = -1;
	int r = stream_open(&p->out, OUTPUT_MAX, false, &out);

	if (r == 0)
		r = stream_open(&p->said, STDERR_MAX, true, &said);
	if (r < 0)
		return r;
	return spawn(&(const struct spawn_args){ .path = p->program,
						 .argv = argv,
						 .fds = (const struct spawn_fd[]){ { input, 0 }, { out, 1 }, { said, 2 } },
						 .n_fds = 3,
						 .death_signal = SIGKILL },
		     &p->pid, &p->pidfd);
}

/* Names are of files that people edit: none leads out of PATH. */
static int program_of(struct run *p, const struct credential_helper *h, struct err *e)
{
	char shown[100];

	if (!*h->name || strchr(h->name, '/') || strlen(h->name) > 200)
		return err_set(e, ERR_INVALID, "'%s' is no name of a credential helper: what follows \"" PROGRAM "\" in its program's name",
			       text_escape(h->name, shown, sizeof(shown)));
	(void)snprintf(p->program, sizeof(p->program), PROGRAM "%s", h->name);
	return 0;
}

/* Runs it to its end: p has what it said and its status. */
static int run(struct run *p, const struct credential_helper *h, const char *action, const void *input, size_t len, struct err *e)
{
	CLEANUP_FD int fd = -1;
	int r;

	*p = (struct run){ .out.fd = -1, .said.fd = -1, .pidfd = -1 };
	if (program_of(p, h, e) < 0)
		return e->code;
	fd = io_memfd("credential", input, len, true);
	r = fd < 0 ? fd : start(p, action, fd);
	if (r == -ENOENT)
		return err_set(e, ERR_NOTFOUND, "credential helper %s is not in PATH: install it, or take it out of the file", p->program);
	if (r < 0)
		return err_errno(e, r, "execute %s", p->program);
	r = attend(p, h->seconds);
	if (r == 0)
		return 0;
	if (kill(p->pid, SIGKILL) == 0)
		(void)!spawn_wait(p->pidfd, -1, &p->status);
	if (r == -ETIMEDOUT)
		return err_set(e, ERR_UNAVAILABLE, "%s %s took more than %u s and was killed", p->program, action, h->seconds);
	if (r == -EFBIG)
		return err_set(e, ERR_INVALID, "%s %s printed more than %u bytes and was killed", p->program, action, OUTPUT_MAX - 1);
	return err_errno(e, r, "wait for %s", p->program);
}

static bool succeeded(const struct run *p)
{
	return WIFEXITED(p->status) && WEXITSTATUS(p->status) == 0;
}

/* "credentials not found in native keychain", on standard output. */
static bool not_found(const struct run *p)
{
	const char *s = p->out.buf + strspn(p->out.buf, " \t\r\n");

	return !succeeded(p) && text_starts(s, "credentials not found");
}

static int failed(const struct run *p, const char *action, struct err *e)
{
	int code = WIFEXITED(p->status) ? WEXITSTATUS(p->status) : 128 + WTERMSIG(p->status);
	const char *said = p->out.buf + strspn(p->out.buf, " \t\r\n");
	char line[300], shown[300];

	if (!*said)
		said = p->said.buf + strspn(p->said.buf, " \t\r\n");
	(void)snprintf(line, sizeof(line), "%.*s", (int)strcspn(said, "\r\n"), said);
	text_tame(line, shown, sizeof(shown));
	return err_set(e, ERR_UNAVAILABLE, "%s %s ended with exit code %d%s%s", p->program, action, code, *shown ? ": " : "", shown);
}

static int read_answer(struct arena *a, const struct run *p, struct credential *out, struct err *e)
{
	const char *username = "", *secret = "";
	const struct json *doc;
	int r = json_parse(a, p->out.buf, p->out.len, NULL, &doc, e);

	if (r == 0 && doc->type != JSON_OBJECT)
		r = err_set(e, ERR_INVALID, "it is no object");
	if (r == 0)
		r = json_get_str(doc, "answer", "Username", &username, e);
	if (r == 0)
		r = json_get_str(doc, "answer", "Secret", &secret, e);
	if (r < 0)
		return err_ctx(e, "what %s get printed", p->program);
	if (strcmp(username, TOKEN_USER) == 0) {
		out->identity_token = secret;
	} else {
		out->username = username;
		out->password = secret;
	}
	out->from = arena_strdup(a, p->program);
	return out->from ? 0 : err_errno(e, -ENOMEM, "read from %s", p->program);
}

int credential_helper_get(struct arena *a, const struct credential_helper *h, const char *server, struct credential *out, struct err *e)
{
	CLEANUP(run_end) struct run p;
	int r = run(&p, h, "get", server, strlen(server), e);

	*out = (struct credential)CREDENTIAL_NONE;
	if (r < 0 || not_found(&p))
		return r;
	return succeeded(&p) ? read_answer(a, &p, out, e) : failed(&p, "get", e);
}

int credential_helper_store(const struct credential_helper *h, const char *server, const struct credential *c, struct err *e)
{
	CLEANUP(run_end) struct run p = { .out.fd = -1, .said.fd = -1, .pidfd = -1 };
	CLEANUP(sb_wipe) struct strbuf b = STRBUF_INIT;
	struct json_writer w = JSON_WRITER(&b);
	const char *secret = *c->identity_token ? c->identity_token : c->password;
	int r;

	(void)sb_reserve(&b, 6 * (strlen(secret) + strlen(c->username) + strlen(server)) + 100);
	jw_object(&w, NULL);
	jw_str(&w, "ServerURL", server);
	jw_str(&w, "Username", *c->identity_token ? TOKEN_USER : c->username);
	jw_str(&w, "Secret", secret);
	jw_end_object(&w);
	if (sb_error(&b) < 0)
		return err_errno(e, -ENOMEM, "store a credential");
	r = run(&p, h, "store", sb_str(&b), b.len, e);
	if (r < 0)
		return r;
	return succeeded(&p) ? 0 : failed(&p, "store", e);
}

int credential_helper_erase(const struct credential_helper *h, const char *server, bool *was, struct err *e)
{
	CLEANUP(run_end) struct run p;
	int r = run(&p, h, "erase", server, strlen(server), e);

	*was = false;
	if (r < 0 || not_found(&p))
		return r;
	*was = succeeded(&p);
	return *was ? 0 : failed(&p, "erase", e);
}

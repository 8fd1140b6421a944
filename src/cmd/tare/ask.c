#include "cmd/tare/ask.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include "base/io.h"

#define MAX_SECRET (64U << 10)
#define MAX_ANSWER 4096

/* ---- a terminal that shows nothing ---- */

/* What would end us while it is mute comes when it is as it was. */
static const int ends[] = { SIGINT, SIGTERM, SIGHUP, SIGQUIT };
static volatile sig_atomic_t ended;

struct mute {
	struct termios before;
	struct sigaction actions[ARRAY_LEN(ends)], stop;
};

static void on_end(int sig)
{
	ended = sig;
}

static int mute(struct mute *m)
{
	const struct sigaction end = { .sa_handler = on_end }, ignore = { .sa_handler = SIG_IGN }; /* no SA_RESTART: it interrupts read() */
	struct termios t;

	if (tcgetattr(0, &m->before) < 0)
		return -errno;
	ended = 0;
	for (size_t i = 0; i < ARRAY_LEN(ends); i++)
		(void)sigaction(ends[i], &end, &m->actions[i]);
	(void)sigaction(SIGTSTP, &ignore, &m->stop);
	t = m->before;
	t.c_lflag &= ~(tcflag_t)ECHO;
	t.c_lflag |= ECHONL;
	return tcsetattr(0, TCSAFLUSH, &t) < 0 ? -errno : 0;
}

static void unmute(const struct mute *m)
{
	(void)tcsetattr(0, TCSADRAIN, &m->before);
	for (size_t i = 0; i < ARRAY_LEN(ends); i++)
		(void)sigaction(ends[i], &m->actions[i], NULL);
	(void)sigaction(SIGTSTP, &m->stop, NULL);
	if (ended) {
		(void)fputs("\n", stderr);
		(void)raise(ended);
	}
}

/* ---- questions ---- */

/* A line without its end; its length, or negative errno. */
static ssize_t read_answer(char *line, size_t size)
{
	size_t len = 0;
	char c;

	for (;;) {
		ssize_t n = read(0, &c, 1);

		if (n < 0 && errno == EINTR && !ended)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0 || c == '\n')
			return (ssize_t)len;
		if (len + 1 == size)
			return -E2BIG;
		line[len++] = c;
	}
}

int ask_line(struct arena *a, const char *question, bool hidden, const char *instead, const char **out, struct err *e)
{
	char line[MAX_ANSWER];
	struct mute m;
	ssize_t n;
	int r;

	if (!isatty(0))
		return err_set(e, ERR_INVALID, "there is no terminal to ask at: %s", instead);
	r = hidden ? mute(&m) : 0;
	if (r < 0)
		return err_errno(e, r, "ask at the terminal");
	(void)fputs(question, stderr);
	(void)fflush(stderr);
	n = read_answer(line, sizeof(line));
	if (hidden)
		unmute(&m);
	if (n < 0)
		return err_errno(e, (int)n, "ask at the terminal");
	*out = arena_strndup(a, line, (size_t)n);
	explicit_bzero(line, sizeof(line));
	if (!*out)
		return err_errno(e, -ENOMEM, "ask at the terminal");
	return n == 0 ? err_set(e, ERR_INVALID, "nothing was typed, and nothing is done") : 0;
}

int ask_stdin(struct arena *a, const char **out, struct err *e)
{
	char *text;
	size_t len;
	int r = io_read_fd(0, MAX_SECRET, &text, &len);

	if (r < 0)
		return err_errno(e, r, "read the password from standard input");
	if (len && text[len - 1] == '\n')
		len--;
	if (len && text[len - 1] == '\r')
		len--;
	*out = memchr(text, '\0', len) || memchr(text, '\n', len) ? "" : arena_strndup(a, text, len);
	explicit_bzero(text, len);
	free(text);
	if (!*out)
		return err_errno(e, -ENOMEM, "read the password");
	return **out ? 0 : err_set(e, ERR_INVALID, "standard input has no password: one line, and no more");
}

/* The machine's own ps, as docker has it: it is asked for the container's processes, and where its options do not go
 * with that for all, of which the container's lines are taken. Its header says where the process ids stand. */
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "base/arena.h"
#include "base/io.h"
#include "base/text.h"
#include "engine/top.h"
#include "sys/spawn.h"

#define OUTPUT_MAX (64U << 20)
#define PATIENCE_MS 60000
#define ARGUMENT_MAX (128U << 10) /* of one argument, to the kernel: MAX_ARG_STRLEN */

struct said {
	char *out;       /* NUL-terminated, owned */
	char first[300]; /* the first line of stderr */
	int code;
};

static void first_line(int fd, char out[300])
{
	ssize_t n = pread(fd, out, 299, 0);

	out[n > 0 ? n : 0] = '\0';
	out[strcspn(out, "\n")] = '\0';
}

static int run_ps(const char *const *argv, struct said *s, struct err *e)
{
	CLEANUP_FD int out = memfd_create("ps", MFD_CLOEXEC), err = memfd_create("ps", MFD_CLOEXEC), pidfd = -1;
	struct spawn_args sa = {.path = "ps",
				.argv = argv,
				.fds = (const struct spawn_fd[]){{out, 1}, {err, 2}},
				.n_fds = 2,
				.death_signal = SIGKILL};
	size_t len;
	pid_t pid;
	int status, r = out < 0 || err < 0 ? -errno : spawn(&sa, &pid, &pidfd);

	if (r == -ENOENT)
		return err_set(e, ERR_UNAVAILABLE,
			       "ps is not on this machine (Debian: procps); without options tare top needs none");
	if (r == 0)
		r = spawn_wait(pidfd, PATIENCE_MS, &status);
	if (r == -ETIMEDOUT) {
		(void)kill(pid, SIGKILL);
		(void)!spawn_wait(pidfd, -1, &status);
	}
	if (r < 0)
		return err_errno(e, r, "run ps");
	s->code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
	first_line(err, s->first);
	free(s->out);
	s->out = NULL;
	r = lseek(out, 0, SEEK_SET) < 0 ? -errno : io_read_fd(out, OUTPUT_MAX, &s->out, &len);
	return r < 0 ? err_errno(e, r, "read what ps says") : 0;
}

/* The word of a line by its number: where it begins; NULL: there are fewer. */
static const char *word_at(const char *line, size_t n, size_t *len)
{
	for (;;) {
		line += strspn(line, " ");
		*len = strcspn(line, " \n");
		if (!*len || n-- == 0)
			return *len ? line : NULL;
		line += *len;
	}
}

static bool header_column(const char *header, size_t *column)
{
	const char *word;
	size_t len;

	for (*column = 0; (word = word_at(header, *column, &len)); ++*column)
		if (len == 3 && strncmp(word, "PID", 3) == 0)
			return true;
	return false;
}

static bool is_one_of(const char *word, size_t len, const pid_t *pids, size_t n)
{
	unsigned long pid = strtoul(word, NULL, 10);

	if (strspn(word, "0123456789") != len)
		return false;
	for (size_t i = 0; i < n; i++)
		if ((unsigned long)pids[i] == pid)
			return true;
	return false;
}

/* The header and the lines of those processes; a thread's line, with "-" for the id, goes with the one before. */
static int pick(const char *text, const pid_t *pids, size_t n, struct strbuf *out, struct err *e)
{
	bool before = false;
	size_t column, len;

	if (!header_column(text, &column))
		return err_set(e, ERR_INVALID, "what ps shows by these options has no column PID: add pid");
	sb_add(out, text, strcspn(text, "\n"));
	sb_putc(out, '\n');
	for (const char *line = strchr(text, '\n'); line && line[1]; line = strchr(line, '\n')) {
		const char *word = word_at(++line, column, &len);

		if (!word)
			continue;
		before = len == 1 && *word == '-' ? before : is_one_of(word, len, pids, n);
		if (!before)
			continue;
		sb_add(out, line, strcspn(line, "\n"));
		sb_putc(out, '\n');
	}
	return sb_error(out) < 0 ? err_errno(e, -ENOMEM, "what ps says") : 0;
}

int top_by_ps(const struct engine *en, const char *what, const char *const *options, struct strbuf *out, struct err *e)
{
	CLEANUP_ARENA struct arena a = ARENA_INIT;
	CLEANUP_STRBUF struct strbuf list = STRBUF_INIT;
	CLEANUP_FREE pid_t *pids = NULL;
	struct said s = {0};
	const char **argv;
	size_t n = 0, n_options = 0;
	int r = top_pids(en, what, &pids, &n, e);

	while (options[n_options])
		n_options++;
	/* too many for one argument: all of the machine's are asked for, and ours picked */
	argv = arena_array(&a, n_options + 3, sizeof(*argv));
	for (size_t i = 0; i < n; i++)
		sb_printf(&list, "%s%d", i ? "," : "-q", (int)pids[i]);
	if (r == 0 && (!argv || sb_error(&list) < 0))
		r = err_errno(e, -ENOMEM, "run ps");
	if (r < 0)
		return r;
	argv[0] = "ps";
	memcpy(argv + 1, options, n_options * sizeof(*argv));
	argv[n_options + 1] = n && list.len < ARGUMENT_MAX ? sb_str(&list) : NULL;
	r = run_ps(argv, &s, e);
	argv[n_options + 1] = NULL;
	if (r == 0 && s.code)
		r = run_ps(argv, &s, e);
	if (r == 0 && s.code)
		r = err_set(e, ERR_INVALID, "ps: %s", s.first[0] ? s.first : "it failed without a word");
	if (r == 0)
		r = pick(s.out, pids, n, out, e);
	free(s.out);
	return r;
}

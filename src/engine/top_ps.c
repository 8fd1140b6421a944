/* The machine's own ps, as docker has it: it is asked for the container's processes, and where its options do not go with that for all, of which the
 * container's lines are taken. Who gives the options may see the container alone, so which lines are its own is never for them to say: a column of ids of
 * our own stands before those that were chosen ("-o etimes=PID" has a column PID that has none), and is taken off again. Where ps takes no columns with
 * its options, those are of a fixed form, and its header says where the ids stand. */
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

static bool is_word(const char *word, size_t len, const char *text)
{
	return strlen(text) == len && strncmp(word, text, len) == 0;
}

/* The column of that name, of a line of titles. */
static bool header_column(const char *header, size_t *column)
{
	const char *word;
	size_t len;

	for (*column = 0; (word = word_at(header, *column, &len)); ++*column)
		if (is_word(word, len, "PID"))
			return true;
	return false;
}

/* Titles of ps's own forms, and before the ids nothing whose values are of several words, or anybody's to choose. A process's line has a number. */
static bool is_form(const char *header, size_t column)
{
	static const char *const before[] = { "F", "S", "UID", "USER", "PPID", "LABEL" };
	size_t len, line = strcspn(header, "\n");
	bool known = strcspn(header, "0123456789") >= line;

	for (size_t i = 0; known && i < column; i++) {
		const char *word = word_at(header, i, &len);

		known = false;
		for (size_t j = 0; word && j < ARRAY_LEN(before); j++)
			known = known || is_word(word, len, before[j]);
	}
	return known;
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

static void add_line(const char *line, bool ours, struct strbuf *out)
{
	const char *word;
	size_t len;

	if (ours && (word = word_at(line, 0, &len)))
		line = word + len + (word[len] == ' ');
	sb_add(out, line, strcspn(line, "\n"));
	sb_putc(out, '\n');
}

/* The header and the lines of those processes; a thread's line, with "-" for the id, goes with the one before. ours: the first column is, and is left out. */
static int pick(const char *text, bool ours, const pid_t *pids, size_t n, struct strbuf *out, struct err *e)
{
	bool before = false;
	size_t column, len;
	const char *first = word_at(text, 0, &len);

	if (!first || (ours && !is_word(first, len, "PID")) || !header_column(ours ? first + len : text, &column) || (!ours && !is_form(text, column)))
		return err_set(e, ERR_INVALID, "what ps shows by these options has no column PID: add pid");
	if (ours)
		column = 0;
	add_line(text, ours, out);
	for (const char *line = strchr(text, '\n'); line && line[1]; line = strchr(line, '\n')) {
		const char *word = word_at(++line, column, &len);

		if (!word)
			continue;
		before = len == 1 && *word == '-' ? before : is_one_of(word, len, pids, n);
		if (before)
			add_line(line, ours, out);
	}
	return sb_error(out) < 0 ? err_errno(e, -ENOMEM, "what ps says") : 0;
}

/* argv: ps, room for a column, options; list: of ids, NULL: too long for an argument. */
static int run_both(const char **argv, size_t n, const char *list, struct said *s, struct err *e)
{
	int r;

	argv[n] = list;
	r = run_ps(argv, s, e);
	argv[n] = NULL;
	return r == 0 && s->code && list ? run_ps(argv, s, e) : r;
}

/* With our column, and, where ps takes none with these options or they choose none, without it. */
static int run_options(struct arena *a, const char *const *options, const char *list, struct said *s, bool *ours, struct err *e)
{
	size_t n = 0, len;
	const char **argv;
	int r;

	while (options[n])
		n++;
	argv = arena_array(a, n + 4, sizeof(*argv));
	if (!argv)
		return err_errno(e, -ENOMEM, "run ps");
	argv[0] = "ps";
	argv[1] = "-opid";
	memcpy(argv + 2, options, n * sizeof(*argv));
	r = run_both(argv, n + 2, list, s, e);
	*ours = r == 0 && !s->code && word_at(s->out, 1, &len);
	if (r < 0 || *ours)
		return r;
	argv[1] = "ps";
	r = run_both(argv + 1, n + 1, list, s, e);
	return r == 0 && s->code ? err_set(e, ERR_INVALID, "ps: %s", s->first[0] ? s->first : "it failed without a word") : r;
}

int top_by_ps(const struct engine *en, const char *what, const char *const *options, struct strbuf *out, struct err *e)
{
	CLEANUP_ARENA struct arena a = ARENA_INIT;
	CLEANUP_STRBUF struct strbuf list = STRBUF_INIT;
	CLEANUP_FREE pid_t *pids = NULL;
	struct said s = {0};
	bool ours;
	size_t n = 0;
	int r = top_pids(en, what, &pids, &n, e);

	for (size_t i = 0; i < n; i++)
		sb_printf(&list, "%s%d", i ? "," : "-q", (int)pids[i]);
	if (r == 0 && sb_error(&list) < 0)
		r = err_errno(e, -ENOMEM, "run ps");
	/* too many for one argument: all of the machine's are asked for, and ours picked */
	if (r == 0)
		r = run_options(&a, options, n && list.len < ARGUMENT_MAX ? sb_str(&list) : NULL, &s, &ours, e);
	if (r == 0)
		r = pick(s.out, ours, pids, n, out, e);
	free(s.out);
	return r;
}

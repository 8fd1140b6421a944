/* Who writes holds an exclusive lock (flock) of the file while it is the one with the name: so nobody writes into one that has been renamed,
 * and a reader that has read that to its end after the renaming has all of it. Who finds the file full renames it, which is the whole of
 * rotating: the next one that opens the name makes the next file.
 *
 * A writer that is killed in the middle of a long line leaves its beginning. The next one ends that line before it writes its own, and
 * readers pass over what is not what they look for. */
#include "base/eventlog.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <string.h>
#include <unistd.h>

#include "base/io.h"
#include "base/watch.h"

#define CURRENT "events"
#define BEFORE "events.1"
#define PIECE 16384

/* ---- both ---- */

static int open_current(int dir)
{
	int fd = openat(dir, CURRENT, O_RDWR | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);

	return fd < 0 ? -errno : fd;
}

/* Whether fd is what has the name. */
static bool is_called(int dir, const char *name, int fd)
{
	struct stat one, other;

	return fstat(fd, &one) == 0 && fstatat(dir, name, &other, AT_SYMLINK_NOFOLLOW) == 0 && one.st_ino == other.st_ino && one.st_dev == other.st_dev;
}

/* The file that has the name, locked. */
static int lock_current(int dir, int how)
{
	for (;;) {
		CLEANUP_FD int fd = open_current(dir);

		if (fd < 0)
			return fd;
		if (flock(fd, how) < 0) {
			if (errno == EINTR)
				continue;
			return -errno;
		}
		if (is_called(dir, CURRENT, fd))
			return take_fd(&fd);
	}
}

/* ---- writing ---- */

static bool ends_in_a_line(int fd, off_t size)
{
	char last = '\n';

	return size == 0 || pread(fd, &last, 1, size - 1) != 1 || last == '\n';
}

/* All of it, or the file is as it was. */
static int write_whole(int fd, off_t size, const char *text, size_t len)
{
	int r;

	if (!ends_in_a_line(fd, size)) {
		r = io_write_full(fd, "\n", 1);
		if (r < 0)
			return r;
		size++;
	}
	r = io_write_full(fd, text, len);
	if (r < 0)
		(void)!ftruncate(fd, size);
	return r;
}

int eventlog_append(int dir, const char *text, size_t len)
{
	for (;;) {
		CLEANUP_FD int fd = lock_current(dir, LOCK_EX);
		struct stat st;

		if (fd < 0)
			return fd;
		if (fstat(fd, &st) < 0)
			return -errno;
		if (st.st_size == 0 || (size_t)st.st_size + len <= EVENTLOG_MAX)
			return write_whole(fd, st.st_size, text, len);
		if (renameat(dir, CURRENT, dir, BEFORE) < 0)
			return -errno;
	}
}

/* ---- reading ---- */

int eventlog_open(int dir, struct eventlog *out)
{
	CLEANUP_FD int fd = lock_current(dir, LOCK_SH);

	if (fd < 0)
		return fd;
	*out = (struct eventlog)EVENTLOG_INIT;
	out->dir = dir;
	/* nobody renames anything just now */
	out->old = openat(dir, BEFORE, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	(void)flock(fd, LOCK_UN);
	out->fd = take_fd(&fd);
	return 0;
}

void eventlog_close(struct eventlog *l)
{
	l->old = close_fd(l->old);
	l->fd = close_fd(l->fd);
	l->notify = close_fd(l->notify);
	sb_free(&l->text);
}

/* A line that lies in the text already. */
static bool take_line(struct eventlog *l, const char **line, size_t *len)
{
	const char *from = l->text.s ? l->text.s + l->taken : NULL;
	const char *end = from ? memchr(from, '\n', l->text.len - l->taken) : NULL;

	if (!end)
		return false;
	*line = from;
	*len = (size_t)(end - from);
	l->taken += *len + 1;
	return true;
}

/* At the end of a file that is being written: what found no room is cut off again, and what comes next stands where that began. */
static void mind_cut(struct eventlog *l, int fd)
{
	struct stat st;

	if (fstat(fd, &st) < 0 || st.st_size >= l->at)
		return;
	l->at = st.st_size;
	l->taken = 0;
	sb_reset(&l->text);
}

/* More of a file: its bytes, 0 at its end. What is left of the text is the beginning of a line. */
static ssize_t read_more(struct eventlog *l, int fd)
{
	size_t left = l->text.len - l->taken;
	char piece[PIECE];
	ssize_t n = pread(fd, piece, sizeof(piece), l->at);

	if (n == 0)
		mind_cut(l, fd);
	if (n <= 0)
		return n < 0 ? -errno : 0;
	if (left)
		memmove(l->text.s, l->text.s + l->taken, left);
	l->text.len = left;
	l->taken = 0;
	sb_add(&l->text, piece, (size_t)n);
	l->at += n;
	return sb_error(&l->text) < 0 ? -ENOMEM : n;
}

/* On to a file that has not been read yet, from its beginning. */
static void begin_file(struct eventlog *l)
{
	l->at = 0;
	l->taken = 0;
	sb_reset(&l->text);
}

/* After a file's end, and after it was seen to have been renamed, before which all of it was there: the one with its name now. */
static int next_file(struct eventlog *l)
{
	int fd;

	l->lost |= !is_called(l->dir, BEFORE, l->fd);
	fd = open_current(l->dir);
	if (fd < 0)
		return fd;
	close_fd(l->fd);
	l->fd = fd;
	l->notify = close_fd(l->notify);
	begin_file(l);
	return 0;
}

int eventlog_next(struct eventlog *l, const char **line, size_t *len)
{
	for (;;) {
		bool renamed;
		ssize_t n;
		int r;

		if (take_line(l, line, len))
			return 1;
		renamed = l->old < 0 && !is_called(l->dir, CURRENT, l->fd);
		n = read_more(l, l->old >= 0 ? l->old : l->fd);
		if (n < 0)
			return (int)n;
		if (n > 0)
			continue;
		if (l->old >= 0) {
			l->old = close_fd(l->old);
			begin_file(l);
			continue;
		}
		if (!renamed)
			return 0;
		r = next_file(l);
		if (r < 0)
			return r;
	}
}

static int watch(struct eventlog *l)
{
	char path[IO_FD_PATH_LEN];

	l->notify = watch_open(io_fd_path(l->fd, path), IN_MODIFY | IN_MOVE_SELF | IN_DELETE_SELF);
	return l->notify < 0 ? l->notify : 0;
}

int eventlog_watch(struct eventlog *l, bool *look)
{
	int r = 0;

	if (l->notify < 0) { /* what came before that is found by looking */
		r = watch(l);
		*look = true;
	}
	return r < 0 ? r : l->notify;
}

void eventlog_clear(struct eventlog *l)
{
	watch_clear(l->notify);
}

int eventlog_wait(struct eventlog *l, int timeout_ms)
{
	struct pollfd p = { .events = POLLIN };
	bool look = false;
	int n;

	p.fd = eventlog_watch(l, &look);
	if (p.fd < 0 || look)
		return p.fd < 0 ? p.fd : 1;
	n = poll(&p, 1, timeout_ms);
	if (n < 0)
		return errno == EINTR ? 1 : -errno;
	if (n > 0)
		eventlog_clear(l);
	return n > 0;
}

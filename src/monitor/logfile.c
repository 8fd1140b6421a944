/* A full disk must not stop the container: a batch of records that cannot be written whole is cut off again, so that
 * the file holds only whole lines, its records are counted, and the count is written as a record of its own once
 * there is room. Rotation happens between records only, when the file has reached its size before the next one, as
 * Docker does it; a file may therefore be one record larger than its limit. Where one file alone is kept it is a new
 * one, too: who is reading the old one has it to its end. */
#include "monitor/logfile.h"

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/io.h"
#include "base/text.h"
#include "sys/spawn.h"

/* Written to the file when this much is gathered. */
#define BATCH 8192U

/* Where the last whole record of the file ends: 0 where there is none. */
static int end_of_records(int fd, uint64_t size, uint64_t *end)
{
	char block[4096];

	for (*end = size; *end;) {
		uint64_t from = (*end - 1) / sizeof(block) * sizeof(block);
		ssize_t got = pread(fd, block, (size_t)(*end - from), (off_t)from);
		const char *newline;

		if (got <= 0 || (uint64_t)got != *end - from)
			return got < 0 ? -errno : -EIO;
		newline = memrchr(block, '\n', (size_t)got);
		if (newline) {
			*end = from + (uint64_t)(newline - block) + 1;
			return 0;
		}
		*end = from;
	}
	return 0;
}

/* The machine's end can leave part of a record, or zeros in its place: what came next would be part of it, and lost with it. */
static int cut_off_torn(struct logfile *l)
{
	uint64_t end;
	int r = end_of_records(l->fd, l->size, &end);

	return r < 0 ? r : logfile_rewind(l, end);
}

/* Somebody may be at it still when we end: whoever adopts him reaps him. */
static void reap(struct logfile *l)
{
	int status;

	if (l->packer >= 0 && spawn_wait(l->packer, 0, &status) != -ETIMEDOUT)
		l->packer = close_fd(l->packer);
}

int logfile_open(struct logfile *l, const char *path, uint64_t max_size, uint32_t max_file)
{
	struct stat st;
	int r;

	l->path = path;
	l->max_size = max_size;
	l->max_file = max_file ? max_file : 1;
	l->fd = open(path, O_RDWR | O_CREAT | O_APPEND | O_NOFOLLOW | O_CLOEXEC, 0640);
	if (l->fd < 0)
		return -errno;
	r = fstat(l->fd, &st) < 0 ? -errno : 0;
	if (r == 0) {
		l->size = (uint64_t)st.st_size;
		r = cut_off_torn(l);
	}
	if (r < 0)
		l->fd = close_fd(l->fd);
	return r;
}

void logfile_close(struct logfile *l)
{
	reap(l);
	l->packer = close_fd(l->packer);
	l->fd = close_fd(l->fd);
	sb_free(&l->out);
}

int logfile_rewind(struct logfile *l, uint64_t size)
{
	if (l->fd < 0 || l->size <= size)
		return 0;
	if (ftruncate(l->fd, (off_t)size) < 0)
		return -errno;
	l->size = size;
	return 0;
}

/* ---- rotation ---- */

static int numbered(char out[PATH_MAX], const char *path, uint32_t n)
{
	int r = n ? snprintf(out, PATH_MAX, "%s.%u", path, n) : snprintf(out, PATH_MAX, "%s", path);

	return r < 0 || r >= PATH_MAX ? -ENAMETOOLONG : 0;
}

/* One file moves up by one, in whichever form it is. What lay there is gone before or by that: of two forms the plain one counts. */
static int shift(const char *from, const char *to)
{
	char from_gz[PATH_MAX + 3], to_gz[PATH_MAX + 3];

	(void)snprintf(from_gz, sizeof(from_gz), "%s.gz", from);
	(void)snprintf(to_gz, sizeof(to_gz), "%s.gz", to);
	if (rename(from, to) == 0) {
		(void)unlink(to_gz);
		(void)unlink(from_gz); /* of a packer that was killed at its end */
		return 0;
	}
	if (errno != ENOENT)
		return -errno;
	if (access(from_gz, F_OK) < 0)
		return 0;
	(void)unlink(to);
	return rename(from_gz, to_gz) < 0 ? -errno : 0;
}

/* path.1 becomes path.2 and so on; the last one is overwritten. */
static int shift_files(const char *path, uint32_t max_file)
{
	char from[PATH_MAX], to[PATH_MAX];

	for (uint32_t n = max_file - 1; n > 0; n--) {
		int r = numbered(from, path, n - 1) < 0 || numbered(to, path, n) < 0 ? -ENAMETOOLONG : shift(from, to);

		if (r < 0)
			return r;
	}
	return 0;
}

/* A process of its own, for it takes its time. It has the file's lock by the descriptor it is given, so that also a worker that did not start
 * it knows how long it is at it. Without one the file stays as it is. */
static void compress(struct logfile *l)
{
	char path[PATH_MAX];
	const char *argv[] = { l->compress, "internal", "compress", path, NULL };
	const struct spawn_fd fds[] = { { l->fd, 0 } };
	const struct spawn_args args = { .path = l->compress, .argv = argv, .fds = fds, .n_fds = 1 };
	pid_t pid;

	reap(l);
	l->packer = close_fd(l->packer);
	if (numbered(path, l->path, 1) < 0 || flock(l->fd, LOCK_EX | LOCK_NB) < 0 || spawn(&args, &pid, &l->packer) < 0)
		l->packer = -1;
}

/* Whether the file that was done last is being compressed. */
static bool is_packing(const struct logfile *l)
{
	char path[PATH_MAX];
	CLEANUP_FD int fd = numbered(path, l->path, 1) < 0 ? -1 : open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);

	return fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) < 0 && errno == EWOULDBLOCK;
}

static int rotate(struct logfile *l)
{
	int r;

	if (l->compress && is_packing(l))
		return 0; /* nobody waits any more (logfile_must_wait): it grows */
	if (l->max_file == 1 && unlink(l->path) < 0 && errno != ENOENT)
		return -errno;
	r = shift_files(l->path, l->max_file);
	if (r < 0)
		return r;
	if (l->compress && l->fd >= 0)
		compress(l);
	l->fd = close_fd(l->fd);
	return logfile_open(l, l->path, l->max_size, l->max_file);
}

static bool is_full(const struct logfile *l, uint64_t size)
{
	return l->max_size && size >= l->max_size;
}

bool logfile_must_wait(const struct logfile *l)
{
	return l->compress && is_full(l, l->size) && is_packing(l);
}

/* ---- records ---- */

static void format(struct logfile *l, const struct logrecord *rec)
{
	if (l->k8s)
		logrecord_k8s(&l->out, rec);
	else
		logrecord_json(&l->out, rec, l->attrs);
}

static void add_record(struct logfile *l, enum log_stream stream, const char *data, size_t len, bool part)
{
	struct logrecord rec = { .stream = stream, .data = data, .len = len, .part = part };

	logrecord_stamp(&l->times, &rec);
	format(l, &rec);
}

/* ---- writing ---- */

/* Writes what is gathered behind `*end`, the file's size so far. */
static int flush(struct logfile *l, uint64_t *end)
{
	int r = sb_error(&l->out);

	if (r == 0 && l->fd < 0)
		r = l->lost_error; /* why it could not be opened */
	if (r == 0)
		r = io_write_full(l->fd, l->out.s, l->out.len);
	if (r == 0)
		*end += l->out.len;
	sb_reset(&l->out);
	return r;
}

/* Everything up to end is in the file, whole records; what follows there is not, when r says so: n records are lost. */
static void settle(struct logfile *l, int r, uint64_t end, uint64_t n)
{
	l->size = end;
	if (r == 0)
		return;
	l->lost += n;
	l->lost_error = r;
	if (l->fd >= 0 && ftruncate(l->fd, (off_t)l->size) < 0)
		l->fd = close_fd(l->fd); /* opened again, and measured, by the next prepare */
}

static void report_lost(struct logfile *l)
{
	uint64_t end = l->size, lost = l->lost;
	struct logrecord rec = { .stream = LOG_STDERR };
	char text[160];
	int r;

	r = snprintf(text, sizeof(text), "tare: %llu lines of output could not be written to this log: %s\n",
		     (unsigned long long)lost, strerror(-l->lost_error));
	if (r < 0 || l->fd < 0)
		return;
	rec.data = text;
	rec.len = strlen(text);
	clock_gettime(CLOCK_REALTIME, &rec.time);
	format(l, &rec); /* amid of a long line, too: whose time stays */
	r = flush(l, &end);
	settle(l, r, end, 0);
	if (r == 0)
		l->lost = 0;
}

void logfile_prepare(struct logfile *l)
{
	int r = 0;

	reap(l);
	if (l->fd < 0)
		r = logfile_open(l, l->path, l->max_size, l->max_file);
	if (r == 0 && is_full(l, l->size))
		r = rotate(l);
	if (r < 0)
		l->lost_error = r;
	if (l->lost)
		report_lost(l);
}

size_t logfile_append(struct logfile *l, enum log_stream stream, const char *data, size_t len, bool final)
{
	uint64_t end = l->size, n = 0, written = 0;
	size_t done = 0, record;
	bool part;
	int r = 0;

	while ((record = logrecord_cut(data + done, len - done, final, &part)) && (!n || !is_full(l, end + l->out.len))) {
		add_record(l, stream, data + done, record, part);
		done += record;
		n++;
		if (l->out.len >= BATCH && r == 0) {
			r = flush(l, &end);
			written = r == 0 ? n : written;
		} else if (r < 0) {
			sb_reset(&l->out);
		}
	}
	if (n && r == 0)
		r = flush(l, &end);
	sb_reset(&l->out);
	if (n)
		settle(l, r, end, n - written);
	return done;
}

size_t logfile_append_part(struct logfile *l, enum log_stream stream, const char *data, size_t len)
{
	uint64_t end = l->size;
	int r;

	add_record(l, stream, data, len, true);
	r = flush(l, &end);
	settle(l, r, end, 1);
	return len;
}

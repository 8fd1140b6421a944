/* Rotation renames: path becomes path.1, and so on up. A reader holds the file open, so it loses nothing when that
 * happens under it: it reads its file to the end and then opens what is at path now, if that is another one. Between
 * the end of the old and the start of the new more than one rotation may have passed; then the files between, found by
 * what they are (logpack_id()), are read first as far as they still exist. Names move on while they are looked at, too: what was opened by one
 * counts when the file beside it is where it was before.
 *
 * Following sleeps in poll on an inotify of the folder and on a connection to the monitor: its hang-up says that the
 * last record has been written. */
#include "engine/logs.h"

#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <time.h>

#include "base/io.h"
#include "base/text.h"
#include "base/watch.h"
#include "engine/config.h"
#include "engine/container.h"
#include "engine/journal.h"
#include "engine/logpack.h"
#include "engine/settle.h"

#define MOST_FILES 1000
/* Rotations while files are opened, before we take what there is. */
#define MOST_TRIES 100
/* Before we ask a monitor again that hung up without a word. */
#define HUNG_UP_MS 200
/* The same where it cannot be asked at all. */
#define SOON_MS 20
/* What is read at once; fits a processor's cache. A line that is longer than all the room there may be is damage, and passed over. */
#define CHUNK 131072U
#define MOST_ROOM (16U << 20)

struct reader {
	const char *path;
	logline_fn parse;
	const struct log_query *q;
	log_record_fn fn;
	void *data;
	int fd;
	struct logpack_id id; /* of the file in the log that fd is, or was unpacked of */
	off_t left; /* so many bytes of fd are still to be read; -1: whatever comes */
	char *buf; /* have bytes of room: the start of a record whose end has not been read */
	size_t have, room;
	bool past; /* a record at or behind `until` was seen */
};

static void reader_end(struct reader *r)
{
	r->fd = close_fd(r->fd);
	free(r->buf);
	r->buf = NULL;
}

/* ---- records ---- */

static int record(struct reader *r, char *line, size_t len)
{
	CLEANUP_ARENA struct arena a = ARENA_INIT;
	struct log_record rec;
	struct timespec ts;

	/* half a line after a crash of the machine is no reason to show nothing */
	if (!r->parse(line, len, &a, &rec))
		return 0;
	if (r->q->since || r->q->until) {
		int64_t ns;

		if (text_parse_time(rec.time, &ts) < 0)
			return 0;
		ns = (int64_t)ts.tv_sec * 1000000000 + ts.tv_nsec;
		r->past |= r->q->until && ns > r->q->until;
		if (r->past || (r->q->since && ns < r->q->since))
			return 0;
	}
	return r->fn(&rec, r->data);
}

/* Room for more behind what there is. */
static int make_room(struct reader *r)
{
	size_t room = r->room ? r->room * 2 : CHUNK;
	char *more;

	if (r->room - r->have >= CHUNK / 2)
		return 0;
	if (room > MOST_ROOM) {
		r->have = 0;
		return 0;
	}
	more = realloc(r->buf, room);
	if (!more)
		return -ENOMEM;
	r->buf = more;
	r->room = room;
	return 0;
}

/* The whole lines of what is gathered; what is left moves to the front. */
static int take_lines(struct reader *r, size_t looked)
{
	char *at = r->buf, *end = r->buf + r->have, *line_end = memchr(at + looked, '\n', r->have - looked);
	int got = 0;

	while (line_end && got >= 0 && !r->past) {
		got = record(r, at, (size_t)(line_end - at));
		at = line_end + 1;
		line_end = memchr(at, '\n', (size_t)(end - at));
	}
	r->have = (size_t)(end - at);
	if (at != r->buf)
		memmove(r->buf, at, r->have);
	return got;
}

/* What could not be written whole is cut off again by who wrote it (a full disk, a worker that was killed): what comes next does not stand
 * behind what we read of that. */
static void mind_cut(struct reader *r)
{
	off_t at = lseek(r->fd, 0, SEEK_CUR);
	struct stat st;

	if (fstat(r->fd, &st) == 0 && at > st.st_size && lseek(r->fd, st.st_size, SEEK_SET) >= 0)
		r->have = 0;
}

/* Everything from where fd stands to its end now, or what is left of it. */
static int read_on(struct reader *r, struct err *e)
{
	for (;;) {
		int got = make_room(r);
		size_t looked = r->have, most = r->room - r->have;
		ssize_t n;

		if (got < 0)
			return err_errno(e, got, "read %s", r->path);
		if (r->left >= 0 && (off_t)most > r->left)
			most = (size_t)r->left;
		n = read(r->fd, r->buf + r->have, most);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return err_errno(e, -errno, "read %s", r->path);
		if (n == 0)
			mind_cut(r);
		if (n == 0 || r->past)
			return 0;
		r->have += (size_t)n;
		r->left -= r->left >= 0 ? (off_t)n : 0;
		got = take_lines(r, looked);
		if (got < 0)
			return err_errno(e, got, "show the log");
	}
}

/* What was gathered is shown, before we wait. */
static int pause_there(log_record_fn fn, void *data, struct err *e)
{
	int got = fn(NULL, data);

	return got < 0 ? err_errno(e, got, "show the log") : 0;
}

/* The file to be read from here, owned. */
static void read_from(struct reader *r, int fd, const struct logpack_id *id, off_t left)
{
	close_fd(r->fd);
	r->fd = fd;
	r->id = *id;
	r->left = left;
	r->have = 0; /* half a line has no end in another file */
}

/* ---- files ---- */

/* A file that is to be read: from where fd stands to end. */
struct opened {
	int fd;
	off_t end; /* not known of one that is packed */
	struct logpack_id id;
	bool packed;
};

/* Where the last whole record ends now; who writes may be amid the next one. */
static off_t end_of(int fd)
{
	off_t end = lseek(fd, 0, SEEK_END);
	char buf[CHUNK / 2], *newline;
	size_t len = end < (off_t)sizeof(buf) ? (size_t)(end < 0 ? 0 : end) : sizeof(buf);
	ssize_t n = len ? pread(fd, buf, len, end - (off_t)len) : 0;

	newline = n > 0 ? memrchr(buf, '\n', (size_t)n) : NULL;
	return newline ? end - (off_t)len + (newline - buf) + 1 : end;
}

/* Seeks to the last `want` (> 0) records before end, of a file that is not empty; gives how many are still to be had from older ones. */
static int64_t seek_back(int fd, off_t end, int64_t want)
{
	off_t at = end;
	char buf[CHUNK / 2], *line_end;

	while (at > 0) {
		size_t len = at < (off_t)sizeof(buf) ? (size_t)at : sizeof(buf);
		ssize_t n = pread(fd, buf, len, at - (off_t)len);

		if (n <= 0)
			break;
		for (size_t left = (size_t)n; (line_end = memrchr(buf, '\n', left)); left = (size_t)(line_end - buf)) {
			off_t pos = at - (off_t)len + (line_end - buf);

			/* a line end that is not the file's last byte ends the record before */
			if (pos + 1 < end && --want == 0) {
				(void)lseek(fd, pos + 1, SEEK_SET);
				return 0;
			}
		}
		at -= (off_t)len;
	}
	(void)lseek(fd, 0, SEEK_SET);
	return want - 1;
}

/* -ENOENT: there is none; err_errno() is the caller's. */
static int open_known(const char *path, unsigned int n, struct logpack_id *id, bool *packed)
{
	CLEANUP_FD int fd = logpack_open(path, n, packed);
	int r = fd < 0 ? fd : logpack_id(fd, *packed, id);

	return r < 0 ? r : take_fd(&fd);
}

/* f becomes plain. */
static int unpack(const char *path, struct opened *f, struct err *e)
{
	int fd = logpack_unpack(f->fd, path);

	if (fd < 0)
		return err_errno(e, fd, "unpack a rotated file of %s", path);
	close_fd(f->fd);
	f->fd = fd;
	f->packed = false;
	f->end = end_of(fd);
	return lseek(fd, 0, SEEK_SET) < 0 ? err_errno(e, -errno, "read %s", path) : 0;
}

/* Whether that is the newest file (NULL: there is none). Within a rotation it is path.1. */
static bool is_newest(const char *path, const struct logpack_id *id)
{
	for (unsigned int n = 0; n <= 1; n++) {
		struct logpack_id there;
		bool packed;
		CLEANUP_FD int now = open_known(path, n, &there, &packed);

		if (now >= 0)
			return id && logpack_same(&there, id);
	}
	return !id;
}

/* Where it is to be read from; with a tail the records that it has come off *left. */
static int place(const char *path, struct opened *f, int64_t tail, int64_t *left, struct err *e)
{
	if (f->packed && (tail < 0 || unpack(path, f, e) < 0)) /* who reads it tries again, and says so */
		return 0;
	f->end = end_of(f->fd);
	if (f->end > 0 && tail > 0)
		*left = seek_back(f->fd, f->end, *left);
	return tail < 0 && lseek(f->fd, 0, SEEK_SET) < 0 ? err_errno(e, -errno, "read %s", path) : 0;
}

/* A rotation that is going on moves one file after the other, from the oldest on: one name may have no file, and one file be met twice. */
static int try_open_files(const char *path, int64_t tail, struct opened files[MOST_FILES], struct err *e)
{
	int64_t left = tail;
	bool gap = false;
	int n = 0, r = 0;

	for (unsigned int i = 0; n < MOST_FILES && (left != 0 || n == 0); i++) {
		struct opened *f = &files[n];

		f->fd = open_known(path, i, &f->id, &f->packed);
		if (f->fd < 0 && i == 0 && f->fd != -ENOENT)
			return err_errno(e, f->fd, "open %s", path);
		if (f->fd < 0 && gap)
			break;
		if (f->fd < 0 || (n && logpack_same(&f->id, &files[n - 1].id))) {
			gap |= f->fd < 0;
			close_fd(f->fd);
			continue;
		}
		n++;
		r = place(path, f, tail, &left, e);
		if (r < 0)
			break;
	}
	while (r < 0 && n > 0)
		close_fd(files[--n].fd);
	return r < 0 ? r : n;
}

/* Opens the files to be shown, newest first, each at the right place; gives their number: 0 before the first record. */
static int open_files(const char *path, int64_t tail, struct opened files[MOST_FILES], struct err *e)
{
	for (int i = 1;; i++) {
		int n = try_open_files(path, tail, files, e);

		if (n < 0 || i == MOST_TRIES || is_newest(path, n ? &files[0].id : NULL))
			return n;
		while (n > 0)
			close_fd(files[--n].fd);
	}
}

/* Reads all files, oldest first, up to what they had when they were opened unless they are followed: who writes may be faster than we. r->fd stays
 * the newest. */
static int read_files(struct reader *r, struct err *e)
{
	struct opened files[MOST_FILES];
	struct err damage = { 0 };
	int n, result = 0;

	n = open_files(r->path, r->q->tail, files, e);
	if (n < 0)
		return n;
	for (int i = n; i-- > 0;) {
		off_t at;

		if (files[i].packed && result == 0 && unpack(r->path, &files[i], &damage) < 0) { /* told behind the others, which are shown */
			close_fd(files[i].fd);
			continue;
		}
		at = r->q->follow ? -1 : lseek(files[i].fd, 0, SEEK_CUR);
		read_from(r, files[i].fd, &files[i].id, at < 0 ? -1 : files[i].end > at ? files[i].end - at : 0);
		if (result == 0)
			result = read_on(r, e);
	}
	if (result == 0 && damage.code < 0) {
		*e = damage;
		result = damage.code;
	}
	return result;
}

int logs_read_files(const char *path, logline_fn parse, const struct log_query *q, log_record_fn fn, void *data, struct err *e)
{
	CLEANUP(reader_end) struct reader r = { .path = path, .parse = parse, .q = q, .fn = fn, .data = data, .fd = -1 };
	int result = read_files(&r, e);

	return result < 0 ? result : pause_there(fn, data, e);
}

/* ---- following ---- */

/* The number of the file we have, from n on; where it is gone, behind the last one: whatever is left is new. */
static unsigned int place_of(const struct reader *r, unsigned int n)
{
	for (; n < MOST_FILES; n++) {
		struct logpack_id id;
		bool packed;
		CLEANUP_FD int fd = open_known(r->path, n, &id, &packed);

		if (fd < 0 || logpack_same(&id, &r->id))
			break;
	}
	return n;
}

/* The file after the one we have, -ENOENT: there is none yet. *n: the least number that ours may have, then that of the one that is given. */
static int open_next(const struct reader *r, unsigned int *n, struct opened *out)
{
	for (int i = 0; i < MOST_TRIES; i++) {
		CLEANUP_FD int fd = -1;

		*n = place_of(r, *n);
		if (*n == 0)
			break;
		fd = open_known(r->path, *n - 1, &out->id, &out->packed);
		if (fd >= 0 && place_of(r, *n) == *n) {
			--*n;
			return out->fd = take_fd(&fd);
		}
	}
	return -ENOENT;
}

/* Reads what is new, over as many rotations as there were. */
static int catch_up(struct reader *r, struct err *e)
{
	int result = r->fd < 0 ? read_files(r, e) : read_on(r, e);
	struct opened next;
	unsigned int n = 0;

	while (result == 0 && r->fd >= 0 && !r->past && open_next(r, &n, &next) >= 0) {
		result = read_on(r, e); /* the rest of the old one */
		if (result == 0 && next.packed)
			result = unpack(r->path, &next, e);
		read_from(r, next.fd, &next.id, -1);
		if (result == 0)
			result = read_on(r, e);
	}
	return result;
}

/* 1: it ended, or nobody says so any more. */
static int heard_end(struct client *c, struct err *e)
{
	struct frame f;
	int n = client_read(c), r;

	if (n <= 0 && n != -EAGAIN) {
		/* a worker that was killed, or one that takes no more clients: who comes again at once is all that it does */
		(void)poll(NULL, 0, HUNG_UP_MS);
		return 1;
	}
	while ((r = client_parse(c, &f, e)) > 0)
		if (f.type == FRAME_EXIT)
			return 1;
	return r;
}

/* What is followed: fd is readable when there may be more. */
struct followed {
	int fd;
	int gone; /* whose hang-up ends it; 0: nobody's */
	int (*more)(struct followed *f, struct err *e);
	int (*rest)(struct followed *f, struct err *e); /* once, when nobody writes any more; NULL: nothing else than more */
	const bool *past;
	struct reader *files;
	struct journal_reader *journal;
};

static int wait_and_read(struct followed *f, struct client *c, bool running, struct err *e)
{
	int result = 0;

	while (result == 0) {
		struct pollfd p[3] = { { .fd = f->fd, .events = POLLIN }, { .fd = c->fd, .events = POLLIN },
				       { .fd = f->gone > 0 ? f->gone : -1, .events = POLLRDHUP } };

		result = !running && f->rest ? f->rest(f, e) : f->more(f, e);
		if (result < 0)
			return result;
		if (!running || *f->past)
			return 1;
		if (c->fd < 0) { /* just ending: look again */
			(void)poll(NULL, 0, SOON_MS);
			return 0;
		}
		if (poll(p, 3, -1) < 0 && errno != EINTR)
			return err_errno(e, -errno, "wait for the log");
		if (p[2].revents)
			return 1;
		if (p[1].revents)
			result = heard_end(c, e);
	}
	return result < 0 ? result : 0;
}

static int follow(const struct engine *en, const char *id, struct followed *f, struct err *e)
{
	int result;

	do {
		CLEANUP_ARENA struct arena a = ARENA_INIT;
		CLEANUP_LIVE struct live live = LIVE_INIT;
		CLEANUP_CLIENT struct client c = CLIENT_INIT;
		struct record rec;
		struct err ignored;
		bool running;

		result = settle_find(en, &a, id, SETTLE_WAIT, &rec, &live, e);
		running = result == 0 && rec.status == RECORD_RUNNING;
		if (result < 0 && e->cls != ERR_NOTFOUND)
			return result;
		if (running && client_connect(en, id, 0, &c, &ignored) < 0)
			c.fd = -1;
		result = wait_and_read(f, &c, running, e);
	} while (result == 0);
	return result < 0 ? result : 0;
}

static int more_of_files(struct followed *f, struct err *e)
{
	watch_clear(f->fd);
	return catch_up(f->files, e) < 0 ? e->code : pause_there(f->files->fn, f->files->data, e);
}

static int open_watch(const char *path, struct err *e)
{
	char dir[PATH_MAX], *slash;
	int fd;

	(void)snprintf(dir, sizeof(dir), "%s", path);
	slash = strrchr(dir, '/');
	if (slash)
		*slash = '\0';
	fd = watch_open(dir, IN_MODIFY | IN_CREATE | IN_MOVED_TO);
	return fd < 0 ? err_errno(e, fd, "watch %s", dir) : fd;
}

static int read_all_files(const struct engine *en, const struct record *rec, struct reader *r, struct err *e)
{
	CLEANUP_FD int watch = r->q->follow ? open_watch(r->path, e) : -1;
	struct followed f = { .fd = watch, .gone = r->q->gone, .more = more_of_files, .past = &r->past, .files = r };
	int result;

	if (r->q->follow && watch < 0)
		return watch;
	result = read_files(r, e);
	if (result == 0)
		result = pause_there(r->fn, r->data, e);
	return result < 0 || !r->q->follow || rec->status != RECORD_RUNNING ? result : follow(en, rec->id, &f, e);
}

/* ---- the journal ---- */

static int more_of_journal(struct followed *f, struct err *e)
{
	int r = journal_read_on(f->journal, e);

	return r < 0 ? r : pause_there(f->journal->fn, f->journal->data, e);
}

static int rest_of_journal(struct followed *f, struct err *e)
{
	int r = journal_read_rest(f->journal, e);

	return r < 0 ? r : pause_there(f->journal->fn, f->journal->data, e);
}

static int read_journal(const struct engine *en, const struct record *rec, const struct log_query *q, log_record_fn fn, void *data, struct err *e)
{
	CLEANUP(journal_reader_end) struct journal_reader j = JOURNAL_READER_INIT;
	struct followed f = { .gone = q->gone, .more = more_of_journal, .rest = rest_of_journal, .past = &j.past, .journal = &j };
	bool running = q->follow && rec->status == RECORD_RUNNING;
	int r;

	j.id = rec->id;
	j.q = q;
	j.fn = fn;
	j.data = data;
	r = running ? journal_follow(&j, e) : journal_read(&j, e);
	if (r < 0 || !running)
		return r < 0 ? r : pause_there(fn, data, e);
	f.fd = j.out;
	return follow(en, rec->id, &f, e);
}

int logs_read(const struct engine *en, const char *what, const struct log_query *q, log_record_fn fn, void *data,
	      struct err *e)
{
	CLEANUP_ARENA struct arena a = ARENA_INIT;
	CLEANUP(reader_end) struct reader r = { .parse = logline_json, .q = q, .fn = fn, .data = data, .fd = -1 };
	CLEANUP_LIVE struct live live = LIVE_INIT;
	struct ct_config config;
	struct record rec;
	int result = settle_find(en, &a, what, SETTLE_LOOK, &rec, &live, e);

	if (result == 0)
		result = config_parse(&a, rec.config, &config, e);
	if (result == 0)
		result = json_get_str(config.doc, "record", "LogPath", &r.path, e);
	if (result < 0)
		return result;
	if (strcmp(config.log_driver, "journald") == 0)
		return read_journal(en, &rec, q, fn, data, e);
	if (!r.path || !r.path[0])
		return err_set(e, ERR_UNSUPPORTED, "container %s keeps no log (--log-driver none)", rec.name);
	if (strcmp(config.log_driver, "k8s-file") == 0)
		r.parse = logline_k8s;
	return read_all_files(en, &rec, &r, e);
}

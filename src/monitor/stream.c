/* The rule that loses nothing: look, write, consume. tee(2) copies what is in the FIFO without taking it; it is
 * written to the log and shown to the clients; only then are those bytes read away. A worker that is killed in between
 * leaves them in the FIFO, which the keeper (and the container itself) hold open, and its successor finds them again.
 * What it had half written to the log is known by the mark in the progress page and cut off first, so the log has the
 * line once. When it is written the mark says in one store how much is to be consumed, which is spliced into a pipe, the
 * bin, that the keeper holds, too: whether there is something in the bin tells a successor whether that was done.
 *
 * An unfinished line stays in the FIFO until its end comes, which the edge-triggered watch makes cheap; clients see it
 * at once, and `shown` remembers how much of the FIFO's head they have seen.
 *
 * A pty has no tee. It is spliced into a pipe that keeper and worker both hold (splice moves buffers inside the
 * kernel, so bytes are always in one of the two), and from there look, write, consume moves them into the pipe that
 * stands for the FIFO. Only we write to that one, so its fill tells a successor exactly whether the write happened.
 *
 * The container may do to its end of the FIFO what it likes (tiny buffers, a larger pipe, reading its own output):
 * that may spoil its own log, but a look that makes no progress although more is there is taken as a part of a line,
 * so it cannot make us stop or spin. */
#include "monitor/stream.h"

#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/ioctl.h>

/* Looks per event before other sources get their turn. */
#define ROUNDS 8
/* How long the end of a terminal's output may hang in the kernel's line discipline. */
#define CONSOLE_END_MS 50
/* How long a log without room may hold back the end of a container. */
#define FULL_END_MS 5000
/* PIPE_BUF: what one write puts into a pipe whole or not at all. */
#define STAGE 4096U
/* How often an unfinished line in the FIFO is looked at again, in nanoseconds; doubles while nothing comes. */
#define AGAIN_MIN 1000000
#define AGAIN_MAX 1000000000

/* Setting the events again makes an edge appear once more when there is something to read. Not more than that here: we
 * are called while frames are being sent. */
static void released(void *data)
{
	struct stream_sink *k = data;

	for (struct stream *s = k->streams; s; s = s->next) {
		if (s->held && s->watch && loop_modify(s->loop, s->watch, EPOLLIN | EPOLLET) < 0)
			stream_unwatch(s);
		s->held = false;
	}
}

int stream_sink_init(struct stream_sink *k, struct logger *log, struct attach *attach, struct progress *p)
{
	*k = (struct stream_sink){ .log = log, .attach = attach, .progress = p, .peek = { -1, -1 }, .bin = { -1, -1 } };
	attach->released = released;
	attach->released_data = k;
	k->buf = malloc(STREAM_LOOK);
	if (!k->buf)
		return -ENOMEM;
	return pipe2(k->peek, O_CLOEXEC | O_NONBLOCK) < 0 ? -errno : 0;
}

void stream_sink_free(struct stream_sink *k)
{
	k->peek[0] = close_fd(k->peek[0]);
	k->peek[1] = close_fd(k->peek[1]);
	free(k->buf);
	k->buf = NULL;
}

/* The head of a pipe in buf; 0 when it is empty. */
static size_t look(int pipe, struct stream_sink *k)
{
	size_t got = 0;
	ssize_t n = tee(pipe, k->peek[1], STREAM_LOOK, SPLICE_F_NONBLOCK);

	while (n > 0) {
		ssize_t m = read(k->peek[0], k->buf + got, (size_t)n);

		if (m < 0 && errno == EINTR)
			continue;
		if (m <= 0)
			break;
		got += (size_t)m;
		n -= m;
	}
	return got;
}

/* Reads len bytes away, over buf. */
static void consume(int pipe, char *buf, size_t len)
{
	while (len) {
		ssize_t n = read(pipe, buf, len < STREAM_LOOK ? len : STREAM_LOOK);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return; /* the container took it back */
		len -= (size_t)n;
	}
}

static void show(struct stream *s, size_t len)
{
	struct stream_sink *k = s->sink;
	uint32_t *shown = &k->progress->shown[s->which];

	for (size_t at = progress_get(*shown); at < len;) {
		size_t n = len - at < ATTACH_CHUNK ? len - at : ATTACH_CHUNK;

		attach_send(k->attach, s->which == LOG_STDERR ? FRAME_STDERR : FRAME_STDOUT, k->buf + at, n);
		at += n;
		progress_set(*shown, (uint32_t)at);
	}
}

static size_t waiting(int pipe)
{
	int n = 0;

	return ioctl(pipe, FIONREAD, &n) == 0 ? (size_t)n : 0;
}

/* Writes whole records of the look to the log; gives their length. It may be less than there are when the log must be
 * rotated: the next look goes on. */
static size_t record(struct stream *s, size_t len, bool final)
{
	struct stream_sink *k = s->sink;
	bool more = waiting(s->source) > len;

	return k->log ? logger_write(k->log, s->which, k->buf, len, more, final && !more) : len;
}

static bool log_is_full(const struct stream *s)
{
	return s->sink->log && s->sink->log->full;
}

/* What the mark says is taken out of the source, unless it is in the bin already; the mark goes before the bin is emptied. */
static void take(struct stream *s)
{
	struct stream_sink *k = s->sink;
	struct progress *p = k->progress;
	size_t left = progress_taken_len(progress_get(p->log_writing));

	while (left) {
		size_t in_bin = waiting(k->bin[0]);
		ssize_t n = in_bin ? (ssize_t)in_bin : splice(s->source, NULL, k->bin[1], NULL, left, SPLICE_F_NONBLOCK | SPLICE_F_MOVE);

		if (n <= 0 || (size_t)n >= left)
			break; /* all of it; or the container took it back */
		left -= (size_t)n; /* the bin was full */
		progress_set(p->log_writing, progress_taking(s->which, left));
		consume(k->bin[0], k->buf, (size_t)n);
	}
	progress_set(p->shown[s->which], progress_get(p->shown_after));
	progress_set(p->log_writing, PROGRESS_IDLE);
	consume(k->bin[0], k->buf, waiting(k->bin[0]));
}

/* Of len bytes in buf done are in the log: they go. */
static void taken(struct stream *s, size_t len, size_t done)
{
	struct stream_sink *k = s->sink;
	struct progress *p = k->progress;

	if (k->bin[0] < 0) { /* nobody comes after us */
		progress_set(p->shown[s->which], (uint32_t)(len - done));
		consume(s->source, k->buf, done);
		return;
	}
	progress_set(p->shown_after, (uint32_t)(len - done));
	progress_set(p->log_writing, progress_taking(s->which, done));
	take(s);
}

/* What a predecessor was killed over. */
static void recover_take(struct stream *s)
{
	struct stream_sink *k = s->sink;
	uint32_t mark = progress_get(k->progress->log_writing);

	if (k->bin[0] < 0)
		return;
	if (progress_is_taking(mark, s->which))
		take(s);
	else if (mark <= PROGRESS_WRITING)
		consume(k->bin[0], k->buf, waiting(k->bin[0]));
}

/* One look; false when there is nothing to do until more comes. */
static bool pump(struct stream *s, bool final)
{
	size_t len = look(s->source, s->sink), done;

	if (!len)
		return false;
	show(s, len);
	done = record(s, len, final);
	if (!done) {
		progress_set(s->sink->progress->log_writing, PROGRESS_IDLE);
		return false;
	}
	taken(s, len, done);
	return true;
}

/* ---- terminals ---- */

/* One step of pty -> stage -> source; false when nothing was moved. The stage is there because splice makes a buffer
 * of its own for each key stroke, and a pipe has 16: write(2) packs them. */
static bool feed(struct stream *s)
{
	struct stream_sink *k = s->sink;
	struct progress *p = k->progress;
	size_t n = waiting(s->stage[0]);

	if (!n) {
		ssize_t got = splice(s->console, NULL, s->stage[1], NULL, STAGE, SPLICE_F_NONBLOCK | SPLICE_F_MOVE);

		if (got <= 0)
			return false;
	}
	n = look(s->stage[0], k);
	progress_set(p->fed_before, (uint32_t)waiting(s->source));
	progress_set(p->feeding, 1);
	/* at most PIPE_BUF: all or nothing */
	if (write(s->feed, k->buf, n) < 0) {
		progress_set(p->feeding, 0);
		return false;
	}
	consume(s->stage[0], k->buf, n);
	progress_set(p->feeding, 0);
	return true;
}

/* What a predecessor was killed over: the stage's bytes are in the source already, or not. */
static void recover_feed(struct stream *s)
{
	struct progress *p = s->sink->progress;

	if (progress_get(p->feeding) && waiting(s->source) > progress_get(p->fed_before))
		consume(s->stage[0], s->sink->buf, waiting(s->stage[0]));
	progress_set(p->feeding, 0);
}

static bool step(struct stream *s, bool final)
{
	bool fed = s->console >= 0 && feed(s);

	return pump(s, final && !fed) || fed;
}

static void look_again(struct loop *l, int fd, uint32_t events, void *data);

/* A writer whose write(2) is larger than the room left beside an unfinished line blocks half way, and the kernel tells
 * of a write into a pipe that was not empty only at its end (pipe_write): no edge would ever come. So as long as bytes
 * stay in the FIFO a timer looks after them. Behind a terminal only we write to the pipe, and there it is for a log without room. */
static void mind_leftover(struct stream *s, struct loop *l, bool progress)
{
	loop_remove(l, take_ptr(s->again));
	if ((s->console >= 0 && !log_is_full(s)) || !waiting(s->source))
		return;
	if (progress || !s->again_ns)
		s->again_ns = AGAIN_MIN;
	else if (s->again_ns < AGAIN_MAX)
		s->again_ns *= 2;
	if (loop_timer(l, s->again_ns, look_again, s, &s->again) < 0)
		s->again = NULL;
}

static void ready(struct loop *l, int fd, uint32_t events, void *data)
{
	struct stream *s = data;
	size_t before = waiting(s->source);
	int round = 0;

	(void)fd;
	(void)events;
	while (round < ROUNDS && !(s->held = attach_held(s->sink->attach)) && step(s, false))
		round++;
	if (s->held)
		loop_remove(l, take_ptr(s->again));
	/* more is there: setting the events again makes the edge appear once more */
	else if (round == ROUNDS && loop_modify(l, s->watch, EPOLLIN | EPOLLET) < 0)
		stream_unwatch(s);
	else
		mind_leftover(s, l, round > 0 || waiting(s->source) != before);
}

static void look_again(struct loop *l, int fd, uint32_t events, void *data)
{
	struct stream *s = data;

	s->again = NULL;
	ready(l, fd, events, s);
}

int stream_watch(struct stream *s, struct loop *loop)
{
	if (s->source < 0)
		return 0;
	recover_take(s);
	s->loop = loop;
	s->next = s->sink->streams;
	s->sink->streams = s;
	if (s->console >= 0)
		recover_feed(s);
	return loop_add(loop, s->console >= 0 ? s->console : s->source, EPOLLIN | EPOLLET, ready, s, &s->watch);
}

void stream_unwatch(struct stream *s)
{
	if (s->watch) {
		loop_remove(s->loop, take_ptr(s->watch));
		loop_remove(s->loop, take_ptr(s->again));
	}
}

void stream_drain(struct stream *s)
{
	struct pollfd p = { .fd = s->console, .events = POLLIN };

	if (s->source < 0)
		return;
	stream_unwatch(s);
	/* a hung-up terminal polls ready with nothing left to read */
	do {
		while (step(s, false))
			;
	} while (s->console >= 0 && poll(&p, 1, CONSOLE_END_MS) > 0 && !(p.revents & POLLHUP));
	for (;;) {
		while (step(s, true))
			;
		if (!log_is_full(s) || !waiting(s->source))
			return;
		logger_wait(s->sink->log, FULL_END_MS);
	}
}

#include "monitor/logger.h"

#include <poll.h>

/* How long a log that its container does not wait for may hold back the container's end. */
#define RING_END_MS 5000
#define LOOK_MS 100

static void write_batch(const struct logring_batch *b, void *data);

static int open_log(struct logger *l, const struct description_log *d, struct progress *p)
{
	struct json_writer w = JSON_WRITER(&l->attrs);
	int r = 0;

	l->driver = d->driver;
	l->progress = p;
	if (d->driver == LOG_DRIVER_JOURNAL)
		journal_open(&l->journal, d->socket, d->fields);
	if (d->driver != LOG_DRIVER_JSON && d->driver != LOG_DRIVER_K8S)
		return 0;
	l->file.compress = d->compress;
	l->file.k8s = d->driver == LOG_DRIVER_K8S;
	if (d->attrs && d->attrs->len) {
		jw_value(&w, NULL, d->attrs);
		l->file.attrs = sb_error(&l->attrs) < 0 ? NULL : l->attrs.s;
	}
	r = logfile_open(&l->file, d->path, d->max_size, d->max_file);
	if (r == 0 && progress_get(p->log_writing) == PROGRESS_WRITING)
		r = logfile_rewind(&l->file, progress_get(p->log_offset));
	return r;
}

int logger_open(struct logger *l, const struct description_log *d, struct progress *p)
{
	int r = open_log(l, d, p), failed;

	if (d->driver == LOG_DRIVER_NONE || !d->buffer)
		return r;
	/* marks are for who writes before the output is taken; what was half written is known by the file's end */
	if (progress_get(p->log_writing) == PROGRESS_WRITING)
		progress_set(p->log_writing, PROGRESS_IDLE);
	failed = logring_begin(d->buffer, write_batch, l, &l->ring);
	return r < 0 ? r : failed;
}

void logger_close(struct logger *l)
{
	if (!logring_end(l->ring, RING_END_MS))
		return;
	l->ring = NULL;
	logfile_close(&l->file);
	journal_close(&l->journal);
	sb_free(&l->attrs);
}

static size_t write_file(struct logger *l, enum log_stream stream, const char *data, size_t len, bool more, bool final)
{
	struct progress *p = l->progress;
	size_t n;

	l->full = !l->drop && logfile_must_wait(&l->file);
	if (l->full)
		return 0;
	logfile_prepare(&l->file);
	progress_set(p->log_offset, l->file.size);
	progress_set(p->log_writing, PROGRESS_WRITING);
	n = logfile_append(&l->file, stream, data, len, final);
	if (!n && more)
		n = logfile_append_part(&l->file, stream, data, len);
	return n;
}

static size_t send_journal(struct logger *l, enum log_stream stream, const char *data, size_t len, bool more, bool final)
{
	size_t n = journal_append(&l->journal, stream, data, len, final, l->drop, &l->full);

	if (!n && more && !l->full)
		n = journal_append_part(&l->journal, stream, data, len, l->drop, &l->full);
	return n;
}

/* ---- by the ring's thread ---- */

static void count_lost(struct logger *l, uint64_t n)
{
	bool journal = l->driver == LOG_DRIVER_JOURNAL;

	*(journal ? &l->journal.lost : &l->file.lost) += n;
	*(journal ? &l->journal.lost_error : &l->file.lost_error) = -ENOBUFS;
}

static size_t file_batch(struct logger *l, const struct logring_batch *b, size_t at)
{
	while (!logring_hurries(l->ring) && logfile_must_wait(&l->file))
		(void)poll(NULL, 0, LOOK_MS);
	logfile_prepare(&l->file);
	return b->part ? logfile_append_part(&l->file, b->stream, b->data, b->len) :
			 logfile_append(&l->file, b->stream, b->data + at, b->len - at, b->final);
}

static size_t journal_batch(struct logger *l, const struct logring_batch *b, size_t at)
{
	struct pollfd p = { .fd = l->journal.fd, .events = POLLOUT };
	bool drop = logring_hurries(l->ring), full;
	size_t n = b->part ? journal_append_part(&l->journal, b->stream, b->data, b->len, drop, &full) :
			     journal_append(&l->journal, b->stream, b->data + at, b->len - at, b->final, drop, &full);

	if (full)
		(void)poll(&p, 1, LOOK_MS);
	return n;
}

static void write_batch(const struct logring_batch *b, void *data)
{
	struct logger *l = data;
	bool journal = l->driver == LOG_DRIVER_JOURNAL;
	size_t at = 0;

	if (b->lost)
		count_lost(l, b->lost);
	l->file.times.now = l->journal.times.now = &b->time;
	if (!b->len && journal)
		journal_prepare(&l->journal);
	else if (!b->len)
		logfile_prepare(&l->file);
	while (at < b->len)
		at += journal ? journal_batch(l, b, at) : file_batch(l, b, at);
}

/* ---- by the worker ---- */

size_t logger_write(struct logger *l, enum log_stream stream, const char *data, size_t len, bool more, bool final)
{
	if (l->driver == LOG_DRIVER_NONE)
		return len;
	if (l->ring)
		return logring_put(l->ring, stream, data, len, more, final);
	return l->driver == LOG_DRIVER_JOURNAL ? send_journal(l, stream, data, len, more, final) :
						 write_file(l, stream, data, len, more, final);
}

void logger_wait(struct logger *l, int timeout_ms)
{
	struct pollfd p = { .fd = l->journal.fd, .events = POLLOUT };

	if (l->driver == LOG_DRIVER_JOURNAL) {
		l->drop = poll(&p, 1, timeout_ms) <= 0;
		return;
	}
	for (int ms = 0; ms < timeout_ms && logfile_must_wait(&l->file); ms += LOOK_MS)
		(void)poll(NULL, 0, LOOK_MS);
	l->drop = logfile_must_wait(&l->file);
}

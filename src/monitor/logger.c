#include "monitor/logger.h"

#include <poll.h>

int logger_open(struct logger *l, const struct description_log *d, struct progress *p)
{
	struct json_writer w = JSON_WRITER(&l->attrs);
	int r = 0;

	l->driver = d->driver;
	l->progress = p;
	if (d->driver == LOG_DRIVER_JOURNAL)
		journal_open(&l->journal, d->socket, d->fields);
	if (d->driver != LOG_DRIVER_JSON && d->driver != LOG_DRIVER_K8S)
		return 0;
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

void logger_close(struct logger *l)
{
	logfile_close(&l->file);
	journal_close(&l->journal);
	sb_free(&l->attrs);
}

static size_t write_file(struct logger *l, enum log_stream stream, const char *data, size_t len, bool more, bool final)
{
	struct progress *p = l->progress;
	size_t n;

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

size_t logger_write(struct logger *l, enum log_stream stream, const char *data, size_t len, bool more, bool final)
{
	if (l->driver == LOG_DRIVER_NONE)
		return len;
	return l->driver == LOG_DRIVER_JOURNAL ? send_journal(l, stream, data, len, more, final) :
						 write_file(l, stream, data, len, more, final);
}

void logger_wait(struct logger *l, int timeout_ms)
{
	struct pollfd p = { .fd = l->journal.fd, .events = POLLOUT };

	l->drop = poll(&p, 1, timeout_ms) <= 0;
}

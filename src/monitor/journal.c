/* A journal that has no room (EAGAIN) holds the output back, as a full pipe would: what was not taken stays where it is, and the caller
 * asks again. One that is not there, or went away, is different: waiting for it could be for ever, so records are counted as lost, and the
 * count is told when it is back. */
#include "monitor/journal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "sys/sock.h"

static int connect_again(struct journal *j)
{
	CLEANUP_FD int root = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);

	if (root < 0)
		return -errno;
	j->fd = sock_connect(root, j->socket + 1, SOCK_DGRAM);
	return j->fd < 0 ? j->fd : 0;
}

void journal_open(struct journal *j, const char *socket, const struct json *fields)
{
	j->socket = socket;
	json_each(v, fields)
		logrecord_journal_field(&j->fields, v->key, v->str ? v->str : "", v->str ? v->len : 0);
	(void)!connect_again(j);
}

void journal_close(struct journal *j)
{
	j->fd = close_fd(j->fd);
	sb_free(&j->fields);
	sb_free(&j->out);
}

/* 0, or why it did not take it. */
static int send_once(struct journal *j)
{
	ssize_t n;

	do
		n = send(j->fd, j->out.s, j->out.len, MSG_DONTWAIT | MSG_NOSIGNAL);
	while (n < 0 && errno == EINTR);
	return n < 0 ? -errno : 0;
}

static int send_record(struct journal *j, const struct logrecord *rec)
{
	int r = 0;

	sb_reset(&j->out);
	logrecord_journal(&j->out, rec);
	sb_add(&j->out, sb_str(&j->fields), j->fields.len);
	r = sb_error(&j->out) < 0 || sb_error(&j->fields) < 0 ? -ENOMEM : j->fd < 0 ? -ENOTCONN : send_once(j);
	if (r == 0 || r == -EAGAIN || r == -ENOMEM || r == -EMSGSIZE)
		return r;
	j->fd = close_fd(j->fd); /* another journal may be there by now */
	r = connect_again(j);
	return r < 0 ? r : send_once(j);
}

static void report_lost(struct journal *j)
{
	struct logrecord rec = { .stream = LOG_STDERR };
	char text[160];

	(void)snprintf(text, sizeof(text), "tare: %llu lines of output could not be written to the journal: %s\n",
		       (unsigned long long)j->lost, strerror(-j->lost_error));
	rec.data = text;
	rec.len = strlen(text);
	clock_gettime(CLOCK_REALTIME, &rec.time);
	if (send_record(j, &rec) == 0)
		j->lost = 0;
}

void journal_prepare(struct journal *j)
{
	if (j->lost)
		report_lost(j);
}

/* Which part of which line it is. What is not sent after all is none. */
static void number(struct journal *j, struct logrecord *rec)
{
	if (!rec->part && !j->line[rec->stream].parts)
		return;
	if (!j->line[rec->stream].parts && text_random_hex(16, j->line[rec->stream].id) < 0)
		return;
	rec->line = j->line[rec->stream].id;
	rec->ordinal = j->line[rec->stream].parts + 1;
}

/* False: there is no room, and it is not to be dropped. */
static bool put(struct journal *j, enum log_stream stream, const char *data, size_t len, bool part, bool drop)
{
	struct logrecord rec = { .stream = stream, .data = data, .len = len, .part = part };
	struct logrecord_times before = j->times;
	int r;

	journal_prepare(j);
	logrecord_stamp(&j->times, &rec);
	number(j, &rec);
	r = send_record(j, &rec);
	if (r == -EAGAIN && !drop) {
		j->times = before;
		return false;
	}
	j->line[stream].parts = part ? rec.ordinal : 0;
	if (r < 0) {
		j->lost++;
		j->lost_error = r;
	}
	return true;
}

size_t journal_append(struct journal *j, enum log_stream stream, const char *data, size_t len, bool final, bool drop, bool *full)
{
	size_t done = 0, record;
	bool part;

	*full = false;
	while (!*full && (record = logrecord_cut(data + done, len - done, final, &part))) {
		*full = !put(j, stream, data + done, record, part, drop);
		done += *full ? 0 : record;
	}
	return done;
}

size_t journal_append_part(struct journal *j, enum log_stream stream, const char *data, size_t len, bool drop, bool *full)
{
	*full = !put(j, stream, data, len, true, drop);
	return *full ? 0 : len;
}

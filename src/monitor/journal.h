/* The log of a container in systemd's journal: each record one datagram with the same fields beside it. */
#ifndef TARE_MONITOR_JOURNAL_H
#define TARE_MONITOR_JOURNAL_H

#include <stdbool.h>
#include <stdint.h>

#include "base/json.h"
#include "base/strbuf.h"
#include "monitor/logrecord.h"

struct journal {
	const char *socket;   /* borrowed, absolute */
	int fd;               /* -1: not connected (yet) */
	struct strbuf fields; /* of every record */
	uint64_t lost;        /* records nobody took, not reported yet */
	int lost_error;       /* why, -errno */
	struct logrecord_times times;
	struct { /* of a line that is longer than a record */
		unsigned int parts; /* so many of it were sent */
		char id[33];
	} line[LOG_STREAMS];
	struct strbuf out;
};
#define JOURNAL_INIT { .fd = -1, .fields = STRBUF_INIT, .out = STRBUF_INIT }

/* fields: an object of texts. A journal that is not there is looked for again with each record; until then they are counted as lost. */
void journal_open(struct journal *j, const char *socket, const struct json *fields);
void journal_close(struct journal *j);

/* Tells of lost records where it can; each append does that first. */
void journal_prepare(struct journal *j);

/* Sends the whole records at data and gives how many bytes they are; final: takes everything. *full: stopped because the journal has no
 * room now. drop: what it has no room for is lost instead. */
size_t journal_append(struct journal *j, enum log_stream stream, const char *data, size_t len, bool final, bool drop, bool *full);
/* All of it as one part of a line. */
size_t journal_append_part(struct journal *j, enum log_stream stream, const char *data, size_t len, bool drop, bool *full);

#endif

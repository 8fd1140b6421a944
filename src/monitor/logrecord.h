/* A record of a container's output in the form of a log driver, and where records end: at each line end, and after 16 KiB of a longer
 * line (Docker's), whose parts have no line end but the last. */
#ifndef TARE_MONITOR_LOGRECORD_H
#define TARE_MONITOR_LOGRECORD_H

#include <stdbool.h>
#include <stddef.h>
#include <time.h>

#include "base/strbuf.h"

/* A record's most bytes of output, its line end included. */
#define LOGRECORD_MAX 16384U

enum log_stream { LOG_STDOUT, LOG_STDERR, LOG_STREAMS };

struct logrecord {
	enum log_stream stream;
	const char *data;
	size_t len;
	bool part; /* the line goes on: data has no line end */
	struct timespec time;
	unsigned int ordinal; /* of the part, from 1; 0: the line has no parts */
	const char *line;     /* an id of the line, where it has parts */
};

/* The parts of a line carry one time, the first's. */
struct logrecord_times {
	bool inside[LOG_STREAMS];
	struct timespec first[LOG_STREAMS];
	const struct timespec *now; /* when what is written came; NULL: just now */
};

/* The length of the first record at data, 0 when there is no whole one. final: takes what has no line end, too. */
size_t logrecord_cut(const char *data, size_t len, bool final, bool *part) MUST_CHECK;
/* Sets rec->time to now, or to that of the line it goes on with. */
void logrecord_stamp(struct logrecord_times *t, struct logrecord *rec);

/* Docker's json-file: {"log":"text\n","stream":"stdout","attrs":{…},"time":"2026-11-23T10:00:00.123456789Z"} and a line end. attrs: an
 * object in JSON, NULL: none. */
void logrecord_json(struct strbuf *out, const struct logrecord *rec, const char *attrs);
/* Kubernetes' CRI and podman's k8s-file: TIME stdout|stderr F|P TEXT; F where the line ends. */
void logrecord_k8s(struct strbuf *out, const struct logrecord *rec);
/* systemd's journal, its native protocol (systemd.io/JOURNAL_NATIVE_PROTOCOL): the fields of one record that differ from record to
 * record, named as Docker's driver names them. */
void logrecord_journal(struct strbuf *out, const struct logrecord *rec);
/* One field of that protocol, any bytes. */
void logrecord_journal_field(struct strbuf *out, const char *name, const char *value, size_t len);

#endif

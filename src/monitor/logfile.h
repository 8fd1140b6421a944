/* The log of a container in files, in the form of json-file or k8s-file (logrecord.h). */
#ifndef TARE_MONITOR_LOGFILE_H
#define TARE_MONITOR_LOGFILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/cleanup.h"
#include "base/strbuf.h"
#include "monitor/logrecord.h"

struct logfile {
	const char *path; /* borrowed, absolute */
	int fd;           /* -1: it could not be opened (yet) */
	uint64_t size;    /* of the current file */
	uint64_t max_size; /* 0 = never rotate */
	uint32_t max_file; /* files kept, the current one included; >= 1 */
	uint64_t lost;     /* records that could not be written and are not reported yet */
	int lost_error;    /* why, -errno */
	bool k8s;          /* that form */
	const char *compress; /* borrowed: `tare`, which compresses files that are done; NULL: none are */
	int packer;           /* its pidfd, -1 */
	const char *attrs; /* of each record (json-file), borrowed; NULL: none */
	struct logrecord_times times;
	struct strbuf out;
};
#define LOGFILE_INIT { .fd = -1, .packer = -1, .max_file = 1, .out = STRBUF_INIT }

/* Opens path for appending (mode 0640), making it; what is no whole record at its end is cut off. When it fails the log is still usable:
 * every append counts as lost and tries again. */
int logfile_open(struct logfile *l, const char *path, uint64_t max_size, uint32_t max_file);
void logfile_close(struct logfile *l);

/* Undoes a write that a predecessor did not finish: cuts the file back to size bytes when it is longer. */
int logfile_rewind(struct logfile *l, uint64_t size);

/* The file is full, and the one before it is being compressed still: an append would make it larger than it is to be. */
bool logfile_must_wait(const struct logfile *l) MUST_CHECK;

/* To be called before each append: opens and rotates as needed, and tells of lost records where it can write again.
 * From here until the append gives back, everything it writes lies behind l->size. */
void logfile_prepare(struct logfile *l);

/* Writes the whole records at data and gives how many bytes they are; what is left has no line end yet. final: takes
 * everything. Stops early where the file must be rotated: call again until it gives 0. A record that cannot be
 * written (full disk) is dropped and counted. */
size_t logfile_append(struct logfile *l, enum log_stream stream, const char *data, size_t len, bool final);

/* Appends what there is as one part of a line, whatever its length. */
size_t logfile_append_part(struct logfile *l, enum log_stream stream, const char *data, size_t len);

#endif

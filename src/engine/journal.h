/* Reading a container's log out of systemd's journal, through journalctl(1). */
#ifndef TARE_ENGINE_JOURNAL_H
#define TARE_ENGINE_JOURNAL_H

#include "base/strbuf.h"
#include "engine/logs.h"

struct journal_reader {
	const char *id; /* the container's, whole */
	const struct log_query *q;
	log_record_fn fn;
	void *data;
	int out, pidfd;     /* of journalctl; -1: none */
	struct strbuf text; /* the start of an entry */
	char cursor[256];   /* of the last one; "": none */
	int64_t began;      /* when following did; ns since the epoch, as the next two */
	int64_t from, to;   /* bounds beside q's; 0: none. From one on they are all asked for, whatever the tail is */
	bool past;          /* one behind `until` was seen */
};
#define JOURNAL_READER_INIT { .out = -1, .pidfd = -1, .text = STRBUF_INIT }
void journal_reader_end(struct journal_reader *j);

/* Everything there is now, behind the cursor if there is one. ERR_UNSUPPORTED where journalctl is not. */
int journal_read(struct journal_reader *j, struct err *e) MUST_CHECK;
/* The same from what is behind that on: j->out is readable when there is more, which journal_read_on() takes without waiting. That sets past when
 * journalctl has come to `until`, and fails when it ended without being told to. */
int journal_follow(struct journal_reader *j, struct err *e) MUST_CHECK;
int journal_read_on(struct journal_reader *j, struct err *e) MUST_CHECK;
/* The container has ended: what is still on its way into the journal. */
int journal_read_rest(struct journal_reader *j, struct err *e) MUST_CHECK;

#endif

/* What lives: the one place that decides whether a container and its monitor do.
 *
 * A container lives when its init does: the process that boot id, pid and start time name. A monitor lives when
 * somebody holds the POSIX lock of STATE/ID/lock. Everything else (status words in files and in the catalog) is what
 * was last written down. */
#ifndef TARE_ENGINE_LIVE_H
#define TARE_ENGINE_LIVE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "engine/engine.h"
#include "sys/filelocks.h"

enum live_word { LIVE_ABSENT, LIVE_CREATED, LIVE_RUNNING, LIVE_EXITED }; /* status of state.json; ABSENT: no file */

struct live {
	enum live_word word;
	bool container;    /* its init lives */
	bool monitor;      /* a monitor lives */
	pid_t pid;         /* init's, while container */
	int pidfd;         /* init's, owned; -1 when it does not live */
	uint64_t start_time;
	int64_t started, finished; /* ns since the epoch, 0 = not yet */
	int exit_code;
	bool exit_known, oom;
	char error[400]; /* of a failed start */
};
#define LIVE_INIT { .pidfd = -1 }
#define CLEANUP_LIVE CLEANUP(live_close)
void live_close(struct live *l);

/* Looks. A state.json that cannot be read as one counts as ERR_INTERNAL naming it. */
int live_read(const struct engine *en, const char *id, struct live *out, struct err *e) MUST_CHECK;
/* One of a list: while a monitor lives no process is looked at, and container, pid and pidfd stay as they were; what the monitor wrote last is the
 * truth, or about to be told anew by it. */
int live_glance(const struct engine *en, const char *id, struct live *out, struct err *e) MUST_CHECK;

/* What lists of many find out for all at once. */
struct live_many {
	struct filelocks locks;
	unsigned int asked;
};
#define LIVE_MANY_INIT { FILELOCKS_INIT, 0 }
#define CLEANUP_LIVE_MANY CLEANUP(live_many_free)
void live_many_free(struct live_many *m);

/* Of one that the catalog calls running: its monitor lives, and nobody has touched it. Then it is as the catalog says, and not paused. False: look closer. */
bool live_untouched(const struct engine *en, struct live_many *m, const char *id);
/* By who changes what the catalog does not know of one that runs (pauses it, changes its ports), before he does so: from then on, and as long as it runs, lists look closer.
 * Not for its monitor, which would lose its lock. */
int live_touch(const struct engine *en, const char *id, struct err *e) MUST_CHECK;

#endif

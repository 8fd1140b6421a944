/* state.json and exec/ID.json: the live state of a container or an exec (docs/formats.md), replaced by rename. */
#ifndef TARE_MONITOR_STATE_H
#define TARE_MONITOR_STATE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"
#include "base/text.h"
#include "sys/proc.h"

#define STATE_FILE "state.json"
#define STATE_ID_LEN 65

enum state_status { STATE_CREATED, STATE_RUNNING, STATE_EXITED };

struct state {
	char id[STATE_ID_LEN];
	enum state_status status;
	char boot_id[PROC_BOOT_ID_LEN];
	pid_t pid;
	uint64_t start_time;
	pid_t keeper, worker; /* 0 = none */
	char created_at[TEXT_TIME_LEN], started_at[TEXT_TIME_LEN], finished_at[TEXT_TIME_LEN]; /* "" = not yet */
	int exit_code;
	bool exit_known, oom_killed;
	char error[sizeof(((struct err *)0)->msg)];
};

/* A state of this boot that was created now. */
void state_init(struct state *s, const char *id);

/* Writes dirfd/name. */
int state_save(int dirfd, const char *name, const struct state *s, struct err *e) MUST_CHECK;
/* Reads it; ERR_NOTFOUND when there is none. */
int state_load(int dirfd, const char *name, struct state *s, struct err *e) MUST_CHECK;

#endif

/* Restart policies (Docker's): whether a container that ended is started again, and when. */
#ifndef TARE_ENGINE_POLICY_H
#define TARE_ENGINE_POLICY_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/json.h"
#include "engine/record.h"

enum policy_kind { POLICY_NO, POLICY_ALWAYS, POLICY_UNLESS_STOPPED, POLICY_ON_FAILURE };

struct policy {
	enum policy_kind kind;
	uint32_t most; /* on-failure: so many restarts at most; 0: any number */
};

/* no, always, unless-stopped or on-failure[:N]; NULL and "" are no. */
int policy_parse(const char *text, struct policy *out, struct err *e) MUST_CHECK;
/* HostConfig's RestartPolicy, {"Name","MaximumRetryCount"}: absent (an older record) is no. */
int policy_read(const struct json *host_config, struct policy *out, struct err *e) MUST_CHECK;
void policy_write(const struct policy *p, struct json_writer *w);

/* Whether one that ended so (its row's exit, restarts so far, and whether it was stopped) is started again. An end that nobody could
 * learn is a failure. */
bool policy_wants(const struct policy *p, const struct record *rec);

/* Whether it is to run after the machine started (tare start --all-enabled): one that never ran is not; always even when it was
 * stopped by hand. */
bool policy_enabled(const struct policy *p, const struct record *rec);

/* A row about to be started by its policy and not after an end of its own, the machine's being none: it has all its restarts before it. */
void policy_begin(struct record *rec);
/* Whether the start that a row is at, or had last, was its policy's. */
bool policy_started(const struct record *rec);

/* How long to wait before the next start, in ns: doubles from 100 ms up to a minute; the first again after 10 s of running. One that could not
 * be started (its row has an error) did not run. */
int64_t policy_pause(const struct record *rec);

#endif

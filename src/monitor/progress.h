/* What a monitor's halves must know of each other's last step: one page of stateDir/progress, mapped shared, so it
 * outlives any of them. Written with single stores in an order that makes every instant a valid one. */
#ifndef TARE_MONITOR_PROGRESS_H
#define TARE_MONITOR_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/cleanup.h"
#include "monitor/logrecord.h"

#define PROGRESS_FILE "progress"

enum progress_exit { PROGRESS_RUNNING, PROGRESS_EXITED, PROGRESS_EXITED_UNKNOWN };

struct progress {
	int32_t pid;           /* the container's init; set before anything else happens */
	uint64_t start_time;
	uint32_t exit;         /* enum progress_exit; stored after status */
	int32_t status;        /* as waitpid's, when exit is PROGRESS_EXITED */
	uint32_t stdin_closed; /* the container got its end of file: never open stdin again */
	uint32_t log_writing;  /* PROGRESS_WRITING: bytes behind log_offset may be half a write; progress_taking(): they are written,
				* and are being taken out of the stream */
	uint64_t log_offset;
	uint32_t feeding;      /* a terminal's bytes are being written behind the fed_before bytes of its pipe */
	uint32_t fed_before;
	uint32_t client_behind; /* bytes that the keeper's client has not been given were lost with a worker */
	uint32_t shown[LOG_STREAMS]; /* bytes at the head of the stream that clients have been given */
	uint32_t shown_after; /* as shown, of the stream that is being taken out of, when it is done */
	uint32_t oom; /* a process was killed for want of memory; stored before the cgroup that knows it goes */
};

enum { PROGRESS_IDLE, PROGRESS_WRITING };

/* One store says that the write is whole and what is to go now: len bytes, at most 2^30, of a stream. */
static inline uint32_t progress_taking(enum log_stream which, size_t len)
{
	return (uint32_t)len << 2 | (which == LOG_STDERR ? 3 : 2);
}

static inline size_t progress_taken_len(uint32_t taking)
{
	return taking >> 2;
}

static inline bool progress_is_taking(uint32_t log_writing, enum log_stream which)
{
	return (log_writing & 3) == (which == LOG_STDERR ? 3U : 2U);
}

#define progress_set(field, value) __atomic_store_n(&(field), (value), __ATOMIC_SEQ_CST)
#define progress_get(field) __atomic_load_n(&(field), __ATOMIC_SEQ_CST)

/* Opens stateDir/progress, made (zeroed) where it is missing; gives the fd. */
int progress_open(int state_dir) MUST_CHECK;
int progress_map(int fd, struct progress **out) MUST_CHECK;
/* A private one, for a monitor that has no successor. */
int progress_anonymous(struct progress **out) MUST_CHECK;
void progress_unmap(struct progress *p);

/* The keeper's word, from the status waitid gave. */
void progress_publish_exit(struct progress *p, bool known, int status);

#endif

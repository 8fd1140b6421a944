/* One run of a container's health check: an exec (monitor/exec.h) that this worker is the client of. */
#ifndef TARE_MONITOR_PROBE_H
#define TARE_MONITOR_PROBE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/loop.h"
#include "base/strbuf.h"
#include "monitor/description.h"

/* Of what it says so much is kept. */
#define PROBE_OUTPUT 4096U

struct probe {
	struct loop *loop;
	const struct description *d; /* borrowed */
	int session;                 /* of an ordinary user: CREW_SESSION; -1 */
	int fd, program;             /* our end of its socket, its pidfd */
	struct loop_source *source, *ended, *timer;
	struct strbuf in, output;
	bool cut, late, known;
	int code;
	pid_t pid; /* in the container; 0: not started yet */
	uint64_t start_time;
	void (*done)(void *data, int code, const char *output); /* code -1: it took too long, or could not be run */
	void *data;
};

/* done is called once for each probe_start(), from the loop. */
void probe_init(struct probe *p, struct loop *l, const struct description *d, int session, void (*done)(void *data, int code, const char *output),
		void *data);
void probe_start(struct probe *p);
bool probe_runs(const struct probe *p);
/* The container is paused: nothing in it would answer. */
bool probe_cannot(const struct description *d);
/* What a worker left that was killed: it is ended. */
void probe_clear(const struct description *d);
/* The container ended, and with it what runs. */
void probe_end(struct probe *p);

#endif

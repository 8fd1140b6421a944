/* What containers use at one moment: CPU time, memory, processes, network, disk. Of what was used since an earlier moment the difference
 * tells. */
#ifndef TARE_ENGINE_STATS_H
#define TARE_ENGINE_STATS_H

#include "base/arena.h"
#include "engine/engine.h"
#include "engine/live.h"
#include "engine/record.h"

struct stats {
	bool runs;              /* else all is 0 */
	uint64_t at;            /* ns, monotonic */
	uint64_t cpu;           /* ns of one CPU */
	uint64_t memory, limit; /* bytes, without what the kernel keeps of files that nobody uses; the machine's memory where there is no limit */
	uint64_t pids;          /* threads, as the kernel counts them for a limit */
	uint64_t net_in, net_out; /* bytes of the devices in its network namespace; 0 when that is the machine's */
	uint64_t io_read, io_write;
};

/* One look at all of them: what is the machine's is read once. */
struct stats_process {
	uint64_t namespace; /* pid namespace's inode */
	uint64_t cpu, memory, threads, io_read, io_write;
};
struct stats_look {
	const struct engine *en;
	uint64_t memory, net; /* the machine's; the inode of its network namespace */
	struct stats_process *v; /* where containers have no cgroups: all processes that we may look at, by namespace */
	size_t n, cap;
};
#define STATS_LOOK_INIT { .en = NULL }
#define CLEANUP_STATS_LOOK CLEANUP(stats_end)

int stats_begin(const struct engine *en, struct stats_look *out, struct err *e) MUST_CHECK;
void stats_end(struct stats_look *l);
/* Of one container. What ends meanwhile, or has a file missing, has zeros there. */
int stats_read(const struct stats_look *l, struct arena *a, const struct record *rec, const struct live *live, struct stats *out,
	       struct err *e) MUST_CHECK;

/* The devices of its network namespace but its loopback; none when that is the machine's. */
struct stats_device {
	const char *name;
	uint64_t in, out; /* bytes */
	uint64_t packets_in, packets_out, errors_in, errors_out, dropped_in, dropped_out;
};
int stats_devices(const struct stats_look *l, struct arena *a, const struct live *live, struct stats_device **out, size_t *n, struct err *e) MUST_CHECK;

/* stats_process.c: fills l->v. */
int stats_read_processes(struct stats_look *l, struct err *e) MUST_CHECK;

#endif

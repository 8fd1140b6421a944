/* Everything the controllers tell about one cgroup, for those who show it, and the kernel's word that memory ran out.
 * cg_read_stats() is the short form.
 * kernel: Documentation/admin-guide/cgroup-v2.rst, cgroup-v1/{cpuacct,cpusets,memory,blkio-controller,hugetlb}.rst,
 * accounting/psi.rst */
#ifndef TARE_SYS_CGROUP_USAGE_H
#define TARE_SYS_CGROUP_USAGE_H

#include "base/arena.h"
#include "sys/cgroup.h"

struct cg_numbers {
	uint64_t *v;
	size_t n, cap;
};

/* Averages are shares of time in hundredths of a percent, total is microseconds. */
struct cg_psi_line {
	uint64_t avg10, avg60, avg300, total;
};
/* v2 only. given: the kernel tells it. */
struct cg_psi {
	bool given;
	struct cg_psi_line some, full;
};

/* Times are nanoseconds. Per CPU only on v1: one number for each possible CPU. */
struct cg_cpu_usage {
	uint64_t total, user, kernel;
	struct cg_numbers percpu, percpu_user, percpu_kernel;
	uint64_t periods, throttled_periods, throttled_time;
	struct cg_psi psi;
};

/* v1 only. */
struct cg_cpuset_usage {
	struct cg_numbers cpus, mems;
	uint64_t cpu_exclusive, mem_hardwall, mem_exclusive, memory_migrate, memory_spread_page, memory_spread_slab;
	uint64_t memory_pressure, sched_load_balance;
	int64_t sched_relax_domain_level;
};

/* Bytes, as the kernel says them: v1's "no limit" is its largest page-aligned number, v2's is UINT64_MAX. */
struct cg_memory_entry {
	uint64_t limit, usage, max, failcnt;
};
struct cg_named_number {
	const char *name;
	uint64_t value;
};
struct cg_memory_usage {
	uint64_t cache;
	struct cg_memory_entry usage, kernel, kernel_tcp;
	struct cg_memory_entry swap; /* memory and swap together, on v2 too */
	struct cg_named_number *raw; /* memory.stat */
	size_t n_raw, cap_raw;
	struct cg_psi psi;
};

struct cg_hugetlb_usage {
	const char *page_size; /* "2MB" */
	uint64_t usage, max, failcnt;
};

/* v2 has the first two. */
enum cg_io_table {
	CG_IO_BYTES, CG_IO_SERVICED, CG_IO_QUEUED, CG_IO_SERVICE_TIME, CG_IO_WAIT_TIME, CG_IO_MERGED, CG_IO_TIME,
	CG_IO_SECTORS, CG_IO_TABLES
};
struct cg_io_entry {
	uint64_t major, minor, value;
	const char *op; /* "Read", "Write", "Total"…; "" for tables without */
};
struct cg_io_list {
	struct cg_io_entry *v;
	size_t n, cap;
};

struct cg_usage {
	struct cg_cpu_usage cpu;
	struct cg_cpuset_usage cpuset;
	struct cg_memory_usage memory;
	uint64_t pids, pids_limit; /* limit 0 = none */
	struct cg_io_list io[CG_IO_TABLES];
	struct cg_psi io_psi;
	struct cg_hugetlb_usage *hugetlb;
	size_t n_hugetlb, cap_hugetlb;
};

/* Reads all of it; what hangs off *out lives in a. What this kernel or these controllers do not tell stays 0. Fails with
 * ERR_NOTFOUND when cg is in no hierarchy, and when memory runs out. */
int cg_read_usage(struct cgroup *cg, struct arena *a, struct cg_usage *out, struct err *e) MUST_CHECK;

/* Bytes that it read from disks and wrote to them, alone; 0 where no controller tells. -ENOMEM. */
int cg_read_io(struct cgroup *cg, struct arena *a, uint64_t *in, uint64_t *out) MUST_CHECK;

/* Watches for a cgroup, or one below it, that runs out of memory. */
/* How often a limit was in the way since the cgroup was made; 0 without that controller. */
struct cg_hits {
	uint64_t memory, oom_kills; /* the memory limit was hit; processes were killed for it */
	uint64_t pids;		    /* a process or thread more was refused */
	bool stuck;		    /* v1 without an OOM killer: processes wait for memory now */
};
void cg_read_hits(const struct cgroup *cg, struct cg_hits *out);

struct cg_oom {
	int fd;		 /* for epoll, to be waited for with `events` */
	uint32_t events; /* EPOLLIN or EPOLLPRI */
	bool v2;
	int dir; /* the cgroup's folder */
	uint64_t kills; /* v2: how many were counted so far */
};
#define CG_OOM_INIT { .fd = -1, .dir = -1 }

/* Starts to watch; what happened before does not count. ERR_UNSUPPORTED without a memory controller. */
int cg_oom_watch(struct cgroup *cg, struct cg_oom *out, struct err *e) MUST_CHECK;
/* Whether memory ran out since the last call; never waits. *gone: the cgroup is no more, nothing will come. */
bool cg_oom_happened(struct cg_oom *w, bool *gone);
void cg_oom_close(struct cg_oom *w);
#define CLEANUP_CG_OOM CLEANUP(cg_oom_close)

#endif

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "base/io.h"
#include "sys/cgroup_impl.h"

/* A folder that stands for a cgroup in a hierarchy that has every controller, v1's or v2's. */
static char base[] = "/tmp/tare-usage.XXXXXX";
static struct cg_system fake;
static char cgroup_path[] = "/c";
static struct cgroup cg = { .sys = &fake, .path = cgroup_path };
static struct arena arena;
static struct err e;

static int setup(void **state UNUSED)
{
	fake = (struct cg_system){ .n = 1, .v2 = -1 };
	e = (struct err){ 0 };
	for (size_t i = 0; i < CG_MAX_HIERARCHIES; i++)
		cg.dir[i] = -1;
	if (!mkdtemp(base))
		return -1;
	cg.dir[0] = open(base, O_PATH | O_DIRECTORY | O_CLOEXEC);
	return cg.dir[0] < 0 ? -1 : 0;
}

static int teardown(void **state UNUSED)
{
	int r = io_remove_tree(AT_FDCWD, base);

	arena_free(&arena);
	close_fd(cg.dir[0]);
	memcpy(base + strlen(base) - 6, "XXXXXX", 6);
	return r;
}

static void is_v1(void)
{
	fake.mode = CG_V1;
}

static void is_v2(void)
{
	fake.mode = CG_V2;
	fake.v2 = 0;
	fake.h[0].v2 = true;
	fake.where[CG_CPUACCT] = -1;
}

static void file(const char *name, const char *text)
{
	assert_int_equal(io_replace_file(cg.dir[0], name, text, strlen(text), 0644, false), 0);
}

static struct cg_usage usage(void)
{
	struct cg_usage u;

	assert_int_equal(cg_read_usage(&cg, &arena, &u, &e), 0);
	return u;
}

static void are(const struct cg_numbers *l, size_t n, const uint64_t *v)
{
	assert_int_equal(l->n, n);
	for (size_t i = 0; i < n; i++)
		assert_int_equal(l->v[i], v[i]);
}
#define ARE(l, ...)                                                                                                    \
	are(l, sizeof((uint64_t[]){ __VA_ARGS__ }) / sizeof(uint64_t), (uint64_t[]){ __VA_ARGS__ })

static void io_is(const struct cg_io_entry *i, uint64_t major, uint64_t minor, const char *op, uint64_t value)
{
	assert_int_equal(i->major, major);
	assert_int_equal(i->minor, minor);
	assert_string_equal(i->op, op);
	assert_int_equal(i->value, value);
}

static void nothing_there(void **state UNUSED)
{
	struct cg_usage u, zero = { 0 };

	is_v1();
	file("cgroup.procs", "");
	assert_int_equal(cg_read_usage(&cg, &arena, &u, &e), 0);
	assert_memory_equal(&u, &zero, sizeof(zero));
	is_v2();
	assert_int_equal(usage().memory.usage.usage, 0);
	assert_false(usage().cpu.psi.given);
	cg.dir[0] = close_fd(cg.dir[0]);
	assert_true(cg_read_usage(&cg, &arena, &u, &e) < 0);
	assert_int_equal(e.cls, ERR_NOTFOUND);
}

static void v1_cpu(void **state UNUSED)
{
	struct cg_usage u;

	is_v1();
	file("cpuacct.usage", "3977693\n");
	file("cpuacct.stat", "user 3\nsystem 5\n");
	file("cpuacct.usage_percpu", "2368559 1609134 0 \n");
	file("cpuacct.usage_all", "cpu user system\n0 4000000 8\n1 0 9\n2 1 nonsense\n\n3\n");
	file("cpu.stat", "nr_periods 7\nnr_throttled 2\nthrottled_time 12345\nnr_bursts 1\n");
	u = usage();
	assert_int_equal(u.cpu.total, 3977693);
	assert_int_equal(u.cpu.user, 30000000);
	assert_int_equal(u.cpu.kernel, 50000000);
	ARE(&u.cpu.percpu, 2368559, 1609134, 0);
	ARE(&u.cpu.percpu_user, 4000000, 0, 1);
	ARE(&u.cpu.percpu_kernel, 8, 9, 0);
	assert_int_equal(u.cpu.periods, 7);
	assert_int_equal(u.cpu.throttled_periods, 2);
	assert_int_equal(u.cpu.throttled_time, 12345);
	assert_false(u.cpu.psi.given);
}

static void v1_cpuset(void **state UNUSED)
{
	struct cg_usage u;

	is_v1();
	file("cpuset.cpus", "0-2,5,7-6,x,9-\n");
	file("cpuset.mems", "\n");
	file("cpuset.sched_load_balance", "1\n");
	file("cpuset.sched_relax_domain_level", "-1\n");
	u = usage();
	ARE(&u.cpuset.cpus, 0, 1, 2, 5);
	assert_int_equal(u.cpuset.mems.n, 0);
	assert_int_equal(u.cpuset.sched_load_balance, 1);
	assert_int_equal(u.cpuset.sched_relax_domain_level, -1);
	/* more than a kernel has */
	file("cpuset.cpus", "0-18446744073709551615,0-70000,0-65535,3\n");
	assert_int_equal(usage().cpuset.cpus.n, 65536);
}

static void v1_memory(void **state UNUSED)
{
	struct cg_usage u;

	is_v1();
	file("memory.limit_in_bytes", "9223372036854771712\n");
	file("memory.usage_in_bytes", "4096\n");
	file("memory.max_usage_in_bytes", "8192\n");
	file("memory.failcnt", "3\n");
	file("memory.memsw.usage_in_bytes", "5000\n");
	file("memory.kmem.usage_in_bytes", "6000\n");
	file("memory.kmem.tcp.limit_in_bytes", "7000\n");
	file("memory.stat", "cache 12\nrss 34\nodd\nworse word\ntotal_cache 56\n");
	u = usage();
	assert_int_equal(u.memory.usage.limit, 9223372036854771712U); /* as it is */
	assert_int_equal(u.memory.usage.usage, 4096);
	assert_int_equal(u.memory.usage.max, 8192);
	assert_int_equal(u.memory.usage.failcnt, 3);
	assert_int_equal(u.memory.swap.usage, 5000);
	assert_int_equal(u.memory.kernel.usage, 6000);
	assert_int_equal(u.memory.kernel_tcp.limit, 7000);
	assert_int_equal(u.memory.cache, 12);
	assert_int_equal(u.memory.n_raw, 3);
	assert_string_equal(u.memory.raw[2].name, "total_cache");
	assert_int_equal(u.memory.raw[2].value, 56);
}

static void v1_pids_and_huge_pages(void **state UNUSED)
{
	struct cg_usage u;

	is_v1();
	file("pids.current", "4\n");
	file("pids.max", "max\n");
	file("hugetlb.2MB.usage_in_bytes", "1\n");
	file("hugetlb.2MB.max_usage_in_bytes", "2\n");
	file("hugetlb.2MB.failcnt", "3\n");
	u = usage();
	assert_int_equal(u.pids, 4);
	assert_int_equal(u.pids_limit, 0);
	assert_int_equal(u.n_hugetlb, 1);
	assert_string_equal(u.hugetlb[0].page_size, "2MB");
	assert_int_equal(u.hugetlb[0].usage, 1);
	assert_int_equal(u.hugetlb[0].max, 2);
	assert_int_equal(u.hugetlb[0].failcnt, 3);
	file("pids.max", "9\n");
	file("hugetlb.2MB.rsvd.usage_in_bytes", "10\n");
	file("hugetlb.2MB.rsvd.failcnt", "30\n");
	u = usage();
	assert_int_equal(u.pids_limit, 9);
	assert_int_equal(u.n_hugetlb, 1);
	assert_int_equal(u.hugetlb[0].usage, 10);
	assert_int_equal(u.hugetlb[0].failcnt, 30);
}

static void v1_block_io(void **state UNUSED)
{
	struct cg_usage u;

	is_v1();
	file("blkio.bfq.io_serviced_recursive", "Total 0\n");
	file("blkio.throttle.io_serviced_recursive", "8:0 Read 3\n8:16 Total 4\nnonsense\n8 Read 5\nTotal 7\n");
	file("blkio.throttle.io_service_bytes_recursive", "8:0 Read 12288\n");
	file("blkio.throttle.io_serviced", "1:1 Read 1\n");
	u = usage();
	assert_int_equal(u.io[CG_IO_SERVICED].n, 2);
	io_is(&u.io[CG_IO_SERVICED].v[0], 8, 0, "Read", 3);
	io_is(&u.io[CG_IO_SERVICED].v[1], 8, 16, "Total", 4);
	assert_int_equal(u.io[CG_IO_BYTES].n, 1);
	io_is(&u.io[CG_IO_BYTES].v[0], 8, 0, "Read", 12288);
	assert_int_equal(u.io[CG_IO_QUEUED].n, 0);
	/* a scheduler that counts tells more */
	file("blkio.bfq.io_serviced_recursive", "8:0 Write 9\n");
	file("blkio.bfq.sectors_recursive", "8:0 6792\n");
	u = usage();
	io_is(&u.io[CG_IO_SERVICED].v[0], 8, 0, "Write", 9);
	io_is(&u.io[CG_IO_SECTORS].v[0], 8, 0, "", 6792);
	assert_int_equal(u.io[CG_IO_BYTES].n, 0);
}

static void v2_cpu(void **state UNUSED)
{
	struct cg_usage u;

	is_v2();
	file("cpu.stat", "usage_usec 30\nuser_usec 10\nsystem_usec 20\nnr_periods 7\nnr_throttled 2\nthrottled_usec 5\n");
	file("cpu.pressure", "some avg10=1.05 avg60=100.00 avg300=0.1 total=345\nfull avg10=0.20 avg60=0.00 avg300=3 total=6\n");
	u = usage();
	assert_int_equal(u.cpu.total, 30000);
	assert_int_equal(u.cpu.user, 10000);
	assert_int_equal(u.cpu.kernel, 20000);
	assert_int_equal(u.cpu.periods, 7);
	assert_int_equal(u.cpu.throttled_time, 5000);
	assert_true(u.cpu.psi.given);
	assert_int_equal(u.cpu.psi.some.avg10, 105);
	assert_int_equal(u.cpu.psi.some.avg60, 10000);
	assert_int_equal(u.cpu.psi.some.avg300, 10);
	assert_int_equal(u.cpu.psi.some.total, 345);
	assert_int_equal(u.cpu.psi.full.avg10, 20);
	assert_int_equal(u.cpu.psi.full.avg300, 300);
	assert_int_equal(u.cpu.psi.full.total, 6);
}

static void v2_memory(void **state UNUSED)
{
	struct cg_usage u;

	is_v2();
	file("memory.max", "1000\n");
	file("memory.current", "100\n");
	file("memory.peak", "200\n");
	file("memory.swap.max", "50\n");
	file("memory.swap.current", "5\n");
	file("memory.stat", "anon 1\nfile 22\n");
	file("memory.pressure", "some avg10=0.00 avg60=0.00 avg300=0.00 total=0\n");
	u = usage();
	assert_int_equal(u.memory.usage.limit, 1000);
	assert_int_equal(u.memory.usage.max, 200);
	assert_int_equal(u.memory.swap.limit, 1050);
	assert_int_equal(u.memory.swap.usage, 105);
	assert_int_equal(u.memory.cache, 22);
	assert_true(u.memory.psi.given);
	file("memory.swap.max", "max\n");
	assert_true(usage().memory.swap.limit == UINT64_MAX);
	file("memory.swap.max", "0\n");
	file("memory.max", "max\n");
	assert_true(usage().memory.swap.limit == UINT64_MAX);
}

static void v2_the_rest(void **state UNUSED)
{
	struct cg_usage u;

	is_v2();
	file("cgroup.procs", "1\n2\n3\n");
	file("io.stat", "8:0 rbytes=1 wbytes=2 rios=3 wios=4 dbytes=5 dios=6\n8:16 \n259:3 rbytes=7 broken wios=x\n\n");
	file("io.pressure", "some avg10=0.50 avg60=0.00 avg300=0.00 total=1\n");
	file("hugetlb.1GB.current", "10\n");
	file("hugetlb.1GB.events", "max 3\n");
	file("hugetlb.1GB.rsvd.current", "20\n");
	u = usage();
	assert_int_equal(u.pids, 3); /* without the controller */
	assert_int_equal(u.io[CG_IO_BYTES].n, 3);
	io_is(&u.io[CG_IO_BYTES].v[0], 8, 0, "Read", 1);
	io_is(&u.io[CG_IO_BYTES].v[1], 8, 0, "Write", 2);
	io_is(&u.io[CG_IO_BYTES].v[2], 259, 3, "Read", 7);
	assert_int_equal(u.io[CG_IO_SERVICED].n, 2);
	io_is(&u.io[CG_IO_SERVICED].v[1], 8, 0, "Write", 4);
	assert_int_equal(u.io_psi.some.avg10, 50);
	assert_int_equal(u.n_hugetlb, 1);
	assert_string_equal(u.hugetlb[0].page_size, "1GB");
	assert_int_equal(u.hugetlb[0].usage, 20);
	assert_int_equal(u.hugetlb[0].failcnt, 3);
}

static void v2_out_of_memory(void **state UNUSED)
{
	CLEANUP_CG_OOM struct cg_oom w = CG_OOM_INIT;
	CLEANUP_FD int fd = -1;
	bool gone;

	is_v2();
	file("memory.events", "low 0\nhigh 1\nmax 9\noom 4\noom_kill 4\noom_group_kill 0\n");
	assert_int_equal(cg_oom_watch(&cg, &w, &e), 0);
	assert_false(cg_oom_happened(&w, &gone)); /* not those of before */
	assert_false(gone);
	fd = openat(cg.dir[0], "memory.events", O_WRONLY | O_TRUNC | O_CLOEXEC);
	assert_true(fd >= 0);
	assert_int_equal(io_write_full(fd, "high 7\noom 5\noom_kill 5\n", 24), 0);
	assert_true(cg_oom_happened(&w, &gone));
	assert_false(cg_oom_happened(&w, &gone));
}

static void no_memory_controller(void **state UNUSED)
{
	CLEANUP_CG_OOM struct cg_oom w = CG_OOM_INIT;

	is_v2();
	assert_true(cg_oom_watch(&cg, &w, &e) < 0); /* not enabled for this one */
	fake.where[CG_MEMORY] = -1;
	assert_true(cg_oom_watch(&cg, &w, &e) < 0);
	assert_int_equal(e.cls, ERR_UNSUPPORTED);
	assert_int_equal(w.fd, -1);
}

#define box(t) cmocka_unit_test_setup_teardown(t, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		box(nothing_there),
		box(v1_cpu),
		box(v1_cpuset),
		box(v1_memory),
		box(v1_pids_and_huge_pages),
		box(v1_block_io),
		box(v2_cpu),
		box(v2_memory),
		box(v2_the_rest),
		box(v2_out_of_memory),
		box(no_memory_controller),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

#include "cgroup_box.h"

#include <fcntl.h>
#include <limits.h>
#include <linux/bpf.h>
#include <linux/sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/io.h"

#define PTR(type, v) (&(type){ v })

#define A(t, ma, mi, acc) { true, t, ma, mi, !!strchr(acc, 'r'), !!strchr(acc, 'w'), !!strchr(acc, 'm') }
#define D(t, ma, mi, acc) { false, t, ma, mi, !!strchr(acc, 'r'), !!strchr(acc, 'w'), !!strchr(acc, 'm') }

static void memory_limits(void **state)
{
	struct fixture *f = *state;
	struct cg_resources r = { .memory_limit = PTR(int64_t, 64 << 20), .memory_swap = PTR(int64_t, 96 << 20),
				  .memory_reservation = PTR(int64_t, 32 << 20), .use_hierarchy = true };
	struct cg_dir d;

	need_cgroups(f);
	d = dir_of(f, CG_MEMORY);
	ok(f, cg_apply(f->cg, &r, &f->e));
	assert_file(d, "memory.limit_in_bytes", "memory.max", "67108864", "67108864");
	assert_file(d, "memory.memsw.limit_in_bytes", "memory.swap.max", "100663296", "33554432");
	assert_file(d, "memory.soft_limit_in_bytes", "memory.low", "33554432", "33554432");
	/* both up, then both down: each order of writes is wrong for one of them */
	r = (struct cg_resources){ .memory_limit = PTR(int64_t, 256 << 20), .memory_swap = PTR(int64_t, 256 << 20) };
	ok(f, cg_apply(f->cg, &r, &f->e));
	assert_file(d, "memory.memsw.limit_in_bytes", "memory.swap.max", "268435456", "0");
	r = (struct cg_resources){ .memory_limit = PTR(int64_t, 16 << 20), .memory_swap = PTR(int64_t, 20 << 20) };
	ok(f, cg_apply(f->cg, &r, &f->e));
	assert_file(d, "memory.limit_in_bytes", "memory.max", "16777216", "16777216");
	assert_file(d, "memory.memsw.limit_in_bytes", "memory.swap.max", "20971520", "4194304");
	r = (struct cg_resources){ .memory_limit = PTR(int64_t, -1) };
	ok(f, cg_apply(f->cg, &r, &f->e));
	assert_file(d, "memory.limit_in_bytes", "memory.max", "9223372036854771712", "max");
	assert_file(d, "memory.memsw.limit_in_bytes", "memory.swap.max", "9223372036854771712", "max");
	r = (struct cg_resources){ .memory_limit = PTR(int64_t, 64 << 20), .memory_swap = PTR(int64_t, 32 << 20) };
	assert_true(cg_apply(f->cg, &r, &f->e) < 0);
	assert_int_equal(f->e.cls, ERR_INVALID);
}

static void memory_extras(void **state)
{
	struct fixture *f = *state;
	struct cg_resources swappiness = { .swappiness = PTR(uint64_t, 7) };
	struct cg_resources kernel = { .kernel_memory = PTR(int64_t, 50 << 20) };
	struct cg_resources no_oom = { .disable_oom_killer = true };
	struct cg_resources covered = { .memory_limit = PTR(int64_t, 64 << 20), .kernel_memory = PTR(int64_t, 64 << 20) };
	struct cg_resources below = { .memory_limit = PTR(int64_t, 64 << 20), .kernel_memory = PTR(int64_t, 50 << 20) };
	struct cg_dir d;

	need_cgroups(f);
	d = dir_of(f, CG_MEMORY);
	if (d.v2) {
		assert_true(cg_apply(f->cg, &swappiness, &f->e) < 0);
		assert_int_equal(f->e.cls, ERR_UNSUPPORTED);
		assert_true(cg_apply(f->cg, &no_oom, &f->e) < 0);
	} else {
		ok(f, cg_apply(f->cg, &swappiness, &f->e));
		assert_string_equal(text_of(&d, "memory.swappiness"), "7");
		ok(f, cg_apply(f->cg, &no_oom, &f->e));
		assert_string_equal(text_of(&d, "memory.oom_control"), "oom_kill_disable 1");
	}
	assert_true(cg_apply(f->cg, &kernel, &f->e) < 0);
	assert_int_equal(f->e.cls, ERR_UNSUPPORTED);
	assert_true(cg_apply(f->cg, &below, &f->e) < 0);
	assert_int_equal(f->e.cls, ERR_UNSUPPORTED);
	/* memory counts what the kernel uses for it, so that one holds by itself */
	ok(f, cg_apply(f->cg, &covered, &f->e));
}

static void cpu_limits(void **state)
{
	struct fixture *f = *state;
	struct cg_resources r = { .cpu_shares = PTR(uint64_t, 512), .cpu_quota = PTR(int64_t, 50000),
				  .cpu_period = PTR(uint64_t, 100000), .cpu_burst = PTR(uint64_t, 20000) };
	struct cg_dir d;

	need_cgroups(f);
	d = dir_of(f, CG_CPU);
	ok(f, cg_apply(f->cg, &r, &f->e));
	assert_file(d, "cpu.shares", "cpu.weight", "512", "59");
	assert_file(d, "cpu.cfs_quota_us", "cpu.max", "50000", "50000 100000");
	assert_file(d, "cpu.cfs_burst_us", "cpu.max.burst", "20000", "20000");
	/* a quota below the old burst, a burst above the old quota, a period alone */
	r = (struct cg_resources){ .cpu_quota = PTR(int64_t, 10000), .cpu_burst = PTR(uint64_t, 5000) };
	ok(f, cg_apply(f->cg, &r, &f->e));
	r = (struct cg_resources){ .cpu_quota = PTR(int64_t, 80000), .cpu_burst = PTR(uint64_t, 70000) };
	ok(f, cg_apply(f->cg, &r, &f->e));
	assert_file(d, "cpu.cfs_burst_us", "cpu.max.burst", "70000", "70000");
	r = (struct cg_resources){ .cpu_period = PTR(uint64_t, 200000) };
	ok(f, cg_apply(f->cg, &r, &f->e));
	assert_file(d, "cpu.cfs_quota_us", "cpu.max", "80000", "80000 200000");
	r = (struct cg_resources){ .cpu_idle = PTR(int64_t, 1) };
	ok(f, cg_apply(f->cg, &r, &f->e));
	r = (struct cg_resources){ .cpu_idle = PTR(int64_t, 0), .cpu_shares = PTR(uint64_t, 1024) };
	ok(f, cg_apply(f->cg, &r, &f->e));
	assert_file(d, "cpu.shares", "cpu.weight", "1024", "100");
	r = (struct cg_resources){ .cpu_period = PTR(uint64_t, 1) };
	assert_true(cg_apply(f->cg, &r, &f->e) < 0);
	assert_non_null(strstr(f->e.msg, "period"));
}

static void pids_and_cpuset(void **state)
{
	struct fixture *f = *state;
	struct cg_resources r = { .pids_limit = PTR(int64_t, 0), .cpuset_cpus = "0", .cpuset_mems = "0" };
	struct cg_dir pids, cpuset;

	need_cgroups(f);
	pids = dir_of(f, CG_PIDS);
	cpuset = dir_of(f, CG_CPUSET);
	if (!cpuset.v2)
		assert_string_not_equal(text_of(&cpuset, "cpuset.cpus"), ""); /* inherited */
	ok(f, cg_apply(f->cg, &r, &f->e));
	assert_string_equal(text_of(&pids, "pids.max"), "1");
	assert_string_equal(text_of(&cpuset, "cpuset.cpus"), "0");
	r = (struct cg_resources){ .pids_limit = PTR(int64_t, -1) };
	ok(f, cg_apply(f->cg, &r, &f->e));
	assert_string_equal(text_of(&pids, "pids.max"), "max");
	r = (struct cg_resources){ .cpuset_cpus = "5000" };
	assert_true(cg_apply(f->cg, &r, &f->e) < 0);
	assert_non_null(strstr(f->e.msg, "cpuset.cpus"));
}

/* Limits where the machine has them; a clear error where it has not. */
static void rare_limits(void **state)
{
	struct fixture *f = *state;
	const struct cg_hugepage_limit page = { "2MB", 4 << 20 }, bad_page = { "2MB/../x", 1 };
	const struct cg_ifprio prio = { "lo", 3 };
	struct cg_resources huge = { .hugepages = &page, .n_hugepages = 1 };
	struct cg_resources class = { .net_class_id = PTR(uint32_t, 0x100001) };
	struct cg_resources priority = { .net_priorities = &prio, .n_net_priorities = 1 };
	struct cg_dir d;

	need_cgroups(f);
	d = dir_of(f, CG_HUGETLB);
	if (d.fd >= 0) {
		ok(f, cg_apply(f->cg, &huge, &f->e));
		assert_file(d, "hugetlb.2MB.limit_in_bytes", "hugetlb.2MB.max", "4194304", "4194304");
		huge.hugepages = &bad_page;
		assert_true(cg_apply(f->cg, &huge, &f->e) < 0);
		assert_int_equal(f->e.cls, ERR_INVALID);
	}
	if (f->cg->sys->where[CG_NET_CLS] < 0) {
		assert_true(cg_apply(f->cg, &class, &f->e) < 0);
		assert_int_equal(f->e.cls, ERR_UNSUPPORTED);
		assert_non_null(strstr(f->e.msg, "net_cls"));
		assert_true(cg_apply(f->cg, &priority, &f->e) < 0);
		assert_int_equal(f->e.cls, ERR_UNSUPPORTED);
	}
}

static void block_io(void **state)
{
	struct fixture *f = *state;
	struct cg_throttle t = { 0, 0, 1 << 20 };
	struct cg_resources r = { .read_bps = &t, .n_read_bps = 1, .write_iops = &t, .n_write_iops = 1 };
	char want[64];
	struct cg_dir d;
	struct stat st;

	need_cgroups(f);
	if (stat("/", &st) < 0 || !major(st.st_dev))
		skip(); /* no disk to throttle */
	t.major = major(st.st_dev);
	t.minor = minor(st.st_dev);
	d = dir_of(f, CG_IO);
	ok(f, cg_apply(f->cg, &r, &f->e));
	if (d.v2) {
		snprintf(want, sizeof(want), "%u:%u rbps=1048576 wbps=max riops=max wiops=1048576", major(st.st_dev),
			 minor(st.st_dev));
		assert_string_equal(text_of(&d, "io.max"), want);
	} else {
		snprintf(want, sizeof(want), "%u:%u 1048576", major(st.st_dev), minor(st.st_dev));
		assert_string_equal(text_of(&d, "blkio.throttle.read_bps_device"), want);
		assert_string_equal(text_of(&d, "blkio.throttle.write_iops_device"), want);
	}
	t.rate = 0;
	ok(f, cg_apply(f->cg, &r, &f->e));
	assert_string_equal(text_of(&d, d.v2 ? "io.max" : "blkio.throttle.read_bps_device"), "");
}

static void unified(void **state)
{
	struct fixture *f = *state;
	struct cg_kv bad = { "memory.max/../x", "1" }, depth = { "cgroup.max.depth", "3" }, high = { "memory.high", "1000000" };
	struct cg_resources r = { .unified = &bad, .n_unified = 1 };
	struct cg_dir d = { 0 };

	need_cgroups(f);
	if (f->cg->sys->v2 < 0)
		skip();
	d.fd = f->cg->dir[f->cg->sys->v2];
	assert_true(cg_apply(f->cg, &r, &f->e) < 0);
	assert_int_equal(f->e.cls, ERR_INVALID);
	r.unified = &depth;
	ok(f, cg_apply(f->cg, &r, &f->e));
	assert_string_equal(text_of(&d, "cgroup.max.depth"), "3");
	r.unified = &high;
	if (f->cg->sys->mode == CG_V2) {
		ok(f, cg_apply(f->cg, &r, &f->e));
		assert_string_equal(text_of(&d, "memory.high"), "999424");
	} else {
		assert_true(cg_apply(f->cg, &r, &f->e) < 0);
		assert_int_equal(f->e.cls, ERR_UNSUPPORTED);
		assert_non_null(strstr(f->e.msg, "memory.high"));
	}
}

/* What a process in the cgroup can open: bit 0 null, bit 1 zero, bit 2 full. */
static int openable(struct fixture *f)
{
	static const char *const nodes[] = { "/dev/null", "/dev/zero", "/dev/full" };
	int go[2], status;
	pid_t pid;
	char c;

	assert_int_equal(pipe2(go, O_CLOEXEC), 0);
	pid = spawn_fork(NULL);
	if (pid == 0) {
		int mask = 0;

		if (read(go[0], &c, 1) != 1)
			_exit(99);
		for (int i = 0; i < 3; i++)
			mask |= (open(nodes[i], O_RDONLY | O_CLOEXEC) >= 0) << i;
		_exit(mask);
	}
	f->child = pid;
	ok(f, cg_join(f->cg, pid, &f->e));
	assert_int_equal(write(go[1], "x", 1), 1);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	f->child = 0;
	close(go[0]);
	close(go[1]);
	return WEXITSTATUS(status);
}

static void devices_in_force(void **state)
{
	const struct cg_device_rule null_only[] = { D('a', -1, -1, "rwm"), A('c', 1, 3, "rwm") };
	const struct cg_device_rule not_zero[] = { A('a', -1, -1, "rwm"), D('c', 1, 5, "r") };
	const struct cg_device_rule hole[] = { D('a', -1, -1, "rwm"), A('c', 1, -1, "rwm"), D('c', 1, 5, "rwm") };
	struct cg_resources r = { .devices = null_only, .n_devices = 2 };
	struct fixture *f = *state;
	struct cg_dir v2 = { 0 };

	need_cgroups(f);
	ok(f, cg_apply(f->cg, &r, &f->e));
	assert_int_equal(openable(f), 1);
	r.devices = not_zero;
	ok(f, cg_apply(f->cg, &r, &f->e)); /* a new list replaces the old */
	assert_int_equal(openable(f), 5);
	r.devices = null_only;
	ok(f, cg_apply(f->cg, &r, &f->e));
	assert_int_equal(openable(f), 1);
	r.devices = hole;
	r.n_devices = 3;
	if (f->cg->sys->where[CG_DEVICES] >= 0)
		assert_true(cg_apply(f->cg, &r, &f->e) < 0);
	if (f->cg->sys->where[CG_DEVICES] < 0 || f->cg->sys->v2 < 0)
		return;
	/* hybrid: v2's program works here too; ask it directly, with v1 open */
	r = (struct cg_resources){ .devices = (const struct cg_device_rule[]){ A('a', -1, -1, "rwm") }, .n_devices = 1 };
	ok(f, cg_apply(f->cg, &r, &f->e));
	v2 = (struct cg_dir){ .fd = f->cg->dir[f->cg->sys->v2], .cgroup = f->cg->path, .v2 = true };
	r = (struct cg_resources){ .devices = hole, .n_devices = 3 };
	ok(f, cg2_devices(&v2, &r, &f->e));
	assert_int_equal(openable(f), 5);
	r = (struct cg_resources){ .devices = null_only, .n_devices = 2 };
	ok(f, cg2_devices(&v2, &r, &f->e));
	assert_int_equal(openable(f), 1);
}

/* The verifier takes a long list. */
static void many_device_rules(void **state)
{
	struct fixture *f = *state;
	struct cg_device_rule rules[1000];
	struct cg_resources r = { .devices = rules, .n_devices = ARRAY_LEN(rules) };
	struct cg_dir v2 = { 0 };

	need_cgroups(f);
	if (f->cg->sys->v2 < 0)
		skip();
	for (size_t i = 0; i < ARRAY_LEN(rules); i++)
		rules[i] = (struct cg_device_rule){ i % 3 != 0, i % 2 ? 'c' : 'b', (int64_t)(i % 97), i % 5 ? (int64_t)i : -1,
						    i % 2, i % 3, i % 7 };
	v2 = (struct cg_dir){ .fd = f->cg->dir[f->cg->sys->v2], .cgroup = f->cg->path, .v2 = true };
	ok(f, cg2_devices(&v2, &r, &f->e));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		live(memory_limits),
		live(memory_extras),
		live(cpu_limits),
		live(pids_and_cpuset),
		live(rare_limits),
		live(block_io),
		live(unified),
		live(devices_in_force),
		live(many_device_rules),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

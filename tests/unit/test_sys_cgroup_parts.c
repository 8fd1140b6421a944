#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <linux/bpf.h>
#include <stdlib.h>
#include <string.h>

#include "sys/cgroup_impl.h"

/* The parts of sys/cgroup that need no kernel. */

static const char hybrid_text[] =
	"23 27 0:22 / /sys rw,relatime - sysfs sysfs rw\n"
	"32 31 0:29 / /sys/fs/cgroup/cpu,cpuacct rw,relatime shared:7 - cgroup cgroup rw,cpu,cpuacct\n"
	"33 31 0:30 /docker/abc /mnt/with\\040space rw - cgroup cgroup rw,xattr,memory\n"
	"34 31 0:30 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,xattr,memory\n"
	"40 31 0:37 / /sys/fs/cgroup/systemd rw,relatime - cgroup cgroup rw,xattr,name=systemd\n"
	"41 31 0:38 / /sys/fs/cgroup/unified rw,relatime - cgroup2 cgroup2 rw,nsdelegate\n"
	"42 31 0:39 / /cgroup rw - tmpfs tmpfs rw\n";

static void mountinfo_hybrid(void **state)
{
	struct cg_system s;

	(void)state;
	assert_int_equal(cg_parse_mountinfo(hybrid_text, &s), 0);
	assert_int_equal(cg_index(&s, "hugetlb pids"), 0);
	assert_int_equal(s.mode, CG_HYBRID);
	assert_int_equal(s.n, 4);
	assert_string_equal(s.h[0].name, "cpu,cpuacct");
	assert_int_equal(s.where[CG_CPU], 0);
	assert_int_equal(s.where[CG_CPUACCT], 0);
	/* the mount that shows the whole hierarchy wins */
	assert_string_equal(s.h[s.where[CG_MEMORY]].mount, "/sys/fs/cgroup/memory");
	assert_string_equal(s.h[s.where[CG_MEMORY]].root, "/");
	assert_string_equal(s.h[2].name, "name=systemd");
	assert_int_equal(s.v2, 3);
	assert_int_equal(s.where[CG_HUGETLB], 3);
	assert_int_equal(s.where[CG_PIDS], 3);
	assert_int_equal(s.where[CG_IO], -1);
	cg_system_clear(&s);
	assert_int_equal(s.mode, CG_NONE);
}

static void mountinfo_odd(void **state)
{
	static const struct {
		const char *text;
		enum cg_mode mode;
		size_t n;
	} rows[] = {
		{ "", CG_NONE, 0 },
		{ "garbage\n\n36 31 0:35\n", CG_NONE, 0 },
		{ "36 31 0:35 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw", CG_V2, 1 },
		{ "36 31 0:35 / /a rw - cgroup cgroup rw,pids\n", CG_V1, 1 },
		{ "36 31 0:35 / /a rw - cgroup cgroup\n", CG_NONE, 0 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct cg_system s;

		assert_int_equal(cg_parse_mountinfo(rows[i].text, &s), 0);
		assert_int_equal(cg_index(&s, ""), 0);
		assert_int_equal(s.mode, rows[i].mode);
		assert_int_equal(s.n, rows[i].n);
		cg_system_clear(&s);
	}
}

static void paths_of_processes(void **state)
{
	static const char text[] = "5:memory:/docker/abc/inner\n4:cpuacct,cpu:/x\n1:name=systemd:/s.slice\n0::/u/v\n";
	char name_cpu[] = "cpu,cpuacct", name_sd[] = "name=systemd", name_mem[] = "memory", none[] = "";
	char root[] = "/", docker[] = "/docker/abc", other[] = "/docker/ab", up[] = "/..";
	struct cg_hierarchy cpu = { .name = name_cpu, .root = root, .ctrls = 1U << CG_CPU | 1U << CG_CPUACCT };
	struct cg_hierarchy sd = { .name = name_sd, .root = root };
	struct cg_hierarchy mem = { .name = name_mem, .root = docker, .ctrls = 1U << CG_MEMORY };
	struct cg_hierarchy v2 = { .name = none, .root = root, .v2 = true };
	char out[64];

	(void)state;
	assert_int_equal(cg_line_path(text, &cpu, out, sizeof(out)), 0);
	assert_string_equal(out, "/x");
	assert_int_equal(cg_line_path(text, &sd, out, sizeof(out)), 0);
	assert_string_equal(out, "/s.slice");
	assert_int_equal(cg_line_path(text, &v2, out, sizeof(out)), 0);
	assert_string_equal(out, "/u/v");
	assert_int_equal(cg_line_path(text, &mem, out, sizeof(out)), 0);
	assert_string_equal(out, "/inner");
	mem.root = other;
	assert_int_equal(cg_line_path(text, &mem, out, sizeof(out)), -EXDEV);
	mem.root = up;
	assert_int_equal(cg_line_path(text, &mem, out, sizeof(out)), -EXDEV);
	assert_int_equal(cg_line_path("0::/\n", &v2, out, sizeof(out)), 0);
	assert_string_equal(out, "/");
	assert_int_equal(cg_line_path("0::/../other\n", &v2, out, sizeof(out)), -EXDEV);
	assert_int_equal(cg_line_path("7:pids:/\n", &v2, out, sizeof(out)), -ENOENT);
}

static void path_names(void **state)
{
	static const char *const bad[] = { "", "a", "/", "//", "/..", "/a/../b", "/a/.", "/a\nb" };
	char *out;

	(void)state;
	assert_int_equal(cg_normalise("//a///b.c/..d/", &out), 0);
	assert_string_equal(out, "/a/b.c/..d");
	free(out);
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		assert_int_equal(cg_normalise(bad[i], &out), -EINVAL);
}

static void conversions(void **state)
{
	struct err e;
	int64_t swap;

	(void)state;
	assert_int_equal(cg2_cpu_weight(2), 1);
	assert_int_equal(cg2_cpu_weight(1024), 100);
	assert_int_equal(cg2_cpu_weight(262144), 10000);
	assert_int_equal(cg2_cpu_weight(999999999), 10000);
	assert_int_equal(cg2_cpu_weight(512), 59);
	assert_int_equal(cg2_cpu_weight(0), 0);
	for (uint64_t s = 2; s < 262144; s++)
		assert_true(cg2_cpu_weight(s) >= 1 && cg2_cpu_weight(s) <= cg2_cpu_weight(s + 1));
	assert_int_equal(cg2_io_weight(10), 1);
	assert_int_equal(cg2_io_weight(500), 4950);
	assert_int_equal(cg2_io_weight(1000), 10000);

	assert_int_equal(cg2_swap(100, 300, &swap, &e), 0);
	assert_int_equal(swap, 200);
	assert_int_equal(cg2_swap(100, 100, &swap, &e), 0);
	assert_int_equal(swap, 0);
	assert_int_equal(cg2_swap(100, -1, &swap, &e), 0);
	assert_int_equal(swap, -1);
	assert_true(cg2_swap(300, 100, &swap, &e) < 0);
	assert_true(cg2_swap(-1, 100, &swap, &e) < 0);
}

/* ---- device rules: the program is run by a small interpreter ---- */

#define A(t, ma, mi, acc) { true, t, ma, mi, !!strchr(acc, 'r'), !!strchr(acc, 'w'), !!strchr(acc, 'm') }
#define D(t, ma, mi, acc) { false, t, ma, mi, !!strchr(acc, 'r'), !!strchr(acc, 'w'), !!strchr(acc, 'm') }

static bool jump_taken(const struct bpf_insn *i, const uint64_t *reg)
{
	bool w32 = BPF_CLASS(i->code) == BPF_JMP32;
	uint64_t a = w32 ? (uint32_t)reg[i->dst_reg] : reg[i->dst_reg];
	uint64_t b = w32 ? (uint32_t)i->imm : (uint64_t)(int64_t)i->imm;

	switch (BPF_OP(i->code)) {
	case BPF_JNE:
		return a != b;
	case BPF_JEQ:
		return a == b;
	default:
		fail_msg("jump %x is not known", i->code);
		return false;
	}
}

static void alu(const struct bpf_insn *i, uint64_t *reg)
{
	uint64_t v = BPF_SRC(i->code) == BPF_X ? reg[i->src_reg] : (uint64_t)(int64_t)i->imm;

	switch (BPF_OP(i->code)) {
	case BPF_MOV:
		reg[i->dst_reg] = v;
		break;
	case BPF_AND:
		reg[i->dst_reg] &= v;
		break;
	case BPF_RSH:
		reg[i->dst_reg] >>= v;
		break;
	default:
		fail_msg("operation %x is not known", i->code);
	}
}

static int interpret(const struct bpf_insn *insn, size_t n, const uint32_t ctx[3])
{
	uint64_t reg[11] = { 0 };

	for (size_t pc = 0; pc < n; pc++) {
		const struct bpf_insn *i = &insn[pc];

		switch (BPF_CLASS(i->code)) {
		case BPF_LDX:
			assert_int_equal(i->src_reg, 1);
			reg[i->dst_reg] = ctx[i->off / 4];
			break;
		case BPF_ALU64:
			alu(i, reg);
			break;
		case BPF_JMP:
		case BPF_JMP32:
			if (i->code == (BPF_JMP | BPF_EXIT))
				return (int)reg[0];
			if (jump_taken(i, reg))
				pc += (size_t)i->off;
			break;
		default:
			fail_msg("instruction %x is not known", i->code);
		}
	}
	fail_msg("the program runs over its end");
	return -1;
}

static bool allowed(const struct cg_device_rule *rules, size_t n, char type, uint32_t major, uint32_t minor,
		    const char *access)
{
	uint32_t bits = (strchr(access, 'r') ? BPF_DEVCG_ACC_READ : 0U) | (strchr(access, 'w') ? BPF_DEVCG_ACC_WRITE : 0U) |
			(strchr(access, 'm') ? BPF_DEVCG_ACC_MKNOD : 0U);
	uint32_t ctx[3] = { bits << 16 | (type == 'b' ? BPF_DEVCG_DEV_BLOCK : BPF_DEVCG_DEV_CHAR), major, minor };
	struct cg_device_list l;
	struct bpf_insn *insn;
	size_t n_insn;
	int r;

	assert_int_equal(cg_device_normalise(rules, n, &l), 0);
	assert_int_equal(cg_bpf_generate(&l, &insn, &n_insn), 0);
	r = interpret(insn, n_insn, ctx);
	free(insn);
	free(l.rules);
	return r;
}

static const struct cg_device_rule typical[] = {
	D('a', -1, -1, "rwm"), A('c', -1, -1, "m"), A('b', -1, -1, "m"), A('c', 1, 3, "rwm"), A('c', 136, -1, "rw"),
	A('b', 8, 0, "r"), A('b', 8, 0, "w"), D('c', 136, 7, "w"),
};

static void device_program(void **state)
{
	const struct cg_device_rule *t = typical;
	size_t n = ARRAY_LEN(typical);
	const struct cg_device_rule forgot_default[] = { A('c', 1, 3, "r") };
	const struct cg_device_rule late_all[] = { A('c', 1, 3, "r"), A('a', -1, -1, "rwm"), D('a', 10, -1, "w") };
	const struct cg_device_rule denies[] = { A('a', -1, -1, "rwm"), D('c', 1, 3, "r"), D('c', 1, 5, "r"), D('b', 1, 3, "w") };
	const struct cg_device_rule no_letters[] = { D('a', -1, -1, ""), A('c', 5, 5, "") };

	(void)state;
	assert_true(allowed(t, n, 'c', 1, 3, "rwm"));
	assert_true(allowed(t, n, 'c', 99, 3, "m"));
	assert_false(allowed(t, n, 'c', 99, 3, "rm"));
	assert_false(allowed(t, n, 'c', 1, 4, "r"));
	assert_false(allowed(t, n, 'b', 1, 3, "r"));
	assert_true(allowed(t, n, 'b', 8, 0, "rw")); /* bits of two rules */
	assert_false(allowed(t, n, 'b', 8, 1, "r"));
	assert_true(allowed(t, n, 'c', 136, 6, "rw"));
	assert_true(allowed(t, n, 'c', 136, 7, "r"));
	assert_false(allowed(t, n, 'c', 136, 7, "rw"));
	assert_false(allowed(forgot_default, 1, 'c', 1, 3, "rw"));
	assert_false(allowed(forgot_default, 1, 'c', 1, 5, "r"));
	assert_true(allowed(late_all, 3, 'c', 1, 3, "rwm"));
	assert_false(allowed(late_all, 3, 'b', 10, 200, "w"));
	assert_true(allowed(late_all, 3, 'b', 10, 200, "r"));
	assert_false(allowed(denies, 4, 'c', 1, 3, "r")); /* the longest program for its number of rules */
	assert_true(allowed(denies, 4, 'b', 1, 3, "r"));
	assert_true(allowed(no_letters, 2, 'c', 5, 5, "rwm"));
	assert_false(allowed(no_letters, 2, 'c', 5, 6, "r"));
}

/* What is to be told v1 when the list changes: the difference for one device. */
static void access_to_one_device(void **state)
{
	const struct cg_device_rule null = A('c', 1, 3, ""), tty7 = A('c', 136, 7, ""), disk = A('b', 8, 0, ""), other = A('c', 9, 9, "");
	const struct cg_device_rule *const devices[] = { &null, &tty7, &disk, &other };
	static const char *const want[] = { "rwm", "rm", "rwm", "m" };
	struct cg_device_list l;

	(void)state;
	assert_int_equal(cg_device_normalise(typical, ARRAY_LEN(typical), &l), 0);
	for (size_t i = 0; i < ARRAY_LEN(devices); i++) {
		struct cg_device_rule r = cg_device_access(&l, devices[i]);

		assert_int_equal(r.major, devices[i]->major);
		assert_int_equal(r.read, strchr(want[i], 'r') != NULL);
		assert_int_equal(r.write, strchr(want[i], 'w') != NULL);
		assert_int_equal(r.mknod, strchr(want[i], 'm') != NULL);
	}
	free(l.rules);
}

static void device_rules_v1_cannot_say(void **state)
{
	const struct cg_device_rule hole[] = { D('a', -1, -1, "rwm"), A('c', 1, -1, "rwm"), D('c', 1, 3, "w") };
	const struct cg_device_rule exact[] = { D('a', -1, -1, "rwm"), A('c', 1, 3, "rwm"), D('c', 1, 3, "w") };
	const struct cg_device_rule apart[] = { A('a', -1, -1, "rwm"), D('c', 1, -1, "rw"), A('c', 2, 3, "r") };
	struct cg_device_list l;
	struct err e;

	(void)state;
	assert_int_equal(cg_device_normalise(hole, 3, &l), 0);
	assert_true(cg_device_check_v1(&l, &e) < 0);
	assert_int_equal(e.cls, ERR_UNSUPPORTED);
	assert_non_null(strstr(e.msg, "c 1:3 w"));
	free(l.rules);
	assert_int_equal(cg_device_normalise(exact, 3, &l), 0);
	assert_int_equal(cg_device_check_v1(&l, &e), 0);
	free(l.rules);
	assert_int_equal(cg_device_normalise(apart, 3, &l), 0);
	assert_int_equal(cg_device_check_v1(&l, &e), 0);
	free(l.rules);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(mountinfo_hybrid),
		cmocka_unit_test(mountinfo_odd),
		cmocka_unit_test(paths_of_processes),
		cmocka_unit_test(path_names),
		cmocka_unit_test(conversions),
		cmocka_unit_test(device_program),
		cmocka_unit_test(access_to_one_device),
		cmocka_unit_test(device_rules_v1_cannot_say),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Device rules on v2: an eBPF program that the kernel runs at each open or mknod of a device node.
 *
 * The program walks the rules from the last to the first and keeps the access bits nobody has decided yet: a rule
 * that allows takes its bits out (none left: allowed), one that denies and still finds one of its bits refuses. What
 * is left at the end gets the default. That is "the last rule that matches decides, bit by bit".
 *
 * It is attached with BPF_F_ALLOW_MULTI, so it can only narrow what ancestors (systemd) allow and coexists with a
 * container's own programs. An update replaces our earlier program in one step; where several are attached, ours is
 * added before the old ones go, so there is no moment without a filter. No map, no log buffer: nothing outlives the
 * cgroup. kernel: Documentation/bpf/prog_cgroup_sockopt.rst's relatives, linux/bpf.h. */
#include "sys/cgroup_impl.h"

#include <fcntl.h>
#include <linux/bpf.h>
#include <string.h>
#include <sys/syscall.h>

/* r1 stays the context. Each rule reads its fields anew: values kept in registers would make the verifier follow one
 * state per known device through all later rules, and refuse long lists. */
enum { R_CTX = BPF_REG_1, R_FIELD, R_LEFT };

/* Instructions of the longest rule, of prologue and epilogue. */
#define RULE_INSNS 12
#define FRAME_INSNS 4
/* What the verifier's limit of a million steps surely has room for. */
#define MAX_RULES 1000
#define MAX_ATTACHED 64

struct prog {
	struct bpf_insn *insn;
	size_t n;
};

static void emit(struct prog *p, unsigned int code, unsigned int dst, unsigned int src, int off, int32_t imm)
{
	p->insn[p->n++] = (struct bpf_insn){
		.code = (uint8_t)code,
		.dst_reg = (uint8_t)(dst & 15),
		.src_reg = (uint8_t)(src & 15),
		.off = (int16_t)off,
		.imm = imm,
	};
}

static void emit_load(struct prog *p, unsigned int dst, size_t offset)
{
	emit(p, BPF_LDX | BPF_MEM | BPF_W, dst, R_CTX, (int)offset, 0);
}

static void emit_return(struct prog *p, int value)
{
	emit(p, BPF_ALU64 | BPF_MOV | BPF_K, BPF_REG_0, 0, 0, value);
	emit(p, BPF_JMP | BPF_EXIT, 0, 0, 0, 0);
}

static int access_bits(const struct cg_device_rule *r)
{
	return (r->read ? BPF_DEVCG_ACC_READ : 0) | (r->write ? BPF_DEVCG_ACC_WRITE : 0) |
	       (r->mknod ? BPF_DEVCG_ACC_MKNOD : 0);
}

/* Tests one field; the offset of its jump to the next rule is written when that place is known. */
static void emit_test(struct prog *p, size_t offset, int64_t value)
{
	emit_load(p, R_FIELD, offset);
	if (offset == offsetof(struct bpf_cgroup_dev_ctx, access_type)) /* the access is in the upper half */
		emit(p, BPF_ALU64 | BPF_AND | BPF_K, R_FIELD, 0, 0, 0xffff);
	emit(p, BPF_JMP32 | BPF_JNE | BPF_K, R_FIELD, 0, 0, (int32_t)value);
}

static void emit_rule(struct prog *p, const struct cg_device_rule *r)
{
	size_t start = p->n, tests;

	emit_test(p, offsetof(struct bpf_cgroup_dev_ctx, access_type),
		  r->type == 'b' ? BPF_DEVCG_DEV_BLOCK : BPF_DEVCG_DEV_CHAR);
	if (r->major >= 0)
		emit_test(p, offsetof(struct bpf_cgroup_dev_ctx, major), r->major);
	if (r->minor >= 0)
		emit_test(p, offsetof(struct bpf_cgroup_dev_ctx, minor), r->minor);
	tests = p->n;
	if (r->allow) {
		emit(p, BPF_ALU64 | BPF_AND | BPF_K, R_LEFT, 0, 0, ~access_bits(r));
		emit(p, BPF_JMP | BPF_JNE | BPF_K, R_LEFT, 0, 2, 0);
	} else {
		emit(p, BPF_ALU64 | BPF_MOV | BPF_X, R_FIELD, R_LEFT, 0, 0);
		emit(p, BPF_ALU64 | BPF_AND | BPF_K, R_FIELD, 0, 0, access_bits(r));
		emit(p, BPF_JMP | BPF_JEQ | BPF_K, R_FIELD, 0, 2, 0);
	}
	emit_return(p, r->allow);
	for (size_t i = start; i < tests; i++) {
		if (BPF_CLASS(p->insn[i].code) == BPF_JMP32)
			p->insn[i].off = (int16_t)(p->n - i - 1);
	}
}

int cg_bpf_generate(const struct cg_device_list *l, struct bpf_insn **out, size_t *n)
{
	struct prog p = { NULL, 0 };

	if (l->n > MAX_RULES)
		return -E2BIG;
	p.insn = calloc(l->n * RULE_INSNS + FRAME_INSNS, sizeof(*p.insn));
	if (!p.insn)
		return -ENOMEM;
	emit_load(&p, R_LEFT, offsetof(struct bpf_cgroup_dev_ctx, access_type));
	emit(&p, BPF_ALU64 | BPF_RSH | BPF_K, R_LEFT, 0, 0, 16);
	for (size_t i = l->n; i-- > 0;)
		emit_rule(&p, &l->rules[i]);
	emit_return(&p, l->allow);
	*out = p.insn;
	*n = p.n;
	return 0;
}

static int sys_bpf(int cmd, union bpf_attr *attr)
{
	long r;

	do
		r = syscall(SYS_bpf, cmd, attr, sizeof(*attr));
	while (r < 0 && errno == EAGAIN);
	return r < 0 ? -errno : (int)r;
}

static int load(const struct bpf_insn *insn, size_t n)
{
	union bpf_attr attr = { 0 };

	attr.prog_type = BPF_PROG_TYPE_CGROUP_DEVICE;
	attr.insns = (uint64_t)(uintptr_t)insn;
	attr.insn_cnt = (uint32_t)n;
	attr.license = (uint64_t)(uintptr_t)"MIT";
	memcpy(attr.prog_name, "tare_devices", sizeof("tare_devices"));
	return sys_bpf(BPF_PROG_LOAD, &attr);
}

/* The ids of the programs attached to this very cgroup. */
static int query(int cgroup, uint32_t ids[MAX_ATTACHED], uint32_t *n)
{
	union bpf_attr attr = { 0 };
	int r;

	attr.query.target_fd = (uint32_t)cgroup;
	attr.query.attach_type = BPF_CGROUP_DEVICE;
	attr.query.prog_ids = (uint64_t)(uintptr_t)ids;
	attr.query.prog_cnt = MAX_ATTACHED;
	r = sys_bpf(BPF_PROG_QUERY, &attr);
	*n = attr.query.prog_cnt;
	return r;
}

static int program_by_id(uint32_t id)
{
	union bpf_attr attr = { 0 };

	attr.prog_id = id;
	return sys_bpf(BPF_PROG_GET_FD_BY_ID, &attr);
}

static int attach(int cgroup, int prog, int replaced)
{
	union bpf_attr attr = { 0 };

	attr.target_fd = (uint32_t)cgroup;
	attr.attach_bpf_fd = (uint32_t)prog;
	attr.attach_type = BPF_CGROUP_DEVICE;
	attr.attach_flags = BPF_F_ALLOW_MULTI;
	if (replaced >= 0) {
		attr.attach_flags |= BPF_F_REPLACE;
		attr.replace_bpf_fd = (uint32_t)replaced;
	}
	return sys_bpf(BPF_PROG_ATTACH, &attr);
}

static int detach(int cgroup, int prog)
{
	union bpf_attr attr = { 0 };

	attr.target_fd = (uint32_t)cgroup;
	attr.attach_bpf_fd = (uint32_t)prog;
	attr.attach_type = BPF_CGROUP_DEVICE;
	return sys_bpf(BPF_PROG_DETACH, &attr);
}

/* prog takes the place of whatever is attached. */
static int install(int cgroup, int prog)
{
	uint32_t ids[MAX_ATTACHED], n = 0;
	int r = query(cgroup, ids, &n);

	if (r < 0)
		return r;
	if (n == 1) {
		CLEANUP_FD int old = program_by_id(ids[0]);

		return old < 0 ? old : attach(cgroup, prog, old);
	}
	r = attach(cgroup, prog, -1);
	for (uint32_t i = 0; r == 0 && i < n; i++) {
		CLEANUP_FD int old = program_by_id(ids[i]);

		r = old < 0 ? old : detach(cgroup, old);
	}
	return r;
}

int cg2_devices(const struct cg_dir *d, const struct cg_resources *r, struct err *e)
{
	CLEANUP_FD int prog = -1, cgroup = openat(d->fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	CLEANUP_FREE struct bpf_insn *insn = NULL;
	struct cg_device_list l;
	int rc = cg_device_normalise(r->devices, r->n_devices, &l);
	CLEANUP_FREE struct cg_device_rule *rules UNUSED = l.rules;
	size_t n;

	if (rc == 0)
		rc = cg_bpf_generate(&l, &insn, &n);
	if (rc < 0)
		return err_errno(e, rc, "make a program of %zu rules", r->n_devices);
	if (cgroup < 0)
		return err_errno(e, -errno, "open cgroup %s", d->cgroup);
	prog = load(insn, n);
	if (prog < 0)
		return err_errno(e, prog, "load the eBPF program for cgroup %s (needs CAP_BPF and CONFIG_CGROUP_BPF)",
				 d->cgroup);
	rc = install(cgroup, prog);
	return rc < 0 ? err_errno(e, rc, "attach the eBPF program to cgroup %s", d->cgroup) : 0;
}

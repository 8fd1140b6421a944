/* Why backwards: a BPF jump only goes forward, and a conditional one at most 255 instructions. Written from the end,
 * every target of a jump is already there and its distance known, so a far target just gets a stepping stone in front
 * of it (a `ja`, which reaches anywhere, or a copy of the `ret`) at the moment it is needed. No pass over the program
 * is needed afterwards. A position is the number of instructions from it to the end; the distance of a jump that is
 * about to be written is the difference of the lengths.
 *
 * Why a tree: the kernel runs the filter once per system call number when it is loaded (to learn which numbers are
 * always allowed) and at each call that is not, so the length of the path counts, not that of the program: about
 * log2(60) comparisons for a usual profile whose numbers fall into some 60 ranges, against 400 in a list.
 *
 * The accumulator: every instruction that loads it is written right after (so it runs right before) the jump that
 * looks at it; stepping stones are written before that jump and never come between the two. */
#include "runtime/seccomp_bpf.h"

#include <linux/seccomp.h>
#include <string.h>

#define REACH 255U

struct bpf_ret {
	uint32_t action;
	uint32_t position; /* of the `ret` written last */
	struct bpf_ret *next;
};

static bool grow(struct bpf *b)
{
	uint32_t cap = b->cap ? 2 * b->cap : 512;
	struct sock_filter *buf = cap <= BPF_MAXINSNS ? arena_array(b->arena, cap, sizeof(*buf)) : NULL;

	if (!buf)
		return false;
	if (b->n)
		memcpy(buf + cap - b->n, b->buf + b->cap - b->n, b->n * sizeof(*buf));
	b->buf = buf;
	b->cap = cap;
	return true;
}

static void put(struct bpf *b, unsigned int code, uint32_t jt, uint32_t jf, uint32_t k)
{
	if (b->n == b->cap && !grow(b)) {
		b->overflow = true;
		return;
	}
	b->buf[b->cap - 1 - b->n++] = (struct sock_filter){ (uint16_t)code, (uint8_t)jt, (uint8_t)jf, k };
}

static struct bpf_target written(const struct bpf *b)
{
	return (struct bpf_target){ .is_action = false, .to = b->n };
}

void bpf_load(struct bpf *b, uint32_t offset)
{
	put(b, BPF_LD | BPF_W | BPF_ABS, 0, 0, offset);
}

static struct bpf_ret *find_ret(struct bpf *b, uint32_t action)
{
	struct bpf_ret *r;

	for (r = b->rets; r; r = r->next)
		if (r->action == action)
			return r;
	r = arena_new(b->arena, struct bpf_ret);
	if (r) {
		*r = (struct bpf_ret){ .action = action, .next = b->rets };
		b->rets = r;
	}
	return r;
}

/* A position that leads to t and is at most `max` away from the next instruction but one. */
static uint32_t within(struct bpf *b, struct bpf_target t, uint32_t max)
{
	struct bpf_ret *r;

	if (!t.is_action) {
		if (b->n - t.to <= max)
			return t.to;
		put(b, BPF_JMP | BPF_JA, 0, 0, b->n - t.to);
		return b->n;
	}
	r = find_ret(b, t.to);
	if (r && r->position && b->n - r->position <= max)
		return r->position;
	put(b, BPF_RET | BPF_K, 0, 0, t.to);
	if (r)
		r->position = b->n;
	return b->n;
}

static struct bpf_target jump(struct bpf *b, unsigned int op, uint32_t k, struct bpf_target yes, struct bpf_target no)
{
	uint32_t jf = within(b, no, REACH - 1); /* one less: yes may need a stepping stone of its own */
	uint32_t jt = within(b, yes, REACH);

	put(b, BPF_JMP | op | BPF_K, b->n - jt, b->n - jf, k);
	return written(b);
}

struct bpf_target bpf_if_equal(struct bpf *b, uint32_t value, struct bpf_target yes, struct bpf_target no)
{
	return jump(b, BPF_JEQ, value, yes, no);
}

static uint32_t low(uint64_t v)
{
	return (uint32_t)v;
}

static uint32_t high(uint64_t v)
{
	return (uint32_t)(v >> 32);
}

static uint32_t low_offset(uint32_t arg)
{
	return (uint32_t)offsetof(struct seccomp_data, args) + 8 * arg; /* all our machines are little-endian */
}

bool bpf_cond_tests(const struct bpf_cond *c, bool wide)
{
	return wide ? c->mask != 0 : low(c->mask) != 0;
}

/* (word at offset & mask) == value. A mask of 0 tests nothing. */
static struct bpf_target test_masked(struct bpf *b, uint32_t offset, uint32_t mask, uint32_t value, struct bpf_target yes,
				     struct bpf_target no)
{
	if (mask == 0)
		return yes;
	jump(b, BPF_JEQ, value, yes, no);
	if (mask != UINT32_MAX)
		put(b, BPF_ALU | BPF_AND | BPF_K, 0, 0, mask);
	bpf_load(b, offset);
	return written(b);
}

/* op is BPF_JGT or BPF_JGE. The high words decide unless they are equal. */
static struct bpf_target test_greater(struct bpf *b, unsigned int op, const struct bpf_cond *c, bool wide,
				      struct bpf_target yes, struct bpf_target no)
{
	struct bpf_target lower;

	jump(b, op, low(c->value), yes, no);
	bpf_load(b, low_offset(c->arg));
	if (!wide)
		return written(b);
	lower = written(b);
	no = jump(b, BPF_JEQ, high(c->value), lower, no);
	jump(b, BPF_JGT, high(c->value), yes, no);
	bpf_load(b, low_offset(c->arg) + 4);
	return written(b);
}

static struct bpf_target test(struct bpf *b, const struct bpf_cond *c, bool wide, struct bpf_target yes,
			      struct bpf_target no)
{
	uint32_t at = low_offset(c->arg);
	struct bpf_target lower;

	switch (c->op) {
	case OCI_SCMP_CMP_GT:
		return test_greater(b, BPF_JGT, c, wide, yes, no);
	case OCI_SCMP_CMP_GE:
		return test_greater(b, BPF_JGE, c, wide, yes, no);
	case OCI_SCMP_CMP_LE:
		return test_greater(b, BPF_JGT, c, wide, no, yes);
	case OCI_SCMP_CMP_LT:
		return test_greater(b, BPF_JGE, c, wide, no, yes);
	case OCI_SCMP_CMP_NE:
		lower = test_masked(b, at, UINT32_MAX, low(c->value), no, yes);
		return wide ? test_masked(b, at + 4, UINT32_MAX, high(c->value), lower, yes) : lower;
	case OCI_SCMP_CMP_EQ:
	case OCI_SCMP_CMP_MASKED_EQ:
		break;
	}
	lower = test_masked(b, at, low(c->mask), low(c->value), yes, no);
	return wide ? test_masked(b, at + 4, high(c->mask), high(c->value), lower, no) : lower;
}

static struct bpf_target emit_leaf(struct bpf *b, const struct bpf_leaf *leaf)
{
	struct bpf_target next = BPF_ACTION(leaf->action);

	for (uint32_t i = leaf->n_rules; i-- > 0;) {
		const struct bpf_rule *rule = leaf->rules[i];
		struct bpf_target here = BPF_ACTION(rule->action);

		for (uint32_t c = rule->n_conds; c-- > 0;)
			if (bpf_cond_tests(&rule->conds[c], leaf->wide))
				here = test(b, &rule->conds[c], leaf->wide, here, next);
		next = here;
	}
	return next;
}

static bool same_action(const struct bpf_leaf *x, const struct bpf_leaf *y)
{
	return x->n_rules == 0 && y->n_rules == 0 && x->action == y->action;
}

/* Segments [from, to), whose numbers the caller's tests have narrowed to; the number is in the accumulator. */
static struct bpf_target emit_tree(struct bpf *b, const struct bpf_segment *segs, size_t from, size_t to)
{
	size_t middle = (from + to) / 2;
	struct bpf_target above, below;

	if (to - from == 1)
		return emit_leaf(b, &segs[from].leaf);
	/* one number amid others of one action: a single test instead of two */
	if (to - from == 3 && segs[from + 2].first - segs[from + 1].first == 1 &&
	    same_action(&segs[from].leaf, &segs[from + 2].leaf))
		return jump(b, BPF_JEQ, segs[from + 1].first, emit_leaf(b, &segs[from + 1].leaf),
			    BPF_ACTION(segs[from].leaf.action));
	above = emit_tree(b, segs, middle, to);
	below = emit_tree(b, segs, from, middle);
	return jump(b, BPF_JGE, segs[middle].first, above, below);
}

struct bpf_target bpf_tree(struct bpf *b, const struct bpf_segment *segs, size_t n)
{
	struct bpf_target root = emit_tree(b, segs, 0, n);

	/* a lone leaf does not look at the number */
	if (n == 1)
		return root;
	bpf_load(b, (uint32_t)offsetof(struct seccomp_data, nr));
	return written(b);
}

const struct sock_filter *bpf_finish(const struct bpf *b, size_t *n)
{
	if (b->overflow || arena_error(b->arena) < 0)
		return NULL;
	*n = b->n;
	return b->buf + b->cap - b->n;
}

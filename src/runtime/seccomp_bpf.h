/* Code generation for the seccomp compiler: decision trees and argument tests as classic BPF. Private to it. */
#ifndef TARE_RUNTIME_SECCOMP_BPF_H
#define TARE_RUNTIME_SECCOMP_BPF_H

#include <linux/filter.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "oci/spec.h"

/* A program being written from its end to its start; all but arena begins as 0. Overflow (more than BPF_MAXINSNS) and
 * lack of memory are sticky and told by bpf_finish(). */
struct bpf {
	struct arena *arena;
	struct sock_filter *buf;
	uint32_t n, cap; /* instructions so far fill the end of buf */
	bool overflow;
	struct bpf_ret *rets;
};

/* Where a test goes: to an action of the kernel, or to code that is already written. */
struct bpf_target {
	bool is_action;
	uint32_t to; /* SECCOMP_RET_… or a position counted from the end */
};

#define BPF_ACTION(a) ((struct bpf_target){ .is_action = true, .to = (a) })

/* One comparison of an argument; only the masked bits count. */
struct bpf_cond {
	uint32_t arg; /* 0-5 */
	enum oci_seccomp_op op;
	uint64_t mask, value; /* mask is all ones but for MASKED_EQ; value has no bit outside it */
};

/* All conditions hold: action. */
struct bpf_rule {
	uint32_t action;
	uint32_t n_conds;
	const struct bpf_cond *conds; /* ordered by argument */
};

/* What a range of call numbers leads to: rules tried in order and then `action`, or with no rules `action` alone.
 * wide: arguments are 64 bits, else their high halves are not looked at. */
struct bpf_leaf {
	uint32_t action;
	bool wide;
	uint32_t n_rules;
	const struct bpf_rule *const *rules;
};

/* The numbers from `first` up to the next segment's. */
struct bpf_segment {
	uint32_t first;
	struct bpf_leaf leaf;
};

/* Does the condition test anything in arguments of this width? (MASKED_EQ may have no bits left.) */
bool bpf_cond_tests(const struct bpf_cond *c, bool wide);

/* Loads the call's number and finds its segment; segs[0].first is 0. */
struct bpf_target bpf_tree(struct bpf *b, const struct bpf_segment *segs, size_t n);

/* Accumulator == value ? yes : no, in front of all that was written. */
struct bpf_target bpf_if_equal(struct bpf *b, uint32_t value, struct bpf_target yes, struct bpf_target no);

/* Loads the word at `offset` of struct seccomp_data and goes on with `next`, the instruction written last. */
void bpf_load(struct bpf *b, uint32_t offset);

/* The program; NULL when it did not fit or memory was short. */
const struct sock_filter *bpf_finish(const struct bpf *b, size_t *n);

#endif

/* libseccomp keeps the rules of a call as a tree: a level per comparison of a 32-bit word, siblings ordered by what
 * they compare, rules with a common beginning sharing it, and the first leaf reached in that order decides. Only the
 * order matters for the verdict, so here the tree is kept flat: a list in the tree's order, where the rules that
 * share their first words stand together. A new rule walks down: among the rules that share its words so far it looks
 * for the group with the same next word; without one it is put before the first sibling that ranks below it.
 *
 * Siblings rank by argument (higher first, its high word before its low one), then by comparison (equality, then
 * less, then greater), then by value (the narrower range first); equals stay in the profile's order. */
#include "runtime/seccomp_order.h"

struct word {
	uint32_t place; /* argument * 2 + (high word) */
	uint32_t test;  /* what instruction it will be: comparisons that are each other's opposite share one */
	uint32_t rank;
	uint32_t value, mask;
};

enum { TEST_EQUAL, TEST_MASKED, TEST_GREATER, TEST_GREATER_EQUAL };

static uint32_t test_of(enum oci_seccomp_op op, bool high)
{
	switch (op) {
	case OCI_SCMP_CMP_EQ:
	case OCI_SCMP_CMP_NE:
		return TEST_EQUAL;
	case OCI_SCMP_CMP_MASKED_EQ:
		return TEST_MASKED;
	case OCI_SCMP_CMP_GT:
	case OCI_SCMP_CMP_LE:
		return TEST_GREATER;
	case OCI_SCMP_CMP_GE:
	case OCI_SCMP_CMP_LT:
		break;
	}
	return high ? TEST_GREATER : TEST_GREATER_EQUAL;
}

enum { RANK_GREATER = 1, RANK_LESS, RANK_EQUAL };

static uint32_t rank_of(enum oci_seccomp_op op)
{
	if (op == OCI_SCMP_CMP_LT || op == OCI_SCMP_CMP_LE)
		return RANK_LESS;
	return op == OCI_SCMP_CMP_GT || op == OCI_SCMP_CMP_GE ? RANK_GREATER : RANK_EQUAL;
}

/* The rule's comparison number `depth`; false when it has fewer. */
static bool word_at(const struct bpf_rule *rule, uint32_t depth, bool wide, struct word *out)
{
	uint32_t words = wide ? 2 : 1;

	for (uint32_t i = 0; i < rule->n_conds; i++) {
		const struct bpf_cond *c = &rule->conds[i];
		bool high = wide && depth == 0;
		unsigned int shift = high ? 32 : 0;

		if (!bpf_cond_tests(c, wide))
			continue;
		if (depth < words) {
			*out = (struct word){ .place = c->arg * 2 + high,
					      .test = test_of(c->op, high),
					      .rank = rank_of(c->op),
					      .value = (uint32_t)(c->value >> shift),
					      .mask = (uint32_t)(c->mask >> shift) };
			return true;
		}
		depth -= words;
	}
	return false;
}

static bool same_word(const struct word *x, const struct word *y)
{
	return x->place == y->place && x->test == y->test && x->value == y->value && x->mask == y->mask;
}

static bool ranks_below(const struct word *x, const struct word *y)
{
	if (x->place != y->place)
		return x->place < y->place;
	if (x->rank != y->rank)
		return x->rank < y->rank;
	return x->rank == RANK_LESS ? x->value > y->value : x->value < y->value;
}

static bool same_tests(const struct bpf_rule *x, const struct bpf_rule *y, bool wide)
{
	struct word wx, wy;
	uint32_t depth = 0;
	uint32_t i = 0, j = 0;

	for (;; i++, j++) {
		while (i < x->n_conds && !bpf_cond_tests(&x->conds[i], wide))
			i++;
		while (j < y->n_conds && !bpf_cond_tests(&y->conds[j], wide))
			j++;
		if (i == x->n_conds || j == y->n_conds)
			return i == x->n_conds && j == y->n_conds;
		if (x->conds[i].op != y->conds[j].op)
			return false;
		for (uint32_t word = 0; word < (wide ? 2 : 1); word++, depth++)
			if (!word_at(x, depth, wide, &wx) || !word_at(y, depth, wide, &wy) || !same_word(&wx, &wy))
				return false;
	}
}

/* Where among rules[0..n) the new one goes. */
static uint32_t position(const struct bpf_rule *const *rules, uint32_t n, const struct bpf_rule *added, bool wide)
{
	uint32_t from = 0, to = n;
	struct word mine, other;

	for (uint32_t depth = 0; word_at(added, depth, wide, &mine); depth++) {
		uint32_t i = from, end;

		for (; i < to; i++) {
			if (!word_at(rules[i], depth, wide, &other))
				continue; /* a broader rule, tried before */
			if (same_word(&other, &mine))
				break;
			if (ranks_below(&other, &mine))
				return i;
		}
		if (i == to)
			return to;
		for (end = i + 1; end < to; end++)
			if (!word_at(rules[end], depth, wide, &other) || !same_word(&other, &mine))
				break;
		from = i;
		to = end;
	}
	return to;
}

int seccomp_order(const struct bpf_rule **rules, uint32_t n, bool wide)
{
	for (uint32_t i = 1; i < n; i++) {
		const struct bpf_rule *added = rules[i];
		uint32_t at;

		for (uint32_t j = 0; j < i; j++)
			if (rules[j]->action != added->action && same_tests(rules[j], added, wide))
				return -EEXIST;
		at = position(rules, i, added, wide);
		for (uint32_t j = i; j > at; j--)
			rules[j] = rules[j - 1];
		rules[at] = added;
	}
	return 0;
}

/* From a profile to segments: per ABI every call number gets a slot; the slots, read in order, become ranges of equal
 * verdict, and those a search tree (seccomp_bpf.c). Everything libseccomp and runc do by testing in sequence (the x32
 * bit, runc's ENOSYS above the highest number) is a range of the number here, so it costs nothing extra.
 *
 * The profile is trusted as far as memory safety goes only: it comes out of a config.json that a stranger may have
 * written, and its names, indexes and counts are checked here. What the filter lets through is the author's business.
 * The filter's attacker is the program in the container, which chooses number, architecture and argument registers:
 * so all 2^32 numbers of every architecture are covered, and arguments are compared in full width. */
#include "runtime/seccomp.h"

#include <linux/audit.h>
#include <linux/seccomp.h>
#include <string.h>

#include "runtime/seccomp_bpf.h"
#include "runtime/seccomp_order.h"
#include "sys/seccomp.h"

#define ACTION_BAD_ARCH 0U /* SECCOMP_RET_KILL_THREAD */
#define ACTION_ENOSYS (SECCOMP_RET_ERRNO | ENOSYS)
#define ARGS_MAX 6
#define ERRNO_MAX 4095U

/* Slots: as many as the table's numbers need, arm's private ones at the end. */
#define SLOTS (SC_PRIVATE + 16)
#define NR_SOCKETCALL 102
#define NR_IPC 117

/* All other names are other machines' (oci/spec.h refuses those that are nobody's). */
static const struct {
	const char *name;
	enum sc_abi abi;
} architectures[] = {
	{ "SCMP_ARCH_X86_64", SC_X86_64 },   { "SCMP_ARCH_X86", SC_X86 }, { "SCMP_ARCH_X32", SC_X32 },
	{ "SCMP_ARCH_AARCH64", SC_AARCH64 }, { "SCMP_ARCH_ARM", SC_ARM },
};

static const struct {
	const char *name;
	unsigned int flag;
} flag_names[] = {
	{ "SECCOMP_FILTER_FLAG_TSYNC", SECCOMP_FLAG_TSYNC },
	{ "SECCOMP_FILTER_FLAG_LOG", SECCOMP_FLAG_LOG },
	{ "SECCOMP_FILTER_FLAG_SPEC_ALLOW", SECCOMP_FLAG_SPEC_ALLOW },
	{ "SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV", SECCOMP_FLAG_WAIT_KILLABLE_RECV },
};

/* What one entry of the profile means. */
struct meaning {
	bool redundant; /* the default says the same: only the names count */
	uint32_t n_rules;
	const struct bpf_rule *rules;
};

/* One name of one entry. */
struct call {
	int row; /* in sc_table */
	uint32_t meaning;
};

struct pending {
	const struct bpf_rule *rule;
	struct pending *next;
};

/* What is known of one call number. Small, because every compilation clears hundreds of them. */
struct slot {
	bool used, fixed; /* fixed: an unconditional rule decided it */
	uint16_t n_rules;
	uint32_t action;
	struct pending *last; /* of a ring: last->next is the first */
};

struct compiler {
	struct arena *arena;
	const struct oci_seccomp *profile;
	uint32_t default_action;
	bool enosys; /* numbers above the highest named one give ENOSYS */
	struct meaning *meanings; /* one for each entry of the profile */
	struct call *calls;
	size_t n_names, n_calls;
	const char **unknown;
	size_t n_unknown;
	struct slot *slots;
	struct bpf_segment *segs;
	size_t n_segs, segs_cap;
	struct bpf bpf;
};

/* ---- the profile's parts ---- */

static int action_value(enum oci_seccomp_action action, bool has_errno, uint32_t errno_ret, uint32_t *out,
			struct err *e)
{
	static const uint32_t values[] = {
		[OCI_SCMP_KILL_THREAD] = SECCOMP_RET_KILL_THREAD, [OCI_SCMP_KILL_PROCESS] = SECCOMP_RET_KILL_PROCESS,
		[OCI_SCMP_TRAP] = SECCOMP_RET_TRAP,		  [OCI_SCMP_ERRNO] = SECCOMP_RET_ERRNO,
		[OCI_SCMP_TRACE] = SECCOMP_RET_TRACE,		  [OCI_SCMP_LOG] = SECCOMP_RET_LOG,
		[OCI_SCMP_NOTIFY] = SECCOMP_RET_USER_NOTIF,	  [OCI_SCMP_ALLOW] = SECCOMP_RET_ALLOW,
	};

	*out = values[action];
	if (action != OCI_SCMP_ERRNO && action != OCI_SCMP_TRACE)
		return 0;
	if (action == OCI_SCMP_ERRNO && has_errno && errno_ret > ERRNO_MAX)
		return err_set(e, ERR_INVALID, "errnoRet %u is no errno (at most %u)", errno_ret, ERRNO_MAX);
	*out |= (has_errno ? errno_ret : EPERM) & SECCOMP_RET_DATA;
	return 0;
}

static int parse_flags(const struct oci_seccomp *s, struct rt_seccomp *out, struct err *e)
{
	if (!s->flags)
		out->flags = SECCOMP_FLAG_SPEC_ALLOW;
	for (const char *const *f = s->flags; f && *f; f++) {
		size_t i = 0;

		while (i < ARRAY_LEN(flag_names) && strcmp(flag_names[i].name, *f) != 0)
			i++;
		if (i == ARRAY_LEN(flag_names))
			return err_set(e, ERR_UNSUPPORTED, "linux.seccomp.flags: %s is not known", *f);
		out->flags |= flag_names[i].flag;
	}
	for (size_t i = 0; i < s->n_rules; i++)
		if (s->rules[i].action == OCI_SCMP_NOTIFY)
			out->notify = true;
	if (out->notify && !s->listener_path)
		return err_set(e, ERR_INVALID, "linux.seccomp: SCMP_ACT_NOTIFY needs a listenerPath");
	if (out->flags & SECCOMP_FLAG_WAIT_KILLABLE_RECV && !out->notify)
		return err_set(e, ERR_INVALID,
			       "linux.seccomp.flags: SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV needs a rule with SCMP_ACT_NOTIFY");
	if (out->notify)
		out->flags |= SECCOMP_FLAG_NEW_LISTENER |
			      (out->flags & SECCOMP_FLAG_TSYNC ? SECCOMP_FLAG_TSYNC_ESRCH : 0);
	return 0;
}

/* The ABIs the filter answers, as a bit set. */
static unsigned int listed_abis(const struct oci_seccomp *s, enum sc_abi native)
{
	unsigned int machine = native == SC_X86_64 ? 1U << SC_X86_64 | 1U << SC_X86 | 1U << SC_X32
						   : 1U << SC_AARCH64 | 1U << SC_ARM;
	unsigned int abis = 1U << native;

	for (const char *const *a = s->architectures; a && *a; a++)
		for (size_t i = 0; i < ARRAY_LEN(architectures); i++)
			if (strcmp(architectures[i].name, *a) == 0)
				abis |= 1U << architectures[i].abi & machine;
	return abis;
}

/* The conditions of one rule, by argument; *repeated: an argument occurs twice. */
static int parse_conditions(const struct oci_seccomp_rule *r, struct bpf_cond *conds, bool *repeated, struct err *e)
{
	unsigned int seen = 0;

	*repeated = false;
	for (uint32_t i = 0; i < r->n_args; i++) {
		const struct oci_seccomp_arg *arg = &r->args[i];
		struct bpf_cond c = { .arg = arg->index, .op = arg->op, .mask = UINT64_MAX, .value = arg->value };
		uint32_t at = i;

		if (arg->index >= ARGS_MAX)
			return err_set(e, ERR_INVALID, "args[%u]: index %u is above 5", i, arg->index);
		if (arg->op == OCI_SCMP_CMP_MASKED_EQ) {
			c.mask = arg->value;
			c.value = arg->value_two & arg->value;
		}
		if (seen & 1U << arg->index)
			*repeated = true;
		seen |= 1U << arg->index;
		for (; at > 0 && conds[at - 1].arg > c.arg; at--)
			conds[at] = conds[at - 1];
		conds[at] = c;
	}
	return 0;
}

/* The rules one entry of the profile means: one, or one per condition when an argument occurs twice. */
static int make_rules(struct compiler *c, const struct oci_seccomp_rule *r, uint32_t action, struct meaning *out,
		      struct err *e)
{
	struct bpf_cond *conds = r->n_args ? arena_array(c->arena, r->n_args, sizeof(*conds)) : NULL;
	struct bpf_rule *rules;
	bool repeated;

	if (r->n_args && !conds)
		return err_set(e, ERR_INTERNAL, "out of memory");
	if (parse_conditions(r, conds, &repeated, e) < 0)
		return e->code;
	out->n_rules = repeated ? (uint32_t)r->n_args : 1;
	rules = arena_array(c->arena, out->n_rules, sizeof(*rules));
	if (!rules)
		return err_set(e, ERR_INTERNAL, "out of memory");
	for (uint32_t i = 0; i < out->n_rules; i++)
		rules[i] = repeated ? (struct bpf_rule){ action, 1, &conds[i] }
				    : (struct bpf_rule){ action, (uint32_t)r->n_args, conds };
	out->rules = rules;
	return 0;
}

static int add_name(struct compiler *c, const struct oci_seccomp_rule *r, uint32_t meaning, const char *name,
		    struct err *e)
{
	int row = sc_find(name, c->n_calls ? c->calls[c->n_calls - 1].row + 1 : 0);

	if (!*name)
		return err_set(e, ERR_INVALID, "a name is empty");
	if (r->action == OCI_SCMP_NOTIFY && strcmp(name, "write") == 0)
		return err_set(e, ERR_INVALID, "SCMP_ACT_NOTIFY cannot be used for write: the listener could not be sent");
	if (row >= 0) {
		c->calls[c->n_calls++] = (struct call){ row, meaning };
		return 0;
	}
	if (!c->unknown)
		c->unknown = arena_array(c->arena, c->n_names + 1, sizeof(*c->unknown));
	if (!c->unknown)
		return err_set(e, ERR_INTERNAL, "out of memory");
	c->unknown[c->n_unknown++] = name;
	return 0;
}

static int resolve_entry(struct compiler *c, uint32_t at, struct err *e)
{
	const struct oci_seccomp_rule *r = &c->profile->rules[at];
	uint32_t action;

	if (action_value(r->action, r->has_errno, r->errno_ret, &action, e) < 0)
		return e->code;
	c->meanings[at].redundant = action == c->default_action;
	if (make_rules(c, r, action, &c->meanings[at], e) < 0)
		return e->code;
	for (size_t i = 0; i < r->n_names; i++)
		if (add_name(c, r, at, r->names[i], e) < 0)
			return e->code;
	return 0;
}

static int resolve(struct compiler *c, struct err *e)
{
	const struct oci_seccomp *s = c->profile;

	if (s->default_action == OCI_SCMP_NOTIFY)
		return err_set(e, ERR_INVALID, "linux.seccomp.defaultAction: SCMP_ACT_NOTIFY cannot be the default");
	if (action_value(s->default_action, s->has_default_errno, s->default_errno_ret, &c->default_action, e) < 0)
		return err_ctx(e, "linux.seccomp.defaultErrnoRet");
	c->enosys = s->default_action != OCI_SCMP_ALLOW && s->default_action != OCI_SCMP_LOG &&
		    s->default_action != OCI_SCMP_TRACE;
	for (size_t i = 0; i < s->n_rules; i++)
		c->n_names += s->rules[i].n_names;
	c->meanings = arena_array(c->arena, s->n_rules + 1, sizeof(*c->meanings));
	c->calls = arena_array(c->arena, c->n_names + 1, sizeof(*c->calls));
	if (!c->meanings || !c->calls)
		return err_set(e, ERR_INTERNAL, "out of memory");
	for (uint32_t i = 0; i < s->n_rules; i++)
		if (resolve_entry(c, i, e) < 0)
			return err_ctx(e, "linux.seccomp.syscalls[%u]", i);
	return 0;
}

/* ---- slots ---- */

static bool is_wide(enum sc_abi abi)
{
	return abi == SC_X86_64 || abi == SC_AARCH64;
}

static bool tests_nothing(const struct bpf_rule *rule, bool wide)
{
	for (uint32_t i = 0; i < rule->n_conds; i++)
		if (bpf_cond_tests(&rule->conds[i], wide))
			return false;
	return true;
}

static void add_to_slot(struct compiler *c, int nr, const struct bpf_rule *rule, bool wide)
{
	struct slot *slot = nr >= 0 ? &c->slots[nr] : NULL;
	struct pending *p;

	if (!slot || slot->fixed)
		return;
	if (!slot->used)
		*slot = (struct slot){ .used = true, .action = c->default_action };
	if (tests_nothing(rule, wide)) {
		*slot = (struct slot){ .used = true, .fixed = true, .action = rule->action };
		return;
	}
	p = arena_new(c->arena, struct pending);
	if (!p)
		return; /* the arena remembers */
	p->rule = rule;
	p->next = slot->last ? slot->last->next : p;
	if (slot->last)
		slot->last->next = p;
	slot->last = p;
	if (slot->n_rules < UINT16_MAX) /* far more than fit into a program */
		slot->n_rules++;
}

/* The rule as it reads for socketcall(2) or ipc(2): argument 0 is the number of the call. */
static const struct bpf_rule *mux_rule(struct compiler *c, const struct bpf_rule *rule, uint32_t number)
{
	struct bpf_cond *conds = arena_array(c->arena, rule->n_conds + 1, sizeof(*conds));
	struct bpf_rule *out = arena_new(c->arena, struct bpf_rule);
	uint32_t n = 1;

	if (!conds || !out)
		return NULL;
	conds[0] = (struct bpf_cond){ .arg = 0, .op = OCI_SCMP_CMP_EQ, .mask = UINT64_MAX, .value = number };
	for (uint32_t i = 0; i < rule->n_conds; i++)
		if (rule->conds[i].arg != 0)
			conds[n++] = rule->conds[i];
	*out = (struct bpf_rule){ rule->action, n, conds };
	return out;
}

static void add_muxed(struct compiler *c, unsigned int mux, const struct meaning *m)
{
	for (uint32_t i = 0; i < m->n_rules; i++) {
		const struct bpf_rule *rule = mux_rule(c, &m->rules[i], mux & SC_MUX_NUMBER);

		if (rule)
			add_to_slot(c, mux & SC_MUX_IPC ? NR_IPC : NR_SOCKETCALL, rule, false);
	}
}

/* Fills the slots of one ABI; gives the highest number the profile names in it, 0 for none (and for read's 0, runc). */
static int fill_slots(struct compiler *c, enum sc_abi abi)
{
	int highest = 0;

	memset(c->slots, 0, SLOTS * sizeof(*c->slots));
	for (size_t i = 0; i < c->n_calls; i++) {
		const struct sc_row *row = &sc_table[c->calls[i].row];
		const struct meaning *m = &c->meanings[c->calls[i].meaning];
		unsigned int mux = abi == SC_X86 ? row->mux : 0;

		if (row->nr[abi] > highest && !mux)
			highest = row->nr[abi];
		if (m->redundant)
			continue;
		if (mux)
			add_muxed(c, mux, m);
		for (uint32_t r = 0; r < m->n_rules; r++)
			add_to_slot(c, row->nr[abi], &m->rules[r], is_wide(abi));
	}
	return highest;
}

/* ---- segments ---- */

static void add_segment(struct compiler *c, uint32_t first, const struct bpf_leaf *leaf)
{
	if (c->n_segs == c->segs_cap) {
		struct bpf_segment *more = arena_array(c->arena, 2 * c->segs_cap + 128, sizeof(*more));

		if (!more)
			return; /* the arena remembers */
		if (c->n_segs)
			memcpy(more, c->segs, c->n_segs * sizeof(*more));
		c->segs = more;
		c->segs_cap = 2 * c->segs_cap + 128;
	}
	c->segs[c->n_segs].first = first;
	c->segs[c->n_segs++].leaf = *leaf;
}

/* From first on: action; nothing to do when that is so already. */
static void add_action(struct compiler *c, uint32_t first, uint32_t action)
{
	const struct bpf_leaf *last = c->n_segs ? &c->segs[c->n_segs - 1].leaf : NULL;

	if (!last || last->n_rules > 0 || last->action != action)
		add_segment(c, first, &(struct bpf_leaf){ .action = action });
}

static int slot_leaf(struct compiler *c, const struct slot *slot, bool wide, struct bpf_leaf *out)
{
	const struct bpf_rule **rules;
	uint32_t n = 0;
	bool mixed = false;

	*out = (struct bpf_leaf){ .action = slot->action, .wide = wide };
	if (slot->n_rules == 0)
		return 0;
	rules = arena_array(c->arena, slot->n_rules, sizeof(*rules));
	if (!rules)
		return -ENOMEM;
	for (const struct pending *p = slot->last->next; n < slot->n_rules; p = p->next) {
		rules[n++] = p->rule;
		mixed = mixed || p->rule->action != rules[0]->action;
	}
	out->rules = rules;
	out->n_rules = n;
	return mixed ? seccomp_order(rules, n, wide) : 0;
}

static const char *call_name(enum sc_abi abi, int nr)
{
	for (size_t row = 0; row < SC_ROWS; row++)
		if (sc_table[row].nr[abi] == nr)
			return sc_table[row].name;
	return "?";
}

/* The numbers of one ABI from base on: its slots, and with *cut ENOSYS for all above the highest one named. */
static int add_abi(struct compiler *c, enum sc_abi abi, uint32_t base, bool *cut, struct err *e)
{
	int highest = fill_slots(c, abi);
	int end;

	*cut = c->enosys && highest > 0;
	end = *cut ? highest + 1 : SLOTS;
	for (int nr = 0; nr < end; nr++) {
		const struct slot *slot = &c->slots[nr];
		struct bpf_leaf leaf;
		int r;

		if (slot->n_rules == 0) {
			add_action(c, base + sc_kernel_number(nr), slot->used ? slot->action : c->default_action);
			continue;
		}
		r = slot_leaf(c, slot, is_wide(abi), &leaf);
		if (r == -EEXIST)
			return err_set(e, ERR_INVALID,
				       "linux.seccomp.syscalls: two rules of %s test the same and differ in their action",
				       call_name(abi, nr));
		if (r < 0)
			return err_set(e, ERR_INTERNAL, "out of memory");
		add_segment(c, base + sc_kernel_number(nr), &leaf);
	}
	add_action(c, base + sc_kernel_number(end - 1) + 1, *cut ? ACTION_ENOSYS : c->default_action);
	return 0;
}

/* x86_64 and x32 share one architecture and differ in bit 30 of the number. Number -1 is what a tracer sets to skip a
 * call, so it is never the wrong ABI. */
static int add_x86_64(struct compiler *c, bool x32, struct err *e)
{
	bool cut, cut32;

	if (add_abi(c, SC_X86_64, 0, &cut, e) < 0)
		return e->code;
	if (x32) {
		if (add_abi(c, SC_X32, SC_X32_BIT, &cut32, e) < 0)
			return e->code;
		add_action(c, 2 * SC_X32_BIT, cut ? ACTION_ENOSYS : c->default_action);
		add_action(c, 3 * SC_X32_BIT, cut32 ? ACTION_ENOSYS : c->default_action);
		return 0;
	}
	add_action(c, SC_X32_BIT, ACTION_BAD_ARCH);
	add_action(c, 2 * SC_X32_BIT, cut ? ACTION_ENOSYS : ACTION_BAD_ARCH);
	add_action(c, 3 * SC_X32_BIT, ACTION_BAD_ARCH);
	add_action(c, UINT32_MAX, c->default_action);
	return 0;
}

static int emit_abi(struct compiler *c, enum sc_abi abi, bool x32, struct bpf_target *entry, struct err *e)
{
	bool cut;
	int r;

	c->n_segs = 0;
	r = abi == SC_X86_64 ? add_x86_64(c, x32, e) : add_abi(c, abi, 0, &cut, e);
	if (r < 0)
		return r;
	if (arena_error(c->arena) < 0)
		return err_set(e, ERR_INTERNAL, "out of memory");
	*entry = bpf_tree(&c->bpf, c->segs, c->n_segs);
	return 0;
}

static int emit(struct compiler *c, enum sc_abi native, unsigned int abis, struct err *e)
{
	/* the other ABI of the machine is written first and so ends up behind, further from the entry */
	const struct {
		enum sc_abi abi;
		uint32_t audit;
	} order[] = {
		{ SC_ARM, AUDIT_ARCH_ARM },
		{ SC_AARCH64, AUDIT_ARCH_AARCH64 },
		{ SC_X86, AUDIT_ARCH_I386 },
		{ SC_X86_64, AUDIT_ARCH_X86_64 },
	};
	struct bpf_target entries[ARRAY_LEN(order)], next = BPF_ACTION(ACTION_BAD_ARCH);

	for (size_t i = 0; i < ARRAY_LEN(order); i++)
		if (abis & 1U << order[i].abi &&
		    emit_abi(c, order[i].abi, native == SC_X86_64 && abis & 1U << SC_X32, &entries[i], e) < 0)
			return e->code;
	for (size_t i = 0; i < ARRAY_LEN(order); i++)
		if (abis & 1U << order[i].abi)
			next = bpf_if_equal(&c->bpf, order[i].audit, entries[i], next);
	bpf_load(&c->bpf, (uint32_t)offsetof(struct seccomp_data, arch));
	return 0;
}

int rt_seccomp_compile_for(struct arena *a, enum sc_abi native, const struct oci_seccomp *s, struct rt_seccomp *out,
			   struct err *e)
{
	struct compiler *c = arena_new(a, struct compiler);

	*out = (struct rt_seccomp){ 0 };
	if (!c)
		return err_set(e, ERR_INTERNAL, "out of memory");
	c->arena = a;
	c->profile = s;
	c->bpf.arena = a;
	c->slots = arena_array(a, SLOTS, sizeof(*c->slots));
	if (!c->slots)
		return err_set(e, ERR_INTERNAL, "out of memory");
	if (parse_flags(s, out, e) < 0 || resolve(c, e) < 0 || emit(c, native, listed_abis(s, native), e) < 0)
		return e->code;
	out->insns = bpf_finish(&c->bpf, &out->n);
	if (!out->insns && arena_error(a) < 0)
		return err_set(e, ERR_INTERNAL, "out of memory");
	if (!out->insns)
		return err_set(e, ERR_LIMIT, "linux.seccomp: the filter needs more than %d instructions", BPF_MAXINSNS);
	out->unknown = c->unknown;
	out->n_unknown = c->n_unknown;
	return 0;
}

int rt_seccomp_compile(struct arena *a, const struct oci_seccomp *s, struct rt_seccomp *out, struct err *e)
{
#if defined(__x86_64__)
	return rt_seccomp_compile_for(a, SC_X86_64, s, out, e);
#elif defined(__aarch64__)
	return rt_seccomp_compile_for(a, SC_AARCH64, s, out, e);
#else
#error "the seccomp compiler knows x86_64 and aarch64"
#endif
}

/* Judges of a seccomp program, shared by the tests of the compiler and of the default profile: a BPF machine, a plain
 * model of what a profile means (written down once more, the slow way), and libseccomp driven as runc drives it. */
#ifndef TARE_TESTS_SECCOMP_JUDGES_H
#define TARE_TESTS_SECCOMP_JUDGES_H

#include <errno.h>
#include <linux/audit.h>
#include <linux/seccomp.h>
#include <seccomp.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

#include "runtime/seccomp.h"

#define LIMIT_INSNS 65536

/* ---- chance, from a seed in rng_state, which is not 0 ---- */

static uint64_t rng_state = 1;

static inline uint64_t rng(void)
{
	rng_state ^= rng_state << 13;
	rng_state ^= rng_state >> 7;
	rng_state ^= rng_state << 17;
	return rng_state;
}

/* ---- a BPF machine ---- */

struct program {
	const struct sock_filter *insns;
	size_t n;
};

static uint32_t run(const struct program *p, const struct seccomp_data *d)
{
	uint32_t acc = 0;
	size_t pc = 0;

	for (;;) {
		const struct sock_filter *i = &p->insns[pc];
		bool yes = false;

		assert_true(pc < p->n);
		pc++;
		switch (i->code) {
		case BPF_LD | BPF_W | BPF_ABS:
			assert_true(i->k % 4 == 0 && i->k < sizeof(*d));
			memcpy(&acc, (const char *)d + i->k, 4);
			continue;
		case BPF_ALU | BPF_AND | BPF_K:
			acc &= i->k;
			continue;
		case BPF_RET | BPF_K:
			return i->k;
		case BPF_JMP | BPF_JA:
			pc += i->k;
			continue;
		case BPF_JMP | BPF_JEQ | BPF_K:
			yes = acc == i->k;
			break;
		case BPF_JMP | BPF_JGT | BPF_K:
			yes = acc > i->k;
			break;
		case BPF_JMP | BPF_JGE | BPF_K:
			yes = acc >= i->k;
			break;
		default:
			fail_msg("instruction %x", i->code);
		}
		pc += yes ? i->jt : i->jf;
	}
}

/* ---- the model ---- */

static uint32_t action_of(enum oci_seccomp_action a, bool has, uint32_t errno_ret)
{
	switch (a) {
	case OCI_SCMP_KILL_THREAD:
		return SECCOMP_RET_KILL_THREAD;
	case OCI_SCMP_KILL_PROCESS:
		return SECCOMP_RET_KILL_PROCESS;
	case OCI_SCMP_TRAP:
		return SECCOMP_RET_TRAP;
	case OCI_SCMP_ERRNO:
		return SECCOMP_RET_ERRNO | (has ? errno_ret : EPERM);
	case OCI_SCMP_TRACE:
		return SECCOMP_RET_TRACE | (has ? errno_ret : EPERM);
	case OCI_SCMP_LOG:
		return SECCOMP_RET_LOG;
	case OCI_SCMP_NOTIFY:
		return SECCOMP_RET_USER_NOTIF;
	case OCI_SCMP_ALLOW:
		break;
	}
	return SECCOMP_RET_ALLOW;
}

static uint32_t default_of(const struct oci_seccomp *s)
{
	return action_of(s->default_action, s->has_default_errno, s->default_errno_ret);
}

static bool lists(const struct oci_seccomp *s, const char *arch)
{
	for (const char *const *a = s->architectures; a && *a; a++)
		if (strcmp(*a, arch) == 0)
			return true;
	return false;
}

static bool holds(const struct oci_seccomp_arg *arg, const uint64_t *args, bool wide)
{
	uint64_t cut = wide ? UINT64_MAX : UINT32_MAX, v = args[arg->index] & cut, want = arg->value & cut;

	switch (arg->op) {
	case OCI_SCMP_CMP_NE:
		return v != want;
	case OCI_SCMP_CMP_LT:
		return v < want;
	case OCI_SCMP_CMP_LE:
		return v <= want;
	case OCI_SCMP_CMP_EQ:
		return v == want;
	case OCI_SCMP_CMP_GE:
		return v >= want;
	case OCI_SCMP_CMP_GT:
		return v > want;
	case OCI_SCMP_CMP_MASKED_EQ:
		break;
	}
	return (v & want) == (arg->value_two & want);
}

static bool tests_nothing(const struct oci_seccomp_arg *arg, bool wide)
{
	return arg->op == OCI_SCMP_CMP_MASKED_EQ && (wide ? arg->value : (uint32_t)arg->value) == 0;
}

static bool repeats(const struct oci_seccomp_rule *r)
{
	for (size_t i = 0; i < r->n_args; i++)
		for (size_t j = i + 1; j < r->n_args; j++)
			if (r->args[i].index == r->args[j].index)
				return true;
	return false;
}

enum match { NO, YES, ALWAYS };

/* skip0: argument 0 is not looked at (it is the number of a multiplexed call). */
static enum match matches(const struct oci_seccomp_rule *r, const uint64_t *args, bool wide, bool skip0)
{
	bool any = repeats(r), all = true, some = false, always = true;

	for (size_t i = 0; i < r->n_args; i++) {
		bool nothing = tests_nothing(&r->args[i], wide);

		if (skip0 && r->args[i].index == 0) {
			some = true;
			continue;
		}
		if (any && nothing)
			return skip0 ? YES : ALWAYS;
		always = always && nothing;
		if (holds(&r->args[i], args, wide))
			some = true;
		else
			all = false;
	}
	if (!skip0 && (r->n_args == 0 || always))
		return ALWAYS;
	return (any ? some : all) ? YES : NO;
}

static const char *const socket_calls[] = { "socket",	  "bind",     "connect",    "listen",	  "accept",
					    "getsockname", "getpeername", "socketpair", "send",	  "recv",
					    "sendto",	  "recvfrom", "shutdown",   "setsockopt", "getsockopt",
					    "sendmsg",	  "recvmsg",  "accept4",    "recvmmsg",	  "sendmmsg" };
static const struct {
	const char *name;
	uint32_t number;
} ipc_calls[] = { { "semop", 1 },   { "semget", 2 },  { "semctl", 3 },	{ "semtimedop", 4 }, { "msgsnd", 11 }, { "msgrcv", 12 },
		  { "msgget", 13 }, { "msgctl", 14 }, { "shmat", 21 }, { "shmdt", 22 },	    { "shmget", 23 }, { "shmctl", 24 } };

static uint32_t mux_number(const char *name, int *through)
{
	for (uint32_t i = 0; i < ARRAY_LEN(socket_calls); i++)
		if (strcmp(name, socket_calls[i]) == 0) {
			*through = 102;
			return i + 1;
		}
	for (uint32_t i = 0; i < ARRAY_LEN(ipc_calls); i++)
		if (strcmp(name, ipc_calls[i].name) == 0) {
			*through = 117;
			return ipc_calls[i].number;
		}
	*through = -1;
	return 0;
}

/* Resolved once per profile and ABI: the numbers of all names, in the profile's order. */
struct resolved {
	const struct oci_seccomp_rule *rule;
	int nr[SC_ABIS];
	int through; /* x86's multiplexer */
	uint32_t number;
};

struct model {
	const struct oci_seccomp *s;
	struct resolved *calls;
	size_t n;
	int highest[SC_ABIS];
};

static void model_init(struct model *m, struct arena *a, const struct oci_seccomp *s)
{
	size_t n = 0;

	for (size_t i = 0; i < s->n_rules; i++)
		n += s->rules[i].n_names;
	*m = (struct model){ .s = s, .calls = arena_array(a, n + 1, sizeof(*m->calls)) };
	for (size_t i = 0; i < s->n_rules; i++)
		for (size_t j = 0; j < s->rules[i].n_names; j++) {
			struct resolved *c = &m->calls[m->n];
			int row = sc_find(s->rules[i].names[j], 0);

			if (row < 0)
				continue;
			m->n++;
			c->rule = &s->rules[i];
			for (int abi = 0; abi < SC_ABIS; abi++) {
				int nr = sc_table[row].nr[abi];

				c->nr[abi] = nr < 0 ? -1 : (int)sc_kernel_number(nr);
			}
			c->number = mux_number(s->rules[i].names[j], &c->through);
			for (int abi = 0; abi < SC_ABIS; abi++)
				if (c->nr[abi] > m->highest[abi] && !(abi == SC_X86 && c->through >= 0))
					m->highest[abi] = c->nr[abi];
		}
}

static bool permissive(const struct oci_seccomp *s)
{
	return s->default_action == OCI_SCMP_ALLOW || s->default_action == OCI_SCMP_LOG ||
	       s->default_action == OCI_SCMP_TRACE;
}

/* runc's addition in front of the filter. */
static bool is_enosys(const struct model *m, enum sc_abi native, const struct seccomp_data *d)
{
	uint32_t nr = (uint32_t)d->nr;
	enum sc_abi abi = native;

	if (permissive(m->s))
		return false;
	if (native == SC_AARCH64) {
		if (d->arch == AUDIT_ARCH_ARM && lists(m->s, "SCMP_ARCH_ARM"))
			abi = SC_ARM;
		else if (d->arch != AUDIT_ARCH_AARCH64)
			return false;
	} else if (d->arch == AUDIT_ARCH_I386) {
		if (!lists(m->s, "SCMP_ARCH_X86"))
			return false;
		abi = SC_X86;
	} else if (d->arch != AUDIT_ARCH_X86_64) {
		return false;
	} else if (nr & SC_X32_BIT) {
		if (!lists(m->s, "SCMP_ARCH_X32") || m->highest[SC_X32] == 0)
			return false;
		return nr > ((uint32_t)m->highest[SC_X32] | SC_X32_BIT);
	}
	return m->highest[abi] > 0 && nr > (uint32_t)m->highest[abi];
}

/* The filter's verdict for one ABI, for profiles whose calls have one action each. */
static uint32_t model_abi(const struct model *m, enum sc_abi abi, int nr, const uint64_t *args)
{
	uint32_t verdict = default_of(m->s);
	bool wide = abi == SC_X86_64 || abi == SC_AARCH64, matched = false;

	for (size_t i = 0; i < m->n; i++) {
		const struct resolved *c = &m->calls[i];
		uint32_t action = action_of(c->rule->action, c->rule->has_errno, c->rule->errno_ret);
		enum match how = NO;

		if (action == default_of(m->s))
			continue;
		if (nr >= 0 && nr == c->nr[abi])
			how = matches(c->rule, args, wide, false);
		else if (abi == SC_X86 && c->through >= 0 && nr == c->through && c->number == (uint32_t)args[0])
			how = matches(c->rule, args, wide, true);
		if (how == ALWAYS)
			return action;
		if (how == YES && !matched) {
			verdict = action;
			matched = true;
		}
	}
	return verdict;
}

static uint32_t model_verdict(const struct model *m, enum sc_abi native, const struct seccomp_data *d)
{
	const uint64_t *args = (const uint64_t *)d->args;
	uint32_t nr = (uint32_t)d->nr;

	if (is_enosys(m, native, d))
		return SECCOMP_RET_ERRNO | ENOSYS;
	if (native == SC_AARCH64) {
		if (d->arch == AUDIT_ARCH_AARCH64)
			return model_abi(m, SC_AARCH64, d->nr, args);
		return d->arch == AUDIT_ARCH_ARM && lists(m->s, "SCMP_ARCH_ARM") ? model_abi(m, SC_ARM, d->nr, args) : 0;
	}
	if (d->arch == AUDIT_ARCH_I386)
		return lists(m->s, "SCMP_ARCH_X86") ? model_abi(m, SC_X86, d->nr, args) : 0;
	if (d->arch != AUDIT_ARCH_X86_64)
		return 0;
	if (nr < SC_X32_BIT)
		return model_abi(m, SC_X86_64, d->nr, args);
	if (!lists(m->s, "SCMP_ARCH_X32"))
		return nr == UINT32_MAX ? default_of(m->s) : 0;
	return nr < 2 * SC_X32_BIT ? model_abi(m, SC_X32, (int)(nr - SC_X32_BIT), args) : default_of(m->s);
}

/* ---- libseccomp as runc uses it ---- */

static int oracle_cond(const struct oci_seccomp_arg *arg, struct scmp_arg_cmp *out)
{
	static const enum scmp_compare ops[] = {
		[OCI_SCMP_CMP_NE] = SCMP_CMP_NE, [OCI_SCMP_CMP_LT] = SCMP_CMP_LT, [OCI_SCMP_CMP_LE] = SCMP_CMP_LE,
		[OCI_SCMP_CMP_EQ] = SCMP_CMP_EQ, [OCI_SCMP_CMP_GE] = SCMP_CMP_GE, [OCI_SCMP_CMP_GT] = SCMP_CMP_GT,
		[OCI_SCMP_CMP_MASKED_EQ] = SCMP_CMP_MASKED_EQ,
	};

	*out = (struct scmp_arg_cmp){ arg->index, ops[arg->op], arg->value, arg->value_two };
	return 0;
}

static int oracle_rule(scmp_filter_ctx ctx, const struct oci_seccomp_rule *r, const char *name, uint32_t action)
{
	struct scmp_arg_cmp conds[16];
	int nr = seccomp_syscall_resolve_name(name), rc = 0;

	if (nr == __NR_SCMP_ERROR)
		return 0;
	for (size_t i = 0; i < r->n_args; i++)
		oracle_cond(&r->args[i], &conds[i]);
	if (!repeats(r))
		return seccomp_rule_add_array(ctx, action, nr, (unsigned int)r->n_args, conds);
	for (size_t i = 0; i < r->n_args && rc == 0; i++)
		rc = seccomp_rule_add_array(ctx, action, nr, 1, &conds[i]);
	return rc;
}

/* The program libseccomp makes of the profile; false when it refuses a rule. */
static bool oracle(const struct oci_seccomp *s, enum sc_abi native, unsigned int optimize, struct program *out)
{
	static struct sock_filter insns[LIMIT_INSNS];
	scmp_filter_ctx ctx = seccomp_init(default_of(s));
	int fd = memfd_create("bpf", MFD_CLOEXEC), rc = 0;
	ssize_t got;

	assert_non_null(ctx);
	if (native == SC_AARCH64) {
		assert_int_equal(seccomp_arch_add(ctx, SCMP_ARCH_AARCH64), 0);
		assert_int_equal(seccomp_arch_remove(ctx, SCMP_ARCH_X86_64), 0);
		if (lists(s, "SCMP_ARCH_ARM"))
			assert_int_equal(seccomp_arch_add(ctx, SCMP_ARCH_ARM), 0);
	} else {
		if (lists(s, "SCMP_ARCH_X86"))
			assert_int_equal(seccomp_arch_add(ctx, SCMP_ARCH_X86), 0);
		if (lists(s, "SCMP_ARCH_X32"))
			assert_int_equal(seccomp_arch_add(ctx, SCMP_ARCH_X32), 0);
	}
	assert_int_equal(seccomp_attr_set(ctx, SCMP_FLTATR_CTL_OPTIMIZE, optimize), 0);
	for (size_t i = 0; i < s->n_rules && rc == 0; i++) {
		const struct oci_seccomp_rule *r = &s->rules[i];
		uint32_t action = action_of(r->action, r->has_errno, r->errno_ret);

		for (size_t j = 0; j < r->n_names && rc == 0 && action != default_of(s); j++)
			rc = oracle_rule(ctx, r, r->names[j], action);
	}
	if (rc == 0)
		assert_int_equal(seccomp_export_bpf(ctx, fd), 0);
	seccomp_release(ctx);
	got = pread(fd, insns, sizeof(insns), 0);
	close(fd);
	*out = (struct program){ insns, (size_t)got / sizeof(*insns) };
	return rc == 0;
}

/* ---- the comparison ---- */

static void print_profile(const struct oci_seccomp *s)
{
	printf("# default %x\n", default_of(s));
	for (const char *const *a = s->architectures; a && *a; a++)
		printf("# %s\n", *a);
	for (size_t i = 0; i < s->n_rules; i++) {
		const struct oci_seccomp_rule *r = &s->rules[i];

		printf("# %x:", action_of(r->action, r->has_errno, r->errno_ret));
		for (size_t j = 0; j < r->n_names; j++)
			printf(" %s", r->names[j]);
		for (size_t j = 0; j < r->n_args; j++)
			printf(" [%u op%d %llx %llx]", r->args[j].index, r->args[j].op,
			       (unsigned long long)r->args[j].value, (unsigned long long)r->args[j].value_two);
		printf("\n");
	}
}

struct trial {
	const struct oci_seccomp *s;
	enum sc_abi native;
	struct model model;
	bool has_model, only_wide; /* only_wide: libseccomp is not asked about 32-bit ABIs */
	struct program ours, theirs;
};

static void compare(const struct trial *t, const struct seccomp_data *d)
{
	uint32_t ours = run(&t->ours, d), model = ours, theirs = ours;

	if (t->has_model)
		model = model_verdict(&t->model, t->native, d);
	if (t->theirs.n && (!t->only_wide || (d->arch & __AUDIT_ARCH_64BIT && (uint32_t)d->nr < SC_X32_BIT)))
		theirs = is_enosys(&t->model, t->native, d) ? SECCOMP_RET_ERRNO | ENOSYS : run(&t->theirs, d);
	if (ours == model && ours == theirs)
		return;
	print_profile(t->s);
	fail_msg("arch %x nr %d (%x) args %llx %llx %llx %llx %llx %llx: ours %x, model %x, libseccomp %x", d->arch, d->nr,
		 (unsigned int)d->nr, (unsigned long long)d->args[0], (unsigned long long)d->args[1],
		 (unsigned long long)d->args[2], (unsigned long long)d->args[3], (unsigned long long)d->args[4],
		 (unsigned long long)d->args[5], ours, model, theirs);
}

#endif

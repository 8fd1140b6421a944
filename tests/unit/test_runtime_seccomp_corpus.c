/* Profiles as people write them, through the JSON parser and the compiler, against the model and libseccomp
 * (seccomp_judges.h): every call number of every ABI with argument values from around the ones that the rules name.
 * Samples are random from a seed that is printed; TARE_TEST_SEED repeats one, TARE_TEST_LONG=1 takes ten times as many.
 *
 * Where libseccomp 2.5.4 errs (docs/adr/0005) only the model is asked, and where calls have several actions, whose
 * order the model does not know, only libseccomp; the table says so. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "base/json.h"
#include "seccomp_judges.h"

#define NUMBERS 640 /* all there are, and some more */
#define SAMPLES 40

enum judges { BOTH, MODEL, LIBRARY };

static const struct {
	const char *name;
	enum judges judges;
	const char *json;
} corpus[] = {
	{ "nothing but a default", BOTH, "'defaultAction':'SCMP_ACT_ALLOW'" },
	{ "a list of what is refused, each with its errno", BOTH,
	  "'defaultAction':'SCMP_ACT_ALLOW','architectures':['SCMP_ARCH_X86_64','SCMP_ARCH_X86','SCMP_ARCH_X32','SCMP_ARCH_AARCH64','SCMP_ARCH_ARM'],"
	  "'syscalls':[{'names':['mount','umount2','pivot_root','swapon','reboot'],'action':'SCMP_ACT_ERRNO','errnoRet':1},"
	  "{'names':['keyctl','add_key','request_key'],'action':'SCMP_ACT_ERRNO','errnoRet':38},"
	  "{'names':['ptrace'],'action':'SCMP_ACT_KILL_PROCESS'},{'names':['bpf'],'action':'SCMP_ACT_TRAP'},"
	  "{'names':['no_such_call','kexec_load'],'action':'SCMP_ACT_KILL_THREAD'},{'names':['acct'],'action':'SCMP_ACT_KILL'}]" },
	{ "a list of what is allowed", BOTH,
	  "'defaultAction':'SCMP_ACT_ERRNO','defaultErrnoRet':13,'architectures':['SCMP_ARCH_X86_64','SCMP_ARCH_X86','SCMP_ARCH_AARCH64'],"
	  "'syscalls':[{'names':['read','write','openat','open','close','fstat','mmap','munmap','brk','exit','exit_group','execve',"
	  "'rt_sigaction','rt_sigreturn','futex','clock_gettime','getrandom','arch_prctl','set_tid_address'],'action':'SCMP_ACT_ALLOW'},"
	  "{'names':['faccessat2','openat2','clone3'],'action':'SCMP_ACT_ERRNO','errnoRet':38}]" },
	{ "sockets of some families, 32-bit programs through the multiplexer, too", MODEL,
	  "'defaultAction':'SCMP_ACT_ERRNO','architectures':['SCMP_ARCH_X86_64','SCMP_ARCH_X86','SCMP_ARCH_X32','SCMP_ARCH_ARM'],"
	  "'syscalls':[{'names':['socket'],'action':'SCMP_ACT_ALLOW','args':[{'index':0,'value':1,'op':'SCMP_CMP_EQ'}]},"
	  "{'names':['socket'],'action':'SCMP_ACT_ALLOW','args':[{'index':0,'value':2,'op':'SCMP_CMP_EQ'},{'index':1,'value':1,'op':'SCMP_CMP_EQ'}]},"
	  "{'names':['socket'],'action':'SCMP_ACT_ALLOW','args':[{'index':0,'value':16,'op':'SCMP_CMP_EQ'},{'index':2,'value':0,'op':'SCMP_CMP_EQ'}]},"
	  "{'names':['bind','connect','sendmsg','recvmsg','shutdown','semget','shmat','read','write'],'action':'SCMP_ACT_ALLOW'}]" },
	{ "clone without new namespaces, and which personalities", BOTH,
	  "'defaultAction':'SCMP_ACT_ERRNO','architectures':['SCMP_ARCH_X86_64','SCMP_ARCH_X86','SCMP_ARCH_X32'],'syscalls':["
	  "{'names':['clone'],'action':'SCMP_ACT_ALLOW','args':[{'index':0,'value':2114060288,'valueTwo':0,'op':'SCMP_CMP_MASKED_EQ'}]},"
	  "{'names':['personality'],'action':'SCMP_ACT_ALLOW','args':[{'index':0,'value':0,'op':'SCMP_CMP_EQ'}]},"
	  "{'names':['personality'],'action':'SCMP_ACT_ALLOW','args':[{'index':0,'value':8,'op':'SCMP_CMP_EQ'}]},"
	  "{'names':['personality'],'action':'SCMP_ACT_ALLOW','args':[{'index':0,'value':131072,'op':'SCMP_CMP_EQ'}]},"
	  "{'names':['personality'],'action':'SCMP_ACT_ALLOW','args':[{'index':0,'value':4294967295,'op':'SCMP_CMP_EQ'}]},"
	  "{'names':['read','write'],'action':'SCMP_ACT_ALLOW'}]" },
	{ "every comparison once, of whole words", BOTH,
	  "'defaultAction':'SCMP_ACT_ALLOW','architectures':['SCMP_ARCH_X86','SCMP_ARCH_X32','SCMP_ARCH_ARM'],'syscalls':["
	  "{'names':['ioctl'],'action':'SCMP_ACT_ERRNO','errnoRet':5,'args':[{'index':1,'value':21522,'op':'SCMP_CMP_EQ'}]},"
	  "{'names':['lseek'],'action':'SCMP_ACT_ERRNO','errnoRet':6,'args':[{'index':1,'value':4294967296,'op':'SCMP_CMP_NE'}]},"
	  "{'names':['mmap'],'action':'SCMP_ACT_ERRNO','errnoRet':7,'args':[{'index':1,'value':1099511627776,'op':'SCMP_CMP_GT'}]},"
	  "{'names':['mremap'],'action':'SCMP_ACT_ERRNO','errnoRet':8,'args':[{'index':2,'value':4294967297,'op':'SCMP_CMP_GE'}]},"
	  "{'names':['munmap'],'action':'SCMP_ACT_ERRNO','errnoRet':9,'args':[{'index':0,'value':18446744073709551615,'op':'SCMP_CMP_LT'}]},"
	  "{'names':['madvise'],'action':'SCMP_ACT_ERRNO','errnoRet':10,'args':[{'index':5,'value':9223372036854775808,'op':'SCMP_CMP_LE'}]},"
	  "{'names':['prctl'],'action':'SCMP_ACT_ERRNO','errnoRet':11,'args':[{'index':3,'value':18446744069414584575,'valueTwo':4294967295,'op':'SCMP_CMP_MASKED_EQ'}]}]" },
	{ "conditions on several arguments, each call once", BOTH,
	  "'defaultAction':'SCMP_ACT_KILL_PROCESS','architectures':['SCMP_ARCH_X86','SCMP_ARCH_ARM'],'syscalls':["
	  "{'names':['setsockopt'],'action':'SCMP_ACT_LOG','args':[{'index':1,'value':41,'op':'SCMP_CMP_EQ'},{'index':2,'value':26,'op':'SCMP_CMP_NE'},"
	  "{'index':4,'value':4096,'op':'SCMP_CMP_LE'}]},"
	  "{'names':['kill'],'action':'SCMP_ACT_ALLOW','args':[{'index':0,'value':1,'op':'SCMP_CMP_GT'},{'index':1,'value':64,'op':'SCMP_CMP_LT'}]},"
	  "{'names':['tgkill','rt_tgsigqueueinfo'],'action':'SCMP_ACT_ALLOW','args':[{'index':2,'value':9,'op':'SCMP_CMP_NE'}]}]" },
	{ "a range of one argument, by two rules' conditions", MODEL,
	  "'defaultAction':'SCMP_ACT_ALLOW','architectures':['SCMP_ARCH_X86'],'syscalls':["
	  "{'names':['fcntl'],'action':'SCMP_ACT_TRAP','args':[{'index':1,'value':1024,'op':'SCMP_CMP_GE'}]},"
	  "{'names':['fcntl'],'action':'SCMP_ACT_TRAP','args':[{'index':1,'value':3,'op':'SCMP_CMP_LT'}]},"
	  "{'names':['dup3'],'action':'SCMP_ACT_TRAP','args':[{'index':0,'value':2,'op':'SCMP_CMP_GT'},{'index':0,'value':10,'op':'SCMP_CMP_EQ'}]}]" },
	{ "the same call with several actions", LIBRARY,
	  "'defaultAction':'SCMP_ACT_ALLOW','syscalls':["
	  "{'names':['mkdirat'],'action':'SCMP_ACT_ERRNO','errnoRet':2,'args':[{'index':0,'value':4294967196,'op':'SCMP_CMP_EQ'}]},"
	  "{'names':['mkdirat'],'action':'SCMP_ACT_TRAP','args':[{'index':2,'value':511,'op':'SCMP_CMP_EQ'}]},"
	  "{'names':['mkdirat'],'action':'SCMP_ACT_ERRNO','errnoRet':3,'args':[{'index':2,'value':448,'op':'SCMP_CMP_EQ'}]},"
	  "{'names':['rmdir','unlink'],'action':'SCMP_ACT_LOG'},{'names':['unlink','rename'],'action':'SCMP_ACT_TRAP'}]" },
	{ "a tracer and an agent", BOTH,
	  "'defaultAction':'SCMP_ACT_TRACE','defaultErrnoRet':77,'listenerPath':'/run/agent','listenerMetadata':'m',"
	  "'flags':['SECCOMP_FILTER_FLAG_LOG','SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV'],'architectures':['SCMP_ARCH_X86_64','SCMP_ARCH_X86'],"
	  "'syscalls':[{'names':['mknod','mknodat'],'action':'SCMP_ACT_NOTIFY'},{'names':['chmod','fchmod','fchmodat'],'action':'SCMP_ACT_TRACE','errnoRet':5},"
	  "{'names':['init_module'],'action':'SCMP_ACT_NOTIFY','args':[{'index':1,'value':0,'op':'SCMP_CMP_NE'}]},"
	  "{'names':['read','write'],'action':'SCMP_ACT_ALLOW'}]" },
	{ "other machines' architectures only", BOTH,
	  "'defaultAction':'SCMP_ACT_ERRNO','architectures':['SCMP_ARCH_S390X','SCMP_ARCH_PPC64LE','SCMP_ARCH_RISCV64'],"
	  "'syscalls':[{'names':['getpid','s390_runtime_instr','riscv_flush_icache'],'action':'SCMP_ACT_ALLOW'}]" },
	{ "x32 alone beside the machine's own", BOTH,
	  "'defaultAction':'SCMP_ACT_LOG','architectures':['SCMP_ARCH_X32'],'syscalls':[{'names':['readv','ioctl','execve','getpid'],'action':'SCMP_ACT_TRAP'}]" },
	{ "rules that say what the default says", BOTH,
	  "'defaultAction':'SCMP_ACT_ERRNO','defaultErrnoRet':1,'architectures':['SCMP_ARCH_X86'],'syscalls':["
	  "{'names':['getcwd','openat2'],'action':'SCMP_ACT_ERRNO'},{'names':['getpid'],'action':'SCMP_ACT_ALLOW'},"
	  "{'names':['umask'],'action':'SCMP_ACT_ERRNO','errnoRet':1},{'names':['sync'],'action':'SCMP_ACT_ERRNO','errnoRet':0}]" },
};

/* A value from around one that some rule compares with, in either half of the word. */
static uint64_t interesting(const struct oci_seccomp *s)
{
	static const int64_t near[] = { 0, 0, 0, 1, -1, INT64_C(1) << 32, -(INT64_C(1) << 32) };
	const struct oci_seccomp_rule *r = s->n_rules ? &s->rules[rng() % s->n_rules] : NULL;
	uint64_t v = rng() % 4;

	if (rng() % 8 == 0)
		v = rng();
	else if (r && r->n_args) {
		const struct oci_seccomp_arg *a = &r->args[rng() % r->n_args];

		v = rng() % 3 ? a->value : a->value_two;
	}
	return v + (uint64_t)near[rng() % ARRAY_LEN(near)];
}

static bool has_conditions(const struct trial *t, uint32_t nr)
{
	for (size_t i = 0; i < t->model.n; i++)
		for (int abi = 0; abi < SC_ABIS; abi++)
			if (t->model.calls[i].rule->n_args && t->model.calls[i].nr[abi] == (int)nr)
				return true;
	return nr == 102 || nr == 117;
}

static size_t compare_number(const struct trial *t, uint32_t nr, int samples)
{
	static const uint32_t archs[] = { AUDIT_ARCH_X86_64, AUDIT_ARCH_I386, AUDIT_ARCH_AARCH64, AUDIT_ARCH_ARM, AUDIT_ARCH_S390X };
	size_t n = 0;

	for (size_t a = 0; a < ARRAY_LEN(archs); a++)
		for (int i = 0; i < samples; i++) {
			struct seccomp_data d = { .nr = (int)nr, .arch = archs[a] };

			for (size_t k = 0; k < ARRAY_LEN(d.args); k++)
				d.args[k] = interesting(t->s);
			/* a multiplexer only tells with a number it has */
			if (archs[a] == AUDIT_ARCH_I386 && (nr == 102 || nr == 117))
				d.args[0] = rng() % 26;
			compare(t, &d);
			if (nr < SC_X32_BIT) {
				d.nr = (int)(nr | SC_X32_BIT);
				compare(t, &d);
				n++;
			}
			n++;
		}
	return n;
}

static const struct oci_seccomp *parse(struct arena *a, const char *members)
{
	const struct json *doc;
	const struct oci_spec *spec = NULL;
	struct err e = { 0 };
	char *text = arena_printf(a, "{'ociVersion':'1.3.0','root':{'path':'r'},'linux':{'seccomp':{%s}}}", members);

	assert_non_null(text);
	for (char *p = text; *p; p++)
		if (*p == '\'')
			*p = '"';
	if (json_parse(a, text, strlen(text), NULL, &doc, &e) < 0 || oci_spec_parse(a, doc, &spec, &e) < 0)
		fail_msg("%s: %s", members, e.msg);
	return spec->linux_.seccomp;
}

static size_t judge(struct arena *a, const struct oci_seccomp *s, enum sc_abi native, enum judges judges, int samples)
{
	static const uint32_t borders[] = { 0x3fffffff, 0x40000000, 0x7fffffff, 0x80000000, 0xbfffffff, 0xc0000000, 0xffffffff,
					    983041,	983045,	    983047 };
	struct trial t = { .s = s, .native = native, .has_model = judges != LIBRARY, .only_wide = judges == LIBRARY };
	struct rt_seccomp out;
	struct err e = { 0 };
	size_t n = 0;

	if (rt_seccomp_compile_for(a, native, s, &out, &e) < 0)
		fail_msg("%s", e.msg);
	t.ours = (struct program){ out.insns, out.n };
	if (judges != MODEL)
		assert_true(oracle(s, native, s->n_rules ? 2 : 1, &t.theirs));
	model_init(&t.model, a, s);
	for (uint32_t nr = 0; nr < NUMBERS; nr++)
		n += compare_number(&t, nr, has_conditions(&t, nr) ? samples * 10 : 2);
	for (size_t i = 0; i < ARRAY_LEN(borders); i++)
		n += compare_number(&t, borders[i], 2);
	return n;
}

static void every_number_of_every_profile(void **state UNUSED)
{
	const char *fixed = getenv("TARE_TEST_SEED");
	uint64_t seed = fixed ? strtoull(fixed, NULL, 0) : (uint64_t)time(NULL) ^ (uint64_t)getpid() << 32;
	int samples = getenv("TARE_TEST_LONG") ? SAMPLES * 10 : SAMPLES;
	size_t n = 0;

	printf("# seed %llu\n", (unsigned long long)seed);
	rng_state = seed | 1;
	for (size_t i = 0; i < ARRAY_LEN(corpus); i++) {
		struct arena a = ARENA_INIT;
		const struct oci_seccomp *s = parse(&a, corpus[i].json);

		printf("# %s\n", corpus[i].name);
		n += judge(&a, s, SC_X86_64, corpus[i].judges, samples);
		n += judge(&a, s, SC_AARCH64, corpus[i].judges, samples);
		arena_free(&a);
	}
	printf("# %zu verdicts\n", n);
}

/* That a wrong filter would be seen: the verdict of one call in the middle of it is another. */
static void a_wrong_filter_is_noticed(void **state UNUSED)
{
	struct arena a = ARENA_INIT;
	const struct oci_seccomp *s = parse(&a, corpus[4].json);
	struct sock_filter *bad;
	struct rt_seccomp out;
	struct err e = { 0 };
	size_t changed = 0;

	assert_int_equal(rt_seccomp_compile_for(&a, SC_X86_64, s, &out, &e), 0);
	bad = arena_array(&a, out.n, sizeof(*bad));
	memcpy(bad, out.insns, out.n * sizeof(*bad));
	for (size_t i = 0; i < out.n; i++) /* one mask, one bit */
		if (bad[i].code == (BPF_ALU | BPF_AND | BPF_K) && changed++ == 0)
			bad[i].k ^= 0x10000000;
	assert_true(changed > 0);
	const struct program wrong = { bad, out.n }, right = { out.insns, out.n };
	struct seccomp_data d = { .nr = 56 /* clone */, .arch = AUDIT_ARCH_X86_64, .args = { 0x10000000 } };

	assert_int_not_equal(run(&wrong, &d), run(&right, &d));
	arena_free(&a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_number_of_every_profile),
		cmocka_unit_test(a_wrong_filter_is_noticed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* How long the default profile takes to become a loaded filter: our compiler against libseccomp (in runc's setting, the
 * binary tree, and in its own default), both from the same struct oci_seccomp, in turn. Every time is taken in a fresh
 * process that compiles and loads once, as a runtime does: caches and memory are as cold as there. Prints one JSON
 * document. "bench-seccomp KIND" is that process. */
#include <errno.h>
#include <fcntl.h>
#include <linux/seccomp.h>
#include <seccomp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

#include "oci/seccomp_profile.h"
#include "runtime/seccomp.h"
#include "sys/caps.h"
#include "sys/seccomp.h"
#include "sys/spawn.h"

#define ROUNDS 100

enum who { TARE, TREE, LIST, KINDS };
static const char *const names[KINDS] = { "tare", "libseccomp, tree", "libseccomp, list" };

struct filter {
	struct sock_filter insns[BPF_MAXINSNS];
	size_t n;
};

static double now(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

static void die(const char *what)
{
	(void)fprintf(stderr, "bench/seccomp: %s\n", what);
	exit(1);
}

static double compile_tare(const struct oci_seccomp *s, struct filter *out)
{
	struct arena a = ARENA_INIT;
	struct rt_seccomp f;
	struct err e = { 0 };
	double start = now(), end;

	if (rt_seccomp_compile(&a, s, &f, &e) < 0)
		die(e.msg);
	end = now();
	memcpy(out->insns, f.insns, f.n * sizeof(*f.insns));
	out->n = f.n;
	arena_free(&a);
	return end - start;
}

static void add_rule(scmp_filter_ctx ctx, const struct oci_seccomp_rule *r)
{
	static const enum scmp_compare ops[] = {
		[OCI_SCMP_CMP_NE] = SCMP_CMP_NE, [OCI_SCMP_CMP_LT] = SCMP_CMP_LT, [OCI_SCMP_CMP_LE] = SCMP_CMP_LE,
		[OCI_SCMP_CMP_EQ] = SCMP_CMP_EQ, [OCI_SCMP_CMP_GE] = SCMP_CMP_GE, [OCI_SCMP_CMP_GT] = SCMP_CMP_GT,
		[OCI_SCMP_CMP_MASKED_EQ] = SCMP_CMP_MASKED_EQ,
	};
	struct scmp_arg_cmp args[6];
	uint32_t action = r->action == OCI_SCMP_ALLOW ? SCMP_ACT_ALLOW : SCMP_ACT_ERRNO(r->errno_ret);

	for (size_t i = 0; i < r->n_args; i++)
		args[i] = (struct scmp_arg_cmp){ r->args[i].index, ops[r->args[i].op], r->args[i].value, r->args[i].value_two };
	for (size_t i = 0; i < r->n_names; i++) {
		int nr = seccomp_syscall_resolve_name(r->names[i]);

		if (nr != __NR_SCMP_ERROR && seccomp_rule_add_array(ctx, action, nr, (unsigned int)r->n_args, args) < 0)
			die("libseccomp refuses a rule");
	}
}

static double compile_libseccomp(const struct oci_seccomp *s, struct filter *out, uint32_t optimize)
{
	int fd = memfd_create("bpf", MFD_CLOEXEC);
	double start = now(), end;
	scmp_filter_ctx ctx = seccomp_init(SCMP_ACT_ERRNO(EPERM));
	ssize_t got;

	if (!ctx || fd < 0 || seccomp_arch_add(ctx, SCMP_ARCH_X86) < 0 ||
	    seccomp_attr_set(ctx, SCMP_FLTATR_CTL_OPTIMIZE, optimize) < 0)
		die("libseccomp does not start");
	for (size_t i = 0; i < s->n_rules; i++)
		add_rule(ctx, &s->rules[i]);
	if (seccomp_export_bpf(ctx, fd) < 0)
		die("libseccomp does not export");
	end = now();
	seccomp_release(ctx);
	got = pread(fd, out->insns, sizeof(out->insns), 0);
	(void)close(fd);
	out->n = got > 0 ? (size_t)got / sizeof(out->insns[0]) : 0;
	return end - start;
}

struct times {
	double compile, load;
	size_t insns;
};

/* In the fresh process: its times, to stdout. */
static int measure(enum who who)
{
	static struct filter filter;
	struct arena a = ARENA_INIT;
	const struct oci_profile_args args = { .caps = CAP_BIT(13), .user_ns = true };
	const struct oci_seccomp *s;
	struct times t;
	struct err e = { 0 };
	double start;

	if (oci_seccomp_default(&a, &args, &s, &e) < 0)
		die(e.msg);
	t.compile = who == TARE ? compile_tare(s, &filter) : compile_libseccomp(s, &filter, who == TREE ? 2 : 1);
	t.insns = filter.n;
	(void)prctl(PR_SET_NO_NEW_PRIVS, 1L, 0L, 0L, 0L);
	start = now();
	if (seccomp_install(filter.insns, filter.n, SECCOMP_FLAG_SPEC_ALLOW) < 0)
		die("a filter does not load");
	t.load = now() - start;
	return write(1, &t, sizeof(t)) == sizeof(t) ? 0 : 1;
}

static struct times measured(enum who who)
{
	const char kind[2] = { (char)('0' + (int)who), '\0' };
	const char *const argv[] = { "bench-seccomp", kind, NULL };
	int pipe_fds[2], pidfd, status;
	struct spawn_fd fds[] = { { -1, 1 }, { 2, 2 } };
	struct spawn_args args = { .path = "/proc/self/exe", .argv = argv, .fds = fds, .n_fds = 2 };
	struct times t = { 0 };
	pid_t pid;

	if (pipe2(pipe_fds, O_CLOEXEC) < 0)
		die("no pipe");
	fds[0].from = pipe_fds[1];
	if (spawn(&args, &pid, &pidfd) < 0)
		die("cannot start itself");
	(void)close(pipe_fds[1]);
	if (read(pipe_fds[0], &t, sizeof(t)) != sizeof(t) || spawn_wait(pidfd, -1, &status) < 0 || status != 0)
		die("a measurement failed");
	(void)close(pipe_fds[0]);
	(void)close(pidfd);
	return t;
}

static int by_value(const void *x, const void *y)
{
	double a = *(const double *)x, b = *(const double *)y;

	return a < b ? -1 : a > b;
}

static double at(double *times, double part)
{
	qsort(times, ROUNDS, sizeof(*times), by_value);
	return times[(size_t)(part * (ROUNDS - 1))];
}

static void print_kind(enum who who, size_t insns, double *compile, double *load)
{
	printf("%s\"%s\":{\"instructions\":%zu,\"compile_median\":%.1f,\"compile_p90\":%.1f,\"load_median\":%.1f,"
	       "\"load_p90\":%.1f}",
	       who ? "," : "", names[who], insns, at(compile, 0.5), at(compile, 0.9), at(load, 0.5), at(load, 0.9));
}

int main(int argc, char **argv)
{
	static double compiling[KINDS][ROUNDS], loading[KINDS][ROUNDS], sum[KINDS][ROUNDS];
	size_t insns[KINDS];
	const struct scmp_version *version = seccomp_version();
	struct utsname kernel;

	if (argc > 1)
		return measure((enum who)(argv[1][0] - '0'));
	if (uname(&kernel) < 0)
		die("no uname");
	for (int round = 0; round < ROUNDS; round++)
		for (int k = 0; k < KINDS; k++) {
			struct times t = measured((enum who)k);

			compiling[k][round] = t.compile;
			loading[k][round] = t.load;
			sum[k][round] = t.compile + t.load;
			insns[k] = t.insns;
		}
	printf("{\"name\":\"seccomp\",\"what\":\"the default profile, x86_64 and x86, compiled and loaded, microseconds\",");
	printf("\"rounds\":%d,\"kernel\":\"%s\",\"libseccomp\":\"%u.%u.%u\",\"results\":{", ROUNDS, kernel.release,
	       version->major, version->minor, version->micro);
	for (int k = 0; k < KINDS; k++)
		print_kind((enum who)k, insns[k], compiling[k], loading[k]);
	printf("},\"ratios\":{\"libseccomp as runc uses it / tare\":%.2f,\"libseccomp's default / tare\":%.2f}}\n",
	       at(sum[TREE], 0.5) / at(sum[TARE], 0.5), at(sum[LIST], 0.5) / at(sum[TARE], 0.5));
	return 0;
}

/* This program, sealed: what runs on is the same program with the same arguments, environment and memory, and what
 * /proc/self/exe gives is a file that nobody can write to. On each of the three ways: the file exchanged under the running
 * program, the program executed again, and a copy in memory. */
#include <fcntl.h>
#include <limits.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/io.h"
#include "runtime/seal.h"
#include "sys/caps.h"
#include "sys/kernel.h"
#include "sys/mnt.h"
#include "sys/proc.h"
#include "sys/spawn.h"

#define GOOD 42
#define NAME "a sealed program"

static int written = 1;
static const char *const relocated[] = { "one", "two" };

/* PR_SET_MM is refused, as by a kernel without CHECKPOINT_RESTORE. */
static int refuse_exchange(void)
{
	struct sock_filter f[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_prctl, 0, 3),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, args[0])),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, PR_SET_MM, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EINVAL),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog p = { .len = ARRAY_LEN(f), .filter = f };

	return prctl(PR_SET_SECCOMP, (unsigned long)SECCOMP_MODE_FILTER, &p);
}

static bool shown(const char *file, const char *what, size_t len)
{
	CLEANUP_FREE char *text = NULL;
	size_t n;

	return io_read_file(AT_FDCWD, file, 1U << 20, &text, &n) == 0 && memmem(text, n, what, len);
}

/* What is wrong, or GOOD. own: the program's path. */
static int look(const char *own, const char *comm)
{
	static const char environment[] = "SEALED=as it was";
	CLEANUP_FD int exe = open("/proc/self/exe", O_PATH | O_CLOEXEC);
	int fd = open("/proc/self/exe", O_WRONLY | O_CLOEXEC);
	char name[16];

	if (fd >= 0 || (errno != EROFS && errno != ETXTBSY))
		return 1;
	/* nobody can make it writable again, CAP_SYS_ADMIN or not */
	if (mnt_setattr(exe, false, 0, MOUNT_ATTR_RDONLY, 0) == 0)
		return 2;
	/* no mapping leads to the file as it lies in the file system */
	if (shown("/proc/self/maps", own, strlen(own)))
		return 3;
	if (!shown("/proc/self/cmdline", NAME, sizeof(NAME)) || !shown("/proc/self/environ", environment, sizeof(environment)))
		return 4;
	if (prctl(PR_GET_NAME, name) < 0 || strcmp(name, comm) != 0)
		return 5;
	if (written != 2 || strcmp(relocated[1], "two") != 0 || strcmp(getenv("SEALED"), "as it was") != 0)
		return 6;
	written++;
	return GOOD;
}

/* argv: NAME, the way, and when it is executed again the path it had. */
static int sealed_main(int argc, char **argv)
{
	char own[PATH_MAX] = "", *again[] = { argv[0], argv[1], own, NULL };
	bool exchanged = argc < 3;
	struct cap_sets none = { 0 };
	struct err e = { 0 };

	written = 2;
	if (!exchanged && !strcmp(argv[1], "exchange"))
		return 9;
	if (!exchanged)
		return rt_seal_self(argv, &e) < 0 ? 10 : look(argv[2], "a sealed progra");
	if (readlink("/proc/self/exe", own, sizeof(own) - 1) < 0 || !shown("/proc/self/maps", own, strlen(own)))
		return 11;
	if ((!strcmp(argv[1], "exec") && refuse_exchange() < 0) || (!strcmp(argv[1], "memory") && cap_after_uid(&none) < 0))
		return 12;
	if (rt_seal_self(again, &e) < 0) {
		fprintf(stderr, "%s\n", e.msg);
		return 13;
	}
	return strcmp(argv[1], "exchange") ? 14 : look(own, "exe");
}

static int outcome(const char *way)
{
	const char *const argv[] = { NAME, way, NULL }, *const env[] = { "SEALED=as it was", NULL };
	struct spawn_fd fds[] = { { .from = 2, .to = 2 } };
	struct spawn_args a = { .path = "/proc/self/exe", .argv = argv, .env = env, .fds = fds, .n_fds = 1 };
	int pidfd, status;
	pid_t pid;

	if (geteuid() != 0)
		skip();
	assert_int_equal(spawn(&a, &pid, &pidfd), 0);
	assert_int_equal(spawn_wait(pidfd, 10000, &status), 0);
	close(pidfd);
	return proc_exit_code(status);
}

static void exchanged_under_the_running_program(void **state)
{
	(void)state;
	assert_int_equal(outcome("exchange"), GOOD);
}

static void executed_again(void **state)
{
	(void)state;
	assert_int_equal(outcome("exec"), GOOD);
}

static void copied_to_memory_without_the_right_to_mount(void **state)
{
	(void)state;
	assert_int_equal(outcome("memory"), GOOD);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(exchanged_under_the_running_program),
		cmocka_unit_test(executed_again),
		cmocka_unit_test(copied_to_memory_without_the_right_to_mount),
	};

	return !strcmp(argv[0], NAME) ? sealed_main(argc, argv) : cmocka_run_group_tests(tests, NULL, NULL);
}

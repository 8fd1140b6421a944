#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <fcntl.h>
#include <grp.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/io.h"
#include "sys/caps.h"
#include "sys/spawn.h"

#define CAP_CHOWN 0
#define CAP_NET_BIND_SERVICE 10
#define CAP_NET_RAW 13

static void names_and_numbers(void **state UNUSED)
{
	assert_int_equal(cap_number("CAP_NET_RAW"), 13);
	assert_int_equal(cap_number("NET_RAW"), 13);
	assert_int_equal(cap_number("net_raw"), 13);
	assert_int_equal(cap_number("cap_Checkpoint_Restore"), 40);
	assert_int_equal(cap_number(""), -EINVAL);
	assert_int_equal(cap_number("CAP_"), -EINVAL);
	assert_int_equal(cap_number("ALL"), -EINVAL);
	assert_int_equal(cap_number("NET_RAW "), -EINVAL);
	assert_int_equal(cap_number("CAP_CAP_NET_RAW"), -EINVAL);
	for (unsigned int cap = 0; cap < CAP_KNOWN; cap++)
		assert_int_equal(cap_number(cap_name(cap)), cap);
	assert_null(cap_name(CAP_KNOWN));
}

/* The kernel's own view, from a file we do not otherwise read. */
static uint64_t status_set(const char *field)
{
	char *text, *at;
	unsigned long long v = 0;

	if (io_read_file(AT_FDCWD, "/proc/self/status", 1 << 16, &text, NULL) < 0)
		return 0;
	at = strstr(text, field);
	if (at)
		(void)sscanf(at + strlen(field), " %llx", &v);
	free(text);
	return v;
}

static void last_cap_is_the_kernels(void **state UNUSED)
{
	char *text;

	assert_int_equal(io_read_file(AT_FDCWD, "/proc/sys/kernel/cap_last_cap", 64, &text, NULL), 0);
	assert_int_equal(cap_last(), atoi(text));
	assert_int_equal(cap_supported(), (UINT64_C(2) << atoi(text)) - 1);
	free(text);
}

static void get_agrees_with_proc(void **state UNUSED)
{
	struct cap_sets have;

	assert_int_equal(cap_get(&have), 0);
	assert_int_equal(have.bounding, status_set("CapBnd:"));
	assert_int_equal(have.effective, status_set("CapEff:"));
	assert_int_equal(have.permitted, status_set("CapPrm:"));
	assert_int_equal(have.inheritable, status_set("CapInh:"));
	assert_int_equal(have.ambient, status_set("CapAmb:"));
}

/* In a child: the whole sequence to uid 1234; the exit code says which step failed. */
static int become(struct cap_sets want, uint64_t expect_lost)
{
	struct cap_sets have;

	if (cap_clamp(&want) != expect_lost)
		return 1;
	if (cap_before_uid(&want) < 0)
		return 2;
	if (setgroups(0, NULL) < 0 || setresgid(1234, 1234, 1234) < 0 || setresuid(1234, 1234, 1234) < 0)
		return 3;
	if (cap_after_uid(&want) < 0)
		return 4;
	if (cap_get(&have) < 0 || memcmp(&have, &want, sizeof(have)) != 0)
		return 5;
	if (prctl(PR_GET_KEEPCAPS, 0L, 0L, 0L, 0L) != 0)
		return 6;
	return 0;
}

static void in_child(struct cap_sets want, uint64_t expect_lost)
{
	int status;
	pid_t pid = spawn_fork(NULL);

	if (pid == 0)
		_exit(become(want, expect_lost));
	assert_true(pid > 0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

static bool may_setpcap(void)
{
	struct cap_sets have;

	return cap_get(&have) == 0 && have.effective & CAP_BIT(8);
}

static void sequence_to_another_uid(void **state UNUSED)
{
	uint64_t some = CAP_BIT(CAP_CHOWN) | CAP_BIT(CAP_NET_RAW) | CAP_BIT(CAP_NET_BIND_SERVICE);
	uint64_t ambient = CAP_BIT(CAP_NET_BIND_SERVICE);

	if (!may_setpcap())
		skip();
	in_child((struct cap_sets){ 0 }, 0);
	in_child((struct cap_sets){ .bounding = some, .effective = some, .permitted = some }, 0);
	in_child((struct cap_sets){ some, some, ambient, some, ambient }, 0);
	in_child((struct cap_sets){ some, ambient, some, some, ambient }, 0);
	/* inheritable above the bounding set, ambient without inheritable, effective without permitted */
	in_child((struct cap_sets){ .inheritable = some }, some);
	in_child((struct cap_sets){ some, some, 0, some, ambient }, ambient);
	in_child((struct cap_sets){ .bounding = some, .effective = some }, some);
}

static void clamp_takes_what_is_missing(void **state UNUSED)
{
	struct cap_sets have, want = { UINT64_MAX, UINT64_MAX, UINT64_MAX, UINT64_MAX, UINT64_MAX };

	assert_int_equal(cap_get(&have), 0);
	assert_int_equal(cap_clamp(&want), ~(have.bounding & have.permitted));
	assert_int_equal(want.bounding, have.bounding);
	assert_int_equal(want.permitted, have.permitted);
	assert_int_equal(want.effective, have.permitted);
}

static int unprivileged_drop(void)
{
	struct cap_sets none = { 0 }, have;

	if (cap_after_uid(&none) < 0)
		return 1;
	if (cap_get(&have) < 0 || have.permitted != 0)
		return 2;
	if (cap_before_uid(&none) != (have.bounding ? -EPERM : 0))
		return 3;
	/* nothing to drop is no failure */
	if (cap_before_uid(&(struct cap_sets){ .bounding = have.bounding }) != 0)
		return 4;
	return cap_after_uid(&(struct cap_sets){ .permitted = CAP_BIT(CAP_CHOWN) }) == -EPERM ? 0 : 5;
}

static void drop_without_setpcap_fails(void **state UNUSED)
{
	int status;
	pid_t pid = spawn_fork(NULL);

	if (pid == 0)
		_exit(unprivileged_drop());
	assert_true(pid > 0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_and_numbers),
		cmocka_unit_test(last_cap_is_the_kernels),
		cmocka_unit_test(get_agrees_with_proc),
		cmocka_unit_test(sequence_to_another_uid),
		cmocka_unit_test(clamp_takes_what_is_missing),
		cmocka_unit_test(drop_without_setpcap_fails),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

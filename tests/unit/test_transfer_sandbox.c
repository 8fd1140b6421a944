/* What tare-transfer cannot do any more when the first byte of a registry comes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <linux/netlink.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "image/transfer/sandbox.h"
#include "sys/landlock.h"

static int no_ioctl(void)
{
	int ends[2], n;

	/* of a pipe it always works elsewhere; a terminal's TIOCSTI goes the same way */
	return pipe2(ends, O_CLOEXEC) == 0 && ioctl(ends[0], FIONREAD, &n) < 0 && errno == ENOTTY;
}

static int routing_alone(void)
{
	return socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE) >= 0 &&
	       socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_KOBJECT_UEVENT) < 0 && errno == EAFNOSUPPORT &&
	       socket(AF_PACKET, SOCK_DGRAM | SOCK_CLOEXEC, 0) < 0 && errno == EAFNOSUPPORT &&
	       socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0) >= 0;
}

static int no_other_files(void)
{
	return open("/etc/passwd", O_RDONLY | O_CLOEXEC) < 0 && errno == EACCES && open("/etc/hosts", O_RDONLY | O_CLOEXEC) >= 0;
}

static int bounded_memory(void)
{
	return malloc((size_t)2 << 30) == NULL;
}

static int nobody_to_others(void)
{
	struct ucred who = { 0 };
	socklen_t len = sizeof(who);
	int ends[2];

	return socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) == 0 && getsockopt(ends[0], SOL_SOCKET, SO_PEERCRED, &who, &len) == 0 &&
	       who.uid != 0 && who.gid != 0;
}

#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
/* Where a registry is on a unix socket, no other can be connected to. */
static int no_unix_sockets(void)
{
	return socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0) < 0 && errno == EAFNOSUPPORT && socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0) >= 0;
}
#endif

/* In a child, for it is for good. Its exit code: 0 as it should be. */
static int in_sandbox(bool by_socket, int (*holds)(void))
{
	pid_t child = fork();
	int status;

	if (child == 0) {
		struct err e = { 0 };

		_exit(transfer_sandbox(by_socket, &e) < 0 ? 2 : holds() ? 0 : 1);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

static void check(int (*holds)(void))
{
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
	(void)holds;
	skip(); /* a sanitizer's calls are not on the list, so there is none */
#else
	assert_int_equal(in_sandbox(false, holds), 0);
	assert_int_equal(in_sandbox(true, holds), 0);
#endif
}

static void terminals_are_not_typed_into(void **state)
{
	(void)state;
	check(no_ioctl);
}

static void of_netlink_only_routing(void **state)
{
	(void)state;
	check(routing_alone);
}

static void it_is_nobody(void **state)
{
	(void)state;
	if (geteuid() != 0)
		skip(); /* it is who it is */
	check(nobody_to_others);
}

static void memory_has_an_end(void **state)
{
	(void)state;
	check(bounded_memory);
}

static void files_are_those_of_the_resolver(void **state)
{
	(void)state;
	if (landlock_abi() < 0)
		skip(); /* a kernel without it */
	assert_int_equal(in_sandbox(false, no_other_files), 0);
	assert_int_equal(in_sandbox(true, no_other_files), 0);
}

static void unix_sockets_only_by_the_broker(void **state)
{
	(void)state;
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
	skip();
#else
	assert_int_equal(in_sandbox(true, no_unix_sockets), 0);
	assert_int_equal(in_sandbox(false, no_unix_sockets), 1);
#endif
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(terminals_are_not_typed_into),
		cmocka_unit_test(of_netlink_only_routing),
		cmocka_unit_test(it_is_nobody),
		cmocka_unit_test(memory_has_an_end),
		cmocka_unit_test(unix_sockets_only_by_the_broker),
		cmocka_unit_test(files_are_those_of_the_resolver),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

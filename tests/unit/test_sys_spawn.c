/* sys/spawn, sys/proc, sys/sock. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "base/io.h"
#include "sys/proc.h"
#include "sys/sock.h"
#include "sys/spawn.h"

static int run(const char *const *argv, const struct spawn_fd *fds, size_t n, int *status)
{
	struct spawn_args a = { .path = argv[0], .argv = argv, .fds = fds, .n_fds = n };
	CLEANUP_FD int pidfd = -1;
	pid_t pid;
	int r = spawn(&a, &pid, &pidfd);

	return r < 0 ? r : spawn_wait(pidfd, 10000, status);
}

static void exit_codes_and_signals(void **state)
{
	const char *const seven[] = { "/bin/sh", "-c", "exit 7", NULL }, *const killed[] = { "sh", "-c", "kill -9 $$", NULL };
	int status;

	(void)state;
	assert_int_equal(run(seven, NULL, 0, &status), 0);
	assert_int_equal(proc_exit_code(status), 7);
	assert_int_equal(run(killed, NULL, 0, &status), 0);
	assert_int_equal(proc_exit_code(status), 137);
}

static void exec_failures_are_returned(void **state)
{
	const char *const missing[] = { "/no/such/program", NULL }, *const data[] = { "/etc/passwd", NULL };
	int status;

	(void)state;
	assert_int_equal(run(missing, NULL, 0, &status), -ENOENT);
	assert_int_equal(run(data, NULL, 0, &status), -EACCES);
	assert_int_equal(waitpid(-1, &status, WNOHANG), -1);
}

/* Swapped and chained targets: the child must see exactly what was named, and nothing else. */
static void descriptors_land_where_they_should(void **state)
{
	const char *const argv[] = { "/bin/sh", "-c", "echo to5 >&5; echo to6 >&6; ls /proc/self/fd | wc -l >&1", NULL };
	char buf[64] = { 0 };
	int out[2], five[2], six[2], status;

	(void)state;
	assert_int_equal(pipe(out), 0);
	assert_int_equal(pipe(five), 0);
	assert_int_equal(pipe(six), 0);
	struct spawn_fd fds[] = { { out[1], 1 }, { six[1], 6 }, { five[1], 5 } };

	assert_int_equal(run(argv, fds, 3, &status), 0);
	assert_int_equal(status, 0);
	assert_true(read(five[0], buf, sizeof(buf)) == 4);
	assert_memory_equal(buf, "to5\n", 4);
	assert_true(read(six[0], buf, sizeof(buf)) == 4);
	assert_memory_equal(buf, "to6\n", 4);
	memset(buf, 0, sizeof(buf));
	assert_true(read(out[0], buf, sizeof(buf)) > 0);
	/* 0, 1, 2, 5, 6 and ls's own folder */
	assert_int_equal(atoi(buf), 6);
	for (int i = 0; i < 2; i++) {
		close(out[i]);
		close(five[i]);
		close(six[i]);
	}
}

static void waiting_has_an_end(void **state)
{
	const char *const argv[] = { "/bin/sleep", "100", NULL };
	struct spawn_args a = { .path = argv[0], .argv = argv };
	CLEANUP_FD int pidfd = -1;
	CLEANUP_FD int again = -1;
	uint64_t start;
	pid_t pid;
	int status;

	(void)state;
	assert_int_equal(spawn(&a, &pid, &pidfd), 0);
	assert_int_equal(spawn_wait(pidfd, 20, &status), -ETIMEDOUT);
	assert_int_equal(proc_start_time(pid, &start), 0);
	again = proc_open_checked(pid, start);
	assert_true(again >= 0);
	assert_int_equal(proc_open_checked(pid, start + 1), -ESRCH);
	assert_int_equal(proc_signal(pidfd, SIGKILL), 0);
	assert_int_equal(spawn_wait(pidfd, 10000, &status), 0);
	assert_int_equal(proc_exit_code(status), 137);
	assert_int_equal(proc_open_checked(pid, start), -ESRCH);
}

static void sockets_carry_descriptors(void **state)
{
	char dir[] = "/tmp/tare-unit.XXXXXX", data[8];
	int got[2] = { -1, -1 }, send[1];
	size_t n = 2;

	(void)state;
	assert_non_null(mkdtemp(dir));
	CLEANUP_FD int dirfd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	CLEANUP_FD int server = sock_listen(dirfd, "s", SOCK_STREAM);
	CLEANUP_FD int client = sock_connect(dirfd, "s", SOCK_STREAM);
	CLEANUP_FD int peer = sock_accept(server);

	assert_true(server >= 0 && client >= 0 && peer >= 0);
	send[0] = dirfd;
	assert_int_equal(sock_send_fds(client, "hi", 2, send, 1), 0);
	assert_int_equal(sock_recv_fds(peer, data, sizeof(data), got, &n), 2);
	assert_int_equal(n, 1);
	assert_true(fcntl(got[0], F_GETFD) & FD_CLOEXEC);
	close(got[0]);
	assert_int_equal(sock_connect(dirfd, "absent", SOCK_STREAM), -ENOENT);
	assert_int_equal(io_remove_tree(AT_FDCWD, dir), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(exit_codes_and_signals),
		cmocka_unit_test(exec_failures_are_returned),
		cmocka_unit_test(descriptors_land_where_they_should),
		cmocka_unit_test(waiting_has_an_end),
		cmocka_unit_test(sockets_carry_descriptors),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

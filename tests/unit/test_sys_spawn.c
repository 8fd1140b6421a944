/* sys/spawn, sys/proc, sys/sock. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/vfs.h>
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

/* The program's own descriptor is where another must go; even a standard one. */
static void a_program_given_by_descriptor(void **state)
{
	const char *const argv[] = { "sh", "-c", "echo hello >&9", NULL };
	char buf[16];
	int out[2], status;

	(void)state;
	for (int at = 2; at <= 9; at += 7) {
		CLEANUP_FD int saved = dup(at), pidfd = -1;
		CLEANUP_FD int sh = open("/bin/sh", O_RDONLY | O_CLOEXEC);
		struct spawn_fd fds[1];
		struct spawn_args a = { .exec_fd = at, .argv = argv, .fds = fds, .n_fds = 1 };
		pid_t pid;
		int r;

		assert_int_equal(pipe(out), 0);
		fds[0] = (struct spawn_fd){ out[1], 9 };
		assert_true(dup2(sh, at) >= 0);
		r = spawn(&a, &pid, &pidfd);
		if (saved >= 0)
			(void)dup2(saved, at);
		else
			close(at);
		assert_int_equal(r, 0);
		assert_int_equal(spawn_wait(pidfd, 10000, &status), 0);
		assert_int_equal(status, 0);
		assert_int_equal(read(out[0], buf, sizeof(buf)), 6);
		close(out[0]);
		close(out[1]);
	}
}

/* Without room for a pidfd the program must not be left running behind our back. */
static void no_child_is_lost_without_descriptors(void **state)
{
	const char *const argv[] = { "/bin/sleep", "100", NULL };
	struct spawn_args a = { .path = argv[0], .argv = argv };
	struct rlimit old, tight;
	int pidfd, r, status;
	pid_t forked, pid;

	(void)state;
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &old), 0);
	tight = old;
	tight.rlim_cur = 3;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &tight), 0);
	forked = spawn_fork(&pidfd);
	if (forked == 0) {
		pause();
		_exit(0);
	}
	r = spawn(&a, &pid, &pidfd);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &old), 0);
	assert_int_equal(forked, -EMFILE);
	assert_int_equal(r, -EMFILE);
	assert_int_equal(waitpid(-1, &status, WNOHANG), -1);
	assert_int_equal(errno, ECHILD);
}

static void nothing(int sig)
{
	(void)sig;
}

/* Signals that keep coming do not make the wait longer. */
static void interrupted_waits_end_in_time(void **state)
{
	const char *const argv[] = { "/bin/sleep", "100", NULL };
	struct spawn_args a = { .path = argv[0], .argv = argv };
	struct sigaction sa = { .sa_handler = nothing }, old;
	struct itimerval often = { { 0, 20000 }, { 0, 20000 } }, off = { 0 };
	CLEANUP_FD int pidfd = -1;
	pid_t pid;
	int r, status;

	(void)state;
	assert_int_equal(spawn(&a, &pid, &pidfd), 0);
	sigaction(SIGALRM, &sa, &old);
	setitimer(ITIMER_REAL, &often, NULL);
	r = spawn_wait(pidfd, 100, &status);
	setitimer(ITIMER_REAL, &off, NULL);
	sigaction(SIGALRM, &old, NULL);
	assert_int_equal(r, -ETIMEDOUT);
	assert_int_equal(proc_signal(pidfd, SIGKILL), 0);
	assert_int_equal(spawn_wait(pidfd, 10000, &status), 0);
}

/* Blocked and ignored signals, the folder, the session and the environment of the new program. */
static void the_program_starts_clean(void **state)
{
	const char *const argv[] = { "sh", "-c",
				     "grep -E '^Sig(Blk|Ign)' /proc/self/status | tr -d '\n\t'; pwd; echo $X$HOME; "
				     "[ $(cut -d' ' -f6 /proc/$$/stat) = $$ ] && echo leader", NULL };
	const char *const env[] = { "X=y", "PATH=/bin:/usr/bin", NULL };
	char buf[256] = { 0 };
	int out[2], status;
	sigset_t set, old;
	CLEANUP_FD int pidfd = -1;
	pid_t pid;

	(void)state;
	assert_int_equal(pipe(out), 0);
	struct spawn_fd fds[] = { { out[1], 1 } };
	struct spawn_args a = { .path = "sh", .argv = argv, .env = env, .fds = fds, .n_fds = 1, .new_session = true,
				.chdir = "/usr", .death_signal = SIGTERM };

	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	sigprocmask(SIG_BLOCK, &set, &old);
	signal(SIGUSR2, SIG_IGN);
	assert_int_equal(spawn(&a, &pid, &pidfd), 0);
	signal(SIGUSR2, SIG_DFL);
	sigprocmask(SIG_SETMASK, &old, NULL);
	assert_int_equal(spawn_wait(pidfd, 10000, &status), 0);
	assert_true(read(out[0], buf, sizeof(buf) - 1) > 0);
	assert_string_equal(buf, "SigBlk:0000000000000000SigIgn:0000000000000000/usr\ny\nleader\n");
	close(out[0]);
	close(out[1]);
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
	assert_int_equal(proc_check(pid, start), 0);
	assert_int_equal(proc_check(pid, start + 1), -ESRCH);
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

/* More than the socket holds, with a reader that comes late. */
static void a_long_message_goes_whole(void **state)
{
	enum { LEN = 1 << 20 };
	CLEANUP_FREE char *data = malloc(LEN), *got = malloc(LEN);
	int s[2], fds[1] = { 1 }, status;
	pid_t pid;

	(void)state;
	memset(data, 'x', LEN);
	data[LEN - 1] = 'y';
	assert_int_equal(sock_pair(SOCK_STREAM, s), 0);
	assert_int_equal(io_set_nonblock(s[0], true), 0);
	pid = spawn_fork(NULL);
	if (pid == 0) {
		close(s[1]);
		_exit(sock_send_fds(s[0], data, LEN, fds, 1) == 0 ? 0 : 1);
	}
	close(s[0]);
	assert_int_equal(io_read_full(s[1], got, LEN), LEN);
	assert_memory_equal(got, data, LEN);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	close(s[1]);
}

static void a_message_cut_short_is_an_error(void **state)
{
	struct rlimit old, tight;
	int s[2], sent[2] = { 0, 1 }, got[8] = { -1, -1, -1, -1, -1, -1, -1, -1 };
	char data[4];
	size_t n = 8;

	(void)state;
	assert_int_equal(sock_pair(SOCK_SEQPACKET, s), 0);
	assert_int_equal(sock_send_fds(s[0], "", 0, sent, 1), -EINVAL);
	assert_int_equal(sock_send_fds(s[0], "longer", 6, sent, 2), 0);
	assert_int_equal(sock_recv_fds(s[1], data, sizeof(data), got, &n), -EMSGSIZE);
	assert_int_equal(n, 0);
	assert_int_equal(got[0], -1);
	/* no number is free for the descriptor */
	assert_int_equal(sock_send_fds(s[0], "abc", 3, sent, 1), 0);
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &old), 0);
	tight = old;
	tight.rlim_cur = 3;
	n = 1;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &tight), 0);
	ssize_t r = sock_recv_fds(s[1], data, sizeof(data), got, &n);

	assert_int_equal(setrlimit(RLIMIT_NOFILE, &old), 0);
	assert_int_equal(r, -EMSGSIZE);
	assert_int_equal(n, 0);
	/* more than there is room for: the surplus is closed */
	assert_int_equal(sock_send_fds(s[0], "abc", 3, sent, 2), 0);
	n = 1;
	assert_int_equal(sock_recv_fds(s[1], data, sizeof(data), got, &n), 3);
	assert_int_equal(n, 1);
	close(got[0]);
	close(s[0]);
	n = 1;
	assert_int_equal(sock_recv_fds(s[1], data, sizeof(data), got, &n), 0);
	assert_int_equal(n, 0);
	close(s[1]);
}

/* The command name of a process may hold anything, a closing bracket and a whole line of /proc/PID/stat too. */
static void process_names_lie(void **state)
{
	int p[2], pidfd = -1, status;
	uint64_t start = 0, mine = 0;
	pid_t pid, ppid = 0;
	char c = 0;

	(void)state;
	assert_int_equal(pipe(p), 0);
	pid = spawn_fork(&pidfd);
	if (pid == 0) {
		prctl(PR_SET_NAME, ") Z 1 1 1");
		(void)!write(p[1], "x", 1);
		pause();
		_exit(0);
	}
	assert_int_equal(read(p[0], &c, 1), 1);
	assert_int_equal(proc_parent(pid, &ppid, &c), 0);
	assert_int_equal(ppid, getpid());
	assert_true(c == 'S' || c == 'R');
	assert_int_equal(proc_start_time(pid, &start), 0);
	assert_int_equal(proc_start_time(getpid(), &mine), 0);
	assert_true(start >= mine);
	assert_int_equal(proc_signal(pidfd, SIGKILL), 0);
	assert_int_equal(spawn_wait(pidfd, 10000, &status), 0);
	assert_int_equal(proc_start_time(pid, &start), -ESRCH);
	assert_int_equal(proc_signal(pidfd, SIGKILL), -ESRCH);
	close(pidfd);
	close(p[0]);
	close(p[1]);
}

static void exit_status_from_a_pidfd(void **state)
{
	const char *const argv[] = { "/bin/sh", "-c", "exit 3", NULL };
	struct spawn_args a = { .path = argv[0], .argv = argv };
	CLEANUP_FD int pidfd = -1;
	pid_t pid;
	int r, status = -1, reaped;

	(void)state;
	assert_int_equal(spawn(&a, &pid, &pidfd), 0);
	assert_int_equal(spawn_wait(pidfd, 10000, &reaped), 0);
	r = proc_exit_status(pidfd, &status);
	if (r == -EOPNOTSUPP || r == -ESRCH)
		skip();
	assert_int_equal(r, 0);
	assert_int_equal(status, reaped);
	assert_int_equal(proc_exit_code(status), 3);
}

/* Any v2 hierarchy will do, a hybrid machine's too. */
static const char *cgroup2_root(void)
{
	static const char *const places[] = { "/sys/fs/cgroup", "/sys/fs/cgroup/unified" };
	struct statfs s;

	for (size_t i = 0; i < ARRAY_LEN(places); i++)
		if (statfs(places[i], &s) == 0 && s.f_type == 0x63677270)
			return places[i];
	return NULL;
}

static void a_program_is_born_in_its_cgroup(void **state)
{
	const char *root = cgroup2_root();
	const char *const argv[] = { "/bin/sh", "-c", "grep ^0:: /proc/self/cgroup >&5", NULL };
	const char *const missing[] = { "/no/such/program", NULL };
	char dir[96], want[96], got[256] = { 0 };
	int out[2], status, pidfd = -1;
	CLEANUP_FD int cgroup = -1;
	struct spawn_args a = { .path = argv[0], .argv = argv, .n_fds = 1 };
	pid_t pid;

	(void)state;
	if (!root || geteuid() != 0)
		skip(); /* no cgroup v2, or not ours to change */
	snprintf(dir, sizeof(dir), "%s/tare-unit-spawn-%d", root, (int)getpid());
	snprintf(want, sizeof(want), "0::/tare-unit-spawn-%d\n", (int)getpid());
	assert_int_equal(mkdir(dir, 0755), 0);
	a.cgroup = cgroup = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_int_equal(pipe2(out, O_CLOEXEC), 0);
	a.fds = &(struct spawn_fd){ out[1], 5 };
	assert_int_equal(spawn(&a, &pid, &pidfd), 0);
	close(out[1]);
	assert_int_equal(spawn_wait(pidfd, 10000, &status), 0);
	close(pidfd);
	assert_true(read(out[0], got, sizeof(got) - 1) > 0);
	close(out[0]);
	a = (struct spawn_args){ .path = missing[0], .argv = missing, .cgroup = cgroup };
	assert_int_equal(spawn(&a, &pid, &pidfd), -ENOENT);
	assert_int_equal(waitpid(-1, &status, WNOHANG), -1);
	assert_int_equal(rmdir(dir), 0);
	assert_string_equal(got, want);
}

/* The last end of a pipe is closed by somebody, and no child is left that a plain wait would find. */
static void closed_by_somebody_else(void **state)
{
	int out[2], before, after;
	char byte;

	(void)state;
	before = dup(0);
	close(before);
	assert_int_equal(pipe2(out, O_CLOEXEC), 0);
	spawn_close(&out[1]);
	assert_int_equal(out[1], -1);
	assert_int_equal(read(out[0], &byte, 1), 0);
	close(out[0]);
	after = dup(0);
	assert_int_equal(after, before); /* nothing else of ours was closed or left open */
	close(after);
	assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
}

static void a_tool_and_what_it_says(void **state)
{
	static const char *const fails[] = { "sh", "-c", "read x; echo \"no $x\"; echo more >&2; exit 3", NULL };
	static const char *const missing[] = { "tare-no-such-program", NULL }, *const slow[] = { "sleep", "100", NULL };
	CLEANUP_FD int in = io_memfd("test", "way\n", 4, true);
	char said[20];

	(void)state;
	assert_int_equal(spawn_tool(fails, in, 10000, said, sizeof(said)), 3);
	assert_string_equal(said, "no way");
	assert_int_equal(spawn_tool(missing, -1, 10000, said, sizeof(said)), -ENOENT);
	assert_int_equal(spawn_tool(slow, -1, 50, said, sizeof(said)), -ETIMEDOUT);
	assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(exit_codes_and_signals),
		cmocka_unit_test(exec_failures_are_returned),
		cmocka_unit_test(descriptors_land_where_they_should),
		cmocka_unit_test(a_program_given_by_descriptor),
		cmocka_unit_test(a_program_is_born_in_its_cgroup),
		cmocka_unit_test(no_child_is_lost_without_descriptors),
		cmocka_unit_test(interrupted_waits_end_in_time),
		cmocka_unit_test(the_program_starts_clean),
		cmocka_unit_test(waiting_has_an_end),
		cmocka_unit_test(a_long_message_goes_whole),
		cmocka_unit_test(a_message_cut_short_is_an_error),
		cmocka_unit_test(process_names_lie),
		cmocka_unit_test(exit_status_from_a_pidfd),
		cmocka_unit_test(sockets_carry_descriptors),
		cmocka_unit_test(closed_by_somebody_else),
		cmocka_unit_test(a_tool_and_what_it_says),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

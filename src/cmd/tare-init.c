/* tare-init: PID 1 of a container (`--init`), and a subreaper for whoever needs one.
 *
 *     tare-init [-g] [--] COMMAND [ARG...]
 *
 * A program that was not written to be PID 1 leaves zombies unreaped and dies of no signal it does not handle. This
 * one starts it as its child, passes every signal on, reaps everything that ends, and exits with the child's code
 * (128 + signal). All signals are blocked and taken with sigwaitinfo(2), so nothing here races with a handler. With a
 * terminal the child becomes the foreground process group, so that Ctrl-C reaches it and not us.
 *
 *     -g   signals go to the child's whole process group
 *
 * It parses nothing but its arguments and trusts the command no more than the kernel does. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/io.h"
#include "base/log.h"
#include "sys/proc.h"
#include "sys/spawn.h"

enum { EXIT_USAGE = 125, EXIT_NOEXEC = 126, EXIT_MISSING = 127 };

/* Signals that speak of us, not to the child: faults, and the terminal's job control which we only ignore. */
static bool forwarded(int sig)
{
	switch (sig) {
	case SIGCHLD:
	case SIGTTIN:
	case SIGTTOU:
	case SIGSEGV:
	case SIGBUS:
	case SIGFPE:
	case SIGILL:
		return false;
	default:
		return true;
	}
}

/* From both sides, so that the group is there before either goes on. The child's exec may have been first (EACCES). */
static void own_group(pid_t child)
{
	(void)setpgid(child, child);
}

/* In the child: what a service manager passed to us is for the command, which takes it only when it is named (sd_listen_fds(3)). */
static void own_sockets(void)
{
	const char *of = getenv("LISTEN_PID");
	char pid[16];

	(void)snprintf(pid, sizeof(pid), "%d", (int)getppid());
	if (!of || strcmp(of, pid) != 0)
		return;
	(void)snprintf(pid, sizeof(pid), "%d", (int)getpid());
	(void)setenv("LISTEN_PID", pid, 1);
}

/* In the child: a process group of its own, in the foreground when there is a terminal. Gives only on failure. */
static int become(char *const *argv, const sigset_t *original)
{
	own_group(0);
	/* SIGTTOU is blocked here, so a background group may do this */
	if (isatty(STDIN_FILENO))
		(void)tcsetpgrp(STDIN_FILENO, getpgrp());
	own_sockets();
	(void)sigprocmask(SIG_SETMASK, original, NULL);
	(void)execvp(argv[0], argv);
	return errno;
}

/* Reaps all that ended; true when the child itself was among them. */
static bool reap(pid_t child, int *status)
{
	bool ended = false;
	int s;
	pid_t pid;

	while ((pid = waitpid(-1, &s, WNOHANG)) > 0) {
		if (pid == child) {
			*status = s;
			ended = true;
		}
	}
	return ended;
}

static int serve(pid_t child, bool group, const sigset_t *all)
{
	int status = 0;

	for (;;) {
		siginfo_t info;
		int sig = sigwaitinfo(all, &info);

		if (sig == SIGCHLD) {
			if (reap(child, &status))
				return proc_exit_code(status);
		} else if (sig > 0 && forwarded(sig)) {
			(void)kill(group ? -child : child, sig);
		}
	}
}

int main(int argc, char **argv)
{
	bool group = false;
	sigset_t all, original;
	pid_t child;
	int i = 1;

	io_reserve_stdio();
	log_setup("tare-init", STDERR_FILENO, LOG_FORMAT_PLAIN, LOG_LEVEL_INFO);
	if (i < argc && !strcmp(argv[i], "-g")) {
		group = true;
		i++;
	}
	if (i < argc && !strcmp(argv[i], "--"))
		i++;
	else if (i < argc && argv[i][0] == '-')
		i = argc;
	if (i >= argc) {
		log_error("usage: tare-init [-g] [--] COMMAND [ARG...]");
		return EXIT_USAGE;
	}
	if (getpid() != 1 && prctl(PR_SET_CHILD_SUBREAPER, 1UL) < 0)
		log_warning("cannot become a subreaper: %s", strerror(errno));
	/* inherited as ignored it would reap for us, and the child's exit code would be lost */
	(void)signal(SIGCHLD, SIG_DFL);
	sigfillset(&all);
	(void)sigprocmask(SIG_SETMASK, &all, &original);
	child = spawn_fork(NULL);
	if (child == 0) {
		int failed = become(argv + i, &original);

		log_error("%s: %s", argv[i], strerror(failed));
		_exit(failed == ENOENT ? EXIT_MISSING : EXIT_NOEXEC);
	}
	if (child < 0) {
		log_error("fork: %s", strerror((int)-child));
		return EXIT_USAGE;
	}
	/* what is the command's alone: who waits for the last to close it waits for the command */
	(void)syscall(SYS_close_range, 3U, ~0U, 0U);
	own_group(child);
	return serve(child, group, &all);
}

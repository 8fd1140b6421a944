#include "sys/signals.h"

#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>

#define KERNEL_SIGNALS 64
#define KERNEL_SIGSET 8UL /* bytes of the kernel's signal mask */

int signals_reset(void)
{
	static const unsigned long dfl[8]; /* struct sigaction as the kernel has it, all zero: SIG_DFL */
	sigset_t none;

	/* SIGKILL and SIGSTOP refuse, and are at their default anyway */
	for (int sig = 1; sig <= KERNEL_SIGNALS; sig++)
		(void)syscall(SYS_rt_sigaction, sig, dfl, NULL, KERNEL_SIGSET);
	sigemptyset(&none);
	return sigprocmask(SIG_SETMASK, &none, NULL) < 0 ? -errno : 0;
}

static void end(int sig)
{
	_exit(128 + sig);
}

int signals_let_end(void)
{
	static const int ending[] = { SIGHUP, SIGINT, SIGQUIT, SIGTERM };
	struct sigaction action = { .sa_handler = end };

	for (size_t i = 0; i < sizeof(ending) / sizeof(*ending); i++)
		if (sigaction(ending[i], &action, NULL) < 0)
			return -errno;
	return 0;
}

/* run and exec without --detach: this process stays, as the parent of the container's.
 *
 * Every signal that can be caught is blocked and read from a signalfd: SIGCHLD reaps (also the orphans a subreaper
 * gets), SIGWINCH resizes, the others go on to the process. With a terminal, bytes are carried both ways: ours is made
 * raw, and input that the container does not read is kept back rather than waited for, so that its output never
 * stalls behind it. poll(2) rather than epoll, because stdin may be a plain file. */
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <termios.h>

#include "base/io.h"
#include "base/log.h"
#include "cmd/oci/oci.h"
#include "sys/proc.h"

struct foreground {
	struct rt_process *p;
	int signals;
	int notify; /* -1: nothing to wait for any more */
	int status; /* waitpid's, once ended */
	bool ended;
	int input; /* stdin while it is carried; -1 = at its end, or there is no terminal */
	char pending[4096]; /* input the container has not taken yet */
	size_t from, to;
	bool raw;
	struct termios saved;
};

void oci_block_signals(bool subreaper)
{
	sigset_t all;

	sigfillset(&all);
	/* faults of our own must end us */
	sigdelset(&all, SIGSEGV);
	sigdelset(&all, SIGBUS);
	sigdelset(&all, SIGILL);
	sigdelset(&all, SIGFPE);
	sigdelset(&all, SIGABRT);
	(void)sigprocmask(SIG_SETMASK, &all, NULL);
	if (subreaper && prctl(PR_SET_CHILD_SUBREAPER, 1UL) < 0)
		log_warning("subreaper: %s", strerror(errno));
}

const struct oci_process *oci_with_size(struct arena *a, const struct oci_process *p)
{
	struct oci_process *sized;
	struct winsize ws;

	if (!p->terminal || p->console_width || p->console_height || ioctl(STDIN_FILENO, TIOCGWINSZ, &ws) < 0)
		return p;
	sized = arena_new(a, struct oci_process);
	if (!sized)
		return p;
	*sized = *p;
	sized->console_height = ws.ws_row;
	sized->console_width = ws.ws_col;
	return sized;
}

static void resize(const struct foreground *f)
{
	struct winsize ws;

	if (f->p->console >= 0 && ioctl(STDIN_FILENO, TIOCGWINSZ, &ws) == 0)
		(void)ioctl(f->p->console, TIOCSWINSZ, &ws);
}

static void reap(struct foreground *f)
{
	int status;
	pid_t pid;

	while ((pid = waitpid(-1, &status, WNOHANG | __WALL)) > 0) {
		if (pid == f->p->pid) {
			f->status = status;
			f->ended = true;
		}
	}
}

static void take_signal(struct foreground *f)
{
	struct signalfd_siginfo si;

	if (io_read_full(f->signals, &si, sizeof(si)) != sizeof(si))
		return;
	if (si.ssi_signo == SIGCHLD)
		reap(f);
	else if (si.ssi_signo == SIGWINCH)
		resize(f);
	else if (si.ssi_signo != SIGPIPE && si.ssi_signo != SIGURG)
		(void)!proc_signal(f->p->pidfd, (int)si.ssi_signo);
}

/* From the container's terminal to our stdout. False: nothing more to read now. */
static bool carry_output(struct foreground *f)
{
	char buf[4096];
	ssize_t n = read(f->p->console, buf, sizeof(buf));

	if (n <= 0)
		return n < 0 && errno == EINTR;
	/* a stdout that went away does not end the container */
	(void)!io_write_full(STDOUT_FILENO, buf, (size_t)n);
	return true;
}

static void read_input(struct foreground *f)
{
	ssize_t n = read(f->input, f->pending, sizeof(f->pending));

	if (n > 0) {
		f->from = 0;
		f->to = (size_t)n;
	} else if (n == 0 || (errno != EINTR && errno != EAGAIN)) {
		f->input = -1;
	}
}

static void carry_input(struct foreground *f)
{
	ssize_t n = write(f->p->console, f->pending + f->from, f->to - f->from);

	if (n > 0)
		f->from += (size_t)n;
	else if (n < 0 && errno != EAGAIN && errno != EINTR)
		f->from = f->to;
}

/* We stay the main process: there is nobody else to name. */
static void take_notice(struct foreground *f)
{
	struct err e = { 0 };
	int r = oci_notify_pass(f->notify, 0, &e);

	if (r < 0)
		log_warning("%s", e.msg);
	if (r != 0)
		f->notify = -1;
}

static int step(struct foreground *f)
{
	bool waiting = f->from < f->to;
	struct pollfd p[] = {
		{ .fd = f->signals, .events = POLLIN },
		{ .fd = f->p->console, .events = (short)(POLLIN | (waiting ? POLLOUT : 0)) },
		{ .fd = waiting ? -1 : f->input, .events = POLLIN },
		{ .fd = f->notify, .events = POLLIN },
	};

	if (poll(p, ARRAY_LEN(p), -1) < 0)
		return errno == EINTR ? 0 : -errno;
	if (p[0].revents)
		take_signal(f);
	if ((p[1].revents & POLLOUT) && waiting)
		carry_input(f);
	/* the slave's last owner is gone: EIO until somebody opens it again, which nobody will */
	if ((p[1].revents & (POLLIN | POLLHUP)) && !carry_output(f) && (p[1].revents & POLLHUP))
		f->p->console = close_fd(f->p->console);
	if (p[2].revents)
		read_input(f);
	if (p[3].revents)
		take_notice(f);
	return 0;
}

void oci_last_words(const struct rt_process *p)
{
	char buf[4096];
	ssize_t n;

	if (p->console < 0 || io_set_nonblock(p->console, true) < 0)
		return;
	n = read(p->console, buf, sizeof(buf));
	if (n > 0)
		(void)!io_write_full(STDERR_FILENO, buf, (size_t)n);
}

static void terminal_setup(struct foreground *f)
{
	struct termios raw;

	if (f->p->console < 0)
		return;
	f->input = STDIN_FILENO;
	(void)!io_set_nonblock(f->p->console, true);
	if (tcgetattr(STDIN_FILENO, &f->saved) == 0) {
		raw = f->saved;
		cfmakeraw(&raw);
		/* the container's terminal leaves newlines to ours, so that they are plain when stdout is none */
		raw.c_oflag |= OPOST;
		f->raw = tcsetattr(STDIN_FILENO, TCSANOW, &raw) == 0;
	}
	resize(f);
}

static void terminal_restore(struct foreground *f)
{
	if (f->raw)
		(void)tcsetattr(STDIN_FILENO, TCSANOW, &f->saved);
}

int oci_foreground(struct rt_process *p, int notify, int *code, struct err *e)
{
	struct foreground f = { .p = p, .notify = notify, .input = -1 };
	CLEANUP_FD int signals = -1;
	sigset_t all;
	int r = 0;

	sigfillset(&all);
	signals = signalfd(-1, &all, SFD_CLOEXEC);
	if (signals < 0)
		return err_errno(e, -errno, "signalfd");
	f.signals = signals;
	terminal_setup(&f);
	reap(&f); /* it may have ended before we looked */
	while (r == 0 && !f.ended)
		r = step(&f);
	while (p->console >= 0 && carry_output(&f))
		;
	terminal_restore(&f);
	if (r < 0)
		return err_errno(e, r, "waiting for process %d", (int)p->pid);
	*code = proc_exit_code(f.status);
	return 0;
}

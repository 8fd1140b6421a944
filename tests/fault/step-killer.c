/* Kills a runtime between any two system calls, again and again, and looks at what its clean-up leaves.
 *
 *	step-killer [OPTION...] --cleanup COMMAND -- PROGRAM ARG...
 *
 *	--caller         kill only the process that made the call; default: it and everything of the runtime
 *	--sample N       only N of the stops, one at random out of each of N equal slices; default: every one
 *	--seed S         for --sample
 *	--setup COMMAND  (sh) before each round
 *	--also FILE      follow the process whose pid is in FILE after the set-up, too: a container's init
 *	--cleanup COMMAND  (sh) after each round; must succeed
 *	--gone PATTERN   (glob, several) nothing may match it after the clean-up
 *
 * A round runs PROGRAM under ptrace(2), with the processes it clones, and counts the system calls of all of them, in the
 * order in which they are entered. At the entry of call n SIGKILL comes: n - 1 calls were made, the n-th was not. What a
 * clone executes is no longer the runtime and is let go; so is everything that is left when a round is over. The first
 * round counts and kills nobody.
 *
 * After the clean-up no process that descends from this one may be left (we are its subreaper), nothing may match the
 * patterns, and the mount table must be what it was (we have a mount namespace of our own, so that nobody else changes
 * it). Prints a line for each round that leaves something, and how many distinct stops were hit: a stop is a process, by
 * the order of birth, and the number of its call; that which process is first varies makes some indexes hit the same. */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <glob.h>
#include <limits.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/io.h"
#include "base/text.h"
#include "sys/syscalls.h"

#define MOST_PROCESSES 64
#define MOST_CALLS 8192
#define MOST_PATTERNS 32
#define MOST_FAILURES 20
#define ROUND_MS 30000 /* of a command */
#define QUIET_MS 60    /* PROGRAM has ended and nothing was called for so long: the round is over */

struct options {
	bool caller;
	unsigned int sample, seed;
	const char *setup, *cleanup, *also;
	const char *patterns[MOST_PATTERNS];
	size_t n_patterns;
	char **command;
};

/* What a round tells. */
struct outcome {
	unsigned int calls;    /* entered, all processes together */
	int process, call;     /* where it was killed: order of birth, number of the call; -1: it was not */
	int number;	       /* of that system call */
	pid_t main;
	bool stuck;
};

struct tracee {
	pid_t pid;
	int calls;
};

struct round {
	const struct options *o;
	unsigned int kill_at; /* 0: never */
	struct tracee t[MOST_PROCESSES];
	size_t n;
	struct outcome out;
	bool main_ended;
};

static void die(const char *what)
{
	perror(what);
	exit(2);
}

static int64_t now_ms(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* ---- one round, in a process of its own: what it traces is free when it ends ---- */

static struct tracee *find(struct round *r, pid_t pid, bool add)
{
	for (size_t i = 0; i < r->n; i++)
		if (r->t[i].pid == pid)
			return &r->t[i];
	if (!add || r->n == MOST_PROCESSES)
		return NULL;
	r->t[r->n] = (struct tracee){ .pid = pid };
	return &r->t[r->n++];
}

/* The slot stays: it is the process's place in the order of birth. */
static void forget(struct round *r, pid_t pid)
{
	struct tracee *t = find(r, pid, false);

	if (t)
		t->pid = 0;
	if (pid == r->out.main)
		r->main_ended = true;
}

static void go_on(pid_t pid, int sig)
{
	(void)ptrace(PTRACE_SYSCALL, pid, 0, sig);
}

static void kill_now(struct round *r, pid_t caller)
{
	for (size_t i = 0; i < r->n; i++)
		if (r->t[i].pid && (!r->o->caller || r->t[i].pid == caller))
			(void)kill(r->t[i].pid, SIGKILL);
}

/* Has it been killed? */
static bool on_call(struct round *r, pid_t pid)
{
	struct tracee *t = find(r, pid, true);
	struct {
		uint8_t op, pad[3];
		uint32_t arch;
		uint64_t ip, sp, nr, args[6], more[4];
	} info = { 0 };

	if (!t || ptrace(PTRACE_GET_SYSCALL_INFO, pid, sizeof(info), &info) < 0 || info.op != PTRACE_SYSCALL_INFO_ENTRY)
		return false;
	t->calls++;
	if (++r->out.calls != r->kill_at)
		return false;
	r->out.process = (int)(t - r->t);
	r->out.call = t->calls;
	r->out.number = (int)info.nr;
	kill_now(r, pid);
	return true;
}

/* A stop of pid; true once somebody was killed. */
static bool on_stop(struct round *r, pid_t pid, int status)
{
	int event = status >> 16, sig = WSTOPSIG(status);
	unsigned long born;

	if (event == PTRACE_EVENT_EXEC) {
		if (pid != r->out.main) {
			forget(r, pid);
			(void)ptrace(PTRACE_DETACH, pid, 0, 0);
			return false;
		}
	} else if (event == PTRACE_EVENT_FORK || event == PTRACE_EVENT_VFORK || event == PTRACE_EVENT_CLONE) {
		if (ptrace(PTRACE_GETEVENTMSG, pid, 0, &born) == 0)
			(void)find(r, (pid_t)born, true);
	} else if (event == PTRACE_EVENT_STOP) {
		(void)find(r, pid, true);
		if (sig == SIGSTOP || sig == SIGTSTP || sig == SIGTTIN || sig == SIGTTOU) {
			(void)ptrace(PTRACE_LISTEN, pid, 0, 0);
			return false;
		}
	} else if (sig == (SIGTRAP | 0x80)) {
		if (on_call(r, pid))
			return true;
	} else if (!event) {
		go_on(pid, sig);
		return false;
	}
	go_on(pid, 0);
	return false;
}

/* Everything is dead: also what was born while the others died. */
static void bury(void)
{
	int status;
	pid_t pid;

	while ((pid = waitpid(-1, &status, __WALL)) > 0 || errno == EINTR)
		if (pid > 0 && WIFSTOPPED(status))
			(void)kill(pid, SIGKILL);
}

static bool all_ended(const struct round *r)
{
	for (size_t i = 0; i < r->n; i++)
		if (r->t[i].pid)
			return false;
	return true;
}

static void follow(struct round *r)
{
	const struct timespec wait = { .tv_nsec = 5 * 1000000L };
	int64_t end = now_ms() + ROUND_MS, last = now_ms();
	sigset_t chld;

	(void)sigemptyset(&chld);
	(void)sigaddset(&chld, SIGCHLD);
	while (!all_ended(r)) {
		int status;
		pid_t pid = waitpid(-1, &status, __WALL | WNOHANG);

		if (pid < 0)
			return;
		if (pid == 0) {
			if (r->main_ended && now_ms() - last > QUIET_MS)
				return;
			if (now_ms() > end) {
				r->out.stuck = true;
				return;
			}
			(void)sigtimedwait(&chld, NULL, &wait);
			continue;
		}
		last = now_ms();
		if (!WIFSTOPPED(status)) {
			forget(r, pid);
		} else if (on_stop(r, pid, status)) {
			if (!r->o->caller)
				bury();
			return;
		}
	}
}

/* Tracing begins with exec: what the process does before is ours. */
static void start(struct round *r, unsigned long options)
{
	int gate[2];
	char c = 0;

	if (pipe2(gate, O_CLOEXEC) < 0)
		die("pipe");
	r->out.main = fork(); /* NOLINT: a test program */
	if (r->out.main < 0)
		die("fork");
	if (r->out.main == 0) {
		(void)close(gate[1]);
		(void)!read(gate[0], &c, 1);
		execvp(r->o->command[0], r->o->command);
		die(r->o->command[0]);
	}
	(void)close(gate[0]);
	(void)find(r, r->out.main, true);
	if (ptrace(PTRACE_SEIZE, r->out.main, 0, options) < 0)
		die("PTRACE_SEIZE");
	(void)close(gate[1]);
}

static void take_also(struct round *r, unsigned long options)
{
	char *text = NULL;
	pid_t pid;

	if (!r->o->also || io_read_file(AT_FDCWD, r->o->also, 64, &text, NULL) < 0)
		return;
	pid = atoi(text);
	free(text);
	if (pid <= 0 || ptrace(PTRACE_SEIZE, pid, 0, options) < 0 || ptrace(PTRACE_INTERRUPT, pid, 0, 0) < 0)
		die("PTRACE_SEIZE of the container's init");
	(void)find(r, pid, true);
}

/* The round's process; gives what became of it by the pipe. */
static _Noreturn void round_main(const struct options *o, unsigned int kill_at, int report)
{
	static const unsigned long options = PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACEEXEC | PTRACE_O_TRACEFORK |
					     PTRACE_O_TRACEVFORK | PTRACE_O_TRACECLONE;
	struct round r = { .o = o, .kill_at = kill_at, .out = { .process = -1 } };
	sigset_t chld;

	(void)sigemptyset(&chld);
	(void)sigaddset(&chld, SIGCHLD);
	(void)prctl(PR_SET_CHILD_SUBREAPER, 0UL, 0UL, 0UL, 0UL); /* a fork does not inherit it; to be sure */
	start(&r, options);
	take_also(&r, options);
	(void)sigprocmask(SIG_BLOCK, &chld, NULL); /* not before: PROGRAM would inherit it */
	follow(&r);
	(void)!write(report, &r.out, sizeof(r.out));
	_exit(0);
}

static struct outcome play(const struct options *o, unsigned int kill_at)
{
	struct outcome out = { .process = -1 };
	int fds[2];
	pid_t pid;

	if (pipe2(fds, O_CLOEXEC) < 0)
		die("pipe");
	pid = fork(); /* NOLINT */
	if (pid < 0)
		die("fork");
	if (pid == 0)
		round_main(o, kill_at, fds[1]);
	(void)close(fds[1]);
	if (read(fds[0], &out, sizeof(out)) != (ssize_t)sizeof(out))
		exit(2); /* it has said why */
	(void)close(fds[0]);
	(void)waitpid(pid, NULL, 0);
	return out;
}

/* ---- around it ---- */

/* Reaps meanwhile whatever has become ours: a pid namespace's init cannot end before its members are reaped. */
static bool ended_within(pid_t pid, int *status, int64_t ms)
{
	int64_t end = now_ms() + ms;

	do {
		int s;
		pid_t r = waitpid(-1, &s, WNOHANG | __WALL);

		if (r == pid)
			*status = s;
		if (r == pid || (kill(pid, 0) < 0 && errno == ESRCH))
			return true;
		if (r == 0)
			(void)poll(NULL, 0, 2);
	} while (now_ms() < end);
	return false;
}

/* Gives false when it failed or took too long; its output is ours. */
static bool shell(const char *command)
{
	pid_t pid;
	int status = 0;

	if (!command)
		return true;
	pid = fork(); /* NOLINT */
	if (pid < 0)
		die("fork");
	if (pid == 0) {
		execl("/bin/sh", "sh", "-c", command, (char *)NULL);
		_exit(127);
	}
	if (!ended_within(pid, &status, ROUND_MS)) {
		(void)kill(pid, SIGKILL);
		(void)waitpid(pid, NULL, 0);
		printf("# took too long: %s\n", command);
		return false;
	}
	if (status)
		printf("# failed with status %#x: %s\n", (unsigned int)status, command);
	return status == 0;
}

static char *mounts(void)
{
	char *text = NULL;

	if (io_read_file(AT_FDCWD, "/proc/self/mountinfo", 16U << 20, &text, NULL) < 0)
		die("/proc/self/mountinfo");
	return text;
}

static void print_children(void)
{
	char command[128];

	(void)fflush(stdout);
	(void)snprintf(command, sizeof(command), "ps -o pid=,stat=,args= --ppid %d | grep -v 'ps -o' | sed 's/^/# process left: /'",
		       (int)getpid());
	(void)shell(command);
}

/* Every descendant that lost its parent is a child of ours by now. */
static bool no_process_left(void)
{
	int64_t end = now_ms() + 2000;
	int status;

	for (;;) {
		pid_t pid = waitpid(-1, &status, WNOHANG | __WALL);

		if (pid < 0 && errno == ECHILD)
			return true;
		if (pid > 0)
			continue;
		if (now_ms() > end)
			break;
		(void)poll(NULL, 0, 2);
	}
	print_children();
	return false;
}

static bool nothing_matches(const struct options *o)
{
	glob_t g = { 0 };
	bool ok = true;

	for (size_t i = 0; i < o->n_patterns; i++)
		if (glob(o->patterns[i], i ? GLOB_APPEND : 0, NULL, &g) == 0)
			ok = false;
	for (size_t i = 0; i < g.gl_pathc; i++)
		printf("# left: %s\n", g.gl_pathv[i]);
	globfree(&g);
	return ok;
}

static bool clean(const struct options *o, const char *before)
{
	bool ok = shell(o->cleanup);
	char *after;

	ok = no_process_left() && ok;
	ok = nothing_matches(o) && ok;
	after = mounts();
	if (strcmp(before, after) != 0) {
		printf("# the mount table has changed\n");
		ok = false;
	}
	free(after);
	return ok;
}

static const char *call_name(int number)
{
	for (size_t i = 0; i < SC_ROWS; i++)
		if (sc_table[i].nr[SC_X86_64] == number)
			return sc_table[i].name;
	return "?";
}

/* A round with all that belongs to it; false when something was left. */
static bool whole_round(const struct options *o, unsigned int kill_at, const char *before, struct outcome *out)
{
	bool ok = shell(o->setup);
	int status = 0;

	*out = play(o, kill_at);
	if (out->stuck)
		printf("# no end of it: %s\n", o->command[0]);
	/* where only a clone of it was killed, it sees that and ends */
	if (!ended_within(out->main, &status, ROUND_MS)) {
		(void)kill(out->main, SIGKILL);
		printf("# it did not end by itself\n");
		ok = false;
	}
	ok = clean(o, before) && ok && !out->stuck;
	if (!ok)
		printf("not clean: killed at stop %u (process %d, its call %d: %s)\n", kill_at, out->process, out->call,
		       out->process < 0 ? "never" : call_name(out->number));
	(void)fflush(stdout);
	return ok;
}

/* ---- which stops ---- */

struct tally {
	unsigned int hit, distinct, failed;
	bool seen[MOST_PROCESSES][MOST_CALLS];
};

static void count(struct tally *t, const struct outcome *out)
{
	if (out->process < 0)
		return;
	t->hit++;
	if (out->call < MOST_CALLS && !t->seen[out->process][out->call]) {
		t->seen[out->process][out->call] = true;
		t->distinct++;
	}
}

static int run(const struct options *o)
{
	static struct tally t;
	char *before = mounts();
	struct outcome out;
	unsigned int total, rounds;

	if (!whole_round(o, 0, before, &out))
		return 1; /* without a kill: the test is wrong */
	total = out.calls;
	rounds = o->sample && o->sample < total ? o->sample : total;
	srandom(o->seed);
	for (unsigned int i = 0; i < rounds && t.failed < MOST_FAILURES; i++) {
		unsigned int from = (unsigned int)((uint64_t)total * i / rounds);
		unsigned int slice = (unsigned int)((uint64_t)total * (i + 1) / rounds) - from;

		t.failed += !whole_round(o, from + 1 + (unsigned int)random() % slice, before, &out);
		count(&t, &out);
	}
	free(before);
	printf("%u of %u rounds killed somebody, %u distinct stops, about %u system calls in all", t.hit, rounds,
	       t.distinct, total);
	if (o->sample)
		printf(", seed %u", o->seed);
	printf("\n");
	return t.failed || !t.hit;
}

static void parse(int argc, char **argv, struct options *o)
{
	static const struct option known[] = {
		{ "caller", no_argument, NULL, 'c' },	     { "sample", required_argument, NULL, 'n' },
		{ "seed", required_argument, NULL, 's' },    { "setup", required_argument, NULL, 'u' },
		{ "also", required_argument, NULL, 'a' },    { "cleanup", required_argument, NULL, 'd' },
		{ "gone", required_argument, NULL, 'g' },    { 0 },
	};
	int c;

	while ((c = getopt_long(argc, argv, "+", known, NULL)) >= 0) {
		if (c == 'c')
			o->caller = true;
		else if (c == 'n')
			o->sample = (unsigned int)strtoul(optarg, NULL, 10);
		else if (c == 's')
			o->seed = (unsigned int)strtoul(optarg, NULL, 10);
		else if (c == 'u')
			o->setup = optarg;
		else if (c == 'a')
			o->also = optarg;
		else if (c == 'd')
			o->cleanup = optarg;
		else if (c == 'g' && o->n_patterns < MOST_PATTERNS)
			o->patterns[o->n_patterns++] = optarg;
		else
			exit(2);
	}
	o->command = argv + optind;
	if (!o->command[0] || !o->cleanup) {
		fprintf(stderr, "step-killer: needs --cleanup and a command\n");
		exit(2);
	}
}

int main(int argc, char **argv)
{
	struct options o = { 0 };

	parse(argc, argv, &o);
	if (prctl(PR_SET_CHILD_SUBREAPER, 1UL, 0UL, 0UL, 0UL) < 0)
		die("subreaper");
	if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
		die("mount namespace");
	return run(&o);
}

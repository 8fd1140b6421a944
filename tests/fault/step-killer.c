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
 * A round runs PROGRAM under ptrace(2), with the processes it clones, and counts the system calls of each of them. A stop
 * is a process, by the order of birth, and the number of its call; at its entry SIGKILL comes: the calls before were made,
 * this one is not. What a clone executes is no longer the runtime and is let go; so is everything that is left when a
 * round is over. The first round kills nobody and finds out which stops there are.
 *
 * After the clean-up no process that descends from this one may be left (we are its subreaper), nothing may match the
 * patterns, and no mount may be there that was not (we have a mount namespace of our own, so that nobody else adds any).
 * Prints a line for each round that leaves something, and how many distinct stops were hit; a call that is not made
 * every time may be missed. */
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
#include <sys/mman.h>
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

struct stop {
	int process, call; /* the first are 0 and 1 */
};

/* What a round tells, in memory that it shares with us. */
struct outcome {
	unsigned int n; /* calls entered, all processes together */
	struct stop stops[MOST_CALLS];
	bool killed;
	int number; /* of the system call it was killed at */
	pid_t main;
	bool stuck;
};

struct tracee {
	pid_t pid;
	int calls;
};

struct round {
	const struct options *o;
	struct stop kill_at; /* call 0: never */
	struct tracee t[MOST_PROCESSES];
	size_t n;
	struct outcome *out;
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
	if (pid == r->out->main)
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
	if (r->out->n < MOST_CALLS)
		r->out->stops[r->out->n++] = (struct stop){ (int)(t - r->t), t->calls };
	if (t->calls != r->kill_at.call || t - r->t != r->kill_at.process)
		return false;
	r->out->killed = true;
	r->out->number = (int)info.nr;
	kill_now(r, pid);
	return true;
}

/* A stop of pid; true once somebody was killed. */
static bool on_stop(struct round *r, pid_t pid, int status)
{
	int event = status >> 16, sig = WSTOPSIG(status);
	unsigned long born;

	if (event == PTRACE_EVENT_EXEC) {
		if (pid != r->out->main) {
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
				r->out->stuck = true;
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
	pid_t pid;

	if (pipe2(gate, O_CLOEXEC) < 0)
		die("pipe");
	pid = fork(); /* NOLINT: a test program */
	if (pid < 0)
		die("fork");
	if (pid == 0) {
		/* what it leaves behind must not hold our caller's pipe */
		int null = open("/dev/null", O_RDWR | O_CLOEXEC);

		if (null < 0 || dup2(null, 1) < 0 || dup2(null, 2) < 0)
			die("/dev/null");
		(void)close(gate[1]);
		(void)!read(gate[0], &c, 1);
		execvp(r->o->command[0], r->o->command);
		die(r->o->command[0]);
	}
	(void)close(gate[0]);
	r->out->main = pid;
	(void)find(r, pid, true);
	if (ptrace(PTRACE_SEIZE, r->out->main, 0, options) < 0)
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

/* The round's process. */
static _Noreturn void round_main(const struct options *o, struct stop kill_at, struct outcome *out)
{
	static const unsigned long options = PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACEEXEC | PTRACE_O_TRACEFORK |
					     PTRACE_O_TRACEVFORK | PTRACE_O_TRACECLONE;
	struct round r = { .o = o, .kill_at = kill_at, .out = out };
	sigset_t chld;

	(void)sigemptyset(&chld);
	(void)sigaddset(&chld, SIGCHLD);
	start(&r, options);
	take_also(&r, options);
	(void)sigprocmask(SIG_BLOCK, &chld, NULL); /* not before: PROGRAM would inherit it */
	follow(&r);
	_exit(0);
}

static void play(const struct options *o, struct stop kill_at, struct outcome *out)
{
	int status;
	pid_t pid = fork(); /* NOLINT */

	if (pid < 0)
		die("fork");
	if (pid == 0)
		round_main(o, kill_at, out);
	if (waitpid(pid, &status, 0) < 0 || status)
		exit(2); /* it has said why */
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

/* "ID … … … POINT …": is a mount of this id there, at the same place? */
static bool is_mounted(const char *table, const char *id, const char *point)
{
	for (const char *line = table; line; line = strchr(line, '\n')) {
		char other[32], at[PATH_MAX];

		line += *line == '\n';
		if (sscanf(line, "%31s %*s %*s %*s %4095s", other, at) == 2 && !strcmp(id, other) && !strcmp(point, at))
			return true;
	}
	return false;
}

/* What was there may go: others remove the folders they had mounted on. */
static bool no_mount_left(const char *before)
{
	char *after = mounts(), *rest = NULL;
	bool ok = true;

	for (char *line = strtok_r(after, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest)) {
		char id[32], point[PATH_MAX];

		if (sscanf(line, "%31s %*s %*s %*s %4095s", id, point) != 2 || is_mounted(before, id, point))
			continue;
		printf("# left: mount %s\n", line);
		ok = false;
	}
	free(after);
	return ok;
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

static size_t matches(const struct options *o, glob_t *g)
{
	memset(g, 0, sizeof(*g));
	for (size_t i = 0; i < o->n_patterns; i++)
		(void)glob(o->patterns[i], i ? GLOB_APPEND : 0, NULL, g);
	return g->gl_pathc;
}

/* What another program takes away (systemd a scope whose process is gone) may take its time. */
static bool nothing_matches(const struct options *o)
{
	int64_t end = now_ms() + 2000;
	bool ok;
	glob_t g;

	while (!(ok = matches(o, &g) == 0) && now_ms() < end) {
		globfree(&g);
		(void)poll(NULL, 0, 20);
	}
	for (size_t i = 0; i < g.gl_pathc; i++)
		printf("# left: %s\n", g.gl_pathv[i]);
	globfree(&g);
	return ok;
}

static bool clean(const struct options *o, const char *before)
{
	bool ok = shell(o->cleanup);

	ok = no_process_left() && ok;
	ok = nothing_matches(o) && ok;
	return no_mount_left(before) && ok;
}

static const char *call_name(int number)
{
	for (size_t i = 0; i < SC_ROWS; i++)
		if (sc_table[i].nr[SC_X86_64] == number)
			return sc_table[i].name;
	return "?";
}

/* A round with all that belongs to it; false when something was left. */
static bool whole_round(const struct options *o, struct stop kill_at, const char *before, struct outcome *out)
{
	bool ok = shell(o->setup);
	int status = 0;

	memset(out, 0, sizeof(*out));
	play(o, kill_at, out);
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
		printf("not clean: killed at call %d of process %d: %s\n", kill_at.call, kill_at.process,
		       out->killed ? call_name(out->number) : "not at all");
	(void)fflush(stdout);
	return ok;
}

/* ---- which stops ---- */

/* Slice i of n equal ones of the whole, one of it at random. */
static unsigned int pick(unsigned int i, unsigned int n, unsigned int whole)
{
	unsigned int from = (unsigned int)((uint64_t)whole * i / n);
	unsigned int slice = (unsigned int)((uint64_t)whole * (i + 1) / n) - from;

	return from + (unsigned int)random() % slice;
}

static int run(const struct options *o)
{
	static struct stop all[MOST_CALLS];
	struct outcome *out = mmap(NULL, sizeof(*out), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	unsigned int total, rounds, hit = 0, failed = 0;
	char *before = mounts();

	if (out == MAP_FAILED)
		die("mmap");
	if (!whole_round(o, (struct stop){ 0 }, before, out))
		return 1; /* without a kill: the test is wrong */
	total = out->n;
	memcpy(all, out->stops, sizeof(all));
	rounds = o->sample && o->sample < total ? o->sample : total;
	srandom(o->seed);
	for (unsigned int i = 0; i < rounds && failed < MOST_FAILURES; i++) {
		failed += !whole_round(o, all[pick(i, rounds, total)], before, out);
		hit += out->killed;
	}
	free(before);
	printf("%u distinct stops hit of %u chosen, %u system calls in all", hit, rounds, total);
	if (o->sample)
		printf(", seed %u", o->seed);
	printf("\n");
	return failed || !hit;
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

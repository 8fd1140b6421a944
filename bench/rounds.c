/* rounds N [-w NS] LABEL COMMAND [LABEL COMMAND…]: runs the commands in turn (A B A B …), N times each after one unmeasured
 * round, and prints a line "LABEL WALL CPU RSS" for each run: microseconds, microseconds of user and system time, and the
 * peak of memory in kB, of the command and all that it waited for. Commands are split at blanks and get /dev/null for
 * stdin and stdout. One whose label ends in "*" runs in the mount namespace NS (a file), entered before its time begins.
 * Small and static, for a child's peak is at least its parent's. */
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

struct command {
	char *label;
	char *argv[64];
	int ns;
};

static void die(const char *what)
{
	(void)fprintf(stderr, "bench/rounds: %s\n", what);
	exit(1);
}

static double now(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

static double micros(struct timeval t)
{
	return (double)t.tv_sec * 1e6 + (double)t.tv_usec;
}

static void run(const struct command *c, int go)
{
	int null = open("/dev/null", O_RDWR);
	char byte;

	if (c->ns >= 0 && setns(c->ns, CLONE_NEWNS) < 0)
		die("cannot enter the mount namespace");
	(void)dup2(null, 0);
	(void)dup2(null, 1);
	(void)close(null);
	if (read(go, &byte, 1) == 1)
		(void)execvp(c->argv[0], c->argv);
	die(c->argv[0]);
}

static void measure(const struct command *c, int tell)
{
	struct rusage u;
	int go[2], status;
	double start;
	pid_t pid;

	if (pipe2(go, O_CLOEXEC) < 0 || (pid = fork()) < 0)
		die("cannot fork");
	if (pid == 0)
		run(c, go[0]);
	(void)usleep(2000); /* until it waits for its start */
	start = now();
	if (write(go[1], "g", 1) != 1 || wait4(pid, &status, 0, &u) != pid)
		die("cannot wait");
	start = now() - start;
	if (status != 0) {
		(void)fprintf(stderr, "bench/rounds: %s ended with %d\n", c->label, status);
		exit(1);
	}
	(void)close(go[0]);
	(void)close(go[1]);
	if (tell)
		printf("%s %.0f %.0f %ld\n", c->label, start, micros(u.ru_utime) + micros(u.ru_stime), u.ru_maxrss);
}

static void parse(struct command *c, char *label, char *command, int ns)
{
	size_t n = 0;

	c->label = label;
	c->ns = -1;
	if (label[strlen(label) - 1] == '*') {
		label[strlen(label) - 1] = '\0';
		c->ns = ns;
	}
	for (char *w = strtok(command, " "); w && n < 63; w = strtok(NULL, " "))
		c->argv[n++] = w;
	c->argv[n] = NULL;
}

int main(int argc, char **argv)
{
	static struct command commands[16];
	int rounds, n = 0, ns = -1, at = 2;

	if (argc < 4)
		die("usage: rounds N [-w NS] LABEL COMMAND [LABEL COMMAND…]");
	rounds = atoi(argv[1]);
	if (!strcmp(argv[at], "-w")) {
		ns = open(argv[at + 1], O_RDONLY | O_CLOEXEC);
		if (ns < 0)
			die("cannot open the mount namespace");
		at += 2;
	}
	for (; at + 1 < argc && n < 16; at += 2)
		parse(&commands[n++], argv[at], argv[at + 1], ns);
	for (int i = 0; i <= rounds; i++)
		for (int k = 0; k < n; k++)
			measure(&commands[k], i > 0);
	return 0;
}

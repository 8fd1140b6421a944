#include "sys/proc.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <fcntl.h>

#include "base/io.h"
#include "base/text.h"

/* linux/pidfd.h of 6.15; Debian 12's headers are 6.1 */
struct pidfd_info_615 {
	uint64_t mask;
	uint64_t cgroupid;
	uint32_t pid, tgid, ppid, ruid, rgid, euid, egid, suid, sgid, fsuid, fsgid;
	int32_t exit_code;
};
#define PIDFD_GET_INFO_615 _IOWR(0xFF, 11, struct pidfd_info_615)
#define PIDFD_INFO_EXIT_615 (1ULL << 3)

int proc_pidfd(pid_t pid)
{
	long fd = syscall(SYS_pidfd_open, pid, 0U);

	return fd < 0 ? -errno : (int)fd;
}

int proc_signal(int pidfd, int sig)
{
	return syscall(SYS_pidfd_send_signal, pidfd, sig, NULL, 0U) < 0 ? -errno : 0;
}

/* What /proc/PID/stat says behind the last ')': the command name may hold anything. */
struct stat_fields {
	char state;
	int ppid, session;
	unsigned long long start, code;
	int exit_code; /* 0 when we may not know */
};

/* What stands behind n more spaces; NULL: nothing. */
static const char *words_on(const char *p, unsigned int n)
{
	for (; p && n; p++) {
		if (!*p)
			return NULL;
		n -= *p == ' ';
	}
	return p;
}

static int read_stat(pid_t pid, struct stat_fields *f)
{
	const char *p, *start;
	char path[32], number[TEXT_U64_LEN], buf[1024];
	CLEANUP_FD int fd = -1;
	ssize_t n = TEXT_JOIN(path, sizeof(path), "/proc/", text_of_u64((uint64_t)pid, number), "/stat");

	*f = (struct stat_fields){ 0 };
	if (n < 0)
		return (int)n;
	fd = openat(AT_FDCWD, path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return errno == ENOENT ? -ESRCH : -errno;
	n = io_read_text(fd, buf, sizeof(buf));
	if (n < 0)
		return (int)n;
	p = strrchr(buf, ')');
	/* fields 3, 4, 6, 22, 26 and, where the line is whole, 52, the last one */
	p = words_on(p, 1);
	start = words_on(p, 19);
	if (!start)
		return -ESRCH;
	f->state = *p;
	f->ppid = (int)strtol(words_on(p, 1), NULL, 10);
	f->session = (int)strtol(words_on(p, 3), NULL, 10);
	f->start = strtoull(start, NULL, 10);
	p = words_on(start, 4);
	f->code = p ? strtoull(p, NULL, 10) : 0;
	p = words_on(p, 26);
	f->exit_code = p ? (int)strtol(p, NULL, 10) : 0;
	return 0;
}

int proc_start_time(pid_t pid, uint64_t *out)
{
	struct stat_fields f;
	int r = read_stat(pid, &f);

	if (r == 0)
		*out = f.start;
	return r;
}

int proc_parent(pid_t pid, pid_t *ppid, char *state)
{
	struct stat_fields f;
	int r = read_stat(pid, &f);

	if (r == 0) {
		*ppid = f.ppid;
		*state = f.state;
	}
	return r;
}

static bool has_ended(const struct stat_fields *f)
{
	return f->state == 'Z' || f->state == 'X';
}

int proc_family(pid_t pid, pid_t *ppid, pid_t *session)
{
	struct stat_fields f;
	int r = read_stat(pid, &f);

	if (r < 0)
		return r;
	*ppid = f.ppid;
	*session = f.session;
	return has_ended(&f) ? -ESRCH : 0;
}

int proc_look(pid_t pid, uint64_t *start_time, uint64_t *code)
{
	struct stat_fields f;
	int r = read_stat(pid, &f);

	if (r < 0)
		return r;
	*start_time = f.start;
	*code = f.code > 1 ? f.code : 0;
	return has_ended(&f) ? -ESRCH : 0;
}

int proc_check(pid_t pid, uint64_t start_time)
{
	uint64_t start, code;
	int r = proc_look(pid, &start, &code);

	return r == 0 && start != start_time ? -ESRCH : r;
}

int proc_open_checked(pid_t pid, uint64_t start_time)
{
	CLEANUP_FD int fd = proc_pidfd(pid);
	int r = fd < 0 ? fd : proc_check(pid, start_time);

	return r < 0 ? r : take_fd(&fd);
}

int proc_zombie_status(pid_t pid, uint64_t start_time, int *status)
{
	struct stat_fields f;
	int r = read_stat(pid, &f);

	if (r < 0)
		return r;
	if (f.start != start_time)
		return -ESRCH;
	if (!has_ended(&f))
		return -EAGAIN;
	*status = f.exit_code;
	return 0;
}

int proc_boot_id(char out[PROC_BOOT_ID_LEN])
{
	CLEANUP_FD int fd = openat(AT_FDCWD, "/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);
	ssize_t n;

	if (fd < 0)
		return -errno;
	n = io_read_full(fd, out, PROC_BOOT_ID_LEN - 1);
	if (n != PROC_BOOT_ID_LEN - 1)
		return n < 0 ? (int)n : -EBADMSG;
	out[PROC_BOOT_ID_LEN - 1] = '\0';
	return 0;
}

int proc_exit_status(int pidfd, int *status)
{
	struct pidfd_info_615 info = { .mask = PIDFD_INFO_EXIT_615 };

	if (ioctl(pidfd, PIDFD_GET_INFO_615, &info) < 0)
		return errno == ENOTTY || errno == EINVAL ? -EOPNOTSUPP : -errno;
	if (!(info.mask & PIDFD_INFO_EXIT_615))
		return -EAGAIN;
	*status = info.exit_code;
	return 0;
}

int proc_exit_code(int status)
{
	if (WIFSIGNALED(status))
		return 128 + WTERMSIG(status);
	return WEXITSTATUS(status);
}

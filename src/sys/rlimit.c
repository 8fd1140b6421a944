#include "sys/rlimit.h"

#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>

static const struct {
	const char *name;
	int number;
} names[] = {
	{ "RLIMIT_AS", RLIMIT_AS },
	{ "RLIMIT_CORE", RLIMIT_CORE },
	{ "RLIMIT_CPU", RLIMIT_CPU },
	{ "RLIMIT_DATA", RLIMIT_DATA },
	{ "RLIMIT_FSIZE", RLIMIT_FSIZE },
	{ "RLIMIT_LOCKS", RLIMIT_LOCKS },
	{ "RLIMIT_MEMLOCK", RLIMIT_MEMLOCK },
	{ "RLIMIT_MSGQUEUE", RLIMIT_MSGQUEUE },
	{ "RLIMIT_NICE", RLIMIT_NICE },
	{ "RLIMIT_NOFILE", RLIMIT_NOFILE },
	{ "RLIMIT_NPROC", RLIMIT_NPROC },
	{ "RLIMIT_RSS", RLIMIT_RSS },
	{ "RLIMIT_RTPRIO", RLIMIT_RTPRIO },
	{ "RLIMIT_RTTIME", RLIMIT_RTTIME },
	{ "RLIMIT_SIGPENDING", RLIMIT_SIGPENDING },
	{ "RLIMIT_STACK", RLIMIT_STACK },
};

int rlimit_number(const char *name)
{
	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		if (!strcmp(names[i].name, name))
			return names[i].number;
	return -EINVAL;
}

/* the kernel's struct rlimit64: libc's rlim_t has had several sizes */
struct limit64 {
	uint64_t cur, max;
};

int rlimit_get(pid_t pid, int number, uint64_t *soft, uint64_t *hard)
{
	struct limit64 l;

	if (syscall(SYS_prlimit64, pid, number, NULL, &l) < 0)
		return -errno;
	*soft = l.cur;
	*hard = l.max;
	return 0;
}

int rlimit_set(pid_t pid, int number, uint64_t soft, uint64_t hard)
{
	struct limit64 l = { .cur = soft, .max = hard };

	return syscall(SYS_prlimit64, pid, number, &l, NULL) < 0 ? -errno : 0;
}

#include "base/watch.h"

#include <errno.h>
#include <sys/inotify.h>
#include <sys/timerfd.h>
#include <unistd.h>

#define TICK_NS 30000000

static int open_ticking(void)
{
	const struct itimerspec tick = { .it_interval.tv_nsec = TICK_NS, .it_value.tv_nsec = TICK_NS };
	CLEANUP_FD int fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);

	if (fd < 0 || timerfd_settime(fd, 0, &tick, NULL) < 0)
		return -errno;
	return take_fd(&fd);
}

int watch_open(const char *path, uint32_t mask)
{
	CLEANUP_FD int fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);

	/* EMFILE: instances, of the user or descriptors of ours; ENOSPC: watches */
	if (fd < 0 && errno != EMFILE)
		return -errno;
	if (fd >= 0 && inotify_add_watch(fd, path, mask) >= 0)
		return take_fd(&fd);
	return fd < 0 || errno == ENOSPC ? open_ticking() : -errno;
}

void watch_clear(int fd)
{
	char events[4096];

	while (read(fd, events, sizeof(events)) > 0)
		;
}

#include "monitor/progress.h"

#include <fcntl.h>
#include <sys/mman.h>

int progress_open(int state_dir)
{
	CLEANUP_FD int fd = openat(state_dir, PROGRESS_FILE, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);

	if (fd < 0)
		return -errno;
	if (ftruncate(fd, sizeof(struct progress)) < 0)
		return -errno;
	return take_fd(&fd);
}

static int map(int fd, int flags, struct progress **out)
{
	void *p = mmap(NULL, sizeof(struct progress), PROT_READ | PROT_WRITE, flags, fd, 0);

	if (p == MAP_FAILED)
		return -errno;
	*out = p;
	return 0;
}

int progress_map(int fd, struct progress **out)
{
	return map(fd, MAP_SHARED, out);
}

int progress_anonymous(struct progress **out)
{
	return map(-1, MAP_PRIVATE | MAP_ANONYMOUS, out);
}

void progress_unmap(struct progress *p)
{
	if (p)
		(void)munmap(p, sizeof(*p));
}

void progress_publish_exit(struct progress *p, bool known, int status)
{
	progress_set(p->status, status);
	progress_set(p->exit, (uint32_t)(known ? PROGRESS_EXITED : PROGRESS_EXITED_UNKNOWN));
}

/* Before the streams are read, so that what is written first is theirs, too. The name goes after the connection: its end without one says that
 * nobody will come. */
#include "monitor/waiting.h"

#include <dirent.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>

#include "base/io.h"
#include "base/text.h"
#include "sys/sock.h"

static void take(struct attach *a, int dir, const char *name)
{
	const char *flags = strrchr(name, '.');
	uint32_t want = 0;
	int fd;

	if (!flags || text_u32(flags + 1, &want) < 0 || want & ~FRAME_WANT_STREAMS)
		return;
	fd = sock_connect(dir, name, SOCK_STREAM);
	if (fd >= 0 && io_set_nonblock(fd, true) == 0)
		(void)!attach_waiting(a, fd, want);
	else
		close_fd(fd);
	(void)unlinkat(dir, name, 0);
}

void waiting_take(struct attach *a, int state_dir)
{
	int fd = openat(state_dir, "waiting", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	DIR *d = fd < 0 ? NULL : fdopendir(fd);
	const struct dirent *entry;

	if (!d) {
		close_fd(fd);
		return;
	}
	while ((entry = readdir(d)))
		if (entry->d_name[0] != '.')
			take(a, dirfd(d), entry->d_name);
	(void)closedir(d);
}

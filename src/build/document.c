/* A FIFO would be waited for, a device may do something when it is opened, and a link to a file of the machine's would show that in messages:
 * so the path is resolved beneath the context, and opened for reading once it is known to be a file. */
#include "build/document.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/beneath.h"
#include "base/io.h"

static int open_beneath(int context, const char *name, int *out, struct err *e)
{
	CLEANUP_FD int found = beneath_open(context, name, BENEATH_IN_ROOT, O_PATH, 0), link = -1;
	char path[IO_FD_PATH_LEN];
	struct stat st;

	if (found == -ENOENT) {
		link = beneath_open(context, name, BENEATH_IN_ROOT, O_PATH | O_NOFOLLOW, 0);
		return link < 0 ? 1 : err_set(e, ERR_INVALID, "%s is a link that leads to nothing in the context", name);
	}
	if (found < 0 || fstat(found, &st) < 0)
		return err_errno(e, found < 0 ? found : -errno, "%s", name);
	if (!S_ISREG(st.st_mode))
		return err_set(e, ERR_INVALID, "%s is %s, and no file", name, S_ISDIR(st.st_mode) ? "a folder" : "a device, a FIFO or a socket");
	*out = open(io_fd_path(found, path), O_RDONLY | O_CLOEXEC);
	return *out < 0 ? err_errno(e, -errno, "%s", name) : 0;
}

/* What the caller names. */
static int open_any(const char *name, int *out, struct err *e)
{
	*out = open(name, O_RDONLY | O_CLOEXEC);
	return *out >= 0 ? 0 : errno == ENOENT ? 1 : err_errno(e, -errno, "%s", name);
}

static int read_all(int fd, const char *name, size_t max, char **text, size_t *len, struct err *e)
{
	int r = io_read_fd(fd, max, text, len);

	if (r == -EFBIG)
		return err_set(e, ERR_LIMIT, "%s is larger than %zu bytes", name, max);
	return r < 0 ? err_errno(e, r, "%s", name) : 0;
}

int document_read(int context, const char *name, size_t max, char **text, size_t *len, struct err *e)
{
	CLEANUP_FD int fd = -1;
	int r = context == AT_FDCWD ? open_any(name, &fd, e) : open_beneath(context, name, &fd, e);

	return r != 0 ? r : read_all(fd, name, max, text, len, e);
}

int document_read_stdin(size_t max, char **text, size_t *len, struct err *e)
{
	return read_all(STDIN_FILENO, "standard input", max, text, len, e);
}

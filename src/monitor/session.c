#include "monitor/session.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/file.h>

#include "base/io.h"
#include "monitor/crew.h"

#define STATE_DIR 3
#define SESSION "session"

/* Another state folder's owner may have taken our place under that name. */
static bool is_ours(void)
{
	CLEANUP_FREE char *text = NULL;

	return io_read_file(STATE_DIR, SESSION, 256, &text, NULL) == 0 && atoi(text) == (int)getpid();
}

int session_hold(struct err *e)
{
	CLEANUP_FD int lock = -1;

	crew_quiet();
	lock = openat(STATE_DIR, "session.lock", O_RDWR | O_NOFOLLOW | O_CLOEXEC);
	if (lock < 0)
		return err_errno(e, -errno, "open session.lock");
	while (flock(lock, LOCK_EX) < 0)
		if (errno != EINTR)
			return err_errno(e, -errno, "lock session.lock");
	if (is_ours() && unlinkat(STATE_DIR, SESSION, 0) < 0)
		return err_errno(e, -errno, "remove " SESSION);
	return 0;
}

/* One small process that holds nothing but its lock. It has no successor: when it is killed, the next tare command sees the lock free. */
#include "monitor/rest.h"

#include <poll.h>
#include <stdint.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/io.h"
#include "base/log.h"
#include "base/text.h"
#include "monitor/crew.h"

#define LOCKED 3
#define LOCKED_PATH "/proc/self/fd/3"
#define MOST_MS 3600000U

static bool is_removed(void)
{
	struct stat st;

	return fstat(LOCKED, &st) < 0 || st.st_nlink == 0;
}

/* True when the time is over, false when the file went. */
static bool rest(int64_t ms)
{
	CLEANUP_FD int watch = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	struct pollfd p = { .fd = watch, .events = POLLIN };
	int64_t until = clock_ms() + ms, left;
	char events[512];

	/* where it cannot be watched we are told too late, and what we execute finds nothing to do */
	if (watch >= 0 && inotify_add_watch(watch, LOCKED_PATH, IN_ATTRIB) < 0)
		p.fd = -1;
	while (!is_removed()) {
		left = until - clock_ms();
		if (left <= 0)
			return true;
		if (poll(&p, 1, (int)left) > 0)
			(void)!read(watch, events, sizeof(events));
	}
	return false;
}

int rest_main(char **argv)
{
	uint32_t ms;

	crew_quiet();
	if (!argv[0] || !argv[1] || text_u32(argv[0], &ms) < 0 || ms > MOST_MS) {
		log_error("rest: how long, and then?");
		return 125;
	}
	if (!rest(ms))
		return 0;
	/* the lock goes on with the program */
	if (io_set_cloexec(LOCKED, false) == 0)
		(void)execv(argv[1], argv + 1);
	log_error("%s: %s", argv[1], strerror(errno));
	return 1;
}

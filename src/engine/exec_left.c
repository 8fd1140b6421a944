/* The monitor of such a process removes its STATE/ID/exec/EXECID.json when it has told the end. What names a monitor
 * that is gone, and a process that is gone, is of one that was killed; between telling and removing, too, so the event
 * has a text that names it (wire/event.h). */
#include "engine/exec_left.h"

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/io.h"
#include "base/json.h"
#include "engine/events.h"
#include "sys/proc.h"

#define STATE_MAX 65536
#define MONITOR "tare-monitor\n"
#define UNKNOWN 255
#define SOON_MS 10
#define LOST_ROUNDS 20

/* That pid is a monitor, if not that very one: then the next who looks tells it. A dead one waits for its parent, who
 * may be us. */
static bool is_monitor(int64_t pid)
{
	CLEANUP_FREE char *name = NULL;
	char path[64], state;
	pid_t parent;

	(void)snprintf(path, sizeof(path), "/proc/%lld/comm", (long long)pid);
	return pid > 0 && proc_parent((pid_t)pid, &parent, &state) == 0 && state != 'Z' && state != 'X' &&
	       io_read_file(AT_FDCWD, path, 64, &name, NULL) == 0 && strcmp(name, MONITOR) == 0;
}

/* Who a record names: its monitor, and the process (pid 0: not yet). */
struct named {
	int64_t worker, pid;
	uint64_t started;
	bool ended; /* its end was told, and is kept (engine/execs.h) */
};

/* A record that cannot be read is being written, or no record. */
static bool read_named(int dir, const char *name, struct named *out)
{
	CLEANUP_ARENA struct arena a = ARENA_INIT;
	CLEANUP_FREE char *text = NULL;
	const struct json *doc;
	struct err ignored;
	size_t len;

	*out = (struct named){ 0 };
	if (io_read_file(dir, name, STATE_MAX, &text, &len) < 0 || json_parse(&a, text, len, NULL, &doc, &ignored) < 0)
		return false;
	out->ended = strcmp(json_text(doc, "status", ""), "exited") == 0;
	return json_get_i64(doc, "state", "worker", &out->worker, &ignored) == 0 && json_get_i64(doc, "state", "pid", &out->pid, &ignored) == 0 &&
	       json_get_u64(doc, "state", "startTime", &out->started, &ignored) == 0;
}

static bool process_lives(const struct named *n)
{
	return n->pid > 0 && proc_check((pid_t)n->pid, n->started) != -ESRCH;
}

/* Whether both are gone. */
static bool is_left(int dir, const char *name)
{
	struct named n;

	return read_named(dir, name, &n) && !n.ended && !is_monitor(n.worker) && !process_lives(&n);
}

/* NULL: nothing was ever executed in it. */
static DIR *open_records(const struct engine *en, const char *container)
{
	char path[NAME_MAX + 1];
	DIR *d;
	int fd;

	(void)snprintf(path, sizeof(path), "%s/exec", container);
	fd = openat(en->state_fd, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	d = fd < 0 ? NULL : fdopendir(fd);
	if (!d)
		close_fd(fd);
	return d;
}

static bool is_record(const char *name)
{
	const char *end = strrchr(name, '.');

	return end && end - name == ID_LEN && strcmp(end, ".json") == 0;
}

void exec_tell_left(const struct engine *en, const struct record *rec)
{
	CLEANUP_DIR DIR *d = open_records(en, rec->id);
	char id[ID_LEN + 1];
	struct dirent *entry;

	while (d && (entry = readdir(d))) {
		if (!is_record(entry->d_name) || !is_left(dirfd(d), entry->d_name))
			continue;
		memcpy(id, entry->d_name, ID_LEN);
		id[ID_LEN] = '\0';
		events_exec_ended(en, rec, id, UNKNOWN);
		(void)unlinkat(dirfd(d), entry->d_name, 0);
	}
}

const char *const *exec_running(const struct engine *en, struct arena *a, const char *container)
{
	CLEANUP_DIR DIR *d = open_records(en, container);
	const char **ids = NULL;
	struct dirent *entry;
	size_t n = 0, cap = 0;

	while (d && (entry = readdir(d))) {
		struct named who;

		if (!is_record(entry->d_name) || !read_named(dirfd(d), entry->d_name, &who) || who.ended || !process_lives(&who))
			continue;
		ids = arena_grow(a, ids, n ? n + 1 : 0, &cap, sizeof(*ids)); /* with the NULL behind them */
		if (!ids)
			return NULL;
		ids[n++] = arena_strndup(a, entry->d_name, ID_LEN);
		ids[n] = NULL;
	}
	return ids;
}

void exec_tell_lost(const struct engine *en, const struct record *rec, const char *id)
{
	const struct timespec pause = {.tv_nsec = SOON_MS * 1000000L};
	char path[NAME_MAX + 1];

	(void)snprintf(path, sizeof(path), "%s/exec/%s.json", rec->id, id);
	for (int round = 0; round < LOST_ROUNDS; round++) {
		if (is_left(en->state_fd, path)) {
			events_exec_ended(en, rec, id, UNKNOWN);
			(void)unlinkat(en->state_fd, path, 0);
			return;
		}
		(void)nanosleep(&pause, NULL);
	}
}

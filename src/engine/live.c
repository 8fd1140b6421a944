/* Reading races with the monitor in one way only: state.json is replaced by rename, so we see one version of it, and
 * the process it names is checked by its start time through a pidfd opened before. A container that ends just then is
 * seen dead while its monitor lives: the monitor is at work, and whoever needs the outcome waits for it (engine/client.h). */
#include "engine/live.h"

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/io.h"
#include "base/json.h"
#include "base/text.h"

#define STATE_MAX 65536
#define STATE_USUAL 2048
#define ASKED_ONE_BY_ONE 8

void live_close(struct live *l)
{
	l->pidfd = close_fd(l->pidfd);
}

static int open_lock(const struct engine *en, const char *id)
{
	char name[NAME_MAX + 1];

	(void)snprintf(name, sizeof(name), "%s/lock", id);
	return openat(en->state_fd, name, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
}

static bool is_locked(int fd)
{
	struct flock lock = { .l_type = F_WRLCK, .l_whence = SEEK_SET };

	return fd >= 0 && fcntl(fd, F_GETLK, &lock) == 0 && lock.l_type != F_UNLCK;
}

static bool monitor_lives(const struct engine *en, const char *id)
{
	CLEANUP_FD int fd = open_lock(en, id);

	return is_locked(fd);
}

static int64_t time_of(const struct json *doc, const char *key)
{
	const struct json *v = json_get(doc, key);
	struct timespec ts;

	if (!v || v->type != JSON_STRING || text_parse_time(v->str, &ts) < 0)
		return 0;
	return (int64_t)ts.tv_sec * 1000000000 + ts.tv_nsec;
}

static int word_of(const char *status, enum live_word *out)
{
	static const char *const words[] = { [LIVE_CREATED] = "created", [LIVE_RUNNING] = "running", [LIVE_EXITED] = "exited" };

	for (size_t i = LIVE_CREATED; i < ARRAY_LEN(words); i++)
		if (status && strcmp(status, words[i]) == 0) {
			*out = (enum live_word)i;
			return 0;
		}
	return -EINVAL;
}

static int parse(const struct engine *en, const struct json *doc, bool process, struct live *out, struct err *e)
{
	const char *status = NULL, *boot = "", *error = "";
	int64_t pid = 0, code = 0;
	int r = json_get_str(doc, "state", "status", &status, e);

	if (r == 0)
		r = json_get_str(doc, "state", "bootId", &boot, e);
	if (r == 0)
		r = json_get_str(doc, "state", "error", &error, e);
	if (r == 0)
		r = json_get_i64(doc, "state", "pid", &pid, e);
	if (r == 0)
		r = json_get_u64(doc, "state", "startTime", &out->start_time, e);
	if (r == 0)
		r = json_get_i64(doc, "state", "exitCode", &code, e);
	if (r == 0)
		r = json_get_bool(doc, "state", "exitKnown", &out->exit_known, e);
	if (r == 0)
		r = json_get_bool(doc, "state", "oomKilled", &out->oom, e);
	if (r < 0)
		return r;
	if (word_of(status, &out->word) < 0)
		return err_set(e, ERR_INTERNAL, "unknown status \"%s\"", status ? status : "");
	out->exit_code = (int)code;
	out->started = time_of(doc, "startedAt");
	out->finished = time_of(doc, "finishedAt");
	snprintf(out->error, sizeof(out->error), "%s", error);
	if (process && out->word != LIVE_EXITED && pid > 0 && strcmp(boot, en->boot_id) == 0)
		out->pidfd = proc_open_checked((pid_t)pid, out->start_time);
	out->container = out->pidfd >= 0;
	out->pid = out->container ? (pid_t)pid : 0;
	return 0;
}

/* By one read(2), which gives all of a file that is replaced as a whole: a list reads hundreds of them. -EFBIG: it is longer than usual. */
static int read_usual(int dir, const char *name, char *text, size_t *len)
{
	CLEANUP_FD int fd = openat(dir, name, O_RDONLY | O_CLOEXEC);
	ssize_t n;

	if (fd < 0)
		return -errno;
	do
		n = read(fd, text, *len);
	while (n < 0 && errno == EINTR);
	if (n < 0 || (size_t)n == *len)
		return n < 0 ? -errno : -EFBIG;
	*len = (size_t)n;
	return 0;
}

/* name below the state folder into out; absent leaves LIVE_ABSENT. */
static int read_state(const struct engine *en, const char *name, bool process, struct live *out, struct err *e)
{
	CLEANUP_ARENA struct arena a = ARENA_INIT;
	CLEANUP_FREE char *long_text = NULL;
	char text[STATE_USUAL];
	const struct json *doc;
	size_t len = sizeof(text);
	int r = read_usual(en->state_fd, name, text, &len);

	if (r == -EFBIG)
		r = io_read_file(en->state_fd, name, STATE_MAX, &long_text, &len);
	if (r == -ENOENT)
		return 0;
	if (r < 0)
		return err_errno(e, r, "read it");
	r = json_parse(&a, long_text ? long_text : text, len, NULL, &doc, e);
	return r < 0 ? r : parse(en, doc, process, out, e);
}

static int look(const struct engine *en, const char *id, bool glance, struct live *out, struct err *e)
{
	char name[NAME_MAX + 1];
	int r;

	*out = (struct live)LIVE_INIT;
	/* the lock first: a monitor seen dead has written its last state */
	out->monitor = monitor_lives(en, id);
	(void)snprintf(name, sizeof(name), "%s/state.json", id);
	r = read_state(en, name, !glance || !out->monitor, out, e);
	return r < 0 ? err_ctx(e, "%s/%s", en->state, name) : 0;
}

int live_read(const struct engine *en, const char *id, struct live *out, struct err *e)
{
	return look(en, id, false, out, e);
}

int live_glance(const struct engine *en, const char *id, struct live *out, struct err *e)
{
	return look(en, id, true, out, e);
}

/* ---- many at once ---- */

/* The lock of one that was touched is a file that is not empty: so one stat(2) tells both. */
#define TOUCHED 1

void live_many_free(struct live_many *m)
{
	filelocks_free(&m->locks);
}

static bool is_untouched_lock(const struct stat *st)
{
	return S_ISREG(st->st_mode) && st->st_size == 0;
}

static bool untouched_alone(const struct engine *en, const char *id)
{
	CLEANUP_FD int fd = open_lock(en, id);
	struct stat st;

	return is_locked(fd) && fstat(fd, &st) == 0 && is_untouched_lock(&st);
}

bool live_untouched(const struct engine *en, struct live_many *m, const char *id)
{
	char name[NAME_MAX + 1];
	struct stat st;

	if (m->asked < ASKED_ONE_BY_ONE) {
		m->asked++;
		return untouched_alone(en, id);
	}
	if (m->asked == ASKED_ONE_BY_ONE) {
		m->asked++;
		(void)!filelocks_read(&m->locks); /* without them each is looked at closer */
	}
	(void)snprintf(name, sizeof(name), "%s/lock", id);
	return fstatat(en->state_fd, name, &st, AT_SYMLINK_NOFOLLOW) == 0 && is_untouched_lock(&st) && filelocks_held(&m->locks, st.st_dev, st.st_ino);
}

int live_touch(const struct engine *en, const char *id, struct err *e)
{
	CLEANUP_FD int fd = open_lock(en, id);

	if (fd < 0 || ftruncate(fd, TOUCHED) < 0)
		return err_errno(e, -errno, "mark %s/%s/lock", en->state, id);
	return 0;
}

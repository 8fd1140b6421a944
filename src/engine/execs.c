#include "engine/execs.h"

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "base/io.h"
#include "base/text.h"
#include "sys/proc.h"
#include "sys/sock.h"

#define FILE_MAX (1U << 20)
#define SECOND_NS INT64_C(1000000000)
/* Of one that has ended, and of one that nobody ever started, or that nothing came of. */
#define FORGET_NS (300 * SECOND_NS)
#define FORGET_UNUSED_NS (3600 * SECOND_NS)
/* Where more of a container were started than these, those that ended first are forgotten sooner, until half as many are left: whoever starts one after
 * the other looks for them seldom. */
#define BEGUN_MAX 256
/* But not at once: whoever waits for an end asks for its exit code then. */
#define YOUNG_NS (3 * SECOND_NS)
/* Who makes one of so many looks for old ones. */
#define SWEEP_ONE_OF 16
/* So many may wait to be started: each is a file in memory. */
#define UNUSED_MAX 256

static const char *place(char out[PATH_MAX], const char *container, const char *id, const char *what)
{
	(void)snprintf(out, PATH_MAX, "%s/exec/%s.%s", container, id, what);
	return out;
}

static int open_folder(const struct engine *en, const char *container)
{
	char path[PATH_MAX];
	int fd;

	(void)snprintf(path, sizeof(path), "%s/exec", container);
	fd = openat(en->state_fd, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	return fd < 0 ? -errno : fd;
}

static int write_file(const struct engine *en, const char *container, const char *id, const char *what, const char *text, size_t len)
{
	CLEANUP_FD int dir = open_folder(en, container);
	char name[NAME_MAX + 1];

	(void)snprintf(name, sizeof(name), "%s.%s", id, what);
	return dir < 0 ? dir : io_replace_file(dir, name, text, len, 0600, false);
}

/* ---- old ones ---- */

/* What its monitor wrote. One that was killed leaves it at "running". */
static int read_state(const struct engine *en, struct kept_exec *x, struct err *e)
{
	CLEANUP_ARENA struct arena a = ARENA_INIT;
	CLEANUP_FREE char *text = NULL;
	const struct json *doc;
	char path[PATH_MAX];
	uint64_t started = 0;
	int64_t code = 0;
	size_t len;
	int r = io_read_file(en->state_fd, place(path, x->container, x->id, "json"), FILE_MAX, &text, &len);

	if (r == -ENOENT)
		return 0;
	r = r < 0 ? err_errno(e, r, "read %s/%s", en->state, path) : json_parse(&a, text, len, NULL, &doc, e);
	if (r == 0)
		r = json_get_i64(doc, "state", "pid", &x->pid, e);
	if (r == 0)
		r = json_get_u64(doc, "state", "startTime", &started, e);
	if (r == 0)
		r = json_get_i64(doc, "state", "exitCode", &code, e);
	if (r < 0)
		return r;
	x->ended = strcmp(json_text(doc, "status", ""), "exited") == 0;
	x->code = (int)code;
	x->running = !x->ended && x->pid > 0 && proc_check((pid_t)x->pid, started) != -ESRCH;
	if (!x->ended && !x->running) {
		x->ended = true;
		x->code = 255;
	}
	return 0;
}

static bool has_ended(const struct engine *en, const char *container, const char *id)
{
	struct kept_exec x = { .id = id, .container = container };
	struct err ignored;

	return read_state(en, &x, &ignored) == 0 && x.ended;
}

static void forget(int dir, const char *id)
{
	static const char *const parts[] = { "json", "begun", "sock", "kept" }; /* the last one last: whoever is killed here leaves it to the next */
	char name[NAME_MAX + 1];

	for (size_t i = 0; i < ARRAY_LEN(parts); i++) {
		(void)snprintf(name, sizeof(name), "%s.%s", id, parts[i]);
		(void)unlinkat(dir, name, 0);
	}
}

static bool is_there(int dir, const char *id, const char *what)
{
	char name[NAME_MAX + 1];

	(void)snprintf(name, sizeof(name), "%s.%s", id, what);
	return faccessat(dir, name, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

static int64_t time_of(int dir, const char *id, const char *what)
{
	char name[NAME_MAX + 1];
	struct stat st;

	(void)snprintf(name, sizeof(name), "%s.%s", id, what);
	return fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) == 0 ? (int64_t)st.st_mtim.tv_sec * 1000000000 + st.st_mtim.tv_nsec : 0;
}

/* Of the one that a file is part of: what it says, "kept", "begun"…; NULL: it is none of ours. */
static const char *part_of(const char *name, char id[ID_LEN + 1])
{
	const char *dot = strrchr(name, '.');

	if (!dot || dot - name != ID_LEN)
		return NULL;
	memcpy(id, name, ID_LEN);
	id[ID_LEN] = '\0';
	return dot + 1;
}

static DIR *list_folder(const struct engine *en, const char *container)
{
	int fd = open_folder(en, container);
	DIR *d = fd < 0 ? NULL : fdopendir(fd);

	if (!d)
		close_fd(fd);
	return d;
}

static bool is_old(const struct engine *en, const char *container, int dir, const char *id, int64_t now)
{
	int64_t age = now - time_of(dir, id, "kept");

	if (age < FORGET_NS)
		return false;
	return has_ended(en, container, id) ||
	       (age >= FORGET_UNUSED_NS && !is_there(dir, id, "json") && now - time_of(dir, id, "begun") >= FORGET_UNUSED_NS);
}

static void sweep(const struct engine *en, const char *container)
{
	CLEANUP_DIR DIR *d = list_folder(en, container);
	int64_t now = clock_now_ns();
	char id[ID_LEN + 1];
	struct dirent *entry;
	const char *part;

	while (d && (entry = readdir(d)))
		if ((part = part_of(entry->d_name, id)) && strcmp(part, "kept") == 0 && is_old(en, container, dirfd(d), id, now))
			forget(dirfd(d), id);
}

/* By the names alone, since they may be many. */
static void count(const struct engine *en, const char *container, size_t *kept, size_t *begun)
{
	CLEANUP_DIR DIR *d = list_folder(en, container);
	char id[ID_LEN + 1];
	struct dirent *entry;
	const char *part;

	*kept = *begun = 0;
	while (d && (entry = readdir(d))) {
		part = part_of(entry->d_name, id);
		*kept += part && strcmp(part, "kept") == 0;
		*begun += part && strcmp(part, "begun") == 0;
	}
}

struct one {
	char id[ID_LEN + 1];
	int64_t when; /* it ended */
};

static int by_time(const void *a, const void *b)
{
	const struct one *x = a, *y = b;

	return (x->when > y->when) - (x->when < y->when);
}

/* max: so many of them are there, about. */
static void forget_first(const struct engine *en, const char *container, size_t max)
{
	CLEANUP_DIR DIR *d = list_folder(en, container);
	CLEANUP_FREE struct one *v = calloc(max, sizeof(*v));
	struct dirent *entry;
	const char *part;
	int64_t before = clock_now_ns() - YOUNG_NS; /* whose client may be about to ask for the exit code */
	size_t n = 0, left;

	while (d && v && n < max && (entry = readdir(d))) {
		part = part_of(entry->d_name, v[n].id);
		if (!part || strcmp(part, "begun") != 0)
			continue;
		v[n].when = time_of(dirfd(d), v[n].id, "json"); /* its end, if it has ended */
		n += v[n].when && v[n].when < before;
	}
	if (n > 0)
		qsort(v, n, sizeof(*v), by_time);
	left = max;
	for (size_t i = 0; i < n && left > BEGUN_MAX / 2; i++) {
		if (has_ended(en, container, v[i].id)) {
			forget(dirfd(d), v[i].id);
			left--;
		}
	}
}

/* Whether there is room for one more that waits for its start. */
static bool make_room(const struct engine *en, const char *container)
{
	size_t kept, begun;

	count(en, container, &kept, &begun);
	if (begun > BEGUN_MAX)
		forget_first(en, container, begun);
	if (kept < begun + UNUSED_MAX)
		return true;
	sweep(en, container);
	count(en, container, &kept, &begun);
	return kept < begun + UNUSED_MAX;
}

/* ---- making and finding ---- */

int execs_create(const struct engine *en, const struct record *rec, const struct strbuf *config, char id[ID_LEN + 1], struct err *e)
{
	int r = text_random_hex(ID_LEN / 2, id);

	if (!make_room(en, rec->id))
		return err_set(e, ERR_CONFLICT, "container %s has %d processes that nobody has started: start them, or wait an hour", rec->name, UNUSED_MAX);
	if (r == 0)
		r = sb_error(config);
	if (r == 0)
		r = write_file(en, rec->id, id, "kept", config->s, config->len);
	if (r < 0)
		return err_errno(e, r, "keep what is to be executed in container %s", rec->name);
	if ((unsigned char)id[0] % SWEEP_ONE_OF == 0)
		sweep(en, rec->id);
	return 0;
}

static const char *container_of(const struct engine *en, struct arena *a, const char *id)
{
	int fd = openat(en->state_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	CLEANUP_DIR DIR *d = fd < 0 ? NULL : fdopendir(fd);
	char path[PATH_MAX];
	struct dirent *entry;

	if (!d)
		close_fd(fd);
	while (d && (entry = readdir(d)))
		if (text_is_hex(entry->d_name, ID_LEN) && faccessat(en->state_fd, place(path, entry->d_name, id, "kept"), F_OK, 0) == 0)
			return arena_strdup(a, entry->d_name);
	return NULL;
}

int execs_find(const struct engine *en, struct arena *a, const char *id, struct kept_exec *out, struct err *e)
{
	CLEANUP_FREE char *text = NULL;
	char path[PATH_MAX];
	size_t len;
	int r;

	*out = (struct kept_exec){ .id = arena_strdup(a, id) };
	out->container = text_is_hex(id, ID_LEN) ? container_of(en, a, id) : NULL;
	if (!out->container)
		return err_set(e, ERR_NOTFOUND, "No such exec instance: %.80s", id);
	r = io_read_file(en->state_fd, place(path, out->container, id, "kept"), FILE_MAX, &text, &len);
	if (r < 0)
		return r == -ENOENT ? err_set(e, ERR_NOTFOUND, "No such exec instance: %.80s", id) : err_errno(e, r, "read %s/%s", en->state, path);
	r = json_parse(a, text, len, NULL, &out->config, e);
	if (r < 0)
		return r;
	out->begun = faccessat(en->state_fd, place(path, out->container, id, "begun"), F_OK, 0) == 0;
	return read_state(en, out, e);
}

int execs_look(const struct engine *en, struct kept_exec *x, struct err *e)
{
	char path[PATH_MAX];

	if (faccessat(en->state_fd, place(path, x->container, x->id, "kept"), F_OK, 0) < 0)
		return err_set(e, ERR_NOTFOUND, "No such exec instance: %.80s", x->id);
	return read_state(en, x, e);
}

/* ---- starting ---- */

int execs_begin(const struct engine *en, const struct kept_exec *x, struct err *e)
{
	char path[PATH_MAX];
	CLEANUP_FD int fd = openat(en->state_fd, place(path, x->container, x->id, "begun"), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);

	if (fd >= 0)
		return 0;
	if (errno == EEXIST)
		return err_set(e, ERR_CONFLICT, "exec command %s %s", x->id, x->ended ? "has already run" : "is already running");
	return err_errno(e, -errno, "make %s/%s", en->state, path);
}

void execs_failed(const struct engine *en, const struct kept_exec *x, int code)
{
	char text[128];

	(void)snprintf(text, sizeof(text), "{\"version\":1,\"status\":\"exited\",\"pid\":0,\"exitCode\":%d,\"exitKnown\":true}\n", code);
	(void)!write_file(en, x->container, x->id, "json", text, strlen(text));
}

int execs_connect(const struct engine *en, const struct kept_exec *x, unsigned char want, struct client *out, struct err *e)
{
	CLEANUP_FD int dir = open_folder(en, x->container); /* the whole path is longer than a socket's may be */
	char name[NAME_MAX + 1];
	int fd, r;

	(void)snprintf(name, sizeof(name), "%s.sock", x->id);
	fd = dir < 0 ? dir : sock_connect(dir, name, SOCK_STREAM);
	if (fd < 0)
		return err_set(e, ERR_UNAVAILABLE, "process %.12s is not there to talk to: %s", x->id, strerror(-fd));
	*out = (struct client){ .fd = fd };
	r = client_send(out, FRAME_HELLO, &want, 1);
	if (r < 0)
		client_close(out);
	return r < 0 ? err_errno(e, r, "talk to process %.12s", x->id) : 0;
}

#include "image/tidy.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>

#include "base/beneath.h"
#include "base/io.h"
#include "base/strbuf.h"
#include "image/folder.h"
#include "image/survey.h"
#include "sys/overlay.h"

#define NS_PER_S INT64_C(1000000000)

struct tidy {
	const struct tidy_args *args;
	struct arena *a;
	const char **opaque;
	size_t n, cap;
	struct strbuf path;
};

static bool hides_something(const struct tidy *t)
{
	struct stat st;

	return survey_below(t->args->lowers, t->args->n_lowers, sb_str(&t->path), &st) && S_ISDIR(st.st_mode);
}

/* overlayfs' own notes, of no meaning for what is a lower from now on. fd may be O_PATH. */
static void forget_notes(int fd, bool folder)
{
	static const char *const notes[] = { "trusted.overlay.origin", "user.overlay.origin",  "trusted.overlay.impure",
					     "user.overlay.impure",    "trusted.overlay.uuid", "user.overlay.uuid" };
	char path[IO_FD_PATH_LEN];

	io_fd_path(fd, path);
	for (size_t i = 0; i < (folder ? ARRAY_LEN(notes) : 2); i++)
		(void)!removexattr(path, notes[i]);
}

static int check_opaque(struct tidy *t, int dir, struct err *e)
{
	forget_notes(dir, true);
	if (!overlay_is_opaque(dir))
		return 0;
	if (!hides_something(t))
		return fremovexattr(dir, overlay_opaque()) < 0 ? err_errno(e, -errno, "remove its mark") : 0;
	t->opaque = arena_grow(t->a, t->opaque, t->n, &t->cap, sizeof(*t->opaque));
	if (!t->opaque)
		return err_errno(e, -ENOMEM, "opaque folders");
	t->opaque[t->n++] = arena_strdup(t->a, sb_str(&t->path));
	return arena_error(t->a) < 0 ? err_errno(e, -ENOMEM, "opaque folders") : 0;
}

static int set_time(const struct tidy *t, int dir, const char *name, const struct stat *st, struct err *e)
{
	const struct tidy_times *want = &t->args->times;
	struct timespec times[2] = { { .tv_nsec = UTIME_OMIT }, { .tv_sec = st->st_mtim.tv_sec } };
	int64_t ns;

	if (!__builtin_mul_overflow(st->st_mtim.tv_sec, NS_PER_S, &ns) && want->newer != INT64_MAX &&
	    ns + st->st_mtim.tv_nsec >= want->newer)
		times[1].tv_sec = want->becomes;
	else if (st->st_mtim.tv_nsec == 0)
		return 0;
	return utimensat(dir, name, times, AT_SYMLINK_NOFOLLOW) < 0 ? err_errno(e, -errno, "set its time") : 0;
}

static int walk(struct tidy *t, int dir, unsigned int depth, struct err *e);

static int enter(struct tidy *t, int parent, const char *name, unsigned int depth, struct err *e)
{
	CLEANUP_FD int dir = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	int r;

	if (dir < 0)
		return err_errno(e, -errno, "open it");
	if (depth > t->args->max_depth)
		return err_set(e, ERR_LIMIT, "its path has more than %llu components", (unsigned long long)t->args->max_depth);
	r = check_opaque(t, dir, e);
	return r < 0 ? r : walk(t, dir, depth + 1, e);
}

/* overlayfs makes a whiteout as who mounted it; one that is unpacked from a layer is root's. */
static int tidy_file(int dir, const char *name, const struct stat *st, struct err *e)
{
	CLEANUP_FD int fd = -1;

	if (overlay_is_whiteout(st))
		return fchownat(dir, name, 0, 0, AT_SYMLINK_NOFOLLOW) < 0 ? err_errno(e, -errno, "give it its owner") : 0;
	fd = openat(dir, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return err_errno(e, -errno, "open it");
	forget_notes(fd, false);
	return 0;
}

static int one(struct tidy *t, int dir, const char *name, unsigned int depth, struct err *e)
{
	struct stat st;
	int r = 0;

	if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return err_errno(e, -errno, "look at it");
	if (S_ISSOCK(st.st_mode))
		return unlinkat(dir, name, 0) < 0 ? err_errno(e, -errno, "remove the socket") : 0;
	if (S_ISDIR(st.st_mode))
		r = enter(t, dir, name, depth, e);
	else
		r = tidy_file(dir, name, &st, e);
	/* behind what is in it: to remove something there changes it */
	return r < 0 ? r : set_time(t, dir, name, &st, e);
}

struct level {
	struct tidy *t;
	unsigned int depth;
};

static int tidy_one(int dir, const char *name, void *data, struct err *e)
{
	const struct level *v = data;

	return one(v->t, dir, name, v->depth, e);
}

static int walk(struct tidy *t, int dir, unsigned int depth, struct err *e)
{
	struct level v = { t, depth };

	return folder_each(dir, &t->path, tidy_one, &v, e);
}

/* ---- stubs ---- */

static bool is_empty(int dir, const char *name, const struct stat *st)
{
	if (S_ISREG(st->st_mode))
		return st->st_size == 0;
	/* a folder that is not empty stays, the kernel sees to it */
	return S_ISDIR(st->st_mode) && dir >= 0 && name;
}

/* A folder that only holds what was removed is gone too, when it says what the layers below say. */
static void remove_parents(const struct tidy_args *args, char *path)
{
	for (char *slash = strrchr(path, '/'); slash; slash = strrchr(path, '/')) {
		CLEANUP_FD int dir = -1;
		struct stat st, lower;
		char name[NAME_MAX + 1];

		*slash = '\0';
		dir = beneath_parent(args->upper, path, BENEATH_NOLINKS, 0, name);
		if (dir < 0 || fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) < 0 || !S_ISDIR(st.st_mode))
			return;
		if (survey_below(args->lowers, args->n_lowers, path, &lower) &&
		    (lower.st_mode != st.st_mode || lower.st_uid != st.st_uid || lower.st_gid != st.st_gid))
			return;
		if (unlinkat(dir, name, AT_REMOVEDIR) < 0)
			return;
	}
}

static void remove_stub(const struct tidy_args *args, const char *stub)
{
	CLEANUP_FD int dir = -1;
	char name[NAME_MAX + 1], path[PATH_MAX];
	struct stat st, lower;

	if (strlen(stub) >= sizeof(path) || survey_below(args->lowers, args->n_lowers, stub, &lower))
		return;
	dir = beneath_parent(args->upper, stub, BENEATH_NOLINKS, 0, name);
	if (dir < 0 || fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) < 0 || !is_empty(dir, name, &st))
		return;
	if (unlinkat(dir, name, S_ISDIR(st.st_mode) ? AT_REMOVEDIR : 0) < 0)
		return;
	memcpy(path, stub, strlen(stub) + 1);
	remove_parents(args, path);
}

int tidy_upper(const struct tidy_args *args, struct arena *a, const char ***opaque, struct err *e)
{
	CLEANUP_FD int top = openat(args->upper, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct tidy t = { .args = args, .a = a, .path = STRBUF_INIT };
	const struct timespec none[2] = { { 0, 0 }, { 0, 0 } };
	int r;

	for (const char *const *s = args->stubs; s && *s; s++)
		remove_stub(args, *s);
	r = top < 0 ? err_errno(e, -errno, "open what the step wrote") : walk(&t, top, 1, e);
	sb_free(&t.path);
	if (r < 0)
		return r;
	forget_notes(top, true);
	if (futimens(top, none) < 0)
		return err_errno(e, -errno, "set the time of the root");
	t.opaque = arena_grow(a, t.opaque, t.n, &t.cap, sizeof(*t.opaque));
	if (!t.opaque)
		return err_errno(e, -ENOMEM, "opaque folders");
	t.opaque[t.n] = NULL;
	*opaque = t.opaque;
	return 0;
}

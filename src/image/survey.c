#include "image/survey.h"

#include <fcntl.h>
#include <string.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "base/beneath.h"
#include "base/strbuf.h"
#include "image/folder.h"
#include "sys/overlay.h"

struct list {
	const char **v;
	size_t n, cap;
};

struct looking {
	const struct survey_args *args;
	struct arena *a;
	struct list opaque, absent, same;
	struct strbuf path;
};

/* What became of an entry. */
enum word { KEPT, LEFT_OUT };

bool survey_below(const int *lowers, size_t n, const char *path, struct stat *st)
{
	for (size_t i = 0; i < n; i++) {
		CLEANUP_FD int fd = beneath_open(lowers[i], path, BENEATH_NOLINKS, O_PATH | O_NOFOLLOW, 0);

		if (fd == -ENOENT)
			continue;
		return fd >= 0 && fstat(fd, st) == 0 && !overlay_is_whiteout(st);
	}
	return false;
}

static bool below(const struct looking *l, struct stat *st)
{
	return survey_below(l->args->lowers, l->args->n_lowers, sb_str(&l->path), st);
}

static int note(struct looking *l, struct list *list, struct err *e)
{
	const char **v = arena_grow(l->a, list->v, list->n, &list->cap, sizeof(*v));

	if (!v)
		return err_errno(e, -ENOMEM, "list of paths");
	list->v = v;
	v[list->n++] = arena_strdup(l->a, sb_str(&l->path));
	return arena_error(l->a) < 0 ? err_errno(e, -ENOMEM, "list of paths") : 0;
}

static int leave_out(struct looking *l, bool absent, struct err *e)
{
	int r = absent ? note(l, &l->absent, e) : 0;

	return r < 0 ? r : (r = note(l, &l->same, e)) < 0 ? r : LEFT_OUT;
}

static bool is_stub(const struct looking *l)
{
	for (const char *const *s = l->args->stubs; *s; s++)
		if (strcmp(*s, sb_str(&l->path)) == 0)
			return true;
	return false;
}

/* etc/mtab, as it is made where an image has none. */
static bool is_mtab(const struct looking *l, int dir, const char *name, const struct stat *st)
{
	static const char target[] = "/proc/mounts";
	char text[sizeof(target)];

	return S_ISLNK(st->st_mode) && strcmp(sb_str(&l->path), "etc/mtab") == 0 && (size_t)st->st_size == sizeof(target) - 1 &&
	       readlinkat(dir, name, text, sizeof(text)) == sizeof(target) - 1 && memcmp(text, target, sizeof(target) - 1) == 0;
}

/* A file of no bytes that something was mounted onto. */
static bool is_stub_file(const struct looking *l, const struct stat *st)
{
	return S_ISREG(st->st_mode) && st->st_size == 0 && is_stub(l);
}

static int check_redirect(int dir, struct err *e)
{
	static const char *const names[] = { "trusted.overlay.redirect", "user.overlay.redirect" };

	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		if (fgetxattr(dir, names[i], NULL, 0) > 0)
			return err_set(e, ERR_UNSUPPORTED, "it is a folder that was renamed: overlayfs has redirect_dir on, and must not have");
	return 0;
}

/* A negative word of a system call is that it is gone meanwhile. */
static bool is_gone(int error)
{
	return error == ENOENT || error == ENOTDIR || error == ELOOP;
}

static int walk(struct looking *l, int dir, unsigned int depth, size_t *kept, size_t *left, struct err *e);

static int folder(struct looking *l, int parent, const char *name, unsigned int depth, struct err *e)
{
	CLEANUP_FD int dir = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	struct stat st, lower;
	size_t kept = 0, left = 0;
	bool covers, is_below;
	int r;

	if (dir < 0 || fstat(dir, &st) < 0)
		return is_gone(errno) ? LEFT_OUT : err_errno(e, -errno, "open it");
	if (depth > l->args->max_depth)
		return err_set(e, ERR_LIMIT, "its path has more than %llu components", (unsigned long long)l->args->max_depth);
	is_below = below(l, &lower);
	covers = overlay_is_opaque(dir) && is_below && S_ISDIR(lower.st_mode);
	r = covers ? note(l, &l->opaque, e) : check_redirect(dir, e);
	if (r == 0)
		r = walk(l, dir, depth + 1, &kept, &left, e);
	if (r < 0 || covers || kept > 0 || (left == 0 && !is_stub(l)))
		return r < 0 ? r : KEPT;
	if (!is_below)
		return leave_out(l, true, e);
	if (lower.st_mode == st.st_mode && lower.st_uid == st.st_uid && lower.st_gid == st.st_gid)
		return leave_out(l, false, e);
	return KEPT;
}

static int one(struct looking *l, int dir, const char *name, unsigned int depth, struct err *e)
{
	struct stat st, lower;

	if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return is_gone(errno) ? LEFT_OUT : err_errno(e, -errno, "look at it");
	if (S_ISDIR(st.st_mode))
		return folder(l, dir, name, depth, e);
	if (S_ISSOCK(st.st_mode)) /* a tar has no place for it */
		return LEFT_OUT;
	if ((overlay_is_whiteout(&st) || is_stub_file(l, &st) || is_mtab(l, dir, name, &st)) && !below(l, &lower))
		return leave_out(l, true, e);
	return KEPT;
}

struct level {
	struct looking *l;
	unsigned int depth;
	size_t kept, left;
};

static int look_at(int dir, const char *name, void *data, struct err *e)
{
	struct level *v = data;
	int r = one(v->l, dir, name, v->depth, e);

	if (r >= 0)
		++*(r == KEPT ? &v->kept : &v->left);
	return r;
}

static int walk(struct looking *l, int dir, unsigned int depth, size_t *kept, size_t *left, struct err *e)
{
	struct level v = { .l = l, .depth = depth };
	int r = folder_each(dir, &l->path, look_at, &v, e);

	*kept = v.kept;
	*left = v.left;
	return r;
}

static int end_list(struct looking *l, struct list *list, const char ***out, struct err *e)
{
	*out = arena_grow(l->a, list->v, list->n, &list->cap, sizeof(**out));
	if (!*out)
		return err_errno(e, -ENOMEM, "list of paths");
	(*out)[list->n] = NULL;
	return 0;
}

int survey_upper(const struct survey_args *args, struct arena *a, struct survey *out, struct err *e)
{
	struct looking l = { .args = args, .a = a, .path = STRBUF_INIT };
	size_t kept = 0, left = 0;
	int r = walk(&l, args->upper, 1, &kept, &left, e);

	sb_free(&l.path);
	if (r == 0)
		r = end_list(&l, &l.opaque, &out->opaque, e);
	if (r == 0)
		r = end_list(&l, &l.absent, &out->absent, e);
	return r < 0 ? r : end_list(&l, &l.same, &out->same, e);
}

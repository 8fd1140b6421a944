/* Users and groups of a rootfs; see user.h.
 *
 * The files belong to the image: a passwd may be a link to the host's (resolved inside the root by openat2), a FIFO
 * that would block us, a device that does something when it is opened, or gigabytes of one line. So they are looked at before they are
 * opened, must be regular, are read once up to a limit and cut into lines in place; NSS is never asked (it would load the host's plug-ins). */
#include "oci/user.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "base/beneath.h"
#include "base/io.h"
#include "base/text.h"

#define FILE_MAX_SIZE (8U << 20)
#define ID_MAX INT32_MAX /* Docker's limit; keeps ids clear of -1 in signed hands */
#define GROUPS_MAX 65536U /* what setgroups(2) takes */

/* Where the two files come from: a rootfs, or texts read already (NULL: there is no such file). */
struct accounts {
	int rootfs_fd; /* -1: the texts */
	const char *passwd, *group;
};

/* A file of lines with ':' between fields; text is cut up as we go. */
struct table {
	char *text, *next;
};

static void table_free(struct table *t)
{
	free(t->text);
}
#define CLEANUP_TABLE CLEANUP(table_free)

static int table_copy(const char *text, struct table *t, struct err *e)
{
	t->text = text ? strdup(text) : NULL;
	t->next = t->text;
	return text && !t->text ? err_errno(e, -ENOMEM, "user") : 0;
}

static int table_read(int rootfs_fd, const char *path, struct table *t, struct err *e)
{
	CLEANUP_FD int fd = -1;
	CLEANUP_FD int place = beneath_open(rootfs_fd, path, BENEATH_IN_ROOT, O_PATH, 0);
	char self[IO_FD_PATH_LEN];
	struct stat st;
	int r;

	if (place == -ENOENT || place == -ENOTDIR)
		return 0;
	if (place < 0)
		return err_errno(e, place, "/%s of the rootfs", path);
	if (fstat(place, &st) < 0)
		return err_errno(e, -errno, "/%s of the rootfs", path);
	if (!S_ISREG(st.st_mode))
		return err_set(e, ERR_INVALID, "/%s of the rootfs is no regular file", path);
	fd = open(io_fd_path(place, self), O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return err_errno(e, -errno, "/%s of the rootfs", path);
	r = io_read_fd(fd, FILE_MAX_SIZE, &t->text, NULL);
	if (r == -EFBIG)
		return err_set(e, ERR_LIMIT, "/%s of the rootfs is larger than %u MiB", path, FILE_MAX_SIZE >> 20);
	if (r < 0)
		return err_errno(e, r, "/%s of the rootfs", path);
	t->next = t->text;
	return 0;
}

static int open_passwd(const struct accounts *src, struct table *t, struct err *e)
{
	*t = (struct table){ NULL, NULL };
	return src->rootfs_fd < 0 ? table_copy(src->passwd, t, e) : table_read(src->rootfs_fd, "etc/passwd", t, e);
}

static int open_group(const struct accounts *src, struct table *t, struct err *e)
{
	*t = (struct table){ NULL, NULL };
	return src->rootfs_fd < 0 ? table_copy(src->group, t, e) : table_read(src->rootfs_fd, "etc/group", t, e);
}

/* The next line that has n fields, the last of them up to the following ':'; fields point into the text. */
static bool table_next(struct table *t, char **fields, size_t n)
{
	while (t->next && *t->next) {
		char *line = t->next, *end = line + strcspn(line, "\n");
		size_t got = 0;

		t->next = *end ? end + 1 : end;
		*end = '\0';
		for (char *p = line; p && got < n; got++) {
			fields[got] = p;
			p = strchr(p, ':');
			if (p)
				*p++ = '\0';
		}
		if (got == n)
			return true;
	}
	return false;
}

/* An id as the files have it. */
static bool file_id(const char *s, uint32_t *out)
{
	return text_u32(s, out) == 0 && *out != UINT32_MAX;
}

enum passwd_field { PW_NAME, PW_PASSWORD, PW_UID, PW_GID, PW_GECOS, PW_HOME, PW_FIELDS };
enum group_field { GR_NAME, GR_PASSWORD, GR_GID, GR_MEMBERS, GR_FIELDS };

/* The first entry of a uid (name NULL) or of a name. */
static int find_user(struct arena *a, const struct accounts *src, const char *name, uint32_t uid, struct oci_resolved_user *out,
		     bool *found, struct err *e)
{
	CLEANUP_TABLE struct table t;
	char *f[PW_FIELDS];
	int r = open_passwd(src, &t, e);

	*found = false;
	if (r < 0)
		return r;
	while (table_next(&t, f, PW_FIELDS)) {
		uint32_t id, gid;

		if (!file_id(f[PW_UID], &id) || !file_id(f[PW_GID], &gid))
			continue;
		if (name ? strcmp(f[PW_NAME], name) != 0 : id != uid)
			continue;
		*found = true;
		out->uid = id;
		out->gid = gid;
		out->name = arena_strdup(a, f[PW_NAME]);
		out->home = *f[PW_HOME] ? arena_strdup(a, f[PW_HOME]) : "/";
		return out->name && out->home ? 0 : err_errno(e, -ENOMEM, "user");
	}
	return 0;
}

/* "-5" and "+5" are numbers too, so that they are refused as such. */
static int parse_id(const char *s, bool *numeric, uint32_t *out, struct err *e)
{
	int64_t v = 0;
	int r = text_i64(s, &v);

	*numeric = r != -EINVAL;
	if (!*numeric)
		return 0;
	if (r < 0 || v < 0 || v > ID_MAX)
		return err_set(e, ERR_INVALID, "%s is no user or group id, they go from 0 to %d", s, ID_MAX);
	*out = (uint32_t)v;
	return 0;
}

static int find_group(const struct accounts *src, const char *group, uint32_t *gid, struct err *e)
{
	CLEANUP_TABLE struct table t = { 0 };
	char *f[GR_FIELDS];
	bool numeric;
	int r;

	r = parse_id(group, &numeric, gid, e);
	if (r < 0 || numeric)
		return r;
	r = open_group(src, &t, e);
	if (r < 0)
		return r;
	while (table_next(&t, f, GR_FIELDS))
		if (!strcmp(f[GR_NAME], group) && file_id(f[GR_GID], gid))
			return 0;
	return err_set(e, ERR_NOTFOUND, "unable to find group %s: no such entry in /etc/group of the rootfs", group);
}

int oci_group_resolve(struct arena *a, int rootfs_fd, const char *group, uint32_t *gid, struct err *e)
{
	(void)a;
	return find_group(&(struct accounts){ .rootfs_fd = rootfs_fd }, group, gid, e);
}

int oci_group_resolve_text(const char *file, const char *group, uint32_t *gid, struct err *e)
{
	return find_group(&(struct accounts){ .rootfs_fd = -1, .group = file }, group, gid, e);
}

static bool lists(const char *members, const char *name)
{
	size_t len = strlen(name);

	for (const char *m = members; m; m = strchr(m, ',') ? strchr(m, ',') + 1 : NULL)
		if (!strncmp(m, name, len) && (m[len] == ',' || !m[len]))
			return true;
	return false;
}

/* gid itself, then the groups that list name. */
static int add_groups(struct arena *a, const struct accounts *src, const char *name, struct oci_resolved_user *out, struct err *e)
{
	CLEANUP_TABLE struct table t;
	CLEANUP_FREE uint32_t *groups = malloc(GROUPS_MAX * sizeof(*groups));
	uint32_t *kept;
	char *f[GR_FIELDS];
	size_t n = 0;
	int r = open_group(src, &t, e);

	if (r < 0)
		return r;
	if (!groups)
		return err_errno(e, -ENOMEM, "groups");
	groups[n++] = out->gid;
	while (name && table_next(&t, f, GR_FIELDS)) {
		uint32_t gid;

		if (!file_id(f[GR_GID], &gid) || gid == out->gid || !lists(f[GR_MEMBERS], name))
			continue;
		if (n == GROUPS_MAX)
			return err_set(e, ERR_LIMIT, "user %s is in more than %u groups", name, GROUPS_MAX);
		groups[n++] = gid;
	}
	kept = arena_array(a, n, sizeof(*kept));
	if (!kept)
		return err_errno(e, -ENOMEM, "groups");
	memcpy(kept, groups, n * sizeof(*kept));
	out->groups = kept;
	out->n_groups = n;
	return 0;
}

static int resolve(struct arena *a, const struct accounts *src, const char *user, struct oci_resolved_user *out,
		   struct err *e)
{
	char *name = arena_strdup(a, user ? user : ""), *group;
	bool numeric = true, found;
	uint32_t uid = 0;
	int r;

	if (!name)
		return err_errno(e, -ENOMEM, "user");
	group = strchr(name, ':');
	if (group)
		*group++ = '\0';
	if (group && strchr(group, ':'))
		return err_set(e, ERR_INVALID, "user \"%s\": must be USER[:GROUP]", user);
	*out = (struct oci_resolved_user){ .home = "/" };
	r = *name ? parse_id(name, &numeric, &uid, e) : 0;
	if (r < 0)
		return r;
	r = find_user(a, src, numeric ? NULL : name, uid, out, &found, e);
	if (r < 0)
		return r;
	if (!found && !numeric)
		return err_set(e, ERR_NOTFOUND, "unable to find user %s: no such entry in /etc/passwd of the rootfs", name);
	if (!found)
		out->uid = uid;
	if (group && *group) {
		r = find_group(src, group, &out->gid, e);
		if (r < 0)
			return r;
	}
	return add_groups(a, src, group && *group ? NULL : out->name, out, e);
}

int oci_user_resolve(struct arena *a, int rootfs_fd, const char *user, struct oci_resolved_user *out, struct err *e)
{
	return resolve(a, &(struct accounts){ .rootfs_fd = rootfs_fd }, user, out, e);
}

int oci_user_resolve_texts(struct arena *a, const char *passwd, const char *group, const char *user,
			   struct oci_resolved_user *out, struct err *e)
{
	return resolve(a, &(struct accounts){ .rootfs_fd = -1, .passwd = passwd, .group = group }, user, out, e);
}

int oci_user_home(struct arena *a, int rootfs_fd, uint32_t uid, const char **home, struct err *e)
{
	struct oci_resolved_user u = { .home = "/" };
	bool found;
	int r = find_user(a, &(struct accounts){ .rootfs_fd = rootfs_fd }, NULL, uid, &u, &found, e);

	if (r == 0)
		*home = u.home;
	return r;
}

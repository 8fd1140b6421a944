#include "engine/engine.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/io.h"
#include "base/text.h"
#include "engine/format.h"
#include "engine/inmemory.h"
#include "sys/ns.h"

#define DELETED " (deleted)" /* what the kernel adds to the path of a program that is no file any more */

static int absolute(const char *path, char out[PATH_MAX], struct err *e)
{
	char cwd[PATH_MAX];
	int n;

	if (path[0] == '/') {
		n = snprintf(out, PATH_MAX, "%s", path);
	} else {
		if (!getcwd(cwd, sizeof(cwd)))
			return err_errno(e, -errno, "find the working folder");
		n = snprintf(out, PATH_MAX, "%s/%s", cwd, path);
	}
	if (n < 0 || n >= PATH_MAX)
		return err_errno(e, -ENAMETOOLONG, "%s", path);
	while (n > 1 && out[n - 1] == '/')
		out[--n] = '\0';
	return 0;
}

/* Opens a folder of ours, made when missing. */
static int open_folder(const char *path, int *fd, struct err *e)
{
	int r;

	*fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (*fd < 0 && errno == ENOENT) {
		r = io_mkdirs(AT_FDCWD, path, 0700);
		if (r < 0)
			return err_errno(e, r, "make %s", path);
		*fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	}
	return *fd < 0 ? err_errno(e, -errno, "open %s", path) : 0;
}

static int find_root(struct engine *en, const char *root, struct err *e)
{
	return root || geteuid() == 0 ? absolute(root ? root : ENGINE_ROOT, en->root, e) : rootless_root(en->root, e);
}

static int find_folders(struct engine *en, const char *root, const char *state, struct err *e)
{
	bool user = geteuid() != 0;
	int r = find_root(en, root, e);

	if (r < 0)
		return r;
	return state || !user ? absolute(state ? state : ENGINE_STATE, en->state, e) : rootless_state(en->state, e);
}

/* Before any folder is opened: what is opened in another mount namespace is no place to mount from. */
static int enter_user(struct engine *en, struct err *e)
{
	int r = 0;

	if (geteuid() == 0 && ns_user_is_initial())
		return 0;
	if (geteuid() != 0) {
		r = rootless_folder(en->root, e);
		if (r == 0)
			r = rootless_folder(en->state, e);
	} else if ((r = io_mkdirs(AT_FDCWD, en->state, 0700)) < 0) {
		return err_errno(e, r, "make %s", en->state);
	}
	return r < 0 ? r : rootless_enter(en->state, &en->user, e);
}

/* The server's socket is in it, for others than root, too. They may go through, and everything else in there is for its owner alone; who makes the
 * folder first does not matter. */
static void let_through(int state_fd)
{
	struct stat st;

	if (fstat(state_fd, &st) == 0 && st.st_uid == 0 && (st.st_mode & 0777) == 0700)
		(void)!fchmod(state_fd, 0711);
}

static int open_store(struct engine *en, const char *root, const char *state, struct err *e)
{
	int r = open_folder(root, &en->root_fd, e);

	if (r == 0)
		r = open_folder(state, &en->state_fd, e);
	if (r == 0 && !en->instead && !en->user.on)
		r = inmemory_instead(&en->root_fd, root, e);
	if (r == 0)
		r = format_check(en->root_fd, root, e);
	if (r == 0 && !en->user.on)
		let_through(en->state_fd);
	if (r == 0 && mkdirat(en->root_fd, "containers", 0700) < 0 && errno != EEXIST)
		r = err_errno(e, -errno, "make %s/containers", root);
	if (r < 0)
		return r;
	r = proc_boot_id(en->boot_id);
	if (r < 0)
		return err_errno(e, r, "read the boot id");
	return catalog_open(en->root_fd, root, &en->catalog, e);
}

int engine_open(struct engine *en, const char *root, const char *state, struct err *e)
{
	int r = find_folders(en, root, state, e);

	if (r == 0)
		r = enter_user(en, e);
	return r < 0 ? r : open_store(en, en->root, en->state, e);
}

/* The state folder of a store that was removed is looked at, if it is there. */
static int open_instead(struct engine *en, struct err *e)
{
	const char *tmp = getenv("TMPDIR");
	char folder[PATH_MAX], state[PATH_MAX + 8];
	int n = snprintf(folder, sizeof(folder), "%s/tare-none-XXXXXX", tmp && *tmp ? tmp : "/tmp");

	if (n < 0 || (size_t)n >= sizeof(folder))
		return err_errno(e, -ENAMETOOLONG, "TMPDIR");
	if (!mkdtemp(folder))
		return err_errno(e, -errno, "make a temporary folder, %s", folder);
	en->instead = strdup(folder);
	if (!en->instead) {
		(void)rmdir(folder);
		return err_errno(e, -ENOMEM, "look at %s", en->root);
	}
	en->user.on = geteuid() != 0; /* what is not for him is refused all the same */
	(void)snprintf(state, sizeof(state), "%s/state", folder);
	return open_store(en, folder, access(en->state, X_OK) == 0 ? en->state : state, e);
}

int engine_look(struct engine *en, const char *root, const char *state, struct err *e)
{
	int r = find_folders(en, root, state, e);

	if (r < 0)
		return r;
	return access(en->root, F_OK) < 0 && errno == ENOENT ? open_instead(en, e) : engine_open(en, root, state, e);
}

int engine_glance(struct engine *en, const char *root, struct err *e)
{
	int r = find_root(en, root, e);

	if (r < 0)
		return r;
	en->root_fd = open(en->root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return en->root_fd < 0 ? err_errno(e, -errno, "open %s", en->root) : catalog_glance(en->root_fd, en->root, &en->catalog, e);
}

void engine_close(struct engine *en)
{
	catalog_close(take_ptr(en->catalog));
	en->root_fd = close_fd(en->root_fd);
	en->state_fd = close_fd(en->state_fd);
	if (en->instead)
		(void)!io_remove_tree(AT_FDCWD, en->instead);
	free(take_ptr(en->instead));
}

int engine_self(char out[PATH_MAX], struct err *e)
{
	ssize_t n = readlink("/proc/self/exe", out, PATH_MAX - 1);

	if (n < 0)
		return err_errno(e, -errno, "find our own program in /proc/self/exe");
	out[n] = '\0';
	/* what of tared's is to be done by a process of its own is done by the tare beside it, which may be a newer one than ours meanwhile */
	if (text_ends(out, DELETED))
		out[n - (ssize_t)strlen(DELETED)] = '\0';
	if (text_ends(out, "/tared"))
		out[strlen(out) - 1] = '\0';
	return 0;
}

int engine_program(const char *name, char out[PATH_MAX], struct err *e)
{
	static const char *const places[] = { "", "../libexec/tare/" };
	char self[PATH_MAX], *slash;
	int r = engine_self(self, e);

	if (r < 0)
		return r;
	slash = strrchr(self, '/');
	if (slash)
		slash[1] = '\0';
	for (size_t i = 0; i < ARRAY_LEN(places); i++) {
		int n = snprintf(out, PATH_MAX, "%s%s%s", self, places[i], name);

		if (n > 0 && n < PATH_MAX && access(out, X_OK) == 0)
			return 0;
	}
	return err_set(e, ERR_NOTFOUND, "%s is neither in %s nor in %s../libexec/tare: install tare completely", name, self,
		       self);
}

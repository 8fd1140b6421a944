#include "build/context.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/beneath.h"
#include "base/io.h"
#include "base/text.h"
#include "build/git.h"
#include "engine/fetch.h"

#define CHUNK (256U << 10)

/* ---- one file that may be a tar or a Dockerfile ---- */

static int make_file(struct build *b, const char *name, struct err *e)
{
	int fd = openat(b->ingest.dir, name, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);

	return fd < 0 ? err_errno(e, -errno, "a file for the context") : fd;
}

static const char *input_name(const struct build *b)
{
	return b->args->input_name ? b->args->input_name : "standard input";
}

/* All of it: what it is shows at its beginning, and a pipe cannot be read twice. */
static int spool_input(struct build *b, struct err *e)
{
	CLEANUP_FD int fd = make_file(b, "context", e);
	CLEANUP_FREE char *chunk = malloc(CHUNK);
	ssize_t n = 0;
	int r = chunk ? 0 : -ENOMEM;

	if (fd < 0)
		return fd;
	while (r == 0 && (n = io_read_full(b->args->input, chunk, CHUNK)) > 0)
		r = io_write_full(fd, chunk, (size_t)n);
	if (r == 0 && n < 0)
		r = (int)n;
	if (r < 0)
		return err_errno(e, r, "read %s", input_name(b));
	r = arrival_check(&b->args->arrival, e);
	return r < 0 ? r : take_fd(&fd);
}

static int fetch(struct build *b, const char *url, const char *name, uint64_t max, struct err *e)
{
	CLEANUP_FD int fd = make_file(b, name, e);
	struct fetched f;
	int r;

	if (fd < 0)
		return fd;
	build_say(b, "fetching %s", url);
	r = engine_fetch(b->en, b->a, url, false, max, fd, &f, e);
	return r < 0 ? r : take_fd(&fd);
}

int context_fetch_text(struct build *b, const char *url, size_t max, char **text, size_t *len, struct err *e)
{
	CLEANUP_FD int fd = fetch(b, url, "dockerfile", max, e);
	int r = fd < 0 ? fd : lseek(fd, 0, SEEK_SET) < 0 ? -errno : io_read_fd(fd, max, text, len);

	return fd < 0 ? fd : r < 0 ? err_errno(e, r, "%s", url) : 0;
}

/* 1: *root is the tar's tree; 0: it is no tar. */
static int take_tar(struct build *b, int fd, const char *name, struct tarball *tar, int *root, struct err *e)
{
	char head[512];
	ssize_t n = lseek(fd, 0, SEEK_SET) < 0 ? -errno : io_read_full(fd, head, sizeof(head));
	int r;

	if (n >= 0 && lseek(fd, 0, SEEK_SET) < 0)
		n = -errno;
	if (n < 0)
		return err_errno(e, (int)n, "read %s", name);
	if (n == 0)
		return err_set(e, ERR_INVALID, "%s is empty: want a tar or a Dockerfile", name);
	if (tarball_kind(head, (size_t)n) == TARBALL_NONE)
		return 0;
	r = tarball_open(&b->store, b->worker, &b->args->limits, fd, name, tar, e);
	if (r < 0)
		return r;
	*root = io_dup(tar->root);
	return *root < 0 ? err_errno(e, *root, "%s", name) : 1;
}

/* A tar is the context; anything else is a Dockerfile without one. name: for messages. */
static int take_file(struct build *b, int fd, const char *name, struct err *e)
{
	int r = take_tar(b, fd, name, &b->tarball, &b->context, e);

	b->foreign = true;
	if (r != 0)
		return r < 0 ? r : 0;
	if (b->args->file)
		return err_set(e, ERR_INVALID, "-f %s names a Dockerfile, and %s is one: want a folder or a tar there", b->args->file, name);
	r = io_read_fd(fd, DF_MAX_BYTES, &b->given, &b->given_len);
	b->file_name = name;
	if (r == -EFBIG)
		return err_set(e, ERR_LIMIT, "%s is no tar, and as a Dockerfile larger than %u bytes", name, DF_MAX_BYTES);
	if (r == 0 && mkdirat(b->ingest.dir, "nothing", 0700) < 0)
		r = -errno;
	b->context = r < 0 ? -1 : openat(b->ingest.dir, "nothing", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return r < 0 || b->context < 0 ? err_errno(e, r < 0 ? r : -errno, "the Dockerfile %s", name) : 0;
}

/* ---- git ---- */

static int open_subdir(const struct df_source *src, int tree, int *root, struct err *e)
{
	*root = beneath_open(tree, src->subdir, BENEATH_STRICT, O_RDONLY | O_DIRECTORY, 0);
	if (*root >= 0)
		return 0;
	if (*root == -ENOENT)
		return err_set(e, ERR_NOTFOUND, "%s: it has no folder %s", src->url, src->subdir);
	if (*root == -EXDEV)
		return err_set(e, ERR_INVALID, "%s: %s leads out of the repository", src->url, src->subdir);
	return *root == -ENOTDIR ? err_set(e, ERR_INVALID, "%s: %s is no folder", src->url, src->subdir) :
				   err_errno(e, *root, "%s: %s", src->url, src->subdir);
}

static int open_git(struct build *b, const struct df_source *src, const char *where, int *root, struct err *e)
{
	CLEANUP_FD int folder = -1, tree = -1;
	bool keep = src->keep_git_dir == DF_YES;
	const char *commit;
	int r;

	for (size_t i = 0; i < b->args->inputs.n_args; i++)
		keep |= strcmp(b->args->inputs.args[i].key, "BUILDKIT_CONTEXT_KEEP_GIT_DIR") == 0 && strcmp(b->args->inputs.args[i].value, "1") == 0;
	if (mkdirat(b->ingest.dir, where, 0700) < 0)
		return err_errno(e, -errno, "a folder for the context");
	folder = openat(b->ingest.dir, where, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (folder < 0)
		return err_errno(e, -errno, "a folder for the context");
	r = git_resolve(b, src, NULL, folder, &commit, e);
	if (r == 0)
		r = git_checkout(b, src, commit, keep, folder, e);
	if (r < 0)
		return r;
	tree = beneath_open(folder, GIT_TREE, BENEATH_STRICT, O_RDONLY | O_DIRECTORY, 0);
	if (tree < 0)
		return err_errno(e, tree, "%s: its files", src->url);
	if (src->subdir)
		return open_subdir(src, tree, root, e);
	*root = take_fd(&tree);
	return 0;
}

/* "github.com/USER/REPOSITORY" without a scheme, as docker takes it, where there is no such folder. */
static const char *with_scheme(struct build *b, const char *text)
{
	size_t len = strcspn(text, "?#");
	bool bare = len < 4 || strncmp(text + len - 4, ".git", 4) != 0;

	if (!text_starts(text, "github.com/") || access(text, F_OK) == 0)
		return text;
	return arena_printf(b->a, "https://%.*s%s%s", (int)len, text, bare ? ".git" : "", text + len);
}

/* ---- all kinds ---- */

static int open_folder(const char *text, struct err *e)
{
	int fd = open(text, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0 && strstr(text, "://"))
		return err_set(e, ERR_INVALID, "the context %s: want a folder, a URL by http or https, or a git repository by git, ssh, http or https", text);
	return fd < 0 ? err_errno(e, -errno, "the context %s", text) : fd;
}

int context_tree(struct build *b, const char *text, const char *where, struct tarball *tar, int *root, struct err *e)
{
	CLEANUP_FD int fd = -1;
	struct df_source src;
	int r;

	text = with_scheme(b, text);
	r = text ? df_source_parse(b->a, text, &src, e) : err_errno(e, -ENOMEM, "the context");
	if (r < 0)
		return r;
	if (src.kind == DF_SOURCE_GIT)
		return open_git(b, &src, where, root, e);
	if (src.kind == DF_SOURCE_FILES) {
		*root = open_folder(text, e);
		return *root < 0 ? *root : 0;
	}
	fd = fetch(b, text, where, b->args->limits.file_bytes, e);
	r = fd < 0 ? fd : take_tar(b, fd, text, tar, root, e);
	return r == 0 ? err_set(e, ERR_INVALID, "%s is no tar", text) : r < 0 ? r : 0;
}

int context_open(struct build *b, struct err *e)
{
	const char *text = with_scheme(b, b->args->context);
	CLEANUP_FD int fd = -1;
	struct df_source src;
	int r = text ? df_source_parse(b->a, text, &src, e) : err_errno(e, -ENOMEM, "the context");

	if (r < 0)
		return r;
	if (src.kind == DF_SOURCE_GIT)
		b->foreign = true;
	if (src.kind == DF_SOURCE_GIT)
		return open_git(b, &src, "context", &b->context, e);
	if (src.kind == DF_SOURCE_HTTP || strcmp(text, "-") == 0) {
		fd = src.kind == DF_SOURCE_HTTP ? fetch(b, text, "context", b->args->limits.file_bytes, e) : spool_input(b, e);
		return fd < 0 ? fd : take_file(b, fd, src.kind == DF_SOURCE_HTTP ? text : input_name(b), e);
	}
	digests_open(&b->digests, b->en->root_fd); /* the files of the others are new each time */
	b->context = open_folder(text, e);
	return b->context < 0 ? b->context : 0;
}

void context_close(struct build *b)
{
	b->context = close_fd(b->context);
	tarball_close(&b->tarball);
	free(take_ptr(b->given));
}

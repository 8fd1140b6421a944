#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "base/beneath.h"
#include "base/hardlinks.h"
#include "base/io.h"

struct tmp {
	char path[64];
	int fd;
};

static int setup(void **state)
{
	struct tmp *t = calloc(1, sizeof(*t));

	strcpy(t->path, "/tmp/tare-unit.XXXXXX");
	if (!mkdtemp(t->path))
		return -1;
	t->fd = open(t->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	*state = t;
	return t->fd < 0;
}

static int teardown(void **state)
{
	struct tmp *t = *state;
	int r = io_remove_tree(AT_FDCWD, t->path);

	close(t->fd);
	free(t);
	return r;
}

static void replace_and_read(void **state)
{
	struct tmp *t = *state;
	char *text;
	size_t len;

	assert_int_equal(io_replace_file(t->fd, "f", "one", 3, 0644, true), 0);
	assert_int_equal(io_replace_file(t->fd, "f", "two!", 4, 0644, false), 0);
	assert_int_equal(io_read_file(t->fd, "f", 100, &text, &len), 0);
	assert_int_equal(len, 4);
	assert_string_equal(text, "two!");
	free(text);
	assert_int_equal(io_read_file(t->fd, "f", 3, &text, &len), -EFBIG);
	assert_int_equal(io_read_file(t->fd, "absent", 3, &text, &len), -ENOENT);
}

static void remove_tree_keeps_link_targets(void **state)
{
	struct tmp *t = *state;

	assert_int_equal(io_mkdirs(t->fd, "a/b/c", 0755), 0);
	assert_int_equal(io_mkdirs(t->fd, "keep/me", 0755), 0);
	assert_int_equal(symlinkat("../../keep", t->fd, "a/b/link"), 0);
	assert_int_equal(io_remove_tree(t->fd, "a"), 0);
	assert_int_equal(faccessat(t->fd, "a", F_OK, 0), -1);
	assert_int_equal(faccessat(t->fd, "keep/me", F_OK, 0), 0);
	assert_int_equal(io_remove_tree(t->fd, "a"), 0);
}

/* Deeper than the stack, the descriptors or a path could count, with something beside each step down. */
static void remove_tree_of_any_depth(void **state)
{
	struct tmp *t = *state;
	struct rlimit before, few = { 64, 64 };
	int at = dup(t->fd);

	for (int i = 0; i < 5000; i++) {
		int next, file = openat(at, "file", O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

		close(file);
		assert_int_equal(mkdirat(at, i % 2 ? "a-folder" : "z", 0700), 0);
		assert_int_equal(mkdirat(at, "m", 0700), 0);
		next = openat(at, i % 2 ? "a-folder" : "z", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		close(at);
		at = next;
		assert_true(at >= 0);
	}
	close(at);
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
	few.rlim_max = before.rlim_max;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &few), 0);
	assert_int_equal(io_remove_tree(t->fd, "z"), 0);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
	assert_int_equal(faccessat(t->fd, "z", F_OK, 0), -1);
	assert_int_equal(faccessat(t->fd, "file", F_OK, 0), 0);
}

static void the_end_of_a_path_is_followed(void **state)
{
	struct tmp *t = *state;
	char path[PATH_MAX] = "/l/";

	assert_int_equal(io_mkdirs(t->fd, "follow/d", 0755), 0);
	assert_int_equal(symlinkat("d/m", t->fd, "follow/l"), 0);
	assert_int_equal(symlinkat("../../../none/f", t->fd, "follow/d/m"), 0);
	assert_int_equal(symlinkat("loop", t->fd, "follow/loop"), 0);
	CLEANUP_FD int root = openat(t->fd, "follow", O_PATH | O_DIRECTORY | O_CLOEXEC);

	assert_true(root >= 0);
	assert_int_equal(beneath_follow(root, path), 0);
	assert_string_equal(path, "/d/../../../none/f"); /* which the root's .. keeps in */
	assert_int_equal(beneath_follow(root, path), 0);
	assert_string_equal(path, "/d/../../../none/f");
	(void)snprintf(path, sizeof(path), "/loop");
	assert_int_equal(beneath_follow(root, path), -ELOOP);
}

static void several_names_are_one_file(void **state)
{
	CLEANUP_ARENA struct arena a = ARENA_INIT;
	struct hardlinks *h = arena_new(&a, struct hardlinks);
	struct stat one = { .st_ino = 5, .st_nlink = 2, .st_mode = S_IFREG }, other = one, alone = one;

	(void)state;
	other.st_dev = 1;
	alone.st_nlink = 1;
	assert_null(hardlinks_first(h, &a, &one, "x"));
	assert_null(hardlinks_first(h, &a, &other, "y"));
	assert_null(hardlinks_first(h, &a, &alone, "z"));
	assert_string_equal(hardlinks_first(h, &a, &one, "w"), "x");
	assert_string_equal(hardlinks_first(h, &a, &other, "w"), "y");
	assert_null(hardlinks_first(h, &a, &alone, "w"));
}

static void beneath_never_leaves(void **state)
{
	struct tmp *t = *state;
	char name[NAME_MAX + 1];
	int fd;

	assert_int_equal(io_mkdirs(t->fd, "root/etc", 0755), 0);
	assert_int_equal(symlinkat("/etc", t->fd, "root/abs"), 0);
	assert_int_equal(symlinkat("../../../../../../etc", t->fd, "root/up"), 0);
	CLEANUP_FD int root = openat(t->fd, "root", O_PATH | O_DIRECTORY | O_CLOEXEC);

	assert_true(root >= 0);
	assert_int_equal(beneath_open(root, "abs/passwd", BENEATH_IN_ROOT, O_RDONLY, 0), -ENOENT);
	assert_int_equal(beneath_open(root, "up/passwd", BENEATH_IN_ROOT, O_RDONLY, 0), -ENOENT);
	assert_int_equal(beneath_open(root, "abs/passwd", BENEATH_STRICT, O_RDONLY, 0), -EXDEV);
	assert_int_equal(beneath_open(root, "up/passwd", BENEATH_STRICT, O_RDONLY, 0), -EXDEV);
	assert_int_equal(beneath_open(root, "abs", BENEATH_NOLINKS, O_RDONLY, 0), -ELOOP);
	fd = beneath_mkdirs(root, "/abs/new/deep", BENEATH_IN_ROOT, 0755);
	assert_true(fd >= 0);
	close(fd);
	assert_int_equal(faccessat(t->fd, "root/etc/new/deep", F_OK, 0), 0);
	assert_int_equal(beneath_parent(root, "a/..", BENEATH_IN_ROOT, 0, name), -EINVAL);
	fd = beneath_mountpoint(root, "/x/y/file", 0);
	assert_true(fd >= 0);
	close(fd);
}

static bool made(const struct tmp *t, const char *path, mode_t kind)
{
	struct stat st;

	return fstatat(t->fd, path, &st, AT_SYMLINK_NOFOLLOW) == 0 && (st.st_mode & S_IFMT) == kind;
}

static void mountpoint_behind_dangling_links(void **state)
{
	struct tmp *t = *state;
	static const struct {
		const char *link, *target, *made;
	} cases[] = {
		{ "resolv.conf", "../run/systemd/resolve/stub.conf", "root/run/systemd/resolve/stub.conf" },
		{ "hosts", "/data/hosts", "root/data/hosts" },
		{ "hostname", "/../../../../up", "root/up" },
		{ "chain", "chain2", "root/etc/end" },
		{ "chain2", "/etc/./end", "root/etc/end" },
	};

	assert_int_equal(io_mkdirs(t->fd, "root/etc", 0755), 0);
	CLEANUP_FD int root = openat(t->fd, "root", O_PATH | O_DIRECTORY | O_CLOEXEC);
	CLEANUP_FD int etc = openat(t->fd, "root/etc", O_PATH | O_DIRECTORY | O_CLOEXEC);

	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		assert_int_equal(symlinkat(cases[i].target, etc, cases[i].link), 0);
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		char path[64];
		int fd;

		snprintf(path, sizeof(path), "/etc/%s", cases[i].link);
		fd = beneath_mountpoint(root, path, 0);
		assert_true(fd >= 0);
		close(fd);
		assert_true(made(t, cases[i].made, S_IFREG));
	}
	assert_false(made(t, "up", S_IFREG));
	assert_int_equal(symlinkat("b", root, "a"), 0);
	assert_int_equal(symlinkat("a", root, "b"), 0);
	assert_int_equal(beneath_mountpoint(root, "/a", 0), -ELOOP);
	assert_int_equal(beneath_mountpoint(root, "/a/x", 0), -ELOOP);
	assert_int_equal(symlinkat("../../data2/./more", etc, "part"), 0);
	CLEANUP_FD int further = beneath_mountpoint(root, "/etc/part/folder/file", 0);

	assert_true(further >= 0);
	assert_true(made(t, "root/data2/more/folder/file", S_IFREG));
	assert_int_equal(symlinkat("/nowhere", root, "gone"), 0);
	CLEANUP_FD int folder = beneath_mountpoint(root, "/gone", 1);

	assert_true(folder >= 0);
	assert_true(made(t, "root/nowhere", S_IFDIR));
}

static void mountpoint_that_is_a_link_itself(void **state)
{
	struct tmp *t = *state;
	char name[NAME_MAX + 1];
	struct stat st;

	assert_int_equal(io_mkdirs(t->fd, "root/etc", 0755), 0);
	assert_int_equal(symlinkat("../../../etc/out", t->fd, "root/link"), 0);
	assert_int_equal(symlinkat("/../there/deep", t->fd, "root/dangling"), 0);
	CLEANUP_FD int root = openat(t->fd, "root", O_PATH | O_DIRECTORY | O_CLOEXEC);
	CLEANUP_FD int link = beneath_mountpoint_itself(root, "/link//", 1);
	CLEANUP_FD int file = beneath_mountpoint_itself(root, "/dangling/file", 0);
	CLEANUP_FD int folder = beneath_mountpoint_itself(root, "new/folder", 1);
	CLEANUP_FD int place = beneath_place(root, "/dangling/more/name/", name);

	assert_true(file >= 0 && folder >= 0 && place >= 0);
	assert_int_equal(fstat(link, &st), 0);
	assert_true(S_ISLNK(st.st_mode));
	assert_false(made(t, "root/etc/out", S_IFREG));
	assert_true(made(t, "root/there/deep/file", S_IFREG));
	assert_true(made(t, "root/new/folder", S_IFDIR));
	assert_true(made(t, "root/there/deep/more", S_IFDIR));
	assert_string_equal(name, "name");
	assert_int_equal(beneath_mountpoint_itself(root, "/etc/..", 1), -EINVAL);
	assert_int_equal(beneath_mountpoint_itself(root, "/", 1), -EINVAL);
}

static void an_open_file_by_name(void **state)
{
	struct tmp *t = *state;
	char name[IO_FD_PATH_LEN], path[PATH_MAX];
	struct stat a, b;

	assert_int_equal(io_mkdirs(t->fd, "folder", 0755), 0);
	CLEANUP_FD int fd = openat(t->fd, "folder", O_PATH | O_CLOEXEC);
	assert_int_equal(stat(io_fd_path(fd, name), &a), 0);
	assert_int_equal(io_path_of(fd, path), 0);
	assert_int_equal(stat(path, &b), 0);
	assert_true(a.st_ino == b.st_ino && a.st_dev == b.st_dev);
	assert_string_equal(strrchr(path, '/'), "/folder");
	assert_int_equal(stat(io_fd_path(-1, name), &a), -1); /* and the longest number there is */
	assert_int_equal(io_path_of(-1, path), -ENOENT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(replace_and_read, setup, teardown),
		cmocka_unit_test_setup_teardown(remove_tree_keeps_link_targets, setup, teardown),
		cmocka_unit_test_setup_teardown(remove_tree_of_any_depth, setup, teardown),
		cmocka_unit_test_setup_teardown(an_open_file_by_name, setup, teardown),
		cmocka_unit_test_setup_teardown(the_end_of_a_path_is_followed, setup, teardown),
		cmocka_unit_test_setup_teardown(several_names_are_one_file, setup, teardown),
		cmocka_unit_test_setup_teardown(beneath_never_leaves, setup, teardown),
		cmocka_unit_test_setup_teardown(mountpoint_behind_dangling_links, setup, teardown),
		cmocka_unit_test_setup_teardown(mountpoint_that_is_a_link_itself, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

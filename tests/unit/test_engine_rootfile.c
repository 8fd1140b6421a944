#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <sys/sysmacros.h>
#include <sys/xattr.h>

#include "engine/copytree.h"
#include "engine/rootfile.h"
#include "engine_box.h"

static struct box box;
static int layers[3]; /* topmost first: c b a */

static int setup(void **state)
{
	static const char *const names[] = { "c", "b", "a" };

	(void)state;
	box_open(&box);
	for (size_t i = 0; i < 3; i++) {
		assert_int_equal(mkdirat(box.fd, names[i], 0755), 0);
		layers[i] = openat(box.fd, names[i], O_PATH | O_DIRECTORY | O_CLOEXEC);
	}
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	for (size_t i = 0; i < 3; i++)
		close_fd(layers[i]);
	box_close(&box);
	return 0;
}

static void link_to(const char *target, const char *name)
{
	char path[256], *slash;

	snprintf(path, sizeof(path), "%s", name);
	slash = strrchr(path, '/');
	*slash = '\0';
	assert_int_equal(io_mkdirs(box.fd, path, 0755), 0);
	assert_int_equal(symlinkat(target, box.fd, name), 0);
}

static void expect(const char *path, const char *want)
{
	CLEANUP_FREE char *text = NULL;
	struct err e = { 0 };

	assert_int_equal(rootfile_read(layers, 3, path, &text, &e), 0);
	if (want && (!text || strcmp(text, want) != 0))
		fail_msg("/%s is \"%s\", not \"%s\"", path, text ? text : "(absent)", want);
	if (!want && text)
		fail_msg("/%s is \"%s\", should be absent", path, text);
}

static void the_topmost_has_it(void **state)
{
	(void)state;
	expect("etc/passwd", NULL);
	box_file(&box, "a/etc/passwd", "low");
	expect("etc/passwd", "low");
	box_file(&box, "b/etc/passwd", "middle");
	box_file(&box, "c/etc/other", "x");
	expect("etc/passwd", "middle");
}

static void whiteouts_and_opaque_folders_hide(void **state)
{
	(void)state;
	box_file(&box, "a/etc/passwd", "low");
	box_file(&box, "a/etc/group", "low");
	assert_int_equal(io_mkdirs(box.fd, "b/etc", 0755), 0);
	assert_int_equal(mknodat(box.fd, "b/etc/passwd", S_IFCHR, makedev(0, 0)), 0);
	expect("etc/passwd", NULL);
	expect("etc/group", "low");
	{
		CLEANUP_FD int etc = openat(box.fd, "b/etc", O_RDONLY | O_DIRECTORY);

		if (fsetxattr(etc, "trusted.overlay.opaque", "y", 1, 0) < 0)
			skip();
	}
	expect("etc/group", NULL);
}

static void links_are_followed_across_layers_and_never_out(void **state)
{
	(void)state;
	link_to("../usr/lib/passwd", "c/etc/passwd");
	box_file(&box, "a/usr/lib/passwd", "real");
	expect("etc/passwd", "real");
	link_to("/usr/lib/passwd", "c/etc/absolute");
	expect("etc/absolute", "real");
	link_to("../../../../../../../../etc/hostname", "c/etc/out");
	expect("etc/out", NULL);
	link_to("/etc/loop", "c/etc/loop");
	expect("etc/loop", NULL);
	link_to("usr", "b/link");
	expect("link/lib/passwd", "real");
}

static void only_regular_files_of_a_size(void **state)
{
	CLEANUP_FREE char *text = NULL;
	struct err e = { 0 };

	(void)state;
	assert_int_equal(io_mkdirs(box.fd, "c/etc/passwd", 0755), 0);
	expect("etc/passwd", NULL);
	assert_int_equal(mkfifoat(box.fd, "c/etc/group", 0600), 0);
	expect("etc/group", NULL);
	box_file(&box, "c/etc/big", "");
	assert_int_equal(truncate(strcat(strcpy((char[256]){ 0 }, box.dir), "/c/etc/big"), 2 << 20), 0);
	assert_true(rootfile_read(layers, 3, "etc/big", &text, &e) < 0);
	assert_int_equal(e.cls, ERR_LIMIT);
}

static void a_folder_is_copied_as_the_layers_show_it(void **state)
{
	const struct copytree_ids ids = { .base = 1000000, .size = 65536 };
	struct err e = { 0 };
	struct stat st;
	char *text;

	(void)state;
	box_file(&box, "a/data/old", "old");
	box_file(&box, "a/data/changed", "before");
	box_file(&box, "a/data/sub/deep", "deep");
	box_file(&box, "b/data/changed", "after");
	assert_int_equal(mknodat(box.fd, "b/data/old", S_IFCHR, makedev(0, 0)), 0);
	link_to("/etc/shadow", "c/data/link");
	assert_int_equal(fchownat(box.fd, "b/data/changed", 33, 70000, 0), 0);
	assert_int_equal(fchmodat(box.fd, "b/data/changed", 04755, 0), 0);
	assert_int_equal(mkdirat(box.fd, "out", 0755), 0);
	assert_int_equal(copytree_from_layers(layers, 3, "data", box.fd, "out", &ids, &e), 0);
	assert_int_equal(fstatat(box.fd, "out/old", &st, AT_SYMLINK_NOFOLLOW), -1);
	assert_int_equal(io_read_file(box.fd, "out/sub/deep", 100, &text, NULL), 0);
	assert_string_equal(text, "deep");
	free(text);
	assert_int_equal(fstatat(box.fd, "out/changed", &st, 0), 0);
	assert_int_equal(st.st_uid, 1000033);
	assert_int_equal(st.st_gid, 1000000); /* does not fit the map */
	assert_int_equal(st.st_mode & 07777, 04755);
	assert_int_equal(st.st_size, 5);
	assert_int_equal(fstatat(box.fd, "out/link", &st, AT_SYMLINK_NOFOLLOW), 0);
	assert_true(S_ISLNK(st.st_mode));
	assert_int_equal(fstatat(box.fd, "out", &st, 0), 0);
	assert_int_equal(st.st_uid, 1000000);
	/* nothing there, or only a link: left alone */
	assert_int_equal(mkdirat(box.fd, "none", 0700), 0);
	link_to("/etc", "c/away");
	assert_int_equal(copytree_from_layers(layers, 3, "away", box.fd, "none", &ids, &e), 0);
	assert_int_equal(copytree_from_layers(layers, 3, "nosuch", box.fd, "none", &ids, &e), 0);
}

static void leads(const char *path, const char *want)
{
	char at[PATH_MAX];

	rootfile_where(layers, 3, path, at);
	assert_string_equal(at, want);
}

static void where_a_path_leads(void **state)
{
	(void)state;
	assert_int_equal(io_mkdirs(box.fd, "a/run/lock", 0755), 0);
	link_to("/run", "b/var/run");
	link_to("../../run", "c/usr/x/up");
	leads("run/lock", "run/lock");
	leads("var/run/lock", "run/lock");
	leads("var/run", "run");
	leads("usr/x/up/lock/new", "run/lock/new");
	leads("none/at/all", "none/at/all");
	link_to("/c/loop", "c/c/loop");
	leads("c/loop", "c/loop");
	link_to("/", "c/c/root");
	leads("c/root", "c/root");
	leads("c/root/run", "run");
	link_to("../../../../../etc", "c/c/out");
	leads("c/out", "etc");
}

static bool lacks(void)
{
	struct stat st;
	int fd;
	bool yes = rootfile_lacks(layers, 3, "etc", "mtab", &st, &fd);

	assert_int_equal(fd >= 0, yes);
	assert_true(!yes || S_ISDIR(st.st_mode));
	close_fd(fd);
	return yes;
}

static void what_a_folder_lacks(void **state)
{
	(void)state;
	assert_false(lacks()); /* no such folder */
	assert_int_equal(io_mkdirs(box.fd, "a/etc", 0755), 0);
	assert_true(lacks());
	link_to("/nowhere", "a/etc/mtab");
	assert_false(lacks());
	assert_int_equal(io_mkdirs(box.fd, "b/etc", 0755), 0);
	assert_false(lacks());
	assert_int_equal(mknodat(box.fd, "b/etc/mtab", S_IFCHR, makedev(0, 0)), 0);
	assert_true(lacks());
	box_file(&box, "c/etc/mtab", "x");
	assert_false(lacks());
	assert_int_equal(io_remove_tree(box.fd, "c/etc"), 0);
	link_to("a", "c/etc"); /* the image's author may have it lead anywhere */
	assert_false(lacks());
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(the_topmost_has_it), T(whiteouts_and_opaque_folders_hide), T(links_are_followed_across_layers_and_never_out),
		T(only_regular_files_of_a_size), T(a_folder_is_copied_as_the_layers_show_it), T(what_a_folder_lacks), T(where_a_path_leads),
	};

	if (geteuid() != 0)
		return 0;
	return cmocka_run_group_tests(tests, NULL, NULL);
}

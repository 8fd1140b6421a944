/* Two trees side by side: everything that must be the same, and what is said where it is not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/io.h"
#include "image/compare.h"

static char folder[] = "/tmp/tare-compare.XXXXXX";
static char said[4096];

static void make(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);

	assert_true(fd >= 0);
	assert_int_equal(io_write_full(fd, text, strlen(text)), 0);
	(void)close(fd);
}

static void no_times(const char *path)
{
	const struct timespec zero[2] = { { 0, 0 }, { 0, 0 } };

	assert_int_equal(utimensat(AT_FDCWD, path, zero, AT_SYMLINK_NOFOLLOW), 0);
}

static int setup(void **state)
{
	(void)state;
	memcpy(folder + sizeof(folder) - 7, "XXXXXX", 6);
	if (!mkdtemp(folder) || chdir(folder) < 0)
		return -1;
	for (const char *const *p = (const char *const[]){ "w", "h", NULL }; *p; p++) {
		if (mkdir(*p, 0755) < 0 || chdir(*p) < 0 || mkdir("d", 0755) < 0 || symlink("to", "link") < 0)
			return -1;
		make("d/f", "text");
		make("z", "");
		for (const char *const *n = (const char *const[]){ "d/f", "d", "z", "link", ".", NULL }; *n; n++)
			no_times(*n);
		if (chdir("..") < 0)
			return -1;
	}
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	return chdir("/") == 0 ? io_remove_tree(AT_FDCWD, folder) : -1;
}

static void hear(const char *path, const char *what, void *data)
{
	size_t len = strlen(said);

	(void)data;
	(void)snprintf(said + len, sizeof(said) - len, "%s %s\n", path, what);
}

static int compare(unsigned int most)
{
	int w = open("w", O_PATH | O_CLOEXEC), h = open("h", O_PATH | O_CLOEXEC), r;
	struct err e = { 0 };

	said[0] = '\0';
	r = compare_trees(w, h, most, hear, NULL, &e);
	(void)close(w);
	(void)close(h);
	return r;
}

static void same(void **state)
{
	(void)state;
	assert_int_equal(compare(10), 0);
	assert_string_equal(said, "");
}

static void contents(void **state)
{
	(void)state;
	make("h/d/f", "teXt");
	no_times("h/d/f");
	assert_int_equal(compare(10), 1);
	assert_string_equal(said, "d/f has another content from byte 2 on\n");
	make("h/d/f", "longer");
	no_times("h/d/f");
	assert_int_equal(compare(10), 1);
	assert_string_equal(said, "d/f has 6 bytes, must have 4\n");
}

static void names(void **state)
{
	(void)state;
	assert_int_equal(unlink("h/z"), 0);
	make("h/\x1b[1m", "x");
	no_times("h");
	assert_int_equal(compare(10), 2);
	assert_string_equal(said, "\\x1b[1m is not of the image\nz is missing\n");
	assert_int_equal(compare(1), 1);
}

static void kinds(void **state)
{
	(void)state;
	assert_int_equal(unlink("h/link"), 0);
	make("h/link", "to");
	no_times("h/link");
	no_times("h");
	assert_int_equal(compare(10), 1);
	assert_string_equal(said, "link is a file, must be a symbolic link\n");
	assert_int_equal(unlink("h/link"), 0);
	assert_int_equal(symlink("elsewhere", "h/link"), 0);
	no_times("h/link");
	no_times("h");
	assert_int_equal(compare(10), 1);
	assert_string_equal(said, "link leads to another place, must to 'to'\n");
}

static void facts(void **state)
{
	(void)state;
	assert_int_equal(chmod("h/d", 0700), 0);
	assert_int_equal(link("h/z", "y"), 0);
	assert_int_equal(utimensat(AT_FDCWD, "h/d/f", (struct timespec[2]){ { 0, 0 }, { 1, 5 } }, 0), 0);
	assert_int_equal(compare(10), 3);
	assert_string_equal(said, "d has the mode 0700, must have 0755\nd/f was changed at 1.000000005, must at 0.000000000\n"
				  "z has 2 names, must have 1\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(same, setup, teardown),	    cmocka_unit_test_setup_teardown(contents, setup, teardown),
		cmocka_unit_test_setup_teardown(names, setup, teardown),    cmocka_unit_test_setup_teardown(kinds, setup, teardown),
		cmocka_unit_test_setup_teardown(facts, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

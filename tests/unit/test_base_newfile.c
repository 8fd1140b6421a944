/* Files that appear whole or not at all. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/io.h"
#include "base/newfile.h"

static char folder[] = "/tmp/tare-newfile.XXXXXX";

static int setup(void **state)
{
	(void)state;
	memcpy(folder + sizeof(folder) - 7, "XXXXXX", 6);
	return mkdtemp(folder) && chdir(folder) == 0 ? 0 : -1;
}

static int teardown(void **state)
{
	(void)state;
	return chdir("/") == 0 ? io_remove_tree(AT_FDCWD, folder) : -1;
}

static int count(void)
{
	DIR *d = opendir(".");
	int n = -2;

	while (readdir(d))
		n++;
	(void)closedir(d);
	return n;
}

static void check(const char *name, const char *want)
{
	char *text;
	size_t len;

	assert_int_equal(io_read_file(AT_FDCWD, name, 100, &text, &len), 0);
	assert_string_equal(text, want);
	free(text);
}

static void put(const char *path, const char *text, bool commit)
{
	struct newfile f = NEWFILE_INIT;

	assert_int_equal(newfile_begin(path, 0640, &f), 0);
	assert_int_equal(io_write_full(f.fd, text, strlen(text)), 0);
	if (commit)
		assert_int_equal(newfile_commit(&f), 0);
	newfile_end(&f);
	newfile_end(&f);
}

static void appears(void **state)
{
	struct stat st;

	(void)state;
	put("a", "one", false);
	assert_int_equal(count(), 0);
	put("a", "one", true);
	check("a", "one");
	assert_int_equal(stat("a", &st), 0);
	assert_int_equal(st.st_mode & 07777, 0640);
	put("./a", "two", false);
	check("a", "one");
	put("./a", "two", true);
	check("a", "two");
	assert_int_equal(count(), 1);
}

static void elsewhere(void **state)
{
	char path[PATH_MAX];

	(void)state;
	(void)snprintf(path, sizeof(path), "%s/b", folder);
	put(path, "x", true);
	check("b", "x");
	assert_int_equal(symlink("b", "link"), 0);
	put("link", "y", true); /* takes the link's place */
	check("b", "x");
	check("link", "y");
}

static void not_files(void **state)
{
	struct newfile f = NEWFILE_INIT;

	(void)state;
	put("/dev/null", "x", true);
	assert_int_equal(newfile_begin(".", 0600, &f), -EISDIR);
	assert_int_equal(newfile_begin("new/", 0600, &f), -EISDIR);
	assert_int_equal(newfile_begin("no/such", 0600, &f), -ENOENT);
	assert_int_equal(newfile_begin(folder, 0600, &f), -EISDIR);
	assert_int_equal(f.fd, -1);
	assert_int_equal(count(), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(appears, setup, teardown),
		cmocka_unit_test_setup_teardown(elsewhere, setup, teardown),
		cmocka_unit_test_setup_teardown(not_files, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

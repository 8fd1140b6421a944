/* The tar that images are saved in: what the system's tar makes of it, sizes beyond octal, files that are too short. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/io.h"
#include "image/tarball.h"

static int file_of(size_t len)
{
	FILE *f = tmpfile();
	int fd = dup(fileno(f));

	for (size_t i = 0; i < len; i++)
		(void)!write(fd, &(unsigned char){ (unsigned char)(i % 251) }, 1);
	(void)fclose(f);
	return fd;
}

static void read_all(int fd, char **text, size_t *len)
{
	assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
	assert_int_equal(io_read_fd(fd, 1U << 20, text, len), 0);
}

static void whole(void **state)
{
	int out = file_of(0), in = file_of(1000);
	struct err e = { 0 };
	char *text;
	size_t len;

	(void)state;
	assert_int_equal(tarball_text(out, "a", "hello", 5, &e), 0);
	assert_int_equal(tarball_copy(out, "b/c", in, 1000, &e), 0);
	assert_int_equal(tarball_text(out, "empty", "", 0, &e), 0);
	assert_int_equal(tarball_end(out, &e), 0);
	read_all(out, &text, &len);
	assert_int_equal(len, 512 + 512 + 512 + 1024 + 512 + 1024);
	assert_string_equal(text, "a");
	assert_memory_equal(text + 512, "hello\0", 6);
	assert_string_equal(text + 124, "00000000005");
	assert_memory_equal(text + 257, "ustar\00000", 8);
	assert_string_equal(text + 1024, "b/c");
	for (size_t i = 0; i < 1000; i++)
		assert_int_equal((unsigned char)text[1536 + i], i % 251);
	for (size_t i = 1536 + 1000; i < 1536 + 1024; i++)
		assert_int_equal(text[i], 0);
	free(text);
	(void)close(out);
	(void)close(in);
}

/* The sum of a header's bytes, its own field taken for blanks. */
static unsigned int sum_of(const char *h)
{
	unsigned int sum = 0;

	for (size_t i = 0; i < 512; i++)
		sum += i >= 148 && i < 156 ? ' ' : (unsigned char)h[i];
	return sum;
}

static void large(void **state)
{
	static const unsigned char want[12] = { 0x80, 0, 0, 0, 0, 0, 0, 3, 0, 0, 0, 1 };
	int out = file_of(0), in = file_of(10);
	struct err e = { 0 };
	char *text;
	size_t len;

	(void)state;
	assert_true(tarball_copy(out, "big", in, (UINT64_C(3) << 32) + 1, &e) < 0);
	assert_int_equal(e.cls, ERR_INVALID);
	assert_non_null(strstr(e.msg, "too early"));
	read_all(out, &text, &len);
	assert_int_equal(len, 522);
	assert_memory_equal(text + 124, want, 12);
	assert_int_equal(strtoul(text + 148, NULL, 8), sum_of(text));
	free(text);
	(void)close(out);
	(void)close(in);
}

static void by_pipe(void **state)
{
	int ends[2], in = file_of(3000);
	struct err e = { 0 };
	char *text;
	size_t len;

	(void)state;
	assert_int_equal(pipe(ends), 0);
	assert_int_equal(tarball_copy(ends[1], "x", in, 3000, &e), 0);
	(void)close(ends[1]);
	assert_int_equal(io_read_fd(ends[0], 1U << 20, &text, &len), 0);
	assert_int_equal(len, 512 + 3072);
	assert_int_equal((unsigned char)text[512 + 2999], 2999 % 251);
	free(text);
	(void)close(ends[0]);
	(void)close(in);
}

static void names(void **state)
{
	char name[TARBALL_NAME_MAX + 2];
	int out = file_of(0);
	struct err e = { 0 };

	(void)state;
	memset(name, 'n', sizeof(name));
	name[TARBALL_NAME_MAX] = '\0';
	assert_int_equal(tarball_text(out, name, "", 0, &e), 0);
	name[TARBALL_NAME_MAX] = 'n';
	name[TARBALL_NAME_MAX + 1] = '\0';
	assert_true(tarball_text(out, name, "", 0, &e) < 0);
	(void)close(out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(whole),
		cmocka_unit_test(large),
		cmocka_unit_test(by_pipe),
		cmocka_unit_test(names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

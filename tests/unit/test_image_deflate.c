/* The same bytes packed again and again, each time with the packer's memory elsewhere: the same packed bytes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "image/worker/deflate.h"

#define TIMES 40000      /* one address in 7000 or so gives other bytes where that matters (ISA-L 2.30) */
#define STEP (64U << 10) /* less of an address does not */

/* As small layers are: a name, and zeros. */
static void pack_small(int fd, char packed[DIGEST_LEN + 1])
{
	CLEANUP_DEFLATE struct deflate *d = NULL;
	static const char *const names[] = { "t/", "t/d/", "t/d/e/" };
	char block[10240] = "", plain[DIGEST_LEN + 1];
	struct err e = { 0 };
	uint64_t size;

	for (size_t i = 0; i < 3; i++) {
		memcpy(block + 512 * i, names[i], strlen(names[i]));
		memcpy(block + 512 * i + 100, "0000755", 7);
		memcpy(block + 512 * i + 257, "ustar", 5);
	}
	assert_int_equal(deflate_new(fd, false, &d, &e), 0);
	assert_int_equal(deflate_add(d, block, sizeof(block), &e), 0);
	assert_int_equal(deflate_end(d, plain, packed, &size, &e), 0);
	assert_true(size > 0 && size < sizeof(block));
}

static void same_bytes(void **state)
{
	char first[DIGEST_LEN + 1], again[DIGEST_LEN + 1];
	int fd = open("/dev/null", O_WRONLY | O_CLOEXEC);

	(void)state;
	pack_small(fd, first);
	for (int i = 0; i < TIMES; i++) {
		/* the kernel fills the highest gap: the next one lies below */
		assert_ptr_not_equal(mmap(NULL, STEP, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0), MAP_FAILED);
		pack_small(fd, again);
		assert_string_equal(again, first);
	}
	(void)close(fd);
}

static void one_at_a_time(void **state)
{
	CLEANUP_DEFLATE struct deflate *d = NULL, *second = NULL, *plain = NULL;
	struct err e = { 0 };

	(void)state;
	assert_int_equal(deflate_new(-1, false, &d, &e), 0);
	assert_int_equal(deflate_new(-1, false, &second, &e), -EEXIST);
	assert_null(second);
	assert_int_equal(deflate_new(-1, true, &plain, &e), 0);
}

static int setup(void **state)
{
	struct err e = { 0 };

	(void)state;
	(void)mallopt(M_MMAP_THRESHOLD, STEP); /* else what was freed is given again */
	return hash_setup(&e);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(same_bytes),
		cmocka_unit_test(one_at_a_time),
	};

	return cmocka_run_group_tests(tests, setup, NULL);
}

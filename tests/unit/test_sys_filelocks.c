#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <fcntl.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "base/io.h"
#include "sys/filelocks.h"

static void lines_as_the_kernel_writes_them(void **state UNUSED)
{
	CLEANUP_FILELOCKS struct filelocks l = FILELOCKS_INIT;

	assert_int_equal(filelocks_parse("1: POSIX  ADVISORY  WRITE 3998 fe:01:11133156 0 EOF\n"
					 "1: -> POSIX  ADVISORY  WRITE 3998 fe:01:5 0 EOF\n"
					 "2: FLOCK  ADVISORY  WRITE 77 00:1b:6 0 EOF\n"
					 "3: OFDLCK ADVISORY  READ  -1 00:1b:7 128 255\n"
					 "4: LEASE  ACTIVE    READ  9 00:1b:8 0 EOF\n"
					 "5: POSIX  *NOINODE* READ  9 <none>:0 0 EOF\n"
					 "\n6: POSIX \n: POSIX 1:1:9\nPOSIX  ADVISORY  WRITE 1 00:1b:10 0 EOF\n"
					 "7: POSIX  ADVISORY  WRITE 1 00:1b:11 0 EO",
					 &l),
			 0);
	assert_int_equal(l.n, 2);
	assert_true(filelocks_held(&l, makedev(0xfe, 1), 11133156));
	assert_true(filelocks_held(&l, makedev(0, 0x1b), 7));
	assert_false(filelocks_held(&l, makedev(0, 0x1b), 11133156));
	for (ino_t ino = 0; ino < 12; ino++)
		assert_int_equal(filelocks_held(&l, makedev(0, 0x1b), ino), ino == 7);
	assert_false(filelocks_held(&l, makedev(0xfe, 1), 5));
}

/* Whether the kernel tells it of a file that lock() has been called with. */
static bool told(int (*lock)(int fd))
{
	CLEANUP_FILELOCKS struct filelocks l = FILELOCKS_INIT;
	char name[] = "/dev/shm/tare-locks-XXXXXX"; /* where a device's number is the file system's */
	CLEANUP_FD int fd = mkstemp(name);
	struct stat st;

	assert_true(fd >= 0);
	assert_int_equal(unlink(name), 0);
	assert_int_equal(lock(fd), 0);
	assert_int_equal(fstat(fd, &st), 0);
	assert_int_equal(filelocks_read(&l), 0);
	return filelocks_held(&l, st.st_dev, st.st_ino);
}

static int no_lock(int fd UNUSED)
{
	return 0;
}

static int whole_file(int fd)
{
	return flock(fd, LOCK_EX);
}

static int record_lock(int fd)
{
	return fcntl(fd, F_SETLK, &(struct flock){ .l_type = F_WRLCK, .l_whence = SEEK_SET });
}

static int open_lock(int fd)
{
	return fcntl(fd, F_OFD_SETLK, &(struct flock){ .l_type = F_WRLCK, .l_whence = SEEK_SET });
}

static void locks_that_the_kernel_tells(void **state UNUSED)
{
	assert_false(told(no_lock));
	assert_false(told(whole_file));
	assert_true(told(record_lock));
	assert_true(told(open_lock));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lines_as_the_kernel_writes_them),
		cmocka_unit_test(locks_that_the_kernel_tells),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* A container's process may be made to execute our program (args[0] = "/proc/self/exe"), or may look at one of ours
 * that entered its pid namespace; through /proc/PID/exe it then holds the host's file, and as the host's root could
 * write to it. While we are not dumpable it cannot (process.c); what is left is closed here: the program runs from a
 * detached, read-only copy of its mount. The file behind /proc/PID/exe then lies on a mount that nobody can
 * make writable again: it is in no mount namespace once our descriptor is closed, so mount_setattr(2) refuses
 * it for everybody. Text pages are still shared with every other process of the program, unlike those of a memfd, which
 * is for a caller who may not mount (whose own the program file is, or the container could not write to it).
 *
 * The file is exchanged under the running program where the kernel lets us, else the program is executed again. Then, by what it runs
 * from, a process knows that it is sealed: a read-only mount whose root is the program file itself, or a memfd that nobody can
 * write to. */
#include "runtime/seal.h"

#include <fcntl.h>
#include <linux/stat.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

#include "base/io.h"
#include "sys/exe.h"
#include "sys/idmap.h"
#include "sys/kernel.h"
#include "sys/mnt.h"

#ifndef STATX_ATTR_MOUNT_ROOT
#define STATX_ATTR_MOUNT_ROOT 0x2000
#endif

extern char **environ;

static bool is_memfd(void)
{
	CLEANUP_FD int fd = openat(AT_FDCWD, "/proc/self/exe", O_RDONLY | O_CLOEXEC);
	int seals = fd < 0 ? -1 : fcntl(fd, F_GET_SEALS);

	return seals >= 0 && (seals & F_SEAL_WRITE);
}

static bool sealed(void)
{
	CLEANUP_FD int exe = openat(AT_FDCWD, "/proc/self/exe", O_PATH | O_CLOEXEC);
	struct statvfs fs;
	struct statx st;

	/* musl has no statx() before 1.2.5 */
	if (fstatvfs(exe, &fs) < 0 || syscall(SYS_statx, exe, "", AT_EMPTY_PATH, 0U, &st) < 0)
		return false;
	if ((fs.f_flag & ST_RDONLY) && (st.stx_attributes & STATX_ATTR_MOUNT_ROOT))
		return true;
	return st.stx_nlink == 0 && is_memfd();
}

static bool maps(const struct oci_id_map *map, size_t n, uint32_t id)
{
	for (size_t i = 0; i < n; i++)
		if (id >= map[i].host_id && id - map[i].host_id < map[i].size)
			return true;
	return false;
}

bool rt_seal_needed(const struct oci_spec *spec)
{
	const struct oci_linux *l = &spec->linux_;
	struct stat st;

	if (!l->ns[OCI_NS_USER].wanted || l->ns[OCI_NS_USER].path || stat("/proc/self/exe", &st) < 0)
		return true;
	if (maps(l->uid_map, l->n_uid_map, st.st_uid) || (st.st_mode & S_IWOTH) ||
	    ((st.st_mode & S_IWGRP) && maps(l->gid_map, l->n_gid_map, st.st_gid)))
		return true;
	/* a user's containers may have his id, and groups of his that are not mapped */
	return geteuid() != 0 && (access("/proc/self/exe", W_OK) == 0 || errno == ETXTBSY);
}

static int copy_to_memfd(void)
{
	CLEANUP_FD int fd = openat(AT_FDCWD, "/proc/self/exe", O_RDONLY | O_CLOEXEC);
	struct stat st;
	void *text;
	int r;

	if (fd < 0 || fstat(fd, &st) < 0)
		return -errno;
	text = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
	if (text == MAP_FAILED)
		return -errno;
	r = io_memfd("tare-oci", text, (size_t)st.st_size, true);
	(void)munmap(text, (size_t)st.st_size);
	return r;
}

/* The program file on a mount of its own that nobody can write to. */
static int read_only_copy(void)
{
	CLEANUP_FD int copy = mnt_clone_tree(AT_FDCWD, "/proc/self/exe", false);
	int r = copy < 0 ? copy : mnt_setattr(copy, false, MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID, 0, MS_PRIVATE);

	return r < 0 ? r : take_fd(&copy);
}

/* Where the kernel lets us, the file is exchanged under the running program, for executing it costs a good part of a container's
 * start. */
static int adopt(int copy)
{
	char path[IO_FD_PATH_LEN];
	CLEANUP_FD int fd = openat(AT_FDCWD, io_fd_path(copy, path), O_RDONLY | O_CLOEXEC);

	return fd < 0 ? -EBADF : exe_adopt(fd);
}

int rt_seal_self(char *const argv[], struct err *e)
{
	CLEANUP_FD int copy = -1;
	const char *name = strrchr(argv[0], '/');

	copy = read_only_copy();
	if (copy >= 0 && adopt(copy) == 0)
		return 0;
	/* of what is in no mount namespace of ours, as a sealed one is, no copy can be made */
	if (copy < 0 && sealed()) {
		/* exec by descriptor named us after its number */
		(void)prctl(PR_SET_NAME, name ? name + 1 : argv[0]);
		return 0;
	}
	if (copy == -EPERM || copy == -EINVAL)
		copy = copy_to_memfd();
	if (copy < 0)
		return err_errno(e, copy, "sealing the program file");
	(void)syscall(SYS_execveat, copy, "", argv, environ, AT_EMPTY_PATH);
	return err_errno(e, -errno, "executing the sealed program file");
}

/* A container's process may be made to execute our program (args[0] = "/proc/self/exe"), or may look at one of ours
 * that entered its pid namespace; through /proc/PID/exe it then holds the host's file, and as the host's root could
 * write to it. While we are not dumpable it cannot (process.c); what is left is closed here: the program is executed
 * from a detached, read-only copy of its mount. The file behind /proc/PID/exe then lies on a mount that nobody can
 * make writable again: it is in no mount namespace once our descriptor is closed at exec, so mount_setattr(2) refuses
 * it for everybody. Text pages are still shared with every other process of the program, unlike those of a memfd.
 *
 * A process knows that it is sealed by what it runs from: a read-only mount whose root is the program file itself. */
#include "runtime/seal.h"

#include <fcntl.h>
#include <linux/stat.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

#include "sys/idmap.h"
#include "sys/kernel.h"
#include "sys/mnt.h"

#ifndef STATX_ATTR_MOUNT_ROOT
#define STATX_ATTR_MOUNT_ROOT 0x2000
#endif

extern char **environ;

static bool sealed(int exe)
{
	struct statvfs fs;
	struct statx st;

	/* musl has no statx() before 1.2.5 */
	if (fstatvfs(exe, &fs) < 0 || syscall(SYS_statx, exe, "", AT_EMPTY_PATH, 0U, &st) < 0)
		return false;
	return (fs.f_flag & ST_RDONLY) && (st.stx_attributes & STATX_ATTR_MOUNT_ROOT);
}

bool rt_seal_needed(const struct oci_spec *spec)
{
	const struct oci_linux *l = &spec->linux_;
	struct stat st;

	if (!l->ns[OCI_NS_USER].wanted || l->ns[OCI_NS_USER].path || stat("/proc/self/exe", &st) < 0)
		return true;
	for (size_t i = 0; i < l->n_uid_map; i++)
		if (st.st_uid >= l->uid_map[i].host_id && st.st_uid - l->uid_map[i].host_id < l->uid_map[i].size)
			return true;
	return false;
}

int rt_seal_self(char *const argv[], struct err *e)
{
	CLEANUP_FD int exe = open("/proc/self/exe", O_PATH | O_CLOEXEC), copy = -1;
	const char *name = strrchr(argv[0], '/');
	int r;

	if (exe < 0)
		return err_errno(e, -errno, "/proc/self/exe");
	if (sealed(exe)) {
		/* exec by descriptor named us after its number */
		(void)prctl(PR_SET_NAME, name ? name + 1 : argv[0]);
		return 0;
	}
	copy = mnt_clone_tree(exe, "", false);
	if (copy < 0)
		return err_errno(e, copy, "sealing the program file");
	r = mnt_setattr(copy, false, MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID, 0, MS_PRIVATE);
	if (r < 0)
		return err_errno(e, r, "sealing the program file");
	(void)syscall(SYS_execveat, copy, "", argv, environ, AT_EMPTY_PATH);
	return err_errno(e, -errno, "executing the sealed program file");
}

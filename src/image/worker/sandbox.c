/* The attacker is the archive, having found a hole in libarchive, ISA-L, zstd or in us, and now runs its own code with
 * this process' rights. It holds CHOWN, DAC_OVERRIDE, FOWNER, FSETID, MKNOD and SETFCAP, because unpacking needs them.
 * What it must not get from that, and what stands in the way:
 *
 * - The host's files. The root folder is the staging folder, as a detached mount of its own (open_tree): it belongs to
 *   no mount tree, so ".." ends there, and there is no other handle of a folder to start from but read-only detached
 *   views. Landlock says the same again for opening and making; it does not cover chmod, chown and attributes, which
 *   is why the root folder comes first.
 * - Devices and set-id programs it makes itself. The view is nodev, nosuid and noexec.
 * - Other processes, the network, the kernel's less used doors. The seccomp filter lists the few calls that unpacking
 *   makes; anything else kills the process. No fork, no exec, no sockets, no ptrace, no mount, no ioctl.
 * - Privileges. no_new_privs, and a bounding set without the rest.
 * - The machine's memory. RLIMIT_DATA.
 *
 * Not defended: lying about the layers that are being unpacked. load.c recomputes all ids from verified bytes. */
#include "image/worker/sandbox.h"

#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "sys/caps.h"
#include "sys/landlock.h"
#include "sys/seccomp.h"

#define CAP_CHOWN_BIT CAP_BIT(0)
#define CAP_DAC_OVERRIDE_BIT CAP_BIT(1)
#define CAP_FOWNER_BIT CAP_BIT(3)
#define CAP_FSETID_BIT CAP_BIT(4)
#define CAP_MKNOD_BIT CAP_BIT(27)
#define CAP_SETFCAP_BIT CAP_BIT(31)
#define KEPT_CAPS                                                                                                      \
	(CAP_CHOWN_BIT | CAP_DAC_OVERRIDE_BIT | CAP_FOWNER_BIT | CAP_FSETID_BIT | CAP_MKNOD_BIT | CAP_SETFCAP_BIT)

/* Buffers and tables, and a zstd window of 128 MiB for each layer that is unpacked at a time. */
#define DATA_LIMIT(threads) ((rlim_t)(96 + 160 * (threads)) << 20)

/* The shadow memory of sanitizers and their calls at exit are none of ours. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED true
#else
#define SANITIZED false
#endif

/* ---- views ---- */

/* Replaces *fd by a detached mount of the same folder; with AT_RECURSIVE, and of what is mounted in it. One that is a detached mount is it
 * already, and could not be cloned before Linux 6.15. */
static int restrict_view(int *fd, unsigned long long attributes, unsigned int with, const char *what, struct err *e)
{
	struct mount_attr attr = { .attr_set = attributes };
	int view = (int)syscall(SYS_open_tree, *fd, "", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_EMPTY_PATH | with);

	if (view < 0 && errno == EINVAL && syscall(SYS_mount_setattr, *fd, "", AT_EMPTY_PATH | with, &attr, sizeof(attr)) == 0)
		return 0;
	if (view < 0 && errno == EPERM)
		return err_set(e, ERR_DENIED, "make a view of %s: root may not mount here (CAP_SYS_ADMIN): tare in a container needs that --privileged", what);
	if (view < 0)
		return err_errno(e, -errno, "make a view of %s", what);
	if (syscall(SYS_mount_setattr, view, "", AT_EMPTY_PATH | with, &attr, sizeof(attr)) < 0) {
		(void)close_fd(view);
		return err_errno(e, -errno, "restrict the view of %s", what);
	}
	(void)close_fd(*fd);
	*fd = view;
	return 0;
}

static int restrict_views(struct task *t, bool folder_input, struct err *e)
{
	const unsigned long long inert = MOUNT_ATTR_NODEV | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC;
	int r = restrict_view(&t->staging, inert, 0, "the staging folder", e);

	if (r == 0)
		r = restrict_view(&t->blobs, inert | MOUNT_ATTR_RDONLY, 0, "the blobs", e);
	if (r == 0)
		r = restrict_view(&t->layers, inert | MOUNT_ATTR_RDONLY, 0, "the layers", e);
	if (r == 0 && folder_input)
		r = restrict_view(&t->input, inert | MOUNT_ATTR_RDONLY, AT_RECURSIVE, "the image layout", e);
	if (r == 0 && (fchdir(t->staging) < 0 || chroot(".") < 0))
		r = err_errno(e, -errno, "change the root folder");
	return r;
}

static int enforce_landlock(const struct task *t, bool folder_input, struct err *e)
{
	CLEANUP_LANDLOCK struct landlock_rules rules = LANDLOCK_RULES_INIT;
	int r = landlock_begin(&landlock_everything, &rules);

	if (r == -EOPNOTSUPP) /* a kernel built without it: the other walls stand */
		return 0;
	if (r == 0)
		r = landlock_allow(&rules, t->staging, LANDLOCK_WRITE_TREE);
	if (r == 0 && folder_input)
		r = landlock_allow(&rules, t->input, LANDLOCK_READ_TREE);
	if (r == 0)
		r = landlock_enforce(&rules);
	return r < 0 ? err_errno(e, r, "landlock") : 0;
}

static int drop_caps(struct err *e)
{
	struct cap_sets want = { .bounding = KEPT_CAPS, .effective = KEPT_CAPS, .permitted = KEPT_CAPS };
	int r;

	(void)cap_clamp(&want); /* what the caller lacks shows when an entry needs it */
	r = cap_before_uid(&want);
	if (r == 0)
		r = cap_after_uid(&want);
	return r < 0 ? err_errno(e, r, "drop capabilities") : 0;
}

/* ---- system calls ---- */

static const int allowed_calls[] = {
	/* files */
	SYS_read, SYS_pread64, SYS_write, SYS_pwrite64, SYS_close, SYS_openat, SYS_openat2, SYS_lseek, SYS_fstat, SYS_fstatfs,
	SYS_newfstatat, SYS_statx, SYS_getdents64, SYS_ftruncate, SYS_fcntl, SYS_faccessat, SYS_faccessat2,
	SYS_readlinkat, SYS_flistxattr, SYS_fgetxattr,
	/* the tree */
	SYS_mkdirat, SYS_mknodat, SYS_symlinkat, SYS_linkat, SYS_unlinkat, SYS_renameat2, SYS_fchown,
	SYS_fchownat, SYS_fchmod, SYS_fchmodat, SYS_utimensat, SYS_fsetxattr,
	/* memory */
	SYS_brk, SYS_mmap, SYS_munmap, SYS_mremap, SYS_madvise, SYS_mprotect,
	SYS_sysinfo, /* glibc's qsort() asks how much memory there is */
	/* threads */
	SYS_futex, SYS_set_robust_list, SYS_rseq, SYS_rt_sigprocmask, SYS_sched_yield, SYS_sched_getaffinity, SYS_exit,
	SYS_exit_group, SYS_gettid, SYS_getpid, SYS_ppoll, SYS_clock_gettime, SYS_getrandom,
	/* abort(): to die by a signal of one's own */
	SYS_tgkill, SYS_rt_sigaction, SYS_rt_sigreturn,
	/* what only older architectures have, and their libc still uses */
#ifdef SYS_poll
	SYS_poll,
#endif
#ifdef SYS_renameat
	SYS_renameat,
#endif
};

static int enforce_seccomp(struct err *e)
{
	/* glibc starts threads by clone3 and falls back to clone, whose flags can be looked at: threads only */
	const struct sock_filter threads[] = {
		BPF_JUMP_EQ(SYS_clone3, 0, 1),	   BPF_RETURN(SECCOMP_RET_ERRNO | ENOSYS), BPF_JUMP_EQ(SYS_clone, 0, 4),
		BPF_LOAD(args[0]),		   BPF_JUMP_SET(CLONE_THREAD, 0, 1),	   BPF_RETURN(SECCOMP_RET_ALLOW),
		BPF_RETURN(SECCOMP_RET_KILL_PROCESS),
	};
	int r = seccomp_allow_only(allowed_calls, ARRAY_LEN(allowed_calls), threads, ARRAY_LEN(threads));

	return r < 0 ? err_errno(e, r, "load the system call filter") : 0;
}

static int limit_resources(const struct task *t, struct err *e)
{
	const struct rlimit none = { 0, 0 };
	const struct rlimit data = { DATA_LIMIT(t->threads), DATA_LIMIT(t->threads) };

	if (setrlimit(RLIMIT_CORE, &none) < 0 || setrlimit(RLIMIT_DATA, &data) < 0)
		return err_errno(e, -errno, "limit memory");
	return 0;
}

int sandbox_enter(struct task *t, struct err *e)
{
	struct stat st;
	bool folder_input = fstat(t->input, &st) == 0 && S_ISDIR(st.st_mode);
	int r;

	if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0 || prctl(PR_SET_DUMPABLE, 0UL) < 0 ||
	    prctl(PR_SET_NO_NEW_PRIVS, 1UL, 0UL, 0UL, 0UL) < 0)
		return err_errno(e, -errno, "sandbox");
	r = restrict_views(t, folder_input, e);
	if (r == 0)
		r = enforce_landlock(t, folder_input, e);
	if (r == 0)
		r = drop_caps(e);
	if (r == 0 && !SANITIZED)
		r = limit_resources(t, e);
	if (r == 0 && !SANITIZED)
		r = enforce_seccomp(e);
	return r < 0 ? err_ctx(e, "sandbox of tare-worker") : 0;
}

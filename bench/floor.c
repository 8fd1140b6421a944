/* floor ROOTFS ID COMMAND…: what the kernel alone asks for to run COMMAND as `tare-oci run` would run it from runc's default
 * config: the same namespaces, the same mounts, masks and read-only paths, the same cgroups with the same device rules, the
 * same capabilities. Nothing is read, checked, recorded or protected: it is the yardstick, not a runtime. Linked as tare-oci
 * is (static, musl). The machine's cgroups are v2 alone, or v1 with each controller in its own hierarchy. */
#include <errno.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <linux/capability.h>
#include <linux/sched.h>
#include <net/if.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

#define CG "/sys/fs/cgroup"
#define KEPT ((1U << CAP_KILL) | (1U << CAP_NET_BIND_SERVICE) | (1U << CAP_AUDIT_WRITE))

static const char *const hierarchies[] = { "cpu", "cpuacct", "cpuset", "memory", "devices", "freezer", "blkio", "pids", "systemd", "unified" };
static const char *const masked[] = { "proc/acpi", "proc/asound", "proc/kcore", "proc/keys", "proc/latency_stats", "proc/timer_list",
				      "proc/timer_stats", "proc/sched_debug", "sys/firmware", "proc/scsi" };
static const char *const read_only[] = { "proc/bus", "proc/fs", "proc/irq", "proc/sys", "proc/sysrq-trigger" };
static const char *const rules[] = { "c *:* m", "b *:* m", "c 1:3 rwm", "c 1:5 rwm", "c 1:7 rwm", "c 1:8 rwm", "c 1:9 rwm", "c 5:0 rwm",
				     "c 5:2 rwm", "c 136:* rwm", "c 10:200 rwm" };
static const struct {
	const char *name;
	unsigned int major, minor;
} nodes[] = { { "null", 1, 3 }, { "zero", 1, 5 }, { "full", 1, 7 }, { "random", 1, 8 }, { "urandom", 1, 9 }, { "tty", 5, 0 } };
static const char *const links[][2] = { { "/proc/self/fd", "fd" }, { "/proc/self/fd/0", "stdin" }, { "/proc/self/fd/1", "stdout" },
					{ "/proc/self/fd/2", "stderr" }, { "pts/ptmx", "ptmx" } };
#define N(a) (sizeof(a) / sizeof((a)[0]))

static const char *id;
static int v2;

static void must(long rc, const char *what)
{
	if (rc >= 0)
		return;
	perror(what);
	_exit(1);
}

static const char *cgroup(const char *hierarchy, const char *file)
{
	static char path[256];

	(void)snprintf(path, sizeof(path), CG "/%s/%s%s%s", hierarchy, id, *file ? "/" : "", file);
	return path;
}

static void put(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);

	must(fd, path);
	must(write(fd, text, strlen(text)), path);
	(void)close(fd);
}

/* ---- cgroups ---- */

static void make_v1(void)
{
	char all[64];

	for (size_t i = 0; i < N(hierarchies); i++)
		must(mkdir(cgroup(hierarchies[i], ""), 0755), hierarchies[i]);
	for (int f = 0; f < 2; f++) { /* a new cpuset is empty */
		const char *name = f ? "cpuset.mems" : "cpuset.cpus";
		char from[64];
		int fd;
		ssize_t n;

		(void)snprintf(from, sizeof(from), CG "/cpuset/%s", name);
		fd = open(from, O_RDONLY | O_CLOEXEC);
		n = read(fd, all, sizeof(all) - 1);
		(void)close(fd);
		all[n > 0 ? n : 0] = '\0';
		put(cgroup("cpuset", name), all);
	}
	put(cgroup("devices", "devices.deny"), "a");
	{
		int fd = open(cgroup("devices", "devices.allow"), O_WRONLY | O_CLOEXEC);

		for (size_t i = 0; i < N(rules); i++)
			must(write(fd, rules[i], strlen(rules[i])), rules[i]);
		(void)close(fd);
	}
}

static void join_v1(pid_t pid)
{
	char text[16];

	(void)snprintf(text, sizeof(text), "%d", pid);
	for (size_t i = 0; i < N(hierarchies); i++)
		put(cgroup(hierarchies[i], "cgroup.procs"), text);
}

static void remove_cgroups(void)
{
	if (v2)
		(void)rmdir(cgroup(".", ""));
	else
		for (size_t i = 0; i < N(hierarchies); i++)
			(void)rmdir(cgroup(hierarchies[i], ""));
}

/* The same rules as a program: r2 type, r3 access, r4 major, r5 minor, as tests that jump to "yes" at the end. */
static int device_program(void)
{
	static const struct {
		int type, major, minor;
	} allow[] = { { 2, 1, 3 }, { 2, 1, 5 }, { 2, 1, 7 }, { 2, 1, 8 }, { 2, 1, 9 }, { 2, 5, 0 }, { 2, 5, 2 }, { 2, 136, -1 }, { 2, 10, 200 } };
	struct bpf_insn p[96];
	size_t n = 0;
	union bpf_attr a;
	int fd;
#define I(c, d, s, o, i) (p[n++] = (struct bpf_insn){ .code = (c), .dst_reg = (d), .src_reg = (s), .off = (o), .imm = (i) })
	I(BPF_LDX | BPF_MEM | BPF_W, 2, 1, 0, 0);
	I(BPF_ALU64 | BPF_MOV | BPF_X, 3, 2, 0, 0);
	I(BPF_ALU | BPF_AND | BPF_K, 2, 0, 0, 0xffff);
	I(BPF_ALU | BPF_RSH | BPF_K, 3, 0, 0, 16);
	I(BPF_LDX | BPF_MEM | BPF_W, 4, 1, 4, 0);
	I(BPF_LDX | BPF_MEM | BPF_W, 5, 1, 8, 0);
	I(BPF_ALU64 | BPF_MOV | BPF_K, 0, 0, 0, 1);
	I(BPF_JMP | BPF_JNE | BPF_K, 3, 0, 1, 1); /* mknod alone */
	I(BPF_JMP | BPF_EXIT, 0, 0, 0, 0);
	for (size_t i = 0; i < N(allow); i++) {
		int more = allow[i].minor >= 0;

		I(BPF_JMP | BPF_JNE | BPF_K, 2, 0, 2 + more, allow[i].type);
		I(BPF_JMP | BPF_JNE | BPF_K, 4, 0, 1 + more, allow[i].major);
		if (more)
			I(BPF_JMP | BPF_JNE | BPF_K, 5, 0, 1, allow[i].minor);
		I(BPF_JMP | BPF_EXIT, 0, 0, 0, 0);
	}
	I(BPF_ALU64 | BPF_MOV | BPF_K, 0, 0, 0, 0);
	I(BPF_JMP | BPF_EXIT, 0, 0, 0, 0);
	memset(&a, 0, sizeof(a));
	a.prog_type = BPF_PROG_TYPE_CGROUP_DEVICE;
	a.insns = (uintptr_t)p;
	a.insn_cnt = (uint32_t)n;
	a.license = (uintptr_t) "GPL";
	fd = (int)syscall(SYS_bpf, BPF_PROG_LOAD, &a, sizeof(a));
	must(fd, "BPF_PROG_LOAD");
	return fd;
}

static int make_v2(void)
{
	union bpf_attr a;
	int fd, prog = device_program();

	must(mkdir(cgroup(".", ""), 0755), "mkdir");
	fd = open(cgroup(".", ""), O_PATH | O_DIRECTORY | O_CLOEXEC);
	must(fd, "cgroup");
	memset(&a, 0, sizeof(a));
	{
		int dir = open(cgroup(".", ""), O_RDONLY | O_DIRECTORY | O_CLOEXEC);

		a.target_fd = (uint32_t)dir;
		a.attach_bpf_fd = (uint32_t)prog;
		a.attach_type = BPF_CGROUP_DEVICE;
		a.attach_flags = BPF_F_ALLOW_MULTI;
		must(syscall(SYS_bpf, BPF_PROG_ATTACH, &a, sizeof(a)), "BPF_PROG_ATTACH");
		(void)close(dir);
	}
	(void)close(prog);
	return fd;
}

/* ---- inside ---- */

static void mount_one(const char *type, const char *at, unsigned long flags, const char *data)
{
	if (mkdir(at, 0755) < 0 && errno != EEXIST)
		must(-1, at);
	must(mount(type, at, type, flags, data), at);
}

static void make_dev(void)
{
	char path[32];

	mount_one("tmpfs", "dev", MS_NOSUID | MS_STRICTATIME, "mode=755,size=65536k");
	(void)umask(0);
	for (size_t i = 0; i < N(nodes); i++) {
		(void)snprintf(path, sizeof(path), "dev/%s", nodes[i].name);
		must(mknod(path, S_IFCHR | 0666, makedev(nodes[i].major, nodes[i].minor)), path);
	}
	(void)umask(022);
	for (size_t i = 0; i < N(links); i++) {
		(void)snprintf(path, sizeof(path), "dev/%s", links[i][1]);
		must(symlink(links[i][0], path), path);
	}
	mount_one("devpts", "dev/pts", MS_NOSUID | MS_NOEXEC, "newinstance,ptmxmode=0666,mode=0620,gid=5");
	mount_one("tmpfs", "dev/shm", MS_NOSUID | MS_NOEXEC | MS_NODEV, "mode=1777,size=65536k");
	mount_one("mqueue", "dev/mqueue", MS_NOSUID | MS_NOEXEC | MS_NODEV, NULL);
}

static void mount_cgroups(void)
{
	unsigned long flags = MS_NOSUID | MS_NODEV | MS_NOEXEC;
	char at[64];

	if (v2) {
		must(mount("cgroup", "sys/fs/cgroup", "cgroup2", flags | MS_RDONLY, NULL), "cgroup2");
		return;
	}
	must(mount("cgroup", "sys/fs/cgroup", "tmpfs", flags, "mode=755,size=64k"), "cgroup");
	for (size_t i = 0; i < N(hierarchies); i++) {
		(void)snprintf(at, sizeof(at), "sys/fs/cgroup/%s", hierarchies[i]);
		must(mkdir(at, 0755), at);
		must(mount(cgroup(hierarchies[i], ""), at, NULL, MS_BIND, NULL), at);
		must(mount(NULL, at, NULL, MS_REMOUNT | MS_BIND | MS_RDONLY | flags, NULL), at);
	}
	must(mount(NULL, "sys/fs/cgroup", NULL, MS_REMOUNT | MS_BIND | MS_RDONLY | flags, NULL), "cgroup");
}

static void cover(void)
{
	struct stat st;
	int made = 0;

	for (size_t i = 0; i < N(read_only); i++)
		if (mount(read_only[i], read_only[i], NULL, MS_BIND | MS_REC, NULL) == 0)
			must(mount(NULL, read_only[i], NULL, MS_REMOUNT | MS_BIND | MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL), read_only[i]);
	for (size_t i = 0; i < N(masked); i++) {
		if (stat(masked[i], &st) < 0)
			continue;
		if (!S_ISDIR(st.st_mode))
			must(mount("/dev/null", masked[i], NULL, MS_BIND, NULL), masked[i]);
		else if (made++ == 0)
			must(mount("tmpfs", masked[i], "tmpfs", MS_RDONLY, "size=4k,nr_inodes=2,mode=555"), masked[i]);
		else
			must(mount(masked[0], masked[i], NULL, MS_BIND, NULL), masked[i]);
	}
}

static void loopback_up(void)
{
	struct ifreq r = { .ifr_name = "lo", .ifr_flags = IFF_UP };
	int s = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	must(ioctl(s, SIOCSIFFLAGS, &r), "lo");
	(void)close(s);
}

static void drop_capabilities(void)
{
	struct __user_cap_header_struct h = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct d[2] = { { .effective = KEPT, .permitted = KEPT } };

	for (int c = 0; c <= CAP_LAST_CAP; c++)
		if (c >= 32 || !(KEPT & (1U << c)))
			must(prctl(PR_CAPBSET_DROP, c, 0, 0, 0), "capability");
	must(syscall(SYS_capset, &h, d), "capset");
	must(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), "no_new_privs");
}

static void child(const char *rootfs, char **argv, int go)
{
	char path[] = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", term[] = "TERM=xterm", *env[] = { path, term, NULL };
	char byte;

	(void)setsid();
	must(sethostname("runc", 4), "sethostname");
	loopback_up();
	must(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL), "/");
	must(mount(rootfs, rootfs, NULL, MS_BIND | MS_REC, NULL), rootfs);
	must(chdir(rootfs), rootfs);
	mount_one("proc", "proc", 0, NULL);
	make_dev();
	mount_one("sysfs", "sys", MS_NOSUID | MS_NOEXEC | MS_NODEV | MS_RDONLY, NULL);
	mount_cgroups();
	cover();
	must(mount(NULL, ".", NULL, MS_REMOUNT | MS_BIND | MS_RDONLY, NULL), "read-only");
	must(syscall(SYS_pivot_root, ".", "."), "pivot_root");
	must(umount2(".", MNT_DETACH), "umount2");
	must(chdir("/"), "/");
	(void)syscall(SYS_keyctl, 1 /* KEYCTL_JOIN_SESSION_KEYRING */, NULL);
	drop_capabilities();
	if (read(go, &byte, 1) != 1) /* the cgroups are joined */
		_exit(1);
	(void)execve(argv[0], argv, env);
	must(-1, argv[0]);
}

int main(int argc, char **argv)
{
	struct clone_args a = { .flags = CLONE_NEWNS | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWPID | CLONE_NEWNET, .exit_signal = SIGCHLD };
	int go[2], status;
	pid_t pid;

	if (argc < 4)
		return 2;
	id = argv[2];
	v2 = access(CG "/cgroup.controllers", F_OK) == 0;
	must(pipe2(go, O_CLOEXEC), "pipe");
	if (v2) {
		a.flags |= CLONE_INTO_CGROUP | CLONE_NEWCGROUP;
		a.cgroup = (uint64_t)make_v2();
	} else {
		make_v1();
	}
	pid = (pid_t)syscall(SYS_clone3, &a, sizeof(a));
	must(pid, "clone3");
	if (pid == 0)
		child(argv[1], argv + 3, go[0]);
	if (!v2)
		join_v1(pid);
	must(write(go[1], "g", 1), "go");
	must(waitpid(pid, &status, 0), "wait");
	remove_cgroups();
	return WEXITSTATUS(status);
}

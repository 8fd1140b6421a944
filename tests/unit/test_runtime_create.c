/* One container's life through the runtime's API: what the process gets, what start says, what a failure leaves. */
#include "runtime_box.h"

#include <sys/socket.h>

#include "runtime/sync.h"
#include "sys/sock.h"


static void exit_codes(void **state)
{
	struct box *b = *state;

	box_expect(b, 7, .script = "exit 7");
	box_expect(b, 7, .script = "exit 7", .user = true);
	box_expect(b, 137, .script = "kill -9 $$", .user = true, .host_pid = true);
}

static void command_at_fault(void **state)
{
	struct box *b = *state;

	box_expect(b, -1, .args = "[\"nope\"]");
	assert_int_equal(b->e.cls, ERR_CMD_MISSING);
	box_has(b, "\"nope\": executable file not found in $PATH");
	box_expect(b, -1, .args = "[\"/bin/nope\"]", .user = true);
	assert_int_equal(b->e.cls, ERR_CMD_MISSING);
	box_expect(b, -1, .args = "[\"/etc\"]");
	assert_int_equal(b->e.cls, ERR_CMD_NOEXEC);
	box_write(b, "rootfs/etc/plain", "x", 0644);
	box_expect(b, -1, .args = "[\"/etc/plain\"]");
	assert_int_equal(b->e.cls, ERR_CMD_NOEXEC);
	/* only exec itself can tell: an empty executable, an interpreter that is not there */
	box_write(b, "rootfs/bin/empty", "", 0755);
	box_expect(b, -1, .args = "[\"empty\"]", .user = true);
	assert_int_equal(b->e.cls, ERR_CMD_NOEXEC);
	box_write(b, "rootfs/bin/script", "#!/no/such\n", 0755);
	box_expect(b, -1, .args = "[\"script\"]");
	assert_int_equal(b->e.cls, ERR_CMD_MISSING);
}

static void process_attributes(void **state)
{
	struct box *b = *state;

	box_expect(b, 0, .user = true, .script = "id; umask; pwd; env; ulimit -n; grep -E 'NoNewPrivs|CapEff|CapBnd' /proc/self/status; "
		   "cat /proc/self/oom_score_adj",
		   .uid = 1000, .gid = 1001, .cwd = "/deep/folder",
		   .process = "\"rlimits\":[{\"type\":\"RLIMIT_NOFILE\",\"soft\":100,\"hard\":200}],"
			      "\"oomScoreAdj\":500");
	box_has(b, "uid=1000 gid=1001 groups=5,6");
	box_has(b, "0077");
	box_has(b, "/deep/folder");
	box_has(b, "A=b c");
	box_has(b, "\n100\n");
	box_has(b, "NoNewPrivs:\t1");
	box_has(b, "CapEff:\t0000000000000000");
	box_has(b, "CapBnd:\t00000000880000eb");
	box_has(b, "\n500\n");
}

static void bad_process(void **state)
{
	struct box *b = *state;

	for (int fd = 3; fd < 12; fd++) {
		char cwd[32];

		/* CVE-2024-21626: a descriptor of the host's */
		snprintf(cwd, sizeof(cwd), "/proc/self/fd/%d", fd);
		box_expect(b, -1, .script = "", .cwd = cwd);
		box_has(b, "process.cwd");
	}
	box_expect(b, -1, .script = "", .uid = 70000, .user = true);
	box_has(b, "process.user.uid 70000");
	box_expect(b, -1, .script = "", .linux_ = "\"intelRdt\":{\"closID\":\"nosuch\"}");
	box_has(b, "intelRdt");
}

static void namespaces(void **state)
{
	struct box *b = *state;

	box_expect(b, 0, .user = true, .script = "hostname; echo $$; cat /proc/self/uid_map /proc/self/cgroup; ip link; cat /proc/net/dev",
		   .top = "\"hostname\":\"inside\"", .cgroup = BOX_CGROUP);
	box_has(b, "inside\n1\n");
	box_has(b, "300000");
	box_has(b, strstr(b->out, ":pids:") ? ":pids:/\n" : "0::/\n");
	box_has(b, "lo: <LOOPBACK,UP");
	box_hasnt(b, "eth0");
}

static void shared_namespaces(void **state)
{
	struct box *b = *state;

	/* the host's: shown, but not to be written to */
	box_expect(b, 0, .user = true, .host_net = true, .host_pid = true,
		   .script = "ls /sys/class/net/lo >/dev/null && test -d /proc/1 && ! (echo 1 >/proc/sys/net/ipv4/ip_forward) 2>/dev/null && "
			     "! mkdir /sys/fs/cgroup/x 2>/dev/null");
	box_expect(b, -1, .script = "", .host_net = true, .linux_ = "\"sysctl\":{\"net.ipv4.ip_forward\":\"1\"}");
	box_has(b, "would change the host");
	box_expect(b, -1, .script = "", .linux_ = "\"sysctl\":{\"kernel.panic\":\"1\"}");
	box_has(b, "belongs to no namespace");
	box_expect(b, 0, .script = "cat /proc/sys/net/ipv4/ip_forward /proc/sys/kernel/shmmni", .user = true,
		   .linux_ = "\"sysctl\":{\"net.ipv4.ip_forward\":\"1\"}");
	box_has(b, "1\n");
}

#define CGROUP_MOUNT(type, more)                                                                                       \
	"{\"destination\":\"/sys/fs/cgroup\",\"type\":\"" type "\",\"source\":\"cgroup\",\"options\":[\"nosuid\"" more "]}"

/* In its own cgroup, or in ours when it gets none: the file of processes names us, or we see nothing of the tree. v2 alone shows all
 * of it, but to a user namespace. */
static void host_cgroup_namespace(void **state)
{
	struct box *b = *state;
	struct rt_rootfs plain = { .kind = RT_ROOTFS_DIR, .path = b->rootfs };
	/* every mounted cgroup has our process and has no cgroup of that name below it; the first is writable or not */
	const char *look = "cd /sys/fs/cgroup; for p in */cgroup.procs cgroup.procs; do [ ! -e $p ] || { n=$((n + 1)); grep -qx $$ $p || "
			   "exit 1; }; done; ls -d tare-test-box-* */tare-test-box-* 2>/dev/null && exit 2; [ $n -gt 0 ] || exit 3; "
			   "grep -E ' /sys/fs/cgroup[^ ]* ' /proc/self/mountinfo | grep -v tmpfs | grep -v '/tare-test-box-[0-9]* /sys' && exit 4; "
			   "for d in pids .; do [ ! -e $d/cgroup.procs ] || { mkdir $d/sub 2>&1; rmdir $d/sub; exit 0; }; done";

	const char *whole = "read line </proc/self/cgroup; p=/sys/fs/cgroup${line#0::}; grep -qx $$ $p/cgroup.procs || exit 1; "
			    "mkdir $p/sub 2>&1; rmdir $p/sub 2>/dev/null; exit 0";
	const char *plainly = cg_is_unified() ? whole : look;

	box_expect(b, 0, .host_cgroup = true, .script = plainly, .cgroup = BOX_CGROUP, .mounts = CGROUP_MOUNT("cgroup", ",\"ro\""));
	box_has(b, "Read-only file system");
	box_expect(b, 0, .host_cgroup = true, .script = plainly, .cgroup = BOX_CGROUP, .mounts = CGROUP_MOUNT("cgroup", ""));
	box_hasnt(b, "mkdir");
	for (size_t i = 0; i < 2; i++) {
		box_expect(b, 0, .user = true, .host_cgroup = true, .rootfs = i ? &plain : NULL, .script = look,
			   .cgroup = BOX_CGROUP, .mounts = CGROUP_MOUNT("cgroup", ""));
		box_has(b, "Read-only file system");
	}
	/* twice, once with v2 alone */
	box_expect(b, 0, .host_cgroup = true, .cgroup = BOX_CGROUP,
		   .script = "grep -c . /sys/fs/cgroup/cgroup.procs; grep -c ' - cgroup2* ' /proc/self/mountinfo",
		   .mounts = CGROUP_MOUNT("cgroup", "") "," CGROUP_MOUNT("cgroup2", ""));
	box_expect(b, 0, .host_cgroup = true, .script = "test -n \"$(ls /sys/fs/cgroup)\"", .mounts = CGROUP_MOUNT("cgroup", ""));
	box_expect(b, -1, .host_cgroup = true, .user = true, .script = "", .mounts = CGROUP_MOUNT("cgroup", ",\"idmap\""));
	box_has(b, "id maps are for bind mounts");
}

static void joined_namespaces(void **state)
{
	struct box *first = *state;
	char ns[400];
	int out;

	assert_int_equal(box_begin(first, &(struct box_spec){ .user = true, .script = "sleep 30" }, &out), 0);
	struct box second = *first;

	second.p = (struct rt_process)RT_PROCESS_INIT;
	second.arena = (struct arena)ARENA_INIT;
	snprintf(ns, sizeof(ns), "{\"type\":\"network\",\"path\":\"/proc/%d/ns/net\"},{\"type\":\"user\",\"path\":\"/proc/%d/ns/user\"},"
				 "{\"type\":\"pid\",\"path\":\"/proc/%d/ns/pid\"}",
		 first->p.pid, first->p.pid, first->p.pid);
	struct rt_rootfs overlay = { .kind = RT_ROOTFS_DIR, .path = first->rootfs, .idmap = true };

	box_expect(&second, 0, .host_net = true, .host_pid = true, .namespaces = ns, .rootfs = &overlay,
		   .script = "readlink /proc/1/ns/net; readlink /proc/self/ns/net; cat /proc/self/uid_map; touch /j; stat -c %u /j; ps");
	box_has(&second, "300000");
	box_has(&second, "sleep 30");
	assert_memory_equal(second.out, strchr(second.out, '\n') + 1, strcspn(second.out, "\n"));
	arena_free(&second.arena);
	close(out);
}

static void time_namespace(void **state)
{
	struct box *b = *state;

	box_expect(b, 0, .user = true, .namespaces = "{\"type\":\"time\"}", .linux_ = "\"timeOffsets\":{\"boottime\":{\"secs\":100000000}}",
		   .script = "test $(cut -d. -f1 /proc/uptime) -gt 100000000");
}

static void terminal(void **state)
{
	struct box *b = *state;

	box_expect(b, 3, .tty = true, .user = true, .script = "tty; stty size; stat -c '%t:%T %u' /dev/console; echo x >/dev/tty; exit 3",
		   .process = "\"consoleSize\":{\"height\":33,\"width\":99}", .uid = 10, .gid = 10);
	box_has(b, "/dev/pts/0");
	box_has(b, "33 99");
	box_has(b, "88:0 10");
	box_expect(b, -1, .tty = true, .script = "", .no_dev = true);
	box_has(b, "no devpts");
}

static void seccomp(void **state)
{
	struct box *b = *state;
	const char *filter = "\"seccomp\":{\"defaultAction\":\"SCMP_ACT_ALLOW\",\"syscalls\":[{\"names\":[\"mkdir\",\"mkdirat\"],"
			     "\"action\":\"SCMP_ACT_ERRNO\",\"errnoRet\":95}]}";

	box_expect(b, 0, .user = true, .script = "mkdir /x; grep Seccomp: /proc/self/status", .linux_ = filter);
	box_has(b, "Operation not supported");
	box_has(b, "Seccomp:\t2");
	box_expect(b, 1, .no_new_privs_off = true, .script = "mkdir /x", .linux_ = filter,
		   .uid = 1000, .gid = 1000);
	box_has(b, "Operation not supported");
}

static void hooks(void **state)
{
	struct box *b = *state;
	char json[2048];

	box_write(b, "hook", "#!/bin/sh\nd=${0%/*}\necho \"$1 $(readlink /proc/self/ns/mnt) $(cat | grep -o '\"status\":\"[a-z]*\"')\" >>$d/log\n"
			     "[ \"$1\" != bad ]\n", 0755);
	snprintf(json, sizeof(json),
		 "\"hooks\":{\"prestart\":[{\"path\":\"%s/hook\",\"args\":[\"hook\",\"pre\"],\"env\":[\"PATH=/bin:/usr/bin\"]}],"
		 "\"createRuntime\":[{\"path\":\"%s/hook\",\"args\":[\"hook\",\"rt\"],\"env\":[\"PATH=/bin:/usr/bin\"]}],"
		 "\"createContainer\":[{\"path\":\"%s/hook\",\"args\":[\"hook\",\"cc\"],\"env\":[\"PATH=/bin:/usr/bin\"]}],"
		 "\"startContainer\":[{\"path\":\"/bin/sh\",\"args\":[\"sh\",\"-c\",\"echo sc >/sc; cat >>/sc\"],\"env\":[\"PATH=/bin\"]}]}",
		 b->dir, b->dir, b->dir);
	box_expect(b, 0, .script = "cat /sc", .top = json);
	box_has(b, "sc\n{");
	box_has(b, "\"status\":\"created\"");

	char *log, path[96];

	snprintf(path, sizeof(path), "%s/log", b->dir);
	assert_int_equal(io_read_file(AT_FDCWD, path, 4096, &log, NULL), 0);
	snprintf(b->out, sizeof(b->out), "%s", log);
	free(log);
	box_has(b, "pre mnt:");
	box_has(b, "rt mnt:");
	box_has(b, "cc mnt:");
	box_has(b, "\"status\":\"creating\"");

	snprintf(json, sizeof(json), "\"hooks\":{\"createRuntime\":[{\"path\":\"%s/hook\",\"args\":[\"hook\",\"bad\"]}]}", b->dir);
	box_expect(b, -1, .script = "", .top = json, .cgroup = BOX_CGROUP);
	box_has(b, "createRuntime hook #0");
	box_has(b, "exit status 1");
	snprintf(json, sizeof(json), "\"hooks\":{\"prestart\":[{\"path\":\"/bin/busybox\",\"args\":[\"sleep\",\"20\"],\"timeout\":1}]}");
	box_expect(b, -1, .script = "", .top = json);
	box_has(b, "timed out after 1 s");
}

static void fifo_barrier(void **state)
{
	struct box *b = *state;
	const struct oci_spec *spec;
	int dir = open(b->dir, O_PATH | O_DIRECTORY | O_CLOEXEC), fifo;
	struct rt_create_args a = { .id = "box", .bundle = b->dir, .barrier = RT_BARRIER_FIFO, .stdio = { -1, -1, -1 },
				    .rootfs = { .kind = RT_ROOTFS_DIR, .path = b->rootfs, .idmap = true } };
	int status;

	assert_int_equal(mkfifoat(dir, "exec.fifo", 0600), 0);
	fifo = openat(dir, "exec.fifo", O_PATH | O_CLOEXEC);
	a.fifo_fd = fifo;
	spec = box_spec(b, &(struct box_spec){ .script = "exit 9", .user = true });
	a.spec = spec;
	assert_int_equal(rt_create(&a, &b->p, &b->e), 0);
	assert_int_equal(b->p.barrier, -1);
	assert_int_equal(spawn_wait(b->p.pidfd, 50, &status), -ETIMEDOUT);
	assert_int_equal(rt_start_fifo(dir, "exec.fifo", b->p.pid, NULL, &b->e), 0);
	assert_int_equal(box_wait(&b->p), 9);

	/* start tells what became of exec */
	box_write(b, "rootfs/bin/empty", "", 0755);
	a.spec = box_spec(b, &(struct box_spec){ .args = "[\"empty\"]", .user = true });
	assert_int_equal(rt_create(&a, &b->p, &b->e), 0);
	assert_true(rt_start_fifo(dir, "exec.fifo", b->p.pid, NULL, &b->e) < 0);
	assert_int_equal(b->e.cls, ERR_CMD_NOEXEC);
	assert_int_equal(box_wait(&b->p), 126);

	/* a container that died before */
	a.spec = spec;
	assert_int_equal(rt_create(&a, &b->p, &b->e), 0);
	assert_int_equal(proc_signal(b->p.pidfd, SIGKILL), 0);
	assert_int_equal(spawn_wait(b->p.pidfd, 5000, &status), 0);
	assert_true(rt_start_fifo(dir, "exec.fifo", b->p.pid, NULL, &b->e) < 0);
	assert_int_equal(b->e.cls, ERR_BUSY);
	rt_process_close(&b->p);
	close(fifo);
	close(dir);
}

/* The keeper died before start: the container must not stay. */
static void orphaned_barrier(void **state)
{
	struct box *b = *state;
	struct rt_create_args a = { .id = "box", .bundle = b->dir, .stdio = { -1, -1, -1 },
				    .rootfs = { .kind = RT_ROOTFS_DIR, .path = b->rootfs } };

	a.spec = box_spec(b, &(struct box_spec){ .script = "exit 0" });
	assert_int_equal(rt_create(&a, &b->p, &b->e), 0);
	b->p.barrier = close_fd(b->p.barrier);
	assert_int_equal(box_wait(&b->p), 125);
}

static void failure_leaves_nothing(void **state)
{
	struct box *b = *state;
	size_t before = box_host_mounts();
	struct cgroup *cg;

	box_expect(b, -1, .user = true, .script = "", .cgroup = BOX_CGROUP,
		   .mounts = "{\"destination\":\"/m\",\"type\":\"nosuchfs\",\"source\":\"x\"}");
	box_has(b, "mount on /m: this kernel has no file system \"nosuchfs\"");
	assert_int_equal(cg_open(BOX_CGROUP, &cg, &b->e), -ENOENT);
	box_expect(b, -1, .script = "", .cgroup = BOX_CGROUP,
		   .mounts = "{\"destination\":\"/m\",\"type\":\"bind\",\"source\":\"/no/such\",\"options\":[\"rbind\"]}");
	box_has(b, "mount on /m: bind source /no/such: No such file");
	box_expect(b, -1, .script = "", .mounts = "{\"destination\":\"/m\",\"type\":\"tmpfs\",\"source\":\"x\",\"options\":[\"nosuch=1\"]}");
	box_has(b, "nosuch");
	assert_int_equal(waitpid(-1, NULL, WNOHANG | __WALL), -1);
	assert_int_equal(errno, ECHILD);
	assert_int_equal(box_host_mounts(), before);
}

static void descriptors(void **state)
{
	struct box *b = *state;
	int leak = open("/", O_RDONLY), fds[2];
	const char text[] = "from stdin";

	/* not CLOEXEC on purpose: the process must not get it all the same */
	assert_true(leak >= 3);
	assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
	assert_int_equal(io_write_full(fds[1], text, sizeof(text) - 1), 0);
	close(fds[1]);
	box_expect(b, 0, .user = true, .script = "cat; echo; for f in /proc/self/fd/*; do echo ${f##*/}; done", .stdio0 = fds[0]);
	box_has(b, "from stdin\n0\n1\n2\n");
	box_hasnt(b, "\n4\n");
	close(fds[0]);
	close(leak);
}

/* Why it ended is of more use than what failed because it has ended. */
static void last_words(void **state)
{
	struct err e = { 0 }, why = { 0 };
	int pair[2];

	(void)state;
	assert_int_equal(sock_pair(SOCK_SEQPACKET, pair), 0);
	(void)err_set(&why, ERR_NOTFOUND, "no such command");
	(void)err_errno(&e, -ENOENT, "its network namespace");
	rt_last_word(pair[0], &e); /* does not wait for one that lives */
	assert_non_null(strstr(e.msg, "its network namespace"));
	rt_send_error(pair[1], &why);
	close(pair[1]);
	rt_last_word(pair[0], &e);
	assert_string_equal(e.msg, "no such command");
	assert_int_equal(e.cls, ERR_NOTFOUND);
	close(pair[0]);
}

int main(void)
{
#define box_test(f) cmocka_unit_test_setup_teardown(f, box_setup, box_teardown)
	const struct CMUnitTest tests[] = {
		box_test(exit_codes), box_test(command_at_fault), box_test(process_attributes), box_test(bad_process),
		box_test(namespaces), box_test(shared_namespaces), box_test(host_cgroup_namespace),
		box_test(joined_namespaces), box_test(time_namespace),
		box_test(terminal), box_test(seccomp), box_test(hooks), box_test(fifo_barrier), box_test(orphaned_barrier),
		box_test(failure_leaves_nothing), box_test(descriptors),
		cmocka_unit_test(last_words),
	};

	if (!box_possible()) {
		print_message("1..0 # SKIP needs root and /bin/busybox\n");
		return 0;
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* A second process in a running container, the listener of a notifying filter, and what the container can see of the
 * runtime while it enters. */
#include "runtime_box.h"

#include <linux/seccomp.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include "runtime/seal.h"
#include "sys/kernel.h"
#include "sys/sock.h"

static struct oci_process process_of(struct box *b, const struct box_spec *s)
{
	return *box_spec(b, s)->process;
}

/* Runs script in the running container b->p; like box_run(). */
static int in_box(struct box *b, const struct oci_spec *spec, const struct oci_process *p, const char *cgroup)
{
	struct rt_process x = RT_PROCESS_INIT;
	int fds[2], r;
	struct rt_exec_args a = { .pid = b->p.pid, .start_time = b->p.start_time, .spec = spec, .process = p, .cgroup = cgroup,
				  .stdio = { -1, -1, -1 } };

	assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
	a.stdio[1] = a.stdio[2] = fds[1];
	r = rt_exec(&a, &x, &b->e);
	close(fds[1]);
	if (r < 0) {
		snprintf(b->out, sizeof(b->out), "%s", b->e.msg);
		r = -1;
	} else {
		box_read(b, x.console >= 0 ? x.console : fds[0]);
		r = box_wait(&x);
	}
	close(fds[0]);
	return r;
}

static void enters(void **state)
{
	for (int user = 0; user < 2; user++) {
		struct box *b = *state;
		struct box_spec s = { .user = user, .script = "hostname boxed; sleep 60", .cgroup = BOX_CGROUP, .caps = "[\"CAP_SYS_ADMIN\"]" };
		const struct oci_spec *spec;
		struct oci_process p;
		int out;

		assert_int_equal(box_begin(b, &s, &out), 0);
		spec = box_spec(b, &s);
		p = process_of(b, &(struct box_spec){ .script = "id; ps; cat /proc/self/cgroup; pwd; grep CapEff /proc/self/status; "
								"for f in /proc/self/fd/*; do echo fd ${f##*/}; done; exit 4",
						      .uid = 12, .gid = 13, .cwd = "/etc", .caps = "[\"CAP_KILL\"]" });
		assert_int_equal(in_box(b, spec, &p, BOX_CGROUP), 4);
		box_has(b, "uid=12 gid=13 groups=5,6");
		box_has(b, "sleep 60");
		box_has(b, strstr(b->out, ":pids:") ? ":pids:/\n" : "0::/\n");
		box_has(b, "/etc\n");
		box_hasnt(b, "fd 4\n");
		p = process_of(b, &(struct box_spec){ .script = "tty; stty size", .tty = true,
						      .process = "\"consoleSize\":{\"height\":20,\"width\":70}" });
		assert_int_equal(in_box(b, spec, &p, NULL), 0);
		box_has(b, "/dev/pts/");
		box_has(b, "20 70");
		p = process_of(b, &(struct box_spec){ .args = "[\"nope\"]" });
		assert_int_equal(in_box(b, spec, &p, BOX_CGROUP), -1);
		assert_int_equal(b->e.cls, ERR_CMD_MISSING);
		p = process_of(b, &(struct box_spec){ .script = "", .cwd = "/proc/self/fd/4" });
		assert_int_equal(in_box(b, spec, &p, BOX_CGROUP), -1);
		p = process_of(b, &(struct box_spec){ .script = "taskset -p $$", .process = "\"execCPUAffinity\":{\"initial\":\"0\",\"final\":\"0\"}" });
		assert_int_equal(in_box(b, spec, &p, BOX_CGROUP), 0);
		box_has(b, "mask: 1");
		/* another process under that pid */
		b->p.start_time++;
		assert_int_equal(in_box(b, spec, &p, BOX_CGROUP), -1);
		assert_int_equal(b->e.cls, ERR_BUSY);
		close(out);
		assert_int_equal(proc_signal(b->p.pidfd, SIGKILL), 0);
		assert_int_equal(box_wait(&b->p), 137);
		assert_int_equal(cg_clear(BOX_CGROUP, &b->e), 0);
	}
}

/* The container's own processes look at whoever comes in, as often as they can: they must never read a link of /proc
 * that leads to the host, nor open the newcomer's program or descriptors. */
static void newcomer_is_opaque(void **state)
{
	struct box *b = *state;
	struct box_spec s = { .cgroup = BOX_CGROUP, .caps = "[\"CAP_DAC_OVERRIDE\",\"CAP_KILL\"]",
			      .script = "touch /ready; while :; do for p in /proc/[0-9]*; do l=$(readlink $p/exe); case $l in ''|/bin/busybox) ;; "
					"*) echo $l >>/seen;; esac; done; done" };
	const struct oci_spec *spec;
	struct oci_process p;
	char path[128];
	int out;

	assert_int_equal(box_begin(b, &s, &out), 0);
	spec = box_spec(b, &s);
	p = process_of(b, &(struct box_spec){ .script = "exit 0" });
	for (int i = 0; i < 20; i++)
		assert_int_equal(in_box(b, spec, &p, BOX_CGROUP), 0);
	snprintf(path, sizeof(path), "%s/seen", b->rootfs);
	assert_int_equal(access(path, F_OK), -1);
	close(out);
}

#define FORM "\"seccomp\":{\"defaultAction\":\"SCMP_ACT_ALLOW\",\"listenerPath\":\"%s/%s\",\"listenerMetadata\":\"meta\","  \
	"\"syscalls\":[{\"names\":[\"mkdir\"],\"action\":\"SCMP_ACT_NOTIFY\"}]}"

static void notify(void **state)
{
	struct box *b = *state;
	char json[600];
	int dir = open(b->dir, O_PATH | O_DIRECTORY | O_CLOEXEC), listen = sock_listen(dir, "agent", SOCK_STREAM), conn;
	struct seccomp_notif req;
	struct seccomp_notif_resp resp;
	char text[2048];
	size_t n_fds = 1;
	int fd = -1, out;
	ssize_t n;

	assert_true(listen >= 0);
	snprintf(json, sizeof(json), FORM, b->dir, "agent");
	for (int nnp = 0; nnp < 2; nnp++) {
		assert_int_equal(box_begin(b, &(struct box_spec){ .script = "mkdir /asked; echo $?", .user = true, .linux_ = json,
								  .no_new_privs_off = !nnp }, &out), 0);
		conn = accept4(listen, NULL, NULL, SOCK_CLOEXEC);
		assert_true(conn >= 0);
		n_fds = 1;
		n = sock_recv_fds(conn, text, sizeof(text) - 1, &fd, &n_fds);
		assert_true(n > 0);
		assert_int_equal(n_fds, 1);
		text[n] = '\0';
		assert_non_null(strstr(text, "\"fds\":[\"seccompFd\"]"));
		assert_non_null(strstr(text, "\"metadata\":\"meta\""));
		snprintf(b->out, sizeof(b->out), "\"pid\":%d", (int)b->p.pid);
		assert_non_null(strstr(text, b->out));
		memset(&req, 0, sizeof(req));
		assert_int_equal(ioctl(fd, SECCOMP_IOCTL_NOTIF_RECV, &req), 0);
		resp = (struct seccomp_notif_resp){ .id = req.id, .error = -EXFULL };
		assert_int_equal(ioctl(fd, SECCOMP_IOCTL_NOTIF_SEND, &resp), 0);
		box_read(b, out);
		box_has(b, "Exchange full");
		assert_int_equal(box_wait(&b->p), 0);
		close(out);
		close(fd);
		close(conn);
	}
	snprintf(json, sizeof(json), FORM, b->dir, "nobody");
	box_expect(b, -1, .script = "", .linux_ = json);
	box_has(b, "linux.seccomp.listenerPath");
	close(listen);
	close(dir);
}

static void seal_where_it_matters(void **state)
{
	struct box *b = *state;

	assert_true(rt_seal_needed(box_spec(b, &(struct box_spec){ .script = "" })));
	assert_false(rt_seal_needed(box_spec(b, &(struct box_spec){ .script = "", .user = true })));
}

int main(void)
{
#define box_test(f) cmocka_unit_test_setup_teardown(f, box_setup, box_teardown)
	const struct CMUnitTest tests[] = {
		box_test(enters), box_test(newcomer_is_opaque), box_test(notify), box_test(seal_where_it_matters),
	};

	if (!box_possible()) {
		print_message("1..0 # SKIP needs root and /bin/busybox\n");
		return 0;
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* A container to test the runtime with: a rootfs with a static busybox in a temporary folder, a specification made of
 * parts, and its output as text. Everything it makes is below one folder and removed by box_free(). */
#ifndef TEST_RUNTIME_BOX_H
#define TEST_RUNTIME_BOX_H

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "base/io.h"
#include "base/json.h"
#include "base/strbuf.h"
#include "runtime/runtime.h"
#include "sys/proc.h"
#include "sys/spawn.h"

#define BOX_MAP 300000 /* the first host id of user namespaces here */
#define BOX_CGROUP box_cgroup()

struct box {
	char dir[64], rootfs[80];
	struct arena arena;
	struct rt_process p;
	char out[16384]; /* what the last run wrote */
	struct err e;
};

/* The parts of a specification; each is a piece of JSON that follows a comma, or NULL. */
struct box_spec {
	const char *script; /* for sh -c */
	const char *args;   /* instead: a JSON array */
	bool user, host_net, host_pid, host_cgroup, tty, no_dev, no_new_privs_off;
	int uid, gid;
	const char *cwd;
	const char *process, *mounts, *linux_, *top; /* "\"umask\":18" … ; mounts: "{…},{…}" */
	const char *caps;   /* a JSON array of names; NULL = a usual set */
	const char *namespaces; /* "{…},{…}" besides */
	/* not in the specification */
	const char *cgroup;
	const struct rt_rootfs *rootfs;
	int stdio0; /* 0 = /dev/null */
};

/* This program's own: another run of the tests at the same time has another. */
static inline const char *box_cgroup(void)
{
	static char name[40];

	snprintf(name, sizeof(name), "/tare-test-box-%d", (int)getpid());
	return name;
}

static inline bool box_possible(void)
{
	return geteuid() == 0 && access("/bin/busybox", X_OK) == 0;
}

static inline void box_write(struct box *b, const char *name, const char *text, mode_t mode)
{
	char path[PATH_MAX];
	int fd;

	snprintf(path, sizeof(path), "%s/%s", b->dir, name);
	(void)unlink(path);
	fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
	assert_true(fd >= 0);
	assert_int_equal(io_write_full(fd, text, strlen(text)), 0);
	close(fd);
}

static inline void box_copy(struct box *b, const char *from, const char *to)
{
	char *data;
	size_t len;

	assert_int_equal(io_read_file(AT_FDCWD, from, 32 << 20, &data, &len), 0);
	snprintf(b->out, sizeof(b->out), "%s/%s", b->dir, to);
	(void)unlink(b->out);
	int fd = open(b->out, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0755);
	assert_true(fd >= 0);
	assert_int_equal(io_write_full(fd, data, len), 0);
	close(fd);
	free(data);
}

static inline void box_mkdir(struct box *b, const char *name)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s/%s", b->dir, name);
	assert_int_equal(io_mkdirs(AT_FDCWD, path, 0755), 0);
}

static inline void box_free(struct box *b)
{
	if (b->p.pidfd >= 0) {
		(void)!proc_signal(b->p.pidfd, SIGKILL);
		while (waitpid(b->p.pid, NULL, 0) < 0 && errno == EINTR)
			;
	}
	rt_process_close(&b->p);
	b->p = (struct rt_process)RT_PROCESS_INIT;
	(void)!cg_clear(BOX_CGROUP, &b->e);
	arena_free(&b->arena);
	if (b->dir[0])
		assert_int_equal(io_remove_tree(AT_FDCWD, b->dir), 0);
	b->dir[0] = '\0';
}

static inline int box_setup(void **state)
{
	static struct box b;

	memset(&b, 0, sizeof(b));
	b.p = (struct rt_process)RT_PROCESS_INIT;
	snprintf(b.dir, sizeof(b.dir), "/var/tmp/tare-box-XXXXXX");
	if (!mkdtemp(b.dir) || chmod(b.dir, 0755) < 0)
		return -1;
	snprintf(b.rootfs, sizeof(b.rootfs), "%s/rootfs", b.dir);
	box_mkdir(&b, "rootfs/bin");
	box_mkdir(&b, "rootfs/etc");
	box_copy(&b, "/bin/busybox", "rootfs/bin/busybox");
	snprintf(b.out, sizeof(b.out), "%s/bin/sh", b.rootfs);
	if (symlink("busybox", b.out) < 0)
		return -1;
	*state = &b;
	return 0;
}

static inline int box_teardown(void **state)
{
	box_free(*state);
	return 0;
}

static inline const struct oci_spec *box_spec(struct box *b, const struct box_spec *s)
{
	CLEANUP_STRBUF struct strbuf j = STRBUF_INIT;
	const char *caps = s->caps ? s->caps : "[\"CAP_CHOWN\",\"CAP_DAC_OVERRIDE\",\"CAP_FOWNER\",\"CAP_SETUID\","
					       "\"CAP_SETGID\",\"CAP_MKNOD\",\"CAP_SETFCAP\",\"CAP_KILL\"]";
	const struct oci_spec *spec = NULL;
	const struct json *doc;

	sb_printf(&j, "{\"ociVersion\":\"1.0.2\",\"process\":{\"terminal\":%s,\"cwd\":\"%s\",\"env\":[\"PATH=/bin\",\"A=b c\"],"
		      "\"user\":{\"uid\":%d,\"gid\":%d,\"additionalGids\":[5,6],\"umask\":63},\"noNewPrivileges\":%s,"
		      "\"capabilities\":{\"bounding\":%s,\"effective\":%s,\"permitted\":%s},",
		  s->tty ? "true" : "false", s->cwd ? s->cwd : "/", s->uid, s->gid, s->no_new_privs_off ? "false" : "true", caps, caps, caps);
	if (s->args) {
		sb_printf(&j, "\"args\":%s", s->args);
	} else {
		struct json_writer w = JSON_WRITER(&j);

		sb_puts(&j, "\"args\":[\"sh\",\"-c\",");
		jw_str(&w, NULL, s->script);
		sb_puts(&j, "]");
	}
	sb_printf(&j, "%s%s},\"root\":{\"path\":\"rootfs\"},\"mounts\":[", s->process ? "," : "", s->process ? s->process : "");
	sb_puts(&j, "{\"destination\":\"/proc\",\"type\":\"proc\",\"source\":\"proc\",\"options\":[\"nosuid\",\"noexec\",\"nodev\"]}");
	if (!s->no_dev)
		sb_puts(&j, ",{\"destination\":\"/dev\",\"type\":\"tmpfs\",\"source\":\"tmpfs\",\"options\":[\"nosuid\",\"mode=755\",\"size=64k\"]},"
			    "{\"destination\":\"/dev/pts\",\"type\":\"devpts\",\"source\":\"devpts\",\"options\":[\"nosuid\",\"noexec\",\"newinstance\",\"ptmxmode=0666\",\"mode=0620\",\"gid=5\"]}");
	sb_puts(&j, ",{\"destination\":\"/sys\",\"type\":\"sysfs\",\"source\":\"sysfs\",\"options\":[\"nosuid\",\"noexec\",\"nodev\",\"ro\"]}");
	sb_printf(&j, "%s%s],\"linux\":{\"namespaces\":[{\"type\":\"mount\"},{\"type\":\"ipc\"},{\"type\":\"uts\"}%s%s%s%s%s%s]",
		  s->mounts ? "," : "", s->mounts ? s->mounts : "", s->host_cgroup ? "" : ",{\"type\":\"cgroup\"}", s->host_pid ? "" : ",{\"type\":\"pid\"}",
		  s->host_net ? "" : ",{\"type\":\"network\"}", s->user ? ",{\"type\":\"user\"}" : "",
		  s->namespaces ? "," : "", s->namespaces ? s->namespaces : "");
	if (s->user)
		sb_printf(&j, ",\"uidMappings\":[{\"containerID\":0,\"hostID\":%d,\"size\":65536}],"
			      "\"gidMappings\":[{\"containerID\":0,\"hostID\":%d,\"size\":65536}]", BOX_MAP, BOX_MAP);
	sb_printf(&j, "%s%s}%s%s}", s->linux_ ? "," : "", s->linux_ ? s->linux_ : "", s->top ? "," : "", s->top ? s->top : "");
	assert_int_equal(sb_error(&j), 0);
	if (json_parse(&b->arena, sb_str(&j), j.len, NULL, &doc, &b->e) < 0 ||
	    oci_spec_parse(&b->arena, doc, &spec, &b->e) < 0)
		fail_msg("%s in %s", b->e.msg, sb_str(&j));
	return spec;
}

/* Creates and starts it with stdout and stderr on *out (a pipe's read end). Gives 0, or rt_*'s failure in b->e. */
static inline int box_begin(struct box *b, const struct box_spec *s, int *out)
{
	const struct oci_spec *spec = box_spec(b, s);
	struct rt_create_args a = { .id = "box", .bundle = b->dir, .spec = spec, .cgroup = s->cgroup,
				    .rootfs = { .kind = RT_ROOTFS_DIR, .path = b->rootfs, .idmap = s->user } };
	int pipefd[2], r;

	if (s->rootfs)
		a.rootfs = *s->rootfs;
	assert_int_equal(pipe2(pipefd, O_CLOEXEC), 0);
	a.stdio[0] = s->stdio0 ? s->stdio0 : -1;
	a.stdio[1] = a.stdio[2] = pipefd[1];
	b->p = (struct rt_process)RT_PROCESS_INIT;
	r = rt_create(&a, &b->p, &b->e);
	if (r == 0)
		r = rt_start(&b->p, &b->e);
	close(pipefd[1]);
	*out = pipefd[0];
	return r;
}

static inline void box_read(struct box *b, int fd)
{
	size_t n = 0;
	ssize_t got;

	/* a pty gives EIO at its end */
	while (n < sizeof(b->out) - 1 && (got = read(fd, b->out + n, sizeof(b->out) - 1 - n)) > 0)
		n += (size_t)got;
	b->out[n] = '\0';
}

static inline int box_wait(struct rt_process *p)
{
	int status;

	assert_int_equal(spawn_wait(p->pidfd, 20000, &status), 0);
	rt_process_close(p);
	return proc_exit_code(status);
}

/* Runs it to its end: the exit code, with the output in b->out; or -1 with the error in b->e and b->out. */
static inline int box_run(struct box *b, const struct box_spec *s)
{
	int out, r = box_begin(b, s, &out);

	if (r < 0) {
		box_read(b, out);
		close(out);
		if (b->p.pidfd >= 0)
			(void)box_wait(&b->p);
		snprintf(b->out, sizeof(b->out), "%s", b->e.msg);
		r = -1;
	} else {
		box_read(b, b->p.console >= 0 ? b->p.console : out);
		close(out);
		r = box_wait(&b->p);
	}
	if (s->cgroup)
		assert_int_equal(cg_clear(s->cgroup, &b->e), 0);
	return r;
}

/* With a message that shows what happened instead. */
#define box_expect(b, code, ...)                                                                                        \
	do {                                                                                                           \
		const struct box_spec expect_spec = { __VA_ARGS__ };                                                   \
		int expect_rc = box_run((b), &expect_spec);                                                            \
		if (expect_rc != (code))                                                                               \
			fail_msg("exit %d, not %d: %s", expect_rc, (code), (b)->out);                                  \
	} while (0)
#define box_has(b, text)                                                                                                \
	do {                                                                                                           \
		if (!strstr((b)->out, (text)))                                                                         \
			fail_msg("no \"%s\" in: %s", (text), (b)->out);                                                \
	} while (0)
#define box_hasnt(b, text)                                                                                              \
	do {                                                                                                           \
		if (strstr((b)->out, (text)))                                                                          \
			fail_msg("\"%s\" in: %s", (text), (b)->out);                                                   \
	} while (0)

/* Lines of this mount namespace's table, to see that nothing was left in it. */
static inline size_t box_host_mounts(void)
{
	char *text;
	size_t n = 0;

	assert_int_equal(io_read_file(AT_FDCWD, "/proc/self/mountinfo", 4 << 20, &text, NULL), 0);
	for (char *p = text; *p; p++)
		n += *p == '\n';
	free(text);
	return n;
}

#endif

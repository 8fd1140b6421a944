#include "cgroup_box.h"

#include <fcntl.h>
#include <limits.h>
#include <linux/bpf.h>
#include <linux/sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/io.h"

#define PTR(type, v) (&(type){ v })


static void create_twice_and_open(void **state)
{
	struct fixture *f = *state;
	struct cgroup *again = NULL;
	bool existed = false;

	need_cgroups(f);
	ok(f, cg_create(f->path, &again, &existed, &f->e));
	assert_true(existed);
	cg_close(again);
	ok(f, cg_open(f->path, &again, &f->e));
	cg_close(again);
	assert_int_equal(cg_open("/tare-unit-absent", &again, &f->e), -ENOENT);
	assert_int_equal(f->e.cls, ERR_NOTFOUND);
	assert_true(cg_create("/tare-unit/../../x", &again, NULL, &f->e) < 0);
	assert_int_equal(f->e.cls, ERR_INVALID);
	ok(f, cg_remove("/tare-unit-absent", &f->e));
}

static void join_freeze_kill(void **state)
{
	struct fixture *f = *state;
	char path[PATH_MAX];
	bool frozen = true;
	size_t n = 0;
	pid_t *pids = NULL;
	int status;

	need_cgroups(f);
	assert_false(cg_populated(f->cg));
	ok(f, cg_join(f->cg, sleeper(f), &f->e));
	assert_true(cg_populated(f->cg));
	assert_int_equal(cg_path_of(f->child, path, sizeof(path)), 0);
	assert_string_equal(path, f->path);
	ok(f, cg_join(f->cg, f->child, &f->e)); /* again is fine */
	ok(f, cg_pids(f->cg, &pids, &n, &f->e));
	assert_int_equal(n, 1);
	assert_int_equal(pids[0], f->child);
	free(pids);
	assert_int_equal(cg_is_frozen(f->cg, &frozen), 0);
	assert_false(frozen);
	assert_int_equal(cg_path_is_frozen(f->path, &frozen), 0);
	assert_false(frozen);
	ok(f, cg_freeze(f->cg, true, &f->e));
	assert_int_equal(cg_is_frozen(f->cg, &frozen), 0);
	assert_true(frozen);
	frozen = false;
	assert_int_equal(cg_path_is_frozen(f->path, &frozen), 0);
	assert_true(frozen);
	assert_int_equal(cg_path_is_frozen("/tare-test-no-such", &frozen), 0);
	assert_false(frozen);
	ok(f, cg_signal_all(f->cg, SIGKILL, &f->e)); /* the frozen die, too */
	assert_int_equal(waitpid(f->child, &status, 0), f->child);
	f->child = 0;
	assert_int_equal(WTERMSIG(status), SIGKILL);
	assert_false(cg_populated(f->cg));
	assert_int_equal(cg_join(f->cg, 0x3ffffffe, &f->e), -ESRCH);
}

static void burst_and_signal(void **state)
{
	struct fixture *f = *state;
	struct cgroup *inner = NULL, *cgs[2];
	char path[96];
	int status;
	pid_t pids[2];

	need_cgroups(f);
	snprintf(path, sizeof(path), "/tare-unit-%d/b", (int)getpid());
	ok(f, cg_create(path, &inner, NULL, &f->e));
	pids[0] = sleeper(f);
	pids[1] = spawn_fork(NULL);
	if (pids[1] == 0) {
		for (;;)
			pause();
	}
	cgs[0] = f->cg;
	cgs[1] = inner;
	ok(f, cg_join_burst(cgs, pids, 2, &f->e));
	ok(f, cg_signal_all(inner, SIGTERM, &f->e));
	assert_int_equal(waitpid(pids[1], &status, 0), pids[1]);
	assert_int_equal(WTERMSIG(status), SIGTERM);
	assert_int_equal(waitpid(pids[0], &status, WNOHANG), 0);
	cg_close(inner);
	ok(f, cg_remove(path, &f->e));
}

static void remove_nested_and_busy(void **state)
{
	struct fixture *f = *state;
	struct cgroup *inner = NULL;
	char path[96];
	int64_t start;
	pid_t killer;

	need_cgroups(f);
	snprintf(path, sizeof(path), "%s/made/by/the/container", f->path);
	ok(f, cg_create(path, &inner, NULL, &f->e));
	ok(f, cg_join(inner, sleeper(f), &f->e));
	assert_true(cg_populated(f->cg)); /* below counts */
	/* somebody kills it a moment after we began to wait */
	killer = spawn_fork(NULL);
	if (killer == 0) {
		usleep(100000);
		kill(f->child, SIGKILL);
		_exit(0);
	}
	start = clock_ms();
	ok(f, cg_remove(f->path, &f->e));
	assert_true(clock_ms() - start >= 80);
	waitpid(killer, NULL, 0);
	cg_close(inner);
	assert_int_equal(cg_open(f->path, &inner, &f->e), -ENOENT);
}

static void remove_refuses_the_living(void **state)
{
	struct fixture *f = *state;

	need_cgroups(f);
	ok(f, cg_join(f->cg, sleeper(f), &f->e));
	assert_false(cg_remove_empty(f->path));
	assert_true(cg_remove(f->path, &f->e) < 0);
	assert_int_equal(f->e.cls, ERR_BUSY);
}

static void remove_what_is_empty(void **state)
{
	struct fixture *f = *state;
	struct cgroup *gone;

	need_cgroups(f);
	assert_true(cg_remove_empty(f->path));
	assert_int_equal(cg_open(f->path, &gone, &f->e), -ENOENT);
}

/* A limit that v2's rules keep from a cgroup names the level that stops it. hugetlb is on v2 wherever v2 is. */
static void v2_tells_what_stops_it(void **state)
{
	struct fixture *f = *state;
	const struct cg_hugepage_limit page = { "2MB", 4 << 20 };
	struct cg_resources r = { .hugepages = &page, .n_hugepages = 1 };
	struct cgroup *inner = NULL;
	char path[96];
	int dir, rc;

	need_cgroups(f);
	if (f->cg->sys->where[CG_HUGETLB] < 0 || f->cg->sys->where[CG_HUGETLB] != f->cg->sys->v2)
		skip();
	snprintf(path, sizeof(path), "%s/inner", f->path);
	ok(f, cg_join(f->cg, sleeper(f), &f->e));
	ok(f, cg_create(path, &inner, NULL, &f->e));
	rc = cg_apply(inner, &r, &f->e);
	cg_close(inner);
	assert_true(rc < 0);
	assert_int_equal(f->e.cls, ERR_UNSUPPORTED);
	assert_non_null(strstr(f->e.msg, "hugetlb"));
	assert_non_null(strstr(f->e.msg, "has processes of its own"));
	ok(f, cg_signal_all(f->cg, SIGKILL, &f->e));
	waitpid(f->child, NULL, 0);
	f->child = 0;
	ok(f, cg_remove(path, &f->e));

	/* a threaded sibling makes the parent's other children unusable */
	dir = f->cg->dir[f->cg->sys->v2];
	assert_int_equal(mkdirat(dir, "threads", 0755), 0);
	assert_int_equal(io_write_value(dir, "threads/cgroup.type", "threaded"), 0);
	ok(f, cg_create(path, &inner, NULL, &f->e));
	rc = cg_apply(inner, &r, &f->e);
	assert_true(rc < 0);
	assert_non_null(strstr(f->e.msg, "threaded"));
	rc = cg_join(inner, sleeper(f), &f->e);
	cg_close(inner);
	assert_true(rc < 0);
	assert_non_null(strstr(f->e.msg, "threaded"));
}

static void v2_inner_cgroup_takes_no_process(void **state)
{
	struct fixture *f = *state;
	struct cgroup *inner = NULL;
	char path[96];

	need_cgroups(f);
	if (f->cg->sys->v2 < 0)
		skip();
	snprintf(path, sizeof(path), "%s/inner", f->path);
	ok(f, cg_create(path, &inner, NULL, &f->e));
	cg_close(inner);
	assert_true(cg_join(f->cg, sleeper(f), &f->e) < 0);
	assert_int_equal(f->e.cls, ERR_BUSY);
	assert_non_null(strstr(f->e.msg, "leaves"));
}

/* Which hierarchies pid is in with another path than ours. */
static int elsewhere(struct fixture *f, pid_t pid)
{
	char name[40], path[PATH_MAX];
	char *text = NULL;
	int n = 0;

	(void)snprintf(name, sizeof(name), "/proc/%d/cgroup", (int)pid);
	assert_int_equal(io_read_file(AT_FDCWD, name, 1U << 20, &text, NULL), 0);
	for (size_t i = 0; i < f->cg->sys->n; i++)
		n += cg_line_path(text, &f->cg->sys->h[i], path, sizeof(path)) < 0 || strcmp(path, f->path) != 0;
	free(text);
	return n;
}

/* Without being born there, and with what v2 has left for v1. */
static void join_oneself(void **state)
{
	struct fixture *f = *state;
	int go[2];
	char c;

	need_cgroups(f);
	assert_int_equal(pipe2(go, O_CLOEXEC), 0);
	f->child = spawn_fork(NULL);
	if (f->child == 0) {
		bool was = cg_in_v2(f->cg), joined = cg_join_self(f->cg, false, &f->e) == 0;

		c = !was && joined && (f->cg->sys->v2 < 0 || cg_in_v2(f->cg)) ? 'y' : 'n';
		(void)!write(go[1], &c, 1);
		for (;;)
			pause();
	}
	assert_int_equal(read(go[0], &c, 1), 1);
	close(go[0]);
	close(go[1]);
	assert_int_equal(c, 'y');
	assert_int_equal(elsewhere(f, f->child), 0);
}

static void v2_clone_into(void **state)
{
	struct fixture *f = *state;
	struct clone_args args = { .flags = CLONE_INTO_CGROUP, .exit_signal = SIGCHLD };
	int go[2];
	char c;

	need_cgroups(f);
	if (cg_clone_fd(f->cg) < 0) {
		assert_int_equal(f->cg->sys->mode, CG_V1);
		skip();
	}
	assert_int_equal(pipe2(go, O_CLOEXEC), 0);
	args.cgroup = (uint64_t)cg_clone_fd(f->cg);
	f->child = (pid_t)syscall(SYS_clone3, &args, sizeof(args));
	if (f->child == 0) {
		c = cg_in_v2(f->cg) && cg_join_self(f->cg, true, &f->e) == 0 ? 'y' : 'n';
		(void)!write(go[1], &c, 1);
		for (;;)
			pause();
	}
	assert_true(f->child > 0);
	assert_int_equal(read(go[0], &c, 1), 1);
	close(go[0]);
	close(go[1]);
	assert_int_equal(c, 'y');
	assert_int_equal(elsewhere(f, f->child), 0);
	ok(f, cg_join(f->cg, f->child, &f->e));
}

static void deep_tree(void **state)
{
	struct fixture *f = *state;
	int at;

	need_cgroups(f);
	/* deeper than PATH_MAX allows in one path, in one hierarchy: what a container may do to us */
	at = dup(f->cg->dir[cg_main_hierarchy(f->cg)]);
	for (int i = 0; i < 60; i++) {
		char name[101];
		int next;

		memset(name, 'x', 100);
		name[100] = '\0';
		assert_int_equal(mkdirat(at, name, 0755), 0);
		next = openat(at, name, O_PATH | O_DIRECTORY | O_CLOEXEC);
		assert_true(next >= 0);
		close(at);
		at = next;
	}
	close(at);
	ok(f, cg_remove(f->path, &f->e));
}

static void stats(void **state)
{
	struct fixture *f = *state;
	struct cg_resources r = { .memory_limit = PTR(int64_t, 64 << 20), .pids_limit = PTR(int64_t, 9) };
	struct cg_stats s;

	need_cgroups(f);
	ok(f, cg_read_stats(f->cg, &s, &f->e));
	assert_true(s.memory_limit == UINT64_MAX && s.pids_limit == UINT64_MAX);
	ok(f, cg_apply(f->cg, &r, &f->e));
	ok(f, cg_join(f->cg, sleeper(f), &f->e));
	ok(f, cg_read_stats(f->cg, &s, &f->e));
	assert_int_equal(s.memory_limit, 64 << 20);
	assert_int_equal(s.pids_limit, 9);
	assert_int_equal(s.pids, 1);
}

/* What cg_may_make() gives to another user: it asks for what is there, and makes nothing. */
static bool may_make_as(uid_t uid, const char *path)
{
	pid_t child = spawn_fork(NULL);
	int status;

	if (child == 0)
		_exit(setresuid(uid, uid, uid) < 0 ? 2 : cg_may_make(path));
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFEXITED(status) && WEXITSTATUS(status) < 2);
	return WEXITSTATUS(status);
}

static void rights(void **state)
{
	struct fixture *f = *state;
	char below[96];

	need_cgroups(f);
	snprintf(below, sizeof(below), "%s/new/deep", f->path);
	assert_true(cg_may_make(f->path));
	assert_true(cg_may_make(below));
	assert_false(cg_may_make("relative"));
	assert_false(cg_may_make("/a/../b"));
	assert_false(may_make_as(65534, f->path));
	assert_false(may_make_as(65534, below));
	/* a folder alone is no way in: our own cgroup is outside of it (v1 asks nobody) */
	if (f->cg->sys->v2 < 0)
		return;
	for (size_t i = 0; i < f->cg->sys->n; i++)
		assert_int_equal(fchownat(f->cg->dir[i], "", 65534, (gid_t)-1, AT_EMPTY_PATH), 0);
	assert_false(may_make_as(65534, below));
}

static void v2_given_away(void **state)
{
	struct fixture *f = *state;
	struct stat st;
	int dir;

	need_cgroups(f);
	ok(f, cg_give(f->cg, 65534, &f->e));
	if (f->cg->sys->mode != CG_V2) {
		/* and nothing happened */
		for (size_t i = 0; i < f->cg->sys->n; i++)
			assert_true(fstat(f->cg->dir[i], &st) == 0 && st.st_uid == 0);
		return;
	}
	dir = f->cg->dir[f->cg->sys->v2];
	assert_true(fstat(dir, &st) == 0 && st.st_uid == 65534);
	assert_true(fstatat(dir, "cgroup.procs", &st, 0) == 0 && st.st_uid == 65534);
	assert_true(fstatat(dir, "cgroup.subtree_control", &st, 0) == 0 && st.st_uid == 65534);
	assert_true(fstatat(dir, "cgroup.freeze", &st, 0) == 0 && st.st_uid == 0);
}

/* However the hierarchies were found, mountinfo says the same of each. */
static void detected_is_mounted(void **state)
{
	const struct cg_system *s = cg_system();
	struct cg_system told;
	char *text;

	(void)state;
	assert_int_equal(io_read_file(AT_FDCWD, "/proc/self/mountinfo", 1U << 20, &text, NULL), 0);
	assert_int_equal(cg_parse_mountinfo(text, &told), 0);
	assert_true(s->n > 0);
	for (size_t i = 0; i < s->n; i++) {
		const struct cg_hierarchy *h = &s->h[i];
		size_t at = 0;

		while (at < told.n && strcmp(told.h[at].mount, h->mount) != 0)
			at++;
		assert_true(at < told.n);
		assert_string_equal(told.h[at].root, h->root);
		assert_string_equal(told.h[at].name, h->name);
		assert_int_equal(told.h[at].v2, h->v2);
		assert_int_equal(told.h[at].major, h->major);
		assert_int_equal(told.h[at].minor, h->minor);
	}
	cg_system_clear(&told);
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(detected_is_mounted),
		live(create_twice_and_open),
		live(join_freeze_kill),
		live(burst_and_signal),
		live(remove_nested_and_busy),
		live(remove_refuses_the_living),
		live(remove_what_is_empty),
		live(v2_tells_what_stops_it),
		live(v2_inner_cgroup_takes_no_process),
		live(join_oneself),
		live(v2_clone_into),
		live(deep_tree),
		live(stats),
		live(rights),
		live(v2_given_away),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

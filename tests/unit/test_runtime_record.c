#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "base/io.h"
#include "runtime/record.h"
#include "sys/proc.h"
#include "sys/spawn.h"

static struct arena arena;
static struct err err;
static char dir[64], root[80];
static struct rt_record_dir d;

static int setup(void **state)
{
	(void)state;
	arena = (struct arena)ARENA_INIT;
	err = (struct err){ 0 };
	d = (struct rt_record_dir)RT_RECORD_DIR_INIT;
	snprintf(dir, sizeof(dir), "/tmp/tare-record.XXXXXX");
	assert_non_null(mkdtemp(dir));
	snprintf(root, sizeof(root), "%s/a/b", dir);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	rt_record_close(&d);
	arena_free(&arena);
	return io_remove_tree(AT_FDCWD, dir);
}

static const struct oci_kv annotations[] = { { "k", "v=w" }, { "empty", "" } };
static const struct oci_spec spec = { .oci_version = "1.0.2", .hostname = "h", .linux_ = { .ns = { [OCI_NS_PID] = { .wanted = true } } } };

static struct rt_record record(pid_t pid)
{
	struct rt_record rec = {
		.id = "c", .pid = pid, .created = "2026-01-02T03:04:05.000000006Z", .oci_version = "1.0.2", .bundle = "/b",
		.rootfs = "/b/r", .cgroup = "/x/y", .annotations = annotations, .n_annotations = 2, .own_pid_ns = true,
	};

	if (pid)
		assert_int_equal(proc_start_time(pid, &rec.start_time), 0);
	return rec;
}

static void create(const char *id, bool want_leftover)
{
	bool leftover;

	if (rt_record_create(root, id, &d, &leftover, &err) < 0)
		fail_msg("%s", err.msg);
	assert_int_equal(leftover, want_leftover);
	assert_true(d.lock >= 0);
}

static void ids(void **state)
{
	char longest[NAME_MAX + 2];

	(void)state;
	memset(longest, 'a', sizeof(longest));
	longest[NAME_MAX + 1] = '\0';
	assert_false(rt_id_valid(longest));
	assert_true(rt_id_valid(longest + 1));
	assert_true(rt_id_valid("A-b_c+d.9") && rt_id_valid("-") && rt_id_valid("..."));
	assert_false(rt_id_valid("") || rt_id_valid(".") || rt_id_valid("..") || rt_id_valid("a/b") || rt_id_valid("a b") ||
		     rt_id_valid("\xc3\xa9"));
}

static void write_and_read(void **state)
{
	struct rt_record rec = record(getpid()), back;
	enum rt_status status;
	uid_t owner;

	(void)state;
	create("c", false);
	assert_true(rt_record_load(&arena, &d, &back, &err) < 0);
	assert_string_equal(err.msg, "container does not exist");
	assert_int_equal(rt_record_write(&d, &rec, &spec, &err), 0);
	assert_int_equal(rt_record_load(&arena, &d, &back, &err), 0);
	assert_int_equal(back.pid, getpid());
	assert_true(back.start_time == rec.start_time && back.own_pid_ns && !back.poststop);
	assert_string_equal(back.created, rec.created);
	assert_string_equal(back.cgroup, "/x/y");
	assert_string_equal(back.rootfs, "/b/r");
	assert_int_equal(back.n_annotations, 2);
	assert_string_equal(back.annotations[0].value, "v=w");
	assert_int_equal(rt_record_status(&d, &back, &status, &err), 0);
	assert_int_equal(status, RT_RUNNING);
	assert_int_equal(mkfifoat(d.dir, RT_EXEC_FIFO, 0600), 0);
	assert_int_equal(rt_record_status(&d, &back, &status, &err), 0);
	assert_int_equal(status, RT_CREATED);
	assert_int_equal(rt_record_look(&arena, d.root, "c", &back, &status, &owner, &err), 0);
	assert_true(status == RT_CREATED && owner == getuid() && back.pid == getpid());
	assert_true(rt_record_look(&arena, d.root, "d", &back, &status, &owner, &err) < 0 && err.cls == ERR_NOTFOUND);
	back = rec;
	assert_int_equal(proc_look(getpid(), &back.start_time, &back.code), 0);
	assert_true(back.code != 0 && back.start_time == rec.start_time);
	assert_int_equal(rt_record_status(&d, &back, &status, &err), 0);
	assert_int_equal(status, RT_CREATED);
	back.code++; /* it executed something since: a start was killed before it removed the fifo */
	assert_int_equal(rt_record_status(&d, &back, &status, &err), 0);
	assert_int_equal(status, RT_RUNNING);
	back.start_time++;
	assert_int_equal(rt_record_status(&d, &back, &status, &err), 0);
	assert_int_equal(status, RT_STOPPED);
	back.pid = 0;
	assert_int_equal(rt_record_status(&d, &back, &status, &err), 0);
	assert_int_equal(status, RT_CREATING);
	assert_int_equal(rt_record_remove(&d, &err), 0);
	rt_record_close(&d);
	assert_true(rt_record_open(root, "c", &d, &err) < 0);
	assert_int_equal(err.cls, ERR_NOTFOUND);
}

static void devices_and_rules(void **state)
{
	static const struct rt_added_device added[] = {
		{ { .path = "/dev/a b", .type = 'c', .major = 1, .minor = 11, .has_mode = true, .mode = 0640, .uid = 5, .gid = 6 }, "rw" },
		{ { .path = "/dev/sdz", .type = 'b', .major = 259, .minor = 1048575, .has_mode = true }, "r" },
	};
	static const struct cg_device_rule rules[] = { { false, 'a', -1, -1, true, true, true }, { true, 'c', 1, -1, true, false, false } };
	struct rt_record rec = record(getpid()), back;

	(void)state;
	create("c", false);
	rec.devices = added;
	rec.n_devices = 2;
	rec.below = 77;
	assert_int_equal(rt_record_write(&d, &rec, &spec, &err), 0);
	assert_int_equal(rt_record_load(&arena, &d, &back, &err), 0);
	assert_int_equal(back.n_devices, 2);
	assert_false(back.has_device_rules);
	assert_int_equal(back.below, 77);
	assert_string_equal(back.devices[0].node.path, "/dev/a b");
	assert_string_equal(back.devices[0].access, "rw");
	assert_true(back.devices[0].node.mode == 0640 && back.devices[0].node.uid == 5 && back.devices[0].node.gid == 6);
	assert_true(back.devices[1].node.type == 'b' && back.devices[1].node.major == 259 && back.devices[1].node.minor == 1048575);
	/* no rules at all is a list too: nothing is allowed */
	rec.has_device_rules = true;
	assert_int_equal(rt_record_write(&d, &rec, &spec, &err), 0);
	assert_int_equal(rt_record_load(&arena, &d, &back, &err), 0);
	assert_true(back.has_device_rules && back.n_device_rules == 0);
	rec.device_rules = rules;
	rec.n_device_rules = 2;
	assert_int_equal(rt_record_write(&d, &rec, &spec, &err), 0);
	assert_int_equal(rt_record_load(&arena, &d, &back, &err), 0);
	assert_int_equal(back.n_device_rules, 2);
	assert_true(!back.device_rules[0].allow && back.device_rules[0].major == -1 && back.device_rules[0].mknod);
	assert_true(back.device_rules[1].allow && back.device_rules[1].major == 1 && !back.device_rules[1].write);
	assert_int_equal(rt_record_remove(&d, &err), 0);
	rt_record_close(&d);
}

static void runc_form(void **state)
{
	struct rt_record rec = record(getpid());
	CLEANUP_FREE char *text = NULL;
	const struct json *doc, *labels;
	size_t len;

	(void)state;
	create("c", false);
	assert_int_equal(rt_record_write(&d, &rec, &spec, &err), 0);
	assert_int_equal(io_read_file(d.dir, "state.json", 65536, &text, &len), 0);
	assert_int_equal(json_parse(&arena, text, len, NULL, &doc, &err), 0);
	labels = json_get(json_get(doc, "config"), "labels");
	assert_int_equal(labels->len, 3);
	assert_string_equal(labels->child->str, "k=v=w");
	assert_string_equal(labels->child->next->next->str, "bundle=/b");
	assert_non_null(json_get(json_get(doc, "namespace_paths"), "NEWNS"));
	assert_string_equal(json_get(json_get(json_get(doc, "config"), "namespaces")->child, "type")->str, "NEWPID");
}

static void foreign_state(void **state)
{
	static const char *const bad[] = { "", "{}", "[]", "{\"id\":1}", "{\"id\":\"c\",\"init_process_pid\":99999999999}", "{\"id\":\"c\",\"id\":\"c\"}" };
	struct rt_record rec;

	(void)state;
	create("c", false);
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		assert_int_equal(io_replace_file(d.dir, "state.json", bad[i], strlen(bad[i]), 0600, false), 0);
		assert_true(rt_record_load(&arena, &d, &rec, &err) < 0);
		assert_non_null(strstr(err.msg, "state.json of container c: "));
	}
}

/* Runs fn in another process, which has none of our locks; gives its verdict. */
static bool elsewhere(bool (*fn)(void))
{
	int status;
	pid_t pid = spawn_fork(NULL);

	if (pid == 0)
		_exit(fn() ? 0 : 1);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return status == 0;
}

static bool conflict(void)
{
	struct rt_record_dir other = RT_RECORD_DIR_INIT;
	struct err e;
	bool leftover;

	return rt_record_create(root, "c", &other, &leftover, &e) < 0 && e.cls == ERR_CONFLICT;
}

static bool leave_wreck(void)
{
	bool leftover;

	return rt_record_create(root, "c", &d, &leftover, &err) == 0 && !leftover;
}

static bool leave_record_without_pid(void)
{
	struct rt_record rec = record(0);
	bool leftover;

	return rt_record_create(root, "c", &d, &leftover, &err) == 0 && rt_record_write(&d, &rec, &spec, &err) == 0;
}

static void one_creator(void **state)
{
	struct rt_record rec = record(getpid());

	(void)state;
	create("c", false);
	assert_true(elsewhere(conflict)); /* the lock is held */
	assert_int_equal(rt_record_write(&d, &rec, &spec, &err), 0);
	rt_record_close(&d);
	assert_true(elsewhere(conflict)); /* it exists */
}

static void wrecks(void **state)
{
	(void)state;
	assert_true(elsewhere(leave_wreck));
	create("c", true);
	rt_record_close(&d);
	assert_true(elsewhere(leave_record_without_pid));
	create("c", true);
}

static void deleted_while_waiting(void **state)
{
	struct rt_record_dir other = RT_RECORD_DIR_INIT;

	(void)state;
	create("c", false);
	assert_int_equal(rt_record_open(root, "c", &other, &err), 0);
	assert_int_equal(rt_record_remove(&d, &err), 0);
	assert_true(rt_record_lock(&other, &err) < 0);
	assert_string_equal(err.msg, "container does not exist");
	rt_record_close(&other);
}

#define RACERS 4
#define ROUNDS 200

/* Runs fn in RACERS processes that begin together; gives how many ended with each code. */
static void race(int (*fn)(void), int codes[3])
{
	pid_t pids[RACERS];
	int gate[2], status;

	assert_int_equal(pipe2(gate, O_CLOEXEC), 0);
	for (size_t i = 0; i < RACERS; i++) {
		char c;

		pids[i] = spawn_fork(NULL);
		if (pids[i] == 0) {
			close(gate[1]);
			_exit(read(gate[0], &c, 1) == 0 ? fn() : 2);
		}
		assert_true(pids[i] > 0);
	}
	close(gate[0]);
	close(gate[1]);
	memset(codes, 0, 3 * sizeof(*codes));
	for (size_t i = 0; i < RACERS; i++) {
		assert_int_equal(waitpid(pids[i], &status, 0), pids[i]);
		assert_true(WIFEXITED(status) && WEXITSTATUS(status) < 3);
		codes[WEXITSTATUS(status)]++;
	}
}

static int racer_error(const char *what)
{
	fprintf(stderr, "%s: %s\n", what, err.msg);
	return 2;
}

/* 0: won, and left a container; 1: was told that it exists; 2: anything else. */
static int make_or_lose(void)
{
	struct rt_record rec = record(getpid()), old;
	bool leftover;

	if (rt_record_create(root, "c", &d, &leftover, &err) < 0)
		return err.cls == ERR_CONFLICT ? 1 : racer_error("create");
	if (rt_record_load(&arena, &d, &old, &err) == 0)
		return racer_error("given a container that somebody made");
	return rt_record_write(&d, &rec, &spec, &err) == 0 ? 0 : racer_error("write");
}

static int make_and_remove(void)
{
	for (int i = 0; i < ROUNDS; i++) {
		int r = make_or_lose();

		if (r == 2 || (r == 0 && rt_record_remove(&d, &err) < 0))
			return racer_error("remove");
		rt_record_close(&d);
	}
	return 0;
}

/* Whoever made the folder may not be the one who locks it first. */
static void one_of_many_creators(void **state)
{
	int codes[3];

	(void)state;
	for (int i = 0; i < ROUNDS; i++) {
		race(make_or_lose, codes);
		assert_int_equal(codes[0], 1);
		assert_int_equal(codes[1], RACERS - 1);
		assert_int_equal(io_remove_tree(AT_FDCWD, root), 0);
	}
}

static void creators_and_removers(void **state)
{
	int codes[3];

	(void)state;
	race(make_and_remove, codes);
	assert_int_equal(codes[0], RACERS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ids),
		cmocka_unit_test_setup_teardown(write_and_read, setup, teardown),
		cmocka_unit_test_setup_teardown(devices_and_rules, setup, teardown),
		cmocka_unit_test_setup_teardown(runc_form, setup, teardown),
		cmocka_unit_test_setup_teardown(foreign_state, setup, teardown),
		cmocka_unit_test_setup_teardown(one_creator, setup, teardown),
		cmocka_unit_test_setup_teardown(wrecks, setup, teardown),
		cmocka_unit_test_setup_teardown(deleted_while_waiting, setup, teardown),
		cmocka_unit_test_setup_teardown(one_of_many_creators, setup, teardown),
		cmocka_unit_test_setup_teardown(creators_and_removers, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

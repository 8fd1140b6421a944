#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "base/io.h"
#include "monitor/description.h"
#include "monitor/state.h"

#define ID "00000000000000000000000000000000000000000000000000000000000000ab"
#define COMMON "\"version\":1,\"id\":\"" ID "\",\"containerDir\":\"/c\",\"stateDir\":\"/s\""

static int setup(void **state)
{
	char *path = strdup("/tmp/tare-unit.XXXXXX");

	*state = path;
	return mkdtemp(path) ? 0 : -1;
}

static int teardown(void **state)
{
	int r = io_remove_tree(AT_FDCWD, *state);

	free(*state);
	return r;
}

static void a_state_comes_back(void **state)
{
	CLEANUP_FD int dir = open(*state, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct state s, back;
	struct err e = { 0 };

	assert_int_equal(state_load(dir, STATE_FILE, &back, &e), -ENOENT);
	assert_int_equal(e.cls, ERR_NOTFOUND);
	state_init(&s, ID);
	s.status = STATE_EXITED;
	s.pid = 42;
	s.start_time = UINT64_MAX;
	s.exit_code = 137;
	s.exit_known = s.oom_killed = true;
	strcpy(s.error, "a \"quoted\" reason");
	text_now(s.finished_at);
	assert_int_equal(state_save(dir, STATE_FILE, &s, &e), 0);
	assert_int_equal(state_load(dir, STATE_FILE, &back, &e), 0);
	assert_memory_equal(&s, &back, sizeof(s));
}

static void bad_states(void **state)
{
	static const char *const texts[] = { "", "{}", "{\"status\":\"gone\"}", "[", "{\"status\":\"running\",\"pid\":\"1\"}" };
	CLEANUP_FD int dir = open(*state, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
		struct state s;
		struct err e = { 0 };

		assert_int_equal(io_replace_file(dir, STATE_FILE, texts[i], strlen(texts[i]), 0600, false), 0);
		assert_true(state_load(dir, STATE_FILE, &s, &e) < 0);
		assert_int_equal(e.cls, ERR_INVALID);
	}
}

static int read_text(const char *text, enum description_kind kind, struct arena *a, struct description *d, struct err *e)
{
	CLEANUP_FD int fd = io_memfd("test", text, strlen(text), true);

	return description_read(a, fd, kind, d, e);
}

static void settings_come_back(void **state)
{
	CLEANUP_ARENA struct arena a = ARENA_INIT;
	CLEANUP_FD int fd = -1;
	struct description d, back;
	struct err e = { 0 };

	(void)state;
	assert_int_equal(read_text("{" COMMON ",\"rootfs\":{\"kind\":\"dir\",\"path\":\"/r\"},\"tty\":true,\"stdinOnce\":true,"
				   "\"attach\":6,\"cgroup\":\"/t/x\",\"monitorCgroup\":\"/t/m\",\"exited\":[\"/bin/true\",\"x\"],\"log\":{\"driver\":"
				   "\"json-file\",\"path\":\"/c/log\",\"maxSize\":10,\"maxFile\":2,\"attrs\":{\"k\":\"v\"}},\"spec\":{\"ociVersion\":"
				   "\"1.0.0\",\"root\":{\"path\":\"r\"},\"process\":{\"terminal\":true,\"cwd\":\"/\",\"user\":"
				   "{\"uid\":0,\"gid\":0},\"args\":[\"a\"]},\"hooks\":{\"poststop\":[{\"path\":\"/h\"}]}}}",
				   DESCRIPTION_CONTAINER, &a, &d, &e), 0);
	fd = description_settings(&d, &e);
	assert_true(fd >= 0);
	assert_int_equal(description_read(&a, fd, DESCRIPTION_SETTINGS, &back, &e), 0);
	assert_string_equal(back.id, ID);
	assert_true(back.tty && back.stdin_once && back.poststop && !back.open_stdin && !back.spec);
	assert_int_equal(back.attach, 6);
	assert_string_equal(back.cgroup, "/t/x");
	assert_string_equal(back.monitor_cgroup, "/t/m");
	assert_string_equal(back.exited[1], "x");
	assert_null(back.exited[2]);
	assert_string_equal(back.log.path, "/c/log");
	assert_int_equal(back.log.max_size, 10);
	assert_int_equal(back.log.max_file, 2);
	assert_int_equal(back.log.driver, LOG_DRIVER_JSON);
	assert_string_equal(json_get(back.log.attrs, "k")->str, "v");
}

static void bad_descriptions_are_named(void **state)
{
	static const struct {
		const char *text, *says;
	} rows[] = {
		{ "{\"version\":2,\"id\":\"" ID "\",\"containerDir\":\"/c\",\"stateDir\":\"/s\"}", "version 2" },
		{ "{\"version\":1,\"id\":\"AB\",\"containerDir\":\"/c\",\"stateDir\":\"/s\"}", "id is not 64 hex digits" },
		{ "{\"version\":1,\"id\":\"" ID "\",\"containerDir\":\"c\",\"stateDir\":\"/s\"}", "containerDir: \"c\"" },
		{ "{\"version\":1,\"id\":\"" ID "\",\"containerDir\":\"/c\"}", "stateDir is missing" },
		{ "{" COMMON ",\"log\":{\"driver\":\"syslog\"}}", "log driver \"syslog\"" },
		{ "{" COMMON ",\"log\":{\"driver\":\"json-file\"}}", "log.path is missing" },
		{ "{" COMMON ",\"log\":{\"driver\":\"journald\"}}", "log.socket is missing" },
		{ "{" COMMON ",\"log\":{\"driver\":\"journald\",\"socket\":\"/s\",\"fields\":{\"A\":1}}}", "log.fields.A is no text" },
		{ "{" COMMON "}", "rootfs.kind is missing" },
		{ "{" COMMON ",\"rootfs\":{\"kind\":\"zfs\"}}", "rootfs kind \"zfs\"" },
		{ "{" COMMON ",\"rootfs\":{\"kind\":\"overlay\",\"lower\":[\"/a\"],\"upper\":\"/u\"}}", "rootfs.work" },
		{ "{" COMMON ",\"rootfs\":{\"kind\":\"overlay\",\"lower\":[]}}", "rootfs.lower is missing" },
		{ "{" COMMON ",\"rootfs\":{\"kind\":\"dir\",\"path\":\"/r\"}}", "spec is missing" },
		{ "{" COMMON ",\"tty\":1}", "tty" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		CLEANUP_ARENA struct arena a = ARENA_INIT;
		struct description d;
		struct err e = { 0 };

		assert_true(read_text(rows[i].text, DESCRIPTION_CONTAINER, &a, &d, &e) < 0);
		assert_non_null(strstr(e.msg, rows[i].says));
		assert_null(strchr(e.msg, '\n'));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_state_comes_back, setup, teardown),
		cmocka_unit_test_setup_teardown(bad_states, setup, teardown),
		cmocka_unit_test(settings_come_back),
		cmocka_unit_test(bad_descriptions_are_named),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

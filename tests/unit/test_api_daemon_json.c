/* daemon.json: what it may say, and what becomes of it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "api/server/daemon_json.h"
#include "base/io.h"

static struct arena arena;
static struct err err;

static int setup(void **state)
{
	(void)state;
	arena = (struct arena)ARENA_INIT;
	err = (struct err){ 0 };
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	arena_free(&arena);
	return 0;
}

/* As a server reads it. */
static int read_text(const char *text, const struct json **doc, struct daemon_json *d)
{
	CLEANUP_FD int fd = io_memfd("daemon.json", text, strlen(text), false);
	char path[IO_FD_PATH_LEN];
	int r = daemon_json_read(&arena, io_fd_path(fd, path), true, doc, &err);

	return r < 0 ? r : daemon_json_take(&arena, *doc, d, &err);
}

static struct daemon_json good(const char *text)
{
	const struct json *doc;
	struct daemon_json d;

	if (read_text(text, &doc, &d) < 0)
		fail_msg("%s: %s", text, err.msg);
	return d;
}

static void bad(const char *text, const char *said)
{
	const struct json *doc;
	struct daemon_json d;

	if (read_text(text, &doc, &d) >= 0)
		fail_msg("%s: taken", text);
	if (!strstr(err.msg, said))
		fail_msg("%s: \"%s\" is not said: %s", text, said, err.msg);
}

static void nothing_is_said(void **state)
{
	const struct json *doc = (const struct json *)&arena;
	struct daemon_json d = good("{}");

	(void)state;
	assert_null(d.root);
	assert_int_equal(d.hosts.n, 0);
	assert_int_equal(read_text("", &doc, &d), 0);
	assert_null(doc);
	assert_int_equal(daemon_json_read(&arena, "/nowhere/daemon.json", false, &doc, &err), 0);
	assert_null(doc);
	assert_true(daemon_json_read(&arena, "/nowhere/daemon.json", true, &doc, &err) < 0);
}

static void a_usual_one_is_read(void **state)
{
	struct daemon_json d = good("{\"data-root\": \"/srv/d\", \"hosts\": [\"unix:///run/x.sock\", \"tcp://127.0.0.1:2375\"], \"debug\": true,"
				    "\"log-driver\": \"json-file\", \"log-opts\": {\"max-size\": \"10m\", \"max-file\": \"3\"}, \"live-restore\": true,"
				    "\"exec-opts\": [\"native.cgroupdriver=systemd\"], \"storage-driver\": \"overlay2\", \"features\": {\"buildkit\": true},"
				    "\"runtimes\": {\"nvidia\": {\"path\": \"nvidia-container-runtime\"}}, \"experimental\": false, \"iptables\": true,"
				    "\"proxies\": {\"http-proxy\": \"http://p:1\"}, \"labels\": [\"a=b\"], \"userns-remap\": \"default\", \"mtu\": 0, \"ip\": null}");

	(void)state;
	assert_string_equal(d.root, "/srv/d");
	assert_int_equal(d.hosts.n, 2);
	assert_string_equal(d.log_level, "debug");
	assert_string_equal(d.settings.log_driver, "json-file");
	assert_int_equal(d.settings.log_opts.n, 2);
	assert_string_equal(d.http_proxy, "http://p:1");
	assert_string_equal(d.labels.v[0], "a=b");
	assert_true(d.remap);
}

static void what_cannot_be_had_is_an_error(void **state)
{
	static const struct {
		const char *text, *said;
	} rows[] = {
		{ "{\"log-drvier\": \"local\"}", "did you mean log-driver" },
		{ "{\"zz-top\": 1}", "tared(1)" },
		{ "[]", "no object" },
		{ "{\"debug\": 1}", "\"debug\" wants true or false" },
		{ "{\"hosts\": \"unix:///x\"}", "\"hosts\" wants a list" },
		{ "{\"iptables\": false}", "\"iptables\" cannot be had" },
		{ "{\"icc\": false}", "networks of their own" },
		{ "{\"bip\": \"10.1.1.1/24\"}", "\"bip\" cannot be had" },
		{ "{\"mtu\": 1400}", "\"mtu\" cannot be had" },
		{ "{\"ip\": \"127.0.0.1\"}", "-p 127.0.0.1:" },
		{ "{\"storage-driver\": \"btrfs\"}", "overlayfs alone" },
		{ "{\"userns-remap\": \"me\"}", "\"default\"" },
		{ "{\"default-runtime\": \"nvidia\"}", "tare itself" },
		{ "{\"authorization-plugins\": [\"x\"]}", "no plugins" },
		{ "{\"log-level\": \"loud\"}", "log-level \"loud\"" },
		{ "{\"data-root\": \"docker\"}", "no absolute path" },
		{ "{\"log-driver\": \"splunk\"}", "splunk" },
		{ "{\"dns\": [\"nowhere\"]}", "nowhere" },
		{ "{\"default-ipc-mode\": \"host\"}", "private|shareable" },
		{ "{\"registry-mirrors\": [\"mirror.example\"]}", "http://HOST" },
		{ "{\"insecure-registries\": [\"http://x\"]}", "insecure-registries: \"http://x\"" },
		{ "{\"default-address-pools\": [{\"base\": \"10.0.0.0/16\", \"size\": 8}]}", "\"size\": 8" },
		{ "{\"default-address-pools\": [{\"base\": \"fd00::/48\", \"size\": 64}]}", "IPv4" },
		{ "{\"labels\": [\"x\"]}", "KEY=VALUE" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		bad(rows[i].text, rows[i].said);
}

static void registries_are_asked_as_it_says(void **state)
{
	static const char *const none[] = { NULL };
	const struct registries_places places = { none, none, none };
	struct daemon_json d = good("{\"registry-mirrors\": [\"https://mirror.example/\", \"http://near:5000\"], \"insecure-registries\": [\"reg.lan:5000\", \"10.9.0.0/16\"]}");
	static const struct {
		const char *name, *bases;
	} rows[] = {
		{ "busybox", "https://mirror.example https://near:5000 http://near:5000 https://registry-1.docker.io " },
		{ "reg.lan:5000/x", "https://reg.lan:5000 http://reg.lan:5000 " },
		{ "reg.lan/x", "https://reg.lan " },
		{ "10.9.8.7:5000/x", "https://10.9.8.7:5000 http://10.9.8.7:5000 " },
		{ "10.8.8.7:5000/x", "https://10.8.8.7:5000 " },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		CLEANUP_STRBUF struct strbuf bases = STRBUF_INIT;
		struct registry_endpoint *found;
		struct registries regs;
		struct image_ref ref;
		size_t n;

		assert_int_equal(image_ref_parse(&arena, rows[i].name, &ref, &err), 0);
		assert_int_equal(registries_read(&arena, &places, &regs, &err), 0);
		assert_int_equal(registries_add(&arena, &regs, &d.around.registries, &err), 0);
		assert_int_equal(registries_resolve(&arena, &regs, &ref, REGISTRY_PULL, &found, &n, &err), 0);
		for (size_t k = 0; k < n; k++)
			sb_printf(&bases, "%s ", found[k].base);
		assert_string_equal(sb_str(&bases), rows[i].bases);
	}
}

static void containers_get_what_they_leave_open(void **state)
{
	static const char *const own[] = { "seccomp=unconfined" };
	struct daemon_json d = good("{\"init\": true, \"no-new-privileges\": true, \"seccomp-profile\": \"builtin\", \"default-shm-size\": \"128m\", \"cgroup-parent\": \"/mine\","
				    "\"default-ulimits\": {\"nofile\": {\"Name\": \"nofile\", \"Soft\": 10, \"Hard\": 20}}, \"userns-remap\": \"default\"}");
	struct ct_options opt = { 0 }, other = { .userns = "host", .shm_size = "1m", .security_opt = { own, 1 } };

	(void)state;
	assert_int_equal(daemon_json_defaults(&d, &arena, &opt, &err), 0);
	assert_true(opt.init);
	assert_string_equal(opt.shm_size, "128m");
	assert_string_equal(opt.cgroup_parent, "/mine");
	assert_string_equal(opt.userns, "private");
	assert_string_equal(opt.ulimits.v[0], "nofile=10:20");
	assert_int_equal(opt.security_opt.n, 2);
	assert_int_equal(daemon_json_defaults(&d, &arena, &other, &err), 0);
	assert_string_equal(other.userns, "host");
	assert_string_equal(other.shm_size, "1m");
	assert_int_equal(other.security_opt.n, 2);
	assert_string_equal(other.security_opt.v[1], "no-new-privileges=true");
}

static void the_command_line_and_the_file_may_not_say_the_same(void **state)
{
	const struct json *doc;
	struct daemon_json d;

	(void)state;
	assert_int_equal(read_text("{\"hosts\": [\"unix:///x\"], \"group\": null}", &doc, &d), 0);
	assert_int_equal(daemon_json_conflict(doc, "hosts", NULL, &err), 0);
	assert_int_equal(daemon_json_conflict(doc, "group", "me", &err), 0);
	assert_int_equal(daemon_json_conflict(NULL, "hosts", "fd://", &err), 0);
	assert_true(daemon_json_conflict(doc, "hosts", "fd://", &err) < 0);
	assert_non_null(strstr(err.msg, "fd://"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(nothing_is_said, setup, teardown),
		cmocka_unit_test_setup_teardown(a_usual_one_is_read, setup, teardown),
		cmocka_unit_test_setup_teardown(what_cannot_be_had_is_an_error, setup, teardown),
		cmocka_unit_test_setup_teardown(registries_are_asked_as_it_says, setup, teardown),
		cmocka_unit_test_setup_teardown(containers_get_what_they_leave_open, setup, teardown),
		cmocka_unit_test_setup_teardown(the_command_line_and_the_file_may_not_say_the_same, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

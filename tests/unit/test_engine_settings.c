/* config.json: what it may say, and what becomes of it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/io.h"
#include "engine/settings.h"

static char folder[] = "/tmp/tare-settings.XXXXXX";
static struct arena arena;
static struct err err;

static int setup(void **state)
{
	(void)state;
	arena = (struct arena)ARENA_INIT;
	memcpy(folder + sizeof(folder) - 7, "XXXXXX", 6);
	if (!mkdtemp(folder) || chdir(folder) < 0)
		return -1;
	unsetenv("TARE_CONFIG");
	unsetenv("DOCKER_CONFIG");
	setenv("HOME", folder, 1);
	setenv("XDG_CONFIG_HOME", folder, 1);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	arena_free(&arena);
	return chdir("/") == 0 ? io_remove_tree(AT_FDCWD, folder) : -1;
}

static void put(const char *path, const char *text)
{
	char copy[100], *slash;
	int fd;

	(void)snprintf(copy, sizeof(copy), "%s", path);
	slash = strrchr(copy, '/');
	if (slash) {
		*slash = '\0';
		assert_int_equal(io_mkdirs(AT_FDCWD, copy, 0755), 0);
	}
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	assert_true(fd >= 0);
	assert_int_equal(io_write_full(fd, text, strlen(text)), 0);
	close(fd);
}

static struct settings read_text(const char *text)
{
	struct settings s;

	err = (struct err){ 0 };
	put("one.json", text);
	setenv("TARE_CONFIG", "one.json", 1);
	if (settings_read(&arena, true, &s, &err) < 0)
		fail_msg("%s", err.msg);
	return s;
}

static void refused(const char *text, const char *why)
{
	struct settings s;

	err = (struct err){ 0 };
	put("one.json", text);
	setenv("TARE_CONFIG", "one.json", 1);
	assert_true(settings_read(&arena, true, &s, &err) < 0);
	if (strncmp(err.msg, "one.json: ", 10) != 0 || !strstr(err.msg, why))
		fail_msg("%s: %s", text, err.msg);
}

static const char *const all = "{\"log-driver\":\"json-file\",\"log-opts\":{\"max-size\":\"10m\",\"max-file\":3},"
			       "\"default-ulimits\":{\"nofile\":{\"Name\":\"nofile\",\"Soft\":100,\"Hard\":200},\"core\":{\"Soft\":0}},"
			       "\"default-pids-limit\":77,\"default-shm-size\":\"8m\",\"dns\":[\"10.9.9.9\"],\"dns-search\":[\"example.org\"],"
			       "\"dns-opts\":[\"ndots:2\"],\"proxies\":{\"default\":{\"httpProxy\":\"http://p:1\",\"noProxy\":\"localhost\"}}}";

static void everything_is_taken(void **state)
{
	struct settings s = read_text(all);
	struct ct_options opt = { 0 };

	(void)state;
	assert_int_equal(settings_container(&s, &arena, false, &opt, &err), 0);
	assert_string_equal(opt.log_driver, "json-file");
	assert_int_equal(opt.log_opts.n, 2);
	assert_string_equal(opt.log_opts.v[1], "max-file=3");
	assert_int_equal(opt.ulimits.n, 2);
	assert_string_equal(opt.ulimits.v[0], "nofile=100:200");
	assert_string_equal(opt.ulimits.v[1], "core=0:0");
	assert_int_equal(*opt.pids_limit, 77);
	assert_string_equal(opt.shm_size, "8m");
	assert_string_equal(opt.dns.v[0], "10.9.9.9");
	assert_string_equal(opt.dns_search.v[0], "example.org");
	assert_string_equal(opt.dns_option.v[0], "ndots:2");
	assert_int_equal(opt.default_env.n, 4);
	assert_string_equal(opt.default_env.v[0], "HTTP_PROXY=http://p:1");
	assert_string_equal(opt.default_env.v[1], "http_proxy=http://p:1");
	assert_string_equal(opt.default_env.v[3], "no_proxy=localhost");
}

static void what_is_given_goes_before(void **state)
{
	static const char *const limits[] = { "nofile=5" }, *const servers[] = { "10.1.1.1" }, *const opts[] = { "max-size=1m" };
	static const int64_t pids = 5;
	struct settings s = read_text(all);
	struct ct_options opt = { .ulimits = { limits, 1 }, .dns = { servers, 1 }, .log_opts = { opts, 1 }, .pids_limit = &pids, .shm_size = "1m" };

	(void)state;
	assert_int_equal(settings_container(&s, &arena, false, &opt, &err), 0);
	assert_int_equal(opt.ulimits.n, 2);
	assert_string_equal(opt.ulimits.v[0], "nofile=5");
	assert_string_equal(opt.ulimits.v[1], "core=0:0");
	assert_int_equal(opt.log_opts.n, 2);
	assert_string_equal(opt.log_opts.v[0], "max-size=1m");
	assert_string_equal(opt.dns.v[0], "10.1.1.1");
	assert_string_equal(opt.dns_search.v[0], "example.org");
	assert_int_equal(*opt.pids_limit, 5);
	assert_string_equal(opt.shm_size, "1m");
}

/* Options of one log driver are none of another's; a shared network has its name servers; a user has no limit on processes. */
static void what_does_not_fit_stays_out(void **state)
{
	static const char *const shared[] = { "container:web" };
	struct settings s = read_text(all);
	struct ct_options opt = { .log_driver = "none", .networks = { shared, 1 } };

	(void)state;
	assert_int_equal(settings_container(&s, &arena, true, &opt, &err), 0);
	assert_int_equal(opt.log_opts.n, 0);
	assert_int_equal(opt.dns.n, 0);
	assert_int_equal(opt.dns_search.n, 0);
	assert_null(opt.pids_limit);
	opt = (struct ct_options){ 0 };
	assert_int_equal(settings_step(&s, &arena, false, &opt, &err), 0);
	assert_null(opt.log_driver);
	assert_int_equal(opt.log_opts.n, 0);
	assert_int_equal(opt.default_env.n, 0);
	assert_int_equal(opt.dns.n, 1);
	assert_int_equal(*opt.pids_limit, 77);
}

static void what_is_wrong_is_named(void **state)
{
	(void)state;
	refused("{\"log-drivr\":\"none\"}", "\"log-drivr\"; did you mean log-driver?");
	refused("{\"data-root\":\"/x\"}", "\"data-root\"; \"tare help config\"");
	refused("{\"log-driver\":\"paper\"}", "paper");
	refused("{\"log-driver\":7}", "log-driver");
	refused("{\"log-opts\":{\"max-sise\":\"1m\"}}", "max-sise");
	refused("{\"log-opts\":{\"max-size\":{}}}", "max-size");
	refused("{\"dns\":[\"nobody\"]}", "nobody");
	refused("{\"dns\":\"10.0.0.1\"}", "dns");
	refused("{\"dns-search\":[\"a b\"]}", "a b");
	refused("{\"default-ulimits\":{\"nofiles\":{\"Soft\":1}}}", "nofiles");
	refused("{\"default-ulimits\":{\"nofile\":{\"Soft\":2,\"Hard\":1}}}", "nofile=2:1");
	refused("{\"default-ulimits\":{\"nofile\":{\"Hard\":1}}}", "no \"Soft\"");
	refused("{\"default-ulimits\":{\"nofile\":{\"Soft\":1,\"Name\":\"core\"}}}", "another one");
	refused("{\"default-ulimits\":{\"nofile\":{\"Soft\":1,\"Hart\":1}}}", "did you mean Hard?");
	refused("{\"default-ulimits\":{\"nofile\":7}}", "nofile");
	refused("{\"default-shm-size\":\"big\"}", "big");
	refused("{\"default-pids-limit\":\"9\"}", "default-pids-limit");
	refused("{\"proxies\":{\"tcp://x\":{}}}", "tcp://x");
	refused("{\"proxies\":{\"default\":{\"httpsproxi\":\"x\"}}}", "did you mean httpsProxy?");
	refused("{\"proxies\":{\"default\":{\"noProxy\":\"a\\nB=c\"}}}", "more than one line");
	refused("{\"dns\":[],\"dns\":[]}", "line 1");
	refused("[]", "no object");
	refused(" ", "line 1");
	assert_int_equal(read_text("").dns.n, 0);
	setenv("TARE_CONFIG", "nosuch.json", 1);
	assert_true(settings_read(&arena, true, &(struct settings){ 0 }, &err) < 0);
	assert_non_null(strstr(err.msg, "TARE_CONFIG=nosuch.json"));
}

/* Docker's file has the proxies where ours says nothing of any; whatever else it says, even damaged, is no matter. */
static void files_in_their_order(void **state)
{
	struct settings s;

	(void)state;
	put(".docker/config.json", "{\"auths\":{},\"log-drivr\":1,\"proxies\":{\"tcp://x\":{},\"default\":{\"ftpProxy\":\"http://f\",\"new\":1}}}");
	assert_int_equal(settings_read(&arena, true, &s, &err), 0);
	assert_int_equal(s.proxies.n, 2);
	assert_string_equal(s.proxies.v[0], "FTP_PROXY=http://f");
	put("tare/config.json", "{\"default-pids-limit\":9,\"proxies\":{\"default\":{\"httpProxy\":\"http://h\"}}}");
	assert_int_equal(settings_read(&arena, true, &s, &err), 0);
	assert_int_equal(*s.pids_limit, 9);
	assert_string_equal(s.proxies.v[0], "HTTP_PROXY=http://h");
	/* the machine's root has no file of his own */
	assert_int_equal(settings_read(&arena, false, &s, &err), 0);
	assert_string_equal(s.proxies.v[0], "FTP_PROXY=http://f");
	put(".docker/config.json", "{");
	assert_int_equal(settings_read(&arena, false, &s, &err), 0);
	assert_int_equal(s.proxies.n, 0);
	put("tare/config.json", "{");
	assert_true(settings_read(&arena, true, &s, &err) < 0);
	assert_non_null(strstr(err.msg, "/tare/config.json: "));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(everything_is_taken, setup, teardown),
		cmocka_unit_test_setup_teardown(what_is_given_goes_before, setup, teardown),
		cmocka_unit_test_setup_teardown(what_does_not_fit_stays_out, setup, teardown),
		cmocka_unit_test_setup_teardown(what_is_wrong_is_named, setup, teardown),
		cmocka_unit_test_setup_teardown(files_in_their_order, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

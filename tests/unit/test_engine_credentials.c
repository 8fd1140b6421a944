/* engine/credentials and engine/credential_helper, with files and helpers in a folder of the test's. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/base64.h"
#include "base/io.h"
#include "engine/credentials.h"

static char box[] = "/tmp/tare-credentials-XXXXXX", work[120], docker[100], other[100];

static int begin(void **state)
{
	(void)state;
	assert_non_null(mkdtemp(strcpy(box, "/tmp/tare-credentials-XXXXXX")));
	(void)snprintf(work, sizeof(work), "%s/bin", box);
	assert_int_equal(mkdir(work, 0755), 0);
	assert_int_equal(setenv("PATH", "/usr/bin:/bin", 1), 0);
	(void)snprintf(docker, sizeof(docker), "%s/config.json", box);
	(void)snprintf(other, sizeof(other), "%s/auth.json", box);
	return 0;
}

static int end(void **state)
{
	(void)state;
	return io_remove_tree(AT_FDCWD, box);
}

static void put(const char *path, const char *text, mode_t mode)
{
	CLEANUP_FD int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(io_write_full(fd, text, strlen(text)), 0);
	assert_int_equal(fchmod(fd, mode), 0);
}

static char *text_of(const char *path)
{
	char *text;

	assert_int_equal(io_read_file(AT_FDCWD, path, 1 << 20, &text, NULL), 0);
	return text;
}

static struct credential_files files(void)
{
	return (struct credential_files){ .docker = docker, .others = { other }, .helper_seconds = 10 };
}

/* "USER/PASSWORD/IDENTITY/REGISTRY", or "!" and the error. */
static const char *ask(const char *domain, const char *path)
{
	static char out[800];
	CLEANUP_SECRETS struct arena a = ARENA_INIT;
	struct credential_files f = files();
	struct credential c;
	struct err e = { 0 };

	if (credential_get(&a, &f, domain, path, &c, &e) < 0)
		(void)snprintf(out, sizeof(out), "!%s", e.msg);
	else
		(void)snprintf(out, sizeof(out), "%s/%s/%s/%s", c.username, c.password, c.identity_token, c.registry_token);
	return out;
}

static void keys(void **state)
{
	(void)state;
	put(docker,
	    "{\"auths\":{"
	    "\"index.docker.io\":{\"auth\":\"d3Jvbmc6d3Jvbmc=\"},"
	    "\"https://index.docker.io/v1/\":{\"auth\":\"aHViOnNlY3JldA==\"},"     /* hub:secret */
	    "\"host:5000\":{\"auth\":\"YTpiOmM=\"},"                               /* a:b:c */
	    "\"host:5000/team\":{\"username\":\"t\",\"password\":\"p\"},"
	    "\"host:5000/team/app/\":{\"username\":\"x\",\"password\":\"q\"},"
	    "\"https://v2.example/v2/\":{\"identitytoken\":\"idt\",\"auth\":\"dTo=\"}," /* u: */
	    "\"http://Upper.example/some/path\":{\"registrytoken\":\"rt\"},"
	    "\"empty.example\":{},"
	    "\"nul.example\":{\"auth\":\"dTpwAAA=\"}"
	    "}}",
	    0600);
	assert_string_equal(ask("docker.io", "library/busybox"), "hub/secret//");
	assert_string_equal(ask("host:5000", "lib"), "a/b:c//");
	assert_string_equal(ask("host:5000", "teams/app"), "a/b:c//");
	assert_string_equal(ask("host:5000", "team/other"), "t/p//");
	assert_string_equal(ask("host:5000", "team/app"), "x/q//");
	assert_string_equal(ask("host:5000", "team/app/deep"), "x/q//");
	assert_string_equal(ask("host:5000", "team/apple"), "t/p//");
	assert_string_equal(ask("host", "team/app"), "///");
	assert_string_equal(ask("v2.example", "x"), "u//idt/");
	assert_string_equal(ask("upper.example", "any"), "///rt");
	assert_string_equal(ask("empty.example", "x"), "///");
	assert_string_equal(ask("nul.example", "x"), "u/p//");
}

static void other_files(void **state)
{
	(void)state;
	assert_string_equal(ask("host", "x"), "///");
	put(other, "{\"auths\":{\"host\":{\"username\":\"o\",\"password\":\"p\"},\"docker.io/library\":{\"username\":\"h\",\"password\":\"p\"}}}", 0600);
	assert_string_equal(ask("host", "x"), "o/p//");
	assert_string_equal(ask("docker.io", "library/busybox"), "h/p//");
	assert_string_equal(ask("docker.io", "me/busybox"), "///");
	put(docker, " \n", 0600);
	assert_string_equal(ask("host", "x"), "o/p//");
	put(docker, "{\"auths\":{\"host\":{\"username\":\"d\",\"password\":\"p\"}}}", 0600);
	assert_string_equal(ask("host", "x"), "d/p//");
}

static void damaged(void **state)
{
	static const char *const rows[][2] = {
		{ "{\"auths\":", "config.json is damaged: " },
		{ "[]", "config.json is damaged: it is no object" },
		{ "{\"auths\":[]}", "auths" },
		{ "{\"auths\":{\"host\":1}}", "auths: 'host': it is no object" },
		{ "{\"auths\":{\"host\":{\"auth\":\"###\"}}}", "'host': auth is no base64" },
		{ "{\"auths\":{\"host\":{\"auth\":\"YWJj\"}}}", "'host': auth is not USER:PASSWORD" },
		{ "{\"auths\":{\"host\":{\"username\":1}}}", "username" },
		{ "{\"credsStore\":1}", "credsStore" },
		{ "{\"credHelpers\":{\"host\":1}}", "credHelpers: 'host' is no string" },
		{ "{\"credsStore\":\"../evil\"}", "'../evil' is no name of a credential helper" },
		{ "{\"credsStore\":\"nosuch\"}", "credential helper docker-credential-nosuch is not in PATH" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		const char *said;

		put(docker, rows[i][0], 0600);
		said = ask("host", "x");
		if (*said != '!' || !strstr(said, rows[i][1]) || !strstr(said, docker))
			fail_msg("%s: %s", rows[i][0], said);
	}
	put(docker, "{\"auths\":{\"host\":{\"auth\":\"###\"}}}", 0600);
	assert_string_equal(ask("elsewhere", "x"), "///"); /* not asked for, not judged */
}

/* ---- writing ---- */

static const struct credential alice = { .username = "alice", .password = "wonder:land", .identity_token = "", .registry_token = "", .from = "" };

static const char *store(const char *domain, const struct credential *c)
{
	static char out[800];
	CLEANUP_SECRETS struct arena a = ARENA_INIT;
	struct credential_files f = files();
	struct err e = { 0 };
	const char *where;

	if (credential_store(&a, &f, domain, c, &where, &e) < 0)
		(void)snprintf(out, sizeof(out), "!%s", e.msg);
	else
		(void)snprintf(out, sizeof(out), "%s", where);
	return out;
}

static const char *erase(const char *domain)
{
	static char out[800];
	CLEANUP_SECRETS struct arena a = ARENA_INIT;
	struct credential_files f = files();
	struct err e = { 0 };
	const char *left;
	bool was;

	if (credential_erase(&a, &f, domain, &was, &left, &e) < 0)
		(void)snprintf(out, sizeof(out), "!%s", e.msg);
	else
		(void)snprintf(out, sizeof(out), "%s %s", was ? "yes" : "no", left ? left : "-");
	return out;
}

static void assert_file(const char *path, const char *text)
{
	CLEANUP_FREE char *now = text_of(path);

	assert_string_equal(now, text);
}

static void login_and_logout(void **state)
{
	struct credential token = alice;
	struct stat st;

	(void)state;
	(void)snprintf(docker, sizeof(docker), "%s/new/er/config.json", box);
	assert_string_equal(erase("host"), "no -");
	assert_string_equal(store("host", &alice), docker);
	assert_int_equal(stat(docker, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	assert_file(docker, "{\n\t\"auths\": {\n\t\t\"host\": {\n\t\t\t\"auth\": \"YWxpY2U6d29uZGVyOmxhbmQ=\"\n\t\t}\n\t}\n}\n");
	assert_string_equal(ask("host", "x"), "alice/wonder:land//");
	token.password = "";
	token.identity_token = "idt";
	assert_string_equal(store("docker.io", &token), docker);
	assert_string_equal(ask("docker.io", "x"), "alice//idt/");
	assert_string_equal(ask("host", "x"), "alice/wonder:land//");
	assert_string_equal(erase("host"), "yes -");
	assert_string_equal(erase("host"), "no -");
	assert_string_equal(ask("host", "x"), "///");
	assert_string_equal(ask("docker.io", "x"), "alice//idt/");
	token.username = "a:b";
	assert_non_null(strstr(store("host", &token), "!a user name with ':'"));
}

static void keeps_the_rest(void **state)
{
	struct stat st;

	(void)state;
	put(docker, "{\"HttpHeaders\":{\"A\":\"b\"},\"auths\":{\"https://host/v1/\":{\"auth\":\"eDp5\"},\"host/ns\":{\"auth\":\"eDp5\",\"new\":1.50},"
		    "\"host\":{\"email\":\"e@x\",\"auth\":\"eDp5\"}},\"psFormat\":\"t\\u0001\"}",
	    0644);
	assert_string_equal(store("host", &alice), docker);
	assert_file(docker, "{\n\t\"HttpHeaders\": {\n\t\t\"A\": \"b\"\n\t},\n\t\"auths\": {\n\t\t\"host/ns\": {\n\t\t\t\"auth\": \"eDp5\",\n\t\t\t\"new\": 1.50\n\t\t},\n"
			    "\t\t\"host\": {\n\t\t\t\"auth\": \"YWxpY2U6d29uZGVyOmxhbmQ=\",\n\t\t\t\"email\": \"e@x\"\n\t\t}\n\t},\n\t\"psFormat\": \"t\\u0001\"\n}\n");
	assert_int_equal(stat(docker, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	put(other, "{\"auths\":{\"host\":{\"auth\":\"eDp5\"}}}", 0600);
	(void)snprintf(work, sizeof(work), "yes %s", other);
	assert_string_equal(erase("host"), work);
}

static void never_over_damage(void **state)
{
	char link[100], target[100], said[1000];

	(void)state;
	put(docker, "{\"auths\":", 0600);
	(void)snprintf(said, sizeof(said), "!%s is damaged: ", docker);
	assert_int_equal(strncmp(store("host", &alice), said, strlen(said)), 0);
	assert_int_equal(strncmp(erase("host"), said, strlen(said)), 0);
	assert_file(docker, "{\"auths\":");
	put(docker, "{\"auths\":[]}", 0600);
	assert_int_equal(*store("host", &alice), '!');
	assert_file(docker, "{\"auths\":[]}");
	assert_int_equal(unlink(docker), 0);
	assert_int_equal(mkdir(docker, 0700), 0);
	assert_non_null(strstr(store("host", &alice), "is no regular file"));
	assert_int_equal(rmdir(docker), 0);
	/* a link of one's own is followed and stays a link */
	(void)snprintf(target, sizeof(target), "%s/bin/real.json", box);
	(void)snprintf(link, sizeof(link), "bin/real.json");
	assert_int_equal(symlink(link, docker), 0);
	assert_non_null(strstr(store("host", &alice), "is a link, and what it leads to"));
	put(target, "{}", 0600);
	assert_string_equal(store("host", &alice), target);
	assert_int_equal(readlink(docker, said, sizeof(said)), 13);
	assert_string_equal(ask("host", "x"), "alice/wonder:land//");
}

/* Root, with the files of a user. */
static void of_others(void **state)
{
	char target[100];
	struct stat st;

	(void)state;
	if (geteuid() != 0)
		skip();
	put(docker, "{}", 0600);
	assert_int_equal(chown(docker, 1234, 1235), 0);
	assert_string_equal(store("host", &alice), docker);
	assert_int_equal(stat(docker, &st), 0);
	assert_int_equal(st.st_uid, 1234);
	assert_int_equal(st.st_gid, 1235);
	(void)snprintf(target, sizeof(target), "%s/bin/roots.json", box);
	put(target, "{}", 0644);
	assert_int_equal(unlink(docker), 0);
	assert_int_equal(symlink(target, docker), 0);
	assert_int_equal(lchown(docker, 1234, 1235), 0);
	assert_non_null(strstr(store("host", &alice), "is a link that user 1234 made"));
	assert_file(target, "{}");
	/* nor a folder that leads elsewhere */
	assert_int_equal(unlink(docker), 0);
	(void)snprintf(target, sizeof(target), "%s/out", box);
	assert_int_equal(symlink("bin", target), 0);
	assert_int_equal(lchown(target, 1234, 1235), 0);
	(void)snprintf(docker, sizeof(docker), "%s/out/config.json", box);
	assert_non_null(strstr(store("host", &alice), "/out is a link that user 1234 made"));
	(void)snprintf(target, sizeof(target), "%s/bin/config.json", box);
	assert_int_equal(access(target, F_OK), -1);
	(void)snprintf(target, sizeof(target), "%s/out", box);
	assert_int_equal(lchown(target, 0, 0), 0);
	assert_string_equal(store("host", &alice), docker);
}

/* ---- helpers ---- */

static void helper(const char *name, const char *script)
{
	char path[160], text[1200];

	(void)snprintf(path, sizeof(path), "%s/bin/docker-credential-%s", box, name);
	(void)snprintf(text, sizeof(text), "#!/bin/sh\ncd %s/bin\n%s\n", box, script);
	put(path, text, 0755);
}

static int begin_helpers(void **state)
{
	char path[300];

	begin(state);
	(void)snprintf(path, sizeof(path), "%s:/usr/bin:/bin", work);
	assert_int_equal(setenv("PATH", path, 1), 0);
	/* keeps one JSON object */
	helper("good", "case $1 in\n"
		       "store) cat >kept ;;\n"
		       "get) read -r s || :; grep -q \"\\\"$s\\\"\" kept 2>/dev/null && cat kept || { echo 'credentials not found in native keychain'; exit 1; } ;;\n"
		       "erase) [ -e kept ] || { echo 'credentials not found in native keychain'; exit 1; }; rm kept ;;\n"
		       "esac");
	return 0;
}

static void helpers_keep(void **state)
{
	struct credential token = alice;

	(void)state;
	put(docker, "{\"credsStore\":\"good\",\"credHelpers\":{\"plain\":\"\"}}", 0600);
	assert_string_equal(ask("docker.io", "x"), "///");
	assert_string_equal(store("docker.io", &alice), "docker-credential-good");
	assert_string_equal(ask("docker.io", "x"), "alice/wonder:land//");
	assert_file(docker, "{\n\t\"credsStore\": \"good\",\n\t\"credHelpers\": {\n\t\t\"plain\": \"\"\n\t},\n\t\"auths\": {\n\t\t\"https://index.docker.io/v1/\": {}\n\t}\n}\n");
	(void)snprintf(work, sizeof(work), "%s/bin/kept", box);
	assert_file(work, "{\"ServerURL\":\"https://index.docker.io/v1/\",\"Username\":\"alice\",\"Secret\":\"wonder:land\"}");
	assert_string_equal(erase("docker.io"), "yes -");
	assert_string_equal(erase("docker.io"), "no -");
	token.identity_token = "idt";
	assert_string_equal(store("host", &token), "docker-credential-good");
	assert_file(work, "{\"ServerURL\":\"host\",\"Username\":\"<token>\",\"Secret\":\"idt\"}");
	assert_string_equal(ask("host", "x"), "//idt/");
	assert_string_equal(store("plain", &alice), docker);
	assert_string_equal(ask("plain", "x"), "alice/wonder:land//");
	/* what a helper is responsible for is not looked for in auths */
	put(docker, "{\"credHelpers\":{\"only\":\"good\"},\"auths\":{\"only\":{\"auth\":\"eDp5\"},\"host\":{\"auth\":\"eDp5\"}}}", 0600);
	assert_string_equal(ask("only", "x"), "///");
	assert_string_equal(ask("host", "x"), "x/y//");
}

static void helpers_fail(void **state)
{
	static const char *const rows[][2] = {
		{ "echo 'the keychain is\tlocked'; echo more; exit 1", "docker-credential-bad get ended with exit code 1: the keychain is" },
		{ "echo 'no such display' >&2; exit 3", "exit code 3: no such display" },
		{ "exit 2", "exit code 2" },
		{ "echo hello", "what docker-credential-bad get printed: " },
		{ "echo []", "it is no object" },
		{ "echo '{\"Username\":3}'", "Username" },
		{ "kill -9 $$", "exit code 137" },
		{ "yes", "printed more than 65535 bytes" },
		{ "exec sleep 30", "took more than 1 s and was killed" },
	};
	CLEANUP_SECRETS struct arena a = ARENA_INIT;
	struct credential_files f = files();

	(void)state;
	f.helper_seconds = 1;
	put(docker, "{\"credsStore\":\"bad\"}", 0600);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct credential c;
		struct err e = { 0 };

		helper("bad", rows[i][0]);
		if (credential_get(&a, &f, "host", "x", &c, &e) == 0)
			fail_msg("accepted: %s", rows[i][0]);
		if (!strstr(e.msg, rows[i][1]) || !strstr(e.msg, "credentials for host in "))
			fail_msg("%s: %s", rows[i][0], e.msg);
	}
	/* chatter on stderr without an end, and an answer from one that leaves somebody behind with its pipes */
	helper("bad", "yes >&2 & p=$!; sleep 0.2; kill $p; sleep 5 & echo '{\"Username\":\"u\",\"Secret\":\"s\"}'");
	assert_string_equal(ask("host", "x"), "u/s//");
	/* a failed store changes nothing */
	helper("bad", "exit 1");
	assert_int_equal(*store("host", &alice), '!');
	assert_file(docker, "{\"credsStore\":\"bad\"}");
}

static void places(void **state)
{
	CLEANUP_ARENA struct arena a = ARENA_INIT;
	struct credential_files f;
	struct err e = { 0 };

	(void)state;
	unsetenv("DOCKER_CONFIG");
	unsetenv("REGISTRY_AUTH_FILE");
	unsetenv("XDG_RUNTIME_DIR");
	setenv("HOME", "/home/x", 1);
	assert_int_equal(credential_files_find(&a, 1234, &f, &e), 0);
	assert_string_equal(f.docker, "/home/x/.docker/config.json");
	assert_string_equal(f.others[0], "/run/containers/1234/auth.json");
	assert_null(f.others[1]);
	setenv("DOCKER_CONFIG", "/etc/d", 1);
	setenv("REGISTRY_AUTH_FILE", "/a.json", 1);
	setenv("XDG_RUNTIME_DIR", "/run/u", 1);
	assert_int_equal(credential_files_find(&a, 1234, &f, &e), 0);
	assert_string_equal(f.docker, "/etc/d/config.json");
	assert_string_equal(f.others[0], "/a.json");
	assert_string_equal(f.others[1], "/run/u/containers/auth.json");
	unsetenv("DOCKER_CONFIG");
	setenv("HOME", "", 1);
	assert_int_equal(credential_files_find(&a, 1234, &f, &e), 0);
	assert_null(f.docker);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(keys, begin, end),
		cmocka_unit_test_setup_teardown(other_files, begin, end),
		cmocka_unit_test_setup_teardown(damaged, begin, end),
		cmocka_unit_test_setup_teardown(login_and_logout, begin, end),
		cmocka_unit_test_setup_teardown(keeps_the_rest, begin, end),
		cmocka_unit_test_setup_teardown(never_over_damage, begin, end),
		cmocka_unit_test_setup_teardown(of_others, begin, end),
		cmocka_unit_test_setup_teardown(helpers_keep, begin_helpers, end),
		cmocka_unit_test_setup_teardown(helpers_fail, begin_helpers, end),
		cmocka_unit_test(places),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

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
#include <unistd.h>

#include "base/clock.h"
#include "base/io.h"
#include "net/cni_own.h"
#include "sys/spawn.h"

static int parse(struct arena *a, const char *text, bool single, struct cni_list *out, struct err *e)
{
	*e = (struct err){ 0 };
	return cni_list_parse(a, text, strlen(text), single, out, e);
}

static void versions(void **state)
{
	(void)state;
	assert_true(cni_version_ok("0.3.1"));
	assert_true(cni_version_ok("1"));
	assert_true(cni_version_ok("1.0"));
	assert_false(cni_version_ok(""));
	assert_false(cni_version_ok("1."));
	assert_false(cni_version_ok("1.0.0.0"));
	assert_false(cni_version_ok("1.0.0-rc"));
	assert_false(cni_version_ok("1.0.99999999999"));
	assert_true(cni_version_compare("0.4.0", "0.3.1") > 0);
	assert_true(cni_version_compare("0.10.0", "0.9.0") > 0);
	assert_int_equal(cni_version_compare("1.0", "1.0.0"), 0);
	assert_true(cni_version_compare("1.0.0", "1.1.0") < 0);
	assert_true(cni_version_compare("x", "0.1.0") < 0);
	assert_true(cni_name_ok("a.b-c_1"));
	assert_false(cni_name_ok(""));
	assert_false(cni_name_ok(".."));
	assert_false(cni_name_ok("-x"));
	assert_false(cni_name_ok("a/b"));
}

static void lists(void **state)
{
	CLEANUP_ARENA struct arena a = ARENA_INIT;
	struct cni_list l;
	struct err e;

	(void)state;
	assert_int_equal(parse(&a,
			       "{\"cniVersion\":\"0.4.0\",\"cniVersions\":[\"1.1.0\",\"0.3.1\",\"9.0.0\",\"0.4.0\"],\"name\":\"n\",\"disableCheck\":\"TRUE\","
			       "\"disableGC\":true,\"plugins\":[{\"type\":\"x\",\"capabilities\":{\"mac\":true,\"ips\":false}},{\"type\":\"y\"}]}",
			       false, &l, &e), 0);
	assert_string_equal(l.name, "n");
	assert_int_equal(l.n_versions, 3);
	assert_string_equal(l.versions[0], "1.1.0");
	assert_string_equal(l.versions[2], "0.3.1");
	assert_true(l.disable_check && l.disable_gc && !l.inlined_only);
	assert_int_equal(l.n_plugins, 2);
	assert_string_equal(l.plugins[1].type, "y");
	assert_true(cni_list_can(&l, "mac"));
	assert_false(cni_list_can(&l, "ips"));
	assert_false(cni_list_can(&l, "dns"));
	assert_int_equal(parse(&a, "{\"name\":\"one\",\"type\":\"x\",\"own\":1}", true, &l, &e), 0);
	assert_int_equal(l.n_plugins, 1);
	assert_int_equal(l.n_versions, 0);
	assert_string_equal(l.text, "{\"name\":\"one\",\"plugins\":[{\"name\":\"one\",\"type\":\"x\",\"own\":1}]}");
	assert_int_equal(parse(&a, "{\"name\":\"none\"}", false, &l, &e), 0);
	assert_int_equal(l.n_plugins, 0);
}

static void wrong_lists(void **state)
{
	static const struct {
		const char *text, *says;
	} bad[] = {
		{ "[]", "no object" },
		{ "{", "line 1" },
		{ "{\"name\":\"a/b\",\"plugins\":[{\"type\":\"x\"}]}", "a/b" },
		{ "{\"plugins\":[{\"type\":\"x\"}]}", "name" },
		{ "{\"name\":1,\"plugins\":[{\"type\":\"x\"}]}", "name" },
		{ "{\"name\":\"n\",\"plugins\":[]}", "no plugins" },
		{ "{\"name\":\"n\",\"plugins\":{}}", "plugins" },
		{ "{\"name\":\"n\",\"plugins\":[1]}", "no object" },
		{ "{\"name\":\"n\",\"plugins\":[{}]}", "no type" },
		{ "{\"name\":\"n\",\"plugins\":[{\"type\":\"../x\"}]}", "../x" },
		{ "{\"name\":\"n\",\"plugins\":[{\"type\":\"a/x\"}]}", "a/x" },
		{ "{\"name\":\"n\",\"plugins\":[{\"type\":\"x\",\"capabilities\":[]}]}", "capabilities" },
		{ "{\"name\":\"n\",\"loadOnlyInlinedPlugins\":true}", "loadOnlyInlinedPlugins" },
		{ "{\"name\":\"n\",\"disableCheck\":\"maybe\"}", "disableCheck" },
		{ "{\"name\":\"n\",\"cniVersion\":\"new\",\"plugins\":[{\"type\":\"x\"}]}", "new" },
		{ "{\"name\":\"n\",\"cniVersion\":\"1.2.0\",\"plugins\":[{\"type\":\"x\"}]}", "newer" },
	};
	CLEANUP_ARENA struct arena a = ARENA_INIT;
	CLEANUP_STRBUF struct strbuf many = STRBUF_INIT;
	struct cni_list l;
	struct err e;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		assert_true(parse(&a, bad[i].text, false, &l, &e) < 0);
		if (!strstr(e.msg, bad[i].says))
			fail_msg("%s: %s", bad[i].text, e.msg);
	}
	sb_puts(&many, "{\"name\":\"n\",\"plugins\":[{\"type\":\"x\"}");
	for (unsigned int i = 0; i < CNI_PLUGINS; i++)
		sb_puts(&many, ",{\"type\":\"x\"}");
	sb_puts(&many, "]}");
	assert_true(parse(&a, sb_str(&many), false, &l, &e) < 0);
	assert_int_equal(e.cls, ERR_LIMIT);
}

static void extending(void **state)
{
	CLEANUP_ARENA struct arena a = ARENA_INIT;
	const struct json *more;
	struct cni_list l;
	struct err e;

	(void)state;
	assert_int_equal(json_parse(&a, "{\"type\":\"z\"}", 12, NULL, &more, &e), 0);
	assert_int_equal(parse(&a, "{\"name\":\"n\",\"cniVersion\":\"1.0.0\",\"plugins\":[{\"type\":\"x\"}]}", false, &l, &e), 0);
	assert_int_equal(cni_list_extend(&a, &l, &more, 1, &e), 0);
	assert_int_equal(l.n_plugins, 2);
	assert_string_equal(l.plugins[1].type, "z");
	assert_string_equal(l.versions[0], "1.0.0");
}

static void requests(void **state)
{
	CLEANUP_ARENA struct arena a = ARENA_INIT;
	CLEANUP_STRBUF struct strbuf out = STRBUF_INIT;
	static const char caps[] = "{\"mac\":\"02:00:00:00:00:01\",\"dns\":{}}";
	struct cni_attachment at = { .version = "1.0.0" };
	const struct json *prev;
	struct cni_list l;
	struct err e;

	(void)state;
	assert_int_equal(parse(&a, "{\"name\":\"n\",\"plugins\":[{\"type\":\"x\",\"name\":\"other\",\"cniVersion\":\"0.1.0\",\"runtimeConfig\":{},"
				   "\"prevResult\":{},\"cni.dev/a\":1,\"capabilities\":{\"mac\":true},\"big\":12345678901234567890,\"args\":{\"k\":[]}}]}",
			       false, &l, &e), 0);
	at.list = &l;
	assert_int_equal(json_parse(&a, caps, sizeof(caps) - 1, NULL, &at.capabilities, &e), 0);
	assert_int_equal(json_parse(&a, "{\"ips\":[]}", 10, NULL, &prev, &e), 0);
	cni_request(&at, &l.plugins[0], prev, &out);
	assert_string_equal(sb_str(&out), "{\"cniVersion\":\"1.0.0\",\"name\":\"n\",\"type\":\"x\",\"big\":12345678901234567890,\"args\":{\"k\":[]},"
					  "\"runtimeConfig\":{\"mac\":\"02:00:00:00:00:01\"},\"prevResult\":{\"ips\":[]}}");
}

static int result(struct arena *a, const char *text, struct cni_result *out, struct err *e)
{
	const struct json *doc;

	*e = (struct err){ 0 };
	assert_int_equal(json_parse(a, text, strlen(text), NULL, &doc, e), 0);
	return cni_result_parse(a, doc, "eth0", out, e);
}

static void results(void **state)
{
	static const char *const wrong[] = {
		"[]", "{\"ips\":{}}", "{\"ips\":[1]}", "{\"ips\":[{}]}", "{\"ips\":[{\"address\":\"10.0.0.1\"}]}", "{\"ips\":[{\"address\":\"10.0.0.1/24\",\"gateway\":\"x\"}]}",
		"{\"ip4\":{\"ip\":\"10.0.0/8\"}}", "{\"dns\":[]}", "{\"dns\":{\"nameservers\":[\"a b\"]}}", "{\"dns\":{\"nameservers\":[\"name.test\"]}}",
		"{\"dns\":{\"search\":[\"a\\nnameserver 1.2.3.4\"]}}", "{\"dns\":{\"domain\":\"a b\"}}", "{\"interfaces\":[{\"name\":1}]}", "{\"interfaces\":1}",
	};
	CLEANUP_ARENA struct arena a = ARENA_INIT;
	struct cni_result r;
	char text[IP_TEXT_LEN];
	struct err e;

	(void)state;
	assert_int_equal(result(&a, "{\"interfaces\":[{\"name\":\"br\",\"mac\":\"1\"},{\"name\":\"eth0\",\"mac\":\"2\",\"sandbox\":\"/x\"},{\"name\":\"eth0\",\"mac\":\"3\"}],"
				    "\"ips\":[{\"address\":\"10.0.0.1/24\",\"interface\":0},{\"address\":\"10.0.0.2/24\",\"gateway\":\"10.0.0.1\",\"interface\":1},"
				    "{\"address\":\"fd00::2/64\",\"interface\":99},{\"address\":\"fd00::3/64\"}],\"dns\":{\"domain\":\"d\"}}", &r, &e), 0);
	assert_int_equal(r.n_ips, 2);
	assert_string_equal(ip_net_text(&r.ips[0].net, text), "10.0.0.2/24");
	assert_string_equal(ip_net_text(&r.ips[1].net, text), "fd00::3/64");
	assert_string_equal(r.mac, "2");
	assert_int_equal(r.n_search, 1);
	assert_int_equal(result(&a, "{}", &r, &e), 0);
	assert_int_equal(r.n_ips, 0);
	assert_int_equal(result(&a, "{\"ip4\":{\"ip\":\"10.0.0.2/24\",\"gateway\":\"10.0.0.1\"},\"ip6\":{\"ip\":\"fd00::2/64\"}}", &r, &e), 0);
	assert_int_equal(r.n_ips, 2);
	for (size_t i = 0; i < ARRAY_LEN(wrong); i++)
		if (result(&a, wrong[i], &r, &e) == 0)
			fail_msg("%s was taken", wrong[i]);
}

static bool error_text(struct arena *a, const char *text, char *out, size_t len)
{
	const struct json *doc;
	struct err e = { 0 };

	assert_int_equal(json_parse(a, text, strlen(text), NULL, &doc, &e), 0);
	return cni_error_text(doc, out, len);
}

static void errors(void **state)
{
	CLEANUP_ARENA struct arena a = ARENA_INIT;
	char out[700];

	(void)state;
	assert_true(error_text(&a, "{\"code\":7,\"msg\":\"bad\\nthing\",\"details\":\"more\"}", out, sizeof(out)));
	assert_string_equal(out, "bad thing: more (code 7)");
	assert_true(error_text(&a, "{\"code\":7}", out, sizeof(out)));
	assert_string_equal(out, "it failed (code 7)");
	assert_true(error_text(&a, "{\"msg\":\"m\",\"code\":\"x\"}", out, sizeof(out)));
	assert_string_equal(out, "m");
	assert_false(error_text(&a, "{\"msg\":7}", out, sizeof(out)));
	assert_false(error_text(&a, "[]", out, sizeof(out)));
}

static void supported(void **state)
{
	CLEANUP_ARENA struct arena a = ARENA_INIT;
	static const char new[] = "{\"cniVersion\":\"1.0.0\",\"supportedVersions\":[\"0.4.0\",\"1.0.0\"]}", first[] = "{\"cniVersion\":\"0.2.0\"}", none[] = "{\"cniVersion\":\"1.0.0\"}";
	const struct json *doc;
	const char **v;
	struct err e;
	size_t n;

	(void)state;
	assert_int_equal(json_parse(&a, new, sizeof(new) - 1, NULL, &doc, &e), 0);
	assert_int_equal(cni_versions_parse(&a, doc, &v, &n, &e), 0);
	assert_int_equal(n, 2);
	assert_int_equal(json_parse(&a, first, sizeof(first) - 1, NULL, &doc, &e), 0);
	assert_int_equal(cni_versions_parse(&a, doc, &v, &n, &e), 0);
	assert_string_equal(v[1], "0.2.0");
	assert_int_equal(json_parse(&a, none, sizeof(none) - 1, NULL, &doc, &e), 0);
	assert_true(cni_versions_parse(&a, doc, &v, &n, &e) < 0);
}

/* A folder with a plugin that is a shell script. */
struct box {
	char dir[64];
	struct cni_host host;
};

static void box_make(struct box *b, const char *script)
{
	char path[128];
	FILE *f;

	(void)snprintf(b->dir, sizeof(b->dir), "/tmp/cni-test.XXXXXX");
	assert_non_null(mkdtemp(b->dir));
	(void)snprintf(path, sizeof(path), "%s/plug", b->dir);
	f = fopen(path, "we");
	assert_non_null(f);
	assert_true(fprintf(f, "#!/bin/sh\n%s\n", script) > 0);
	assert_int_equal(fclose(f), 0);
	assert_int_equal(chmod(path, 0755), 0);
	b->host = (struct cni_host){ .path = b->dir, .seconds = 5, .hold = -1 };
}

static void box_remove(struct box *b)
{
	assert_int_equal(io_remove_tree(AT_FDCWD, b->dir), 0);
}

static int run(const char *script, unsigned int seconds, struct arena *a, const struct json **out, struct err *e)
{
	CLEANUP_STRBUF struct strbuf request = STRBUF_INIT;
	struct box b;
	int r;

	*e = (struct err){ 0 };
	box_make(&b, script);
	b.host.seconds = seconds;
	sb_puts(&request, "{\"in\":1}");
	r = cni_run(&b.host, a, "ADD", "plug", NULL, &request, out, e);
	box_remove(&b);
	return r;
}

static void running(void **state)
{
	CLEANUP_ARENA struct arena a = ARENA_INIT;
	const struct json *out;
	struct err e;

	(void)state;
	assert_int_equal(run("cat", 5, &a, &out, &e), 0);
	assert_non_null(json_get(out, "in"));
	assert_int_equal(run("echo; exit 0", 5, &a, &out, &e), 0);
	assert_null(out);
	assert_true(run("echo '{}'; kill -9 $$", 5, &a, &out, &e) < 0);
	assert_non_null(strstr(e.msg, "exit code 137"));
	assert_true(run("printf 'a\\033b' >&2; exit 4", 5, &a, &out, &e) < 0);
	assert_non_null(strstr(e.msg, "exit code 4: a\\x1bb"));
	assert_true(run("exec sleep 100", 1, &a, &out, &e) < 0);
	assert_non_null(strstr(e.msg, "too long (1 s"));
	/* its stdout is held by another process, and its stderr without an end */
	assert_int_equal(run("sleep 5 & echo '{}'", 3, &a, &out, &e), 0);
	assert_int_equal(run("head -c 1000000 /dev/zero >&2; echo '{}'", 5, &a, &out, &e), 0);
	assert_true(run("yes", 5, &a, &out, &e) < 0);
	assert_int_equal(e.cls, ERR_LIMIT);
}

/* Who never stops talking must not keep us from looking at the clock. */
static void endless_stderr(void **state)
{
	CLEANUP_ARENA struct arena a = ARENA_INIT;
	const struct json *out;
	struct err e;

	(void)state;
	(void)alarm(20);
	assert_true(run("for i in 1 2 3; do head -c 1000000000000 /dev/zero >&2 & done; wait", 1, &a, &out, &e) < 0);
	(void)alarm(0);
	assert_non_null(strstr(e.msg, "too long (1 s"));
}

/* Its program is just being written: a moment later it can be executed. */
static void being_written(void **state)
{
	CLEANUP_ARENA struct arena a = ARENA_INIT;
	CLEANUP_STRBUF struct strbuf request = STRBUF_INIT;
	const struct json *out;
	struct err e = { 0 };
	char path[128];
	struct box b;
	pid_t pid;
	int fd;

	(void)state;
	box_make(&b, "echo '{}'");
	sb_puts(&request, "{}");
	(void)snprintf(path, sizeof(path), "%s/plug", b.dir);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	assert_true(fd >= 0);
	pid = spawn_fork(NULL);
	if (pid == 0) {
		(void)usleep(600000);
		_exit(0);
	}
	close_fd(fd);
	if (cni_run(&b.host, &a, "ADD", "plug", NULL, &request, &out, &e) < 0)
		fail_msg("%s", e.msg);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	box_remove(&b);
}

/* A process in the middle of what cannot be interrupted, as a frozen one is, does not end when it is killed: we go on. */
static void cannot_be_killed(void **state)
{
#define FREEZER "/sys/fs/cgroup/freezer/"
	CLEANUP_ARENA struct arena a = ARENA_INIT;
	const struct json *out;
	struct err e;

	(void)state;
	if (access(FREEZER "cgroup.procs", W_OK) < 0)
		skip();
	(void)alarm(30);
	assert_true(run("d=" FREEZER "cni-test; mkdir $d; echo $$ >$d/cgroup.procs; echo FROZEN >$d/freezer.state; sleep 100", 1, &a, &out, &e) < 0);
	(void)alarm(0);
	assert_non_null(strstr(e.msg, "took too long"));
	assert_int_equal(io_write_value(AT_FDCWD, FREEZER "cni-test/freezer.state", "THAWED"), 0);
	assert_true(waitpid(-1, NULL, 0) > 0);
	for (int i = 0; rmdir(FREEZER "cni-test") < 0 && i < 100; i++)
		(void)usleep(20000);
	assert_true(access(FREEZER "cni-test", F_OK) < 0);
}

/* To a network of these plugins. */
static void attach(struct arena *a, struct cni_list *l, struct cni_attachment *at, const char *version, const char *plugins)
{
	CLEANUP_STRBUF struct strbuf text = STRBUF_INIT;
	struct err e = { 0 };

	sb_printf(&text, "{\"cniVersion\":\"%s\",\"name\":\"n\",\"plugins\":[%s]}", version, plugins);
	assert_int_equal(parse(a, sb_str(&text), false, l, &e), 0);
	*at = (struct cni_attachment){ .list = l, .version = version, .container = "abc", .ifname = "eth0", .netns = "", .args = "" };
}

/* Only ADD and VERSION have an answer: what a plugin prints otherwise is nobody's, as for libcni. */
static void prattle(void **state)
{
	CLEANUP_ARENA struct arena a = ARENA_INIT;
	struct cni_attachment at;
	struct cni_list l;
	struct err e = { 0 };
	struct box b;

	(void)state;
	box_make(&b, "echo all is well");
	attach(&a, &l, &at, "1.1.0", "{\"type\":\"plug\"}");
	assert_int_equal(json_parse(&a, "{}", 2, NULL, &at.result, &e), 0);
	assert_int_equal(cni_del(&b.host, &at, &e), 0);
	assert_int_equal(cni_check(&b.host, &at, &e), 0);
	assert_int_equal(cni_status(&b.host, &l, "1.1.0", &e), 0);
	assert_int_equal(cni_gc(&b.host, &l, "1.1.0", NULL, 0, &e), 0);
	box_remove(&b);
}

/* Where all have a time together, one that hangs leaves some of it for the others. */
static void del_shares_its_time(void **state)
{
	CLEANUP_ARENA struct arena a = ARENA_INIT;
	struct cni_attachment at;
	struct cni_list l;
	struct err e = { 0 };
	char path[128];
	struct box b;

	(void)state;
	box_make(&b, "case $(cat) in *hang*) exec sleep 100;; esac; sleep 0.1; : >${0%/*}/done");
	attach(&a, &l, &at, "1.0.0", "{\"type\":\"plug\"},{\"type\":\"plug\",\"do\":\"hang\"}");
	b.host.seconds = 30;
	b.host.until = clock_ms() + 2000;
	assert_true(cni_del(&b.host, &at, &e) < 0);
	assert_non_null(strstr(e.msg, "too long"));
	(void)snprintf(path, sizeof(path), "%s/done", b.dir);
	assert_int_equal(access(path, F_OK), 0);
	assert_true(clock_ms() <= b.host.until + 500);
	box_remove(&b);
}

/* A result that says a version which nobody here knows would be told to DEL, which no plugin could read then. */
static void result_versions(void **state)
{
	static const struct {
		const char *version;
		bool taken;
	} rows[] = { { "\"1.0.0\"", true }, { "\"0.2.0\"", true }, { "\"\"", true }, { "null", true }, { "\"9.0.0\"", false }, { "\"new\"", false }, { "1", false } };
	CLEANUP_ARENA struct arena a = ARENA_INIT;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		const struct json *out = NULL;
		struct cni_attachment at;
		struct err e = { 0 };
		struct cni_list l;
		char script[100];
		struct box b;

		(void)snprintf(script, sizeof(script), "echo '{\"cniVersion\":%s}'", rows[i].version);
		box_make(&b, script);
		attach(&a, &l, &at, "1.0.0", "{\"type\":\"plug\"}");
		if ((cni_add(&b.host, &a, &at, &out, &e) == 0) != rows[i].taken)
			fail_msg("%s: %s", rows[i].version, e.msg);
		if (!rows[i].taken)
			assert_non_null(strstr(e.msg, "cniVersion"));
		box_remove(&b);
	}
}

static void cache(void **state)
{
	CLEANUP_ARENA struct arena a = ARENA_INIT;
	struct cni_attachment at = { .version = "1.0.0", .container = "abc", .ifname = "eth0", .netns = "", .args = "A=1;B;C=x=y" };
	struct cni_valid *v;
	struct cni_list l;
	char dir[] = "/tmp/cni-test.XXXXXX";
	CLEANUP_FREE char *text = NULL;
	struct err e = { 0 };
	char path[128];
	size_t n;

	(void)state;
	assert_non_null(mkdtemp(dir));
	assert_int_equal(parse(&a, "{\"name\":\"n\",\"plugins\":[{\"type\":\"x\"}]}", false, &l, &e), 0);
	at.list = &l;
	assert_int_equal(json_parse(&a, "{\"ips\":[]}", 10, NULL, &at.result, &e), 0);
	assert_int_equal(cni_cache_list(dir, &a, "n", &v, &n, &e), 0);
	assert_int_equal(n, 0);
	assert_int_equal(cni_cache_write(dir, &at, &e), 0);
	(void)snprintf(path, sizeof(path), "%s/results/n-abc-eth0", dir);
	assert_int_equal(io_read_file(AT_FDCWD, path, 10000, &text, NULL), 0);
	assert_string_equal(text, "{\"kind\":\"cniCacheV1\",\"containerId\":\"abc\",\"config\":\"eyJuYW1lIjoibiIsInBsdWdpbnMiOlt7InR5cGUiOiJ4In1dfQ==\","
				  "\"ifName\":\"eth0\",\"networkName\":\"n\",\"cniArgs\":[[\"A\",\"1\"],[\"B\",\"\"],[\"C\",\"x=y\"]],\"result\":{\"ips\":[]}}");
	/* others' files, and what is none */
	(void)snprintf(path, sizeof(path), "%s/results/n-garbage", dir);
	close_fd(open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
	assert_int_equal(cni_cache_list(dir, &a, "n", &v, &n, &e), 0);
	assert_int_equal(n, 1);
	assert_string_equal(v[0].container, "abc");
	assert_int_equal(cni_cache_list(dir, &a, "n-abc", &v, &n, &e), 0);
	assert_int_equal(n, 0);
	cni_cache_remove(dir, &at);
	assert_int_equal(cni_cache_list(dir, &a, "n", &v, &n, &e), 0);
	assert_int_equal(n, 0);
	assert_int_equal(io_remove_tree(AT_FDCWD, dir), 0);
}

#define IPAM "\"ipam\":{\"type\":\"host-local\",\"subnet\":\"10.1.0.0/24\"}"
#define BRIDGE(MORE) "{\"type\":\"bridge\",\"isDefaultGateway\":true,\"ipMasq\":true" MORE "}"
#define LIST(PLUGINS) "{\"cniVersion\":\"1.0.0\",\"name\":\"n\",\"plugins\":[" PLUGINS "]}"

static void own(void **state)
{
	static const char *const ours[] = {
		LIST(BRIDGE("," IPAM)),
		LIST(BRIDGE(",\"vlan\":0,\"promiscMode\":false,\"capabilities\":{\"ips\":true}," IPAM)),
		LIST(BRIDGE("," IPAM) ",{\"type\":\"portmap\",\"snat\":true},{\"type\":\"firewall\",\"backend\":\"iptables\"},{\"type\":\"tuning\"},{\"type\":\"loopback\"}"),
		LIST("{\"type\":\"bridge\",\"isGateway\":true,\"ipMasq\":true,\"ipam\":{\"type\":\"host-local\",\"ranges\":[[{\"subnet\":\"10.1.0.0/24\"}]],\"routes\":[{\"dst\":\"0.0.0.0/0\"}]}}"),
	};
	static const char *const theirs[] = {
		LIST("{\"type\":\"bridge\",\"isDefaultGateway\":true," IPAM "}"),                     /* no ipMasq */
		LIST("{\"type\":\"bridge\",\"ipMasq\":true," IPAM "}"),                               /* no gateway */
		LIST("{\"type\":\"bridge\",\"isGateway\":true,\"ipMasq\":true," IPAM "}"),          /* no way out */
		LIST(BRIDGE(",\"ipMasq2\":true," IPAM)), LIST(BRIDGE(",\"vlan\":7," IPAM)), LIST(BRIDGE(",\"promiscMode\":true," IPAM)),
		LIST(BRIDGE(",\"bridge\":\"a/b\"," IPAM)), LIST(BRIDGE(",\"bridge\":\"a-name-that-is-too-long\"," IPAM)), LIST(BRIDGE(",\"mtu\":\"x\"," IPAM)),
		LIST(BRIDGE(",\"dns\":{\"nameservers\":[\"1.1.1.1\"]}," IPAM)), LIST(BRIDGE("")),
		LIST(BRIDGE(",\"ipam\":{\"type\":\"static\",\"subnet\":\"10.1.0.0/24\"}")), LIST(BRIDGE(",\"ipam\":{\"type\":\"host-local\"}")),
		LIST(BRIDGE(",\"ipam\":{\"type\":\"host-local\",\"subnet\":\"fd00::/64\"}")), LIST(BRIDGE(",\"ipam\":{\"type\":\"host-local\",\"subnet\":\"10.1.0.0/31\"}")),
		LIST(BRIDGE(",\"ipam\":{\"type\":\"host-local\",\"subnet\":\"10.1.0.0/24\",\"rangeStart\":\"10.1.0.9\"}")),
		LIST(BRIDGE(",\"ipam\":{\"type\":\"host-local\",\"subnet\":\"10.1.0.0/24\",\"gateway\":\"10.2.0.1\"}")),
		LIST(BRIDGE(",\"ipam\":{\"type\":\"host-local\",\"subnet\":\"10.1.0.0/24\",\"dataDir\":\"x\"}")),
		LIST(BRIDGE(",\"ipam\":{\"type\":\"host-local\",\"subnet\":\"10.1.0.0/24\",\"routes\":[{\"dst\":\"0.0.0.0/0\",\"gw\":\"10.1.0.7\"}]}")),
		LIST(BRIDGE(",\"ipam\":{\"type\":\"host-local\",\"subnet\":\"10.1.0.0/24\",\"routes\":[{\"dst\":\"10.9.0.0/16\"}]}")),
		LIST(BRIDGE(",\"ipam\":{\"type\":\"host-local\",\"ranges\":[[{\"subnet\":\"10.1.0.0/24\"}],[{\"subnet\":\"fd00::/64\"}]]}")),
		LIST("{\"type\":\"portmap\"}"), LIST("{\"type\":\"portmap\"}," BRIDGE("," IPAM)), LIST(BRIDGE("," IPAM) "," BRIDGE("," IPAM)),
		LIST(BRIDGE("," IPAM) ",{\"type\":\"portmap\",\"snat\":false}"), LIST(BRIDGE("," IPAM) ",{\"type\":\"tuning\",\"mtu\":9000}"),
		LIST(BRIDGE("," IPAM) ",{\"type\":\"firewall\",\"ingressPolicy\":\"isolated\"}"), LIST(BRIDGE("," IPAM) ",{\"type\":\"bandwidth\"}"),
		LIST(BRIDGE("," IPAM) ",{\"type\":\"ipam\"}"),
	};
	CLEANUP_ARENA struct arena a = ARENA_INIT;
	struct cni_list l;
	struct cni_own o;
	char text[IP_TEXT_LEN];
	struct err e;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(ours); i++) {
		assert_int_equal(parse(&a, ours[i], false, &l, &e), 0);
		if (!cni_own_read(&l, &o))
			fail_msg("not ours: %s", ours[i]);
		assert_string_equal(ip_net_text(&o.subnet, text), "10.1.0.0/24");
		assert_string_equal(ip_text(&o.gateway, text), "10.1.0.1");
		assert_string_equal(o.bridge, "cni0");
		assert_string_equal(o.store, CNI_STORE);
	}
	for (size_t i = 0; i < ARRAY_LEN(theirs); i++) {
		assert_int_equal(parse(&a, theirs[i], false, &l, &e), 0);
		if (cni_own_read(&l, &o))
			fail_msg("ours: %s", theirs[i]);
	}
}

static void store(void **state)
{
	char dir[] = "/tmp/cni-test.XXXXXX", path[128];
	CLEANUP_FREE char *text = NULL;
	struct err e = { 0 };
	struct ip ip;

	(void)state;
	assert_non_null(mkdtemp(dir));
	assert_int_equal(ip_parse("10.1.0.2", &ip), 0);
	assert_false(cni_store_has(dir, "n", &ip));
	cni_store_release(dir, "n", &ip, "abc");
	assert_int_equal(cni_store_hold(dir, "n", &ip, "abc", "eth0", &e), 0);
	assert_true(cni_store_has(dir, "n", &ip));
	assert_int_equal(cni_store_hold(dir, "n", &ip, "abc", "eth0", &e), 0);
	assert_true(cni_store_hold(dir, "n", &ip, "ab", "eth0", &e) < 0);
	assert_int_equal(e.cls, ERR_CONFLICT);
	assert_true(cni_store_hold(dir, "n", &ip, "abcd", "eth0", &e) < 0);
	(void)snprintf(path, sizeof(path), "%s/n/10.1.0.2", dir);
	assert_int_equal(io_read_file(AT_FDCWD, path, 100, &text, NULL), 0);
	assert_string_equal(text, "abc\r\neth0");
	cni_store_release(dir, "n", &ip, "abcd");
	assert_true(cni_store_has(dir, "n", &ip));
	cni_store_release(dir, "n", &ip, "abc");
	assert_false(cni_store_has(dir, "n", &ip));
	(void)snprintf(path, sizeof(path), "%s/n", dir);
	assert_int_equal(rmdir(path), 0); /* nothing else was left there */
	assert_int_equal(rmdir(dir), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(versions), cmocka_unit_test(lists),	 cmocka_unit_test(wrong_lists), cmocka_unit_test(extending),
		cmocka_unit_test(requests), cmocka_unit_test(results),	 cmocka_unit_test(errors),	cmocka_unit_test(supported),
		cmocka_unit_test(being_written), cmocka_unit_test(cannot_be_killed),
		cmocka_unit_test(endless_stderr), cmocka_unit_test(prattle), cmocka_unit_test(del_shares_its_time), cmocka_unit_test(result_versions),
		cmocka_unit_test(running),  cmocka_unit_test(cache),	 cmocka_unit_test(own),		cmocka_unit_test(store),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

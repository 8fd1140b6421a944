#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "image/config.h"
#include "image/digest.h"
#include "image/limits.h"
#include "image/platform.h"
#include "image/ref.h"

#define D1 "sha256:1111111111111111111111111111111111111111111111111111111111111111"
#define D2 "sha256:2222222222222222222222222222222222222222222222222222222222222222"
#define ROOTFS "\"rootfs\":{\"type\":\"layers\",\"diff_ids\":[\"" D1 "\",\"" D2 "\"]}"

static int parse(struct arena *a, const char *text, const struct image_config **c, struct err *e)
{
	return image_config_parse(a, text, strlen(text), c, e);
}

static void everything(void **state)
{
	static const char text[] =
		"{\"architecture\":\"arm\",\"os\":\"linux\",\"variant\":\"v7\",\"created\":\"2020-01-01T00:00:00Z\"," ROOTFS ","
		"\"config\":{\"Entrypoint\":[\"/e\"],\"Cmd\":[\"a\",\"b\"],\"Env\":[\"A=1\",\"B=\"],\"User\":\"u:g\","
		"\"WorkingDir\":\"/w\",\"ExposedPorts\":{\"80/tcp\":{}},\"Volumes\":{\"/v\":{}},\"Labels\":{\"k\":\"v\"},"
		"\"StopSignal\":\"SIGINT\",\"StopTimeout\":7,\"Healthcheck\":{\"Test\":[\"CMD\",\"x\"]},\"Shell\":[\"/sh\"],"
		"\"OnBuild\":null},\"history\":[{\"created_by\":\"x\",\"empty_layer\":true},{\"comment\":\"y\"}]}";
	CLEANUP_ARENA struct arena a = ARENA_INIT;
	const struct image_config *c;
	struct err e = { 0 };

	(void)state;
	assert_int_equal(parse(&a, text, &c, &e), 0);
	assert_string_equal(c->architecture, "arm");
	assert_string_equal(c->variant, "v7");
	assert_string_equal(c->entrypoint[0], "/e");
	assert_null(c->entrypoint[1]);
	assert_string_equal(c->cmd[1], "b");
	assert_string_equal(c->env[1], "B=");
	assert_string_equal(c->user, "u:g");
	assert_string_equal(c->working_dir, "/w");
	assert_string_equal(c->exposed_ports[0], "80/tcp");
	assert_string_equal(c->volumes[0], "/v");
	assert_string_equal(c->labels[0].value, "v");
	assert_string_equal(c->stop_signal, "SIGINT");
	assert_int_equal(c->stop_timeout, 7);
	assert_non_null(json_get(c->healthcheck, "Test"));
	assert_int_equal(c->n_layers, 2);
	assert_string_equal(c->diff_ids[1], D2);
	assert_int_equal(c->n_history, 2);
	assert_true(c->history[0].empty_layer);
	assert_string_equal(c->history[1].comment, "y");
}

static void the_least(void **state)
{
	CLEANUP_ARENA struct arena a = ARENA_INIT;
	const struct image_config *c;
	struct err e = { 0 };

	(void)state;
	assert_int_equal(parse(&a, "{\"architecture\":\"amd64\",\"os\":\"linux\",\"config\":null," ROOTFS "}", &c, &e), 0);
	assert_null(c->entrypoint);
	assert_null(c->cmd);
	assert_null(c->env[0]);
	assert_null(c->volumes[0]);
	assert_string_equal(c->user, "");
	assert_int_equal(c->stop_timeout, -1);
	assert_null(c->healthcheck);
}

static void refused(void **state)
{
	static const struct {
		const char *text, *message;
	} cases[] = {
		{ "[]", "no JSON object" },
		{ "{\"os\":\"linux\"," ROOTFS "}", "architecture" },
		{ "{\"architecture\":\"a\",\"os\":\"linux\"}", "rootfs is missing" },
		{ "{\"architecture\":\"a\",\"os\":\"l\",\"rootfs\":{\"type\":\"zip\",\"diff_ids\":[]}}", "rootfs.type" },
		{ "{\"architecture\":\"a\",\"os\":\"l\",\"rootfs\":{\"type\":\"layers\",\"diff_ids\":[\"md5:1\"]}}", "md5:1" },
		{ "{\"architecture\":\"a\",\"os\":\"l\"," ROOTFS ",\"config\":{\"Env\":[\"novalue\"]}}", "novalue" },
		{ "{\"architecture\":\"a\",\"os\":\"l\"," ROOTFS ",\"config\":{\"Env\":\"A=1\"}}", "Env" },
		{ "{\"architecture\":\"a\",\"os\":\"l\"," ROOTFS ",\"config\":{\"WorkingDir\":\"x\"}}", "WorkingDir" },
		{ "{\"architecture\":\"a\",\"os\":\"l\"," ROOTFS ",\"config\":{\"Volumes\":{\"x\":{}}}}", "Volumes" },
		{ "{\"architecture\":\"a\",\"os\":\"l\"," ROOTFS ",\"config\":{\"Labels\":{\"x\":1}}}", "Labels" },
		{ "{\"architecture\":\"a\",\"os\":\"l\"," ROOTFS ",\"history\":[1]}", "history" },
		{ "{\"architecture\":\"a\",\"os\":\"l\"," ROOTFS ",\"os\":\"l\"}", "twice" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		CLEANUP_ARENA struct arena a = ARENA_INIT;
		const struct image_config *c;
		struct err e = { 0 };

		assert_true(parse(&a, cases[i].text, &c, &e) < 0);
		assert_non_null(strstr(e.msg, cases[i].message));
	}
}

/* The example of the specification: ChainID(A|B) = Digest(ChainID(A) + " " + DiffID(B)). */
static void chains(void **state)
{
	char one[DIGEST_LEN + 1], two[DIGEST_LEN + 1];

	(void)state;
	digest_chain(NULL, D1, one);
	assert_string_equal(one, D1);
	digest_chain(one, D2, two);
	assert_string_equal(two, "sha256:9932074217c35353d2e03a3f5a86549f7c67bfeb0ba53e23d69f4d4c8f7958f5");
	assert_true(digest_valid(two));
	assert_false(digest_valid("sha256:11"));
	assert_false(digest_valid("sha512:1111111111111111111111111111111111111111111111111111111111111111"));
	assert_false(digest_valid("sha256:111111111111111111111111111111111111111111111111111111111111111A"));
}

static void references(void **state)
{
	static const struct {
		const char *text, *canonical, *familiar; /* canonical NULL: refused */
	} cases[] = {
		{ "busybox", "docker.io/library/busybox:latest", "busybox:latest" },
		{ "busybox:1.36", "docker.io/library/busybox:1.36", "busybox:1.36" },
		{ "docker.io/busybox", "docker.io/library/busybox:latest", "busybox:latest" },
		{ "index.docker.io/a/b", "docker.io/a/b:latest", "a/b:latest" },
		{ "a/b:c", "docker.io/a/b:c", "a/b:c" },
		{ "localhost/x", "localhost/x:latest", "localhost/x:latest" },
		{ "host:5000/x/y:z", "host:5000/x/y:z", "host:5000/x/y:z" },
		{ "[::1]:5000/x", "[::1]:5000/x:latest", "[::1]:5000/x:latest" },
		{ "x@" D1, "docker.io/library/x@" D1, "x@" D1 },
		{ "x:t@" D1, "docker.io/library/x:t@" D1, "x:t@" D1 },
		{ "docker.io/a.b/c", "docker.io/a.b/c:latest", "docker.io/a.b/c:latest" },
		{ "docker.io/localhost/c:1", "docker.io/localhost/c:1", "docker.io/localhost/c:1" },
		{ "a__b/c-d.e--f", "docker.io/a__b/c-d.e--f:latest", "a__b/c-d.e--f:latest" },
		{ "", NULL, NULL }, { "UPPER", NULL, NULL }, { "a..b", NULL, NULL }, { "a___b", NULL, NULL },
		{ "-a", NULL, NULL }, { "a/", NULL, NULL }, { "/a", NULL, NULL }, { "a//b", NULL, NULL },
		{ "a:", NULL, NULL }, { "a:-t", NULL, NULL }, { "a@sha256:1", NULL, NULL }, { "a b", NULL, NULL },
		{ "../a", NULL, NULL }, { "host:port/x", NULL, NULL }, { "a:b:c", NULL, NULL }, { "[::1/x", NULL, NULL },
		{ "a:\n\x1b[31m", NULL, NULL },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		CLEANUP_ARENA struct arena a = ARENA_INIT;
		struct image_ref ref;
		struct err e = { 0 };
		int r = image_ref_parse(&a, cases[i].text, &ref, &e);

		if (!cases[i].canonical) {
			if (r == 0)
				fail_msg("'%s' was taken as %s", cases[i].text, image_ref_canonical(&a, &ref));
			assert_null(strpbrk(e.msg, "\n\x1b"));
			continue;
		}
		assert_int_equal(r, 0);
		assert_string_equal(image_ref_canonical(&a, &ref), cases[i].canonical);
		assert_string_equal(image_ref_familiar(&a, &ref), cases[i].familiar);
	}
}

static int match(const char *want, const char *have)
{
	struct platform w, h;
	struct err e = { 0 };

	assert_int_equal(platform_parse(want, &w, &e), 0);
	assert_int_equal(platform_parse(have, &h, &e), 0);
	return platform_match(&w, &h);
}

static void platforms(void **state)
{
	struct platform p;
	struct err e = { 0 };

	(void)state;
	assert_true(match("linux/amd64", "x86_64") > 0);
	assert_true(match("linux/arm64", "linux/arm64/v8") > 0);
	assert_true(match("linux/arm64/v8", "linux/arm64") > 0);
	assert_true(match("linux/arm/v7", "linux/arm/v6") > 0);
	assert_true(match("linux/arm/v7", "linux/arm/v7") > match("linux/arm/v7", "linux/arm/v6"));
	assert_int_equal(match("linux/arm/v6", "linux/arm/v7"), 0);
	assert_int_equal(match("linux/amd64", "linux/amd64/v3"), 0);
	assert_true(match("linux/amd64/v3", "linux/amd64") > 0);
	assert_int_equal(match("linux/amd64", "windows/amd64"), 0);
	assert_int_equal(match("linux/amd64", "linux/arm64"), 0);
	assert_true(platform_parse("linux/", &p, &e) < 0);
	assert_true(platform_parse("a/b/c/d", &p, &e) < 0);
	assert_true(platform_parse("foo", &p, &e) < 0);
	assert_non_null(strstr(e.msg, "arm64"));
	assert_true(platform_parse("lunix/amd64", &p, &e) < 0);
	assert_non_null(strstr(e.msg, "no operating system lunix"));
	assert_true(platform_parse("linux/amd46", &p, &e) < 0);
	assert_non_null(strstr(e.msg, "no architecture amd46"));
	assert_int_equal(platform_parse("windows", &p, &e), 0);
	assert_string_equal(p.os, "windows");
	assert_int_equal(platform_parse("linux/x86_64", &p, &e), 0);
	assert_string_equal(p.arch, "amd64");
}

static void limits(void **state)
{
	struct image_limits l;
	struct err e = { 0 };

	(void)state;
	image_limits_default(&l);
	assert_int_equal(l.devices, 1024);
	assert_int_equal(image_limits_set(&l, "unpacked=2g", &e), 0);
	assert_int_equal(l.unpacked_bytes, 2LL << 30);
	assert_int_equal(image_limits_set(&l, "devices=0", &e), 0);
	assert_true(image_limits_set(&l, "ratio=0", &e) < 0);
	assert_true(image_limits_set(&l, "ratio", &e) < 0);
	assert_true(image_limits_set(&l, "ratio=x", &e) < 0);
	assert_true(image_limits_set(&l, "rat=1", &e) < 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(everything), cmocka_unit_test(the_least), cmocka_unit_test(refused),
		cmocka_unit_test(chains),     cmocka_unit_test(references), cmocka_unit_test(platforms),
		cmocka_unit_test(limits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

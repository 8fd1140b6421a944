/* What is planned for the specification's mounts, for what no test can see in a container: options that this machine's kernel
 * may not have. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "runtime/internal.h"

static struct rt_create_args args = { .id = "id", .bundle = "/b", .rootfs = { .kind = RT_ROOTFS_DIR, .path = "/b/rootfs" } };
static struct rt_ctx ctx;
static struct err err;

/* The mounts of `top`, more members of a config.json. */
static int plan(const char *top)
{
	const struct json *doc;
	char *text;
	int r;

	arena_free(&ctx.arena);
	ctx = (struct rt_ctx){ .arena = ARENA_INIT, .create = &args, .proc = -1, .sock = -1, .agent = -1 };
	err = (struct err){ 0 };
	text = arena_printf(&ctx.arena, "{\"ociVersion\":\"1.0.2\",\"root\":{\"path\":\"rootfs\"},%s}", top);
	r = json_parse(&ctx.arena, text, strlen(text), NULL, &doc, &err);
	if (r == 0)
		r = oci_spec_parse(&ctx.arena, doc, &ctx.spec, &err);
	assert_int_equal(r, 0);
	for (int i = 0; i < OCI_NS_COUNT; i++)
		ctx.own[i] = true;
	return rt_plan_mounts(&ctx, &err);
}

static int tear_down(void **state)
{
	(void)state;
	arena_free(&ctx.arena);
	return 0;
}

#define TMPFS "{\"destination\":\"/t\",\"type\":\"tmpfs\",\"options\":[\"size=1m\"]}"
#define LABEL "\"linux\":{\"mountLabel\":\"u:r:t:s0:c1,c2\"}"
#define TYPE(type) "\"annotations\":{\"run.oci.mount_context_type\":\"" type "\"}"

static void labels(void **state)
{
	static const struct {
		const char *top, *option;
	} cases[] = {
		{ LABEL, "context=u:r:t:s0:c1,c2" },
		{ LABEL "," TYPE("context"), "context=u:r:t:s0:c1,c2" },
		{ LABEL "," TYPE("fscontext"), "fscontext=u:r:t:s0:c1,c2" },
		{ LABEL "," TYPE("defcontext"), "defcontext=u:r:t:s0:c1,c2" },
		{ LABEL "," TYPE("rootcontext"), "rootcontext=u:r:t:s0:c1,c2" },
		{ TYPE("rootcontext"), NULL },
	};
	char top[512];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		snprintf(top, sizeof(top), "%s,\"mounts\":[%s,{\"destination\":\"/proc\",\"type\":\"proc\"}]", cases[i].top, TMPFS);
		assert_int_equal(plan(top), 0);
		assert_string_equal(ctx.mounts[0].data[0], "size=1m");
		if (!cases[i].option) {
			assert_null(ctx.mounts[0].data[1]);
			continue;
		}
		assert_string_equal(ctx.mounts[0].data[1], cases[i].option);
		assert_null(ctx.mounts[0].data[2]);
		assert_null(ctx.mounts[1].data[0]);
	}
}

static void no_such_label_option(void **state)
{
	static const char *const bad[] = { TYPE("seclabel") "," LABEL, TYPE("") "," LABEL, TYPE("Context"), TYPE("context ") };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		assert_true(plan(bad[i]) < 0);
		assert_int_equal(err.cls, ERR_INVALID);
		assert_non_null(strstr(err.msg, "annotation run.oci.mount_context_type: "));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(labels),
		cmocka_unit_test(no_such_label_option),
	};

	return cmocka_run_group_tests(tests, NULL, tear_down);
}

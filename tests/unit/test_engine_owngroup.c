#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "engine/owngroup.h"

static const char passwd[] = "root:x:0:0:root:/root:/bin/sh\n"
			     "user:x:1000:1000::/home/user:/bin/sh\n"
			     "alias:x:1000:1000::/home/user:/bin/sh\n"
			     "other:x:1001:100:Other:/home/other:/bin/sh";

static void whose(void **state)
{
	static const struct {
		const char *group;
		uint32_t gid;
		bool own;
	} rows[] = {
		{ "user:x:1000:\n", 1000, true },
		{ "root:x:0:\nuser:x:1000:", 1000, true },
		{ "user:x:1000:user\n", 1000, true },
		{ "user:x:1000:user,alias,\n", 1000, true },
		{ "user:x:1000:other\n", 1000, false },
		{ "user:x:1000:user,other\n", 1000, false },
		{ "user:x:1000:of-the-network\n", 1000, false },
		{ "user:x:1000:use\n", 1000, false },
		{ "user:x:1000:\nagain:x:1000:other\n", 1000, false },
		{ "users:x:100:\n", 100, false }, /* another's first one */
		{ "shared:x:50:user\n", 50, true },
		{ "shared:x:50:user,other\n", 50, false },
		{ "", 1000, false },
		{ "user:x:10000:\n", 1000, false },
		{ "user:x:1000x:\n", 1000, false },
		{ "user\n:::\n\n1000\nuser:x\n", 1000, false },
		{ "user:x:1000\n", 1000, true }, /* without members */
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (owngroup(passwd, rows[i].group, 1000, rows[i].gid) != rows[i].own)
			fail_msg("row %zu: %s", i, rows[i].group);
	assert_false(owngroup("", "user:x:1000:user\n", 1000, 1000));
	assert_true(owngroup("", "user:x:1000:\n", 1000, 1000));
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(whose) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}

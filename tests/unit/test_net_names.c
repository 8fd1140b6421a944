#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "net/names.h"

static const char table[] =
	"upstream 127.0.0.53\n"
	"network 2 open\n"
	"network 3 internal\n"
	"member aaa 2 3\n"
	"server aaa 9.9.9.9\n"
	"server aaa fd00::1\n"
	"member bbb 3\n"
	"link bbb 3 shop web\n"
	"link bbb 3 web db\n"
	"name 2 10.0.2.2 web\n"
	"name 2 10.0.2.2 0123456789ab\n"
	"name 2 10.0.2.3 web\n"
	"name 3 10.0.3.2 web\n"
	"name 3 10.0.3.9 db\n";

static void asking(void **state)
{
	struct names n;
	struct err e = { 0 };
	const struct names_member *a, *b;
	struct ip ips[8], ip;
	char text[IP_TEXT_LEN];

	(void)state;
	assert_int_equal(names_parse(table, sizeof(table) - 1, &n, &e), 0);
	a = names_member(&n, "aaa");
	b = names_member(&n, "bbb");
	assert_non_null(a);
	assert_non_null(b);
	assert_null(names_member(&n, "aa"));
	assert_int_equal(n.n_upstreams, 1);
	assert_int_equal(a->n_servers, 2);
	assert_int_equal(b->n_servers, 0);
	assert_int_equal(names_find(&n, a, "web", ips, 8), 3);
	assert_int_equal(names_find(&n, a, "web", ips, 2), 2);
	assert_int_equal(names_find(&n, b, "shop", ips, 8), 1);
	assert_string_equal(ip_text(&ips[0], text), "10.0.3.2");
	assert_int_equal(names_find(&n, b, "web", ips, 8), 1); /* his link, not who is called so */
	assert_string_equal(ip_text(&ips[0], text), "10.0.3.9");
	assert_int_equal(names_find(&n, a, "shop", ips, 8), 0);
	assert_int_equal(names_find(&n, b, "0123456789ab", ips, 8), 0);
	assert_int_equal(names_find(&n, a, "we", ips, 8), 0);
	assert_int_equal(names_find(&n, a, "zzz", ips, 8), 0);
	assert_int_equal(ip_parse("10.0.2.2", &ip), 0);
	assert_string_equal(names_of(&n, a, &ip), "web");
	assert_null(names_of(&n, b, &ip));
	assert_true(names_may_ask(&n, a));
	assert_false(names_may_ask(&n, b));
	names_free(&n);
}

static void names_with_their_network(void **state)
{
	static const char text[] = "network 2 open one\nnetwork 3 open two.x\nnetwork 4 open other\nnetwork 0 open\nmember aa 2 3 0\n"
				   "name 2 10.0.2.2 web\nname 3 10.0.3.2 web\nname 3 10.0.3.3 a.b\nname 4 10.0.4.2 web\nname 2 10.0.2.9 own.two.x\nname 3 10.0.3.4 own\n";
	static const char *const unknown[] = { "web.other", "we.one", "webx.one", ".one", "one", "web.on", "web.one.x", "web.x", "a.b.one", "x.web.one", "" };
	struct names n;
	struct err e = { 0 };
	const struct names_member *a;
	struct ip ips[8];
	char got[IP_TEXT_LEN];

	(void)state;
	assert_int_equal(names_parse(text, sizeof(text) - 1, &n, &e), 0);
	a = names_member(&n, "aa");
	assert_non_null(a);
	assert_int_equal(names_find(&n, a, "web", ips, 8), 2);
	assert_int_equal(names_find(&n, a, "web.one", ips, 8), 1);
	assert_string_equal(ip_text(&ips[0], got), "10.0.2.2");
	assert_int_equal(names_find(&n, a, "web.two.x", ips, 8), 1);
	assert_string_equal(ip_text(&ips[0], got), "10.0.3.2");
	assert_int_equal(names_find(&n, a, "a.b.two.x", ips, 8), 1);
	assert_int_equal(names_find(&n, a, "own.two.x", ips, 8), 1); /* somebody's whole name first */
	assert_string_equal(ip_text(&ips[0], got), "10.0.2.9");
	for (size_t i = 0; i < sizeof(unknown) / sizeof(*unknown); i++)
		assert_int_equal(names_find(&n, a, unknown[i], ips, 8), 0);
	assert_true(names_is_inside(&n, a, "nobody.one"));
	assert_true(names_is_inside(&n, a, "nobody.two.x"));
	assert_false(names_is_inside(&n, a, "nobody.other"));
	assert_false(names_is_inside(&n, a, "www.nobody.one")); /* the world may have a domain of that name */
	assert_false(names_is_inside(&n, a, "one"));
	assert_false(names_is_inside(&n, a, ".one"));
	assert_false(names_is_inside(&n, a, ""));
	names_free(&n);
}

static void both_families(void **state)
{
	static const char both[] = "network 2 open\nmember zz 2\nmember aa 2\nserver aa fd00::53\nname 2 10.0.2.2 web\nname 2 fd00:2::2 web\nname 2 fd00:2::2 alias\n"
				   "name 2 fd00:2::3 db\n";
	struct names n;
	struct err e = { 0 };
	const struct names_member *a, *z;
	struct ip ips[8], ip;

	(void)state;
	assert_int_equal(names_parse(both, sizeof(both) - 1, &n, &e), 0);
	a = names_member(&n, "aa"); /* in whatever order they come */
	z = names_member(&n, "zz");
	assert_non_null(a);
	assert_non_null(z);
	assert_int_equal(a->n_servers, 1);
	assert_int_equal(a->servers[0].len, 16);
	assert_int_equal(z->n_servers, 0);
	assert_int_equal(names_find(&n, a, "web", ips, 8), 2);
	assert_int_equal(ips[0].len + ips[1].len, 20);
	assert_int_equal(names_find(&n, z, "db", ips, 8), 1);
	assert_int_equal(ips[0].len, 16);
	assert_int_equal(ip_parse("fd00:2::2", &ip), 0);
	assert_string_equal(names_of(&n, z, &ip), "web");
	assert_int_equal(ip_parse("fd00:2::4", &ip), 0);
	assert_null(names_of(&n, z, &ip));
	names_free(&n);
}

static void damaged(void **state)
{
	static const char *const bad[] = { "x", "name 2 10.0.0.1", "name x 10.0.0.1 a", "name 2 10.0.0 a", "member", "member a x", "server a 1.2.3.4",
					   "member a 1\nserver b 1.2.3.4", "network 1", "network 1 open a b", "upstream x", " name 2 10.0.0.1 a" };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		struct names n;
		struct err e = { 0 };

		if (names_parse(bad[i], strlen(bad[i]), &n, &e) == 0)
			fail_msg("\"%s\" was taken", bad[i]);
		names_free(&n);
	}
}

/* A container in more networks than anybody thought of: its names, and everybody else's, are there. */
static void many_networks(void **state)
{
	char text[8192] = "member aa";
	struct names n;
	struct err e = { 0 };
	struct ip ips[8];
	size_t at = strlen(text);

	(void)state;
	for (int i = 1; i <= 1000; i++)
		at += (size_t)sprintf(text + at, " %d", i);
	strcpy(text + at, "\nmember bb 7\nname 1000 10.0.2.2 far\nname 7 10.0.7.2 near\n");
	assert_int_equal(names_parse(text, strlen(text), &n, &e), 0);
	assert_int_equal(names_find(&n, names_member(&n, "aa"), "far", ips, 8), 1);
	assert_int_equal(names_find(&n, names_member(&n, "bb"), "far", ips, 8), 0);
	assert_int_equal(names_find(&n, names_member(&n, "bb"), "near", ips, 8), 1);
	names_free(&n);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(asking), cmocka_unit_test(names_with_their_network), cmocka_unit_test(both_families), cmocka_unit_test(damaged),
					    cmocka_unit_test(many_networks) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}

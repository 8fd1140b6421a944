/* engine/registries and engine/certs, with files in a folder of the test's. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/io.h"
#include "base/strbuf.h"
#include "engine/registries.h"

#define PEM "-----BEGIN CERTIFICATE-----\nabc\n"

static char box[40], files[2][80], folders[2][80], certs[2][80];
static const char *const file_list[] = { files[0], files[1], NULL }, *const folder_list[] = { folders[0], folders[1], NULL };
static const char *const cert_list[] = { certs[0], certs[1], NULL };
static const struct registries_places places = { file_list, folder_list, cert_list };

static int begin(void **state)
{
	(void)state;
	assert_non_null(mkdtemp(strcpy(box, "/tmp/tare-registries-XXXXXX")));
	for (int i = 0; i < 2; i++) {
		(void)snprintf(files[i], sizeof(files[i]), "%s/%c.conf", box, 'a' + i);
		(void)snprintf(folders[i], sizeof(folders[i]), "%s/%c.d", box, 'a' + i);
		(void)snprintf(certs[i], sizeof(certs[i]), "%s/certs%c", box, 'a' + i);
	}
	return 0;
}

static int end(void **state)
{
	(void)state;
	unsetenv("HTTPS_PROXY");
	unsetenv("HTTP_PROXY");
	return io_remove_tree(AT_FDCWD, box);
}

static void put(const char *folder, const char *name, const char *text)
{
	CLEANUP_FD int fd = -1;
	char path[300];

	(void)snprintf(path, sizeof(path), "%s%s%s", folder, *name ? "/" : "", name);
	if (*name)
		assert_int_equal(io_mkdirs(AT_FDCWD, folder, 0755), 0);
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	assert_true(fd >= 0);
	assert_int_equal(io_write_full(fd, text, strlen(text)), 0);
}

static void describe(const struct registry_endpoint *ep, struct strbuf *b)
{
	sb_printf(b, "%s%s %s", b->len ? " | " : "", ep->base, ep->repository);
	if (ep->socket)
		sb_printf(b, " socket=%s", ep->socket);
	if (ep->is_mirror)
		sb_puts(b, " mirror");
	if (!ep->verify && strncmp(ep->base, "https", 5) == 0)
		sb_puts(b, " unverified");
	if (*ep->ca_pem)
		sb_printf(b, " ca=%zu", strlen(ep->ca_pem));
	if (*ep->cert_pem || *ep->key_pem)
		sb_printf(b, " pair=%zu,%zu", strlen(ep->cert_pem), strlen(ep->key_pem));
	if (ep->proxy)
		sb_printf(b, " proxy=%s", ep->proxy);
	sb_printf(b, " as %s", ep->domain);
}

/* "BASE REPOSITORY … as DOMAIN | …", or "!" and the error. */
static const char *resolve(const char *name, enum registry_use use)
{
	static char out[1500];
	CLEANUP_SECRETS struct arena a = ARENA_INIT;
	CLEANUP_STRBUF struct strbuf b = STRBUF_INIT;
	struct registry_endpoint *eps;
	struct registries regs;
	struct image_ref ref;
	struct err e = { 0 };
	size_t n = 0;
	int r = image_ref_parse(&a, name, &ref, &e);

	if (r == 0)
		r = registries_read(&a, &places, &regs, &e);
	if (r == 0)
		r = registries_resolve(&a, &regs, &ref, use, &eps, &n, &e);
	for (size_t i = 0; i < n; i++)
		describe(&eps[i], &b);
	(void)snprintf(out, sizeof(out), "%s%s", r < 0 ? "!" : "", r < 0 ? e.msg : sb_str(&b));
	return out;
}

#define pull(name) resolve(name, REGISTRY_PULL)

static void without_files(void **state)
{
	(void)state;
	assert_string_equal(pull("busybox"), "https://registry-1.docker.io library/busybox as docker.io");
	assert_string_equal(pull("index.docker.io/me/app:1"), "https://registry-1.docker.io me/app as docker.io");
	assert_string_equal(pull("quay.io/a/b/c"), "https://quay.io a/b/c as quay.io");
	assert_string_equal(pull("host.example:5000/x"), "https://host.example:5000 x as host.example:5000");
	assert_string_equal(pull("localhost:5000/x"),
			    "https://localhost:5000 x unverified as localhost:5000 | http://localhost:5000 x as localhost:5000");
	assert_string_equal(pull("127.1.2.3/x"), "https://127.1.2.3 x unverified as 127.1.2.3 | http://127.1.2.3 x as 127.1.2.3");
	assert_string_equal(pull("[::1]:5000/x"), "https://[::1]:5000 x unverified as [::1]:5000 | http://[::1]:5000 x as [::1]:5000");
	assert_string_equal(pull("128.0.0.1/x"), "https://128.0.0.1 x as 128.0.0.1");
	assert_non_null(strstr(pull("host.example:70000/x"), "its port is none from 1 to 65535"));
}

#define DIGEST "sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

static void rules(void **state)
{
	(void)state;
	put(files[0], "",
	    "unqualified-search-registries = ['quay.io']\nshort-name-mode = \"enforcing\"\n[aliases]\n\"x\" = 'quay.io/x'\n"
	    "[[registry]]\nprefix = 'docker.io'\nlocation = 'registry-1.docker.io'\n"
	    "[[registry.mirror]]\nlocation = 'mirror.example:5000/hub'\n"
	    "[[registry.mirror]]\nlocation = 'plain.example'\ninsecure = true\npull-from-mirror = 'tag-only'\n"
	    "[[registry]]\nprefix = 'docker.io/library'\nlocation = 'lib.example/official/'\nmirror-by-digest-only = true\n"
	    "mirror = [{ location = 'm.example' }]\n"
	    "[[registry]]\nlocation = 'bad.example'\nblocked = true\n"
	    "[[registry]]\nlocation = 'plain.example:80'\ninsecure = true\n"
	    "[[registry]]\nlocation = 'localhost:443'\ninsecure = false\n"
	    "[[registry]]\nprefix = '*.wild.example'\ninsecure = true\n"
	    "[[registry]]\nprefix = '*.deep.wild.example'\nlocation = 'deep.example/all'\n"
	    "[[registry]]\nprefix = 'sock.example'\nlocation = 'unix:///run/reg.sock'\n"
	    "[[registry]]\nprefix = 'sock.example/team'\nlocation = 'unix:///run/reg.sock:/base/'\n"
	    "[[registry]]\nprefix = 'hub.example'\nlocation = 'docker.io'\n"
	    "[[registry]]\nprefix = 'one.example/a/b'\nlocation = 'two.example/c'\n"
	    "[[registry]]\nprefix = 'one.example/a/gone'\nlocation = 'two.example'\n"
	    "[[registry]]\nprefix = 'order.example/a'\nlocation = 'long.example'\n"
	    "[[registry]]\nprefix = 'order.example'\nlocation = 'short.example'\n");
	assert_string_equal(pull("me/app"), "https://mirror.example:5000 hub/me/app mirror as mirror.example:5000 | "
					    "https://plain.example me/app mirror unverified as plain.example | http://plain.example me/app mirror as plain.example | "
					    "https://registry-1.docker.io me/app as docker.io");
	assert_string_equal(pull("me/app@" DIGEST), "https://mirror.example:5000 hub/me/app mirror as mirror.example:5000 | "
						    "https://registry-1.docker.io me/app as docker.io");
	assert_string_equal(resolve("me/app", REGISTRY_PUSH), "https://registry-1.docker.io me/app as docker.io");
	assert_string_equal(pull("busybox"), "https://lib.example official/busybox as lib.example");
	assert_string_equal(pull("busybox@" DIGEST), "https://m.example busybox mirror as m.example | https://lib.example official/busybox as lib.example");
	assert_non_null(strstr(pull("bad.example/x"), "!registry bad.example is blocked: "));
	assert_non_null(strstr(pull("bad.example/x"), "/a.conf says so of the prefix bad.example"));
	assert_string_equal(pull("bad.example:81/x"), "https://bad.example:81 x as bad.example:81");
	assert_string_equal(pull("plain.example:80/x"), "https://plain.example:80 x unverified as plain.example:80 | http://plain.example:80 x as plain.example:80");
	assert_string_equal(pull("localhost:443/x"), "https://localhost:443 x as localhost:443");
	assert_string_equal(pull("a.wild.example:1/x"), "https://a.wild.example:1 x unverified as a.wild.example:1 | http://a.wild.example:1 x as a.wild.example:1");
	assert_string_equal(pull("wild.example/x"), "https://wild.example x as wild.example");
	assert_string_equal(pull("awild.example/x"), "https://awild.example x as awild.example");
	assert_string_equal(pull("a.deep.wild.example:1/x/y"), "https://deep.example all/x/y as deep.example");
	assert_string_equal(pull("sock.example/a/b"), "http://localhost a/b socket=/run/reg.sock as sock.example");
	assert_string_equal(pull("sock.example/team/b"), "http://localhost base/b socket=/run/reg.sock as sock.example");
	assert_string_equal(pull("hub.example/busybox"), "https://registry-1.docker.io library/busybox as docker.io");
	assert_string_equal(pull("one.example/a/b"), "https://two.example c as two.example");
	assert_string_equal(pull("one.example/a/b/d"), "https://two.example c/d as two.example");
	assert_string_equal(pull("one.example/a/bc"), "https://one.example a/bc as one.example");
	assert_string_equal(pull("order.example/a/x"), "https://long.example x as long.example");
	assert_string_equal(pull("order.example/b/x"), "https://short.example b/x as short.example");
	assert_non_null(strstr(pull("one.example/a/gone"), "nothing of the name one.example/a/gone is left"));
}

static void which_files(void **state)
{
	(void)state;
	put(files[1], "", "[[registry]]\nprefix='r.example'\nlocation='second.example'\n");
	assert_string_equal(pull("r.example/x"), "https://second.example x as second.example");
	put(folders[1], "a.conf", "[[registry]]\nprefix='r.example'\nlocation='third.example'\n");
	assert_string_equal(pull("r.example/x"), "https://third.example x as third.example");
	put(folders[1], "b.conf", "[[registry]]\nprefix='s.example'\nlocation='s2.example'\n[[registry]]\nprefix='r.example'\nlocation='fourth.example'\n");
	put(folders[1], "c.conf.bak", "not TOML");
	put(folders[1], ".d.conf", "not TOML");
	assert_string_equal(pull("r.example/x"), "https://fourth.example x as fourth.example");
	assert_string_equal(pull("s.example/x"), "https://s2.example x as s2.example");
	put(folders[0], "z.conf", "");
	assert_string_equal(pull("r.example/x"), "https://second.example x as second.example");
	put(files[0], "", "# nothing\n");
	assert_string_equal(pull("r.example/x"), "https://r.example x as r.example");
	put(folders[0], "z.conf", "x");
	assert_non_null(strstr(pull("r.example/x"), "/a.d/z.conf: line 1: 'x' is not followed by '='"));
}

static void refuses(void **state)
{
	static const char *const rows[][2] = {
		{ "[[registry]]\nlocation='a'\ninsecrue=true", "[[registry]] number 1: it has no key 'insecrue'" },
		{ "[[registry]]\nlocation='a'\n[[registry]]\nlocation='b'\ninsecure='yes'", "[[registry]] number 2: " },
		{ "[registries.search]\nregistries=['x']", "version 1" },
		{ "registrys=1", "the file has no key 'registrys'" },
		{ "[registry]\nlocation='a'", "registry" },
		{ "registry=[1]", "a registry is a table" },
		{ "[[registry]]\n", "neither prefix nor location" },
		{ "[[registry]]\nprefix='a'", "it has no location" },
		{ "[[registry]]\nlocation='http://a'", "without a scheme" },
		{ "[[registry]]\nlocation='a b'", "a character that no registry's name has" },
		{ "[[registry]]\nlocation='/a'", "no host[:port]" },
		{ "[[registry]]\nlocation='a:0'", "its port" },
		{ "[[registry]]\nlocation='a:b/c'", "its port" },
		{ "[[registry]]\nlocation='a/b:tag'", "a tag or a digest" },
		{ "[[registry]]\nlocation='a//b'", "no host[:port][/path]" },
		{ "[[registry]]\nprefix='a'\nlocation='unix://run/x'", "a socket is" },
		{ "[[registry]]\nlocation='unix:///run/x'", "names do not begin with a socket" },
		{ "[[registry]]\nprefix='*.a/b'\nlocation='c'", "it is *.domain" },
		{ "[[registry]]\nprefix='a*'\nlocation='c'", "no host[:port]" },
		{ "[[registry]]\nlocation='a'\n[[registry]]\nprefix='a'\nlocation='b'", "prefix = \"a\" is given twice" },
		{ "[[registry]]\nlocation='a'\nmirror=['b']", "a mirror is a table" },
		{ "[[registry]]\nlocation='a'\n[[registry.mirror]]\n", "a mirror without location" },
		{ "[[registry]]\nlocation='a'\n[[registry.mirror]]\nlocation='b'\npull-from-mirror='never'", "all, digest-only or tag-only" },
		{ "[[registry]]\nlocation='a'\nmirror-by-digest-only=true\n[[registry.mirror]]\nlocation='b'\npull-from-mirror='all'", "exclude each other" },
		{ "[[registry]]\nlocation='a'\n[[registry.mirror]]\nlocation='b'\nblocked=true", "a mirror has no key 'blocked'" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		const char *said;

		put(files[0], "", rows[i][0]);
		said = pull("x.example/x");
		if (*said != '!' || !strstr(said, rows[i][1]) || !strstr(said, files[0]))
			fail_msg("%s: %s", rows[i][0], said);
	}
}

static void certificates(void **state)
{
	char folder[200];

	(void)state;
	(void)snprintf(folder, sizeof(folder), "%s/host.example:5000", certs[1]);
	put(folder, "ca.crt", PEM);
	put(folder, "more.crt", "-----BEGIN CERTIFICATE-----"); /* without its newline */
	put(folder, "client.cert", PEM PEM);
	put(folder, "client.key", "-----BEGIN PRIVATE KEY-----\nx\n");
	put(folder, "README", "x");
	assert_string_equal(pull("host.example:5000/x"), "https://host.example:5000 x ca=60 pair=64,30 as host.example:5000");
	assert_string_equal(pull("host.example/x"), "https://host.example x as host.example");
	put(folder, "second.cert", PEM);
	assert_non_null(strstr(pull("host.example:5000/x"), "/host.example:5000/second.cert has no key: second.key is missing"));
	put(folder, "second.key", PEM);
	assert_non_null(strstr(pull("host.example:5000/x"), "has two pairs"));
	/* a folder of before hides it all */
	(void)snprintf(folder, sizeof(folder), "%s/host.example:5000", certs[0]);
	put(folder, "lone.key", PEM);
	assert_non_null(strstr(pull("host.example:5000/x"), "/lone.key has no certificate: lone.cert is missing"));
	put(folder, "lone.cert", "DER\1\2");
	assert_non_null(strstr(pull("host.example:5000/x"), "/lone.cert is no PEM file"));
	(void)snprintf(folder, sizeof(folder), "%s/docker.io", certs[0]);
	put(folder, "ca.crt", PEM);
	assert_string_equal(pull("busybox"), "https://registry-1.docker.io library/busybox ca=32 as docker.io");
}

static void proxies(void **state)
{
	(void)state;
	setenv("HTTPS_PROXY", "proxy:1", 1);
	setenv("HTTP_PROXY", "socks5://proxy:2", 1);
	setenv("NO_PROXY", "mirror.example,registry-1.docker.io:443", 1);
	put(files[0], "", "[[registry]]\nlocation='host.example'\ninsecure=true\n[[registry.mirror]]\nlocation='mirror.example'\n");
	assert_string_equal(pull("host.example/x"), "https://mirror.example x mirror as mirror.example | "
						    "https://host.example x unverified proxy=http://proxy:1 as host.example | "
						    "http://host.example x proxy=socks5://proxy:2 as host.example");
	assert_string_equal(pull("busybox"), "https://registry-1.docker.io library/busybox as docker.io");
	assert_string_equal(pull("localhost/x"), "https://localhost x unverified as localhost | http://localhost x as localhost");
}

static void by_environment(void **state)
{
	CLEANUP_ARENA struct arena a = ARENA_INIT;
	struct registries_places p;
	struct err e = { 0 };

	(void)state;
	unsetenv("CONTAINERS_REGISTRIES_CONF");
	unsetenv("TARE_CERTS_DIR");
	setenv("XDG_CONFIG_HOME", "/cfg", 1);
	assert_int_equal(registries_places_find(&a, false, &p, &e), 0);
	assert_string_equal(p.files[0], "/etc/tare/registries.conf");
	assert_string_equal(p.files[1], "/etc/containers/registries.conf");
	assert_null(p.files[2]);
	assert_string_equal(p.folders[0], "/etc/tare/registries.conf.d");
	assert_string_equal(p.certs[0], "/etc/tare/certs.d");
	assert_string_equal(p.certs[1], "/etc/docker/certs.d");
	assert_int_equal(registries_places_find(&a, true, &p, &e), 0);
	assert_string_equal(p.files[0], "/cfg/tare/registries.conf");
	assert_string_equal(p.files[1], "/cfg/containers/registries.conf");
	assert_string_equal(p.files[2], "/etc/tare/registries.conf");
	assert_string_equal(p.folders[1], "/cfg/containers/registries.conf.d");
	assert_string_equal(p.certs[0], "/cfg/tare/certs.d");
	assert_string_equal(p.certs[2], "/etc/tare/certs.d");
	unsetenv("XDG_CONFIG_HOME");
	setenv("HOME", "/home/x", 1);
	assert_int_equal(registries_places_find(&a, true, &p, &e), 0);
	assert_string_equal(p.files[0], "/home/x/.config/tare/registries.conf");
	setenv("CONTAINERS_REGISTRIES_CONF", "/nowhere/x.conf", 1);
	assert_true(registries_places_find(&a, false, &p, &e) < 0);
	assert_non_null(strstr(e.msg, "/nowhere/x.conf"));
	setenv("CONTAINERS_REGISTRIES_CONF", "/dev/null", 1);
	setenv("TARE_CERTS_DIR", "/c", 1);
	assert_int_equal(registries_places_find(&a, false, &p, &e), 0);
	assert_string_equal(p.files[0], "/dev/null");
	assert_null(p.files[1]);
	assert_null(p.folders[0]);
	assert_string_equal(p.certs[0], "/c");
	assert_null(p.certs[1]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(without_files, begin, end), cmocka_unit_test_setup_teardown(rules, begin, end),
		cmocka_unit_test_setup_teardown(which_files, begin, end),   cmocka_unit_test_setup_teardown(refuses, begin, end),
		cmocka_unit_test_setup_teardown(certificates, begin, end),  cmocka_unit_test_setup_teardown(proxies, begin, end),
		cmocka_unit_test(by_environment),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

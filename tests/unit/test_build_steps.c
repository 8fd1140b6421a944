/* build/key, build/conf, image/worker/tarout: what a step's result depends on, what instructions make of a configuration,
 * and the tar that a layer is. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "build/conf.h"
#include "build/key.h"
#include "image/worker/tarout.h"

/* ---- keys ---- */

static const char *key_of(const char *parent, const char *const *parts, const char *last)
{
	static char out[8][SHA256_DIGEST_LEN + 1];
	static unsigned int n;
	struct key k;

	key_begin(&k, "RUN", parent);
	key_add_all(&k, parts);
	key_add(&k, last);
	key_end(&k, out[++n % 8]);
	return out[n % 8];
}

static void no_two_lists_of_parts_have_one_key(void **state)
{
	const char *const ab[] = { "a", "b", NULL }, *const one[] = { "ab", NULL }, *const nothing[] = { NULL };

	(void)state;
	assert_string_equal(key_of("p", ab, "x"), key_of("p", ab, "x"));
	assert_string_not_equal(key_of("p", ab, "x"), key_of("q", ab, "x"));
	assert_string_not_equal(key_of(NULL, ab, "x"), key_of("", ab, "x"));
	assert_string_not_equal(key_of("p", ab, "x"), key_of("p", one, "x"));
	assert_string_not_equal(key_of("p", ab, NULL), key_of("p", ab, ""));
	assert_string_not_equal(key_of("p", nothing, "ab"), key_of("p", one, NULL));
	assert_int_equal(strlen(key_of("p", ab, "x")), SHA256_DIGEST_LEN);
	assert_memory_equal(key_of("p", ab, "x"), "sha256:", 7);
}

/* ---- configuration ---- */

static void paths(void **state)
{
	static const char *const rows[][3] = {
		{ "", "a", "/a" },	{ "/w", "a/b", "/w/a/b" }, { "/w", "/a//b/", "/a/b" }, { "/w", "..", "/" },
		{ "/w/x", "../y", "/w/y" }, { "/w", "../../../y", "/y" }, { "/w", ".", "/w" },	       { "", "", "/" },
		{ "/w", "./a/./b/..", "/w/a" }, { "/", "a", "/a" }, { "/w", "..a", "/w/..a" },
	};
	CLEANUP_ARENA struct arena a = ARENA_INIT;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		const struct conf c = { .workdir = rows[i][0] };

		assert_string_equal(conf_path(&a, &c, rows[i][1]), rows[i][2]);
	}
}

static void apply(struct arena *a, struct conf *c, const char *text)
{
	CLEANUP_STRBUF struct strbuf file = STRBUF_INIT;
	struct df_file f = { 0 };
	struct err e = { 0 };

	sb_printf(&file, "FROM x\n%s\n", text);
	if (df_parse(a, file.s, file.len, &f, &e) < 0)
		fail_msg("%s", e.msg);
	for (size_t i = 0; i < f.stages[0].n; i++)
		assert_int_equal(conf_apply(a, c, &f.stages[0].v[i], &e), 0);
}

static void entrypoint_and_cmd(void **state)
{
	static const char *const cmd[] = { "base", NULL };
	CLEANUP_ARENA struct arena a = ARENA_INIT;
	struct conf c = { .workdir = "", .cmd = cmd };

	(void)state;
	apply(&a, &c, "ENTRYPOINT [\"x\"]");
	assert_null(c.cmd);
	apply(&a, &c, "CMD y z\nENTRYPOINT e");
	assert_string_equal(c.cmd[0], "/bin/sh");
	assert_string_equal(c.cmd[2], "y z");
	assert_string_equal(c.entrypoint[2], "e");
	apply(&a, &c, "SHELL [\"bash\", \"-ec\"]\nCMD q");
	assert_string_equal(c.cmd[0], "bash");
	assert_string_equal(c.cmd[2], "q");
	assert_null(c.cmd[3]);
}

static void a_copy_has_lists_of_its_own(void **state)
{
	CLEANUP_ARENA struct arena a = ARENA_INIT;
	struct conf c = { .workdir = "", .user = "" }, d;
	struct err e = { 0 };

	(void)state;
	assert_int_equal(conf_label(&a, &c, "k", "1", &e), 0);
	assert_int_equal(conf_copy(&a, &c, &d, &e), 0);
	assert_int_equal(conf_label(&a, &d, "k", "2", &e), 0);
	assert_int_equal(conf_label(&a, &d, "l", "3", &e), 0);
	assert_int_equal(c.n_labels, 1);
	assert_string_equal(c.labels[0].value, "1");
	assert_int_equal(d.n_labels, 2);
}

/* ---- tar ---- */

/* What tar(1) makes of it: one line of its listing. */
static void listing(const struct tarout_entry *en, char out[900])
{
	CLEANUP_STRBUF struct strbuf tar = STRBUF_INIT;
	char path[] = "/tmp/tarout-XXXXXX", command[100];
	FILE *f;
	int fd;

	tarout_header(&tar, en);
	tarout_end(&tar);
	assert_int_equal(sb_error(&tar), 0);
	assert_int_equal(tar.len % 512, 0);
	fd = mkstemp(path);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, tar.s, tar.len), (ssize_t)tar.len);
	close(fd);
	snprintf(command, sizeof(command), "tar tvf %s --numeric-owner --full-time --utc", path);
	f = popen(command, "r");
	assert_non_null(f);
	out[0] = '\0';
	assert_non_null(fgets(out, 900, f));
	assert_int_equal(pclose(f), 0);
	unlink(path);
}

static void headers_are_what_tar_reads(void **state)
{
	char name[301], line[900];

	(void)state;
	memset(name, 'n', sizeof(name));
	name[300] = '\0';
	name[120] = '/';
	listing(&(struct tarout_entry){ .path = "d", .mode = S_IFDIR | 01777, .uid = 5, .gid = 6, .mtime = 86400 }, line);
	assert_string_equal(line, "drwxrwxrwt 5/6               0 1970-01-02 00:00:00 d/\n");
	listing(&(struct tarout_entry){ .path = name, .mode = S_IFLNK | 0777, .uid = 3000000000U, .gid = 4000000, .mtime = -1, .link = name },
		line);
	assert_non_null(strstr(line, "lrwxrwxrwx 3000000000/4000000"));
	assert_non_null(strstr(line, "1969-12-31 23:59:59"));
	assert_non_null(strstr(strstr(line, name) + 300, name));
	listing(&(struct tarout_entry){ .path = "h", .mode = S_IFREG | 04755, .link = "d", .hard_link = true }, line);
	assert_non_null(strstr(line, "hrwsr-xr-x 0/0"));
	assert_non_null(strstr(line, "h link to d"));
	listing(&(struct tarout_entry){ .path = "c", .mode = S_IFCHR | 0600, .major = 1, .minor = 3 }, line);
	assert_non_null(strstr(line, "crw------- 0/0 "));
	assert_non_null(strstr(line, " 1,3 "));
}

/* Each name length around the ends of ustar's fields. */
static void names_of_all_lengths(void **state)
{
	(void)state;
	for (size_t len = 95; len < 262; len++) {
		char name[300], line[900];

		memset(name, 'x', len);
		name[len] = '\0';
		if (len > 150)
			name[len / 2] = '/';
		listing(&(struct tarout_entry){ .path = name, .mode = S_IFREG | 0644 }, line);
		line[strlen(line) - 1] = '\0';
		assert_string_equal(line + strlen(line) - len, name);
		assert_int_equal(line[strlen(line) - len - 1], ' ');
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(no_two_lists_of_parts_have_one_key),
		cmocka_unit_test(paths),
		cmocka_unit_test(entrypoint_and_cmd),
		cmocka_unit_test(a_copy_has_lists_of_its_own),
		cmocka_unit_test(headers_are_what_tar_reads),
		cmocka_unit_test(names_of_all_lengths),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

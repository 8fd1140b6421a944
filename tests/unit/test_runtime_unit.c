#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "runtime/unit.h"

/* Names of units, values of annotations, limits as properties: no bus. */

static void names(void **state)
{
	static const struct {
		const char *path, *id;
		bool user;
		const char *name, *slice; /* NULL: refused */
	} rows[] = {
		{ NULL, "c1", false, "tare-oci-c1.scope", "system.slice" },
		{ "", "c+1", true, "tare-oci-c\\x2b1.scope", "user.slice" },
		{ "machine.slice:libpod:abc", "x", false, "libpod-abc.scope", "machine.slice" },
		{ ":cri-containerd:abc", "x", false, "cri-containerd-abc.scope", "system.slice" },
		{ ":p:n", "x", true, "p-n.scope", "user.slice" },
		{ "-:p:n", "x", false, "p-n.scope", "-.slice" },
		{ "-.slice:p:n", "x", false, "p-n.scope", "-.slice" },
		{ "a-b.slice::n", "x", false, "-n.scope", "a-b.slice" },
		{ "/a/b", "x", false, NULL, NULL },
		{ "a.slice:b", "x", false, NULL, NULL },
		{ "a.slice:b:c:d", "x", false, NULL, NULL },
		{ "a.slice:b:", "x", false, NULL, NULL },
		{ "a:b:c", "x", false, NULL, NULL },
		{ "a/b.slice:p:n", "x", false, NULL, NULL },
		{ "a--b.slice:p:n", "x", false, NULL, NULL },
		{ "-a.slice:p:n", "x", false, NULL, NULL },
		{ "a-.slice:p:n", "x", false, NULL, NULL },
		{ ".slice:p:n", "x", false, NULL, NULL },
		{ "a.slice:p:n.slice", "x", false, NULL, NULL },
		{ "a.slice:p:../n", "x", false, NULL, NULL },
		{ "a.slice:p:n m", "x", false, NULL, NULL },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		CLEANUP_ARENA struct arena a = ARENA_INIT;
		struct err e = { 0 };
		struct rt_unit u;
		int r = rt_unit_plan(&a, rows[i].path, rows[i].id, rows[i].user, &u, &e);

		if (!rows[i].name) {
			assert_true(r < 0);
			assert_non_null(strstr(e.msg, "linux.cgroupsPath"));
			continue;
		}
		assert_int_equal(r, 0);
		assert_string_equal(u.name, rows[i].name);
		assert_string_equal(u.slice, rows[i].slice);
		assert_int_equal(u.user, rows[i].user);
	}
}

static void slices(void **state)
{
	CLEANUP_ARENA struct arena a = ARENA_INIT;
	struct err e = { 0 };
	const char *path;

	(void)state;
	assert_int_equal(rt_unit_slice_path(&a, "system.slice", &path, &e), 0);
	assert_string_equal(path, "/system.slice");
	assert_int_equal(rt_unit_slice_path(&a, "a-b-c.slice", &path, &e), 0);
	assert_string_equal(path, "/a.slice/a-b.slice/a-b-c.slice");
	assert_int_equal(rt_unit_slice_path(&a, "-.slice", &path, &e), 0);
	assert_string_equal(path, "");
}

/* The body of a message with one variant. */
static int written(const struct rt_value *v, struct strbuf *out)
{
	static const struct dbus_call call = { .path = "/p", .member = "M", .signature = "v" };
	struct dbus_message m;
	struct dbus_writer w;
	int r;

	dbus_call_begin(&w, out, 1, &call);
	dbus_open_variant(&w, rt_value_signature(v));
	rt_value_write(&w, v);
	dbus_close(&w);
	r = dbus_call_end(&w);
	return r < 0 ? r : dbus_parse(out->s, out->len, &m) == (int)out->len ? 0 : -EBADMSG;
}

static void values(void **state)
{
	static const struct {
		const char *text, *type; /* NULL: refused */
		const char *tail; /* the last bytes written */
		size_t n;
	} rows[] = {
		{ "true", "b", "\1\0\0\0", 4 },
		{ " false ", "b", "\0\0\0\0", 4 },
		{ "7", "i", "\7\0\0\0", 4 },
		{ "-1", "i", "\377\377\377\377", 4 },
		{ "0x10", "i", "\20\0\0\0", 4 },
		{ "uint64 123456789", "t", "\25\315\133\7\0\0\0\0", 8 },
		{ "byte 255", "y", "\377", 1 },
		{ "int16 -2", "n", "\376\377", 2 },
		{ "uint16 2", "q", "\2\0", 2 },
		{ "int64 -1", "x", "\377\377\377\377\377\377\377\377", 8 },
		{ "1.5", "d", "\0\0\0\0\0\0\370\77", 8 },
		{ "double 2", "d", "\0\0\0\0\0\0\0\100", 8 },
		{ "'inactive-or-failed'", "s", "inactive-or-failed", 19 },
		{ "\"it's \\\"x\\\"\"", "s", "it's \"x\"", 9 },
		{ "string 'x'", "s", "x", 2 },
		{ "['a', 'b']", "as", "\2\0\0\0b", 0 },
		{ "[1, 2]", "ai", "\1\0\0\0\2\0\0\0", 8 },
		{ "[uint32 1, 2]", "au", "\1\0\0\0\2\0\0\0", 8 },
		{ "@au [1]", "au", "\1\0\0\0", 4 },
		{ "@as []", "as", "\0\0\0\0", 4 },
		{ "[[1], [2]]", "aai", NULL, 0 },
		{ "<5>", "v", "\5\0\0\0", 4 },
		{ "b'hi'", "ay", "hi", 3 },
		{ "", NULL, NULL, 0 },
		{ "foo", NULL, NULL, 0 },
		{ "[]", NULL, NULL, 0 },
		{ "[1, 'a']", NULL, NULL, 0 },
		{ "[1", NULL, NULL, 0 },
		{ "'x", NULL, NULL, 0 },
		{ "'x' y", NULL, NULL, 0 },
		{ "byte 256", NULL, NULL, 0 },
		{ "byte -1", NULL, NULL, 0 },
		{ "uint32 'x'", NULL, NULL, 0 },
		{ "2147483648", NULL, NULL, 0 },
		{ "uint64 18446744073709551616", NULL, NULL, 0 },
		{ "1e999", NULL, NULL, 0 },
		{ "{'a': 1}", NULL, NULL, 0 },
		{ "(1, 2)", NULL, NULL, 0 },
		{ "@a{sv} []", NULL, NULL, 0 },
		{ "@zz 1", NULL, NULL, 0 },
		{ "uint32", NULL, NULL, 0 },
		{ "<", NULL, NULL, 0 },
		{ "[[[[[[[[[[[[1]]]]]]]]]]]]", NULL, NULL, 0 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		CLEANUP_STRBUF struct strbuf out = STRBUF_INIT;
		CLEANUP_ARENA struct arena a = ARENA_INIT;
		const struct rt_value *v;
		struct err e = { 0 };
		int r = rt_value_parse(&a, rows[i].text, &v, &e);

		if (!rows[i].type) {
			if (r == 0)
				fail_msg("\"%s\" was taken", rows[i].text);
			assert_true(e.msg[0]);
			continue;
		}
		if (r < 0)
			fail_msg("\"%s\": %s", rows[i].text, e.msg);
		assert_string_equal(rt_value_signature(v), rows[i].type);
		assert_int_equal(written(v, &out), 0);
		if (rows[i].n)
			assert_memory_equal(out.s + out.len - rows[i].n, rows[i].tail, rows[i].n);
	}
}

static void annotations(void **state)
{
	static const struct oci_kv list[] = {
		{ "org.systemd.property.TimeoutStopUSec", "uint64 5" }, { "other", "x" },
		{ "org.systemd.property.TimeoutStopSec", "7" },		{ "org.systemd.property.ASec", "7" },
		{ "org.systemd.property.RuntimeMaxSec", "1.5" },
	};
	static const struct oci_kv bad[] = {
		{ "org.systemd.property.Ab", "1" },	     { "org.systemd.property.A_b", "1" },
		{ "org.systemd.property.TimeoutSec", "'x'" }, { "org.systemd.property.TimeoutSec", "-1" },
		{ "org.systemd.property.TimeoutSec", "uint64 18446744073709551615" }, { "org.systemd.property.Foo", "nonsense" },
	};
	CLEANUP_ARENA struct arena a = ARENA_INIT;
	struct oci_spec spec = { .annotations = list, .n_annotations = ARRAY_LEN(list) };
	CLEANUP_STRBUF struct strbuf out = STRBUF_INIT;
	struct rt_property *p;
	struct err e = { 0 };
	size_t n;

	(void)state;
	assert_int_equal(rt_unit_annotations(&a, &spec, &p, &n, &e), 0);
	assert_int_equal(n, 4);
	assert_string_equal(p[0].name, "TimeoutStopUSec");
	assert_string_equal(p[1].name, "TimeoutStopUSec");
	assert_string_equal(rt_value_signature(p[1].value), "t");
	assert_int_equal(written(p[1].value, &out), 0);
	assert_memory_equal(out.s + out.len - 8, "\xc0\xcf\x6a\0\0\0\0\0", 8); /* 7000000 */
	assert_string_equal(p[2].name, "ASec"); /* an upper-case letter before it: another word */
	assert_string_equal(p[3].name, "RuntimeMaxUSec");
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		spec = (struct oci_spec){ .annotations = &bad[i], .n_annotations = 1 };
		assert_true(rt_unit_annotations(&a, &spec, &p, &n, &e) < 0);
		assert_non_null(strstr(e.msg, bad[i].key));
	}
}

/* ---- limits ---- */

static void limits_of(const struct cg_resources *r, bool v2, struct strbuf *out)
{
	static const struct dbus_call call = { .path = "/p", .member = "M", .signature = "a(sv)" };
	struct dbus_message m;
	struct dbus_writer w;
	struct err e = { 0 };

	dbus_call_begin(&w, out, 1, &call);
	dbus_open(&w, 'a');
	assert_int_equal(rt_unit_limits(&w, r, v2, &e), 0);
	dbus_close(&w);
	assert_int_equal(dbus_call_end(&w), 0);
	assert_int_equal(dbus_parse(out->s, out->len, &m), out->len);
}

/* Property NAME of type t has this value in a message. */
static void assert_u64(const struct strbuf *out, const char *name, uint64_t want)
{
	size_t len = strlen(name) + 1;
	const char *at = memmem(out->s, out->len, name, len), *value;
	uint64_t v;

	if (!at)
		fail_msg("no %s", name);
	assert_memory_equal(at + len, "\1t", 3);
	value = at + len + 3;
	value += (8 - (size_t)(value - out->s) % 8) % 8;
	memcpy(&v, value, 8);
	assert_int_equal(v, want);
}

static bool has(const struct strbuf *out, const char *name)
{
	return memmem(out->s, out->len, name, strlen(name) + 1);
}

static void limits_v2(void **state)
{
	static const int64_t memory = 64 << 20, swap = 96 << 20, low = -1, quota = 12345, pids = 0;
	static const uint64_t shares = 1024, period = 50000;
	static const struct cg_kv unified[] = { { "memory.high", " 1000\n" }, { "memory.swap.max", "max" },
						{ "memory.low", "nonsense" }, { "hugetlb.2MB.max", "1" } };
	const struct cg_resources r = { .memory_limit = &memory, .memory_swap = &swap, .memory_reservation = &low,
					.cpu_quota = &quota, .cpu_period = &period, .cpu_shares = &shares,
					.pids_limit = &pids, .cpuset_cpus = "0-1,9", .unified = unified,
					.n_unified = ARRAY_LEN(unified) };
	CLEANUP_STRBUF struct strbuf out = STRBUF_INIT;

	(void)state;
	limits_of(&r, true, &out);
	assert_u64(&out, "MemoryMax", 64 << 20);
	assert_u64(&out, "MemorySwapMax", 32 << 20);
	assert_u64(&out, "MemoryLow", UINT64_MAX);
	assert_u64(&out, "CPUWeight", 100);
	assert_u64(&out, "CPUQuotaPeriodUSec", 50000);
	assert_u64(&out, "CPUQuotaPerSecUSec", 250000); /* 246900, up to whole percents */
	assert_u64(&out, "TasksMax", 1);
	assert_u64(&out, "MemoryHigh", 1000);
	assert_non_null(memmem(out.s, out.len, "AllowedCPUs\0\2ay\0", 16));
	assert_non_null(memmem(out.s, out.len, "\2\0\0\0\3\2", 6));
	assert_false(has(&out, "AllowedMemoryNodes"));
	assert_false(has(&out, "DeviceAllow"));
}

static void limits_none(void **state)
{
	static const int64_t none = -1, zero = 0, idle = 1;
	static const uint64_t no_shares = 0;
	const struct cg_resources r = { .memory_limit = &none, .cpu_quota = &none, .pids_limit = &none, .cpu_idle = &idle };
	const struct cg_resources z = { .memory_limit = &zero, .cpu_quota = &zero, .cpu_shares = &no_shares };
	CLEANUP_STRBUF struct strbuf out = STRBUF_INIT, empty = STRBUF_INIT, zeros = STRBUF_INIT;

	(void)state;
	limits_of(&r, true, &out);
	assert_u64(&out, "MemoryMax", UINT64_MAX);
	assert_u64(&out, "MemorySwapMax", UINT64_MAX);
	assert_u64(&out, "CPUQuotaPerSecUSec", UINT64_MAX);
	assert_u64(&out, "TasksMax", UINT64_MAX);
	assert_u64(&out, "CPUWeight", 0);
	limits_of(&(struct cg_resources){ 0 }, true, &empty);
	limits_of(&z, true, &zeros);
	assert_int_equal(empty.len, zeros.len);
}

static void limits_v1(void **state)
{
	static const int64_t memory = 64 << 20;
	static const uint64_t shares = 512;
	static const uint16_t weight = 300;
	static const struct cg_device_rule rules[] = {
		{ false, 'a', -1, -1, true, true, true },  { true, 'c', 1, 3, true, true, false },
		{ true, 'c', 136, -1, false, false, false }, { true, 'b', -1, -1, false, false, true },
		{ true, 'c', -1, 5, true, false, false },  { false, 'c', 1, 3, false, true, false },
	};
	const struct cg_resources r = { .memory_limit = &memory, .cpu_shares = &shares, .blkio_weight = &weight,
					.devices = rules, .n_devices = ARRAY_LEN(rules) };
	CLEANUP_STRBUF struct strbuf out = STRBUF_INIT;

	(void)state;
	limits_of(&r, false, &out);
	assert_u64(&out, "MemoryLimit", 64 << 20);
	assert_u64(&out, "CPUShares", 512);
	assert_u64(&out, "BlockIOWeight", 300);
	assert_true(has(&out, "strict"));
	assert_true(has(&out, "/dev/char/1:3"));
	assert_true(has(&out, "rw"));
	assert_true(has(&out, "char-136"));
	assert_true(has(&out, "rwm"));
	assert_true(has(&out, "block-*"));
	assert_false(has(&out, "char-*"));
}

static void quotas(void **state)
{
	static const struct {
		int64_t quota;
		uint64_t period;
		int64_t want;
	} rows[] = {
		{ 0, 0, 0 },		       { -1, 100000, -1 },	  { 50000, 100000, 50000 }, { 50000, 0, 50000 },
		{ 12345, 50000, 12500 },       { 12345, 0, 13000 },	  { 1, 100000, 1000 },	    { 2001, 2000, 2020 },
		{ INT64_MAX, 100000, INT64_MAX },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		assert_int_equal(rt_unit_quota(rows[i].quota, rows[i].period), rows[i].want);
}

static void allow_all_v1(void **state)
{
	static const struct cg_device_rule rules[] = { { true, 'a', -1, -1, true, true, true } };
	const struct cg_resources r = { .devices = rules, .n_devices = 1 };
	CLEANUP_STRBUF struct strbuf out = STRBUF_INIT;

	(void)state;
	limits_of(&r, false, &out);
	assert_true(has(&out, "auto"));
	assert_false(has(&out, "strict"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names),     cmocka_unit_test(slices),	    cmocka_unit_test(values), cmocka_unit_test(annotations),
		cmocka_unit_test(limits_v2), cmocka_unit_test(limits_none), cmocka_unit_test(limits_v1), cmocka_unit_test(allow_all_v1),
		cmocka_unit_test(quotas),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

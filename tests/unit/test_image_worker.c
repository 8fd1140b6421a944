#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <isa-l/igzip_lib.h>
#include <string.h>
#include <zstd.h>

#include "image/worker/hash.h"
#include "image/worker/inflate.h"
#include "image/manifest.h"
#include "image/worker/tree.h"

/* ---- inflate ---- */

struct bytes {
	const unsigned char *data;
	size_t len, pos, most; /* most: at a time */
};

static ssize_t take(void *ctx, void *buf, size_t len, struct err *e)
{
	struct bytes *b = ctx;
	size_t n = b->len - b->pos < len ? b->len - b->pos : len;

	(void)e;
	if (n > b->most)
		n = b->most;
	memcpy(buf, b->data + b->pos, n);
	b->pos += n;
	return (ssize_t)n;
}

/* Unpacks into out; gives the length or a negative error. */
static ssize_t inflate_all(const void *data, size_t len, size_t step, unsigned char *out, size_t cap, struct err *e)
{
	struct bytes b = { data, len, 0, 1U << 20 };
	CLEANUP_INFLATE struct inflate *f = NULL;
	size_t done = 0;

	if (inflate_new(take, &b, &f, e) < 0)
		return e->code;
	for (;;) {
		ssize_t n = inflate_read(f, out + done, step < cap - done ? step : cap - done, e);

		if (n <= 0)
			return n < 0 ? n : (ssize_t)done;
		done += (size_t)n;
	}
}

static unsigned char plain[300000], packed[700000], got[700000];

static size_t gzip_member(unsigned char *to, const unsigned char *from, size_t len)
{
	struct isal_zstream z;

	isal_deflate_init(&z);
	z.next_in = (unsigned char *)(uintptr_t)from;
	z.avail_in = (uint32_t)len;
	z.end_of_stream = 1;
	z.gzip_flag = IGZIP_GZIP;
	z.next_out = to;
	z.avail_out = 350000;
	assert_int_equal(isal_deflate(&z), COMP_OK);
	return z.total_out;
}

static void fill_plain(void)
{
	unsigned int x = 1;

	for (size_t i = 0; i < sizeof(plain); i++) {
		x = x * 1103515245 + 12345;
		plain[i] = i % 3 ? (unsigned char)(i / 100) : (unsigned char)(x >> 16);
	}
}

static void gzip_whole_and_cut(void **state)
{
	struct err e = { 0 };
	size_t len;

	(void)state;
	fill_plain();
	len = gzip_member(packed, plain, sizeof(plain));
	for (size_t step = 1000; step < 200000; step = step * 3 + 1) {
		assert_int_equal(inflate_all(packed, len, step, got, sizeof(got), &e), sizeof(plain));
		assert_memory_equal(got, plain, sizeof(plain));
	}
	for (size_t cut = 2; cut < len; cut += 997)
		assert_true(inflate_all(packed, cut, 65536, got, sizeof(got), &e) < 0);
	for (size_t cut = len - 12; cut < len; cut++)
		assert_true(inflate_all(packed, cut, 65536, got, sizeof(got), &e) < 0);
	packed[len - 5] ^= 1; /* the checksum */
	assert_true(inflate_all(packed, len, 65536, got, sizeof(got), &e) < 0);
	assert_non_null(strstr(e.msg, "checksum"));
}

static void gzip_members_and_padding(void **state)
{
	struct err e = { 0 };
	size_t len;

	(void)state;
	fill_plain();
	len = gzip_member(packed, plain, 100000);
	len += gzip_member(packed + len, plain + 100000, 0);
	len += gzip_member(packed + len, plain + 100000, 200000);
	memset(packed + len, 0, 600);
	assert_int_equal(inflate_all(packed, len + 600, 4096, got, sizeof(got), &e), sizeof(plain));
	assert_memory_equal(got, plain, sizeof(plain));
	packed[len + 500] = 1;
	assert_true(inflate_all(packed, len + 600, 4096, got, sizeof(got), &e) < 0);
}

static void zstd_frames_whole_and_cut(void **state)
{
	ZSTD_CCtx *z = ZSTD_createCCtx();
	struct err e = { 0 };
	size_t len;

	(void)state;
	fill_plain();
	(void)ZSTD_CCtx_setParameter(z, ZSTD_c_checksumFlag, 1);
	len = ZSTD_compress2(z, packed, sizeof(packed), plain, 200000);
	len += ZSTD_compress2(z, packed + len, sizeof(packed) - len, plain + 200000, 100000);
	ZSTD_freeCCtx(z);
	for (size_t step = 1000; step < 200000; step = step * 3 + 1) {
		assert_int_equal(inflate_all(packed, len, step, got, sizeof(got), &e), sizeof(plain));
		assert_memory_equal(got, plain, sizeof(plain));
	}
	assert_true(inflate_all(packed, len - 1, 65536, got, sizeof(got), &e) < 0);
	assert_non_null(strstr(e.msg, "truncated"));
	packed[len / 2] ^= 0xff;
	assert_true(inflate_all(packed, len, 65536, got, sizeof(got), &e) < 0);
}

static void plain_and_unsupported(void **state)
{
	struct err e = { 0 };

	(void)state;
	fill_plain();
	plain[0] = 'x';
	assert_int_equal(inflate_all(plain, sizeof(plain), 70000, got, sizeof(got), &e), sizeof(plain));
	assert_memory_equal(got, plain, sizeof(plain));
	assert_int_equal(inflate_all("", 0, 10, got, sizeof(got), &e), 0);
	assert_int_equal(inflate_all("\x1f", 1, 10, got, sizeof(got), &e), 1);
	assert_true(inflate_all("BZh91AY", 7, 10, got, sizeof(got), &e) < 0);
	assert_non_null(strstr(e.msg, "bzip2"));
}

/* ---- names ---- */

static void clean_paths(void **state)
{
	static const struct {
		const char *raw, *clean; /* clean NULL: refused */
	} cases[] = {
		{ "a/b", "a/b" }, { "./a//b/./c/", "a/b/c" }, { "/etc/passwd", "etc/passwd" }, { "", "" }, { "./", "" },
		{ "/", "" }, { "...", "..." }, { "..a/b..", "..a/b.." }, { "..", NULL }, { "a/..", NULL }, { "a/../b", NULL },
		{ "/..", NULL }, { "a/b/c/d/e", NULL },
	};
	char out[PATH_MAX], longest[PATH_MAX + 10];
	struct err e = { 0 };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		int r = tree_clean_path(cases[i].raw, 4, out, &e);

		assert_int_equal(r < 0, cases[i].clean == NULL);
		if (cases[i].clean)
			assert_string_equal(out, cases[i].clean);
	}
	memset(longest, 'x', sizeof(longest));
	longest[sizeof(longest) - 1] = '\0';
	assert_true(tree_clean_path(longest, 4, out, &e) < 0);
}

/* ---- documents ---- */

#define HEX "1111111111111111111111111111111111111111111111111111111111111111"
#define OCI_TYPE "application/vnd.oci.image."

static void docker_manifest(void **state)
{
	static const char text[] = "[{\"Config\":\"c.json\",\"RepoTags\":[\"a:1\",\"b:2\"],\"Layers\":[\"x/layer.tar\",\"y\"],"
				   "\"LayerSources\":{}},{\"Config\":\"d\",\"RepoTags\":null,\"Layers\":null}]";
	CLEANUP_ARENA struct arena a = ARENA_INIT;
	const struct docker_image *v;
	struct err e = { 0 };
	size_t n;

	(void)state;
	assert_int_equal(manifest_parse_docker(&a, text, strlen(text), &v, &n, &e), 0);
	assert_int_equal(n, 2);
	assert_string_equal(v[0].names[1], "b:2");
	assert_int_equal(v[0].n_layers, 2);
	assert_string_equal(v[0].layers[0], "x/layer.tar");
	assert_null(v[1].names[0]);
	assert_int_equal(v[1].n_layers, 0);
	assert_true(manifest_parse_docker(&a, "[]", 2, &v, &n, &e) < 0);
	assert_true(manifest_parse_docker(&a, "[{}]", 4, &v, &n, &e) < 0);
	assert_true(manifest_parse_docker(&a, "[1]", 3, &v, &n, &e) < 0);
	assert_true(manifest_parse_docker(&a, "{}", 2, &v, &n, &e) < 0);
}

static void oci_documents(void **state)
{
	static const char index[] =
		"{\"schemaVersion\":2,\"manifests\":[{\"mediaType\":\"" OCI_TYPE "manifest.v1+json\",\"digest\":\"sha256:" HEX
		"\",\"size\":9,\"platform\":{\"os\":\"linux\",\"architecture\":\"arm64\",\"variant\":\"v8\"},\"annotations\":{"
		"\"org.opencontainers.image.ref.name\":\"1\",\"io.containerd.image.name\":\"docker.io/x:1\"}}]}";
	static const char manifest[] =
		"{\"schemaVersion\":2,\"config\":{\"mediaType\":\"" OCI_TYPE "config.v1+json\",\"digest\":\"sha256:" HEX
		"\",\"size\":1},\"layers\":[{\"mediaType\":\"" OCI_TYPE "layer.v1.tar+zstd\",\"digest\":\"sha256:" HEX
		"\",\"size\":2}]}";
	CLEANUP_ARENA struct arena a = ARENA_INIT;
	const struct descriptor *d;
	struct manifest m;
	struct err e = { 0 };
	size_t n;

	(void)state;
	assert_int_equal(manifest_parse_index(&a, index, strlen(index), &d, &n, &e), 0);
	assert_int_equal(n, 1);
	assert_int_equal(d->kind, MEDIA_MANIFEST);
	assert_string_equal(d->name, "docker.io/x:1");
	assert_true(d->has_platform);
	assert_string_equal(d->platform.variant, "v8");
	assert_int_equal(manifest_parse(&a, manifest, strlen(manifest), &m, &e), 0);
	assert_int_equal(m.n_layers, 1);
	assert_int_equal(m.layers[0].size, 2);
	assert_true(manifest_parse(&a, index, strlen(index), &m, &e) < 0);
	assert_true(manifest_parse(&a, "{\"schemaVersion\":1}", 19, &m, &e) < 0);
	assert_non_null(strstr(e.msg, "schema 1"));
}

#define DESCRIPTOR(type) "{\"mediaType\":\"" type "\",\"digest\":\"sha256:" HEX "\",\"size\":2}"

/* image-index.md: what an implementation does not know in an index it passes over. */
static void unknown_entries_of_an_index(void **state)
{
	CLEANUP_ARENA struct arena a = ARENA_INIT;
	static const char beside[] = "{\"schemaVersion\":2,\"manifests\":[" DESCRIPTOR("application/x-y") ","
		DESCRIPTOR(OCI_TYPE "manifest.v1+json") "]}";
	static const char alone[] = "{\"schemaVersion\":2,\"manifests\":[" DESCRIPTOR("application/x-y") "]}";
	static const char both[] = "{\"schemaVersion\":2,\"manifests\":[],\"layers\":[],\"config\":"
		DESCRIPTOR(OCI_TYPE "config.v1+json") "}";
	const struct descriptor *d;
	struct manifest m;
	struct platform want;
	struct err e = { 0 };
	size_t n, best = 9;

	(void)state;
	platform_host(&want);
	assert_int_equal(manifest_parse_index(&a, beside, strlen(beside), &d, &n, &e), 0);
	assert_int_equal(manifest_choose(d, n, &want, false, &best, &e), 0);
	assert_int_equal(best, 1);
	assert_int_equal(manifest_parse_index(&a, alone, strlen(alone), &d, &n, &e), 0);
	assert_true(manifest_choose(d, n, &want, false, &best, &e) < 0);
	assert_non_null(strstr(e.msg, "application/x-y"));
	assert_true(manifest_parse_index(&a, both, strlen(both), &d, &n, &e) < 0);
	assert_non_null(strstr(e.msg, "ambiguous"));
	assert_true(manifest_parse(&a, both, strlen(both), &m, &e) < 0);
	assert_non_null(strstr(e.msg, "ambiguous"));
}

static void media_types(void **state)
{
	enum media_kind kind;
	struct err e = { 0 };

	(void)state;
	assert_int_equal(media_kind("application/vnd.docker.image.rootfs.diff.tar.gzip", &kind, &e), 0);
	assert_int_equal(kind, MEDIA_LAYER);
	assert_true(media_kind(OCI_TYPE "layer.v1.tar+gzip+encrypted", &kind, &e) < 0);
	assert_non_null(strstr(e.msg, "encrypted"));
	assert_true(media_kind("", &kind, &e) < 0);
	assert_true(media_kind("text/\x1b[31m", &kind, &e) < 0);
	assert_null(strchr(e.msg, '\x1b'));
}

static void hash_is_sha256(void **state)
{
	CLEANUP_HASH struct hash *h = NULL;
	char digest[DIGEST_LEN + 1];
	struct err e = { 0 };

	(void)state;
	assert_int_equal(hash_setup(&e), 0);
	assert_int_equal(hash_new(&h, &e), 0);
	hash_add(h, "a", 1);
	hash_add(h, "bc", 2);
	assert_int_equal(hash_end(h, digest, &e), 0);
	assert_string_equal(digest, "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(gzip_whole_and_cut), cmocka_unit_test(gzip_members_and_padding),
		cmocka_unit_test(zstd_frames_whole_and_cut), cmocka_unit_test(plain_and_unsupported),
		cmocka_unit_test(clean_paths), cmocka_unit_test(docker_manifest), cmocka_unit_test(oci_documents),
		cmocka_unit_test(unknown_entries_of_an_index),
		cmocka_unit_test(media_types), cmocka_unit_test(hash_is_sha256),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

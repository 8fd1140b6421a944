#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "base/sha256.h"

/* The examples of FIPS 180-4's companion document and the empty message. */
static void known_answers(void **state)
{
	char out[SHA256_DIGEST_LEN + 1];

	(void)state;
	sha256_digest("", 0, out);
	assert_string_equal(out, "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
	sha256_digest("abc", 3, out);
	assert_string_equal(out, "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
	sha256_digest("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq", 56, out);
	assert_string_equal(out, "sha256:248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
}

static void pieces_equal_the_whole(void **state)
{
	unsigned char data[1000], a[32], b[32];
	struct sha256 s;

	(void)state;
	memset(data, 'a', sizeof(data));
	for (size_t cut = 0; cut < 200; cut += 7) {
		sha256_init(&s);
		sha256_add(&s, data, cut);
		sha256_add(&s, data + cut, sizeof(data) - cut);
		sha256_end(&s, a);
		sha256_init(&s);
		sha256_add(&s, data, sizeof(data));
		sha256_end(&s, b);
		assert_memory_equal(a, b, 32);
	}
}

/* Byte by byte goes by the code that every processor has, much at once by its own instructions where it has them. */
static void much_equals_little(void **state)
{
	static unsigned char data[100003];
	unsigned char a[32], b[32];
	char out[SHA256_DIGEST_LEN + 1];
	static char million[1000000];
	struct sha256 s;

	(void)state;
	for (size_t i = 0; i < sizeof(data); i++)
		data[i] = (unsigned char)(i * 7 + i / 251);
	sha256_init(&s);
	for (size_t i = 0; i < sizeof(data); i++)
		sha256_add(&s, data + i, 1);
	sha256_end(&s, a);
	for (size_t cut = 0; cut < 130; cut++) {
		sha256_init(&s);
		sha256_add(&s, data, cut);
		sha256_add(&s, data + cut, sizeof(data) - cut);
		sha256_end(&s, b);
		assert_memory_equal(a, b, 32);
	}
	memset(million, 'a', sizeof(million));
	sha256_digest(million, sizeof(million), out);
	assert_string_equal(out, "sha256:cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(known_answers),
		cmocka_unit_test(pieces_equal_the_whole),
		cmocka_unit_test(much_equals_little),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

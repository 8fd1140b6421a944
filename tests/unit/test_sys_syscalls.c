#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <fcntl.h>
#include <seccomp.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "base/io.h"
#include "sys/syscalls.h"

static void sorted_without_doubles(void **state UNUSED)
{
	for (unsigned int row = 1; row < SC_ROWS; row++)
		assert_true(strcmp(sc_table[row - 1].name, sc_table[row].name) < 0);
	for (int abi = 0; abi < SC_ABIS; abi++)
		for (unsigned int x = 0; x < SC_ROWS; x++)
			for (unsigned int y = x + 1; y < SC_ROWS; y++)
				assert_true(sc_table[x].nr[abi] < 0 || sc_table[x].nr[abi] != sc_table[y].nr[abi]);
}

static void every_name_is_found(void **state UNUSED)
{

	for (int row = 0; row < SC_ROWS; row++)
		for (int hint = -1; hint <= SC_ROWS; hint++)
			assert_int_equal(sc_find(sc_table[row].name, hint), row);
	assert_int_equal(sc_find("", 0), -ENOENT);
	assert_int_equal(sc_find("open ", 7), -ENOENT);
	assert_int_equal(sc_find("no_such_call", SC_ROWS - 1), -ENOENT);
}

/* Every "#define __NR_name number" of a kernel header is in the table; a header newer than our table fails here. */
static void check_header(const char *path, enum sc_abi abi)
{
	char *text, *line, *rest;
	int seen = 0;

	if (io_read_file(AT_FDCWD, path, 1 << 20, &text, NULL) < 0)
		skip();
	for (line = strtok_r(text, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest)) {
		char name[64];
		int nr, row;

		if (sscanf(line, "#define __NR_%63s %d", name, &nr) != 2 &&
		    sscanf(line, "#define __NR_%63s (__X32_SYSCALL_BIT + %d)", name, &nr) != 2)
			continue;
		row = sc_find(name, 0);
		if (row < 0 || sc_table[row].nr[abi] != nr)
			fail_msg("%s: %s is %d, not %d", path, name, nr, row < 0 ? -1 : sc_table[row].nr[abi]);
		seen++;
	}
	free(text);
	assert_true(seen > 300);
}

static void agrees_with_kernel_headers(void **state UNUSED)
{
	check_header("/usr/include/x86_64-linux-gnu/asm/unistd_64.h", SC_X86_64);
	check_header("/usr/include/x86_64-linux-gnu/asm/unistd_32.h", SC_X86);
	check_header("/usr/include/x86_64-linux-gnu/asm/unistd_x32.h", SC_X32);
}

/* x86's direct numbers hide behind libseccomp's pseudo numbers for these: -100 - n for socketcall, -200 - n for ipc. */
static void multiplexed_calls(void **state UNUSED)
{
	for (unsigned int row = 0; row < SC_ROWS; row++) {
		int theirs = seccomp_syscall_resolve_name_arch(SCMP_ARCH_X86, sc_table[row].name);
		unsigned int mux = sc_table[row].mux;

		if (theirs <= -100 && theirs > -300)
			assert_int_equal(-theirs, (mux & SC_MUX_IPC ? 200 : 100) + (mux & SC_MUX_NUMBER));
		else
			assert_int_equal(mux, 0);
	}
}

static void agrees_with_libseccomp(void **state UNUSED)
{
	static const uint32_t tokens[SC_ABIS] = {
		[SC_X86_64] = SCMP_ARCH_X86_64, [SC_X86] = SCMP_ARCH_X86, [SC_X32] = SCMP_ARCH_X32,
		[SC_AARCH64] = SCMP_ARCH_AARCH64, [SC_ARM] = SCMP_ARCH_ARM,
	};
	int seen = 0;

	for (int abi = 0; abi < SC_ABIS; abi++)
		for (unsigned int row = 0; row < SC_ROWS; row++) {
			int theirs = seccomp_syscall_resolve_name_arch(tokens[abi], sc_table[row].name);
			int ours = sc_table[row].nr[abi];

			/* -1: newer than the library; below: not in this ABI, or through socketcall or ipc */
			if (theirs < -1 && ours >= 0 && abi != SC_X86)
				fail_msg("%s in ABI %d: %d, libseccomp has none", sc_table[row].name, abi, ours);
			if (theirs < 0)
				continue;
			if (ours >= SC_PRIVATE)
				ours = (int)sc_kernel_number(ours);
			if (abi == SC_X32)
				theirs &= ~(int)SC_X32_BIT;
			if (theirs != ours)
				fail_msg("%s in ABI %d: %d, libseccomp %d", sc_table[row].name, abi, ours, theirs);
			seen++;
		}
	assert_true(seen > 1500);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sorted_without_doubles),
		cmocka_unit_test(every_name_is_found),
		cmocka_unit_test(agrees_with_kernel_headers),
		cmocka_unit_test(multiplexed_calls),
		cmocka_unit_test(agrees_with_libseccomp),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Names and numbers of system calls, for every ABI a filter of ours can meet. syscalls(2). */
#ifndef TARE_SYS_SYSCALLS_H
#define TARE_SYS_SYSCALLS_H

#include <stdint.h>

#include "base/cleanup.h"

enum sc_abi { SC_X86_64, SC_X86, SC_X32, SC_AARCH64, SC_ARM, SC_ABIS };

#define SC_ROWS 483
#define SC_X32_BIT 0x40000000U /* set in every number an x32 program calls; the table has the numbers without it */

struct sc_row {
	const char *name;
	int32_t nr[SC_ABIS]; /* -1: not there */
};
extern const struct sc_row sc_table[SC_ROWS];

/* Finds rows by name; to be made once by whoever looks up many. */
#define SC_INDEX_SLOTS 2048
struct sc_index {
	uint16_t slot[SC_INDEX_SLOTS]; /* row + 1, 0 = empty */
};
void sc_index_init(struct sc_index *ix);

/* The row of a call named as in the kernel's tables ("openat"); -ENOENT when none of the ABIs has it. */
int sc_find(const struct sc_index *ix, const char *name) MUST_CHECK;

#endif

/* Names and numbers of system calls, for every ABI a filter of ours can meet. syscalls(2). */
#ifndef TARE_SYS_SYSCALLS_H
#define TARE_SYS_SYSCALLS_H

#include <stdint.h>

#include "base/cleanup.h"

enum sc_abi { SC_X86_64, SC_X86, SC_X32, SC_AARCH64, SC_ARM, SC_ABIS };

#define SC_ROWS 483
#define SC_X32_BIT 0x40000000U /* set in every number an x32 program calls; the table has the numbers without it */

/* arm's private calls, 0x0f0000 + n, stand in the table as SC_PRIVATE + n, above all others. */
#define SC_PRIVATE 640
#define SC_PRIVATE_KERNEL 0x0f0000U

/* On x86 the call can also be made through socketcall(2) or ipc(2), as number (mux & SC_MUX_NUMBER). */
#define SC_MUX_IPC 0x80U
#define SC_MUX_NUMBER 0x7fU

struct sc_row {
	char name[29];
	uint8_t mux;	      /* 0: by itself only */
	int16_t nr[SC_ABIS];  /* -1: not there */
};
extern const struct sc_row sc_table[SC_ROWS];

/* The row of a call named as in the kernel's tables ("openat"); -ENOENT when none of the ABIs has it. hint: where
 * to begin, best the row after that of the name before; a bad one costs time and nothing else. */
int sc_find(const char *name, int hint) MUST_CHECK;

/* The number the kernel sees for a number of the table, without the x32 bit. */
static inline uint32_t sc_kernel_number(int nr)
{
	return nr < SC_PRIVATE ? (uint32_t)nr : SC_PRIVATE_KERNEL + (uint32_t)(nr - SC_PRIVATE);
}

#endif

/* Having pages at hand before they are touched: a page fault costs two to three microseconds in a virtual machine, ten
 * times what the same page costs in one call for many. No effect before Linux 5.14; a page that is not there after all is
 * a fault as ever, so nothing here can fail. madvise(2), MADV_POPULATE_READ, MADV_POPULATE_WRITE. */
#ifndef TARE_SYS_PREFAULT_H
#define TARE_SYS_PREFAULT_H

#include <stddef.h>

/* len bytes that are going to be written. */
void prefault_memory(void *p, size_t len);
/* The program's own code and constants, which a new process has in the page cache but not in its tables. */
void prefault_program(void);
/* What the deepest of our calls use of the stack. */
void prefault_stack(void);

#endif

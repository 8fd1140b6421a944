/* Having pages at hand before they are touched: a page fault costs two to three microseconds in a virtual machine, ten
 * times what the same page costs in one call for many. No effect before Linux 5.14; a page that is not there after all is
 * a fault as ever, so nothing here can fail. madvise(2), MADV_POPULATE_READ, MADV_POPULATE_WRITE. */
#ifndef TARE_SYS_PREFAULT_H
#define TARE_SYS_PREFAULT_H

#include <stddef.h>

/* len bytes that are going to be written. */
void prefault_memory(void *p, size_t len);
/* What any process of the program touches: its code, which is in the page cache but not in a new process's tables, and as
 * much of the stack as the deepest of our calls use. */
void prefault_process(void);

#endif

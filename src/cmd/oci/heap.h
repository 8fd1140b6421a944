/* tare-oci's malloc(3), and its first pages before they are touched (sys/prefault.h). */
#ifndef TARE_CMD_OCI_HEAP_H
#define TARE_CMD_OCI_HEAP_H

/* What every command that makes a process will use of it. */
void heap_prefault(void);

#endif

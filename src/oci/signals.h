/* Names of signals as people and specifications write them: "9", "KILL", "sigkill", "SIGRTMIN+3", "RTMAX-1".
 * signal(7). Real-time signals count from 34, whatever libc keeps for itself, as the peers do. */
#ifndef TARE_OCI_SIGNALS_H
#define TARE_OCI_SIGNALS_H

#include "base/cleanup.h"

#define OCI_SIGNAL_NAME_LEN 16

/* 1 to 64, or -EINVAL. */
int oci_signal_number(const char *name) MUST_CHECK;

/* "SIGTERM" of 15, "SIGRTMIN+3" of 37; the bare number for one without a name. Returns out. */
const char *oci_signal_name(int number, char out[OCI_SIGNAL_NAME_LEN]);

#endif

/* The order in which overlapping rules of one call are tried. Private to the seccomp compiler. */
#ifndef TARE_RUNTIME_SECCOMP_ORDER_H
#define TARE_RUNTIME_SECCOMP_ORDER_H

#include "runtime/seccomp_bpf.h"

/* Orders the rules (given as the profile has them) so that the first that matches decides as libseccomp does.
 * -EEXIST: two test the same and differ in their action. Needed only where actions differ. */
int seccomp_order(const struct bpf_rule **rules, uint32_t n, bool wide) MUST_CHECK;

#endif

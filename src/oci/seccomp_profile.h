/* tare's own seccomp profile: what a container may call when nobody said otherwise. docs/security.md describes it. */
#ifndef TARE_OCI_SECCOMP_PROFILE_H
#define TARE_OCI_SECCOMP_PROFILE_H

#include <stdbool.h>
#include <stdint.h>

#include "oci/spec.h"

struct oci_profile_args {
	uint64_t caps;	 /* the container's bounding set: opens the calls that these capabilities are for */
	bool user_ns;	 /* it has a user namespace of its own: capabilities that count only on the host open nothing */
	bool socketcall; /* the image is for 386, whose C library opens sockets through socketcall(2): allowed then, at the
			  * price that 32-bit code can open sockets of any family */
};

/* The profile as linux.seccomp, in a (names point to constants). Fails with ERR_INTERNAL (memory). */
int oci_seccomp_default(struct arena *a, const struct oci_profile_args *args, const struct oci_seccomp **out,
			struct err *e) MUST_CHECK;

#endif

/* The state of a container as the runtime-spec has it (runtime.md "State"): what hooks read on stdin and what a
 * seccomp listener gets. */
#ifndef TARE_OCI_STATE_H
#define TARE_OCI_STATE_H

#include <sys/types.h>

#include "base/json.h"
#include "oci/spec.h"

/* The version of the specification we comply with. */
#define OCI_VERSION "1.3.0"

/* The members ociVersion, id, status, pid (left out when it is 0), bundle, annotations, into the object that is open
 * in w. status: "creating", "created", "running", "stopped". */
void oci_state_members(struct json_writer *w, const struct oci_spec *spec, const char *id, const char *status, pid_t pid,
		       const char *bundle);

/* The whole object. */
void oci_state_write(struct strbuf *out, const struct oci_spec *spec, const char *id, const char *status, pid_t pid,
		     const char *bundle);

#endif

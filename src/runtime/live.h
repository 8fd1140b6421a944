/* Changes to a container that runs: mounts (crun's `mounts add` and `mounts remove`) and device nodes.
 *
 * All or nothing: when one of several fails, those before it are taken back. */
#ifndef TARE_RUNTIME_LIVE_H
#define TARE_RUNTIME_LIVE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"
#include "oci/spec.h"

struct rt_live {
	const char *id;
	pid_t pid;           /* init */
	uint64_t start_time; /* must match: a reused pid is an error */
	const struct oci_spec *spec;
	const char *bundle; /* absolute; relative bind sources count from there */
	const char *rootfs; /* absolute; bind sources below it are looked up in the container */
};

/* Mounts them in this order, as they would be in config.json. What the specification of a container that runs can't have any
 * more (control groups, a /dev of its own) is ERR_UNSUPPORTED. Mount points and copied links (copy-symlink) that were made stay. */
int rt_live_mount(const struct rt_live *l, const struct oci_mount *mounts, size_t n, struct err *e) MUST_CHECK;

/* Unmounts what lies on their destinations, last one first; nothing else of them counts. ERR_INVALID where no mount is,
 * ERR_DENIED for what a container consists of: /, /proc, /sys, /dev, /dev/pts, masked and read-only paths. gone_too: where no mount is any more,
 * as the container may have unmounted it itself, is success. */
int rt_live_unmount(const struct rt_live *l, const struct oci_mount *mounts, size_t n, bool gone_too, struct err *e) MUST_CHECK;

/* A node for the host's device d (its path is the one in the container; type, numbers, mode, owner as the container sees
 * it), made where nothing is yet: ERR_CONFLICT. */
int rt_live_node(const struct rt_live *l, const struct oci_device *d, struct err *e) MUST_CHECK;
/* Takes it away again. Absent is success; what is there instead is left alone: ERR_CONFLICT. */
int rt_live_no_node(const struct rt_live *l, const struct oci_device *d, struct err *e) MUST_CHECK;

#endif

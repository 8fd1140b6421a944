/* The systemd unit of a container: its names, the values it is given, and what is said to systemd.
 *
 * A container's unit is a transient scope with Delegate=yes in a slice: systemd makes its cgroup and keeps the limits it
 * knows, we write the others into the same cgroup. docs/adr/0010; systemd.scope(5), systemd.resource-control(5),
 * https://www.freedesktop.org/wiki/Software/systemd/ControlGroupInterface; runc docs/systemd.md for the forms of
 * linux.cgroupsPath and of annotations. */
#ifndef TARE_RUNTIME_UNIT_H
#define TARE_RUNTIME_UNIT_H

#include <limits.h>
#include <stdbool.h>
#include <sys/types.h>

#include "base/arena.h"
#include "base/err.h"
#include "oci/spec.h"
#include "wire/dbus.h"

struct rt_unit {
	const char *name;  /* "machine-ID.scope" */
	const char *slice; /* "system.slice" */
	bool user;	   /* a unit of the user's manager, not of the system's */
	const char *description; /* NULL: a container of tare-oci's */
};

/* ---- unit.c: names ---- */

/* linux.cgroupsPath in the form slice:prefix:name as a unit; an empty one is ":tare-oci:ID". Empty slice: system.slice,
 * user.slice for a user's; "-" is the root slice. The strings live in a. */
int rt_unit_plan(struct arena *a, const char *cgroups_path, const char *id, bool user, struct rt_unit *out,
		 struct err *e) MUST_CHECK;
/* The cgroup of a slice below its manager's: "a-b.slice" gives "/a.slice/a-b.slice", "-.slice" "". In a. */
int rt_unit_slice_path(struct arena *a, const char *slice, const char **out, struct err *e) MUST_CHECK;

/* ---- unit_value.c: GVariant texts ---- */

struct rt_value;
/* Parses a GVariant text: true, 5, uint64 5, 1.5, 'text', [1, 2], @as [], b'bytes', <5>; numbers without a type are i or
 * d. Dictionaries and tuples are ERR_UNSUPPORTED. https://docs.gtk.org/glib/gvariant-text-format.html */
int rt_value_parse(struct arena *a, const char *text, const struct rt_value **out, struct err *e) MUST_CHECK;
const char *rt_value_signature(const struct rt_value *v);
/* A number of seconds as microseconds, type t. */
int rt_value_usec(struct arena *a, const struct rt_value *v, const struct rt_value **out, struct err *e) MUST_CHECK;
void rt_value_write(struct dbus_writer *w, const struct rt_value *v);

/* A property from an annotation org.systemd.property.NAME. */
struct rt_property {
	const char *name;
	const struct rt_value *value;
};
/* All of a specification; *out in a. */
int rt_unit_annotations(struct arena *a, const struct oci_spec *spec, struct rt_property **out, size_t *n,
			struct err *e) MUST_CHECK;

/* ---- unit_limits.c ---- */

/* Puts (sv) pairs for those limits that systemd keeps, into an array a(sv) that is open. v2: in the terms of cgroup v2,
 * where device rules are ours alone; on v1 systemd writes device lists of its own accord and must know the rules. */
int rt_unit_limits(struct dbus_writer *w, const struct cg_resources *r, bool v2, struct err *e) MUST_CHECK;

/* systemd keeps CPU quotas in whole percent of a CPU: the next one that it can keep, for a period of 0 = the kernel's
 * 100 ms. What is in the kernel should be that, or it changes when systemd writes it again. 0 and less stay. */
int64_t rt_unit_quota(int64_t quota, uint64_t period);

/* ---- scope.c ---- */

struct rt_scope {
	pid_t helper; /* holds the scope until the container's process is in it */
	int pidfd, gate;
};
#define RT_SCOPE_INIT { .helper = -1, .pidfd = -1, .gate = -1 }

/* Starts the unit with the specification's limits and annotations and a helper process in it, and waits until it is
 * there. cgroup: its path, as sys/cgroup has it. When it fails there is no unit. */
int rt_scope_start(const struct rt_unit *u, const char *id, const struct oci_spec *spec, struct rt_scope *out,
		   char cgroup[PATH_MAX], struct err *e) MUST_CHECK;
/* Ends the helper: from now on the scope lives as long as its other processes do. */
void rt_scope_release(struct rt_scope *s);
#define CLEANUP_SCOPE CLEANUP(rt_scope_release)

#define RT_SUBGROUP "run.oci.systemd.subgroup"

/* subgroup.c: by crun's annotation RT_SUBGROUP, a cgroup below the scope for the container: helper, the only process
 * in there, moves down, and cgroup, the scope's, becomes its path. Nothing without the annotation, or when it is empty.
 * ERR_UNSUPPORTED but on pure v2, and for the unit of a user's manager. */
int rt_scope_divide(const struct oci_spec *spec, bool user, pid_t helper, char cgroup[PATH_MAX], struct err *e) MUST_CHECK;

/* Has systemd move a process of ours into the unit, where we may not ourselves; below: into this cgroup of it, "/NAME", which is there; or "". */
int rt_scope_attach(const char *name, bool user, const char *below, pid_t pid, struct err *e) MUST_CHECK;

/* Changes the limits that systemd keeps; those that are not set stay. */
int rt_scope_update(const char *name, bool user, const struct cg_resources *r, struct err *e) MUST_CHECK;
/* Stops the unit, waits until it is gone, and has a failure of it forgotten. Success when there is none. Its processes
 * should be dead already: systemd would ask them to end, and wait. */
int rt_scope_stop(const char *name, bool user, struct err *e) MUST_CHECK;

#endif

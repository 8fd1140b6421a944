/* Landlock for a container's processes, by annotations of its specification:
 *
 *	org.tare.landlock.ro      paths below which files may be read and folders listed
 *	org.tare.landlock.rw      … and written, made, removed, renamed, used as devices
 *	org.tare.landlock.exec    … read, listed and executed
 *	org.tare.landlock.bind    TCP ports that may be bound to
 *	org.tare.landlock.connect TCP ports that may be connected to
 *	org.tare.landlock.scope   "abstract-unix", "signal": not to processes outside of this one's domain
 *	org.tare.landlock.best-effort  "true": what the kernel's Landlock is too old for is left out
 *
 * Lists have ':' between their parts; an empty list allows nothing. With one of the first three every other file is out of
 * reach, with bind every other port to bind to, with connect likewise. Why intents instead of the kernel's rights, as
 * runtime-spec's proposals (#1111, #1241) have it: those grow with every other kernel, and a list of rights written for one
 * kernel is a hole or an error on the next. */
#ifndef TARE_RUNTIME_CONFINE_H
#define TARE_RUNTIME_CONFINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"
#include "oci/spec.h"
#include "sys/landlock.h"

struct rt_confine {
	bool any; /* there are annotations */
	struct landlock_domain domain;
	bool best_effort;
	const char *const *ro, *const *rw, *const *exec; /* NULL-terminated; NULL = none */
	const uint16_t *bind, *connect;
	size_t n_bind, n_connect;
};

/* Strings and lists live in a. ERR_INVALID, naming the annotation, for one that is unknown or no such list. */
int rt_confine_parse(struct arena *a, const struct oci_spec *spec, struct rt_confine *out, struct err *e) MUST_CHECK;

/* Whether version abi of Landlock (an error when there is none) can do that; ERR_UNSUPPORTED names the annotation. */
int rt_confine_possible(const struct rt_confine *c, int abi, struct err *e) MUST_CHECK;

#endif

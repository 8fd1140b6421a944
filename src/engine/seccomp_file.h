/* --security-opt seccomp=FILE: a profile as Docker's users have them, or as the OCI specification writes it. */
#ifndef TARE_ENGINE_SECCOMP_FILE_H
#define TARE_ENGINE_SECCOMP_FILE_H

#include <stdint.h>

#include "base/arena.h"
#include "base/json.h"

/* Reads it (path: or the profile itself, which begins with "{") and gives it in the specification's form ("linux.seccomp"). Docker's additions are worked out for this
 * machine and this container: archMap, and includes/excludes by architecture, kernel and capabilities (a mask). */
int seccomp_file_load(struct arena *a, const char *path, uint64_t caps, const struct json **out, struct err *e) MUST_CHECK;

#endif

/* Capabilities: names, and the five sets of the calling thread. capabilities(7), prctl(2), capset(2).
 *
 * A set is a 64-bit mask, bit n = capability n. Nothing here allocates, locks or keeps state, so all of it works
 * between clone and exec. Functions return 0 or -errno.
 *
 * The order in a process that becomes a container's (each step needs what the one before left):
 *
 *	cap_clamp(&want);          in the user namespace the process will run in; what it returns is worth a warning
 *	[no no_new_privs: load seccomp here, it needs CAP_SYS_ADMIN]
 *	cap_before_uid(&want);     narrows the bounding set (needs CAP_SETPCAP), keeps capabilities over setresuid
 *	setgroups, setresgid, setresuid; chdir and exec's path lookup may come here, as the user
 *	cap_after_uid(&want);      the other four sets, exactly as wanted
 *	[no_new_privs: prctl, then load seccomp here; nothing but execve follows]
 */
#ifndef TARE_SYS_CAPS_H
#define TARE_SYS_CAPS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/cleanup.h"

#define CAP_KNOWN 41 /* capabilities this table names: CAP_CHOWN (0) to CAP_CHECKPOINT_RESTORE (40), Linux 5.9 */
#define CAP_BIT(cap) (UINT64_C(1) << (cap))
#define CAP_ALL_KNOWN (CAP_BIT(CAP_KNOWN) - 1)

struct cap_sets {
	uint64_t bounding, effective, inheritable, permitted, ambient;
};

/* "CAP_NET_RAW" of 13; NULL for a number without a name. */
const char *cap_name(unsigned int cap);

/* 13 of "CAP_NET_RAW", "NET_RAW", "net_raw"; -EINVAL for anything else ("ALL" is the caller's business). */
int cap_number(const char *name) MUST_CHECK;

/* The highest capability the running kernel knows (40 on 6.1); capabilities newer than our table count too. */
unsigned int cap_last(void);
/* Every capability the running kernel knows. */
uint64_t cap_supported(void);

/* The calling thread's five sets. */
int cap_get(struct cap_sets *out) MUST_CHECK;

/* Whether this one (CAP_SYS_ADMIN of linux/capability.h) is in effect, asked by one call. */
bool cap_effective(unsigned int cap);

/* Of the permitted ones, those in which are in effect, or not; the others stay as they are. */
int cap_in_effect(uint64_t which, bool on) MUST_CHECK;

/* Takes out of want what this thread cannot get: not in its bounding or permitted set, effective outside permitted,
 * ambient outside permitted and inheritable. Returns everything that was taken from some set. The runtime-spec
 * (process.capabilities) wants a warning for these, not a failure. */
uint64_t cap_clamp(struct cap_sets *want);

/* Drops from the bounding set all that want->bounding lacks, and sets PR_SET_KEEPCAPS so that a change from uid 0 to
 * another leaves the permitted set. -EPERM without CAP_SETPCAP when there is something to drop. */
int cap_before_uid(const struct cap_sets *want) MUST_CHECK;

/* Clears PR_SET_KEEPCAPS, sets effective, permitted and inheritable by capset(2), then the ambient set to exactly
 * want->ambient. -EPERM when want was not clamped and asks for too much. */
int cap_after_uid(const struct cap_sets *want) MUST_CHECK;

#endif

/* The sets are changed with the bare system calls: glibc has no wrapper for capset(2) and libcap is a library.
 *
 * Why this order: the bounding set can only be narrowed by a thread with CAP_SETPCAP, so it goes first, as root. A
 * change of uid from 0 empties the permitted set unless PR_SET_KEEPCAPS is on, and always empties the effective and
 * the ambient ones, so those are set after it. KEEPCAPS goes off before capset(2): it must not survive into the
 * container's program (execve clears it as well, but the window costs nothing to close). The ambient set comes last
 * because each of its members must be permitted and inheritable already. */
#include "sys/caps.h"

#include <linux/capability.h>
#include <stdbool.h>
#include <strings.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

static const char *const names[CAP_KNOWN] = {
	[0] = "CAP_CHOWN",
	[1] = "CAP_DAC_OVERRIDE",
	[2] = "CAP_DAC_READ_SEARCH",
	[3] = "CAP_FOWNER",
	[4] = "CAP_FSETID",
	[5] = "CAP_KILL",
	[6] = "CAP_SETGID",
	[7] = "CAP_SETUID",
	[8] = "CAP_SETPCAP",
	[9] = "CAP_LINUX_IMMUTABLE",
	[10] = "CAP_NET_BIND_SERVICE",
	[11] = "CAP_NET_BROADCAST",
	[12] = "CAP_NET_ADMIN",
	[13] = "CAP_NET_RAW",
	[14] = "CAP_IPC_LOCK",
	[15] = "CAP_IPC_OWNER",
	[16] = "CAP_SYS_MODULE",
	[17] = "CAP_SYS_RAWIO",
	[18] = "CAP_SYS_CHROOT",
	[19] = "CAP_SYS_PTRACE",
	[20] = "CAP_SYS_PACCT",
	[21] = "CAP_SYS_ADMIN",
	[22] = "CAP_SYS_BOOT",
	[23] = "CAP_SYS_NICE",
	[24] = "CAP_SYS_RESOURCE",
	[25] = "CAP_SYS_TIME",
	[26] = "CAP_SYS_TTY_CONFIG",
	[27] = "CAP_MKNOD",
	[28] = "CAP_LEASE",
	[29] = "CAP_AUDIT_WRITE",
	[30] = "CAP_AUDIT_CONTROL",
	[31] = "CAP_SETFCAP",
	[32] = "CAP_MAC_OVERRIDE",
	[33] = "CAP_MAC_ADMIN",
	[34] = "CAP_SYSLOG",
	[35] = "CAP_WAKE_ALARM",
	[36] = "CAP_BLOCK_SUSPEND",
	[37] = "CAP_AUDIT_READ",
	[38] = "CAP_PERFMON",
	[39] = "CAP_BPF",
	[40] = "CAP_CHECKPOINT_RESTORE",
};

const char *cap_name(unsigned int cap)
{
	return cap < CAP_KNOWN ? names[cap] : NULL;
}

int cap_number(const char *name)
{
	if (strncasecmp(name, "CAP_", 4) == 0)
		name += 4;
	for (int cap = 0; cap < CAP_KNOWN; cap++)
		if (strcasecmp(name, names[cap] + 4) == 0)
			return cap;
	return -EINVAL;
}

/* The kernel answers -EINVAL for a capability it does not know, and they are numbered without holes. */
unsigned int cap_last(void)
{
	unsigned int known = 0, unknown = 64;

	while (unknown - known > 1) {
		unsigned int middle = (known + unknown) / 2;

		if (prctl(PR_CAPBSET_READ, (unsigned long)middle, 0L, 0L, 0L) >= 0)
			known = middle;
		else
			unknown = middle;
	}
	return known;
}

uint64_t cap_supported(void)
{
	return UINT64_MAX >> (63 - cap_last());
}

static uint64_t join(uint32_t low, uint32_t high)
{
	return (uint64_t)high << 32 | low;
}

static bool is_bounding(unsigned int cap)
{
	return prctl(PR_CAPBSET_READ, (unsigned long)cap, 0L, 0L, 0L) == 1;
}

static int read_process_sets(struct cap_sets *out)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3] = { 0 };

	if (syscall(SYS_capget, &header, data) < 0)
		return -errno;
	*out = (struct cap_sets){
		.effective = join(data[0].effective, data[1].effective),
		.permitted = join(data[0].permitted, data[1].permitted),
		.inheritable = join(data[0].inheritable, data[1].inheritable),
	};
	return 0;
}

int cap_get(struct cap_sets *out)
{
	unsigned int last = cap_last();
	int r = read_process_sets(out);

	for (unsigned int cap = 0; cap <= last && r == 0; cap++) {
		if (is_bounding(cap))
			out->bounding |= CAP_BIT(cap);
		if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_IS_SET, (unsigned long)cap, 0L, 0L) == 1)
			out->ambient |= CAP_BIT(cap);
	}
	return r;
}

bool cap_effective(unsigned int cap)
{
	struct cap_sets own = { 0 };

	return read_process_sets(&own) == 0 && own.effective & CAP_BIT(cap);
}

static uint64_t limit(uint64_t *set, uint64_t to)
{
	uint64_t lost = *set & ~to;

	*set &= to;
	return lost;
}

/* What capset(2) checks, applied beforehand: permitted within the old permitted; inheritable within the old
 * inheritable and the (narrowed) bounding set, and within the permitted set once CAP_SETPCAP is not effective. */
uint64_t cap_clamp(struct cap_sets *want)
{
	struct cap_sets have = { 0 };
	uint64_t lost = 0;

	if (read_process_sets(&have) < 0)
		have = (struct cap_sets){ 0 };
	for (unsigned int cap = 0; cap < 64; cap++)
		if (want->bounding & CAP_BIT(cap) && !is_bounding(cap))
			lost |= limit(&want->bounding, ~CAP_BIT(cap));
	lost |= limit(&want->permitted, have.permitted);
	lost |= limit(&want->effective, want->permitted);
	lost |= limit(&want->inheritable, have.inheritable | (have.permitted & want->bounding));
	lost |= limit(&want->ambient, want->permitted & want->inheritable);
	return lost;
}

int cap_before_uid(const struct cap_sets *want)
{
	unsigned int last = cap_last();

	for (unsigned int cap = 0; cap <= last; cap++) {
		if (want->bounding & CAP_BIT(cap))
			continue;
		/* fails without CAP_SETPCAP even when there is nothing left to drop */
		if (prctl(PR_CAPBSET_DROP, (unsigned long)cap, 0L, 0L, 0L) < 0 && is_bounding(cap))
			return -EPERM;
	}
	return prctl(PR_SET_KEEPCAPS, 1L, 0L, 0L, 0L) < 0 ? -errno : 0;
}

static int set_ambient(uint64_t want)
{
	if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0L, 0L, 0L) < 0)
		return -errno;
	for (unsigned int cap = 0; cap < 64; cap++)
		if (want & CAP_BIT(cap) &&
		    prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, (unsigned long)cap, 0L, 0L) < 0)
			return -errno;
	return 0;
}

static int write_process_sets(const struct cap_sets *want)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3];

	for (int half = 0; half < _LINUX_CAPABILITY_U32S_3; half++)
		data[half] = (struct __user_cap_data_struct){
			.effective = (uint32_t)(want->effective >> (32 * half)),
			.permitted = (uint32_t)(want->permitted >> (32 * half)),
			.inheritable = (uint32_t)(want->inheritable >> (32 * half)),
		};
	return syscall(SYS_capset, &header, data) < 0 ? -errno : 0;
}

int cap_in_effect(uint64_t which, bool on)
{
	struct cap_sets own = { 0 };
	int r = read_process_sets(&own);

	own.effective = on ? own.effective | (which & own.permitted) : own.effective & ~which;
	return r < 0 ? r : write_process_sets(&own);
}

int cap_after_uid(const struct cap_sets *want)
{
	int r = prctl(PR_SET_KEEPCAPS, 0L, 0L, 0L, 0L) < 0 ? -errno : write_process_sets(want);

	return r < 0 ? r : set_ambient(want->ambient);
}

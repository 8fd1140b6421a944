#include "runtime/process_attr.h"

#include <fcntl.h>
#include <net/if.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/personality.h>
#include <sys/socket.h>

#include "base/beneath.h"
#include "base/io.h"
#include "base/text.h"
#include "sys/kernel.h"

/* ---- scheduler: sched_setattr(2), linux/sched.h and linux/sched/types.h ---- */

struct k_sched_attr {
	uint32_t size, policy;
	uint64_t flags;
	int32_t nice;
	uint32_t priority;
	uint64_t runtime, deadline, period;
};

static int scheduler_attr(const struct oci_scheduler *s, struct k_sched_attr *out, struct err *e)
{
	int policy = oci_word_number(OCI_WORDS_SCHED_POLICIES, s->policy ? s->policy : "");

	if (policy < 0)
		return err_set(e, ERR_INVALID, "process.scheduler.policy: unknown \"%s\"", s->policy ? s->policy : "");
	*out = (struct k_sched_attr){ .size = sizeof(*out), .policy = (uint32_t)policy, .nice = s->nice,
				      .priority = (uint32_t)s->priority, .runtime = s->runtime,
				      .deadline = s->deadline, .period = s->period };
	for (const char *const *f = s->flags; f && *f; f++) {
		int flag = oci_word_number(OCI_WORDS_SCHED_FLAGS, *f);

		if (flag < 0)
			return err_set(e, ERR_INVALID, "process.scheduler.flags: unknown \"%s\"", *f);
		out->flags |= (uint64_t)flag;
	}
	return 0;
}

static int set_scheduler(const struct oci_scheduler *s, struct err *e)
{
	struct k_sched_attr attr;

	if (scheduler_attr(s, &attr, e) < 0)
		return e->code;
	if (syscall(SYS_sched_setattr, 0, &attr, 0U) < 0) {
		int r = -errno;

		/* sched_setattr(2): a deadline task's affinity must be all CPUs of its root domain */
		if (r == -EPERM && attr.deadline)
			return err_errno(e, r, "process.scheduler %s: the kernel wants all CPUs for it "
					 "(linux.resources.cpu.cpus, execCPUAffinity) and CAP_SYS_NICE", s->policy);
		return err_errno(e, r, "process.scheduler %s", s->policy);
	}
	/* the real time policies' attributes leave it out, but it is kept for when the policy changes */
	if (s->nice && setpriority(PRIO_PROCESS, 0, s->nice) < 0)
		return err_errno(e, -errno, "process.scheduler.nice %d", s->nice);
	return 0;
}

/* ---- io priority: ioprio_set(2) ---- */

static int set_io_priority(const struct oci_process *p, struct err *e)
{
	int io_class = oci_word_number(OCI_WORDS_IO_CLASSES, p->io_priority_class);
	const int who_process = 1;

	if (syscall(SYS_ioprio_set, who_process, 0, (io_class << 13) | p->io_priority) < 0)
		return err_errno(e, -errno, "process.ioPriority %s", p->io_priority_class);
	return 0;
}

/* ---- lists of numbers: "0-2,4" ---- */

static int parse_list(const char *list, unsigned char *bits, size_t n_bits)
{
	while (*list) {
		uint32_t first, last;

		if (!text_take_u32(&list, &first))
			return -EINVAL;
		last = first;
		if (*list == '-' && (list++, !text_take_u32(&list, &last)))
			return -EINVAL;
		if (first > last || last >= n_bits)
			return -EINVAL;
		for (unsigned int i = first; i <= last; i++)
			bits[i / 8] |= (unsigned char)(1U << (i % 8));
		if (*list == ',')
			list++;
		else if (*list)
			return -EINVAL;
	}
	return 0;
}

int rt_attr_all_cpus(pid_t pid, struct err *e)
{
	unsigned char bits[1024];

	memset(bits, 0xff, sizeof(bits));
	if (syscall(SYS_sched_setaffinity, pid, sizeof(bits), bits) < 0)
		return err_errno(e, -errno, "CPU affinity");
	return 0;
}

int rt_attr_affinity(pid_t pid, const char *list, const char *what, struct err *e)
{
	unsigned char bits[1024] = { 0 };

	if (parse_list(list, bits, sizeof(bits) * 8) < 0)
		return err_set(e, ERR_INVALID, "%s: \"%s\" is no list of CPUs", what, list);
	if (syscall(SYS_sched_setaffinity, pid, sizeof(bits), bits) < 0)
		return err_errno(e, -errno, "%s \"%s\"", what, list);
	return 0;
}

/* ---- memory policy: set_mempolicy(2), linux/mempolicy.h ---- */

static int set_memory_policy(const struct oci_memory_policy *m, struct err *e)
{
	int mode = oci_word_number(OCI_WORDS_MEMORY_MODES, m->mode ? m->mode : ""), flags = 0;
	unsigned char nodes[128] = { 0 };
	bool any = m->nodes && *m->nodes;

	if (mode < 0)
		return err_set(e, ERR_INVALID, "linux.memoryPolicy.mode: unknown \"%s\"", m->mode ? m->mode : "");
	for (const char *const *f = m->flags; f && *f; f++) {
		int flag = oci_word_number(OCI_WORDS_MEMORY_FLAGS, *f);

		if (flag < 0)
			return err_set(e, ERR_INVALID, "linux.memoryPolicy.flags: unknown \"%s\"", *f);
		flags |= flag;
	}
	if (any && parse_list(m->nodes, nodes, sizeof(nodes) * 8) < 0)
		return err_set(e, ERR_INVALID, "linux.memoryPolicy.nodes: \"%s\" is no list of nodes", m->nodes);
	if (syscall(SYS_set_mempolicy, mode | flags, any ? nodes : NULL, any ? sizeof(nodes) * 8 : 0UL) < 0)
		return err_errno(e, -errno, "linux.memoryPolicy %s", m->mode);
	return 0;
}

/* ---- personality(2) ---- */

static int set_personality(const char *domain, struct err *e)
{
	int persona = oci_word_number(OCI_WORDS_PERSONALITIES, domain);

	if (persona < 0)
		return err_set(e, ERR_INVALID, "linux.personality.domain: unknown \"%s\"", domain);
	if (personality((unsigned long)persona) < 0)
		return err_errno(e, -errno, "linux.personality %s", domain);
	return 0;
}

int rt_attr_check(const struct oci_process *p, struct err *e)
{
	struct k_sched_attr attr;

	if (p->scheduler && scheduler_attr(p->scheduler, &attr, e) < 0)
		return e->code;
	if (p->has_io_priority &&
	    oci_word_number(OCI_WORDS_IO_CLASSES, p->io_priority_class ? p->io_priority_class : "") < 0)
		return err_set(e, ERR_INVALID, "process.ioPriority.class: unknown \"%s\"",
			       p->io_priority_class ? p->io_priority_class : "");
	if (p->has_io_priority && (p->io_priority < 0 || p->io_priority > 7))
		return err_set(e, ERR_INVALID, "process.ioPriority.priority: %d is not 0 to 7", p->io_priority);
	return 0;
}

int rt_attr_apply(const struct rt_ctx *c, struct err *e)
{
	const struct oci_process *p = c->process;
	const struct oci_linux *l = &c->spec->linux_;

	if (l->personality_domain && set_personality(l->personality_domain, e) < 0)
		return e->code;
	if (p->scheduler && set_scheduler(p->scheduler, e) < 0)
		return e->code;
	if (p->has_io_priority && set_io_priority(p, e) < 0)
		return e->code;
	if (l->memory_policy && set_memory_policy(l->memory_policy, e) < 0)
		return e->code;
	return 0;
}

/* ---- namespaces ---- */

int rt_attr_loopback(struct err *e)
{
	CLEANUP_FD int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct ifreq ifr = { .ifr_name = "lo", .ifr_flags = IFF_UP };

	if (fd < 0 || ioctl(fd, SIOCSIFFLAGS, &ifr) < 0)
		return err_errno(e, -errno, "loopback device");
	return 0;
}

static bool fresh(const struct rt_ctx *c, enum oci_ns ns)
{
	return c->spec->linux_.ns[ns].wanted && !c->spec->linux_.ns[ns].path;
}

int rt_attr_namespaces(const struct rt_ctx *c, struct err *e)
{
	const struct oci_spec *s = c->spec;
	bool uts = s->linux_.ns[OCI_NS_UTS].wanted;

	if (s->hostname && *s->hostname) {
		if (!uts)
			return err_set(e, ERR_INVALID, "hostname: it would be the host's: linux.namespaces has no \"uts\"");
		if (sethostname(s->hostname, strlen(s->hostname)) < 0)
			return err_errno(e, -errno, "hostname %s", s->hostname);
	}
	if (s->domainname && *s->domainname) {
		if (!uts)
			return err_set(e, ERR_INVALID, "domainname: it would be the host's: linux.namespaces has no \"uts\"");
		if (setdomainname(s->domainname, strlen(s->domainname)) < 0)
			return err_errno(e, -errno, "domainname %s", s->domainname);
	}
	return fresh(c, OCI_NS_NETWORK) ? rt_attr_loopback(e) : 0;
}

/* ---- sysctl ---- */

/* The namespace a key belongs to, or OCI_NS_COUNT. */
static enum oci_ns sysctl_ns(const char *key)
{
	static const char *const ipc[] = { "kernel.msgmax", "kernel.msgmnb", "kernel.msgmni", "kernel.sem", "kernel.shmall",
					   "kernel.shmmax", "kernel.shmmni", "kernel.shm_rmid_forced",
					   "kernel.auto_msgmni", "kernel.msg_next_id", "kernel.sem_next_id",
					   "kernel.shm_next_id" };

	if (text_starts(key, "net."))
		return OCI_NS_NETWORK;
	if (text_starts(key, "fs.mqueue."))
		return OCI_NS_IPC;
	if (!strcmp(key, "kernel.hostname") || !strcmp(key, "kernel.domainname"))
		return OCI_NS_UTS;
	for (size_t i = 0; i < ARRAY_LEN(ipc); i++)
		if (!strcmp(ipc[i], key))
			return OCI_NS_IPC;
	return OCI_NS_COUNT;
}

/* Two places for one name: the specification has members of its own for these, and runc and crun refuse it, too. */
static int check_names(const struct oci_spec *s, const char *key, const char *value, struct err *e)
{
	if (!strcmp(key, "kernel.hostname"))
		return err_set(e, ERR_INVALID, "it is not allowed as it conflicts with the member hostname");
	if (!strcmp(key, "kernel.domainname") && s->domainname && strcmp(s->domainname, value) != 0)
		return err_set(e, ERR_INVALID, "the member domainname says something else (\"%s\")", s->domainname);
	return 0;
}

static int set_sysctl(const struct rt_ctx *c, const struct oci_kv *kv, struct err *e)
{
	CLEANUP_FD int fd = -1;
	enum oci_ns ns;
	char path[256], key[256];
	int n;

	/* "net/ipv4/conf/eth0.1/x" and "net.ipv4.x" are both in use: slashes first means dots are literal */
	n = snprintf(key, sizeof(key), "%s", kv->key);
	if (n < 0 || (size_t)n >= sizeof(key))
		return err_set(e, ERR_INVALID, "its name is too long");
	for (char *p = key; *p; p++)
		*p = (char)(*p == '.' ? '/' : *p == '/' ? '.' : *p);
	if (strchr(kv->key, '/') && strcspn(kv->key, "/") < strcspn(kv->key, "."))
		snprintf(key, sizeof(key), "%s", kv->key);
	snprintf(path, sizeof(path), "sys/%.240s", key);
	/* what it begins with decides whose it is: it must not lead elsewhere from there */
	if (strstr(path, "//") || strstr(path, "/./") || strstr(path, "/../"))
		return err_set(e, ERR_INVALID, "its name is not clean");
	for (char *p = key; *p; p++)
		*p = (char)(*p == '/' ? '.' : *p);
	if (check_names(c->spec, key, kv->value, e) < 0)
		return e->code;
	ns = sysctl_ns(key);
	if (ns == OCI_NS_COUNT)
		return err_set(e, ERR_INVALID, "it belongs to no namespace: setting it would change the host");
	if (!c->spec->linux_.ns[ns].wanted)
		return err_set(e, ERR_INVALID, "it would change the host: linux.namespaces has no \"%s\"", oci_ns_name(ns));
	fd = beneath_open(c->proc, path, BENEATH_NOLINKS, O_WRONLY, 0);
	if (fd < 0 || io_write_full(fd, kv->value, strlen(kv->value)) < 0)
		return err_errno(e, fd < 0 ? fd : -errno, "writing \"%s\"", kv->value);
	return 0;
}

int rt_attr_sysctl(const struct rt_ctx *c, struct err *e)
{
	for (size_t i = 0; i < c->spec->linux_.n_sysctl; i++)
		if (set_sysctl(c, &c->spec->linux_.sysctl[i], e) < 0)
			return err_ctx(e, "linux.sysctl %s", c->spec->linux_.sysctl[i].key);
	return 0;
}

/* ---- time namespace ---- */

int rt_attr_time_offsets(const struct rt_ctx *c, pid_t pid, struct err *e)
{
	char path[48], line[96];

	if (pid)
		snprintf(path, sizeof(path), "%d/timens_offsets", (int)pid);
	else
		snprintf(path, sizeof(path), "self/timens_offsets");
	for (size_t i = 0; i < c->spec->linux_.n_time_offsets; i++) {
		const struct oci_time_offset *o = &c->spec->linux_.time_offsets[i];
		int r;

		snprintf(line, sizeof(line), "%.20s %lld %u\n", o->clock, (long long)o->secs, o->nanosecs);
		r = io_write_value(c->proc, path, line);
		if (r < 0)
			return err_errno(e, r, "linux.timeOffsets.%s", o->clock);
	}
	return 0;
}

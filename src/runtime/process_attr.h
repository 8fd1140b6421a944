/* Attributes of the process that are one system call each, and what the container's namespaces are set to. Private to
 * runtime/. */
#ifndef TARE_RUNTIME_PROCESS_ATTR_H
#define TARE_RUNTIME_PROCESS_ATTR_H

#include "runtime/internal.h"

/* Host side, before the clone: names and values that no kernel takes. */
int rt_attr_check(const struct oci_process *p, struct err *e) MUST_CHECK;
/* Child: scheduler, io priority, personality, memory policy. */
int rt_attr_apply(const struct rt_ctx *c, struct err *e) MUST_CHECK;

/* CPUs of execCPUAffinity ("0-2,4") for pid. */
/* All CPUs that the cgroup of pid lets it have: what it inherited of its caller is not the container's. */
int rt_attr_all_cpus(pid_t pid, struct err *e) MUST_CHECK;
int rt_attr_affinity(pid_t pid, const char *list, const char *what, struct err *e) MUST_CHECK;

/* Child, in its new namespaces: hostname, domainname, loopback up. */
int rt_attr_namespaces(const struct rt_ctx *c, struct err *e) MUST_CHECK;
/* The loopback device of the network namespace we are in, up. */
int rt_attr_loopback(struct err *e) MUST_CHECK;
/* Child: linux.sysctl, through our own procfs; only what belongs to a namespace of the container. */
int rt_attr_sysctl(const struct rt_ctx *c, struct err *e) MUST_CHECK;
/* The offsets of pid's new time namespace; 0 = of the one this process made for its children. */
int rt_attr_time_offsets(const struct rt_ctx *c, pid_t pid, struct err *e) MUST_CHECK;

#endif

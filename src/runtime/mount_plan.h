/* What to do for each entry of the specification's mounts, decided before the clone so that both sides agree: which
 * kind it is, who makes it, with which attributes. */
#ifndef TARE_RUNTIME_MOUNT_PLAN_H
#define TARE_RUNTIME_MOUNT_PLAN_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "oci/mount_options.h"
#include "oci/spec.h"

enum rt_mount_kind {
	RT_MOUNT_FS,     /* a file system made anew */
	RT_MOUNT_BIND,   /* of a host path */
	RT_MOUNT_CGROUP, /* the container's view of its control groups */
	RT_MOUNT_CHANGE, /* "remount": options for what is mounted there already */
	RT_MOUNT_DEV     /* the tmpfs on /dev, which dev.c makes with the nodes in it */
};

struct rt_mount_plan {
	const struct oci_mount *m;
	enum rt_mount_kind kind;
	enum oci_ns shows; /* RT_MOUNT_FS: the namespace it shows, or OCI_NS_COUNT */
	bool by_host;   /* made by the host side and sent, else by the child */
	bool slave;     /* a bind that takes mounts from the host's before it is shared with others */
	bool late;      /* shows the container's own cgroup: made by the child, when it is in it */
	bool on_root;   /* a bind whose source lies in the rootfs folder: the child opens it below the new root */
	bool anchor;    /* on /proc or /sys: what is masked there is looked for on this very mount (masks.c) */
	bool read_only; /* as asked for, or because what is shown belongs to the host */
	struct oci_mount_options o; /* idmap only where there is something to map */
	const char **data;          /* o.data and o.sb_* as options of the file system, NULL-terminated */
	bool hierarchies;           /* RT_MOUNT_CGROUP: v1's tree of one folder per hierarchy, not v2 alone */
	size_t more;                /* hierarchies by_host: the index of the first one's fd */
};

struct rt_ctx;
/* Fills c->mounts. Fails on what cannot be done, naming destination and option. */
int rt_plan_mounts(struct rt_ctx *c, struct err *e) MUST_CHECK;

/* ---- mounts.c ---- */
/* Host side (or by_child): makes what is by_host into fds[index] (others -1; there are n_mount_fds), detached, attributes set. */
int rt_mounts_host(const struct rt_ctx *c, int userns, int *fds, struct err *e) MUST_CHECK;
/* Child: makes its own into fds[index], detached; RT_MOUNT_CGROUP and on_root ones are left for rt_mount_attach(). */
int rt_mounts_child(const struct rt_ctx *c, int *fds, struct err *e) MUST_CHECK;
/* A bind that is on_root, detached, finished: an fd. */
int rt_mount_on_root(const struct rt_ctx *c, const struct rt_mount_plan *p, int root, struct err *e) MUST_CHECK;
/* Child: attaches plan i below root; its fds are taken, but an anchor's stays open in fds[i]. */
int rt_mount_attach(const struct rt_ctx *c, size_t i, int root, int *fds, struct err *e) MUST_CHECK;
/* One that is no RT_MOUNT_CGROUP; *fd, its detached mount, stays the caller's (an on_root one is made here). A link that was copied
 * is no mount: *fd is closed, and -1. */
int rt_mount_place(const struct rt_ctx *c, const struct rt_mount_plan *p, int root, int *fd, struct err *e) MUST_CHECK;

/* Child: the place below root for the mount `tree` (-1: a folder that is made later), made when it is missing; O_PATH. itself: a
 * link there is the place, not what it leads to.
 * Refuses a file for a folder, a folder for a file, and what turns out to lie in the container's /proc. */
int rt_mount_target(int root, const char *destination, int tree, bool itself, struct err *e) MUST_CHECK;

/* One plan's attributes, and more (MOUNT_ATTR_* to set), onto its detached mount. */
int rt_mount_finish(const struct rt_mount_plan *p, int fd, uint64_t more, struct err *e) MUST_CHECK;
/* Maps the ids of detached tree fd, a copy of host path `source`; recursive: of every mount in it. A mount that cannot
 * be mapped stays plain when it is read-only or a socket, else ERR_UNSUPPORTED tells the ways out. */
int rt_mount_idmap(int fd, const char *source, bool recursive, int userns, bool read_only, struct err *e) MUST_CHECK;

/* ---- cgmount.c: RT_MOUNT_CGROUP ---- */
/* Which form it has, and fds for it. */
int rt_cgmount_plan(struct rt_ctx *c, struct rt_mount_plan *p, struct err *e) MUST_CHECK;
/* Host side (or by_child), for a by_host one at index i: binds of the container's own cgroups, detached, attributes set. */
int rt_cgmount_host(const struct rt_ctx *c, size_t i, int *fds, struct err *e) MUST_CHECK;
/* Child: attaches it below root. What is not by_host it makes, in its cgroup and cgroup namespace. */
int rt_cgmount_attach(const struct rt_ctx *c, size_t i, int root, int *fds, struct err *e) MUST_CHECK;

#endif

/* Who a container's process is: USER strings of images and command lines ("name", "uid", "name:group", "uid:gid",
 * ":group") against the passwd and group files of a rootfs, with Docker's answers. passwd(5), group(5). */
#ifndef TARE_OCI_USER_H
#define TARE_OCI_USER_H

#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"

struct oci_resolved_user {
	uint32_t uid, gid;
	const char *name;	/* NULL: no entry in passwd */
	const char *home;	/* "/" without an entry */
	const uint32_t *groups; /* supplementary: gid itself first, then, unless a group was named, those that list name */
	size_t n_groups;
};

/* user NULL or "" is root (0:0). A number needs no entry; a name without one is ERR_NOTFOUND. The files are read from
 * below rootfs_fd, as the container would see them; they may be absent and are not trusted to be sane: larger than
 * 8 MiB is ERR_LIMIT, something else than a regular file ERR_INVALID, lines that make no sense are passed over. */
int oci_user_resolve(struct arena *a, int rootfs_fd, const char *user, struct oci_resolved_user *out,
		     struct err *e) MUST_CHECK;

/* The same from the texts of the files (NULL: there is none), for a rootfs that is not mounted. */
int oci_user_resolve_texts(struct arena *a, const char *passwd, const char *group, const char *user,
			   struct oci_resolved_user *out, struct err *e) MUST_CHECK;

/* One group by name or number (--group-add). */
int oci_group_resolve(struct arena *a, int rootfs_fd, const char *group, uint32_t *gid,
		      struct err *e) MUST_CHECK;
int oci_group_resolve_text(const char *file, const char *group, uint32_t *gid, struct err *e) MUST_CHECK;

/* The home folder of a uid by its first entry in passwd; "/" when there is none. */
int oci_user_home(struct arena *a, int rootfs_fd, uint32_t uid, const char **home, struct err *e) MUST_CHECK;

#endif

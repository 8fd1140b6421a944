/* The map that a mount's option "idmap" or "ridmap" brings along, as crun has it ("idmap=uids=0-1000-10#20-2000-5;gids=0-1000-10"):
 * ranges FILE-HOST-SIZE with "#" between them, of the file system's ids, the host's ids they are shown as, and how many. With "@"
 * before a range HOST is an id in the container's user namespace: what the host has for it is meant. */
#ifndef TARE_OCI_MOUNT_IDMAP_H
#define TARE_OCI_MOUNT_IDMAP_H

#include "base/arena.h"
#include "base/err.h"
#include "oci/spec.h"

/* text: what is behind "idmap="; l: whose uidMappings and gidMappings "@" counts from. Fills m's maps, both of them. A range that
 * goes across several of the namespace's becomes several. Fails with ERR_INVALID, naming option and range. */
int oci_mount_idmap_parse(struct arena *a, const char *text, const struct oci_linux *l, struct oci_mount *m, struct err *e) MUST_CHECK;

#endif

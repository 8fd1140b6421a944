/* The option strings of a mount ("ro", "rbind", "rnosuid", "size=64k") as what the kernel is to be told.
 * runtime-spec, config.md "Linux mount options"; mount(8), mount_setattr(2).
 *
 * One table (mount_options.c) names every option; r + name is its recursive form where there is one. Of options that
 * contradict each other the last one counts, as in mount(8). */
#ifndef TARE_OCI_MOUNT_OPTIONS_H
#define TARE_OCI_MOUNT_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"

/* For mount_setattr(2): bits of attr_set and attr_clr. Never both the same bit, but for MOUNT_ATTR__ATIME, which must
 * be cleared as a whole whenever one of its values is set. */
struct oci_mount_attr {
	uint64_t set, clear;
};

enum oci_idmap { OCI_IDMAP_NO, OCI_IDMAP_MOUNT, OCI_IDMAP_RECURSIVE };

/* What becomes of symbolic links at the ends of a bind mount, as crun has it. */
enum oci_links {
	OCI_LINK_SOURCE = 1,	  /* src-nofollow: a link as the source is bound itself */
	OCI_LINK_DESTINATION = 2, /* dest-nofollow: a link as the destination is mounted on itself */
	OCI_LINK_COPY = 4	  /* copy-symlink: a link as the source is made again at the destination, and nothing mounted */
};

#define OCI_PROPAGATION_MAX 4

struct oci_mount_options {
	struct oci_mount_attr attr;	 /* of the mount itself; "ro" is here, for new file systems too */
	struct oci_mount_attr recursive; /* with AT_RECURSIVE, applied after attr */
	unsigned long sb_set, sb_clear;	 /* superblock flags (MS_SYNCHRONOUS …): new file systems, remount */
	unsigned long propagation[OCI_PROPAGATION_MAX]; /* MS_SHARED … perhaps | MS_REC, to be applied in this order */
	size_t n_propagation;
	bool bind, recursive_bind; /* recursive_bind implies bind */
	bool remount;
	bool tmpcopyup; /* a tmpfs that begins as a copy of the folder it covers */
	unsigned int links; /* OCI_LINK_* */
	enum oci_idmap idmap;
	const char *subpath; /* x-tare.subpath=PATH: of the source that below it, whose links may not lead out of the source; NULL = none */
	const char *volume; /* x-tare.volume=NAME: a file system that the host's root mounts, for this volume; NULL = none */
	const char *const *lower; /* x-tare.lower=PATH, several: a bind of these folders laid over each other, topmost first, which is read-only whatever
				   * else is said; its source only is a name then */
	size_t n_lower;
	bool userxattr; /* x-tare.userxattr: theirs are user.overlay.* attributes */
	const char *idmap_ranges; /* a map of its own, "uids=…;gids=…" (oci/mount_idmap.h); NULL = none */
	const char *const *data; /* what is left: options of the file system, "key" or "key=value"; NULL-terminated */
	size_t n_data;
};

/* options: NULL-terminated, NULL = none. Strings are kept by reference. Fails with ERR_INVALID. */
int oci_mount_options_parse(struct arena *a, const char *const *options, struct oci_mount_options *out,
			    struct err *e) MUST_CHECK;

/* The option that fsconfig(2) wants for one superblock flag, set or cleared ("sync", "async"); NULL when it has none
 * (MS_SILENT, MS_I_VERSION). */
const char *oci_mount_sb_option(unsigned long flag, bool set);

/* The options we know, one by one, recursive forms included; NULL behind the last (for `features`). */
const char *oci_mount_option_name(size_t i, char buf[32]);

/* The flags of one propagation name ("rslave": MS_SLAVE | MS_REC); 0 when it is none. For rootfsPropagation. */
unsigned long oci_propagation(const char *name);

#endif

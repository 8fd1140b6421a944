/* Writes a layer's tree below one folder handle, from entries that may be hostile.
 *
 * Paths are relative, without "", "." and ".." components (layer.c cleans and checks them). Every folder is reached by
 * openat2(RESOLVE_BENEATH) from the root; the last component never follows a link. */
#ifndef TARE_WORKER_WRITER_H
#define TARE_WORKER_WRITER_H

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>
#include <time.h>

#include "base/err.h"

struct writer_xattr {
	const char *name;
	const void *value;
	size_t len;
};

struct writer_entry {
	const char *path; /* clean; "" is the root itself */
	mode_t mode;      /* type and permissions; ignored for hard links */
	uint32_t uid, gid;
	struct timespec mtime;
	const char *link; /* symlink: its text; hard link: clean path of the target */
	bool hard_link;
	dev_t device; /* of S_IFCHR, S_IFBLK */
	const struct writer_xattr *xattrs;
	size_t n_xattrs;
};

/* The folder that the last entries went into stays open: archives come folder by folder. */
struct writer {
	int root;        /* borrowed */
	int opaque;      /* the list of opaque folders: file in `meta`, made when first needed */
	int meta;        /* folder for it, borrowed */
	int dir;         /* the open folder, -1 = none */
	bool no_nodes;   /* devices are left out: nobody may make them here, and none opens in a container */
	bool dir_sgid;   /* new files inherit its group */
	bool dir_dirty;  /* something was made in it: its times are put back when it is left */
	struct timespec dir_times[2];
	char dir_path[PATH_MAX];
};

/* Times of folders that the archive has no entry for: a layer gives the same tree whenever it is unpacked. */
extern const struct timespec writer_no_time[2];

void writer_init(struct writer *w, int root, int meta, bool no_nodes);
/* Leaves the open folder; once, after the last entry. */
int writer_finish(struct writer *w, struct err *e) MUST_CHECK;
/* Closes handles, whatever happened. */
void writer_close(struct writer *w);

/* Makes a folder, link, device, fifo… A later entry of the same name wins; a folder stays one with what is in it. */
int writer_add(struct writer *w, const struct writer_entry *en, struct err *e) MUST_CHECK;

/* A regular file: gives an fd to write the content to, then writer_file_end() with it. */
int writer_file_begin(struct writer *w, const struct writer_entry *en, struct err *e) MUST_CHECK;
int writer_file_end(struct writer *w, int fd, const struct writer_entry *en, struct err *e) MUST_CHECK;

/* The entry hides `path` of lower layers: an overlay whiteout, unless this layer has something of that name itself. */
int writer_whiteout(struct writer *w, const char *path, struct err *e) MUST_CHECK;
/* The folder hides everything of the same folder of lower layers. */
int writer_opaque(struct writer *w, const char *path, struct err *e) MUST_CHECK;

#endif

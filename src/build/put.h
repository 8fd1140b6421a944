/* Files into the tree of a stage, as COPY does. */
#ifndef TARE_BUILD_PUT_H
#define TARE_BUILD_PUT_H

#include "build/pick.h"

/* Id n is base + n there; size 0: it is n. */
struct put_ids {
	uint32_t base, size;
};

struct put_to {
	int root;        /* the stage's tree, to be written; links in it are followed, never out of it */
	bool chown;      /* to uid and gid, else who owned the source */
	bool as_source;  /* uid, gid and chmod hold for folders that are made on the way alone */
	uint32_t uid, gid;
	const char *chmod; /* NULL: as the source's (build/filemode.h) */
	int64_t epoch;   /* seconds: time of folders that are made on the way */
	/* Not NULL: onto the machine's own folders, where set-id bits, attributes and devices would mean something else. They stay
	 * away; it is told of each device. */
	void (*left_out)(const char *path, void *data);
	void *data;
	struct put_ids ids;      /* of root's; uid and gid are without */
	struct put_ids from_ids; /* of the source's */
	bool archive;    /* the source is an unpacked tar: a folder of time 0 has no entry there, and says nothing about one that exists */
	bool in_use;     /* not a stage: who looks there sees by the folder's time that something came, and the folder may be another's */
	bool replace;    /* what is in the way goes also where a file is in a folder's place, or a folder in a file's */
	bool itself;     /* a folder becomes dest, with all that it is; what is there already stays a folder */
	uint64_t *bytes; /* not NULL: so much of files was written is added */
	bool folders;    /* and of the source's: when something in one came or went last is no part of what it is */
};

/* The folder at path, made where missing with those above it. Gives an fd of it. */
int put_folder(const struct put_to *to, const char *path, struct err *e) MUST_CHECK;

/* An item becomes dest: a folder's content goes into the folder dest; else dest is the file. The folder that has it keeps
 * its time, unless it is in use. */
int put_item(const struct put_to *to, const struct pick_from *from, const struct pick_item *item, const char *dest,
	     struct err *e) MUST_CHECK;

/* The attributes that are taken along (pick.h). */
int put_xattrs(int from, int to, struct err *e) MUST_CHECK;

/* A file of this text, of mode 0644. */
int put_text(const struct put_to *to, const char *text, const char *dest, struct err *e) MUST_CHECK;

#endif

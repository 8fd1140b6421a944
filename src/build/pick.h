/* The files that a COPY takes: found, walked in the order of their names, and told apart by a digest of what they are. */
#ifndef TARE_BUILD_PICK_H
#define TARE_BUILD_PICK_H

#include <sys/stat.h>

#include "build/digests.h"
#include "build/ignore.h"
#include "build/key.h"

struct pick_from {
	int root;                    /* O_RDONLY or O_PATH: nothing above it is ever looked at */
	const struct ignore *ignore; /* .dockerignore; an empty one where there is none */
	const struct ignore *excludes; /* --exclude: of paths below an item; of an item that is no folder its name */
	bool parents;                /* --parents: excludes are of paths as pick_item.below */
	bool owners;                 /* of an image, a stage, an archive: who owns a file, how old it is, and that it has several names,
				      * are a part of what it is; a copy of a context may have lost that */
	bool live;                   /* others write in it meanwhile: what goes while it is looked at is left out, and so are sockets and what is in
				      * the kernel's own file systems */
	uint64_t max_depth;
	struct digests *digests; /* what is known of its files; NULL: nothing, and nothing is kept */
};

struct pick_item {
	const char *path; /* from root, without links on the way; "" is root itself */
	const char *name; /* its last part as it was asked for */
	const char *below; /* all of it as it was asked for, behind the "/./" where the source has one: for --parents */
	int last;         /* of ignore_step() */
	mode_t mode;
};

struct pick_list {
	struct pick_item *v;
	size_t n, cap;
	size_t left_out; /* how many more there were that --exclude leaves out */
};

/* What a source of the instruction means: one path, links followed but never out of root, or all that fit a pattern,
 * none for example. ERR_NOTFOUND. */
int pick_source(struct arena *a, const struct pick_from *from, const char *source, struct pick_list *out,
		struct err *e) MUST_CHECK;

struct pick_entry {
	const char *rel; /* below the item; "" is itself */
	int dir;         /* an open folder, and its name there */
	const char *name;
	const struct stat *st;
};

/* Calls enter() for everything of an item, a folder before what is in it, and leave() for a folder when that is done. A
 * nonzero result ends the walk. Sockets are ERR_INVALID, but of what is live. */
struct pick_visitor {
	int (*enter)(const struct pick_entry *en, void *data, struct err *e);
	int (*leave)(const struct pick_entry *en, void *data, struct err *e); /* may be NULL */
	void *data;
};
int pick_walk(const struct pick_from *from, const struct pick_item *item, const struct pick_visitor *v, struct err *e) MUST_CHECK;

/* Who looks again a moment later does not find it, or something else, which is no error of what is live. */
bool pick_gone(const struct pick_from *from, int error);

/* Adds types, modes, attributes, names (several of one file, too), links and contents to a key; times as from->owners says. Of a file that gets longer meanwhile it is as much as there was. seen is added to as pick_seen() does it, with what everything was before
 * it was read. */
int pick_digest(const struct pick_from *from, const struct pick_item *item, struct key *k, struct key *seen, struct err *e) MUST_CHECK;

/* Adds when everything was last changed, in whatever way (ctime): equal at two times means that all was the same between. */
int pick_seen(const struct pick_from *from, const struct pick_item *item, struct key *seen, struct err *e) MUST_CHECK;

/* An attribute that is taken along. */
bool pick_wants_xattr(const char *name);
#define PICK_XATTRS 65536U
/* The names of all of fd's, a NUL behind each, into PICK_XATTRS bytes, and how long they are: 0 where its file system has none. */
ssize_t pick_list_xattrs(int fd, char *names, struct err *e) MUST_CHECK;
/* One's value into PICK_XATTRS bytes, and its length; -ENODATA, and nothing in *e: it is gone. */
ssize_t pick_get_xattr(int fd, const char *name, char *value, struct err *e) MUST_CHECK;

#endif

/* How much a volume or what a container writes may take on the disk, where the store's file system can limit that (sys/quota.h): its
 * folders are made with the limit, and lose it before they are removed. Nothing of it is written down elsewhere, but numbers of btrfs's
 * groups (files .groups/N beside the folders), from before a subvolume is removed until its group is gone. */
#ifndef TARE_ENGINE_CAPACITY_H
#define TARE_ENGINE_CAPACITY_H

#include "base/json.h"
#include "engine/engine.h"
#include "sys/quota.h"

/* The smallest one: a few folders have to fit into it, and what xfs sets aside for each call that makes one. */
#define CAPACITY_LEAST (1U << 20)
/* What a full container may have for its start: the kernel makes work's folder anew each time. */
#define CAPACITY_TO_START (512U << 10)
/* In the folder of a container whose root has a limit by QUOTA_SUBVOLUME: a subvolume that upper and work lie in, instead of lying beside
 * it. Both in the same one, for the kernel moves files from work to upper, and moves none to another subvolume. */
#define CAPACITY_SUBVOLUME "limited"

static inline bool capacity_any(const struct quota_limits *l)
{
	return l->bytes || l->files;
}

/* size=SIZE or inodes=N. 1: it was one of these and is in *out; 0: it is another option; ERR_INVALID. option: "--opt", for the message. */
int capacity_option(const char *option, const char *text, struct quota_limits *out, struct err *e) MUST_CHECK;

/* Whether the store can, and how (*kind, QUOTA_NONE without limits): ERR_UNSUPPORTED says why not. */
int capacity_check(const struct engine *en, const char *option, const struct quota_limits *limits, enum quota_kind *kind, struct err *e) MUST_CHECK;

/* The empty folders have these limits together. dir: they are names in it. */
int capacity_limit_folders(int dir, const char *const *names, size_t n, const struct quota_limits *limits, struct err *e) MUST_CHECK;

/* Before and behind a start of a container that has limits, by its configuration as the catalog has it (config.h): a little more, and just
 * what they are. Who is killed in between leaves the little until the next start. ERR_CONFLICT: its folders came without their limits, by a
 * copy of the store perhaps. */
int capacity_start(const struct engine *en, const char *id, const struct json *config, bool before, struct err *e) MUST_CHECK;

/* Makes the folder parent/name (mode 0700) with these limits, and gives its fd. What it fails to make whole it removes. */
int capacity_make_folder(int parent, const char *name, const struct quota_limits *limits, struct err *e) MUST_CHECK;
/* The limits of one that is there already, if it is: none take those away that it had. -ENODATA (and no message): it cannot have any, its
 * files came without. */
int capacity_change_folder(int parent, const char *name, const struct quota_limits *limits, struct err *e) MUST_CHECK;

/* Its limits go, and then parent/name with all that is in it. Absent is success; a negative errno. */
int capacity_remove_tree(int parent, const char *name) MUST_CHECK;
/* The limits alone, of a container's root that is about to be removed. True: capacity_sweep() is to follow that. */
bool capacity_forget_root(const struct engine *en, const char *id);
/* What is left of subvolumes that were removed goes, as far as the kernel lets it: it frees them later, and the rest is for who comes next. */
void capacity_sweep(const struct engine *en);

#endif

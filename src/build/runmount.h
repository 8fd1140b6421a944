/* RUN --mount: what a command sees besides the layers, and what of it is a part of its key. */
#ifndef TARE_BUILD_RUNMOUNT_H
#define TARE_BUILD_RUNMOUNT_H

#include "build/ssh.h"

/* Where a here-document that begins with #! is, which is executed as the file that it is. */
#define RUN_SCRIPT "/.tare-script"

struct run_lock {
	int fd;
	const char *name; /* of the cache, below the store's root */
};

struct run_mounts {
	struct df_list volumes, tmpfs, env; /* as `tare run` has them; env: of secrets, SSH_AUTH_SOCK */
	struct df_list files;               /* of secrets, below the ingest: to be removed when the command has ended */
	struct agent *agents;               /* that are lent to the command */
	size_t n_agents;
	struct run_lock *locks;             /* of caches */
	size_t n_locks;
	const char **caches;                /* of each mount that is a cache its name; the others' are NULL */
	char seen[SHA256_DIGEST_LEN + 1]; /* what was bound, before it was read */
	bool changed;                     /* it was another thing by the time that it was copied */
};
#define RUN_MOUNTS_INIT { 0 }

/* The content of binds, which the result depends on. Caches and secrets are no part of it. Sets out->seen. */
int run_mounts_key(struct build *b, size_t stage, const struct df_run *run, struct key *k, struct run_mounts *out, struct err *e) MUST_CHECK;

/* Makes what is mounted: of a bind a copy, so that the command may write into it and nobody sees that; of a cache the folder that
 * is kept for it; of a secret a file for as long as the command runs. Sets out->changed. */
int run_mounts_make(struct build *b, size_t stage, const struct step *st, const struct df_run *run, struct run_mounts *out,
		    struct err *e) MUST_CHECK;
void run_mounts_end(struct run_mounts *m);

/* Where number i is mounted: absolute and clean. NULL: no memory; "": nowhere (a secret that is a variable alone). */
const char *run_mount_target(struct arena *a, const struct conf *c, const struct df_run *run, size_t i);

#endif

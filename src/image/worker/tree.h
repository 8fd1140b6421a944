/* A layer's tar stream into a tree: libarchive reads, the writer writes, and everything between (names, whiteouts,
 * attributes, limits) is decided here. */
#ifndef TARE_WORKER_TREE_H
#define TARE_WORKER_TREE_H

#include <limits.h>
#include <stdint.h>

#include "image/worker/ring.h"
#include "image/worker/task.h"

struct tree_facts {
	uint64_t size;    /* bytes of the files */
	uint64_t entries;
	uint32_t max_id;
};

/* Takes the tar from the ring until its end and writes it below fs (an open, empty folder); `opaque`, the list of
 * opaque folders, is made in meta when there are any. A failure of the filler shows as ERR_INTERNAL here; its own
 * error is the one to report. */
int tree_write(struct task *t, struct ring *from, int fs, int meta, struct tree_facts *facts, struct err *e) MUST_CHECK;

/* A path of an archive, cleaned: no leading "/", no empty and "." components; "" is the root. ".." is refused, and
 * what is too long or has more than `depth` components. */
int tree_clean_path(const char *raw, uint64_t depth, char out[PATH_MAX], struct err *e) MUST_CHECK;

#endif

/* An OCI image layout as a folder (image-layout.md): what others' tools write and read beside registries. */
#ifndef TARE_IMAGE_LAYOUT_H
#define TARE_IMAGE_LAYOUT_H

#include "base/strbuf.h"
#include "image/closure.h"

struct layout {
	int root, blobs; /* O_DIRECTORY; owned */
};
#define LAYOUT_INIT { -1, -1 }
#define CLEANUP_LAYOUT CLEANUP(layout_close)

/* One that is there: ERR_UNSUPPORTED: of another version than 1. */
int layout_open(const char *path, struct layout *out, struct err *e) MUST_CHECK;
/* The same, or a new one, with the folders above it. */
int layout_make(const char *path, struct layout *out, struct err *e) MUST_CHECK;
void layout_close(struct layout *l);

/* The digest of what is called name (org.opencontainers.image.ref.name); NULL: of the only thing that there is. In a. ERR_NOTFOUND lists names. */
int layout_find(const struct layout *l, struct arena *a, const char *name, const char **digest, struct err *e) MUST_CHECK;
/* O_RDONLY fd of a blob. */
int layout_blob_open(const struct layout *l, const char *digest, struct err *e) MUST_CHECK;
/* A document among the blobs, of CLOSURE_DOCUMENT_MAX bytes at most, compared with its digest, to be free()d; NULL: index.json, compared with nothing. */
int layout_read(const struct layout *l, const char *digest, char **text, size_t *len, struct err *e) MUST_CHECK;

/* A blob out of a file; it is there whole, with that digest, or not at all. One that is there stays, unless it is damaged. */
int layout_put(const struct layout *l, const struct closure_part *part, int fd, struct err *e) MUST_CHECK;
/* Lists it in index.json, in the place of what had that name (NULL: without one). Its blobs must be there. */
int layout_name(const struct layout *l, const struct closure_part *top, const char *name, struct err *e) MUST_CHECK;
/* The same, and index.json lists nothing else then. */
int layout_only(const struct layout *l, const struct closure_part *top, struct err *e) MUST_CHECK;
/* The same as a document of its own: an index.json that lists nothing else. */
void layout_index(const struct closure_part *top, const char *name, struct strbuf *out);
#define LAYOUT_TEXT "{\"imageLayoutVersion\":\"1.0.0\"}"

/* Whether the file's bytes have this size and digest. ERR_INVALID says not. */
int layout_check(int fd, const struct closure_part *part, struct err *e) MUST_CHECK;

#endif

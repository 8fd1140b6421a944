/* All that belongs to a manifest or an index: what must be sent with it so that whoever gets it has everything that its digest stands for.
 * Of the media types nothing is asked: artifacts have their own. */
#ifndef TARE_IMAGE_CLOSURE_H
#define TARE_IMAGE_CLOSURE_H

#include "base/arena.h"
#include "base/json.h"
#include "image/store.h"

struct closure_part {
	const char *digest, *type;
	uint64_t size;
	bool layer; /* else a configuration, or a document */
	/* of a document that refers to another (a signature): whose digest, what it is, and its annotations; else NULL */
	const char *subject, *artifact_type;
	const struct json *annotations;
};

struct closure {
	struct closure_part *blobs; /* each once, in the order in which they are named */
	size_t n_blobs, cap_blobs;
	struct closure_part *documents; /* each once; what is named stands before what names it, so the last is the topmost */
	size_t n_documents, cap_documents;
	uint64_t bytes; /* of all */
	uint64_t read;  /* bytes of documents so far, which are kept */
};

#define CLOSURE_DOCUMENT_MAX (4U << 20)

/* Reads a document: its bytes, which it has proved to have that digest, in a. type: what the reader knows of it besides (a header), or NULL. */
typedef int (*closure_read_fn)(void *data, struct arena *a, const char *digest, const char **text, size_t *len, const char **type, struct err *e);

/* From the document `top` down; all texts in a. ERR_LIMIT: nested too deep, or of too many parts; ERR_INVALID: no manifest; the reader's. */
int closure_collect(struct arena *a, const char *top, closure_read_fn read, void *data, struct closure *out, struct err *e) MUST_CHECK;

/* Adds what is below another document; what is named already stays where it is. */
int closure_add(struct arena *a, const char *top, closure_read_fn read, void *data, struct closure *out, struct err *e) MUST_CHECK;

/* The same of what the store has, or what is staged (NULL: nothing); ERR_INVALID: a document in it is damaged. */
int closure_of_store(const struct store *s, const struct store_ingest *staged, struct arena *a, const char *top, struct closure *out,
		     struct err *e) MUST_CHECK;
/* Whether the store has every blob of it, of the right size. */
bool closure_is_here(const struct store *s, const struct closure *c);

#endif

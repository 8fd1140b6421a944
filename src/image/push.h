/* An image from the store to a registry.
 *
 * What is sent is what the store has, byte for byte: the manifest, and the blobs that it names, so that its digest is there what it is
 * here. tare-transfer sends; it gets the blobs as handles that can be read and nothing else. The manifest goes last: a push that ends early
 * has changed no name, and the next one finds the blobs that came whole. */
#ifndef TARE_IMAGE_PUSH_H
#define TARE_IMAGE_PUSH_H

#include "image/closure.h"
#include "image/registry.h"
#include "image/store.h"

enum image_push_state {
	IMAGE_PUSH_WAIT,    /* this layer has not had its turn */
	IMAGE_PUSH_SENT,    /* so many bytes of it have been sent */
	IMAGE_PUSH_DONE,    /* it is there */
	IMAGE_PUSH_THERE,   /* it was there before */
	IMAGE_PUSH_MOUNTED, /* it was in another repository there: from */
};

struct image_push_step {
	enum image_push_state state;
	const char *digest; /* the layer's blob */
	uint64_t bytes, size;
	const char *from;
};
typedef void (*image_push_fn)(const struct image_push_step *step, void *data);

/* Repositories of the registry that may have the blob already, at most so many; their number. */
#define IMAGE_PUSH_SOURCES 3
typedef size_t (*image_push_sources_fn)(const char *blob, const char **out, void *data);

struct image_push_args {
	const char *transfer; /* absolute path of tare-transfer */
	const struct transfer_endpoint *endpoints;
	size_t n_endpoints;
	const char *manifest;  /* digest of the image's */
	const char *top;       /* of what gets the tag: an index of which the store has everything, or the manifest */
	const struct store_ingest *staged; /* where blobs may be that are not in the store yet; NULL: nowhere */
	const char *reference; /* the tag that it gets */
	const struct closure *parts; /* all that is sent, of which the last document gets the tag; NULL: top, and what the store has of it */
	int (*open)(void *data, const char *digest, struct err *e); /* O_RDONLY fd of a blob or document; NULL: the store's */
	const char *platform;  /* the image must be for it; NULL: for any */
	image_push_sources_fn sources;
	image_push_fn progress; /* may be NULL */
	void *data;             /* of all three */
};

/* *size: of what got the tag. ERR_NOTFOUND names what the store lacks; else as the registry has it. */
int image_push(const struct store *s, const struct image_push_args *args, struct arena *a, uint64_t *size, struct err *e) MUST_CHECK;

#endif

/* A tree that a step of a build wrote, into a layer of the store: the tree itself, and the blob that others get of it. */
#ifndef TARE_IMAGE_PACK_H
#define TARE_IMAGE_PACK_H

#include "image/load.h"
#include "image/mediatype.h"

#define PACK_TYPE MEDIATYPE_LAYER_GZIP

struct pack_args {
	const char *worker; /* absolute path of tare-worker */
	struct image_limits limits;
	int upper;                 /* O_RDONLY folder of the ingest, tidied (image/tidy.h) */
	const char *folder;        /* its path below the ingest */
	const char *const *opaque; /* NULL-terminated */
	const char *const *skip;   /* paths that are left out, with what is below them; NULL-terminated; NULL: none */
	bool live;                 /* others write into it meanwhile */
	const char *parent;        /* chain id of the layer below; NULL: none */
};

/* The same of a folder that stays where it is (image/survey.h): folder is not looked at, and the tree is made from the blob. *entries:
 * how many; with none there is no layer, and *out says nothing. */
int image_pack_copy(struct store_ingest *in, const struct pack_args *args, struct arena *a, struct image_layer *out, uint64_t *entries,
		    struct err *e) MUST_CHECK;

/* One tree as a tar, as it is, to out (a file, pipe or socket). */
struct pack_out {
	const char *worker;
	int tree;                /* the root of a mount of its own, whose attributes it may lose */
	const char *const *skip; /* paths that are left out, with what is below them; NULL-terminated; NULL: none */
	bool live;               /* others write into it meanwhile */
	uint64_t depth;          /* components of a path at most; 0: the usual limit */
	const char *part;        /* a path in the tree, links on it as from within; it alone, and what is in it; behind a folder's stands a
				  * slash, without which a link is taken itself; NULL: all */
	const char *as;          /* its name in the tar */
	uint32_t id_base, id_size; /* id n there is said as n - id_base, one without place as nobody; size 0: as it is */
};
int image_pack_out(const struct store_ingest *in, const struct pack_out *args, int out, struct err *e) MUST_CHECK;

/* The worker packs it (image/worker/pack.c), then tree and blob go where layers and blobs are, durably. The strings of
 * *out are in a. A layer of the same content that is there wins. */
int image_pack(struct store_ingest *in, const struct pack_args *args, struct arena *a, struct image_layer *out,
	       struct err *e) MUST_CHECK;

#endif

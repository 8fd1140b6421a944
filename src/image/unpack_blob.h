/* One layer's blob that is whole here becomes an unpacked layer of a staging folder. */
#ifndef TARE_IMAGE_UNPACK_BLOB_H
#define TARE_IMAGE_UNPACK_BLOB_H

#include "image/limits.h"
#include "image/store.h"

struct unpack_blob {
	const char *worker; /* absolute path of tare-worker */
	const char *blob, *diff_id, *chain_id;
	int fd; /* the blob's file, for reading */
	uint64_t size;
	const struct image_limits *limits; /* NULL: none, for what came from elsewhere was held against them when it came */
};

/* layers/CHAIN is staged then, with its facts, proved against blob and diff id. */
int unpack_blob(struct store_ingest *in, const struct unpack_blob *args, struct err *e) MUST_CHECK;

#endif

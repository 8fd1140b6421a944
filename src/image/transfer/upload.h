/* One blob, or one manifest, to a registry (OCI distribution specification 1.1, "Push"). */
#ifndef TARE_TRANSFER_UPLOAD_H
#define TARE_TRANSFER_UPLOAD_H

#include "image/transfer/registry.h"

struct upload_blob {
	const char *digest;
	uint64_t size;
	int file;          /* its bytes, from 0 on; borrowed */
	const char **from; /* repositories there that may have it, too */
	size_t n_from;
};

enum upload_outcome { UPLOAD_THERE, UPLOAD_MOUNTED, UPLOAD_SENT };

/* So many bytes of it have been sent; negative ends the upload with its error. */
typedef int (*upload_tell_fn)(uint64_t bytes, void *data, struct err *e);

/* Looks whether the blob is there, asks the registry to take it from another of its repositories, or sends it: small ones in one piece, others
 * in parts, which go on where they were cut off. *from: of UPLOAD_MOUNTED. What the registry says of it is compared with what was sent. */
int upload_blob(struct registry *r, const struct upload_blob *b, upload_tell_fn tell, void *data, enum upload_outcome *out,
		const char **from, struct err *e) MUST_CHECK;

/* PUT of manifests/REFERENCE. *subject: the registry says that it has seen what it refers to (OCI-Subject). */
int upload_manifest(struct registry *r, const struct upload_blob *manifest, const char *reference, const char *media_type, bool *subject,
		    struct err *e) MUST_CHECK;

#endif

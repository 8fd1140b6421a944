/* Small documents: manifests, and blobs that are configurations. */
#ifndef TARE_TRANSFER_DOCUMENT_H
#define TARE_TRANSFER_DOCUMENT_H

#include "image/transfer/session.h"

/* {"do":"document","path":"manifests/latest","accept":[…],"max":bytes,"what":text for messages,"endpoint":n (optional: that one
 * alone)}: answers {"type":"document","size","mediaType","digest","endpoint"} and so many bytes. Endpoints are asked in their order
 * until one has it. */
int document_get(struct session *s, const struct json *rq, struct err *e) MUST_CHECK;

#endif

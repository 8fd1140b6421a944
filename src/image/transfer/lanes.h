/* Blobs of a pull, in pieces, several at once. */
#ifndef TARE_TRANSFER_LANES_H
#define TARE_TRANSFER_LANES_H

#include "image/transfer/session.h"

/* {"do":"blobs","endpoint":n,"lanes":n,"blobs":[{"digest","size"}],"chunks":[[blob,start,end]…]}: fetches the chunks, in
 * their order, and writes them as frames (image/partial.h) into the lanes, which are the handles from TRANSFER_FILES_FD on. A lane is
 * closed when there is nothing more for it. Answers {"type":"fetched"}. */
int lanes_run(struct session *s, const struct json *rq, struct err *e) MUST_CHECK;

#endif

/* An image's blobs, several at once, and its manifest behind them. */
#ifndef TARE_TRANSFER_PUSH_H
#define TARE_TRANSFER_PUSH_H

#include "image/transfer/session.h"

/* {"do":"push","lanes":n,"blobs":[{"digest","size","from":[repository…]}]}: the blobs' files are the handles from TRANSFER_FILES_FD on. Says
 * {"type":"sent","blob":n,"bytes"} now and then, {"type":"blob","blob":n,"outcome":"there"|"mounted"|"sent","from"} for each, and at the
 * end {"type":"pushed","endpoint":n}. */
int push_blobs(struct session *s, const struct json *rq, struct err *e) MUST_CHECK;

/* {"do":"manifest","endpoint":n,"file":n,"size","digest","mediaType","reference"}: file counts from TRANSFER_FILES_FD on. Answers
 * {"type":"stored"}. */
int push_manifest(struct session *s, const struct json *rq, struct err *e) MUST_CHECK;

#endif

/* A blob into a file, as it is. */
#ifndef TARE_TRANSFER_DOWNLOAD_H
#define TARE_TRANSFER_DOWNLOAD_H

#include "image/transfer/session.h"

/* {"do":"download","digest","size","endpoint","file"}: the blob's bytes go to the file TRANSFER_FILES_FD + file, from its beginning; what was cut
 * off goes on where it was. Answers {"type":"downloaded"}: so many bytes are there, which nobody has compared with the digest. */
int download_run(struct session *s, const struct json *rq, struct err *e) MUST_CHECK;

#endif

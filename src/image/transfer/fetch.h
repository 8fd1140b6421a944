/* A file by its URL, from whoever has it: no registry, no login. */
#ifndef TARE_TRANSFER_FETCH_H
#define TARE_TRANSFER_FETCH_H

#include "image/transfer/session.h"

/* {"do":"fetch","url","etag" (optional: what we had before),"max":bytes}: GET, through redirections, again when the connection was cut.
 * Answers {"type":"data","size"} and so many bytes, as often as there are any; {"type":"again"}: what came until now is void;
 * {"type":"fetched","etag","mediaType","modified":s since 1970} at the end, members as far as they are known; or instead of all
 * {"type":"unchanged"}. */
int fetch_run(struct session *s, const struct json *rq, struct err *e) MUST_CHECK;

#endif

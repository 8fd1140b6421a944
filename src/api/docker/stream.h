/* Docker's progress streams: JSON objects, each ended by "\r\n" and sent at once, of which the first one begins the answer. An error before
 * that is an answer with its status, one after it an object of the stream. */
#ifndef TARE_API_DOCKER_STREAM_H
#define TARE_API_DOCKER_STREAM_H

#include "api/server/exchange.h"

struct stream {
	struct exchange *ex;
	struct strbuf text;
	struct json_writer w;
	struct strbuf *into; /* not NULL: objects go there instead of to the client */
	struct err lost; /* code 0, or why nothing can be sent any more */
};
#define CLEANUP_STREAM CLEANUP(stream_free)
void stream_begin(struct stream *s, struct exchange *ex);
void stream_free(struct stream *s);

/* {"status":…}, with "id" and an empty "progressDetail" where id is not NULL. */
void stream_status(struct stream *s, const char *id, const char *status);
/* The same with a formatted text, without id. */
void stream_say(struct stream *s, const char *fmt, ...) PRINTF_LIKE(2, 3);
/* {"status","progressDetail":{"current","total"},"progress":"[==>  ] 1kB/2kB","id"} */
void stream_progress(struct stream *s, const char *id, const char *status, uint64_t current, uint64_t total);
/* {"stream":…} */
void stream_text(struct stream *s, const char *text, size_t len);
void stream_line(struct stream *s, const char *fmt, ...) PRINTF_LIKE(2, 3); /* with "\n" behind it */
/* One of other members: what is written between is in the object. */
struct json_writer *stream_object(struct stream *s);
void stream_object_end(struct stream *s);

/* The head of the answer goes out now, whatever comes: an error is told in the stream from then on. */
void stream_begin_now(struct stream *s);

/* What was kept of them by into. */
void stream_send(struct stream *s, const char *text, size_t len);

/* What the handler gives back. r is the work's result, of which *e says why where it is negative: that becomes an object of the stream where it
 * has begun; code, where it is not 0, is a command's exit code. An answer that never began and did not fail is an empty stream. */
int stream_end(struct stream *s, int r, int code, struct err *e) MUST_CHECK;

#endif

/* The caller's side of tare-transfer: where a registry is asked, and what is asked of it.
 *
 * tare-transfer gets a socket (3), one that it gets connections to unix sockets by (4, image/broker.h), the handles it is to fill or to read (5 and
 * on), and nothing else: no environment, no folder. Its
 * requests and answers are lines of JSON (docs/formats.md). What it answers is untrusted: who asks checks digests and sizes. */
#ifndef TARE_IMAGE_REGISTRY_H
#define TARE_IMAGE_REGISTRY_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/json.h"
#include "base/strbuf.h"
#include "image/broker.h"

/* One place where a repository can be asked for. Texts are "" or NULL where there is nothing to say. */
struct transfer_endpoint {
	const char *name;       /* for messages and `tare login`: "docker.io", "localhost:5000" */
	const char *base;       /* "https://registry-1.docker.io" */
	const char *socket;     /* a unix socket's path instead */
	const char *repository; /* "library/busybox" */
	const char *proxy;
	unsigned int patience;  /* of the first: s for which nothing may come; 0: the usual */
	bool insecure;          /* any certificate will do */
	bool anonymous;         /* it is no registry, and we are nobody to it */
	const char *ca, *cert, *key; /* PEM */
	const char *user, *password, *identity_token, *registry_token;
};

struct registry_client {
	int control, pidfd; /* owned */
	pid_t pid;
	struct broker broker; /* of endpoints with a socket */
	struct strbuf rest;
};
#define REGISTRY_CLIENT_INIT { .control = -1, .pidfd = -1, .broker = BROKER_INIT }
#define CLEANUP_REGISTRY_CLIENT CLEANUP(registry_end)

/* Starts program (absolute path of tare-transfer). files: its handles from 5 on; borrowed. */
int registry_start(const char *program, const struct transfer_endpoint *endpoints, size_t n, const int *files, size_t n_files,
		   struct registry_client *out, struct err *e) MUST_CHECK;
/* Ends it, also in the middle of something. Harmless when nothing was started. */
void registry_end(struct registry_client *c);

/* What a manifest or an index may be, for `accept`. */
extern const char *const registry_manifest_types[];

#define REGISTRY_ANY UINT64_MAX
struct registry_document {
	const char *text, *media_type; /* in the arena; media_type may be NULL */
	const char *link;  /* the answer's header of that name (RFC 8288), NULL without */
	size_t len;
	uint64_t endpoint; /* who had it */
	char digest[72];   /* of its bytes */
};
/* GET of "manifests/REF", "blobs/DIGEST", "tags/list" or "referrers/DIGEST", or of a path that begins with a slash and is no repository's, with
 * at most max bytes; accept: media types, NULL-terminated, may be NULL. what: for messages.
 * endpoint: that one, or REGISTRY_ANY. ERR_NOTFOUND, ERR_DENIED, ERR_UNAVAILABLE, ERR_LIMIT, ERR_INVALID as the registry has it. */
int registry_document(struct registry_client *c, struct arena *a, const char *path, const char *const *accept, uint64_t max,
		      const char *what, uint64_t endpoint, struct registry_document *out, struct err *e) MUST_CHECK;

/* A blob's bytes into handle 5 + file; whoever asks compares them with the digest. endpoint: that one alone. */
int registry_download(struct registry_client *c, const char *digest, uint64_t size, uint64_t endpoint, uint64_t file, struct err *e) MUST_CHECK;

/* Sends a request whose answer is waited for later. */
int registry_ask(struct registry_client *c, const struct strbuf *line, struct err *e) MUST_CHECK;
/* Waits for it: its "type" is the one named (NULL: any), or it is an error. */
int registry_answer(struct registry_client *c, struct arena *a, const char *type, const struct json **out, struct err *e) MUST_CHECK;

/* The size bytes behind an answer, in pieces. A negative result of sink is this one's. */
int registry_body(struct registry_client *c, uint64_t size, int (*sink)(void *data, const void *bytes, size_t len, struct err *e), void *data,
		  struct err *e) MUST_CHECK;

/* Does it answer, and take us for whom we say we are? *endpoint: the first that does. *identity_token: what its token endpoint gives for
 * the password, in a; NULL without. ERR_DENIED: it does not take us. */
int registry_ping(struct registry_client *c, struct arena *a, uint64_t *endpoint, const char **identity_token, struct err *e) MUST_CHECK;

#endif

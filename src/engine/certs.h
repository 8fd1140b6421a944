/* Certificates of one registry, as Docker and the containers' tools keep them: in a folder that is called HOST or HOST:PORT below
 * /etc/tare/certs.d, /etc/docker/certs.d or /etc/containers/certs.d (of an ordinary user first tare/certs.d and containers/certs.d in
 * his ~/.config); the first that exists counts, alone. Docker Hub's is docker.io.
 *
 *   *.crt           authorities to be trusted beside the system's, PEM; all of them
 *   NAME.cert, NAME.key   the certificate by which we are known there and its key, PEM; at most one such pair
 *
 * Other files are passed over. */
#ifndef TARE_ENGINE_CERTS_H
#define TARE_ENGINE_CERTS_H

#include "base/arena.h"
#include "base/err.h"

struct certs {
	const char *ca;        /* PEM; each "" without */
	const char *cert, *key;
};

/* folders: up to a NULL. All texts in a, which is a CLEANUP_SECRETS. ERR_INVALID names the file: half a pair, two pairs, no PEM; and
 * what cannot be read. */
int certs_read(struct arena *a, const char *const *folders, const char *host, struct certs *out, struct err *e) MUST_CHECK;

#endif

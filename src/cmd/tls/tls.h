/* tare-tls: TLS for one connection. */
#ifndef TARE_CMD_TLS_TLS_H
#define TARE_CMD_TLS_TLS_H

#include <openssl/ssl.h>
#include <stdbool.h>

#include "base/err.h"

/* A server's context. Texts are PEM: its certificate with those that lead to it, its key; ca: who signs the certificates of clients,
 * NULL: none is asked for. Free with SSL_CTX_free(). */
int tls_context(const char *cert, const char *key, const char *ca, SSL_CTX **out, struct err *e) MUST_CHECK;

/* Gives up everything but reading and writing what is open. */
int tls_sandbox(struct err *e) MUST_CHECK;

/* After the handshake: carries bytes both ways between the client and the plain socket, until both have ended. */
int tls_relay(SSL *ssl, int client, int plain, struct err *e) MUST_CHECK;

/* The reason of OpenSSL's last error. */
const char *tls_reason(void);

#endif

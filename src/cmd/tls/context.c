#include <openssl/err.h>
#include <openssl/pem.h>
#include <string.h>

#include "cmd/tls/tls.h"

static void free_bio(BIO **b)
{
	BIO_free(*b);
}

static void free_context(SSL_CTX **c)
{
	SSL_CTX_free(*c);
}

static void free_x509(X509 **x)
{
	X509_free(*x);
}

const char *tls_reason(void)
{
	const char *s = ERR_reason_error_string(ERR_get_error());

	return s ? s : "not as it should be";
}

/* The first is the server's, the others lead to who signed it. */
static int use_chain(SSL_CTX *c, const char *pem, struct err *e)
{
	CLEANUP(free_bio) BIO *b = BIO_new_mem_buf(pem, -1);
	CLEANUP(free_x509) X509 *own = b ? PEM_read_bio_X509_AUX(b, NULL, NULL, NULL) : NULL;
	X509 *more;

	if (!own || SSL_CTX_use_certificate(c, own) != 1)
		return err_set(e, ERR_INVALID, "the server's certificate (tlscert): %s", tls_reason());
	while ((more = PEM_read_bio_X509(b, NULL, NULL, NULL)) != NULL) {
		if (SSL_CTX_add_extra_chain_cert(c, more) != 1) { /* else it is the context's */
			X509_free(more);
			return err_set(e, ERR_INVALID, "the server's certificate (tlscert): %s", tls_reason());
		}
	}
	ERR_clear_error(); /* that it ended */
	return 0;
}

static int use_key(SSL_CTX *c, const char *pem, struct err *e)
{
	CLEANUP(free_bio) BIO *b = BIO_new_mem_buf(pem, -1);
	static char no_password[] = "";
	EVP_PKEY *key = b ? PEM_read_bio_PrivateKey(b, NULL, NULL, no_password) : NULL;
	bool fits = key && SSL_CTX_use_PrivateKey(c, key) == 1 && SSL_CTX_check_private_key(c) == 1;

	EVP_PKEY_free(key);
	return fits ? 0 : err_set(e, ERR_INVALID, "the key (tlskey): %s", tls_reason());
}

static int ask_clients(SSL_CTX *c, const char *pem, struct err *e)
{
	CLEANUP(free_bio) BIO *b = BIO_new_mem_buf(pem, -1);
	X509 *ca;
	int n = 0;

	while (b && (ca = PEM_read_bio_X509(b, NULL, NULL, NULL)) != NULL) {
		bool taken = X509_STORE_add_cert(SSL_CTX_get_cert_store(c), ca) == 1 && SSL_CTX_add_client_CA(c, ca) == 1;

		X509_free(ca);
		if (!taken)
			return err_set(e, ERR_INVALID, "who signs clients (tlscacert): %s", tls_reason());
		n++;
	}
	if (n == 0)
		return err_set(e, ERR_INVALID, "who signs clients (tlscacert): %s", tls_reason());
	ERR_clear_error();
	SSL_CTX_set_verify(c, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
	return 0;
}

int tls_context(const char *cert, const char *key, const char *ca, SSL_CTX **out, struct err *e)
{
	CLEANUP(free_context) SSL_CTX *c = SSL_CTX_new(TLS_server_method());
	int r;

	/* a session cannot be taken up again: who served it is gone */
	if (!c || SSL_CTX_set_min_proto_version(c, TLS1_2_VERSION) != 1 || SSL_CTX_set_num_tickets(c, 0) != 1)
		return err_set(e, ERR_INTERNAL, "OpenSSL: %s", tls_reason());
	(void)SSL_CTX_set_session_cache_mode(c, SSL_SESS_CACHE_OFF);
	(void)SSL_CTX_set_options(c, SSL_OP_NO_TICKET | SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION | SSL_OP_CIPHER_SERVER_PREFERENCE);
	(void)SSL_CTX_set_mode(c, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
	r = use_chain(c, cert, e);
	if (r == 0)
		r = use_key(c, key, e);
	if (r == 0 && ca)
		r = ask_clients(c, ca, e);
	if (r == 0)
		*out = take_ptr(c);
	return r;
}

/* tare-tls: started by tared for each connection of TLS, never by people, with the connection on descriptor 3, one end of a pair of sockets on 4, and on 5, 6 and
 * 7 (with "verify") the files of certificate, key and who signs clients. It does the handshake, says on 4 who the client is, and carries bytes.
 *
 * What it says first: two bytes, the length, high one first; and so much text, the common name (CN) of the client's certificate, none without "verify". A
 * client that is refused is told by TLS, and on 4 nothing is said.
 *
 * `tare-tls check CERT KEY [CA]` tells whether these files are fit for it. */
#include <fcntl.h>
#include <openssl/err.h>
#include <openssl/rand.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/io.h"
#include "base/json.h"
#include "base/log.h"
#include "cmd/tls/tls.h"

enum { FD_CLIENT = 3, FD_PLAIN, FD_CERT, FD_KEY, FD_CA };

#define PEM_MAX (1U << 20)
#define NAME_MAX_LEN 200
#define HANDSHAKE_SECONDS 30

struct pems {
	char *cert, *key, *ca;
};

static void free_pems(struct pems *p)
{
	if (p->key)
		explicit_bzero(p->key, strlen(p->key));
	free(p->cert);
	free(p->key);
	free(p->ca);
}

static int read_pem(int fd, const char *what, char **out, struct err *e)
{
	int r = fd < 0 ? -errno : io_read_fd(fd, PEM_MAX, out, NULL);

	return r < 0 ? err_errno(e, r, "read %s", what) : 0;
}

static int read_path(const char *path, char **out, struct err *e)
{
	CLEANUP_FD int fd = open(path, O_RDONLY | O_CLOEXEC);

	return read_pem(fd, path, out, e);
}

static int check(int argc, char **argv, struct err *e)
{
	CLEANUP(free_pems) struct pems p = { 0 };
	SSL_CTX *c = NULL;
	int r = read_path(argv[2], &p.cert, e);

	if (r == 0)
		r = read_path(argv[3], &p.key, e);
	if (r == 0 && argc > 4)
		r = read_path(argv[4], &p.ca, e);
	if (r == 0)
		r = tls_context(p.cert, p.key, p.ca, &c, e);
	SSL_CTX_free(c);
	return r;
}

/* A name that a log or a rule would misread is refused. */
static int name_of(const X509 *x, char out[NAME_MAX_LEN + 1], struct err *e)
{
	const X509_NAME *subject = x ? X509_get_subject_name(x) : NULL;
	int at = -1, next;
	unsigned char *text = NULL;
	int len;

	out[0] = '\0';
	while (subject && (next = X509_NAME_get_index_by_NID((X509_NAME *)(uintptr_t)subject, NID_commonName, at)) >= 0)
		at = next;
	if (at < 0)
		return 0;
	len = ASN1_STRING_to_UTF8(&text, X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, at)));
	if (len < 0 || len > NAME_MAX_LEN) {
		OPENSSL_free(text);
		return err_set(e, ERR_INVALID, "the client's name is too long");
	}
	memcpy(out, text, (size_t)len);
	out[len] = '\0';
	OPENSSL_free(text);
	for (int i = 0; i < len; i++)
		if ((unsigned char)out[i] < ' ' || out[i] == 0x7f)
			return err_set(e, ERR_INVALID, "the client's name is no text");
	return 0;
}

static int say_who(const SSL *ssl, struct err *e)
{
	char name[2 + NAME_MAX_LEN + 1];
	X509 *x = SSL_get1_peer_certificate(ssl);
	int r = name_of(x, name + 2, e);
	size_t len = r < 0 ? 0 : strlen(name + 2);

	X509_free(x);
	if (r < 0)
		return r;
	name[0] = (char)(len >> 8);
	name[1] = (char)(len & 0xff);
	r = io_send_full(FD_PLAIN, name, 2 + len);
	return r < 0 ? err_errno(e, r, "tell who the client is") : 0;
}

static int serve(SSL *ssl, struct err *e)
{
	int r;

	(void)alarm(HANDSHAKE_SECONDS); /* which ends us */
	if (SSL_set_fd(ssl, FD_CLIENT) != 1 || SSL_accept(ssl) != 1)
		return err_set(e, ERR_DENIED, "a client of TLS: %s", tls_reason());
	(void)alarm(0);
	r = say_who(ssl, e);
	if (r < 0)
		return r;
	return tls_relay(ssl, FD_CLIENT, FD_PLAIN, e);
}

static int take_connection(bool verify, struct err *e)
{
	CLEANUP(free_pems) struct pems p = { 0 };
	unsigned char chance[16];
	SSL_CTX *c = NULL;
	SSL *ssl = NULL;
	int r = read_pem(FD_CERT, "the server's certificate", &p.cert, e);

	if (r == 0)
		r = read_pem(FD_KEY, "the key", &p.key, e);
	if (r == 0 && verify)
		r = read_pem(FD_CA, "who signs clients", &p.ca, e);
	if (r == 0)
		r = tls_context(p.cert, p.key, p.ca, &c, e);
	for (int fd = FD_CERT; fd <= FD_CA; fd++)
		(void)close(fd);
	if (r == 0 && (RAND_bytes(chance, sizeof(chance)) != 1 || !(ssl = SSL_new(c))))
		r = err_set(e, ERR_INTERNAL, "OpenSSL: %s", tls_reason());
	tzset(); /* times of certificates ask for it, and then it would be a file */
	if (r == 0)
		r = tls_sandbox(e);
	if (r == 0)
		r = serve(ssl, e);
	SSL_free(ssl);
	SSL_CTX_free(c);
	return r;
}

int main(int argc, char **argv)
{
	struct err e = { 0 };
	int r;

	io_reserve_stdio();
	log_setup("tare-tls", STDERR_FILENO, LOG_FORMAT_PLAIN, LOG_LEVEL_INFO);
	if (argc == 2 && !strcmp(argv[1], "--version")) {
		printf("tare-tls %s\n", TARE_VERSION);
		return 0;
	}
	if (signal(SIGPIPE, SIG_IGN) == SIG_ERR)
		return 1;
	if ((argc == 4 || argc == 5) && !strcmp(argv[1], "check")) {
		r = check(argc, argv, &e);
	} else if (argc == 2 && (!strcmp(argv[1], "serve") || !strcmp(argv[1], "verify")) && fcntl(FD_PLAIN, F_GETFD) >= 0) {
		r = take_connection(argv[1][0] == 'v', &e);
	} else {
		fprintf(stderr, "usage: tare-tls check CERT KEY [CA] (connections: tared starts it)\n");
		return 125;
	}
	if (r >= 0)
		return 0;
	log_error("%s", e.msg);
	return 1;
}

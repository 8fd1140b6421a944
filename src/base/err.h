/* The one error type from oci/ upward (base/ and sys/ return negative errno).
 *
 * A struct err lives on the caller's stack and allocates nothing, so it works after clone() too. The function
 * that finds a failure sets it; each level above puts what it was doing in front with err_ctx(); only cmd/
 * prints it, once. A message is one line that says what was wrong, where, and where possible what to do. */
#ifndef TARE_BASE_ERR_H
#define TARE_BASE_ERR_H

#include "base/cleanup.h"

enum err_class {
	ERR_OK,
	ERR_INVALID,     /* the caller's input is wrong */
	ERR_NOTFOUND,    /* no such container, image, file */
	ERR_CONFLICT,    /* exists already, name taken */
	ERR_DENIED,      /* the kernel or a policy said no */
	ERR_BUSY,        /* in use, wrong state for this */
	ERR_UNAVAILABLE, /* may work later or elsewhere */
	ERR_UNSUPPORTED, /* this kernel, file system or tare cannot */
	ERR_LIMIT,       /* a limit of ours was hit (depth, size, count) */
	ERR_NOSPACE,     /* disk or quota full */
	ERR_CMD_NOEXEC,  /* the container's command cannot be executed (126) */
	ERR_CMD_MISSING, /* the container's command was not found (127) */
	ERR_INTERNAL,
	ERR_TERMINAL,    /* the caller's standard input is not the terminal it must be (1) */
	ERR_USAGE,       /* too few or too many arguments (1) */
	ERR_CLASS_COUNT
};

struct err {
	int code; /* negative errno, 0 when unset */
	enum err_class cls;
	char msg[600];
};

/* What a class means outside: one row each in err.c. */
struct err_class_info {
	const char *name;
	int exit_code;   /* of the docker-like command line */
	int http_status;
	int grpc_status;
	int code; /* the errno err_set() gives it */
};

/* Sets e to a message of class cls. Returns e->code, which is negative. */
int err_set(struct err *e, enum err_class cls, const char *fmt, ...) PRINTF_LIKE(3, 4);

/* Sets e to "FMT: strerror(-r)" with the class that belongs to the errno; r is a negative errno. Returns r. */
int err_errno(struct err *e, int r, const char *fmt, ...) PRINTF_LIKE(3, 4);

/* Puts "FMT: " in front of e's message. Returns e->code. */
int err_ctx(struct err *e, const char *fmt, ...) PRINTF_LIKE(2, 3);

/* The row of a class; never NULL. */
const struct err_class_info *err_info(enum err_class cls);

/* The class an errno (positive or negative) belongs to. */
enum err_class err_class_of(int errnum);

#endif

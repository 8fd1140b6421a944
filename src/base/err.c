#include "base/err.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static const struct err_class_info classes[ERR_CLASS_COUNT] = {
	[ERR_OK] = { "ok", 0, 200, 0, 0 },
	[ERR_INVALID] = { "invalid", 125, 400, 3, -EINVAL },
	[ERR_NOTFOUND] = { "not-found", 125, 404, 5, -ENOENT },
	[ERR_CONFLICT] = { "conflict", 125, 409, 6, -EEXIST },
	[ERR_DENIED] = { "denied", 125, 403, 7, -EPERM },
	[ERR_BUSY] = { "busy", 125, 409, 9, -EBUSY },
	[ERR_UNAVAILABLE] = { "unavailable", 125, 503, 14, -EAGAIN },
	[ERR_UNSUPPORTED] = { "unsupported", 125, 501, 12, -EOPNOTSUPP },
	[ERR_LIMIT] = { "limit", 125, 400, 8, -E2BIG },
	[ERR_NOSPACE] = { "no-space", 125, 507, 8, -ENOSPC },
	[ERR_CMD_NOEXEC] = { "command-not-executable", 126, 400, 9, -EACCES },
	[ERR_CMD_MISSING] = { "command-not-found", 127, 400, 9, -ENOENT },
	[ERR_INTERNAL] = { "internal", 125, 500, 13, -EIO },
	[ERR_TERMINAL] = { "no-terminal", 1, 400, 3, -ENOTTY },
	[ERR_USAGE] = { "usage", 1, 400, 3, -EINVAL },
};

const struct err_class_info *err_info(enum err_class cls)
{
	return &classes[cls < ERR_CLASS_COUNT ? cls : ERR_INTERNAL];
}

enum err_class err_class_of(int errnum)
{
	switch (errnum < 0 ? -errnum : errnum) {
	case 0:
		return ERR_OK;
	case ENOENT:
	case ESRCH:
	case ENODEV:
	case ENXIO:
		return ERR_NOTFOUND;
	case EEXIST:
	case ENOTEMPTY:
		return ERR_CONFLICT;
	case EPERM:
	case EACCES:
	case EROFS:
		return ERR_DENIED;
	case EBUSY:
	case ETXTBSY:
		return ERR_BUSY;
	case EAGAIN:
	case ETIMEDOUT:
	case ECONNREFUSED:
		return ERR_UNAVAILABLE;
	case ENOSYS:
	case EOPNOTSUPP:
		return ERR_UNSUPPORTED;
	case ENOSPC:
	case EDQUOT:
		return ERR_NOSPACE;
	case E2BIG:
	case EMFILE:
	case ENFILE:
		return ERR_LIMIT;
	case EINVAL:
	case ENOTDIR:
	case EISDIR:
	case ELOOP:
	case ENAMETOOLONG:
	case EBADMSG:
		return ERR_INVALID;
	default:
		return ERR_INTERNAL;
	}
}

int err_set(struct err *e, enum err_class cls, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(e->msg, sizeof(e->msg), fmt, ap);
	va_end(ap);
	e->cls = cls;
	e->code = err_info(cls)->code;
	return e->code;
}

int err_errno(struct err *e, int r, const char *fmt, ...)
{
	va_list ap;
	size_t len;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(e->msg, sizeof(e->msg), fmt, ap);
	va_end(ap);
	len = n < 0 ? 0 : (size_t)n;
	if (len < sizeof(e->msg))
		snprintf(e->msg + len, sizeof(e->msg) - len, ": %s", strerror(r < 0 ? -r : r));
	e->cls = err_class_of(r);
	e->code = r;
	return r;
}

int err_ctx(struct err *e, const char *fmt, ...)
{
	char old[sizeof(e->msg)];
	va_list ap;
	size_t len;
	int n;

	memcpy(old, e->msg, sizeof(old));
	va_start(ap, fmt);
	n = vsnprintf(e->msg, sizeof(e->msg), fmt, ap);
	va_end(ap);
	len = n < 0 ? 0 : (size_t)n;
	/* the end of what is too long is lost, never the beginning */
	if (len < sizeof(e->msg) && snprintf(e->msg + len, sizeof(e->msg) - len, ": %s", old) < 0)
		e->msg[len] = '\0';
	return e->code;
}

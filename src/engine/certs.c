#include "engine/certs.h"

#include <dirent.h>
#include <fcntl.h>
#include <string.h>

#include "base/io.h"
#include "base/strbuf.h"
#include "base/text.h"

#define FILE_MAX (1U << 20)
#define FILES_MAX 256U

struct folder {
	const char *path;
	int fd;
	char **names; /* sorted */
	size_t n;
};

static void folder_close(struct folder *f)
{
	f->fd = close_fd(f->fd);
}

static int by_name(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static bool is_ours(const char *name)
{
	return name[0] != '.' && (text_ends(name, ".crt") || text_ends(name, ".cert") || text_ends(name, ".key"));
}

static int list(struct arena *a, struct folder *f, struct err *e)
{
	CLEANUP_DIR DIR *d = NULL;
	int fd = io_dup(f->fd);
	struct dirent *entry;

	d = fd < 0 ? NULL : fdopendir(fd);
	if (!d) {
		int r = fd < 0 ? fd : -errno;

		(void)close_fd(fd);
		return err_errno(e, r, "read %s", f->path);
	}
	f->names = arena_array(a, FILES_MAX, sizeof(*f->names));
	while (f->names && (entry = readdir(d))) {
		if (!is_ours(entry->d_name))
			continue;
		if (f->n == FILES_MAX)
			return err_set(e, ERR_LIMIT, "%s has more than %u certificates and keys", f->path, FILES_MAX);
		f->names[f->n++] = arena_strdup(a, entry->d_name);
	}
	if (arena_error(a) < 0)
		return err_errno(e, -ENOMEM, "read %s", f->path);
	qsort(f->names, f->n, sizeof(*f->names), by_name);
	return 0;
}

static bool has(const struct folder *f, const char *stem, size_t len, const char *suffix)
{
	for (size_t i = 0; i < f->n; i++)
		if (strncmp(f->names[i], stem, len) == 0 && strcmp(f->names[i] + len, suffix) == 0)
			return true;
	return false;
}

/* A text of PEM, behind what *to has. */
static int add_pem(struct arena *a, const struct folder *f, const char *name, const char **to, struct err *e)
{
	char *text = NULL;
	size_t len = 0;
	int r = io_read_file(f->fd, name, FILE_MAX, &text, &len);

	if (r < 0)
		return err_errno(e, r, "read %s/%s", f->path, name);
	if (strlen(text) != len || !strstr(text, "-----BEGIN "))
		r = err_set(e, ERR_INVALID, "%s/%s is no PEM file (it has no line \"-----BEGIN …\")", f->path, name);
	else
		*to = arena_printf(a, "%s%s%s", *to, text, len && text[len - 1] == '\n' ? "" : "\n");
	explicit_bzero(text, len);
	free(text);
	if (r == 0 && !*to)
		return err_errno(e, -ENOMEM, "read %s/%s", f->path, name);
	return r;
}

static int read_pair(struct arena *a, const struct folder *f, const char *cert, struct certs *out, struct err *e)
{
	size_t stem = strlen(cert) - strlen(".cert");
	const char *key = arena_printf(a, "%.*s.key", (int)stem, cert);

	if (!key)
		return err_errno(e, -ENOMEM, "read %s/%s", f->path, cert);
	if (!has(f, cert, stem, ".key"))
		return err_set(e, ERR_INVALID, "%s/%s has no key: %s is missing (an authority's certificate is called *.crt)", f->path, cert, key);
	if (*out->cert)
		return err_set(e, ERR_INVALID, "%s has two pairs of certificate and key: which one to show, it does not say; leave one", f->path);
	return add_pem(a, f, cert, &out->cert, e) < 0 ? e->code : add_pem(a, f, key, &out->key, e);
}

static int read_folder(struct arena *a, const struct folder *f, struct certs *out, struct err *e)
{
	for (size_t i = 0; i < f->n; i++) {
		const char *name = f->names[i];
		size_t len = strlen(name);
		int r = 0;

		if (text_ends(name, ".crt"))
			r = add_pem(a, f, name, &out->ca, e);
		else if (text_ends(name, ".cert"))
			r = read_pair(a, f, name, out, e);
		else if (!has(f, name, len - strlen(".key"), ".cert"))
			r = err_set(e, ERR_INVALID, "%s/%s has no certificate: %.*s.cert is missing", f->path, name, (int)(len - strlen(".key")), name);
		if (r < 0)
			return r;
	}
	return 0;
}

int certs_read(struct arena *a, const char *const *folders, const char *host, struct certs *out, struct err *e)
{
	*out = (struct certs){ "", "", "" };
	for (; *folders; folders++) {
		CLEANUP(folder_close) struct folder f = { .fd = -1 };

		f.path = arena_printf(a, "%s/%s", *folders, host);
		if (!f.path)
			return err_errno(e, -ENOMEM, "read certificates");
		f.fd = open(f.path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		if (f.fd < 0 && (errno == ENOENT || errno == ENOTDIR))
			continue;
		if (f.fd < 0)
			return err_errno(e, -errno, "open %s", f.path);
		return list(a, &f, e) < 0 ? e->code : read_folder(a, &f, out, e);
	}
	return 0;
}

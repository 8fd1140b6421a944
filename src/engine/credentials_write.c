/* Writing. The file is read again under a lock on its folder, so that of two logins at once none is lost, and written as a new file
 * beside the old one. Who makes links in a folder of another's (root with the HOME of a user) must not choose which file becomes a list of
 * passwords: of links only the caller's own count. */
#include "engine/credentials.h"

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>

#include "base/base64.h"
#include "base/io.h"
#include "base/text.h"
#include "engine/credential_helper.h"
#include "engine/credentials_impl.h"

/* The file, found and locked. */
struct place {
	int dir;
	char path[PATH_MAX];
	const char *name; /* in path */
	bool exists;
	struct stat st;
	const struct json *doc;
};

static void place_close(struct place *p)
{
	p->dir = close_fd(p->dir); /* and the lock */
}

/* A link may be followed that nobody but the caller and root could have made. */
static int judge_link(const struct stat *st, const char *what, struct err *e)
{
	if (!S_ISLNK(st->st_mode) || st->st_uid == geteuid() || st->st_uid == 0)
		return 0;
	return err_set(e, ERR_DENIED, "%s is a link that user %u made: nothing is written where it leads; name the folder by DOCKER_CONFIG", what,
		       (unsigned int)st->st_uid);
}

/* p->path becomes where the file is, behind links. */
static int find(struct place *p, const char *file, struct err *e)
{
	struct stat st;
	char *real;

	if (strlen(file) >= sizeof(p->path))
		return err_errno(e, -ENAMETOOLONG, "%s", file);
	memcpy(p->path, file, strlen(file) + 1);
	if (lstat(file, &st) < 0)
		return errno == ENOENT ? 0 : err_errno(e, -errno, "%s", file);
	if (!S_ISLNK(st.st_mode))
		return 0;
	if (judge_link(&st, file, e) < 0)
		return e->code;
	real = realpath(file, p->path);
	if (!real || lstat(real, &st) < 0)
		return err_errno(e, -errno, "%s is a link, and what it leads to", file);
	if (st.st_uid != geteuid())
		return err_set(e, ERR_DENIED, "%s leads to %s, which is user %u's", file, real, (unsigned int)st.st_uid);
	return 0;
}

/* The folder, made where it is missing. */
static int open_folder(const char *folder, struct err *e)
{
	struct stat st;
	int r = io_mkdirs(AT_FDCWD, folder, 0700), fd;

	if (r < 0)
		return err_errno(e, r, "make the folder %s", folder);
	fd = open(folder, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0 && (errno == ELOOP || errno == ENOTDIR)) {
		if (lstat(folder, &st) == 0 && judge_link(&st, folder, e) < 0)
			return e->code;
		fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	}
	return fd < 0 ? err_errno(e, -errno, "open the folder %s", folder) : fd;
}

/* Under the lock: what came before it may be another file by now, so that the one that is read is judged by its descriptor. */
static int read_place(struct arena *a, struct place *p, struct err *e)
{
	CLEANUP_FD int fd = openat(p->dir, p->name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);

	p->exists = fd >= 0;
	if (fd < 0 && errno == ENOENT)
		return json_parse(a, "{}", 2, NULL, &p->doc, e);
	if (fd < 0 || fstat(fd, &p->st) < 0)
		return err_errno(e, -errno, "open %s", p->path);
	if (!S_ISREG(p->st.st_mode))
		return err_set(e, ERR_INVALID, "%s is no regular file", p->path);
	return credentials_read(a, fd, p->path, &p->doc, e);
}

static int place_open(struct arena *a, struct place *p, const char *file, struct err *e)
{
	char folder[PATH_MAX], *slash;

	if (find(p, file, e) < 0)
		return e->code;
	memcpy(folder, p->path, sizeof(folder));
	slash = strrchr(folder, '/');
	p->name = slash ? p->path + (slash - folder) + 1 : p->path;
	if (!slash)
		memcpy(folder, ".", 2);
	else
		slash[slash == folder] = '\0';
	p->dir = open_folder(folder, e);
	if (p->dir < 0)
		return e->code;
	while (flock(p->dir, LOCK_EX) < 0)
		if (errno != EINTR)
			return err_errno(e, -errno, "lock the folder %s", folder);
	return read_place(a, p, e);
}

/* ---- what the file says afterwards ---- */

static bool is_secret(const char *key)
{
	static const char *const secrets[] = { "auth", "username", "password", "identitytoken", "registrytoken" };

	for (size_t i = 0; i < ARRAY_LEN(secrets); i++)
		if (strcmp(key, secrets[i]) == 0)
			return true;
	return false;
}

/* c NULL: a helper has it, and the entry says only that there was a login, as Docker's does. */
static int write_entry(struct json_writer *w, const char *key, const struct json *old, const struct credential *c)
{
	CLEANUP(sb_wipe) struct strbuf plain = STRBUF_INIT, auth = STRBUF_INIT;

	jw_object(w, key);
	if (c) {
		(void)sb_reserve(&plain, strlen(c->username) + strlen(c->password) + 2);
		sb_printf(&plain, "%s:%s", c->username, c->password);
		(void)sb_reserve(&auth, 2 * plain.len + 8);
		base64_encode(sb_str(&plain), plain.len, &auth);
		jw_str(w, "auth", sb_str(&auth));
		if (*c->identity_token)
			jw_str(w, "identitytoken", c->identity_token);
	}
	if (old && old->type == JSON_OBJECT)
		json_each(it, old)
			if (!is_secret(it->key))
				jw_value(w, it->key, it);
	jw_end_object(w);
	return sb_error(&plain) < 0 ? sb_error(&plain) : sb_error(&auth);
}

struct change {
	const char *domain;
	bool keep; /* an entry, of c; else none */
	const struct credential *c;
};

static int write_auths(struct json_writer *w, const struct json *auths, const struct change *ch)
{
	const char *key = credentials_key(ch->domain);
	const struct json *old = json_get(auths, key);
	int r = 0;

	jw_object(w, "auths");
	json_each(it, auths)
		if (!credentials_same(it->key, ch->domain))
			jw_value(w, it->key, it);
	if (ch->keep)
		r = write_entry(w, key, old, ch->c);
	jw_end_object(w);
	return r;
}

static int write_document(struct strbuf *b, const struct json *doc, const struct change *ch)
{
	struct json_writer w = { .out = b, .pretty = true };
	bool done = false;
	int r = 0;

	jw_object(&w, NULL);
	json_each(it, doc) {
		if (strcmp(it->key, "auths") != 0) {
			jw_value(&w, it->key, it);
			continue;
		}
		r = write_auths(&w, it, ch);
		done = true;
		if (r < 0)
			return r;
	}
	if (!done)
		r = write_auths(&w, NULL, ch);
	jw_end_object(&w);
	sb_putc(b, '\n');
	return r < 0 ? r : sb_error(b);
}

static int write_beside(const struct place *p, const char *tmp, const struct strbuf *b)
{
	CLEANUP_FD int fd = openat(p->dir, tmp, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	int r;

	if (fd < 0)
		return -errno;
	/* root writes for a user: it stays the user's */
	if (p->exists && (p->st.st_uid != geteuid() || p->st.st_gid != getegid()) && fchown(fd, p->st.st_uid, p->st.st_gid) < 0)
		r = -errno;
	else
		r = fchmod(fd, 0600) < 0 ? -errno : io_write_full(fd, sb_str(b), b->len);
	if (r == 0 && (fsync(fd) < 0 || renameat(p->dir, tmp, p->dir, p->name) < 0))
		r = -errno;
	if (r < 0)
		(void)unlinkat(p->dir, tmp, 0);
	else if (fsync(p->dir) < 0)
		r = -errno;
	return r;
}

static int save(const struct place *p, const struct change *ch, struct err *e)
{
	CLEANUP(sb_wipe) struct strbuf b = STRBUF_INIT;
	char tmp[NAME_MAX + 1], random[17];
	size_t secrets = ch->c ? strlen(ch->c->username) + strlen(ch->c->password) + strlen(ch->c->identity_token) : 0;
	int r = text_random_hex(8, random);

	/* in one piece, so that no copy stays behind: tabs make of a value a few times as much at most */
	(void)sb_reserve(&b, 8 * (p->exists ? (size_t)p->st.st_size : 0) + 8 * secrets + 4096);
	if (r == 0)
		r = write_document(&b, p->doc, ch);
	if (r == 0)
		r = TEXT_JOIN(tmp, sizeof(tmp), ".", "tare-", random, ".tmp");
	if (r >= 0)
		r = write_beside(p, tmp, &b);
	return r < 0 ? err_errno(e, r, "write %s", p->path) : 0;
}

/* ---- login and logout ---- */

static int responsible(const struct place *p, const char *domain, const char **helper, const struct json **auths, struct err *e)
{
	int r;

	*auths = NULL;
	r = credentials_helper(p->doc, domain, "", helper, e);
	if (r == 0)
		r = json_get_obj(p->doc, "", "auths", auths, e);
	return r < 0 ? err_ctx(e, "%s", p->path) : 0;
}

static int no_place(struct err *e)
{
	return err_set(e, ERR_INVALID, "neither DOCKER_CONFIG nor HOME says where credentials are kept: set one");
}

int credential_store(struct arena *a, const struct credential_files *files, const char *domain, const struct credential *c,
		     const char **where, struct err *e)
{
	CLEANUP(place_close) struct place p = { .dir = -1 };
	struct change ch = { domain, true, c };
	const struct json *auths;
	const char *helper;

	if (!files->docker)
		return no_place(e);
	if (strchr(c->username, ':'))
		return err_set(e, ERR_INVALID, "a user name with ':' cannot be sent to a registry (RFC 7617)");
	if (place_open(a, &p, files->docker, e) < 0 || responsible(&p, domain, &helper, &auths, e) < 0)
		return e->code;
	*where = arena_printf(a, "%s%s", *helper ? "docker-credential-" : p.path, helper);
	if (!*where)
		return err_errno(e, -ENOMEM, "store a credential");
	if (*helper) {
		const struct credential_helper h = { helper, files->helper_seconds };

		if (credential_helper_store(&h, credentials_key(domain), c, e) < 0)
			return err_ctx(e, "credentials for %s, which %s gives to a helper", domain, p.path);
		ch.c = NULL;
	}
	return save(&p, &ch, e);
}

/* What the other files, or a helper that has other names for it, still have. */
static int what_is_left(struct arena *a, const struct credential_files *files, const char *domain, const char **left, struct err *e)
{
	struct credential c;
	int r = credential_get(a, files, domain, "", &c, e);

	*left = r == 0 && credential_known(&c) ? c.from : NULL;
	return r;
}

int credential_erase(struct arena *a, const struct credential_files *files, const char *domain, bool *was, const char **left,
		     struct err *e)
{
	struct place p = { .dir = -1 };
	const struct json *auths, *entry;
	const char *helper;
	int r;

	*was = false;
	*left = NULL;
	if (!files->docker)
		return no_place(e);
	if (access(files->docker, F_OK) < 0 && errno == ENOENT) /* no folder is made for it */
		return what_is_left(a, files, domain, left, e);
	r = place_open(a, &p, files->docker, e);
	if (r == 0)
		r = responsible(&p, domain, &helper, &auths, e);
	if (r == 0 && *helper) {
		const struct credential_helper h = { helper, files->helper_seconds };

		r = credential_helper_erase(&h, credentials_key(domain), was, e);
	}
	entry = r == 0 ? credentials_match(auths, domain, "") : NULL;
	if (entry) {
		*was |= entry->type != JSON_OBJECT || entry->len || !*helper;
		r = save(&p, &(const struct change){ domain, false, NULL }, e);
	}
	place_close(&p);
	return r < 0 ? r : what_is_left(a, files, domain, left, e);
}

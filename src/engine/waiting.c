#include "engine/waiting.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "base/io.h"
#include "base/text.h"
#include "engine/container.h"
#include "engine/folder.h"
#include "engine/settle.h"
#include "sys/sock.h"

#define FOLDER "waiting"
#define NAME_BYTES 8
#define DISMISS_SECONDS 1

void waiting_end(struct waiting *w)
{
	if (w->dir >= 0 && w->listener >= 0)
		(void)unlinkat(w->dir, w->name, 0);
	w->listener = close_fd(w->listener);
	w->dir = close_fd(w->dir);
}

/* STATE/ID need not be there: the first start makes it. */
static int open_folder(const struct engine *en, const char *id, struct err *e)
{
	char name[ID_LEN + sizeof("/" FOLDER)];
	int fd;

	(void)snprintf(name, sizeof(name), "%s/" FOLDER, id);
	if ((mkdirat(en->state_fd, id, 0700) < 0 && errno != EEXIST) || (mkdirat(en->state_fd, name, 0700) < 0 && errno != EEXIST))
		return err_errno(e, -errno, "make %s/%s", en->state, name);
	fd = openat(en->state_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	return fd < 0 ? err_errno(e, -errno, "open %s/%s", en->state, name) : fd;
}

/* The name says what is wanted, so that a worker has not to wait for a word of ours before it reads the first byte. */
static int make_name(unsigned char want, char out[WAITING_NAME_LEN])
{
	char random[2 * NAME_BYTES + 1];
	int r = text_random_hex(NAME_BYTES, random);

	if (r == 0)
		(void)snprintf(out, WAITING_NAME_LEN, "%s.%u", random, want);
	return r;
}

int waiting_begin(const struct engine *en, const char *id, unsigned char want, struct waiting *out, struct err *e)
{
	int r;

	*out = (struct waiting)WAITING_INIT;
	out->dir = open_folder(en, id, e);
	if (out->dir < 0)
		return out->dir;
	r = make_name(want, out->name);
	if (r == 0)
		r = out->listener = sock_listen(out->dir, out->name, SOCK_STREAM);
	if (r >= 0)
		r = io_set_nonblock(out->listener, true);
	if (r < 0)
		waiting_end(out);
	return r < 0 ? err_errno(e, r, "wait for the container's start") : 0;
}

int waiting_look(struct waiting *w, struct client *out, struct err *e)
{
	struct stat st;
	int fd;

	/* first whether the name is there: it goes only after the worker has connected */
	if (fstatat(w->dir, w->name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		st.st_nlink = 0;
	fd = sock_accept(w->listener);
	if (fd < 0 && st.st_nlink)
		return 0;
	if (fd < 0)
		return err_set(e, ERR_NOTFOUND, "it was removed, or its start failed");
	*out = (struct client){ .fd = fd };
	waiting_end(w);
	return 1;
}

/* One that takes no connection takes this for none either. */
static void dismiss(int dir, const char *name)
{
	close_fd(sock_connect_within(dir, name, SOCK_STREAM, DISMISS_SECONDS));
}

void waiting_dismiss(int state, const char *id)
{
	char name[ID_LEN + sizeof("/" FOLDER)];
	const struct dirent *entry;
	DIR *d;
	int fd;

	(void)snprintf(name, sizeof(name), "%s/" FOLDER, id);
	fd = openat(state, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	d = fd < 0 ? NULL : fdopendir(fd);
	if (!d) {
		close_fd(fd);
		return;
	}
	while ((entry = readdir(d)))
		if (entry->d_name[0] != '.')
			dismiss(dirfd(d), entry->d_name);
	(void)closedir(d);
}

int container_await(const struct engine *en, const char *what, unsigned char want, struct client *out, struct waiting *w, struct err *e)
{
	CLEANUP_ARENA struct arena a = ARENA_INIT;
	CLEANUP_LIVE struct live live = LIVE_INIT;
	CLEANUP_FD int lock = -1;
	struct record rec;
	int r = settle_find(en, &a, what, SETTLE_WAIT, &rec, &live, e);

	*out = (struct client)CLIENT_INIT;
	if (r < 0)
		return r;
	if (rec.status == RECORD_RESTARTING || rec.status == RECORD_RUNNING)
		return container_attach(en, rec.id, want, out, e);
	lock = folder_lock(en, rec.id, true, e);
	r = lock < 0 ? lock : record_get(en->catalog, &a, rec.id, &rec, e);
	if (r < 0)
		return r;
	if (rec.status != RECORD_RUNNING)
		return waiting_begin(en, rec.id, want, w, e);
	lock = close_fd(lock);
	return container_attach(en, rec.id, want, out, e);
}

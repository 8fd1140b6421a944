/* Rows are the truth, as everywhere: for each container that has any its elements are added, which changes nothing where they are there.
 * Its operation lock is held meanwhile, so that they are not added while somebody takes them away to give its address to another. */
#include "engine/healer.h"

#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>

#include "base/json.h"
#include "base/log.h"
#include "engine/endpoint.h"
#include "engine/folder.h"
#include "engine/launch.h"
#include "engine/others.h"
#include "engine/resolver.h"
#include "net/healer.h"
#include "sys/sock.h"

/* ---- putting back ---- */

static void heal_one(const struct engine *en, const char *id)
{
	struct err e = { 0 };
	CLEANUP_FD int lock = folder_lock(en, id, true, &e);

	if ((lock < 0 || endpoint_restore(en, id, &e) < 0) && e.cls != ERR_NOTFOUND)
		log_warning("the rules of container %.12s are not restored: %s", id, e.msg);
}

int heal(const struct engine *en, bool *needed, struct err *e)
{
	CLEANUP_ARENA struct arena a = ARENA_INIT;
	const char *const *ids;
	size_t n;
	int r = endpoint_owners(en, &a, &ids, &n, e);

	*needed = r == 0 && n > 0;
	if (!*needed)
		return r;
	healer_start(en); /* first: what is taken away from now on is noticed */
	r = endpoint_rules(en, e);
	if (r == 0)
		others_arrange(en);
	for (size_t i = 0; r == 0 && i < n; i++)
		heal_one(en, ids[i]);
	resolver_sync(en);
	return r;
}

/* ---- who notices ---- */

static int start(const struct engine *en, int lock, struct err *e)
{
	CLEANUP_FD int fd = sock_listen(en->state_fd, HEALER_SOCKET, SOCK_SEQPACKET);
	struct firewall fw;

	network_firewall(en, &fw);
	return fd < 0 ? err_errno(e, fd, "listen on %s/%s", en->state, HEALER_SOCKET) : launch_healer(en, fd, lock, fw.table, e);
}

/* Its lock is open in the healer as long as it lives. */
void healer_start(const struct engine *en)
{
	CLEANUP_FD int lock = openat(en->state_fd, HEALER_LOCK, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	struct err e = { 0 };

	if (lock >= 0 && flock(lock, LOCK_EX | LOCK_NB) < 0 && errno == EWOULDBLOCK)
		return;
	if (lock < 0 || start(en, lock, &e) < 0)
		log_warning("nobody notices when rules are flushed: %s", lock < 0 ? strerror(errno) : e.msg);
}

void healer_tell(const struct engine *en)
{
	CLEANUP_FD int sock = sock_connect(en->state_fd, HEALER_SOCKET, SOCK_SEQPACKET | SOCK_NONBLOCK);

	if (sock >= 0)
		(void)send(sock, "n", 1, MSG_NOSIGNAL | MSG_DONTWAIT);
}

void healer_describe(const struct engine *en, struct json_writer *w)
{
	char self[PATH_MAX];
	const char *argv[] = { self, "--root", en->root, "--state", en->state, "internal", "heal", NULL };
	struct err ignored;

	if (engine_self(self, &ignored) < 0)
		return; /* the next one starts it */
	jw_object(w, "healer");
	jw_str(w, "folder", en->state);
	jw_strv(w, "argv", argv);
	jw_end_object(w);
}

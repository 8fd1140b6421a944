#include "engine/relays.h"

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "base/io.h"
#include "base/log.h"
#include "engine/client.h"
#include "engine/live.h"
#include "net/relay.h"

#define PATIENCE_S 2

static void write_all(const struct endpoints *own, struct strbuf *out)
{
	const struct net_link *l = own->via < own->n ? &own->v[own->via].link : NULL;

	for (size_t i = 0; l && i < own->n_ports; i++) {
		struct net_relay relay;

		if (net_relay_of(&own->ports[i], &l->ip.ip, &l->ip6.ip, &relay))
			net_relay_write(&relay, out);
	}
}

int relays_write(const struct engine *en, const char *id, const struct endpoints *own, struct err *e)
{
	CLEANUP_STRBUF struct strbuf text = STRBUF_INIT;
	CLEANUP_FD int folder = openat(en->state_fd, id, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	int r = folder < 0 ? -errno : 0;

	write_all(own, &text);
	if (r == 0 && sb_error(&text) < 0)
		r = -ENOMEM;
	if (r == 0 && text.len)
		r = io_replace_file(folder, RELAY_FILE, text.s, text.len, 0600, false);
	else if (r == 0 && unlinkat(folder, RELAY_FILE, 0) < 0 && errno != ENOENT)
		r = -errno;
	return r < 0 ? err_errno(e, r, "write %s/%s/" RELAY_FILE, en->state, id) : 0;
}

/* Its monitor is at the end's work, of which closing its ports is the first. */
static bool has_ended(const struct engine *en, const char *id)
{
	CLEANUP_LIVE struct live live = LIVE_INIT;
	struct err ignored;

	return live_read(en, id, &live, &ignored) == 0 && !live.container;
}

/* Until it has done so. Where no monitor listens there is no relay, and the next one reads the file. */
static int tell(const struct engine *en, const char *id, struct err *e)
{
	CLEANUP_CLIENT struct client c = CLIENT_INIT;
	const struct timeval patience = { .tv_sec = PATIENCE_S };
	struct frame f = { 0 };
	struct err nobody;
	int r;

	if (client_connect(en, id, 0, &c, &nobody) < 0)
		return 0;
	(void)!setsockopt(c.fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	r = client_send(&c, FRAME_PORTS, NULL, 0);
	while (r >= 0 && f.type != FRAME_PORTS && (r = client_next(&c, &f, e)) > 0)
		;
	if (r >= 0 || io_peer_gone(r) || has_ended(en, id))
		return 0; /* where it hung up, or ends, it relays nothing any more */
	return err_set(e, ERR_UNAVAILABLE, "container %.12s: its monitor does not answer, so its ports by IPv6 stay as they are", id);
}

int relays_change(const struct engine *en, const char *id, const struct endpoints *own, struct err *e)
{
	char name[NAME_MAX + 1];
	bool had;
	int r;

	(void)snprintf(name, sizeof(name), "%s/" RELAY_FILE, id);
	had = faccessat(en->state_fd, name, F_OK, 0) == 0;
	r = relays_write(en, id, own, e);
	return r < 0 || (!had && !own->n_ports) ? r : tell(en, id, e);
}

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

/* Until it has done so, or does not say so. */
static int tell(const struct engine *en, const char *id, struct err *e)
{
	CLEANUP_CLIENT struct client c = CLIENT_INIT;
	const struct timeval patience = { .tv_sec = PATIENCE_S };
	struct frame f = { 0 };
	int r = client_connect(en, id, 0, &c, e);

	if (r < 0)
		return r;
	(void)!setsockopt(c.fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	r = client_send(&c, FRAME_PORTS, NULL, 0);
	while (r >= 0 && f.type != FRAME_PORTS && (r = client_next(&c, &f, e)) > 0)
		;
	return r > 0 ? 0 : err_set(e, ERR_UNAVAILABLE, "its monitor does not answer");
}

int relays_change(const struct engine *en, const char *id, const struct endpoints *own, struct err *e)
{
	char name[NAME_MAX + 1];
	struct err why = { 0 };
	bool had;
	int r;

	(void)snprintf(name, sizeof(name), "%s/" RELAY_FILE, id);
	had = faccessat(en->state_fd, name, F_OK, 0) == 0;
	r = relays_write(en, id, own, e);
	if (r == 0 && (had || own->n_ports) && tell(en, id, &why) < 0)
		log_warning("container %.12s: its ports by IPv6 stay as they were: %s", id, why.msg);
	return r;
}

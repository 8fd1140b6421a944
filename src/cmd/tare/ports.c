/* tare port */
#include <stdio.h>
#include <string.h>

#include "api/docker/ports.h"
#include "cmd/tare/tare.h"
#include "engine/settle.h"

/* One that asks for a port and protocol, or everything when port is 0. */
static size_t print_ports(const struct endpoints *own, uint16_t port, unsigned char proto, struct strbuf *out)
{
	char host[2][IP_TEXT_LEN];
	size_t n = 0;

	for (size_t i = 0; i < own->n_ports; i++)
		for (uint16_t k = 0; k < own->ports[i].count; k++) {
			const struct net_port *p = &own->ports[i];
			size_t hosts = ports_host_texts(own, p, host);

			if (port && (p->target + k != port || p->proto != proto))
				continue;
			for (size_t h = 0; h < hosts; h++, n++) {
				if (!port)
					sb_printf(out, "%u/%s -> ", p->target + k, net_proto_name(p->proto));
				sb_printf(out, "%s:%u\n", host[h], p->first + k);
			}
		}
	return n;
}

int cmd_port(const struct cli_call *call, struct err *e)
{
	CLEANUP_ENGINE struct engine en = ENGINE_INIT;
	CLEANUP_STRBUF struct strbuf out = STRBUF_INIT;
	CLEANUP_LIVE struct live live = LIVE_INIT;
	const char *asked = call->n_args > 1 ? call->args[1] : NULL;
	struct net_port port = { 0 };
	struct endpoints own;
	struct record rec;
	int r = asked ? net_port_parse(asked, &port, e) : 0;

	if (r < 0 || (asked && strchr(asked, ':')) || port.count > 1)
		return err_set(e, ERR_INVALID, "\"%s\" is no port of a container: want PORT[/tcp|udp|sctp]", asked);
	r = tare_engine_to_look(call, &en, e);
	if (r == 0)
		r = settle_find(&en, call->arena, call->args[0], SETTLE_LOOK, &rec, &live, e);
	if (r == 0)
		r = ports_read(&en, call->arena, rec.id, &own, e);
	if (r < 0)
		return r;
	if (print_ports(&own, port.target, port.proto, &out) == 0 && asked)
		return err_set(e, ERR_NOTFOUND, "container %s publishes no port %s", rec.name, asked);
	return sb_error(&out) < 0 ? err_errno(e, -ENOMEM, "port") : tare_print(&out, e);
}

/* tare network cni check, status, gc, version */

#include <string.h>

#include "base/log.h"
#include "cmd/tare/tare.h"
#include "engine/cni.h"
#include "engine/record.h"
#include "engine/settle.h"

static int begin(const struct cli_call *call, struct engine *en, struct cni_network *net, struct err *e)
{
	struct network known;
	int r = tare_engine(call, en, e);

	if (r == 0)
		r = network_find(en, call->arena, call->args[0], &known, e);
	if (r == 0 && !network_is_cni(&known))
		r = err_set(e, ERR_UNSUPPORTED, "network %s is served by tare itself: there are no plugins to ask", known.name);
	return r < 0 ? r : cni_folder_find(call->arena, known.name, net, e);
}

/* A row a container: its name, and "ok" or what is wrong. */
static bool check_one(const struct engine *en, struct arena *a, const struct cni_row *row)
{
	struct err why = { 0 };
	struct record rec;
	int r = record_get(en->catalog, a, row->container, &rec, &why);

	if (r == 0)
		r = cni_check_row(en, row, &why);
	if (r < 0)
		log_error("container %.12s: %s", row->container, why.msg);
	else
		tare_say("%s", rec.name);
	return r == 0;
}

int cmd_cni_check(const struct cli_call *call, struct err *e)
{
	CLEANUP_ENGINE struct engine en = ENGINE_INIT;
	CLEANUP_LIVE struct live live = LIVE_INIT;
	struct record rec = { .id = NULL };
	struct cni_network net;
	struct cni_row *rows;
	size_t n, found = 0, good = 0;
	int r = begin(call, &en, &net, e);

	if (r == 0 && call->n_args > 1)
		r = settle_find(&en, call->arena, call->args[1], SETTLE_WAIT, &rec, &live, e);
	if (r == 0)
		r = cni_rows(&en, call->arena, rec.id, &rows, &n, e);
	if (r < 0)
		return r;
	for (size_t i = 0; i < n; i++)
		if (strcmp(rows[i].network, net.net.name) == 0) {
			found++;
			good += check_one(&en, call->arena, &rows[i]);
		}
	if (rec.id && !found)
		return err_set(e, ERR_NOTFOUND, "container %s is not in network %s", rec.name, net.net.name);
	return good < found;
}

int cmd_cni_status(const struct cli_call *call, struct err *e)
{
	CLEANUP_ENGINE struct engine en = ENGINE_INIT;
	struct cni_network net;
	int r = begin(call, &en, &net, e);

	if (r == 0)
		r = cni_network_status(call->arena, &net, e);
	if (r == 0)
		tare_say("%s", net.net.name);
	return r;
}

int cmd_cni_gc(const struct cli_call *call, struct err *e)
{
	CLEANUP_ENGINE struct engine en = ENGINE_INIT;
	struct cni_network net;
	int r = begin(call, &en, &net, e);

	if (r == 0)
		r = cni_network_gc(&en, call->arena, &net, e);
	if (r == 0)
		tare_say("%s", net.net.name);
	return r;
}

int cmd_cni_version(const struct cli_call *call, struct err *e)
{
	CLEANUP_ENGINE struct engine en = ENGINE_INIT;
	CLEANUP_STRBUF struct strbuf out = STRBUF_INIT;
	struct cni_settings s;
	struct cni_network net;
	int r = cni_settings(&s, e);

	if (r == 0)
		r = begin(call, &en, &net, e);
	for (size_t i = 0; r == 0 && i < net.list.n_plugins; i++) {
		const struct cni_host h = { .path = s.plugins, .seconds = s.seconds, .hold = -1 };
		const char **v;
		size_t n;

		r = cni_versions(&h, call->arena, net.list.plugins[i].type, &v, &n, e);
		sb_puts(&out, net.list.plugins[i].type);
		for (size_t k = 0; r == 0 && k < n; k++)
			sb_printf(&out, " %s", v[k]);
		sb_putc(&out, '\n');
	}
	return r < 0 ? r : tare_print(&out, e);
}

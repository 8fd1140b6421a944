/* tare network cni check, status, gc, version; and what ls and inspect say about networks of CNI */
#include "cmd/tare/network_cni.h"

#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "cmd/tare/table.h"
#include "cmd/tare/tare.h"
#include "engine/cni.h"
#include "engine/record.h"
#include "engine/settle.h"

/* ---- ls ---- */

/* The first subnet that a plugin's address management names: what people look for in the list. */
static const char *subnet_of(const struct cni_list *list)
{
	for (size_t i = 0; i < list->n_plugins; i++) {
		const struct json *ipam = json_get(list->plugins[i].conf, "ipam"), *subnet = json_get(ipam, "subnet");
		const struct json *ranges = json_get(ipam, "ranges");

		if (!subnet && ranges && ranges->type == JSON_ARRAY && ranges->child && ranges->child->type == JSON_ARRAY)
			subnet = json_get(ranges->child->child, "subnet");
		if (subnet && subnet->type == JSON_STRING)
			return subnet->str;
	}
	return "";
}

/* Whether one of tare's own has the name: that one is meant by it. */
static int is_hidden(const struct engine *en, const char *name, const char *file, struct err *e)
{
	CLEANUP_STMT struct cat_stmt *s = NULL;
	int r = cat_prepare(en->catalog, &s, e, "SELECT config FROM networks WHERE name = ?1", "s", name);

	if (r == 0)
		r = cat_step(s, e);
	if (r > 0 && !strstr(cat_text(s, 0), "\"Cni\":")) /* else it is that one, served by tare */
		log_warning("%s: a network of tare's own is called %s too, and is meant by that name", file, name);
	return r;
}

int network_cni_list(const struct engine *en, struct arena *a, struct network **all, size_t *n, struct err *e)
{
	struct cni_network *cni;
	struct network *grown;
	struct cni_bad *bad;
	size_t n_cni, n_bad;
	int r = cni_folder_read(a, &cni, &n_cni, &bad, &n_bad, e);

	if (r < 0)
		return r;
	for (size_t i = 0; i < n_bad; i++)
		log_warning("a configuration of CNI cannot be read: %s", bad[i].why);
	grown = arena_array(a, *n + n_cni + 1, sizeof(*grown));
	if (!grown)
		return err_errno(e, -ENOMEM, "list the networks");
	if (*n)
		memcpy(grown, *all, *n * sizeof(*grown));
	*all = grown;
	for (size_t i = 0; r >= 0 && i < n_cni; i++) {
		struct network *net = &grown[*n];

		*net = cni[i].net;
		net->created = TABLE_NEVER;
		if (ip_net_parse(subnet_of(&cni[i].list), &net->subnet) < 0)
			net->subnet = (struct ip_net){ 0 };
		r = is_hidden(en, net->name, cni[i].file, e);
		*n += r == 0;
	}
	return r < 0 ? r : 0;
}

/* ---- inspect ---- */

static int write_containers(const struct engine *en, struct arena *a, const char *name, struct json_writer *w, struct err *e)
{
	struct cni_row *rows;
	size_t n;
	int r = cni_rows(en, a, NULL, &rows, &n, e);

	jw_object(w, "Containers");
	for (size_t i = 0; r == 0 && i < n; i++) {
		char text[IP_TEXT_LEN];
		struct cni_place p;
		struct record rec;
		struct err gone;

		if (strcmp(rows[i].network, name) != 0 || (r = cni_row_read(a, &rows[i], "", &p, e)) < 0)
			continue;
		jw_object(w, rows[i].container);
		jw_str(w, "Name", record_get(en->catalog, a, rows[i].container, &rec, &gone) == 0 ? rec.name : "");
		jw_str(w, "Interface", rows[i].ifname);
		jw_str(w, "MacAddress", p.result.mac ? p.result.mac : "");
		jw_array(w, "Addresses");
		for (size_t k = 0; k < p.result.n_ips; k++)
			jw_str(w, NULL, ip_net_text(&p.result.ips[k].net, text));
		jw_end_array(w);
		jw_end_object(w);
	}
	jw_end_object(w);
	return r;
}

int network_cni_inspect(const struct engine *en, struct arena *a, const char *name, struct json_writer *w, struct err *e)
{
	struct cni_network net;
	int r = cni_folder_find(a, name, &net, e);

	if (r < 0)
		return r;
	jw_object(w, NULL);
	jw_str(w, "Name", net.net.name);
	jw_str(w, "Id", net.net.id);
	jw_str(w, "Scope", "local");
	jw_str(w, "Driver", net.net.driver);
	jw_str(w, "File", net.file);
	jw_array(w, "CniVersions");
	for (size_t i = 0; i < net.list.n_versions; i++)
		jw_str(w, NULL, net.list.versions[i]);
	jw_end_array(w);
	jw_array(w, "Plugins");
	for (size_t i = 0; i < net.list.n_plugins; i++)
		jw_value(w, NULL, net.list.plugins[i].conf);
	jw_end_array(w);
	r = write_containers(en, a, name, w, e);
	jw_end_object(w);
	return r;
}

/* ---- check, status, gc, version ---- */

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

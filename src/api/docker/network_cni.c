#include "api/docker/network_cni.h"

#include <string.h>

#include "api/docker/times.h"
#include "base/log.h"
#include "engine/cni.h"
#include "engine/cni_folder.h"
#include "engine/record.h"

/* ---- lists ---- */

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
		net->created = TIME_NEVER;
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

/* net/cni: any bytes as a list, as one plugin's configuration, as a result and as an answer to VERSION. A list that is taken can be read
 * again from its text, and what is made of it for a plugin is JSON. */
#include <stdlib.h>
#include <string.h>

#include "net/cni_own.h"

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size);

static void check(int ok)
{
	if (!ok)
		abort();
}

static void list(struct arena *a, const char *text, size_t size, bool single)
{
	struct cni_attachment at = { .version = CNI_NEWEST, .netns = "", .args = "" };
	struct cni_list l, again;
	struct cni_own own;
	struct err e = { 0 };
	const struct json *doc;

	if (cni_list_parse(a, text, size, single, &l, &e) < 0)
		return;
	check(cni_name_ok(l.name) && l.n_plugins <= CNI_PLUGINS);
	check(cni_list_parse(a, l.text, strlen(l.text), false, &again, &e) == 0);
	check(strcmp(again.name, l.name) == 0 && again.n_plugins == l.n_plugins && again.n_versions == l.n_versions);
	if (cni_own_read(&l, &own))
		check(own.store[0] == '/' && strlen(own.bridge) < 16 && ip_net_has(&own.subnet, &own.gateway));
	at.list = &l;
	for (size_t i = 0; i < l.n_plugins; i++) {
		CLEANUP_STRBUF struct strbuf out = STRBUF_INIT;

		check(!strchr(l.plugins[i].type, '/'));
		at.capabilities = json_get(l.plugins[i].conf, "capabilities");
		cni_request(&at, &l.plugins[i], l.plugins[i].conf, &out);
		check(json_parse(a, sb_str(&out), out.len, NULL, &doc, &e) == 0 || e.cls == ERR_LIMIT);
	}
}

static void result(struct arena *a, const char *text, size_t size)
{
	struct cni_result r;
	struct err e = { 0 };
	const struct json *doc;
	const char **v;
	char said[700];
	size_t n;

	if (json_parse(a, text, size, NULL, &doc, &e) < 0)
		return;
	if (cni_result_parse(a, doc, "eth0", &r, &e) == 0)
		for (size_t i = 0; i < r.n_servers; i++)
			check(!strpbrk(r.servers[i], " \n"));
	if (cni_error_text(doc, said, sizeof(said)))
		check(!strpbrk(said, "\n\r"));
	if (cni_versions_parse(a, doc, &v, &n, &e) == 0)
		for (size_t i = 0; i < n; i++)
			(void)cni_version_compare(v[i], CNI_NEWEST);
}

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size)
{
	CLEANUP_ARENA struct arena a = ARENA_INIT;
	const char *text = (const char *)data;

	list(&a, text, size, false);
	list(&a, text, size, true);
	result(&a, text, size);
	return 0;
}

/* tare system info, tare version: api/docker/info.h for people and programs. */
#include "cmd/tare/tare.h"

#include <string.h>

#include "api/docker/info.h"
#include "cmd/tare/documents.h"

const struct cli_option info_options[] = {
	{ "format", 'f', "table|json|TEMPLATE", CLI_STR, "how it is written, or what by a template of Go's", offsetof(struct system_opts, format) },
	{ 0 }
};
const struct cli_option version_options[] = {
	{ "format", 'f', "table|json|TEMPLATE", CLI_STR, "how it is written, or what by a template of Go's", offsetof(struct system_opts, format) },
	{ "kubeconfig", 0, "FILE", CLI_UNSUPPORTED },
	{ 0 }
};

static void add_line(const struct info_pair *p, struct strbuf *out)
{
	if (p->title && p->text)
		sb_printf(out, "%-18s %s\n", p->title, p->text);
	else if (p->title)
		sb_printf(out, "%-18s %llu\n", p->title, (unsigned long long)p->number);
}

/* json: all of it, in an object. */
static int print(const struct cli_call *call, const struct info *info, struct strbuf *json, struct err *e)
{
	const struct system_opts *o = call->opts;
	CLEANUP_STRBUF struct strbuf out = STRBUF_INIT;
	int r = 0;

	sb_putc(json, '\n');
	if (document_is_template(o->format))
		r = document_apply(call->arena, o->format, json, &out, e);
	else if (o->format && strcmp(o->format, "json") == 0)
		return tare_print(json, e);
	else
		for (size_t i = 0; i < info->n; i++)
			add_line(&info->pairs[i], &out);
	return r < 0 ? r : sb_error(&out) < 0 ? err_errno(e, -ENOMEM, "write") : tare_print(&out, e);
}

/* Docker has two programs there; here one is both. */
int cmd_version(const struct cli_call *call, struct err *e)
{
	CLEANUP_STRBUF struct strbuf text = STRBUF_INIT;
	struct json_writer w = JSON_WRITER(&text);
	struct info version;
	int r = version_read(&version, e);

	if (r < 0)
		return r;
	jw_object(&w, NULL);
	info_write_pairs(&version, &w);
	jw_object(&w, "Client");
	version_write(&version, false, &w);
	jw_end_object(&w);
	jw_object(&w, "Server");
	version_write(&version, true, &w);
	jw_end_object(&w);
	jw_end_object(&w);
	return print(call, &version, &text, e);
}

int cmd_info(const struct cli_call *call, struct err *e)
{
	CLEANUP_ENGINE struct engine en = ENGINE_INIT;
	CLEANUP_STRBUF struct strbuf text = STRBUF_INIT;
	struct json_writer w = JSON_WRITER(&text);
	struct info info;
	int r = tare_engine_to_look(call, &en, e);

	if (r == 0)
		r = info_read(&en, call->arena, &info, e);
	if (r < 0)
		return r;
	jw_object(&w, NULL);
	info_write(&info, &w);
	jw_end_object(&w);
	return print(call, &info, &text, e);
}

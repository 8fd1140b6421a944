#include "cmd/tare/documents.h"

#include <string.h>

#include "base/log.h"
#include "cmd/tare/tare.h"
#include "cmd/tare/template.h"

bool document_is_template(const char *format)
{
	return format && strcmp(format, "json") != 0 && strcmp(format, "table") != 0;
}

int document_apply(struct arena *a, const char *template, const struct strbuf *text, struct strbuf *out, struct err *e)
{
	CLEANUP_STRBUF struct strbuf line = STRBUF_INIT;
	const struct json *doc;
	int r = sb_error(text) < 0 ? err_errno(e, -ENOMEM, "inspect") : json_parse(a, sb_str(text), text->len, NULL, &doc, e);

	if (r == 0)
		r = template_apply(a, template, doc, &line, e);
	if (r == 0)
		sb_printf(out, "%s\n", sb_str(&line));
	return r;
}

static int one(const struct engine *en, const struct cli_call *call, const char *what, const char *template, document_fn fn,
	       struct json_writer *w, struct err *e)
{
	CLEANUP_STRBUF struct strbuf text = STRBUF_INIT;
	struct json_writer own = JSON_WRITER(&text);
	int r = fn(en, call, what, template ? &own : w, e);

	return r < 0 || !template ? r : document_apply(call->arena, template, &text, w->out, e);
}

int documents_print(const struct engine *en, const struct cli_call *call, const char *format, document_fn fn, struct err *e)
{
	const char *template = document_is_template(format) ? format : NULL;
	CLEANUP_STRBUF struct strbuf out = STRBUF_INIT;
	struct json_writer w = { .out = &out, .pretty = !format || strcmp(format, "json") != 0 };
	int r, failed = 0;

	if (!template)
		jw_array(&w, NULL);
	for (size_t i = 0; i < call->n_args; i++) {
		struct err why = { 0 };

		if (one(en, call, call->args[i], template, fn, &w, &why) < 0) {
			log_error("%s", why.msg);
			failed = 1;
		}
	}
	if (!template) {
		jw_end_array(&w);
		sb_putc(&out, '\n');
	}
	r = sb_error(&out) < 0 ? err_errno(e, -ENOMEM, "inspect") : tare_print(&out, e);
	return r < 0 ? r : failed;
}

#include "image/worker/report.h"

#include "base/io.h"
#include "base/json.h"
#include "base/strbuf.h"

static int send_line(struct task *t, struct strbuf *text, struct err *e)
{
	int r;

	sb_putc(text, '\n');
	if (sb_error(text) < 0)
		return err_errno(e, -ENOMEM, "report");
	(void)pthread_mutex_lock(&t->report_lock);
	r = io_write_full(t->report, text->s, text->len);
	(void)pthread_mutex_unlock(&t->report_lock);
	return r < 0 ? err_errno(e, r, "write the report") : 0;
}

int report_unpacked(struct task *t, const char *chain_id, uint64_t size, uint64_t entries, uint32_t max_id,
		    struct err *e)
{
	CLEANUP_STRBUF struct strbuf text = STRBUF_INIT;
	struct json_writer w = JSON_WRITER(&text);

	jw_object(&w, NULL);
	jw_str(&w, "type", "layer");
	jw_str(&w, "chainId", chain_id);
	jw_u64(&w, "size", size);
	jw_u64(&w, "entries", entries);
	jw_u64(&w, "maxId", max_id);
	jw_end_object(&w);
	return send_line(t, &text, e);
}

int report_packed(struct task *t, const struct report_packed *p, struct err *e)
{
	CLEANUP_STRBUF struct strbuf text = STRBUF_INIT;
	struct json_writer w = JSON_WRITER(&text);

	jw_object(&w, NULL);
	jw_str(&w, "type", "packed");
	jw_str(&w, "blob", p->blob);
	jw_str(&w, "diffId", p->diff_id);
	jw_u64(&w, "blobSize", p->blob_size);
	jw_u64(&w, "size", p->size);
	jw_u64(&w, "entries", p->entries);
	jw_u64(&w, "maxId", p->max_id);
	jw_end_object(&w);
	return send_line(t, &text, e);
}

void report_arrived(struct task *t, size_t blob, uint64_t bytes)
{
	CLEANUP_STRBUF struct strbuf text = STRBUF_INIT;
	struct json_writer w = JSON_WRITER(&text);
	struct err ignored;

	jw_object(&w, NULL);
	jw_str(&w, "type", "arrived");
	jw_u64(&w, "blob", blob);
	jw_u64(&w, "bytes", bytes);
	jw_end_object(&w);
	(void)!send_line(t, &text, &ignored);
}

int report_image(struct task *t, const char *const *names, const char *config, const char *manifest,
		 const struct report_layer *layers, size_t n_layers, struct err *e)
{
	CLEANUP_STRBUF struct strbuf text = STRBUF_INIT;
	struct json_writer w = JSON_WRITER(&text);

	jw_object(&w, NULL);
	jw_str(&w, "type", "image");
	jw_strv(&w, "names", names);
	if (config)
		jw_str(&w, "config", config);
	if (manifest)
		jw_str(&w, "manifest", manifest);
	jw_array(&w, "layers");
	for (size_t i = 0; i < n_layers; i++) {
		jw_object(&w, NULL);
		jw_str(&w, "blob", layers[i].blob);
		jw_u64(&w, "blobSize", layers[i].blob_size);
		jw_str(&w, "diffId", layers[i].diff_id);
		jw_str(&w, "mediaType", layers[i].media_type);
		jw_end_object(&w);
	}
	jw_end_array(&w);
	jw_end_object(&w);
	return send_line(t, &text, e);
}

void report_failure(struct task *t, const struct err *failure)
{
	CLEANUP_STRBUF struct strbuf text = STRBUF_INIT;
	struct json_writer w = JSON_WRITER(&text);
	struct err ignored; /* the exit code tells as well */

	jw_object(&w, NULL);
	jw_str(&w, "type", "error");
	jw_str(&w, "class", err_info(failure->cls)->name);
	jw_str(&w, "message", failure->msg);
	jw_end_object(&w);
	if (send_line(t, &text, &ignored) < 0)
		return;
}

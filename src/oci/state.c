#include "oci/state.h"

void oci_state_members(struct json_writer *w, const struct oci_spec *spec, const char *id, const char *status, pid_t pid,
		       const char *bundle)
{
	jw_str(w, "ociVersion", OCI_VERSION);
	jw_str(w, "id", id);
	jw_str(w, "status", status);
	if (pid > 0)
		jw_i64(w, "pid", pid);
	jw_str(w, "bundle", bundle);
	if (!spec->n_annotations)
		return;
	jw_object(w, "annotations");
	for (size_t i = 0; i < spec->n_annotations; i++)
		jw_str(w, spec->annotations[i].key, spec->annotations[i].value);
	jw_end_object(w);
}

void oci_state_write(struct strbuf *out, const struct oci_spec *spec, const char *id, const char *status, pid_t pid,
		     const char *bundle)
{
	struct json_writer w = JSON_WRITER(out);

	jw_object(&w, NULL);
	oci_state_members(&w, spec, id, status, pid, bundle);
	jw_end_object(&w);
}

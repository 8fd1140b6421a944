#include "engine/spec_log.h"

#include <stdio.h>
#include <string.h>

#include "base/text.h"

static int log_opt(struct plan_log *log, const char *opt, struct err *e)
{
	if (text_starts(opt, "max-size=")) {
		if (text_size(opt + strlen("max-size="), &log->max_size) < 0)
			return err_set(e, ERR_INVALID, "--log-opt %s: want a size such as 10m", opt);
		return 0;
	}
	if (text_starts(opt, "max-file=")) {
		if (text_u32(opt + strlen("max-file="), &log->max_file) < 0 || log->max_file == 0)
			return err_set(e, ERR_INVALID, "--log-opt %s: want a number of files, at least 1", opt);
		return 0;
	}
	return err_set(e, ERR_UNSUPPORTED, "--log-opt %s is not supported (max-size and max-file are)", opt);
}

int plan_log(const struct ct_options *opt, struct plan_log *out, struct err *e)
{
	*out = (struct plan_log){ .max_file = 1 };
	out->none = opt->log_driver && strcmp(opt->log_driver, "none") == 0;
	if (opt->log_driver && !out->none && strcmp(opt->log_driver, "json-file") != 0)
		return err_set(e, ERR_UNSUPPORTED, "--log-driver %s is not supported (json-file and none are)", opt->log_driver);
	if (out->none && opt->log_opts.n)
		return err_set(e, ERR_INVALID, "--log-opt means nothing with --log-driver none");
	for (size_t i = 0; i < opt->log_opts.n; i++)
		if (log_opt(out, opt->log_opts.v[i], e) < 0)
			return e->code;
	if (out->max_file > 1 && out->max_size == 0)
		return err_set(e, ERR_INVALID, "--log-opt max-file needs max-size");
	return 0;
}

void plan_write_log(const struct plan_log *log, const char *container_dir, const char *id, struct json_writer *w)
{
	char path[4096 + 128];

	jw_object(w, "log");
	if (log->none) {
		jw_str(w, "driver", "none");
	} else {
		(void)snprintf(path, sizeof(path), "%s/%s-json.log", container_dir, id);
		jw_str(w, "driver", "json-file");
		jw_str(w, "path", path);
		jw_u64(w, "maxSize", log->max_size);
		jw_u64(w, "maxFile", log->max_file);
	}
	jw_end_object(w);
}

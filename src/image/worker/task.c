#include "image/worker/task.h"

#include <sched.h>

#include "base/io.h"
#include "base/json.h"

#define MAX_REQUEST (8U << 20)
#define MAX_THREADS 4 /* more layers at a time only add seeking and memory */

static unsigned int cpu_count(void)
{
	cpu_set_t set;

	return sched_getaffinity(0, sizeof(set), &set) == 0 ? (unsigned int)CPU_COUNT(&set) : 1;
}

static int read_limits(struct task *t, const struct json *doc, struct err *e)
{
	const struct json *limits = NULL;
	int r = json_get_obj(doc, "request", "limits", &limits, e);

	image_limits_default(&t->limits);
	for (size_t i = 0; r == 0 && i < image_limit_count; i++)
		r = json_get_u64(limits, "limits", image_limit_rows[i].key, image_limit_at(&t->limits, &image_limit_rows[i]), e);
	return r;
}

int task_read(struct task *t, struct arena *a, int request, const struct json **out, struct err *e)
{
	const char *platform = NULL;
	CLEANUP_FREE char *text = NULL;
	const struct json *doc;
	uint64_t version = 0;
	size_t len;
	int r = io_read_fd(request, MAX_REQUEST, &text, &len);

	if (r < 0)
		return err_errno(e, r, "read the request");
	r = json_parse(a, text, len, NULL, &doc, e);
	if (r == 0)
		r = json_get_u64(doc, "request", "version", &version, e);
	if (r == 0 && version != 1)
		return err_set(e, ERR_INTERNAL, "the request has version %llu: tare and tare-worker are not of one release",
			       (unsigned long long)version);
	t->name = "archive";
	if (r == 0)
		r = json_get_str(doc, "request", "name", &t->name, e);
	if (r == 0)
		r = json_get_str(doc, "request", "platform", &platform, e);
	if (r == 0)
		r = json_get_bool(doc, "request", "files", &t->files, e);
	if (r == 0)
		r = read_limits(t, doc, e);
	if (r < 0)
		return err_ctx(e, "request");
	*out = doc;
	t->platform_given = platform != NULL;
	platform_host(&t->platform);
	t->threads = cpu_count() < 2 ? 2 : cpu_count() > MAX_THREADS ? MAX_THREADS : cpu_count();
	return platform ? platform_parse(platform, &t->platform, e) : 0;
}

int task_cancelled_error(struct err *e)
{
	return err_set(e, ERR_INTERNAL, "given up because another layer failed");
}

#include "engine/remote.h"

int remote_open(const struct engine *en, struct arena *a, const char *what, struct remote *out, struct err *e)
{
	int r = image_ref_parse(a, what, &out->ref, e);

	if (r == 0)
		r = access_find(&out->access, en, &out->ref, REGISTRY_PULL, NULL, e);
	if (r == 0)
		r = engine_program("tare-transfer", out->transfer, e);
	if (r == 0)
		r = engine_program("tare-worker", out->worker, e);
	if (r < 0)
		return r;
	out->name = image_ref_familiar(a, &out->ref);
	out->pull = (struct image_pull_args){ .transfer = out->transfer, .endpoints = out->access.endpoints, .n_endpoints = out->access.n,
					      .ref = &out->ref, .load = { .worker = out->worker, .input = -1, .name = out->name } };
	image_limits_default(&out->pull.load.limits);
	return out->name ? 0 : err_errno(e, -ENOMEM, "%s", what);
}

void remote_end(struct remote *r)
{
	access_end(&r->access);
}

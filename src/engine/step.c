#include "engine/step.h"

#include "engine/client.h"
#include "engine/container.h"
#include "engine/join.h"
#include "engine/network.h"
#include "engine/spec.h"

#define WANT (FRAME_WANT_STDOUT | FRAME_WANT_STDERR | FRAME_WANT_SETTLE | FRAME_WANT_LIFE)

static int follow(struct client *c, const struct step_args *args, struct client_exit *out, struct err *e)
{
	struct frame f;
	int r;

	while ((r = client_next(c, &f, e)) > 0) {
		if (f.type == FRAME_STDOUT || f.type == FRAME_STDERR)
			args->output(f.type == FRAME_STDERR, f.payload, f.len, args->data);
		else if (f.type == FRAME_ERROR)
			return client_error_of(&f, e);
		else if (f.type == FRAME_EXIT)
			return client_exit_of(&f, out) < 0 ? err_set(e, ERR_INTERNAL, "the monitor's last word is damaged") : 0;
	}
	return r < 0 ? r : err_set(e, ERR_INTERNAL, "the monitor was killed");
}

static int run(const struct engine *en, const struct step_args *args, struct container_new *n, struct client_exit *end, struct err *e)
{
	CLEANUP_CLIENT struct client c = CLIENT_INIT;
	struct err ignored = { 0 };
	int r = container_launch(en, n, true, &c, e);

	if (r < 0)
		return r;
	r = follow(&c, args, end, e);
	if (r < 0) {
		/* whoever takes it over would let it run on */
		(void)!container_remove(en, n->id, true, true, &ignored);
		return r;
	}
	r = container_exited(en, n->id, e);
	if (r == 0)
		(void)!client_send(&c, FRAME_SETTLED, NULL, 0); /* else the monitor finds that the end is known */
	return r;
}

int step_run(const struct engine *en, struct arena *a, const struct step_args *args, int *code, struct err *e)
{
	CLEANUP_CONTAINER_NEW struct container_new n = CONTAINER_NEW_INIT;
	struct ct_options opt = args->options;
	struct client_exit end = { 0 };
	int r;

	opt.rm = true;
	opt.log_driver = "none";
	r = container_create(en, a, &opt, true, WANT, &n, e);
	if (r < 0)
		return r;
	args->container(n.id, args->data);
	r = run(en, args, &n, &end, e);
	args->container("", args->data);
	if (r < 0)
		return r;
	if (!end.known)
		return err_set(e, ERR_INTERNAL, "its exit code could not be learnt (its monitor was killed)");
	*code = end.code;
	if (end.oom)
		return err_set(e, ERR_LIMIT, "it was killed because memory ran out");
	return 0;
}

/* Without a network of the options' the host's is as good as any: of the usual one there is nothing to say, and to an ordinary user it is a
 * program that a build without RUN does not need. */
int step_check(const struct engine *en, struct arena *a, const struct ct_options *options, struct err *e)
{
	static const char *const nothing[] = { NULL }, *const command[] = { "/bin/true", NULL }, *const host[] = { "host" };
	static const struct image_config config = { .cmd = command, .env = nothing, .user = "", .working_dir = "", .exposed_ports = nothing, .volumes = nothing,
						    .diff_ids = nothing, .stop_timeout = -1 };
	struct ct_options opt = *options;
	struct plan p = { .a = a, .opt = &opt, .id = "", .rootless = en->user.on ? &en->user : NULL };
	struct network found;
	int r;

	if (!opt.networks.n)
		opt.networks = (struct strv){ host, 1 };
	r = join_plan(en, &p, e);
	if (r == 0)
		r = spec_plan(&p, &config, 0, e);
	for (size_t i = 0; r == 0 && i < p.n_networks; i++)
		if (!network_is_default(p.networks[i].name) && network_find(en, a, p.networks[i].name, &found, e) < 0)
			r = err_ctx(e, "--network %s", p.networks[i].name);
	return r;
}

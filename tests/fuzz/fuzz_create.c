/* api/docker's fields: any JSON as what a client says of a new container, and of one that is there. What is taken is judged as by a create, up to the
 * description that its monitor would get, which is JSON and holds a specification. And who is kept to his own has nothing of the machine by it. */
#include <stdlib.h>
#include <string.h>

#include "api/docker/fields.h"
#include "api/docker/own.h"
#include "engine/spec.h"

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size);

static void check(int ok)
{
	if (!ok)
		abort();
}

/* What was refused has a line that says why. */
static int told(int r, const struct err *e)
{
	check(r == 0 || (r < 0 && e->code < 0 && e->msg[0]));
	return r;
}

static int is_one_of(const char *text, const char *const *v)
{
	for (; *v; v++)
		if (!strcmp(text, *v))
			return 1;
	return 0;
}

/* What options would give of the machine, whatever member says them. */
static void nothing_of_machine(const struct ct_options *o)
{
	static const char *const securities[] = { "no-new-privileges", "no-new-privileges=true", "no-new-privileges:true", NULL };
	const char *const namespaces[] = { o->userns, o->pid, o->ipc, o->uts, o->cgroupns };

	check(!o->privileged && !o->volumes_from.n && !o->device_rules.n && !o->devices.n && !o->gpus.n && !o->links.n && !o->cap_add.n && !o->sysctls.n);
	check(!o->masked_paths && !o->readonly_paths && !o->cgroup_parent && !o->annotations.n && !o->oom_score_adj && !o->rootfs && !o->env_files.n &&
	      !o->label_files.n && !o->id_file && !o->volume_driver);
	for (size_t i = 0; i < ARRAY_LEN(namespaces); i++)
		check(!namespaces[i] || (strcmp(namespaces[i], "host") != 0 && !strchr(namespaces[i], ':')));
	for (size_t i = 0; i < o->networks.n; i++)
		check(strcmp(o->networks.v[i], "host") != 0 && strncmp(o->networks.v[i], "container:", 10) != 0);
	for (size_t i = 0; i < o->volumes.n; i++) {
		const char *source = o->volumes.v[i], *colon = strchr(source, ':');

		check(!colon || (*source != '.' && *source != '/' && !memchr(source, '/', (size_t)(colon - source))));
	}
	for (size_t i = 0; i < o->mounts.n; i++)
		check(!strncmp(o->mounts.v[i], "type=volume", 11) || !strncmp(o->mounts.v[i], "type=tmpfs", 10));
	for (size_t i = 0; i < o->security_opt.n; i++)
		check(is_one_of(o->security_opt.v[i], securities));
}

static void describe(struct arena *a, const struct ct_options *o)
{
	static const char *const nothing[] = { NULL }, *const command[] = { "/bin/true", NULL }, *const lowers[] = { "/store/layer", NULL };
	static const struct image_config config = { .cmd = command, .env = nothing, .user = "", .working_dir = "", .exposed_ports = nothing, .volumes = nothing,
						    .diff_ids = nothing, .stop_timeout = -1 };
	static const struct spec_place place = { .name = "box", .container_dir = "/store/box", .state_dir = "/run/box", .lowers = lowers, .n_lowers = 1,
						 .exited = command, .init_program = "/init" };
	CLEANUP_STRBUF struct strbuf text = STRBUF_INIT;
	struct plan p = { .a = a, .opt = o, .id = "0123456789012345678901234567890123456789012345678901234567890123" };
	const struct json *doc;
	const struct oci_spec *spec;
	struct err e = { 0 };

	if (told(spec_plan(&p, &config, 0, &e), &e) < 0 || told(spec_user(&p, NULL, NULL, &e), &e) < 0 || told(spec_describe(&p, &place, 0, &text, &e), &e) < 0)
		return;
	check(json_parse(a, text.s, text.len, NULL, &doc, &e) == 0);
	(void)told(oci_spec_parse(a, json_get(doc, "spec"), &spec, &e), &e);
}

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size)
{
	CLEANUP_ARENA struct arena a = ARENA_INIT;
	struct ct_options o = { .profile = "docker" }, changed = { 0 };
	struct strv ignored = { 0 };
	const struct json *body;
	const char *restart;
	struct err e = { 0 };
	int own;

	if (json_parse(&a, (const char *)data, size, NULL, &body, &e) < 0)
		return 0;
	own = told(own_may_create(body, &e), &e) == 0;
	e = (struct err){ 0 };
	if (told(fields_create(&a, body, &o, &ignored, &e), &e) == 0) {
		if (own)
			nothing_of_machine(&o);
		describe(&a, &o);
	}
	e = (struct err){ 0 };
	(void)told(fields_update(&a, body, &changed, &restart, &e), &e);
	return 0;
}

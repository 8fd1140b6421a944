/* tare build */
#include "build/build.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/io.h"
#include "base/json.h"
#include "base/log.h"
#include "base/newfile.h"
#include "cmd/tare/build_show.h"
#include "cmd/tare/table.h"
#include "cmd/tare/tare.h"
#include "engine/agent.h"
#include "engine/confined.h"
#include "engine/push.h"
#include "image/digest.h"
#include "image/mediatype.h"

#define OWN(member) offsetof(struct build_opts, member)

/* Known from Docker, for later versions or for nobody. */
static const struct cli_option docker_options[] = {
	{ "annotation", 0, "KEY=VALUE", CLI_UNSUPPORTED },
	{ "attest", 0, "TYPE", CLI_UNSUPPORTED },
	{ "builder", 0, "NAME", CLI_UNSUPPORTED },
	{ "call", 0, "METHOD", CLI_UNSUPPORTED },
	{ "check", 0, NULL, CLI_UNSUPPORTED },
	{ "isolation", 0, "NAME", CLI_UNSUPPORTED },
	{ "provenance", 0, "MODE", CLI_UNSUPPORTED },
	{ "sbom", 0, "MODE", CLI_UNSUPPORTED },
	/* a step's container is always removed, and a folder is read where it is: nothing is sent */
	{ "rm", 0, NULL, CLI_IGNORED },
	{ "force-rm", 0, NULL, CLI_IGNORED },
	{ "compress", 0, NULL, CLI_IGNORED },
	{ "disable-content-trust", 0, NULL, CLI_IGNORED },
	{ 0 }
};

const struct cli_option build_options[] = {
	{ "tag", 't', "NAME[:TAG]", CLI_STRV, "the image's name", OWN(tags) },
	{ "file", 'f', "FILE", CLI_STR, "the Dockerfile (default: PATH/Dockerfile; -: standard input)", OWN(file) },
	{ "build-arg", 0, "NAME[=VALUE]", CLI_STRV, "the value of an ARG; without one, the environment's", OWN(build_args) },
	{ "build-context", 0, "NAME=PATH|URL|docker-image://IMAGE|oci-layout://PATH", CLI_STRV, "what FROM and --from=NAME mean", OWN(contexts) },
	{ "label", 0, "KEY=VALUE", CLI_STRV, "a label of the image", OWN(labels) },
	{ "target", 0, "STAGE", CLI_STR, "the stage to build (default: the last)", OWN(target) },
	{ "no-cache", 0, NULL, CLI_FLAG, "do every step anew", OWN(no_cache) },
	{ "no-cache-filter", 0, "STAGE,...", CLI_STRV, "do every step of these stages anew", OWN(no_cache_filter) },
	{ "pull", 0, NULL, CLI_FLAG, "ask registries for images that are here, too", OWN(pull) },
	{ "platform", 0, "OS/ARCH", CLI_STR, "which the image is for", OWN(platform) },
	{ "network", 0, "default|none|host|NETWORK", CLI_STR, "the network of RUN", OWN(network) },
	{ "allow", 0, "network.host|security.insecure", CLI_STRV, "what a RUN may ask for: the host's network, a container without walls", OWN(allow) },
	{ "add-host", 0, "NAME:IP", CLI_STRV, "a line of /etc/hosts in RUN (host-gateway: the host's address)", OWN(add_host) },
	{ "shm-size", 0, "BYTES", CLI_STR, "size of /dev/shm in RUN (default 64m)", OWN(run.shm_size) },
	{ "ulimit", 0, "NAME=SOFT[:HARD]", CLI_STRV, "a resource limit of RUN", OWN(ulimit) },
	{ "memory", 'm', "BYTES", CLI_STR, "memory limit of each RUN (512m)", OWN(run.memory) },
	{ "memory-swap", 0, "BYTES", CLI_STR, "limit of memory and swap together (-1: no limit)", OWN(run.memory_swap) },
	{ "cpu-shares", 'c', "N", CLI_U64, "relative weight of a RUN (1024 is usual)", OWN(cpu_shares) },
	{ "cpu-quota", 0, "MICROSECONDS", CLI_I64, "CPU time a RUN may use in each period", OWN(cpu_quota) },
	{ "cpu-period", 0, "MICROSECONDS", CLI_I64, "that period (default 100000)", OWN(cpu_period) },
	{ "cpuset-cpus", 0, "LIST", CLI_STR, "CPUs a RUN may run on (0-2,4)", OWN(run.cpuset_cpus) },
	{ "cpuset-mems", 0, "LIST", CLI_STR, "memory nodes a RUN may use", OWN(run.cpuset_mems) },
	{ "cgroup-parent", 0, "CGROUP", CLI_STR, "where the cgroup of a RUN is made (default /tare)", OWN(run.cgroup_parent) },
	{ "security-opt", 0, "OPT", CLI_STRV, "no-new-privileges[=false], seccomp=FILE|unconfined, systempaths=unconfined; of RUN", OWN(security_opt) },
	{ "secret", 0, "id=ID[,src=FILE|,env=NAME]", CLI_STRV, "what RUN --mount=type=secret may see", OWN(secrets) },
	{ "ssh", 0, "ID[=SOCKET|KEY,...]", CLI_STRV, "the agent or keys that RUN --mount=type=ssh may use; default: the environment's agent", OWN(ssh) },
	{ "cache-from", 0, "NAME|type=registry,ref=NAME|type=local,src=DIR", CLI_STRV, "where else to look for what steps gave", OWN(cache_from) },
	{ "cache-to", 0, "type=registry,ref=NAME|type=local,dest=DIR|type=inline", CLI_STRV, "where to keep what steps gave, too (mode=max: of all stages)",
	  OWN(cache_to) },
	{ "output", 'o', "DIR|-|type=TYPE[,dest=PATH]", CLI_STRV,
	  "what becomes of it: local or tar (files), oci or docker (archive), image (the default), registry", OWN(outputs) },
	{ "push", 0, NULL, CLI_FLAG, "send it to the registries of its names (-o type=registry)", OWN(push) },
	{ "squash", 0, NULL, CLI_FLAG, "one layer over the base image instead of one for each step", OWN(squash) },
	{ "load", 0, NULL, CLI_FLAG, "make it an image here, too, where -o alone would not", OWN(load) },
	{ "metadata-file", 0, "FILE", CLI_STR, "write digests and names of the image to a file, as JSON", OWN(metadata_file) },
	{ "limit", 0, "NAME=N", CLI_STRV, "raise a limit: unpacked ratio file entries density devices depth", OWN(limits) },
	{ "iidfile", 0, "FILE", CLI_STR, "write the image's id to a file", OWN(iidfile) },
	{ "jobs", 0, "N", CLI_U32, "stages that run at a time (default, also 0: the number of processors)", OWN(jobs) },
	{ "quiet", 'q', NULL, CLI_FLAG, "print the image's id and nothing else", OWN(quiet) },
	{ "progress", 0, "auto|plain|tty|json|quiet", CLI_STR, "how progress is shown", OWN(progress), .choices = "auto|plain|tty|json|quiet" },
	{ .kind = CLI_GROUP, .group = docker_options },
	{ 0 }
};

#define EPOCH "SOURCE_DATE_EPOCH"

/* Of NAME alone the value is the environment's, and without one there nothing was said. The time is the environment's even if nobody asks for
 * it, and a build argument for who declares it, as in buildx; the later of two counts. */
static int inputs(const struct cli_call *call, const struct build_opts *o, struct df_inputs *out, struct err *e)
{
	struct df_pair *v = arena_array(call->arena, o->build_args.n + 2, sizeof(*v));

	if (!v)
		return err_errno(e, -ENOMEM, "--build-arg");
	out->args = v;
	if (getenv(EPOCH))
		v[out->n_args++] = (struct df_pair){ EPOCH, getenv(EPOCH) };
	out->target_stage = o->target;
	platform_host(&out->build);
	out->target = out->build;
	for (size_t i = 0; i < o->build_args.n; i++) {
		const char *text = o->build_args.v[i], *eq = strchr(text, '=');
		const char *name = eq ? arena_strndup(call->arena, text, (size_t)(eq - text)) : text;
		const char *value = eq ? eq + 1 : getenv(text);

		if (!name || !*name)
			return err_set(e, ERR_INVALID, "--build-arg \"%s\": want NAME=VALUE or NAME", text);
		if (value)
			v[out->n_args++] = (struct df_pair){ name, value };
	}
	if (o->platform && strchr(o->platform, ','))
		return err_set(e, ERR_UNSUPPORTED, "--platform %s: one platform for each build, several are not supported", o->platform);
	return o->platform ? platform_parse(o->platform, &out->target, e) : 0;
}

static const char *epoch(const struct df_inputs *in)
{
	const char *found = NULL;

	for (size_t i = 0; i < in->n_args; i++)
		if (strcmp(in->args[i].key, EPOCH) == 0)
			found = in->args[i].value;
	return found;
}

/* Without src and env: the variable of that name, else the file; of type=env the variable, which src may name, too, as in buildx. */
static void complete(struct build_secret *s, const char *type)
{
	bool env = type ? strcmp(type, "env") == 0 : !s->file && getenv(s->id);

	if (env && !s->env) {
		s->env = s->file ? s->file : s->id;
		s->file = NULL;
	} else if (!env && !s->env && !s->file) {
		s->file = s->id;
	}
}

static int secret(struct arena *a, const char *text, struct build_secret *out, struct err *e)
{
	char *copy = arena_strdup(a, text), *save = NULL;
	const char *type = NULL;

	*out = (struct build_secret){ 0 };
	if (!copy)
		return err_errno(e, -ENOMEM, "--secret");
	for (char *part = strtok_r(copy, ",", &save); part; part = strtok_r(NULL, ",", &save)) {
		if (strncmp(part, "id=", 3) == 0)
			out->id = part + 3;
		else if (strncmp(part, "src=", 4) == 0)
			out->file = part + 4;
		else if (strncmp(part, "source=", 7) == 0)
			out->file = part + 7;
		else if (strncmp(part, "env=", 4) == 0)
			out->env = part + 4;
		else if (strcmp(part, "type=file") == 0 || strcmp(part, "type=env") == 0)
			type = part + 5;
		else
			return err_set(e, ERR_INVALID, "--secret %s: want id=ID and src=FILE or env=NAME", text);
	}
	if (!out->id || !out->id[0] || strchr(out->id, '/') || (out->file && out->env) || (type && type[0] == 'f' && out->env))
		return err_set(e, ERR_INVALID, "--secret %s: want id=ID and src=FILE or env=NAME", text);
	complete(out, type);
	return 0;
}

static int secrets(const struct cli_call *call, const struct build_opts *o, struct build_args *out, struct err *e)
{
	struct build_secret *v = arena_array(call->arena, o->secrets.n + 1, sizeof(*v));
	int r = v ? 0 : err_errno(e, -ENOMEM, "--secret");

	for (size_t i = 0; r == 0 && i < o->secrets.n; i++) {
		r = secret(call->arena, o->secrets.v[i], &v[i], e);
		for (size_t k = 0; r == 0 && k < i; k++)
			if (strcmp(v[k].id, v[i].id) == 0)
				r = err_set(e, ERR_INVALID, "--secret %s: id=%s was there already", o->secrets.v[i], v[i].id);
	}
	out->secrets = v;
	out->n_secrets = o->secrets.n;
	return r;
}

/* "ID", "ID=SOCKET", "ID=KEY,KEY". */
static int ssh(struct arena *a, const char *text, struct build_ssh *out, struct err *e)
{
	const char *eq = strchr(text, '='), **v;
	char *rest = eq ? arena_strdup(a, eq + 1) : NULL, *save = NULL;
	size_t n = 0;

	out->id = eq ? arena_strndup(a, text, (size_t)(eq - text)) : text;
	v = arena_array(a, strlen(text) + 1, sizeof(*v));
	if (!out->id || !v || (eq && !rest))
		return err_errno(e, -ENOMEM, "--ssh");
	for (char *part = rest ? strtok_r(rest, ",", &save) : NULL; part; part = strtok_r(NULL, ",", &save))
		v[n++] = part;
	v[n] = NULL;
	out->files = (struct strv){ v, n };
	return out->id[0] && (!eq || n) ? 0 : err_set(e, ERR_INVALID, "--ssh %s: want ID, ID=SOCKET or ID=KEY", text);
}

static int agents(const struct cli_call *call, const struct build_opts *o, struct build_args *out, struct err *e)
{
	struct build_ssh *v = arena_array(call->arena, o->ssh.n + 1, sizeof(*v));
	int r = v ? 0 : err_errno(e, -ENOMEM, "--ssh");

	for (size_t i = 0; r == 0 && i < o->ssh.n; i++) {
		r = ssh(call->arena, o->ssh.v[i], &v[i], e);
		for (size_t k = 0; r == 0 && k < i; k++)
			if (strcmp(v[k].id, v[i].id) == 0)
				r = err_set(e, ERR_INVALID, "--ssh %s: %s was there already", o->ssh.v[i], v[i].id);
	}
	out->ssh = v;
	out->n_ssh = o->ssh.n;
	return r;
}

/* Of the containers of RUN. */
static void containers(const struct build_opts *o, struct build_args *out)
{
	out->run = o->run;
	out->run.add_host = (struct strv){ o->add_host.v, o->add_host.n };
	out->run.security_opt = (struct strv){ o->security_opt.v, o->security_opt.n };
	out->run.ulimits = (struct strv){ o->ulimit.v, o->ulimit.n };
	out->run.cpu_shares = o->cpu_shares ? &o->cpu_shares : NULL;
	out->run.cpu_quota = o->cpu_quota ? &o->cpu_quota : NULL;
	out->run.cpu_period = o->cpu_period ? &o->cpu_period : NULL;
}

/* Who names the host's network on the command line allows it. */
static int allowed(const struct build_opts *o, struct build_args *out, struct err *e)
{
	out->allow_host = o->network && strcmp(o->network, "host") == 0;
	for (size_t i = 0; i < o->allow.n; i++) {
		if (strcmp(o->allow.v[i], "network.host") == 0)
			out->allow_host = true;
		else if (strcmp(o->allow.v[i], "security.insecure") == 0)
			out->allow_insecure = true;
		else
			return err_set(e, ERR_INVALID, "--allow %s: there are network.host and security.insecure", o->allow.v[i]);
	}
	return 0;
}

/* Each value may be a list. */
static int split_lists(struct arena *a, const struct cli_strv *in, struct strv *out, struct err *e)
{
	size_t n = 0, max = 1;
	const char **v;

	for (size_t i = 0; i < in->n; i++)
		max += strlen(in->v[i]) + 1;
	v = arena_array(a, max, sizeof(*v));
	for (size_t i = 0; v && i < in->n; i++) {
		char *copy = arena_strdup(a, in->v[i]), *save = NULL;

		for (char *part = copy ? strtok_r(copy, ",", &save) : NULL; part; part = strtok_r(NULL, ",", &save))
			v[n++] = part;
	}
	*out = (struct strv){ v, n };
	return v && arena_error(a) == 0 ? 0 : err_errno(e, -ENOMEM, "options");
}

static int contexts(const struct cli_call *call, const struct build_opts *o, struct df_inputs *out, struct err *e)
{
	struct df_pair *v = arena_array(call->arena, o->contexts.n + 1, sizeof(*v));

	for (size_t i = 0; v && i < o->contexts.n; i++) {
		const char *text = o->contexts.v[i], *eq = strchr(text, '=');

		if (!eq || eq == text || !eq[1])
			return err_set(e, ERR_INVALID, "--build-context %s: want NAME=PATH, or a URL or docker-image://IMAGE instead of PATH", text);
		v[i] = (struct df_pair){ arena_strndup(call->arena, text, (size_t)(eq - text)), eq + 1 };
	}
	out->contexts = v;
	out->n_contexts = o->contexts.n;
	return v && arena_error(call->arena) == 0 ? 0 : err_errno(e, -ENOMEM, "--build-context");
}

static int limits(const struct build_opts *o, struct image_limits *out, struct err *e)
{
	int r = 0;

	image_limits_default(out);
	for (size_t i = 0; r == 0 && i < o->limits.n; i++)
		r = image_limits_set(out, o->limits.v[i], e);
	return r;
}

static int check(const struct cli_call *call, const struct build_opts *o, struct err *e)
{
	if (strcmp(call->args[0], "-") == 0 && o->file && strcmp(o->file, "-") == 0)
		return err_set(e, ERR_INVALID, "the context and the Dockerfile cannot both come by standard input");
	for (size_t i = 0; i < o->labels.n; i++)
		if (o->labels.v[i][0] == '=' || !o->labels.v[i][0])
			return err_set(e, ERR_INVALID, "--label \"%s\": want KEY=VALUE", o->labels.v[i]);
	return 0;
}

static bool is_quiet(const struct build_opts *o)
{
	return o->quiet || (o->progress && strcmp(o->progress, "quiet") == 0);
}

/* ---- outputs ---- */

static bool to_stdout(const struct build_output *o)
{
	return o->dest && strcmp(o->dest, "-") == 0;
}

static int check_outputs(const struct build_opts *o, const struct build_args *args, struct err *e)
{
	bool push = false;
	size_t out = 0;

	for (size_t i = 0; i < args->n_outputs; i++) {
		push |= args->outputs[i].push;
		out += to_stdout(&args->outputs[i]);
	}
	if (push && !args->names.n)
		return err_set(e, ERR_INVALID, "what is pushed needs a name: -t REGISTRY/NAME");
	if (out > 1)
		return err_set(e, ERR_INVALID, "only one --output can go to standard output");
	if (out && is_quiet(o))
		return err_set(e, ERR_INVALID, "-q prints the image's id to standard output, where --output - goes: use --iidfile");
	return 0;
}

/* An image of the store has the names of its outputs, too. */
static int outputs(const struct cli_call *call, const struct build_opts *o, struct build_args *args, struct err *e)
{
	struct build_output *v = arena_array(call->arena, o->outputs.n + 2, sizeof(*v));
	struct df_list names = { 0 };
	bool ok = v != NULL;
	int r = 0;

	for (size_t i = 0; ok && i < o->tags.n; i++)
		ok = df_list_add(call->arena, &names, o->tags.v[i]);
	for (size_t i = 0; ok && r == 0 && i < o->outputs.n; i++) {
		r = build_output_parse(call->arena, o->outputs.v[i], &v[i], e);
		for (size_t k = 0; ok && r == 0 && v[i].kind == OUTPUT_IMAGE && k < v[i].names.n; k++)
			ok = df_list_add(call->arena, &names, v[i].names.v[k]);
	}
	if (r < 0 || !ok)
		return r < 0 ? r : err_errno(e, -ENOMEM, "--output");
	args->outputs = v;
	args->n_outputs = o->outputs.n;
	if (o->push)
		v[args->n_outputs++] = (struct build_output){ .text = "type=registry", .kind = OUTPUT_IMAGE, .push = true };
	args->names = (struct strv){ names.v, names.n };
	args->load = o->load;
	return check_outputs(o, args, e);
}

static int caches(const struct cli_call *call, const struct cli_strv *texts, bool to, const struct build_cache **out, size_t *n, struct err *e)
{
	struct build_cache *v = arena_array(call->arena, texts->n + 1, sizeof(*v));
	int r = v ? 0 : err_errno(e, -ENOMEM, "--cache");

	for (size_t i = 0; r == 0 && i < texts->n; i++)
		r = build_cache_parse(call->arena, texts->v[i], to, &v[i], e);
	*out = v;
	*n = texts->n;
	return r;
}

static int push(const struct cli_call *call, const struct engine *en, const struct build_args *args, const struct build_result *got,
		struct err *e)
{
	const struct build_opts *o = call->opts;
	const struct push_opts opts = { .progress = o->progress, .quiet = is_quiet(o) };
	struct pushed done;
	bool wanted = false;
	int r = 0;

	for (size_t i = 0; i < args->n_outputs; i++)
		wanted |= args->outputs[i].push;
	for (size_t i = 0; wanted && r == 0 && i < got->names.n; i++)
		r = tare_push(call, en, &opts, got->names.v[i], &done, e);
	return r;
}

/* Standard output may have been an archive's. */
static void tell(const struct build_opts *o, const struct build_args *args, const struct build_result *got)
{
	FILE *out = stdout;

	for (size_t i = 0; i < args->n_outputs; i++)
		if (to_stdout(&args->outputs[i]))
			out = stderr;
	if (is_quiet(o)) {
		tare_say("%s", got->id);
		return;
	}
	(void)fprintf(out, "Successfully built %.12s\n", digest_hex(got->id));
	for (size_t i = 0; got->stored && i < got->names.n; i++)
		(void)fprintf(out, "Successfully tagged %s\n", got->names.v[i]);
	(void)fflush(out);
}

static int write_file(const char *option, const char *path, const char *text, size_t len, struct err *e)
{
	CLEANUP_NEWFILE struct newfile f = NEWFILE_INIT;
	int r = newfile_begin(path, 0644, &f);

	if (r == 0)
		r = io_write_full(f.fd, text, len);
	if (r == 0)
		r = newfile_commit(&f);
	return r < 0 ? err_errno(e, r, "%s %s", option, path) : 0;
}

/* As buildx writes it. */
static int write_metadata(const struct cli_call *call, const struct build_result *got, struct err *e)
{
	const struct build_opts *o = call->opts;
	CLEANUP_STRBUF struct strbuf text = STRBUF_INIT, names = STRBUF_INIT;
	struct json_writer w = JSON_WRITER(&text);

	for (size_t i = 0; i < got->names.n; i++)
		sb_printf(&names, "%s%s", i ? "," : "", got->canonical[i]);
	jw_object(&w, NULL);
	jw_str(&w, "containerimage.config.digest", got->id);
	jw_object(&w, "containerimage.descriptor");
	jw_str(&w, "mediaType", MEDIATYPE_MANIFEST);
	jw_str(&w, "digest", got->manifest);
	jw_u64(&w, "size", got->manifest_size);
	jw_end_object(&w);
	jw_str(&w, "containerimage.digest", got->manifest);
	if (got->names.n)
		jw_str(&w, "image.name", sb_str(&names));
	jw_end_object(&w);
	sb_putc(&text, '\n');
	if (sb_error(&text) < 0 || sb_error(&names) < 0)
		return err_errno(e, -ENOMEM, "--metadata-file");
	return write_file("--metadata-file", o->metadata_file, text.s, text.len, e);
}

static int afterwards(const struct cli_call *call, const struct engine *en, const struct build_args *args, const struct build_result *got,
		      struct err *e)
{
	const struct build_opts *o = call->opts;
	int r = push(call, en, args, got, e);

	if (r == 0 && o->iidfile)
		r = write_file("--iidfile", o->iidfile, got->id, strlen(got->id), e);
	if (r == 0 && o->metadata_file)
		r = write_metadata(call, got, e);
	if (r == 0)
		tell(o, args, got);
	return r;
}

/* The machine's proxies, before what the command line says: of two the later counts. */
static int defaults(const struct cli_call *call, const struct engine *en, struct settings *s, struct build_args *args, struct err *e)
{
	struct df_inputs *in = &args->inputs;
	struct df_pair *v;
	int r = settings_read(call->arena, en->user.on, s, e);

	if (r < 0)
		return r;
	args->settings = s;
	v = arena_array(call->arena, s->proxies.n + in->n_args + 1, sizeof(*v));
	for (size_t i = 0; v && i < s->proxies.n; i++) {
		const char *eq = strchr(s->proxies.v[i], '=');

		v[i] = (struct df_pair){ arena_strndup(call->arena, s->proxies.v[i], (size_t)(eq - s->proxies.v[i])), eq + 1 };
	}
	if (v && in->n_args)
		memcpy(v + s->proxies.n, in->args, in->n_args * sizeof(*v));
	in->args = v;
	in->n_args += s->proxies.n;
	return arena_error(call->arena) < 0 ? err_errno(e, -ENOMEM, "settings") : 0;
}

int cmd_build(const struct cli_call *call, struct err *e)
{
	const struct build_opts *o = call->opts;
	CLEANUP_ENGINE struct engine en = ENGINE_INIT;
	struct build_args args = {
		.context = call->args[0], .file = o->file, .network = o->network,
		.labels = { o->labels.v, o->labels.n }, .no_cache = o->no_cache, .pull = o->pull, .squash = o->squash, .jobs = o->jobs,
	};
	CLEANUP_BUILD_SHOW struct build_show show = BUILD_SHOW_INIT;
	struct build_result got = { 0 };
	struct settings settings;
	int r = check(call, o, e);

	if (r == 0)
		r = inputs(call, o, &args.inputs, e);
	args.epoch = epoch(&args.inputs);
	if (r == 0)
		r = secrets(call, o, &args, e);
	if (r == 0)
		r = agents(call, o, &args, e);
	if (r == 0)
		r = outputs(call, o, &args, e);
	if (r == 0)
		r = caches(call, &o->cache_from, false, &args.cache_from, &args.n_cache_from, e);
	if (r == 0)
		r = caches(call, &o->cache_to, true, &args.cache_to, &args.n_cache_to, e);
	if (r == 0)
		r = contexts(call, o, &args.inputs, e);
	if (r == 0)
		r = allowed(o, &args, e);
	if (r == 0)
		r = split_lists(call->arena, &o->no_cache_filter, &args.no_cache_filter, e);
	containers(o, &args);
	if (r == 0)
		r = limits(o, &args.limits, e);
	if (r == 0)
		r = tare_engine(call, &en, e);
	if (r == 0)
		r = defaults(call, &en, &settings, &args, e);
	if (r < 0)
		return r;
	r = build_show_begin(&show, is_quiet(o) ? "quiet" : o->progress, e);
	if (r < 0)
		return r;
	args.watch = (struct build_watch){ .event = show.kind == PROGRESS_NONE ? NULL : build_show_event, .data = &show };
	r = build_image(&en, &args, call->arena, &got, e);
	build_show_end(&show, r == 0);
	return r < 0 ? r : afterwards(call, &en, &args, &got, e);
}

/* ---- internal ---- */

int cmd_agent(const struct cli_call *call, struct err *e)
{
	(void)call;
	return agent_serve(e);
}

int cmd_confined(const struct cli_call *call, struct err *e)
{
	(void)!confined_become(call->args, call->n_args, e);
	log_error("%s", e->msg);
	return CONFINED_FAILED;
}

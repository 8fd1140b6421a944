/* tare build */
#include "build/build.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/io.h"
#include "base/json.h"
#include "cmd/tare/filter.h"
#include "cmd/tare/table.h"
#include "cmd/tare/tare.h"
#include "engine/buildcache.h"
#include "image/digest.h"
#include "sys/cgroup.h"

#define OWN(member) offsetof(struct build_opts, member)

/* Known from Docker, for later versions or for nobody. */
static const struct cli_option docker_options[] = {
	{ "add-host", 0, "NAME:IP", CLI_UNSUPPORTED },
	{ "allow", 0, "NAME", CLI_UNSUPPORTED },
	{ "annotation", 0, "KEY=VALUE", CLI_UNSUPPORTED },
	{ "attest", 0, "TYPE", CLI_UNSUPPORTED },
	{ "build-context", 0, "NAME=PATH", CLI_UNSUPPORTED },
	{ "cache-from", 0, "IMAGE", CLI_UNSUPPORTED },
	{ "cache-to", 0, "IMAGE", CLI_UNSUPPORTED },
	{ "cgroup-parent", 0, "PATH", CLI_UNSUPPORTED },
	{ "compress", 0, NULL, CLI_UNSUPPORTED },
	{ "cpu-period", 0, "N", CLI_UNSUPPORTED },
	{ "cpu-quota", 0, "N", CLI_UNSUPPORTED },
	{ "cpu-shares", 'c', "N", CLI_UNSUPPORTED },
	{ "cpuset-cpus", 0, "LIST", CLI_UNSUPPORTED },
	{ "cpuset-mems", 0, "LIST", CLI_UNSUPPORTED },
	{ "disable-content-trust", 0, NULL, CLI_UNSUPPORTED },
	{ "force-rm", 0, NULL, CLI_UNSUPPORTED },
	{ "isolation", 0, "NAME", CLI_UNSUPPORTED },
	{ "memory", 'm', "BYTES", CLI_UNSUPPORTED },
	{ "memory-swap", 0, "BYTES", CLI_UNSUPPORTED },
	{ "metadata-file", 0, "FILE", CLI_UNSUPPORTED },
	{ "no-cache-filter", 0, "STAGE", CLI_UNSUPPORTED },
	{ "output", 'o', "SPEC", CLI_UNSUPPORTED },
	{ "provenance", 0, "MODE", CLI_UNSUPPORTED },
	{ "push", 0, NULL, CLI_UNSUPPORTED },
	{ "sbom", 0, "MODE", CLI_UNSUPPORTED },
	{ "security-opt", 0, "OPT", CLI_UNSUPPORTED },
	{ "shm-size", 0, "BYTES", CLI_UNSUPPORTED },
	{ "squash", 0, NULL, CLI_UNSUPPORTED },
	{ "ssh", 0, "SPEC", CLI_UNSUPPORTED },
	{ "ulimit", 0, "LIMIT", CLI_UNSUPPORTED },
	/* a step's container is always removed, and an image is always of this store */
	{ "rm", 0, NULL, CLI_IGNORED },
	{ "load", 0, NULL, CLI_IGNORED },
	{ 0 }
};

const struct cli_option build_options[] = {
	{ "tag", 't', "NAME[:TAG]", CLI_STRV, "the image's name", OWN(tags) },
	{ "file", 'f', "FILE", CLI_STR, "the Dockerfile (default: PATH/Dockerfile; -: standard input)", OWN(file) },
	{ "build-arg", 0, "NAME[=VALUE]", CLI_STRV, "the value of an ARG; without one, the environment's", OWN(build_args) },
	{ "label", 0, "KEY=VALUE", CLI_STRV, "a label of the image", OWN(labels) },
	{ "target", 0, "STAGE", CLI_STR, "the stage to build (default: the last)", OWN(target) },
	{ "no-cache", 0, NULL, CLI_FLAG, "do every step anew", OWN(no_cache) },
	{ "pull", 0, NULL, CLI_FLAG, "ask registries for images that are here, too", OWN(pull) },
	{ "platform", 0, "OS/ARCH", CLI_STR, "which the image is for", OWN(platform) },
	{ "network", 0, "default|none|host|NAME", CLI_STR, "the network of RUN", OWN(network) },
	{ "secret", 0, "id=ID[,src=FILE|,env=NAME]", CLI_STRV, "what RUN --mount=type=secret may see", OWN(secrets) },
	{ "iidfile", 0, "FILE", CLI_STR, "write the image's id to a file", OWN(iidfile) },
	{ "quiet", 'q', NULL, CLI_FLAG, "print the image's id and nothing else", OWN(quiet) },
	{ "progress", 0, "auto|plain|json", CLI_STR, "how progress is shown", OWN(progress), .choices = "auto|plain|json" },
	{ .kind = CLI_GROUP, .group = docker_options },
	{ 0 }
};

static void plain_line(const char *text, void *data)
{
	(void)data;
	(void)fprintf(stderr, "%s\n", text);
}

static void plain_output(const void *bytes, size_t len, void *data)
{
	(void)data;
	(void)!io_write_full(STDERR_FILENO, bytes, len);
}

static void json_one(const char *key, const char *text, size_t len)
{
	CLEANUP_STRBUF struct strbuf out = STRBUF_INIT;
	struct json_writer w = JSON_WRITER(&out);

	jw_object(&w, NULL);
	jw_strn(&w, key, text, len);
	jw_end_object(&w);
	sb_putc(&out, '\n');
	(void)!io_write_full(STDERR_FILENO, sb_str(&out), out.len);
}

static void json_line(const char *text, void *data)
{
	(void)data;
	json_one("step", text, strlen(text));
}

static void json_output(const void *bytes, size_t len, void *data)
{
	(void)data;
	json_one("output", bytes, len);
}

static void watch(const struct build_opts *o, struct build_watch *out)
{
	bool json = o->progress && strcmp(o->progress, "json") == 0;

	if (o->quiet)
		return;
	*out = (struct build_watch){ .line = json ? json_line : plain_line, .output = json ? json_output : plain_output };
}

/* Of NAME alone the value is the environment's, and without one there nothing was said. */
static int inputs(const struct cli_call *call, const struct build_opts *o, struct df_inputs *out, struct err *e)
{
	struct df_pair *v = arena_array(call->arena, o->build_args.n + 1, sizeof(*v));

	if (!v)
		return err_errno(e, -ENOMEM, "--build-arg");
	out->args = v;
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
	return o->platform ? platform_parse(o->platform, &out->target, e) : 0;
}

/* Without src and env: the variable of that name, else the file. */
static int secret(struct arena *a, const char *text, struct build_secret *out, struct err *e)
{
	char *copy = arena_strdup(a, text), *save = NULL;

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
		else if (strcmp(part, "type=file") != 0 && strcmp(part, "type=env") != 0)
			return err_set(e, ERR_INVALID, "--secret %s: want id=ID and src=FILE or env=NAME", text);
	}
	if (!out->id || !out->id[0] || strchr(out->id, '/') || (out->file && out->env))
		return err_set(e, ERR_INVALID, "--secret %s: want id=ID and src=FILE or env=NAME", text);
	if (!out->file && !out->env)
		*(getenv(out->id) ? &out->env : &out->file) = out->id;
	return 0;
}

static int secrets(const struct cli_call *call, const struct build_opts *o, struct build_args *out, struct err *e)
{
	struct build_secret *v = arena_array(call->arena, o->secrets.n + 1, sizeof(*v));
	int r = v ? 0 : err_errno(e, -ENOMEM, "--secret");

	for (size_t i = 0; r == 0 && i < o->secrets.n; i++)
		r = secret(call->arena, o->secrets.v[i], &v[i], e);
	out->secrets = v;
	out->n_secrets = o->secrets.n;
	return r;
}

static int check(const struct cli_call *call, const struct build_opts *o, struct err *e)
{
	if (strcmp(call->args[0], "-") == 0 && o->file && strcmp(o->file, "-") == 0)
		return err_set(e, ERR_INVALID, "the context and the Dockerfile cannot both come by standard input");
	if (strstr(call->args[0], "://"))
		return err_set(e, ERR_UNSUPPORTED, "a context that has to be fetched is not supported: give a folder");
	return 0;
}

static void tell(const struct build_opts *o, const struct build_result *got)
{
	if (o->quiet) {
		tare_say("%s", got->id);
		return;
	}
	tare_say("Successfully built %.12s", digest_hex(got->id));
	for (size_t i = 0; i < got->names.n; i++)
		tare_say("Successfully tagged %s", got->names.v[i]);
}

static int write_iidfile(const char *path, const char *id, struct err *e)
{
	CLEANUP_FD int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	int r = fd < 0 ? -errno : io_write_full(fd, id, strlen(id));

	return r < 0 ? err_errno(e, r, "--iidfile %s", path) : 0;
}

int cmd_build(const struct cli_call *call, struct err *e)
{
	const struct build_opts *o = call->opts;
	CLEANUP_ENGINE struct engine en = ENGINE_INIT;
	struct build_args args = {
		.context = call->args[0], .file = o->file, .network = o->network,
		.names = { o->tags.v, o->tags.n }, .labels = { o->labels.v, o->labels.n }, .no_cache = o->no_cache, .pull = o->pull,
		.epoch = getenv("SOURCE_DATE_EPOCH"),
	};
	struct build_result got = { 0 };
	int r = check(call, o, e);

	if (r == 0)
		r = inputs(call, o, &args.inputs, e);
	if (r == 0)
		r = secrets(call, o, &args, e);
	if (r == 0)
		cg_expect_join();
	if (r == 0)
		r = tare_engine(call, &en, e);
	if (r < 0)
		return r;
	watch(o, &args.watch);
	r = build_image(&en, &args, call->arena, &got, e);
	if (r == 0 && o->iidfile)
		r = write_iidfile(o->iidfile, got.id, e);
	if (r == 0)
		tell(o, &got);
	return r;
}

/* ---- builder prune ---- */

#define PRUNE(member) offsetof(struct builder_prune_opts, member)

const struct cli_option builder_prune_options[] = {
	{ "all", 'a', NULL, CLI_FLAG, "what images use, too, and the caches of RUN --mount", PRUNE(all) },
	{ "force", 'f', NULL, CLI_FLAG, "do not ask", PRUNE(force) },
	{ "filter", 0, "until=TIME", CLI_STRV, "only what was not used since", PRUNE(filters) },
	{ "keep-storage", 0, "BYTES", CLI_SIZE, "so much of what was used last stays", PRUNE(keep) },
	{ 0 }
};

static int until(const struct builder_prune_opts *o, int64_t *out, struct err *e)
{
	int r = 0;

	*out = INT64_MAX;
	for (size_t i = 0; r == 0 && i < o->filters.n; i++) {
		const char *text = o->filters.v[i];

		if (strncmp(text, "until=", 6) != 0)
			return err_set(e, ERR_INVALID, "--filter %s: there is until=TIME", text);
		r = filter_time("--filter until", text + 6, out, e);
	}
	return r;
}

int cmd_builder_prune(const struct cli_call *call, struct err *e)
{
	const struct builder_prune_opts *o = call->opts;
	CLEANUP_ENGINE struct engine en = ENGINE_INIT;
	struct buildcache_prune args = { .all = o->all, .keep = o->keep };
	uint64_t freed = 0;
	int r = until(o, &args.until, e);

	if (r == 0)
		r = tare_engine(call, &en, e);
	if (r < 0)
		return r;
	if (!o->force && !tare_confirm(o->all ? "This removes all of the build cache." : "This removes the build cache that no image uses."))
		return 1;
	r = buildcache_prune(&en, &args, &freed, e);
	if (r == 0)
		tare_say("Total reclaimed space: %s", table_size(call->arena, freed));
	return r;
}

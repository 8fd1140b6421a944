/* RUN: a container of the stage's layers (engine/step.h), whose upper folder is the new layer. What time it is has no part
 * in the result: what the command wrote is as old as the stage's base, or as SOURCE_DATE_EPOCH says. */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/text.h"
#include "build/report.h"
#include "build/runmount.h"
#include "build/work.h"
#include "engine/step.h"

#define TAIL 512U

struct running {
	const struct build *b;
	char tail[TAIL]; /* the end of what the command said */
	size_t n;
};

static void take_output(bool error, const void *bytes, size_t len, void *data)
{
	struct running *run = data;
	const char *p = bytes;

	build_output(run->b, error, bytes, len);
	if (len > TAIL) {
		p += len - TAIL;
		len = TAIL;
	}
	if (run->n + len > TAIL) {
		size_t keep = TAIL - len;

		memmove(run->tail, run->tail + run->n - keep, keep);
		run->n = keep;
	}
	memcpy(run->tail + run->n, p, len);
	run->n += len;
}

static void take_container(const char *id, void *data)
{
	const struct running *run = data;

	if (run->b->up >= 0)
		report_container(run->b->up, id);
	build_event(run->b, BUILD_CONTAINER, id, strlen(id));
}

/* Its last line that says anything, for the message. */
static const char *last_line(struct running *run, char out[200])
{
	char line[TAIL + 1];
	size_t end = run->n, begin;

	while (end > 0 && (unsigned char)run->tail[end - 1] <= ' ')
		end--;
	for (begin = end; begin > 0 && run->tail[begin - 1] != '\n'; begin--)
		;
	memcpy(line, run->tail + begin, end - begin);
	line[end - begin] = '\0';
	return text_tame(line, out, 200);
}

/* A Dockerfile may be anybody's: what it must not take by itself the command line gives. */
static int check(const struct build *b, const struct df_instruction *in, struct err *e)
{
	if (in->run.security == DF_SECURITY_INSECURE && !b->args->allow_insecure)
		return err_set(e, ERR_DENIED, "--security=insecure is not allowed: --allow security.insecure does that");
	if (in->run.network == DF_NETWORK_HOST && !b->args->allow_host)
		return err_set(e, ERR_DENIED, "--network=host is not allowed: --allow network.host does that");
	return 0;
}

/* Of all; NULL: the usual one. */
static const char *network_given(const struct build *b)
{
	return b->args->network && strcmp(b->args->network, "default") != 0 ? b->args->network : NULL;
}

static const char *network_of(const struct build *b, const struct df_instruction *in)
{
	if (in->run.network == DF_NETWORK_NONE)
		return "none";
	return in->run.network == DF_NETWORK_HOST ? "host" : network_given(b);
}

int run_check(struct build *b, struct err *e)
{
	struct ct_options options = b->args->run;
	const char *network = network_given(b);

	options.image = options.hostname = "build";
	options.networks = (struct strv){ &network, network ? 1 : 0 };
	return step_check(b->en, b->a, &options, e);
}

static void key_add_list(struct key *k, const struct strv *list)
{
	key_add_number(k, (int64_t)list->n);
	for (size_t i = 0; i < list->n; i++)
		key_add(k, list->v[i]);
}

static int make_key(struct build *b, size_t stage, const struct df_instruction *in, const char *const *argv, struct run_mounts *mounts,
		    char out[SHA256_DIGEST_LEN + 1], struct err *e)
{
	const struct stage *s = &b->stages[stage];
	const char *const *env = df_scope_list(&s->scope, DF_OF_ENV | DF_OF_ARG);
	struct key k;
	int r;

	if (!env)
		return err_errno(e, -ENOMEM, "environment");
	key_begin(&k, "RUN", stage_chain(s));
	key_add_all(&k, argv);
	key_add_number(&k, in->run.script); /* the same words otherwise */
	key_add_all(&k, env);
	key_add(&k, s->conf.user);
	key_add(&k, s->conf.workdir);
	key_add(&k, network_of(b, in));
	key_add_all(&k, in->run.mount_texts.v);
	key_add_number(&k, s->epoch);
	key_add_number(&k, b->has_epoch); /* then files of any age get no newer than that */
	key_add_number(&k, in->run.security);
	key_add_list(&k, &b->args->run.add_host);
	key_add_list(&k, &b->args->run.ulimits);
	key_add_list(&k, &b->args->run.security_opt);
	key_add(&k, b->args->run.shm_size);
	r = run_mounts_key(b, stage, &in->run, &k, mounts, e);
	key_end(&k, out);
	return r;
}

static void tell_code(const struct build *b, const char *const *argv, int code)
{
	CLEANUP_STRBUF struct strbuf text = STRBUF_INIT;

	sb_printf(&text, "%d", code);
	for (size_t i = 0; argv[i]; i++)
		sb_printf(&text, " %s", argv[i]);
	if (sb_error(&text) == 0)
		build_event(b, BUILD_EXITED, text.s, text.len);
}

static int run_it(struct build *b, const struct stage *s, const struct step *st, const struct df_instruction *in,
		  const char *const *argv, const struct run_mounts *mounts, struct err *e)
{
	static const char *const nothing[] = { NULL };
	const char *const *env = df_scope_list(&s->scope, DF_OF_ENV | DF_OF_ARG | DF_OF_PROXY);
	const struct image_config config = { .cmd = argv, .env = env, .user = s->conf.user, .working_dir = s->conf.workdir,
					     .exposed_ports = nothing, .volumes = nothing, .diff_ids = nothing, .stop_timeout = -1 };
	const struct ct_step step = { .chains = st->chains, .n_chains = s->n, .max_id = stage_max_id(s), .config = &config,
				      .base = st->base };
	const char *network = network_of(b, in);
	struct running run = { .b = b };
	struct step_args args = { .output = take_output, .container = take_container, .data = &run };
	char line[200];
	int code, r;

	if (!env)
		return err_errno(e, -ENOMEM, "environment");
	args.options = b->args->run;
	args.options.step = &step;
	args.options.image = args.options.hostname = "build";
	args.options.privileged = in->run.security == DF_SECURITY_INSECURE;
	args.options.networks = (struct strv){ &network, network ? 1 : 0 };
	args.options.volumes = (struct strv){ mounts->volumes.v, mounts->volumes.n };
	args.options.tmpfs = (struct strv){ mounts->tmpfs.v, mounts->tmpfs.n };
	args.options.env = (struct strv){ mounts->env.v, mounts->env.n };
	r = b->args->settings ? settings_step(b->args->settings, b->a, b->en->user.on, &args.options, e) : 0;
	if (r == 0)
		r = step_run(b->en, b->a, &args, &code, e);
	if (r < 0 || code == 0)
		return r;
	tell_code(b, argv, code);
	(void)last_line(&run, line);
	return err_set(e, ERR_INVALID, "the command ended with exit code %d%s%s", code, line[0] ? ": " : "", line);
}

/* Where something is mounted, and what the runtime makes to mount it onto. */
static const char *const *stubs_of(struct build *b, const struct stage *s, const struct df_instruction *in)
{
	static const char *const always[] = { "etc/hosts", "etc/hostname", "etc/resolv.conf", "dev", "proc", "sys", &RUN_SCRIPT[1] };
	struct df_list list = { 0 };

	for (size_t i = 0; i < in->run.n_mounts; i++) {
		const char *at = run_mount_target(b->a, &s->conf, &in->run, i);

		if (!at || (at[0] && !df_list_add(b->a, &list, at + 1)))
			return NULL;
	}
	for (size_t i = 0; i < sizeof(always) / sizeof(*always); i++)
		if (!df_list_add(b->a, &list, always[i]))
			return NULL;
	return list.v;
}

static int run_mounted(struct build *b, size_t stage, const struct step *st, const struct df_instruction *in, const char *const *argv,
		       struct run_mounts *mounts, struct err *e)
{
	static const char *const script[] = { RUN_SCRIPT, NULL };
	int r = run_mounts_make(b, stage, st, &in->run, mounts, e);

	if (r == 0)
		r = run_it(b, &b->stages[stage], st, in, in->run.script ? script : argv, mounts, e);
	run_mounts_end(mounts);
	return r;
}

int step_run_command(struct build *b, size_t stage, const struct df_instruction *in, struct err *e)
{
	struct stage *s = &b->stages[stage];
	CLEANUP_FD int lock = -1;
	CLEANUP_STEP struct step st = STEP_INIT;
	const char *const *argv = conf_command(b->a, &s->conf, &in->run.command), *const *stubs = stubs_of(b, s, in);
	struct run_mounts mounts = RUN_MOUNTS_INIT;
	char key[SHA256_DIGEST_LEN + 1];
	struct tidy_times times;
	struct timespec now;
	int r = check(b, in, e);

	if (r == 0 && (!argv || !stubs))
		r = err_errno(e, -ENOMEM, "RUN");
	if (r == 0)
		r = make_key(b, stage, in, argv, &mounts, key, e);
	if (r == 0)
		r = step_cached(b, s, key, in->text, &lock, e);
	if (r != 0)
		return r < 0 ? r : 0;
	r = step_begin(b, s, &st, e);
	clock_gettime(CLOCK_REALTIME_COARSE, &now); /* the clock of files */
	times.newer = b->has_epoch ? b->epoch * 1000000000 : (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
	times.becomes = s->epoch;
	if (r == 0)
		r = run_mounted(b, stage, &st, in, argv, &mounts, e);
	return r < 0 ? r : step_commit(b, s, &st, &times, stubs, mounts.changed ? NULL : key, in->text, e);
}

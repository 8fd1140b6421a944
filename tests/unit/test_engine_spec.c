#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "engine/spec.h"
#include "oci/spec.h"

#define ID "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

static struct arena arena;
static struct err err;

static int setup(void **state)
{
	(void)state;
	arena = (struct arena)ARENA_INIT;
	err = (struct err){ 0 };
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	arena_free(&arena);
	return 0;
}

#define WORDS(...) { (const char *const[]){ __VA_ARGS__, NULL }, sizeof((const char *[]){ __VA_ARGS__ }) / sizeof(char *) }

static const char *const image_json =
	"{\"architecture\":\"amd64\",\"os\":\"linux\",\"config\":{\"Entrypoint\":[\"/entry\",\"-x\"],\"Cmd\":[\"one\",\"two\"],"
	"\"Env\":[\"PATH=/image/bin\",\"V=image\"],\"User\":\"web\",\"WorkingDir\":\"/srv\",\"Volumes\":{\"/data\":{}},"
	"\"StopSignal\":\"SIGINT\",\"Labels\":{\"a\":\"1\"}},\"rootfs\":{\"type\":\"layers\",\"diff_ids\":["
	"\"sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef\"]}}";

static const char *const passwd = "root:x:0:0::/root:/bin/sh\nweb:x:33:34::/var/www:/bin/sh\n";
static const char *const group = "root:x:0:\nweb:x:34:\nextra:x:77:web\ndocs:x:88:\n";

static const struct image_config *image(void)
{
	const struct image_config *config;

	assert_int_equal(image_config_parse(&arena, image_json, strlen(image_json), &config, &err), 0);
	return config;
}

/* The whole way; gives the specification as the runtime will read it. */
static const struct oci_spec *made(struct plan *p, const struct ct_options *opt, const struct image_config *config,
				   const struct json **doc)
{
	static const char *const lowers[] = { "/r/layers/b/fs", "/r/layers/a/fs", NULL }, *const exited[] = { "/tare", "internal", NULL };
	const struct spec_place place = { "x", "/r/containers/x", "/s/x", lowers, 2, exited, opt->init ? "/lib/tare-init" : NULL };
	CLEANUP_STRBUF struct strbuf text = STRBUF_INIT;
	const struct oci_spec *spec = NULL;

	*p = (struct plan){ .a = &arena, .opt = opt, .id = ID };
	if (spec_plan(p, config, 1000, &err) < 0 || spec_user(p, passwd, group, &err) < 0)
		fail_msg("%s", err.msg);
	p->map_base = p->userns && !p->map_base ? 0x10000000 : p->map_base;
	for (size_t i = 0; i < p->n_binds; i++)
		if (p->binds[i].anonymous)
			p->binds[i].source = "/r/containers/x/volumes/0";
	assert_int_equal(spec_describe(p, &place, 3, &text, &err), 0);
	if (json_parse(&arena, text.s, text.len, NULL, doc, &err) < 0 || oci_spec_parse(&arena, json_get(*doc, "spec"), &spec, &err) < 0)
		fail_msg("%s", err.msg);
	return spec;
}

static int refused(const struct ct_options *opt, const struct image_config *config)
{
	struct plan p = { .a = &arena, .opt = opt, .id = ID };
	int r = spec_plan(&p, config, 1000, &err);

	return r < 0 ? r : spec_user(&p, passwd, group, &err);
}

static bool in(const char *const *v, const char *word)
{
	for (; v && *v; v++)
		if (strcmp(*v, word) == 0)
			return true;
	return false;
}

static const struct oci_mount *mount_at(const struct oci_spec *s, const char *target)
{
	for (size_t i = 0; i < s->n_mounts; i++)
		if (strcmp(s->mounts[i].destination, target) == 0)
			return &s->mounts[i];
	return NULL;
}

static void joined(char out[200], const char *const *v)
{
	out[0] = '\0';
	for (; v && *v; v++)
		snprintf(out + strlen(out), 200 - strlen(out), "%s ", *v);
}

static void command_rules(void **state)
{
	static const struct {
		const char *entrypoint, *arg, *want;
	} rows[] = {
		{ NULL, NULL, "/entry -x one two " }, { NULL, "my", "/entry -x my " },	 { "/mine", NULL, "/mine " },
		{ "/mine", "my", "/mine my " },	      { "", "my", "my " },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		const char *args[] = { rows[i].arg, NULL };
		const struct ct_options opt = { .image = "x", .entrypoint = rows[i].entrypoint, .args = { args, rows[i].arg != NULL } };
		const struct json *doc;
		struct plan p;
		char got[200];

		joined(got, made(&p, &opt, image(), &doc)->process->args);
		assert_string_equal(got, rows[i].want);
	}
	assert_true(refused(&(struct ct_options){ .image = "x", .entrypoint = "" }, image()) < 0);
	assert_true(refused(&(struct ct_options){ .rootfs = "/r" }, NULL) < 0);
}

static void environment(void **state)
{
	const struct ct_options opt = { .image = "x", .tty = true, .hostname = "box", .env = WORDS("V=mine", "NEW=1", "NOT_THERE_AT_ALL") };
	const struct json *doc;
	struct plan p;
	const struct oci_spec *s = made(&p, &opt, image(), &doc);

	(void)state;
	assert_true(in(s->process->env, "PATH=/image/bin"));
	assert_true(in(s->process->env, "V=mine"));
	assert_false(in(s->process->env, "V=image"));
	assert_true(in(s->process->env, "NEW=1"));
	assert_true(in(s->process->env, "HOSTNAME=box"));
	assert_true(in(s->process->env, "TERM=xterm"));
	assert_true(in(s->process->env, "HOME=/var/www"));
	assert_int_equal(p.stop_signal, 2);
	assert_string_equal(s->process->cwd, "/srv");
	assert_true(s->process->terminal);
}

static void users(void **state)
{
	const struct ct_options opt = { .image = "x", .group_add = WORDS("docs", "99") };
	const struct ct_options root = { .image = "x", .user = "0" };
	const struct ct_options high = { .image = "x", .user = "70000:70000" };
	const struct json *doc;
	struct plan p;
	const struct oci_spec *s = made(&p, &opt, image(), &doc);

	(void)state;
	assert_int_equal(s->process->user.uid, 33);
	assert_int_equal(s->process->user.gid, 34);
	assert_int_equal(s->process->user.n_groups, 4); /* 34 77 88 99 */
	assert_int_equal(s->process->caps[OCI_CAP_EFFECTIVE], 0);
	assert_int_not_equal(s->process->caps[OCI_CAP_BOUNDING], 0);
	s = made(&p, &root, image(), &doc);
	assert_int_not_equal(s->process->caps[OCI_CAP_EFFECTIVE], 0);
	s = made(&p, &high, image(), &doc);
	assert_int_equal(s->linux_.uid_map[0].size, 2 * 65536);
	assert_true(refused(&(struct ct_options){ .image = "x", .user = "nosuch" }, image()) < 0);
}

static void defaults(void **state)
{
	const struct ct_options opt = { .image = "x" };
	const struct json *doc;
	struct plan p;
	const struct oci_spec *s = made(&p, &opt, image(), &doc);

	(void)state;
	for (int ns = 0; ns < OCI_NS_TIME; ns++)
		assert_true(s->linux_.ns[ns].wanted);
	assert_int_equal(s->linux_.uid_map[0].host_id, 0x10000000);
	assert_int_equal(s->linux_.uid_map[0].size, 65536);
	assert_true(s->process->no_new_privileges);
	assert_non_null(s->linux_.seccomp);
	assert_true(in(s->linux_.masked_paths, "/proc/kcore"));
	assert_true(in(s->linux_.readonly_paths, "/proc/sys"));
	assert_int_equal(*s->linux_.resources.pids_limit, 4096);
	assert_null(s->linux_.resources.memory_limit);
	assert_string_equal(s->hostname, "0123456789ab");
	assert_non_null(mount_at(s, "/data")); /* the image's volume */
	assert_true(in(mount_at(s, "/data")->options, "ridmap"));
	assert_string_equal(json_get(json_get(doc, "rootfs"), "kind")->str, "overlay");
	assert_string_equal(json_get(json_get(doc, "rootfs"), "lower")->child->str, "/r/layers/b/fs");
	assert_string_equal(json_get(doc, "cgroup")->str, "/tare/" ID);
}

static void privileged(void **state)
{
	const struct ct_options opt = { .image = "x", .privileged = true, .user = "0" };
	const struct json *doc;
	struct plan p;
	const struct oci_spec *s = made(&p, &opt, image(), &doc);

	(void)state;
	assert_false(s->linux_.ns[OCI_NS_USER].wanted);
	assert_false(s->process->no_new_privileges);
	assert_null(s->linux_.seccomp);
	assert_null(s->linux_.masked_paths);
	assert_false(in(mount_at(s, "/sys")->options, "ro"));
	assert_true(s->linux_.resources.devices[0].allow);
}

static void mounts(void **state)
{
	const struct ct_options opt = {
		.image = "x",
		.volumes = WORDS("/src/deep:/a/b", "/src:/a:ro", "/plain:/p:noidmap", "/hosts:/etc/hosts", "/shm:/dev/shm"),
		.tmpfs = WORDS("/t:size=1m,exec", "/data"),
		.init = true,
	};
	const struct json *doc;
	struct plan p;
	const struct oci_spec *s = made(&p, &opt, image(), &doc);
	const struct oci_mount *m;

	(void)state;
	assert_true(mount_at(s, "/a") < mount_at(s, "/a/b"));
	assert_true(in(mount_at(s, "/a")->options, "rro"));
	assert_true(in(mount_at(s, "/a")->options, "ridmap"));
	assert_false(in(mount_at(s, "/p")->options, "ridmap"));
	assert_string_equal(mount_at(s, "/etc/hosts")->source, "/hosts");
	assert_string_equal(mount_at(s, "/dev/shm")->source, "/shm");
	m = mount_at(s, "/t");
	assert_true(in(m->options, "size=1m") && in(m->options, "exec"));
	assert_string_equal(mount_at(s, "/data")->type, "tmpfs"); /* instead of the image's volume */
	assert_string_equal(s->process->args[0], PLAN_INIT);
	assert_string_equal(s->process->args[2], "/entry");
	assert_string_equal(mount_at(s, PLAN_INIT)->source, "/lib/tare-init");
}

static void sharing(void **state)
{
	const struct ct_options net = { .image = "x", .networks = WORDS("host") }, pid = { .image = "x", .pid = "host" };
	const struct json *doc;
	struct plan p;
	const struct oci_spec *s = made(&p, &net, image(), &doc);

	(void)state;
	assert_false(s->linux_.ns[OCI_NS_NETWORK].wanted);
	assert_true(s->linux_.ns[OCI_NS_USER].wanted);
	assert_string_equal(mount_at(s, "/sys")->type, "bind");
	assert_int_equal(s->linux_.n_sysctl, 0);
	s = made(&p, &pid, image(), &doc);
	assert_string_equal(mount_at(s, "/proc")->type, "bind");
}

static void capabilities(void **state)
{
	static const struct {
		const char *add, *drop;
		uint64_t has, lacks;
	} rows[] = {
		{ NULL, NULL, 1 << 0 | 1 << 10, 1 << 13 | 1 << 27 | 1 << 12 },
		{ "NET_ADMIN", "CHOWN", 1 << 12, 1 << 0 },
		{ "cap_net_raw", "ALL", 1 << 13, 1 << 0 | 1 << 10 },
		{ "ALL", "NET_RAW", 1 << 12, 1 << 13 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		const char *add[] = { rows[i].add, NULL }, *drop[] = { rows[i].drop, NULL };
		const struct ct_options opt = { .image = "x", .user = "0", .cap_add = { add, rows[i].add != NULL },
						.cap_drop = { drop, rows[i].drop != NULL } };
		const struct json *doc;
		struct plan p;
		uint64_t got = made(&p, &opt, image(), &doc)->process->caps[OCI_CAP_EFFECTIVE];

		assert_int_equal(got & rows[i].has, rows[i].has);
		assert_int_equal(got & rows[i].lacks, 0);
	}
}

static void limits(void **state)
{
	const uint64_t shares = 512;
	const int64_t pids = -1;
	const struct ct_options opt = { .image = "x", .memory = "64m", .memory_swap = "-1", .cpus = "0.75", .cpu_shares = &shares,
					.pids_limit = &pids, .ulimits = WORDS("nofile=10:20", "core=-1"), .cpuset_cpus = "0" };
	const struct json *doc;
	struct plan p;
	const struct oci_spec *s = made(&p, &opt, image(), &doc);
	const struct cg_resources *r = &s->linux_.resources;

	(void)state;
	assert_int_equal(*r->memory_limit, 64 << 20);
	assert_int_equal(*r->memory_swap, -1);
	assert_int_equal(*r->cpu_quota, 75000);
	assert_int_equal(*r->cpu_shares, 512);
	assert_string_equal(r->cpuset_cpus, "0");
	assert_null(r->pids_limit);
	assert_string_equal(s->process->rlimits[0].type, "RLIMIT_NOFILE");
	assert_int_equal(s->process->rlimits[0].soft, 10);
	assert_true(s->process->rlimits[1].hard == UINT64_MAX);
}

static void cpu_quota_and_period(void **state)
{
	const int64_t quota = 20000, period = 50000;
	const struct ct_options both = { .image = "x", .cpu_quota = &quota, .cpu_period = &period };
	const struct ct_options one = { .image = "x", .cpu_quota = &quota }, other = { .image = "x", .cpu_period = &period };
	const struct json *doc;
	struct plan p;
	const struct cg_resources *r = &made(&p, &both, image(), &doc)->linux_.resources;

	(void)state;
	assert_int_equal(*r->cpu_quota, 20000);
	assert_int_equal(*r->cpu_period, 50000);
	r = &made(&p, &one, image(), &doc)->linux_.resources;
	assert_int_equal(*r->cpu_quota, 20000);
	assert_int_equal(*r->cpu_period, 100000);
	r = &made(&p, &other, image(), &doc)->linux_.resources;
	assert_null(r->cpu_quota);
	assert_int_equal(*r->cpu_period, 50000);
}

/* Each is refused, with a message that names the option. */
static void bad_options(void **state)
{
	static const int64_t odd = 5000, small = 999;
	const struct {
		struct ct_options opt;
		const char *names;
	} rows[] = {
		{ { .networks = WORDS("none", "a1") }, "--network" },
		{ { .networks = WORDS("a1", "a1") }, "--network" },
		{ { .networks = WORDS("name=a1,color=red") }, "--network" },
		{ { .networks = WORDS("none"), .publish = WORDS("80") }, "-p" },
		{ { .publish = WORDS("80:x") }, "-p" },
		{ { .ip = "10.0.0.9" }, "--ip" },
		{ { .userns = "keep-id" }, "--userns" },
		{ { .userns = "range:1:2:3" }, "--userns" },
		{ { .userns = "range:100000:10" }, "--userns" },
		{ { .ipc = "container:x" }, "--ipc" },
		{ { .uts = "host", .hostname = "x" }, "--hostname" },
		{ { .volumes = WORDS("r/l:/x") }, "-v" },
		{ { .volumes = WORDS("/a:/x:nocopy") }, "nocopy" },
		{ { .mounts = WORDS("type=bind,src=/a,dst=/x,volume-nocopy") }, "volume-nocopy does not go with type=bind" },
		{ { .mounts = WORDS("type=bind,src=/a,dts=/x") }, "did you mean \"dst\"" },
		{ { .mounts = WORDS("type=bind,dst=/x") }, "source=PATH is missing" },
		{ { .mounts = WORDS("type=bind,src=/a") }, "target=PATH is missing" },
		{ { .mounts = WORDS("type=bind,src=/a,dst=/x", "dst=/x") }, "is a mount point already" },
		{ { .mounts = WORDS("type=npipe,src=a,dst=/x") }, "npipe" },
		{ { .mounts = WORDS("type=bind,src=/a,dst=/x,readonly=perhaps") }, "readonly=perhaps" },
		{ { .mounts = WORDS("type=bind,src=/a,dst=/x,bind-recursive=writable") }, "readonly is missing" },
		{ { .mounts = WORDS("type=bind,src=/a,dst=/x,ro,bind-recursive=readonly,bind-propagation=rslave") }, "rprivate" },
		{ { .mounts = WORDS("type=bind,src=/a,dst=/x,bind-propagation=wide") }, "bind-propagation" },
		{ { .mounts = WORDS("type=tmpfs,dst=/x,tmpfs-size=big") }, "tmpfs-size" },
		{ { .mounts = WORDS("type=tmpfs,dst=/x,tmpfs-mode=9") }, "tmpfs-mode" },
		{ { .mounts = WORDS("type=tmpfs,src=a,dst=/x") }, "no source" },
		{ { .mounts = WORDS("src=ab,dst=/x,volume-subpath=/a") }, "volume-subpath" },
		{ { .mounts = WORDS("dst=/x,volume-subpath=a") }, "volume-subpath" },
		{ { .mounts = WORDS("src=/ab,dst=/x") }, "type=bind" },
		{ { .mounts = WORDS("\"src=ab,dst=/x") }, "quote" },
		{ { .mounts = WORDS("") }, "--mount" },
		{ { .volumes = WORDS("/a:b") }, "-v" },
		{ { .volumes = WORDS("/a:/") }, "-v" },
		{ { .volumes = WORDS("/a:/b/../proc/x") }, "-v" },
		{ { .volumes = WORDS("/a:/b", "/c:/b/") }, "-v" },
		{ { .volumes = WORDS("/a:/b:zz") }, "-v" },
		{ { .volumes = WORDS("/a:/b:ro:x") }, "-v" },
		{ { .volumes = WORDS("n:/b") }, "no name for a volume" },
		{ { .volumes = WORDS("/a:/b:idmap"), .userns = "host" }, "idmap" },
		{ { .tmpfs = WORDS("t") }, "--tmpfs" },
		{ { .tmpfs = WORDS("/t:huge=always") }, "--tmpfs" },
		{ { .devices = WORDS("/dev/null:x:q") }, "--device" },
		{ { .cap_add = WORDS("SYS_NONE") }, "--cap-add" },
		{ { .cap_drop = WORDS("") }, "--cap-drop" },
		{ { .security_opt = WORDS("apparmor=x") }, "--security-opt" },
		{ { .security_opt = WORDS("label=enable") }, "want label=disable" },
		{ { .security_opt = WORDS("label=type:") }, "want label=disable" },
		{ { .security_opt = WORDS("no-new-privileges=maybe") }, "no-new-privileges" },
		{ { .security_opt = WORDS("seccomp=/no/such/file") }, "/no/such/file" },
		{ { .memory = "much" }, "--memory" },
		{ { .memory = "1k" }, "--memory" },
		{ { .memory_swap = "1g" }, "--memory-swap" },
		{ { .memory = "1g", .memory_swap = "1m" }, "--memory-swap" },
		{ { .cpus = "0.001" }, "--cpus" },
		{ { .cpus = "inf" }, "--cpus" },
		{ { .cpus = "100000" }, "--cpus" },
		{ { .cpus = "1", .cpu_quota = &odd }, "--cpus" },
		{ { .cpus = "1", .cpu_period = &odd }, "--cpus" },
		{ { .cpu_quota = &small }, "--cpu-quota" },
		{ { .cpu_period = &small }, "--cpu-period" },
		{ { .ulimits = WORDS("nofile") }, "--ulimit" },
		{ { .ulimits = WORDS("nofile=5:1") }, "--ulimit" },
		{ { .ulimits = WORDS("colour=1") }, "--ulimit" },
		{ { .sysctls = WORDS("kernel.panic=1") }, "--sysctl" },
		{ { .sysctls = WORDS("net.x=1"), .networks = WORDS("host") }, "--sysctl" },
		{ { .shm_size = "0" }, "--shm-size" },
		{ { .oom_score_adj = &odd }, "--oom-score-adj" },
		{ { .stop_signal = "SIGNOT" }, "--stop-signal" },
		{ { .workdir = "here" }, "--workdir" },
		{ { .env = WORDS("=x") }, "--env" },
		{ { .env_files = WORDS("/no/such/env") }, "--env-file" },
		{ { .cgroup_parent = "a//b" }, "--cgroup-parent" },
		{ { .cgroup_parent = "/a/../b" }, "--cgroup-parent" },
		{ { .log_driver = "syslog" }, "--log-driver" },
		{ { .log_opts = WORDS("max-size=x") }, "--log-opt" },
		{ { .log_opts = WORDS("max-file=0") }, "max-file" },
		{ { .group_add = WORDS("nosuch") }, "--group-add" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct ct_options opt = rows[i].opt;

		opt.image = "x";
		opt.user = "0";
		if (refused(&opt, image()) >= 0 || !strstr(err.msg, rows[i].names) || strchr(err.msg, '\n'))
			fail_msg("row %zu (%s): \"%s\"", i, rows[i].names, err.msg);
	}
}

static void paths_are_cleaned(void **state)
{
	static const char *const rows[][2] = { { "/a//b/./c/", "/a/b/c" }, { "/a/../../b", "/b" }, { "/", "/" }, { "/..", "/" } };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		assert_string_equal(plan_clean_path(&arena, rows[i][0]), rows[i][1]);
	assert_null(plan_clean_path(&arena, "a"));
}

static void reattach_changes_only_that(void **state)
{
	CLEANUP_STRBUF struct strbuf out = STRBUF_INIT;
	const char *text = "{\"version\":1,\"attach\":3,\"spec\":{\"x\":[1,\"\\u00e4\"]}}";

	(void)state;
	assert_int_equal(spec_reattach(text, strlen(text), 7, &out, &err), 0);
	assert_string_equal(out.s, "{\"version\":1,\"attach\":7,\"spec\":{\"x\":[1,\"\xc3\xa4\"]}}");
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(command_rules), T(environment), T(users), T(defaults), T(privileged), T(mounts), T(sharing), T(capabilities),
		T(limits), T(cpu_quota_and_period), T(bad_options), T(paths_are_cleaned), T(reattach_changes_only_that),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

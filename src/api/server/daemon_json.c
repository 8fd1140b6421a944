/* A row per key. Those that are honoured are also read below, by their type; what a value may be is judged where it means something (the
 * options of containers by the engine's own eyes, in settings_take()). */
#include "api/server/daemon_json.h"

#include <fcntl.h>
#include <string.h>

#include "base/io.h"
#include "base/log.h"
#include "base/text.h"

#define FILE_MAX (1U << 20)
#define LONGEST_SUBNET 30

enum how {
	HONOURED,
	HARMLESS, /* it is so anyway, or there is nothing that it could be about */
	WARNED,   /* not done; about: what there is instead */
	REFUSED   /* about: why, and what to do */
};

struct key {
	const char *name;
	enum json_type type;
	enum how how;
	/* Of a string or boolean: values, "a|b" ("" among them: "|b"), that ask for nothing that is not so anyway; with others how counts. NULL: none. */
	const char *fine;
	const char *about;
};

#define SWARM "there is no swarm"
#define BRIDGE "make a network of your own with what you want, and put containers there"
#define OTHER_RULES "published ports and the ways out of containers need it; containers with --network host or none do without"

/* clang-format off */
static const struct key keys[] = {
	/* the server */
	{ "data-root", JSON_STRING, HONOURED, NULL, "where images, containers and volumes are kept" },
	{ "exec-root", JSON_STRING, HONOURED, NULL, "where the state of what runs is kept" },
	{ "hosts", JSON_ARRAY, HONOURED, NULL, "where it listens" },
	{ "group", JSON_STRING, HONOURED, NULL, "whose the sockets are" },
	{ "tls", JSON_BOOL, HONOURED, NULL, "TLS on tcp://" },
	{ "tlsverify", JSON_BOOL, HONOURED, NULL, "TLS on tcp://, for clients with a certificate alone" },
	{ "tlscacert", JSON_STRING, HONOURED, NULL, "who signs the certificates of clients" },
	{ "tlscert", JSON_STRING, HONOURED, NULL, "the server's certificate" },
	{ "tlskey", JSON_STRING, HONOURED, NULL, "and its key" },
	{ AUTHORIZE_KEY, JSON_ARRAY, HONOURED, NULL, "who may do what (not dockerd's)" },
	{ "debug", JSON_BOOL, HONOURED, NULL, "log-level debug" },
	{ "log-level", JSON_STRING, HONOURED, NULL, "debug, info, warn, error or fatal" },
	{ "log-format", JSON_STRING, REFUSED, "text", "its messages are lines of text" },
	{ "raw-logs", JSON_BOOL, HARMLESS, NULL, "its messages have no colours" },
	{ "pidfile", JSON_STRING, REFUSED, "", "no such file is written: systemctl show -P MainPID tared has the number" },
	{ "labels", JSON_ARRAY, HONOURED, NULL, "labels of this machine, shown by docker info" },
	{ "http-proxy", JSON_STRING, HONOURED, NULL, "how registries are reached" },
	{ "https-proxy", JSON_STRING, HONOURED, NULL, "how registries are reached" },
	{ "no-proxy", JSON_STRING, HONOURED, NULL, "which are reached without" },
	{ "proxies", JSON_OBJECT, HONOURED, NULL, "the same three in an object" },
	{ "live-restore", JSON_BOOL, WARNED, "true", "containers always go on when the server ends" },
	{ "shutdown-timeout", JSON_NUMBER, HARMLESS, NULL, "the server's end stops no container" },
	{ "oom-score-adjust", JSON_NUMBER, REFUSED, "0", "set OOMScoreAdjust= in the unit" },
	{ "metrics-addr", JSON_STRING, REFUSED, "", "no metrics are served" },
	{ "authorization-plugins", JSON_ARRAY, REFUSED, NULL, "there are no plugins" },
	{ "api-cors-header", JSON_STRING, REFUSED, "", "browsers of other origins are not served" },
	{ "experimental", JSON_BOOL, HARMLESS, NULL, "nothing has to be allowed first" },
	{ "features", JSON_OBJECT, HARMLESS, NULL, "they choose between parts of dockerd" },
	{ "containerd", JSON_STRING, HARMLESS, NULL, "none is needed" },
	{ "containerd-namespace", JSON_STRING, HARMLESS, NULL, "none is needed" },
	{ "containerd-plugin-namespace", JSON_STRING, HARMLESS, NULL, "none is needed" },
	{ "deprecated-key-path", JSON_STRING, HARMLESS, NULL, "nothing is signed with it, nor is it by dockerd" },
	/* images */
	{ "registry-mirrors", JSON_ARRAY, HONOURED, NULL, "who is asked for images of docker.io first" },
	{ "insecure-registries", JSON_ARRAY, HONOURED, NULL, "whose certificates are not checked, and who is asked by plain HTTP" },
	{ "max-concurrent-downloads", JSON_NUMBER, HARMLESS, NULL, "parts of blobs are fetched side by side, as many as pay" },
	{ "max-concurrent-uploads", JSON_NUMBER, HARMLESS, NULL, "blobs are sent side by side, as many as pay" },
	{ "max-download-attempts", JSON_NUMBER, HARMLESS, NULL, "a transfer goes on where it broke off, a few times" },
	{ "allow-nondistributable-artifacts", JSON_ARRAY, HARMLESS, NULL, "nor does dockerd keep such layers back any more" },
	{ "disable-legacy-registry", JSON_BOOL, HARMLESS, "true", "none of version 1 is spoken with" },
	{ "storage-driver", JSON_STRING, REFUSED, "|overlay2|overlayfs", "layers are laid over each other by overlayfs alone" },
	{ "storage-opts", JSON_ARRAY, REFUSED, "overlay2.override_kernel_check=true|overlay2.override_kernel_check=1", "limits of disks: --storage-opt of a container" },
	{ "builder", JSON_OBJECT, WARNED, NULL, "the build cache is kept small by tare-gc.timer (systemctl enable --now tare-gc.timer; its options: /etc/default/tare-gc)" },
	/* containers */
	{ "log-driver", JSON_STRING, HONOURED, NULL, "of containers that name none" },
	{ "log-opts", JSON_OBJECT, HONOURED, NULL, "of that driver" },
	{ "default-ulimits", JSON_OBJECT, HONOURED, NULL, "of containers that say nothing else" },
	{ "default-shm-size", JSON_STRING, HONOURED, NULL, "the size of /dev/shm" },
	{ "default-ipc-mode", JSON_STRING, HONOURED, NULL, "private or shareable" },
	{ "default-cgroupns-mode", JSON_STRING, HONOURED, NULL, "private or host" },
	{ "dns", JSON_ARRAY, HONOURED, NULL, "name servers" },
	{ "dns-opts", JSON_ARRAY, HONOURED, NULL, "options of the resolver" },
	{ "dns-search", JSON_ARRAY, HONOURED, NULL, "where names are looked for" },
	{ "cdi-spec-dirs", JSON_ARRAY, HONOURED, NULL, "where devices by name are described" },
	{ "init", JSON_BOOL, HONOURED, NULL, "a small init in each container" },
	{ "init-path", JSON_STRING, REFUSED, "", "it is tare-init" },
	{ "no-new-privileges", JSON_BOOL, HONOURED, NULL, "of containers that say nothing else" },
	{ "seccomp-profile", JSON_STRING, HONOURED, NULL, "a file, builtin or unconfined" },
	{ "cgroup-parent", JSON_STRING, HONOURED, NULL, "where cgroups of containers are" },
	{ "userns-remap", JSON_STRING, REFUSED, "|default", "each container gets host ids of its own, which \"default\" asks for; ranges of a user's are not taken" },
	{ "default-runtime", JSON_STRING, REFUSED, "|runc|io.containerd.runc.v2", "containers are run by tare itself, which does what runc does" },
	{ "runtimes", JSON_OBJECT, HARMLESS, NULL, "they are there to be asked for; a container that asks for one is refused" },
	{ "exec-opts", JSON_ARRAY, WARNED, "native.cgroupdriver=cgroupfs", "cgroups are made in the file system, below cgroup-parent" },
	{ "selinux-enabled", JSON_BOOL, REFUSED, "false", "containers get no labels of SELinux" },
	{ "cpu-rt-period", JSON_NUMBER, REFUSED, "0", "say it of the containers that want it: --cpu-rt-period" },
	{ "cpu-rt-runtime", JSON_NUMBER, REFUSED, "0", "say it of the containers that want it: --cpu-rt-runtime" },
	{ "node-generic-resources", JSON_ARRAY, HARMLESS, NULL, SWARM },
	/* networks */
	{ "default-address-pools", JSON_ARRAY, HONOURED, NULL, "where subnets of networks are taken from" },
	{ "bridge", JSON_STRING, REFUSED, "|docker0", "the default network has a device of its own; " BRIDGE },
	{ "bip", JSON_STRING, REFUSED, "", "the default network's subnet is chosen, out of default-address-pools where there are some; " BRIDGE },
	{ "bip6", JSON_STRING, REFUSED, "", "the default network has no IPv6; " BRIDGE },
	{ "fixed-cidr", JSON_STRING, REFUSED, "", BRIDGE },
	{ "fixed-cidr-v6", JSON_STRING, REFUSED, "", "the default network has no IPv6; " BRIDGE },
	{ "default-gateway", JSON_STRING, REFUSED, "", BRIDGE },
	{ "default-gateway-v6", JSON_STRING, REFUSED, "", BRIDGE },
	{ "default-network-opts", JSON_OBJECT, REFUSED, NULL, "say it of the networks that want it: --opt" },
	{ "mtu", JSON_NUMBER, REFUSED, "0", "devices get the MTU of the host's way out; another one is a network's --opt mtu=N" },
	{ "ip", JSON_STRING, REFUSED, "|0.0.0.0|::", "say it of the ports: -p 127.0.0.1:8080:80" },
	{ "ipv6", JSON_BOOL, REFUSED, "false", "the default network has no IPv6; networks of your own do with --ipv6" },
	{ "icc", JSON_BOOL, REFUSED, "true", "containers of one network reach each other; put those that must not into networks of their own" },
	{ "ip-forward", JSON_BOOL, REFUSED, "true", "without forwarding no container would reach anything; " OTHER_RULES },
	{ "ip-forward-no-drop", JSON_BOOL, HARMLESS, NULL, "the host's policy for what it forwards is left as it is" },
	{ "ip-masq", JSON_BOOL, REFUSED, "true", OTHER_RULES },
	{ "iptables", JSON_BOOL, REFUSED, "true", OTHER_RULES },
	{ "ip6tables", JSON_BOOL, REFUSED, "true", OTHER_RULES },
	{ "firewall-backend", JSON_STRING, HARMLESS, NULL, "rules are nf_tables' own, beside iptables'" },
	{ "allow-direct-routing", JSON_BOOL, REFUSED, "false", "what is not published is not reached from outside" },
	{ "bridge-accept-fwmark", JSON_STRING, REFUSED, "", "marks of packets are not looked at" },
	{ "userland-proxy", JSON_BOOL, HARMLESS, NULL, "published ports are the kernel's matter" },
	{ "userland-proxy-path", JSON_STRING, HARMLESS, NULL, "published ports are the kernel's matter" },
	{ "host-gateway-ip", JSON_STRING, REFUSED, "", "host-gateway is the gateway of the container's network" },
	{ "host-gateway-ips", JSON_ARRAY, REFUSED, NULL, "host-gateway is the gateway of the container's network" },
	/* swarm */
	{ "network-control-plane-mtu", JSON_NUMBER, HARMLESS, NULL, SWARM },
	{ "swarm-default-advertise-addr", JSON_STRING, HARMLESS, NULL, SWARM },
	{ "swarm-raft-heartbeat-tick", JSON_NUMBER, HARMLESS, NULL, SWARM },
	{ "swarm-raft-election-tick", JSON_NUMBER, HARMLESS, NULL, SWARM },
};
/* clang-format on */

/* ---- judging keys ---- */

static const struct key *find(const char *name)
{
	for (size_t i = 0; i < ARRAY_LEN(keys); i++)
		if (strcmp(keys[i].name, name) == 0)
			return &keys[i];
	return NULL;
}

static bool is_word(const char *words, const char *text)
{
	size_t len = strlen(text);

	for (const char *w = words; w; w = strchr(w, '|') ? strchr(w, '|') + 1 : NULL)
		if (strcspn(w, "|") == len && strncmp(w, text, len) == 0)
			return true;
	return false;
}

static bool is_fine(const struct key *k, const struct json *v)
{
	if (v->type == JSON_BOOL)
		return is_word(k->fine, v->boolean ? "true" : "false");
	if (v->type != JSON_ARRAY && v->type != JSON_OBJECT)
		return is_word(k->fine, v->str);
	json_each(it, v)
		if (it->type != JSON_STRING || !is_word(k->fine, it->str))
			return false;
	return true;
}

static int judge(const struct key *k, const struct json *v, bool warn, struct err *e)
{
	static const char *const types[] = { "null", "true or false", "a number", "a text", "a list [...]", "an object {...}" };

	if (v->type == JSON_NULL)
		return 0;
	if (v->type != k->type)
		return err_set(e, ERR_INVALID, "\"%s\" wants %s", k->name, types[k->type]);
	if (k->how == HONOURED || k->how == HARMLESS || is_fine(k, v))
		return 0;
	if (k->how == REFUSED)
		return err_set(e, ERR_UNSUPPORTED, "\"%s\" cannot be had: %s", k->name, k->about);
	if (warn)
		log_warning("daemon.json: \"%s\" changes nothing: %s", k->name, k->about);
	return 0;
}

static int unknown(const struct json *v, struct err *e)
{
	const char *names[ARRAY_LEN(keys)];

	for (size_t i = 0; i < ARRAY_LEN(keys); i++)
		names[i] = keys[i].name;
	return json_check_keys(v, names, ARRAY_LEN(names), "it", "; tared(1) has all there are", e);
}

/* ---- values ---- */

static int read_texts(struct arena *a, const struct json *doc, const char *key, struct strv *out, struct err *e)
{
	const char **v = NULL;
	size_t n = 0;
	int r = json_get_strv(a, doc, "", key, &v, &n, e);

	*out = (struct strv){ v, n };
	return r;
}

static int read_pool(const struct json *v, struct surroundings_pool *out, struct err *e)
{
	static const char *const known[] = { "base", "size" };
	const char *base = "";
	uint32_t size = 0;
	int r = v->type == JSON_OBJECT ? json_check_keys(v, known, ARRAY_LEN(known), "a pool", "", e) :
					       err_set(e, ERR_INVALID, "a pool is {\"base\": SUBNET, \"size\": LENGTH}");

	if (r == 0)
		r = json_get_str(v, "a pool", "base", &base, e);
	if (r == 0)
		r = json_get_u32(v, "a pool", "size", &size, e);
	if (r < 0)
		return r;
	if (ip_net_parse(base, &out->net) < 0)
		return err_set(e, ERR_INVALID, "\"base\": \"%.60s\" is no subnet, such as 10.20.0.0/16", base);
	if (out->net.ip.len != 4)
		return err_set(e, ERR_UNSUPPORTED, "\"base\": \"%.60s\": pools are of IPv4, subnets of IPv6 are random ones out of fd00::/8", base);
	if (size < out->net.prefix || size > LONGEST_SUBNET)
		return err_set(e, ERR_INVALID, "\"size\": %u: want the length of a subnet of %.60s, %u to %d", size, base, out->net.prefix, LONGEST_SUBNET);
	out->prefix = (unsigned char)size;
	return 0;
}

static int read_pools(struct arena *a, const struct json *doc, struct surroundings *out, struct err *e)
{
	const struct json *list = NULL;
	struct surroundings_pool *pools;
	int r = json_get_array(doc, "", "default-address-pools", &list, e);

	if (r < 0 || !list)
		return r;
	pools = arena_array(a, list->len + 1, sizeof(*pools));
	if (!pools)
		return err_errno(e, -ENOMEM, "default-address-pools");
	json_each(it, list)
		if (read_pool(it, &pools[out->n_pools++], e) < 0)
			return err_ctx(e, "default-address-pools");
	out->pools = pools;
	return 0;
}

/* Judged by the one who is going to read them. */
static int read_registries(struct arena *a, const struct json *doc, struct registries_more *out, struct err *e)
{
	struct registries none = { 0 };
	int r = read_texts(a, doc, "registry-mirrors", &out->mirrors, e);

	if (r == 0)
		r = read_texts(a, doc, "insecure-registries", &out->insecure, e);
	return r < 0 ? r : registries_add(a, &none, out, e);
}

static int read_level(const struct json *doc, struct daemon_json *d, struct err *e)
{
	static const struct {
		const char *docker, *ours;
	} levels[] = { { "debug", "debug" }, { "info", "info" }, { "warn", "warning" }, { "error", "error" }, { "fatal", "error" } };
	const char *name = NULL;
	bool debug = false;
	int r = json_get_str(doc, "", "log-level", &name, e);

	if (r == 0)
		r = json_get_bool(doc, "", "debug", &debug, e);
	for (size_t i = 0; name && i < ARRAY_LEN(levels); i++)
		if (strcmp(name, levels[i].docker) == 0)
			d->log_level = levels[i].ours;
	if (r == 0 && name && !d->log_level)
		r = err_set(e, ERR_INVALID, "log-level \"%.40s\": debug, info, warn, error or fatal", name);
	if (debug)
		d->log_level = "debug";
	return r;
}

/* Beside the others, or in an object of their own: dockerd wants the latter. */
static int read_proxies(const struct json *doc, struct daemon_json *d, struct err *e)
{
	static const char *const known[] = { "http-proxy", "https-proxy", "no-proxy" };
	const char **into[] = { &d->http_proxy, &d->https_proxy, &d->no_proxy };
	const struct json *own = NULL;
	int r = json_get_obj(doc, "", "proxies", &own, e);

	if (r == 0)
		r = json_check_keys(own, known, ARRAY_LEN(known), "proxies", "", e);
	for (size_t i = 0; r == 0 && i < ARRAY_LEN(known); i++) {
		r = json_get_str(doc, "", known[i], into[i], e);
		if (r == 0 && own)
			r = json_get_str(own, "proxies", known[i], into[i], e);
	}
	return r;
}

/* Plain values. */
static int read_plain(const struct json *doc, struct daemon_json *d, struct err *e)
{
	const struct {
		const char *key;
		const char **into;
	} texts[] = {
		{ "data-root", &d->root }, { "exec-root", &d->state }, { "group", &d->group }, { "tlscacert", &d->tls_ca }, { "tlscert", &d->tls_cert },
		{ "tlskey", &d->tls_key }, { "cgroup-parent", &d->cgroup_parent }, { "default-cgroupns-mode", &d->cgroupns }, { "default-ipc-mode", &d->ipc },
		{ "seccomp-profile", &d->seccomp },
	};
	const struct {
		const char *key;
		bool *into;
	} flags[] = { { "tls", &d->tls }, { "tlsverify", &d->tls_verify }, { "init", &d->init }, { "no-new-privileges", &d->no_new_privileges } };
	int r = 0;

	for (size_t i = 0; r == 0 && i < ARRAY_LEN(texts); i++) {
		r = json_get_str(doc, "", texts[i].key, texts[i].into, e);
		if (*texts[i].into && !**texts[i].into)
			*texts[i].into = NULL;
	}
	for (size_t i = 0; r == 0 && i < ARRAY_LEN(flags); i++)
		r = json_get_bool(doc, "", flags[i].key, flags[i].into, e);
	d->remap = strcmp(json_text(doc, "userns-remap", ""), "default") == 0;
	return r;
}

static int check_choice(const char *key, const char *value, const char *choices, struct err *e)
{
	return !value || is_word(choices, value) ? 0 : err_set(e, ERR_INVALID, "%s \"%.40s\": want one of %s", key, value, choices);
}

static int check_absolute(const char *key, const char *path, struct err *e)
{
	return !path || path[0] == '/' ? 0 : err_set(e, ERR_INVALID, "%s \"%.200s\" is no absolute path", key, path);
}

static int check(const struct daemon_json *d, struct err *e)
{
	const struct {
		const char *key, *path;
	} paths[] = { { "data-root", d->root }, { "exec-root", d->state }, { "tlscacert", d->tls_ca }, { "tlscert", d->tls_cert }, { "tlskey", d->tls_key } };
	int r = check_choice("default-cgroupns-mode", d->cgroupns, "private|host", e);

	if (r == 0)
		r = check_choice("default-ipc-mode", d->ipc, "private|shareable", e);
	for (size_t i = 0; r == 0 && i < ARRAY_LEN(paths); i++)
		r = check_absolute(paths[i].key, paths[i].path, e);
	if (r == 0 && d->seccomp && !is_word("builtin|unconfined", d->seccomp))
		r = check_absolute("seccomp-profile", d->seccomp, e);
	for (size_t i = 0; r == 0 && i < d->labels.n; i++)
		if (!strchr(d->labels.v[i], '=') || d->labels.v[i][0] == '=')
			r = err_set(e, ERR_INVALID, "labels: \"%.100s\": want KEY=VALUE", d->labels.v[i]);
	return r;
}

static int take(struct arena *a, const struct json *doc, bool warn, struct daemon_json *d, struct err *e)
{
	int r = unknown(doc, e);

	*d = (struct daemon_json){ 0 };
	json_each(it, doc)
		if (r == 0)
			r = judge(find(it->key), it, warn, e);
	if (r == 0)
		r = read_plain(doc, d, e);
	if (r == 0)
		r = read_level(doc, d, e);
	if (r == 0)
		r = read_proxies(doc, d, e);
	if (r == 0)
		r = read_texts(a, doc, "hosts", &d->hosts, e);
	if (r == 0)
		r = read_texts(a, doc, "labels", &d->labels, e);
	if (r == 0)
		r = authorize_take(a, json_get(doc, AUTHORIZE_KEY), &d->authorize, e);
	if (r == 0)
		r = read_pools(a, doc, &d->around, e);
	if (r == 0)
		r = read_registries(a, doc, &d->around.registries, e);
	if (r == 0)
		r = settings_take(a, doc, &d->settings, e);
	return r < 0 ? r : check(d, e);
}

int daemon_json_take(struct arena *a, const struct json *doc, struct daemon_json *out, struct err *e)
{
	return take(a, doc, false, out, e);
}

/* ---- the file ---- */

int daemon_json_read(struct arena *a, const char *path, bool must, const struct json **doc, struct err *e)
{
	CLEANUP_FREE char *text = NULL;
	struct daemon_json judged;
	size_t len;
	int r = io_read_file(AT_FDCWD, path, FILE_MAX, &text, &len);

	*doc = NULL;
	if (!must && (r == -ENOENT || r == -ENOTDIR))
		return 0;
	if (r < 0)
		return err_errno(e, r, "read %s", path);
	if (!len) /* as /dev/null: nothing is said */
		return 0;
	r = json_parse(a, text, len, NULL, doc, e);
	if (r == 0 && (*doc)->type != JSON_OBJECT)
		r = err_set(e, ERR_INVALID, "it is no object {...}");
	if (r == 0)
		r = take(a, *doc, true, &judged, e);
	return r < 0 ? err_ctx(e, "%s", path) : 0;
}

int daemon_json_conflict(const struct json *doc, const char *key, const char *text, struct err *e)
{
	const struct json *v = json_get(doc, key);

	if (!text || !v || v->type == JSON_NULL)
		return 0;
	return err_set(e, ERR_INVALID, "%s is said on the command line (%s) and in the configuration file: take it out of one of them", key, text);
}

/* ---- containers ---- */

static bool has_security(const struct ct_options *opt, const char *name)
{
	for (size_t i = 0; i < opt->security_opt.n; i++)
		if (text_starts(opt->security_opt.v[i], name))
			return true;
	return false;
}

/* no-new-privileges and seccomp, where the container says nothing of them; one that is privileged has no filter. */
static int add_security(const struct daemon_json *d, struct arena *a, struct ct_options *opt, struct err *e)
{
	const char **v = arena_array(a, opt->security_opt.n + 3, sizeof(*v));
	size_t n = opt->security_opt.n;

	if (!v)
		return err_errno(e, -ENOMEM, "daemon.json");
	if (n)
		memcpy(v, opt->security_opt.v, n * sizeof(*v));
	if (d->no_new_privileges && !has_security(opt, "no-new-privileges"))
		v[n++] = "no-new-privileges=true";
	if (d->seccomp && !opt->privileged && !has_security(opt, "seccomp"))
		v[n++] = arena_printf(a, "seccomp=%s", d->seccomp);
	opt->security_opt = (struct strv){ v, n };
	return arena_error(a) < 0 ? err_errno(e, -ENOMEM, "daemon.json") : 0;
}

int daemon_json_defaults(const struct daemon_json *d, struct arena *a, struct ct_options *opt, struct err *e)
{
	int r = settings_container(&d->settings, a, false, opt, e);

	opt->init |= d->init;
	if (!opt->cgroup_parent)
		opt->cgroup_parent = d->cgroup_parent;
	if (!opt->cgroupns && !opt->privileged)
		opt->cgroupns = d->cgroupns;
	if (!opt->ipc)
		opt->ipc = d->ipc;
	if (!opt->userns && d->remap)
		opt->userns = opt->privileged ? "host" : "private";
	return r < 0 ? r : add_security(d, a, opt, e);
}

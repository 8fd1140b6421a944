/* The specification is most of a description's size and of no use once the container runs, so the two processes that
 * stay are given the few other members alone ("settings", the same format). The members are checked here and nowhere
 * else; what comes from the engine is trusted to be well meant but not to be well formed. */
#include "monitor/description.h"

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/io.h"
#include "base/text.h"

#define MAX_BYTES (16U << 20)

static int parse_fd(struct arena *a, int fd, const struct json **doc, struct err *e)
{
	CLEANUP_FREE char *text = NULL;
	struct stat st;
	ssize_t n;

	if (fstat(fd, &st) < 0)
		return err_errno(e, -errno, "descriptor %d has no description", fd);
	if (!S_ISREG(st.st_mode) || st.st_size > (off_t)MAX_BYTES)
		return err_set(e, ERR_INVALID, "descriptor %d is no description", fd);
	text = malloc((size_t)st.st_size + 1);
	if (!text)
		return err_errno(e, -ENOMEM, "read the description");
	n = pread(fd, text, (size_t)st.st_size, 0);
	if (n < 0)
		return err_errno(e, -errno, "read the description");
	return json_parse(a, text, (size_t)n, NULL, doc, e);
}

static int require(const char *value, const char *key, struct err *e)
{
	return value && value[0] ? 0 : err_set(e, ERR_INVALID, "%s is missing", key);
}

static int require_path(const char *value, const char *key, struct err *e)
{
	int r = require(value, key, e);

	if (r < 0)
		return r;
	if (value[0] != '/' || strlen(value) >= PATH_MAX)
		return err_set(e, ERR_INVALID, "%s: \"%.100s\" is no absolute path", key, value);
	return 0;
}

static const char *const log_drivers[] = {
	[LOG_DRIVER_NONE] = "none", [LOG_DRIVER_JSON] = "json-file", [LOG_DRIVER_K8S] = "k8s-file", [LOG_DRIVER_JOURNAL] = "journald"
};

static int parse_log_file(const struct json *log, const char *program, struct description_log *d, struct err *e)
{
	bool compress = false;
	int r;

	d->max_file = 1;
	if ((r = json_get_str(log, "log", "path", &d->path, e)) < 0 || (r = json_get_u64(log, "log", "maxSize", &d->max_size, e)) < 0 ||
	    (r = json_get_u32(log, "log", "maxFile", &d->max_file, e)) < 0 || (r = json_get_obj(log, "log", "attrs", &d->attrs, e)) < 0 ||
	    (r = json_get_bool(log, "log", "compress", &compress, e)) < 0)
		return r;
	d->compress = compress ? program : NULL;
	return require_path(d->path, "log.path", e);
}

static int parse_log_journal(const struct json *log, struct description_log *d, struct err *e)
{
	int r;

	if ((r = json_get_str(log, "log", "socket", &d->socket, e)) < 0 || (r = json_get_obj(log, "log", "fields", &d->fields, e)) < 0)
		return r;
	json_each(v, d->fields)
		if (v->type != JSON_STRING)
			return err_set(e, ERR_INVALID, "log.fields.%s is no text", v->key);
	return require_path(d->socket, "log.socket", e);
}

/* program: tare; NULL: there is none to be started. */
static int parse_log(const struct json *doc, const char *program, struct description_log *d, struct err *e)
{
	const struct json *log = NULL;
	const char *driver = NULL;
	size_t i = 0;
	int r = json_get_obj(doc, "description", "log", &log, e);

	if (r < 0 || !log)
		return r;
	if ((r = json_get_str(log, "log", "driver", &driver, e)) < 0 || (r = require(driver, "log.driver", e)) < 0)
		return r;
	while (i < ARRAY_LEN(log_drivers) && strcmp(driver, log_drivers[i]) != 0)
		i++;
	if (i == ARRAY_LEN(log_drivers))
		return err_set(e, ERR_UNSUPPORTED, "log driver \"%s\" is unknown: use json-file, k8s-file, journald or none", driver);
	d->driver = (enum log_driver)i;
	if (d->driver == LOG_DRIVER_NONE)
		return 0;
	if ((r = json_get_u64(log, "log", "buffer", &d->buffer, e)) < 0)
		return r;
	return d->driver == LOG_DRIVER_JOURNAL ? parse_log_journal(log, d, e) : parse_log_file(log, program, d, e);
}

static int parse_overlay(struct arena *a, const struct json *rootfs, struct rt_rootfs *out, struct err *e)
{
	const char **lower = NULL;
	int r;

	out->kind = RT_ROOTFS_OVERLAY;
	if ((r = json_get_strv(a, rootfs, "rootfs", "lower", &lower, &out->n_lower, e)) < 0 ||
	    (r = json_get_str(rootfs, "rootfs", "upper", &out->upper, e)) < 0 ||
	    (r = json_get_str(rootfs, "rootfs", "work", &out->work, e)) < 0 ||
	    (r = json_get_str(rootfs, "rootfs", "base", &out->base, e)) < 0 ||
	    (r = json_get_bool(rootfs, "rootfs", "volatile", &out->is_volatile, e)) < 0 ||
	    (r = json_get_bool(rootfs, "rootfs", "nodes", &out->nodes, e)) < 0 ||
	    (r = json_get_bool(rootfs, "rootfs", "ofUser", &out->of_user, e)) < 0)
		return r;
	out->lower = lower;
	if (!lower || !out->n_lower)
		return err_set(e, ERR_INVALID, "rootfs.lower is missing");
	for (size_t i = 0; i < out->n_lower; i++)
		if ((r = require_path(lower[i], "rootfs.lower", e)) < 0)
			return r;
	if (!out->upper != !out->work)
		return err_set(e, ERR_INVALID, "rootfs.upper and rootfs.work belong together");
	return out->base ? require_path(out->base, "rootfs.base", e) : 0;
}

static int parse_rootfs(struct arena *a, const struct json *doc, struct rt_rootfs *out, struct err *e)
{
	const struct json *rootfs = NULL;
	const char *kind = NULL;
	int r;

	if ((r = json_get_obj(doc, "description", "rootfs", &rootfs, e)) < 0)
		return r;
	if ((r = json_get_str(rootfs, "rootfs", "kind", &kind, e)) < 0 || (r = require(kind, "rootfs.kind", e)) < 0)
		return r;
	if (!strcmp(kind, "overlay"))
		return parse_overlay(a, rootfs, out, e);
	if (strcmp(kind, "dir") != 0)
		return err_set(e, ERR_UNSUPPORTED, "rootfs kind \"%s\" is unknown: use overlay or dir", kind);
	out->kind = RT_ROOTFS_DIR;
	if ((r = json_get_str(rootfs, "rootfs", "path", &out->path, e)) < 0 ||
	    (r = json_get_bool(rootfs, "rootfs", "idmap", &out->idmap, e)) < 0)
		return r;
	return require_path(out->path, "rootfs.path", e);
}

static int parse_healer(struct arena *a, const struct json *doc, struct description *d, struct err *e)
{
	const struct json *healer = NULL;
	const char **argv = NULL;
	size_t n = 0;
	int r = json_get_obj(doc, "description", "healer", &healer, e);

	if (r < 0 || !healer)
		return r;
	if ((r = json_get_str(healer, "healer", "folder", &d->healer_folder, e)) < 0 ||
	    (r = json_get_strv(a, healer, "healer", "argv", &argv, &n, e)) < 0)
		return r;
	if (!n)
		return err_set(e, ERR_INVALID, "healer.argv is missing");
	d->healer = argv;
	return require_path(d->healer_folder, "healer.folder", e);
}

static int parse_health(const struct json *doc, struct description *d, struct err *e)
{
	struct description_health *h = &d->health;
	const struct json *health = NULL;
	int r = json_get_obj(doc, "description", "health", &health, e);

	if (r < 0 || !health)
		return r;
	if ((r = json_get_i64(health, "health", "Interval", &h->interval, e)) < 0 ||
	    (r = json_get_i64(health, "health", "Timeout", &h->timeout, e)) < 0 ||
	    (r = json_get_i64(health, "health", "StartPeriod", &h->start_period, e)) < 0 ||
	    (r = json_get_i64(health, "health", "StartInterval", &h->start_interval, e)) < 0 ||
	    (r = json_get_i64(health, "health", "Retries", &h->retries, e)) < 0)
		return r;
	if (h->interval <= 0 || h->timeout <= 0 || h->start_interval <= 0)
		return err_set(e, ERR_INVALID, "health: intervals and timeout are more than 0");
	d->has_health = true;
	return 0;
}

static const char *const notify_modes[] = {
	[NOTIFY_NONE] = "", [NOTIFY_CONTAINER] = "container", [NOTIFY_CONMON] = "conmon", [NOTIFY_HEALTHY] = "healthy"
};

static int parse_notify(const struct json *doc, struct description *d, struct err *e)
{
	struct description_notify *n = &d->notify;
	const struct json *notify = NULL;
	const char *mode = NULL;
	size_t i = NOTIFY_CONTAINER;
	int64_t sender = 0;
	int r = json_get_obj(doc, "description", "notify", &notify, e);

	if (r < 0 || !notify)
		return r;
	if ((r = json_get_str(notify, "notify", "mode", &mode, e)) < 0 || (r = require(mode, "notify.mode", e)) < 0 ||
	    (r = json_get_str(notify, "notify", "socket", &n->socket, e)) < 0 || (r = require(n->socket, "notify.socket", e)) < 0 ||
	    (r = json_get_str(notify, "notify", "watchdog", &n->watchdog, e)) < 0 ||
	    (r = json_get_i64(notify, "notify", "sender", &sender, e)) < 0)
		return r;
	while (i < ARRAY_LEN(notify_modes) && strcmp(mode, notify_modes[i]) != 0)
		i++;
	if (i == ARRAY_LEN(notify_modes) || sender <= 0 || sender > INT32_MAX)
		return err_set(e, ERR_INVALID, "notify: no such mode, or no sender");
	n->mode = (enum notify_mode)i;
	n->sender = (pid_t)sender;
	return 0;
}

static int parse_common(struct arena *a, const struct json *doc, struct description *d, struct err *e)
{
	const char **exited = NULL;
	uint32_t version = 0;
	size_t n;
	int r;

	if ((r = json_get_u32(doc, "description", "version", &version, e)) < 0 ||
	    (r = json_get_str(doc, "description", "id", &d->id, e)) < 0 ||
	    (r = json_get_str(doc, "description", "containerDir", &d->container_dir, e)) < 0 ||
	    (r = json_get_str(doc, "description", "stateDir", &d->state_dir, e)) < 0 ||
	    (r = json_get_str(doc, "description", "execId", &d->exec_id, e)) < 0 ||
	    (r = json_get_bool(doc, "description", "tty", &d->tty, e)) < 0 ||
	    (r = json_get_bool(doc, "description", "openStdin", &d->open_stdin, e)) < 0 ||
	    (r = json_get_bool(doc, "description", "keep", &d->keep, e)) < 0 ||
	    (r = json_get_bool(doc, "description", "stdinOnce", &d->stdin_once, e)) < 0 ||
	    (r = json_get_bool(doc, "description", "poststop", &d->poststop, e)) < 0 ||
	    (r = json_get_bool(doc, "description", "service", &d->service, e)) < 0 ||
	    (r = json_get_u32(doc, "description", "attach", &d->attach, e)) < 0 ||
	    (r = json_get_str(doc, "description", "cgroup", &d->cgroup, e)) < 0 ||
	    (r = json_get_str(doc, "description", "monitorCgroup", &d->monitor_cgroup, e)) < 0 ||
	    (r = json_get_strv(a, doc, "description", "exited", &exited, &n, e)) < 0)
		return r;
	d->exited = exited && exited[0] ? exited : NULL;
	if (version != 1)
		return err_set(e, ERR_UNSUPPORTED, "version %u of the description is unknown", version);
	if (!d->id || !text_is_hex(d->id, 64))
		return err_set(e, ERR_INVALID, "id is not 64 hex digits");
	if ((r = require_path(d->container_dir, "containerDir", e)) < 0 ||
	    (r = require_path(d->state_dir, "stateDir", e)) < 0)
		return r;
	if ((d->cgroup && (r = require_path(d->cgroup, "cgroup", e)) < 0) ||
	    (d->monitor_cgroup && (r = require_path(d->monitor_cgroup, "monitorCgroup", e)) < 0))
		return r;
	r = parse_notify(doc, d, e);
	d->service |= d->notify.mode != NOTIFY_NONE;
	if (r == 0)
		r = parse_healer(a, doc, d, e);
	if (r == 0)
		r = parse_health(doc, d, e);
	return r < 0 ? r : parse_log(doc, d->exited ? d->exited[0] : NULL, &d->log, e);
}

static int parse_spec(struct arena *a, const struct json *doc, const struct oci_spec **out, struct err *e)
{
	const struct json *spec = NULL;
	int r = json_get_obj(doc, "description", "spec", &spec, e);

	if (r < 0)
		return r;
	if (!spec)
		return err_set(e, ERR_INVALID, "spec is missing");
	r = oci_spec_parse(a, spec, out, e);
	return r < 0 ? err_ctx(e, "spec") : 0;
}

static int parse_links(struct arena *a, const struct json *doc, struct description *d, struct err *e)
{
	const struct json *links = NULL;
	const char **connect = NULL;
	struct net_link *v;
	size_t n;
	int r = json_get_array(doc, "description", "links", &links, e);

	if (r == 0)
		r = json_get_strv(a, doc, "description", "connect", &connect, &n, e);
	d->connect = connect && connect[0] ? connect : NULL;

	if (r == 0)
		r = json_get_str(doc, "description", "names", &d->names, e);
	if (r == 0 && d->names)
		r = require_path(d->names, "names", e);
	if (r < 0 || !links)
		return r;
	v = arena_array(a, links->len + 1, sizeof(*v));
	if (!v)
		return err_errno(e, -ENOMEM, "links");
	d->links = v;
	json_each(link, links) {
		r = net_link_parse(link, &v[d->n_links++], e);
		if (r < 0)
			return r;
	}
	return 0;
}

static int parse_namespaces(const struct json *names, struct description_join *j, struct err *e)
{
	json_each(name, names) {
		int i = 0;

		while (i < OCI_NS_COUNT && (name->type != JSON_STRING || strcmp(name->str, oci_ns_name((enum oci_ns)i)) != 0))
			i++;
		if (i == OCI_NS_COUNT)
			return err_set(e, ERR_INVALID, "join.namespaces: no such namespace");
		j->ns[i] = true;
	}
	return 0;
}

static int parse_join(const struct json *obj, struct description_join *j, struct err *e)
{
	const struct json *names = NULL;
	int64_t pid = 0;
	int r;

	if ((r = json_get_str(obj, "join", "container", &j->container, e)) < 0 || (r = require(j->container, "join.container", e)) < 0 ||
	    (r = json_get_i64(obj, "join", "pid", &pid, e)) < 0 || (r = json_get_u64(obj, "join", "startTime", &j->start_time, e)) < 0 ||
	    (r = json_get_array(obj, "join", "namespaces", &names, e)) < 0)
		return r;
	if (pid <= 0 || pid > INT32_MAX)
		return err_set(e, ERR_INVALID, "join.pid is no pid");
	j->pid = (pid_t)pid;
	return parse_namespaces(names, j, e);
}

static int parse_joins(struct arena *a, const struct json *doc, struct description *d, struct err *e)
{
	const struct json *joins = NULL;
	struct description_join *v;
	int r = json_get_array(doc, "description", "join", &joins, e);

	if (r < 0 || !joins)
		return r;
	v = arena_array(a, joins->len + 1, sizeof(*v));
	if (!v)
		return err_errno(e, -ENOMEM, "join");
	d->joins = v;
	json_each(join, joins) {
		r = parse_join(join, &v[d->n_joins++], e);
		if (r < 0)
			return r;
	}
	return 0;
}

static int parse_usernet(struct arena *a, const struct json *doc, struct description *d, struct err *e)
{
	const struct json *obj = NULL;
	struct net_usernet *u;
	int r = json_get_obj(doc, "description", "usernet", &obj, e);

	if (r < 0 || !obj)
		return r;
	d->usernet = u = arena_new(a, struct net_usernet);
	return u ? net_usernet_read(a, obj, u, e) : err_errno(e, -ENOMEM, "usernet");
}

static int parse_pass(const struct json *doc, struct description_pass *p, struct err *e)
{
	const struct json *pass = NULL;
	int r = json_get_obj(doc, "description", "pass", &pass, e);

	if (r < 0 || !pass)
		return r;
	if ((r = json_get_u32(pass, "pass", "n", &p->n, e)) < 0 || (r = json_get_u32(pass, "pass", "listen", &p->listen, e)) < 0 ||
	    (r = json_get_str(pass, "pass", "names", &p->names, e)) < 0)
		return r;
	return p->n > DESCRIPTION_PASS_MAX || p->listen > p->n ? err_set(e, ERR_INVALID, "pass: more than there can be") : 0;
}

static int parse_container(struct arena *a, const struct json *doc, struct description *d, struct err *e)
{
	int r;

	if ((r = parse_links(a, doc, d, e)) < 0 || (r = parse_joins(a, doc, d, e)) < 0 || (r = parse_pass(doc, &d->pass, e)) < 0 || (r = parse_usernet(a, doc, d, e)) < 0 ||
	    (r = parse_rootfs(a, doc, &d->rootfs, e)) < 0 || (r = parse_spec(a, doc, &d->spec, e)) < 0)
		return r;
	if (!d->spec->process)
		return err_set(e, ERR_INVALID, "spec.process is missing");
	if (d->spec->process->terminal != d->tty)
		return err_set(e, ERR_INVALID, "tty and spec.process.terminal differ");
	d->poststop = d->spec->hooks[OCI_HOOK_POSTSTOP].n > 0;
	return 0;
}

/* The id becomes a file name. */
static bool exec_id_ok(const char *id)
{
	size_t len = strlen(id);

	return len > 0 && len <= 64 && strspn(id, "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ-_") == len;
}

static int parse_exec(struct arena *a, const struct json *doc, struct description *d, struct err *e)
{
	const struct json *process = NULL;
	int r;

	if ((r = require(d->exec_id, "execId", e)) < 0 || (r = parse_pass(doc, &d->pass, e)) < 0 || (r = parse_spec(a, doc, &d->spec, e)) < 0 ||
	    (r = json_get_obj(doc, "description", "process", &process, e)) < 0 ||
	    (r = json_get_obj(doc, "description", "event", &d->event, e)) < 0)
		return r;
	if (!exec_id_ok(d->exec_id))
		return err_set(e, ERR_INVALID, "execId \"%.80s\": use at most 64 letters, digits, - and _", d->exec_id);
	if (!process)
		return err_set(e, ERR_INVALID, "process is missing");
	r = oci_process_parse(a, process, &d->process, e);
	if (r < 0)
		return err_ctx(e, "process");
	if (d->process->terminal != d->tty)
		return err_set(e, ERR_INVALID, "tty and process.terminal differ");
	return 0;
}

int description_read(struct arena *a, int fd, enum description_kind kind, struct description *out, struct err *e)
{
	const struct json *doc;
	int r;

	*out = (struct description){ 0 };
	r = parse_fd(a, fd, &doc, e);
	if (r == 0)
		r = parse_common(a, doc, out, e);
	if (r == 0 && kind == DESCRIPTION_CONTAINER)
		r = parse_container(a, doc, out, e);
	if (r == 0 && kind == DESCRIPTION_EXEC)
		r = parse_exec(a, doc, out, e);
	return r < 0 ? err_ctx(e, "description") : 0;
}

static void write_health(struct json_writer *w, const struct description_health *h)
{
	jw_object(w, "health");
	jw_i64(w, "Interval", h->interval);
	jw_i64(w, "Timeout", h->timeout);
	jw_i64(w, "StartPeriod", h->start_period);
	jw_i64(w, "StartInterval", h->start_interval);
	jw_i64(w, "Retries", h->retries);
	jw_end_object(w);
}

static void write_log(struct json_writer *w, const struct description_log *d)
{
	jw_object(w, "log");
	jw_str(w, "driver", log_drivers[d->driver]);
	if (d->buffer)
		jw_u64(w, "buffer", d->buffer);
	if (d->path) {
		jw_str(w, "path", d->path);
		jw_u64(w, "maxSize", d->max_size);
		jw_u64(w, "maxFile", d->max_file);
		jw_bool(w, "compress", d->compress);
	}
	if (d->attrs)
		jw_value(w, "attrs", d->attrs);
	if (d->socket) {
		jw_str(w, "socket", d->socket);
		if (d->fields)
			jw_value(w, "fields", d->fields);
	}
	jw_end_object(w);
}

int description_settings(const struct description *d, struct err *e)
{
	CLEANUP_STRBUF struct strbuf text = STRBUF_INIT;
	struct json_writer w = JSON_WRITER(&text);
	int r;

	jw_object(&w, NULL);
	jw_i64(&w, "version", 1);
	jw_str(&w, "id", d->id);
	jw_str(&w, "containerDir", d->container_dir);
	jw_str(&w, "stateDir", d->state_dir);
	jw_bool(&w, "tty", d->tty);
	jw_bool(&w, "openStdin", d->open_stdin);
	jw_bool(&w, "stdinOnce", d->stdin_once);
	jw_bool(&w, "poststop", d->poststop);
	jw_u64(&w, "attach", d->attach);
	if (d->cgroup)
		jw_str(&w, "cgroup", d->cgroup);
	if (d->monitor_cgroup)
		jw_str(&w, "monitorCgroup", d->monitor_cgroup);
	if (d->notify.mode) {
		jw_object(&w, "notify");
		jw_str(&w, "mode", notify_modes[d->notify.mode]);
		jw_str(&w, "socket", d->notify.socket);
		jw_i64(&w, "sender", d->notify.sender);
		jw_end_object(&w);
	}
	jw_strv(&w, "exited", d->exited);
	if (d->healer) {
		jw_object(&w, "healer");
		jw_str(&w, "folder", d->healer_folder);
		jw_strv(&w, "argv", d->healer);
		jw_end_object(&w);
	}
	if (d->has_health)
		write_health(&w, &d->health);
	write_log(&w, &d->log);
	jw_end_object(&w);
	r = sb_error(&text);
	if (r == 0)
		r = io_memfd("tare-monitor", text.s, text.len, true);
	return r < 0 ? err_errno(e, r, "keep the settings") : r;
}

int description_reload_spec(struct arena *a, const struct description *d, const struct oci_spec **out, struct err *e)
{
	CLEANUP_FREE char *text = NULL;
	const struct json *doc;
	char path[PATH_MAX];
	size_t len;
	int r;

	r = snprintf(path, sizeof(path), "%s/config.json", d->container_dir);
	if (r < 0 || (size_t)r >= sizeof(path))
		return err_errno(e, -ENAMETOOLONG, "%s", d->container_dir);
	r = io_read_file(AT_FDCWD, path, MAX_BYTES, &text, &len);
	if (r < 0)
		return err_errno(e, r, "read %s", path);
	if ((r = json_parse(a, text, len, NULL, &doc, e)) < 0 || (r = parse_spec(a, doc, out, e)) < 0)
		return err_ctx(e, "%s", path);
	return 0;
}

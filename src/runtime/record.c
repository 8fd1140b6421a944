/* ROOT/ID: state.json, config.json as it was, exec.fifo while the container is created, and `lock`.
 *
 * Several commands may work on one container at once, each a process that may be killed anywhere. So the folder is
 * made by mkdir, state.json is replaced by rename, and commands that change something hold a POSIX lock on `lock`. Of
 * several creators the first to lock a folder without a record wins, whichever of them made it; a lock file that has
 * been removed meanwhile locks nothing (removal unlinks it last) and is looked for anew. Such a lock belongs to the
 * process: the container's init, which is cloned from us and waits at its barrier with copies of our descriptors, does
 * not keep it. A creator writes a record without a pid first, so that what it makes afterwards (a cgroup, a process in
 * it) can be found and cleared when it is killed. */
#include "runtime/record.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/io.h"
#include "base/text.h"
#include "sys/cgroup.h"
#include "sys/proc.h"

#define STATE_FILE "state.json"
#define CONFIG_FILE "config.json"
#define LOCK_FILE "lock"
#define STATE_MAX (8U << 20)
#define CREATE_TRIES 100
#define RECORD_USUAL 2000 /* bytes */

const char *rt_status_name(enum rt_status s)
{
	static const char *const names[] = {
		[RT_CREATING] = "creating", [RT_CREATED] = "created", [RT_RUNNING] = "running",
		[RT_PAUSED] = "paused",	    [RT_STOPPED] = "stopped",
	};

	return names[s];
}

void rt_record_close(struct rt_record_dir *d)
{
	d->lock = close_fd(d->lock);
	d->dir = close_fd(d->dir);
	d->root = close_fd(d->root);
}

bool rt_id_valid(const char *id)
{
	static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_+-.";
	size_t len = strspn(id, allowed);

	return len && !id[len] && len <= NAME_MAX && strcmp(id, ".") != 0 && strcmp(id, "..") != 0;
}

static int check_id(const char *id, struct err *e)
{
	if (!*id)
		return err_set(e, ERR_INVALID, "container id cannot be empty");
	if (!rt_id_valid(id))
		return err_set(e, ERR_INVALID, "invalid container ID format: %.80s", id);
	return 0;
}

static int does_not_exist(struct err *e)
{
	return err_set(e, ERR_NOTFOUND, "container does not exist");
}

/* The lock file of d; block = wait for whoever holds it. 1: held by somebody else. */
static int take_lock(struct rt_record_dir *d, bool block, struct err *e)
{
	struct flock fl = { .l_type = F_WRLCK, .l_whence = SEEK_SET };
	CLEANUP_FD int fd = openat(d->dir, LOCK_FILE, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
	struct stat st;

	if (fd < 0)
		return errno == ENOENT ? does_not_exist(e) : err_errno(e, -errno, "lock of container %s", d->id);
	while (fcntl(fd, block ? F_SETLKW : F_SETLK, &fl) < 0) {
		if (errno == EAGAIN || errno == EACCES)
			return 1;
		if (errno != EINTR)
			return err_errno(e, -errno, "lock of container %s", d->id);
	}
	if (fstat(fd, &st) < 0 || st.st_nlink == 0)
		return does_not_exist(e);
	d->lock = take_fd(&fd);
	return 0;
}

int rt_record_lock(struct rt_record_dir *d, struct err *e)
{
	return d->lock >= 0 ? 0 : take_lock(d, true, e);
}

static int open_dir(const char *root, const char *id, struct rt_record_dir *out, struct err *e)
{
	int r = check_id(id, e);

	if (r < 0)
		return r;
	memcpy(out->id, id, strlen(id) + 1);
	out->root = openat(AT_FDCWD, root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (out->root < 0)
		return errno == ENOENT ? does_not_exist(e) : err_errno(e, -errno, "%s", root);
	out->dir = openat(out->root, id, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (out->dir < 0)
		return errno == ENOENT || errno == ENOTDIR ? does_not_exist(e) : err_errno(e, -errno, "%s/%s", root, id);
	return 0;
}

int rt_record_open(const char *root, const char *id, struct rt_record_dir *out, struct err *e)
{
	CLEANUP_RECORD_DIR struct rt_record_dir d = RT_RECORD_DIR_INIT;
	int r = open_dir(root, id, &d, e);

	if (r < 0)
		return r;
	*out = d;
	d = (struct rt_record_dir)RT_RECORD_DIR_INIT;
	return 0;
}

static int exists(struct err *e)
{
	return err_set(e, ERR_CONFLICT, "container with given ID already exists");
}

/* The folder of an id, which is ours when nobody has the lock and no record in it has a pid: nobody has got further, or
 * who had was killed. That we made it means little, another creator may have been quicker with the lock; it is then
 * waited for, because whoever it was may also have been a command that found nothing here. */
static int take_over(struct rt_record_dir *d, bool made, bool *leftover, struct err *e)
{
	CLEANUP_ARENA struct arena a = ARENA_INIT;
	struct rt_record rec;
	int r = take_lock(d, made, e);

	if (r != 0)
		return r == 1 ? exists(e) : r;
	*leftover = !made;
	r = rt_record_load(&a, d, &rec, e);
	if (r < 0)
		return e->cls == ERR_NOTFOUND ? 0 : r;
	*leftover = true;
	return rec.pid ? exists(e) : 0;
}

/* ERR_NOTFOUND: it was removed under our hands. */
static int try_create(int dir, const char *root, const char *id, struct rt_record_dir *out, bool *leftover,
		      struct err *e)
{
	CLEANUP_RECORD_DIR struct rt_record_dir d = RT_RECORD_DIR_INIT;
	bool made = mkdirat(dir, id, 0700) == 0;
	int r;

	if (!made && errno != EEXIST)
		return err_errno(e, -errno, "%s/%s", root, id);
	r = open_dir(root, id, &d, e);
	if (r == 0)
		r = take_over(&d, made, leftover, e);
	if (r < 0)
		return r;
	*out = d;
	d = (struct rt_record_dir)RT_RECORD_DIR_INIT;
	return 0;
}

int rt_record_create(const char *root, const char *id, struct rt_record_dir *out, bool *leftover, struct err *e)
{
	CLEANUP_FD int dir = -1;
	int r = check_id(id, e);

	if (r == 0) {
		dir = openat(AT_FDCWD, root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		if (dir < 0 && errno == ENOENT) {
			r = io_mkdirs(AT_FDCWD, root, 0711);
			dir = r < 0 ? r : openat(AT_FDCWD, root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		}
		r = dir < 0 ? err_errno(e, r < 0 ? r : -errno, "%s", root) : 0;
	}
	if (r < 0)
		return r;
	for (int tries = 0; tries < CREATE_TRIES; tries++) {
		r = try_create(dir, root, id, out, leftover, e);
		if (r == 0 || e->cls != ERR_NOTFOUND)
			return r;
	}
	/* a file that is no folder, or others who make and remove it without end */
	return exists(e);
}

/* ---- writing ---- */

/* The names libcontainer has for namespaces. */
static const struct {
	const char *name, *proc;
} ns_names[OCI_NS_COUNT] = {
	[OCI_NS_USER] = { "NEWUSER", "user" },	   [OCI_NS_PID] = { "NEWPID", "pid" },
	[OCI_NS_MOUNT] = { "NEWNS", "mnt" },	   [OCI_NS_NETWORK] = { "NEWNET", "net" },
	[OCI_NS_IPC] = { "NEWIPC", "ipc" },	   [OCI_NS_UTS] = { "NEWUTS", "uts" },
	[OCI_NS_CGROUP] = { "NEWCGROUP", "cgroup" }, [OCI_NS_TIME] = { "NEWTIME", "time" },
};

static void write_maps(struct json_writer *w, const char *key, const struct oci_id_map *maps, size_t n)
{
	jw_array(w, key);
	for (size_t i = 0; i < n; i++) {
		jw_object(w, NULL);
		jw_u64(w, "container_id", maps[i].container_id);
		jw_u64(w, "host_id", maps[i].host_id);
		jw_u64(w, "size", maps[i].size);
		jw_end_object(w);
	}
	jw_end_array(w);
}

static void write_namespaces(struct json_writer *w, const struct oci_linux *l)
{
	jw_array(w, "namespaces");
	for (int i = 0; i < OCI_NS_COUNT; i++) {
		if (!l->ns[i].wanted)
			continue;
		jw_object(w, NULL);
		jw_str(w, "type", ns_names[i].name);
		jw_str(w, "path", l->ns[i].path ? l->ns[i].path : "");
		jw_end_object(w);
	}
	jw_end_array(w);
}

/* Annotations and the bundle, as "key=value". */
static void write_labels(struct json_writer *w, struct strbuf *tmp, const struct rt_record *rec)
{
	jw_array(w, "labels");
	for (size_t i = 0; i < rec->n_annotations; i++) {
		sb_reset(tmp);
		sb_puts(tmp, rec->annotations[i].key);
		sb_putc(tmp, '=');
		sb_puts(tmp, rec->annotations[i].value);
		jw_str(w, NULL, sb_str(tmp));
	}
	sb_reset(tmp);
	sb_puts(tmp, "bundle=");
	sb_puts(tmp, rec->bundle);
	jw_str(w, NULL, sb_str(tmp));
	jw_end_array(w);
}

static void write_config(struct json_writer *w, struct strbuf *tmp, const struct rt_record *rec, const struct oci_spec *spec)
{
	const struct oci_linux *l = &spec->linux_;

	jw_object(w, "config");
	jw_str(w, "rootfs", rec->rootfs);
	jw_bool(w, "readonlyfs", spec->root_readonly);
	jw_str(w, "hostname", spec->hostname ? spec->hostname : "");
	write_namespaces(w, l);
	write_maps(w, "uid_mappings", l->uid_map, l->n_uid_map);
	write_maps(w, "gid_mappings", l->gid_map, l->n_gid_map);
	jw_object(w, "cgroups");
	jw_str(w, "path", rec->cgroup ? rec->cgroup : "");
	jw_bool(w, "systemd", rec->unit);
	jw_end_object(w);
	write_labels(w, tmp, rec);
	jw_str(w, "version", rec->oci_version);
	jw_end_object(w);
}

static int write_folder(const char *controller, const char *folder, void *w)
{
	jw_str(w, controller, folder);
	return 0;
}

static void write_ns_paths(struct json_writer *w, struct strbuf *tmp, pid_t pid)
{
	char number[TEXT_U64_LEN];
	const char *digits = text_of_u64((uint64_t)pid, number);

	jw_object(w, "namespace_paths");
	for (int i = 0; pid && i < OCI_NS_COUNT; i++) {
		sb_reset(tmp);
		sb_puts(tmp, "/proc/");
		sb_puts(tmp, digits);
		sb_puts(tmp, "/ns/");
		sb_puts(tmp, ns_names[i].proc);
		jw_str(w, ns_names[i].name, sb_str(tmp));
	}
	jw_end_object(w);
}

/* What only we read, apart from what other readers know. */
static void write_own(struct json_writer *w, const struct rt_record *rec)
{
	jw_object(w, "tare");
	jw_str(w, "bundle", rec->bundle);
	jw_bool(w, "own_pid_ns", rec->own_pid_ns);
	jw_bool(w, "poststop", rec->poststop);
	if (rec->cgroup)
		jw_str(w, "cgroup", rec->cgroup);
	if (rec->unit) {
		jw_str(w, "unit", rec->unit);
		jw_bool(w, "unit_user", rec->unit_user);
	}
	if (rec->rdt)
		jw_str(w, "rdt", rec->rdt);
	if (rec->below)
		jw_u64(w, "below", rec->below);
	rt_record_write_devices(w, rec);
	rt_record_write_device_rules(w, rec);
	jw_u64(w, "code", rec->code);
	jw_object(w, "annotations");
	for (size_t i = 0; i < rec->n_annotations; i++)
		jw_str(w, rec->annotations[i].key, rec->annotations[i].value);
	jw_end_object(w);
	jw_end_object(w);
}

int rt_record_write(const struct rt_record_dir *d, const struct rt_record *rec, const struct oci_spec *spec, struct err *e)
{
	CLEANUP_STRBUF struct strbuf out = STRBUF_INIT, tmp = STRBUF_INIT;
	struct json_writer w = JSON_WRITER(&out);
	int r;

	(void)sb_reserve(&out, RECORD_USUAL);
	jw_object(&w, NULL);
	jw_str(&w, "id", rec->id);
	jw_i64(&w, "init_process_pid", rec->pid);
	jw_u64(&w, "init_process_start", rec->start_time);
	jw_str(&w, "created", rec->created);
	write_config(&w, &tmp, rec, spec);
	jw_object(&w, "cgroup_paths");
	r = rec->cgroup ? cg_each_folder(rec->cgroup, write_folder, &w) : 0;
	jw_end_object(&w);
	write_ns_paths(&w, &tmp, rec->pid);
	jw_array(&w, "external_descriptors");
	for (size_t i = 0; rec->stdio[0] && i < ARRAY_LEN(rec->stdio); i++)
		jw_str(&w, NULL, rec->stdio[i]);
	jw_end_array(&w);
	write_own(&w, rec);
	jw_end_object(&w);
	if (r == 0)
		r = sb_error(&out) < 0 || sb_error(&tmp) < 0 ? -ENOMEM : 0;
	if (r == 0)
		r = io_replace_file(d->dir, STATE_FILE, out.s, out.len, 0600, false);
	return r < 0 ? err_errno(e, r, "%s of container %s", STATE_FILE, d->id) : 0;
}

/* ---- reading ---- */

static int read_annotations(struct arena *a, const struct json *own, struct rt_record *out, struct err *e)
{
	const struct json *v;
	struct oci_kv *list;
	int r = json_get_obj(own, "tare", "annotations", &v, e);

	if (r < 0 || !v)
		return r;
	list = arena_array(a, v->len + 1, sizeof(*list));
	if (!list)
		return err_errno(e, -ENOMEM, "annotations");
	json_each(item, v)
		if (item->type == JSON_STRING)
			list[out->n_annotations++] = (struct oci_kv){ item->key, item->str };
	out->annotations = list;
	return 0;
}

static int read_stdio(struct arena *a, const struct json *doc, struct rt_record *out, struct err *e)
{
	const char **links = NULL;
	size_t n = 0;
	int r = json_get_strv(a, doc, "", "external_descriptors", &links, &n, e);

	for (size_t i = 0; r == 0 && n == ARRAY_LEN(out->stdio) && i < n; i++)
		out->stdio[i] = links[i];
	return r;
}

static int read_members(struct arena *a, const struct json *doc, struct rt_record *out, struct err *e)
{
	const struct json *config = json_get(doc, "config"), *own = json_get(doc, "tare");
	int64_t pid = 0;

	if (json_get_str(doc, "", "id", &out->id, e) < 0 || json_get_i64(doc, "", "init_process_pid", &pid, e) < 0 ||
	    json_get_u64(doc, "", "init_process_start", &out->start_time, e) < 0 ||
	    json_get_str(doc, "", "created", &out->created, e) < 0 ||
	    json_get_str(config, "config", "rootfs", &out->rootfs, e) < 0 ||
	    json_get_str(config, "config", "version", &out->oci_version, e) < 0 ||
	    json_get_str(own, "tare", "bundle", &out->bundle, e) < 0 ||
	    json_get_str(own, "tare", "cgroup", &out->cgroup, e) < 0 ||
	    json_get_str(own, "tare", "unit", &out->unit, e) < 0 ||
	    json_get_bool(own, "tare", "unit_user", &out->unit_user, e) < 0 ||
	    json_get_str(own, "tare", "rdt", &out->rdt, e) < 0 ||
	    json_get_bool(own, "tare", "own_pid_ns", &out->own_pid_ns, e) < 0 ||
	    json_get_bool(own, "tare", "poststop", &out->poststop, e) < 0 ||
	    json_get_u64(own, "tare", "below", &out->below, e) < 0 ||
	    json_get_u64(own, "tare", "code", &out->code, e) < 0 || read_annotations(a, own, out, e) < 0 ||
	    rt_record_read_devices(a, own, out, e) < 0 || read_stdio(a, doc, out, e) < 0)
		return e->code;
	if (!out->id || !out->created || !out->rootfs || !out->oci_version || !out->bundle || pid < 0 || pid > INT32_MAX)
		return err_set(e, ERR_INVALID, "not written by this program");
	out->pid = (pid_t)pid;
	return 0;
}

/* path: below dir. owner: of the file, NULL = nobody asks. */
static int load(struct arena *a, int dir, const char *path, const char *id, struct rt_record *out, uid_t *owner,
		struct err *e)
{
	CLEANUP_FD int fd = openat(dir, path, O_RDONLY | O_CLOEXEC);
	CLEANUP_FREE char *text = NULL;
	const struct json *doc;
	struct stat st;
	size_t len;
	int r;

	*out = (struct rt_record){ 0 };
	if (fd < 0 && (errno == ENOENT || errno == ENOTDIR))
		return does_not_exist(e);
	if (fd < 0 || (owner && fstat(fd, &st) < 0))
		return err_errno(e, -errno, "%s of container %s", STATE_FILE, id);
	r = io_read_fd(fd, STATE_MAX, &text, &len);
	if (r < 0)
		return err_errno(e, r, "%s of container %s", STATE_FILE, id);
	if (owner)
		*owner = st.st_uid;
	r = json_parse(a, text, len, NULL, &doc, e);
	if (r == 0)
		r = read_members(a, doc, out, e);
	return r < 0 ? err_ctx(e, "%s of container %s", STATE_FILE, id) : 0;
}

int rt_record_load(struct arena *a, const struct rt_record_dir *d, struct rt_record *out, struct err *e)
{
	return load(a, d->dir, STATE_FILE, d->id, out, NULL, e);
}

void rt_record_note_stdio(struct arena *a, struct rt_record *rec)
{
	static const char *const paths[] = { "/proc/self/fd/0", "/proc/self/fd/1", "/proc/self/fd/2" };

	_Static_assert(ARRAY_LEN(paths) == ARRAY_LEN(rec->stdio), "descriptors 0 to 2");
	for (size_t i = 0; i < ARRAY_LEN(paths); i++) {
		char link[PATH_MAX];
		ssize_t n = readlink(paths[i], link, sizeof(link));

		rec->stdio[i] = n > 0 ? arena_strndup(a, link, (size_t)n) : NULL;
		if (!rec->stdio[i]) {
			rec->stdio[0] = NULL;
			return;
		}
	}
}

/* Until it executes its command init runs our program, which a fifo alone does not say: a start may have been killed before it
 * removed that. fifo: below dir. */
static bool waits_for_start(int dir, const char *fifo, const struct rt_record *rec, uint64_t code)
{
	return rec->code && code ? code == rec->code : faccessat(dir, fifo, F_OK, 0) == 0;
}

/* fifo: its exec.fifo below dir. */
static int status_of(int dir, const char *fifo, const char *id, const struct rt_record *rec, enum rt_status *out,
		     struct err *e)
{
	bool is_frozen = false;
	uint64_t start, code;
	int r;

	*out = RT_CREATING;
	if (!rec->pid)
		return 0;
	*out = RT_STOPPED;
	r = proc_look(rec->pid, &start, &code);
	if (r == -ESRCH || (r == 0 && start != rec->start_time))
		return 0;
	if (r < 0)
		return err_errno(e, r, "process %d of container %s", (int)rec->pid, id);
	r = rec->cgroup ? cg_path_is_frozen(rec->cgroup, &is_frozen) : 0;
	if (r < 0 && r != -ENOENT) /* the root cgroup has no such file */
		return err_errno(e, r, "cgroup %s of container %s", rec->cgroup, id);
	if (is_frozen)
		*out = RT_PAUSED;
	else
		*out = waits_for_start(dir, fifo, rec, code) ? RT_CREATED : RT_RUNNING;
	return 0;
}

int rt_record_status(const struct rt_record_dir *d, const struct rt_record *rec, enum rt_status *out, struct err *e)
{
	return status_of(d->dir, RT_EXEC_FIFO, d->id, rec, out, e);
}

int rt_record_look(struct arena *a, int root, const char *id, struct rt_record *out, enum rt_status *status, uid_t *owner,
		   struct err *e)
{
	char state[NAME_MAX + sizeof("/" STATE_FILE)], fifo[NAME_MAX + sizeof("/" RT_EXEC_FIFO)];
	int r = check_id(id, e);

	if (r < 0)
		return r;
	/* an id that is allowed is a file's name */
	(void)!TEXT_JOIN(state, sizeof(state), id, "/" STATE_FILE);
	(void)!TEXT_JOIN(fifo, sizeof(fifo), id, "/" RT_EXEC_FIFO);
	r = load(a, root, state, id, out, owner, e);
	return r < 0 ? r : status_of(root, fifo, id, out, status, e);
}

int rt_record_keep_config(const struct rt_record_dir *d, const char *text, size_t len, struct err *e)
{
	CLEANUP_FD int fd = openat(d->dir, CONFIG_FILE, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);
	int r = fd < 0 ? -errno : io_write_full(fd, text, len);

	return r < 0 ? err_errno(e, r, "keeping " CONFIG_FILE " of container %s", d->id) : 0;
}

int rt_record_config(struct arena *a, const char *root, const char *id, const struct oci_spec **out, struct err *e)
{
	CLEANUP_RECORD_DIR struct rt_record_dir d = RT_RECORD_DIR_INIT;
	int r = rt_record_open(root, id, &d, e);

	if (r < 0)
		return r;
	if (faccessat(d.dir, CONFIG_FILE, F_OK, 0) < 0 && errno == ENOENT)
		return err_set(e, ERR_NOTFOUND, "container %s: no configuration was kept", id);
	r = oci_spec_load(a, d.dir, CONFIG_FILE, out, e);
	return r < 0 ? err_ctx(e, "container %s", id) : 0;
}

static int remove_all_but_lock(int dirfd)
{
	int fd = openat(dirfd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC), r = 0;
	CLEANUP_DIR DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *ent;

	if (!dir) {
		r = -errno;
		close_fd(fd);
		return r;
	}
	while (r == 0 && (ent = readdir(dir)))
		if (strcmp(ent->d_name, ".") != 0 && strcmp(ent->d_name, "..") != 0 &&
		    strcmp(ent->d_name, LOCK_FILE) != 0)
			r = io_remove_tree(dirfd, ent->d_name);
	return r;
}

/* The lock goes last: who sees it gone sees no record either. Who then makes a new one, before the folder is removed,
 * has taken the folder over. */
int rt_record_remove(struct rt_record_dir *d, struct err *e)
{
	int r = remove_all_but_lock(d->dir);

	if (r == 0 && unlinkat(d->dir, LOCK_FILE, 0) < 0 && errno != ENOENT)
		r = -errno;
	if (r == 0 && unlinkat(d->root, d->id, AT_REMOVEDIR) < 0 && errno != ENOENT && errno != ENOTEMPTY)
		r = -errno;
	return r < 0 ? err_errno(e, r, "removing the state of container %s", d->id) : 0;
}

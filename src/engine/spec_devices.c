/* Every container gets the usual nodes on its /dev from the runtime; here is what is added, and what the device
 * controller lets through. With a user namespace nobody inside can make nodes, but folders mounted with -v may hold
 * some, and there the id map gives root's nodes to the container's root: the rules are what keeps them shut. */
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "engine/record.h"
#include "engine/spec_plan.h"

#define MOST_DEVICES 4096

static int add(struct plan *p, const char *path, const struct stat *st, const char *access, struct err *e)
{
	struct plan_device *d;

	if ((p->n_devices & (p->n_devices - 1)) == 0) { /* full at each power of two */
		struct plan_device *more = arena_array(p->a, p->n_devices ? 2 * p->n_devices : 1, sizeof(*more));

		if (!more)
			return err_errno(e, -ENOMEM, "list devices");
		if (p->n_devices)
			memcpy(more, p->devices, p->n_devices * sizeof(*more));
		p->devices = more;
	}
	d = &p->devices[p->n_devices++];
	*d = (struct plan_device){
		.path = path,
		.type = S_ISBLK(st->st_mode) ? 'b' : 'c',
		.major = major(st->st_rdev),
		.minor = minor(st->st_rdev),
		.mode = st->st_mode & 07777,
		.uid = st->st_uid,
		.gid = st->st_gid,
		.access = access,
	};
	/* an id the container does not have would leave the node to nobody */
	if (p->userns && d->uid >= ID_RANGE_MIN)
		d->uid = 0;
	if (p->userns && d->gid >= ID_RANGE_MIN)
		d->gid = 0;
	return 0;
}

static int device_option(struct plan *p, const char *text, struct err *e)
{
	struct strv parts = plan_split(p->a, text, ':');
	const char *host = parts.n ? parts.v[0] : "", *inside = host, *access = "rwm";
	struct stat st;

	if (parts.n == 2 && strspn(parts.v[1], "rwm") == strlen(parts.v[1]))
		access = parts.v[1];
	else if (parts.n >= 2)
		inside = parts.v[1];
	if (parts.n == 3)
		access = parts.v[2];
	inside = plan_clean_path(p->a, inside);
	if (parts.n < 1 || parts.n > 3 || !inside || !access[0] || strspn(access, "rwm") != strlen(access))
		return err_set(e, ERR_INVALID, "--device %s: want /dev/NODE[:/dev/NODE-INSIDE][:rwm]", text);
	if (stat(host, &st) < 0)
		return err_errno(e, -errno, "--device %s", host);
	if (!S_ISCHR(st.st_mode) && !S_ISBLK(st.st_mode))
		return err_set(e, ERR_INVALID, "--device %s: is no device node (name each node of a folder)", host);
	return add(p, inside, &st, access, e);
}

static bool skipped(const char *path)
{
	/* made by the runtime, or file systems of their own */
	static const char *const names[] = { "/dev/pts", "/dev/shm", "/dev/mqueue", "/dev/fd", "/dev/console", "/dev/ptmx",
					     "/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom", "/dev/tty" };

	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		if (strcmp(path, names[i]) == 0)
			return true;
	return false;
}

/* Every node below folder (--privileged). Nodes that vanish while we look are left out. */
static int all_devices(struct plan *p, const char *folder, unsigned int depth, struct err *e)
{
	CLEANUP_DIR DIR *d = opendir(folder);
	struct dirent *entry;
	int r = 0;

	while (d && r == 0 && (entry = readdir(d))) {
		const char *path = arena_printf(p->a, "%s/%s", folder, entry->d_name);
		struct stat st;

		if (entry->d_name[0] == '.' || !path || skipped(path) || lstat(path, &st) < 0)
			continue;
		if (S_ISDIR(st.st_mode) && depth > 0)
			r = all_devices(p, path, depth - 1, e);
		else if ((S_ISCHR(st.st_mode) || S_ISBLK(st.st_mode)) && p->n_devices < MOST_DEVICES)
			r = add(p, path, &st, "rwm", e);
	}
	return r;
}

int plan_devices(struct plan *p, struct err *e)
{
	int r = p->opt->privileged ? all_devices(p, "/dev", 4, e) : 0;

	for (size_t i = 0; r == 0 && i < p->opt->devices.n; i++)
		r = device_option(p, p->opt->devices.v[i], e);
	return r;
}

static void rule(struct json_writer *w, bool allow, char type, int64_t major_nr, int64_t minor_nr, const char *access)
{
	jw_object(w, NULL);
	jw_bool(w, "allow", allow);
	if (type != 'a')
		jw_strn(w, "type", &type, 1);
	if (major_nr >= 0)
		jw_i64(w, "major", major_nr);
	if (minor_nr >= 0)
		jw_i64(w, "minor", minor_nr);
	jw_str(w, "access", access);
	jw_end_object(w);
}

void plan_write_device_rules(const struct plan *p, struct json_writer *w)
{
	/* null zero full random urandom, tty console ptmx, pts */
	static const int64_t usual[][2] = { { 1, 3 }, { 1, 5 }, { 1, 7 }, { 1, 8 }, { 1, 9 }, { 5, 0 }, { 5, 1 }, { 5, 2 }, { 136, -1 } };

	jw_array(w, "devices");
	if (p->opt->privileged) {
		rule(w, true, 'a', -1, -1, "rwm");
	} else {
		rule(w, false, 'a', -1, -1, "rwm");
		for (size_t i = 0; i < ARRAY_LEN(usual); i++)
			rule(w, true, 'c', usual[i][0], usual[i][1], "rwm");
		for (size_t i = 0; i < p->n_devices; i++)
			rule(w, true, p->devices[i].type, p->devices[i].major, p->devices[i].minor, p->devices[i].access);
	}
	jw_end_array(w);
}

void plan_write_devices(const struct plan *p, struct json_writer *w)
{
	if (!p->n_devices)
		return;
	jw_array(w, "devices");
	for (size_t i = 0; i < p->n_devices; i++) {
		const struct plan_device *d = &p->devices[i];

		jw_object(w, NULL);
		jw_str(w, "path", d->path);
		jw_strn(w, "type", &d->type, 1);
		jw_i64(w, "major", d->major);
		jw_i64(w, "minor", d->minor);
		jw_i64(w, "fileMode", d->mode);
		jw_i64(w, "uid", d->uid);
		jw_i64(w, "gid", d->gid);
		jw_end_object(w);
	}
	jw_end_array(w);
}

/* Every container gets the usual nodes on its /dev from the runtime; here is what is added, and what the device
 * controller lets through. With a user namespace nobody inside can make nodes, but folders mounted with -v may hold
 * some, and there the id map gives root's nodes to the container's root: the rules are what keeps them shut. */
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "engine/cdi.h"
#include "engine/record.h"
#include "engine/spec_plan.h"

#define MOST_DEVICES 4096
#define DEEPEST 4 /* folders below the one that is looked through */

int plan_add_device(struct plan *p, const struct plan_device *one, struct err *e)
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
	*d = *one;
	d->bound = p->rootless && strcmp(d->host, d->path) != 0;
	/* an id the container does not have would leave the node to nobody */
	if (p->userns && d->uid >= ID_RANGE_MIN)
		d->uid = 0;
	if (p->userns && d->gid >= ID_RANGE_MIN)
		d->gid = 0;
	return 0;
}

static int add(struct plan *p, const char *host, const char *path, const struct stat *st, const char *access, struct err *e)
{
	const struct plan_device d = {
		.path = path,
		.host = host,
		.type = S_ISBLK(st->st_mode) ? 'b' : 'c',
		.major = major(st->st_rdev),
		.minor = minor(st->st_rdev),
		.mode = st->st_mode & 07777,
		.uid = st->st_uid,
		.gid = st->st_gid,
		.access = access,
	};

	return plan_add_device(p, &d, e);
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

/* Every node below `folder`, which is `inside` in the container. Nodes that vanish while we look are left out. */
static int all_devices(struct plan *p, const char *folder, const char *inside, const char *access, unsigned int depth, struct err *e)
{
	CLEANUP_DIR DIR *d = opendir(folder);
	struct dirent *entry;
	int r = 0;

	while (d && r == 0 && (entry = readdir(d))) {
		const char *path = arena_printf(p->a, "%s/%s", folder, entry->d_name);
		const char *target = arena_printf(p->a, "%s/%s", inside, entry->d_name);
		struct stat st;

		if (entry->d_name[0] == '.' || !path || !target || skipped(path) || lstat(path, &st) < 0)
			continue;
		if (S_ISDIR(st.st_mode) && depth > 0)
			r = all_devices(p, path, target, access, depth - 1, e);
		else if ((S_ISCHR(st.st_mode) || S_ISBLK(st.st_mode)) && p->n_devices >= MOST_DEVICES)
			r = err_set(e, ERR_LIMIT, "more than %d devices in %s: name the folder of those that are wanted", MOST_DEVICES, folder);
		else if (S_ISCHR(st.st_mode) || S_ISBLK(st.st_mode))
			r = add(p, path, target, &st, access, e);
	}
	return r;
}

static int folder(struct plan *p, const char *host, const char *inside, const char *access, struct err *e)
{
	size_t before = p->n_devices;
	int r = all_devices(p, host, inside, access, DEEPEST, e);

	return r < 0 || p->n_devices > before ? r : err_set(e, ERR_INVALID, "--device %s: there is no device node in this folder", host);
}

int plan_node_parse(struct arena *a, const char *text, struct plan_node *out)
{
	struct strv parts = plan_split(a, text, ':');

	*out = (struct plan_node){ parts.n ? parts.v[0] : "", parts.n ? parts.v[0] : "", "rwm" };
	if (parts.n == 2 && strspn(parts.v[1], "rwm") == strlen(parts.v[1]))
		out->access = parts.v[1];
	else if (parts.n >= 2)
		out->inside = parts.v[1];
	if (parts.n == 3)
		out->access = parts.v[2];
	out->inside = plan_clean_path(a, out->inside);
	if (parts.n < 1 || parts.n > 3 || !out->inside || !out->access[0] || strspn(out->access, "rwm") != strlen(out->access))
		return -EINVAL;
	return 0;
}

static int device_option(struct plan *p, const char *text, struct err *e)
{
	struct plan_node node;
	struct stat st;

	if (plan_node_parse(p->a, text, &node) < 0)
		return err_set(e, ERR_INVALID, "--device %s: want /dev/NODE[:/dev/NODE-INSIDE][:rwm] or VENDOR/CLASS=NAME", text);
	if (stat(node.host, &st) < 0)
		return err_errno(e, -errno, "--device %s", node.host);
	if (S_ISDIR(st.st_mode))
		return folder(p, node.host, node.inside, node.access, e);
	if (!S_ISCHR(st.st_mode) && !S_ISBLK(st.st_mode))
		return err_set(e, ERR_INVALID, "--device %s: is no device node, nor a folder of some", node.host);
	return add(p, node.host, node.inside, &st, node.access, e);
}

/* "c 1:3 rwm", with "*" for any number. */
static int device_rule(const char *text, struct plan_device_rule *out)
{
	const char *rest = text + 1;
	char *end;

	out->type = text[0];
	if (!text[0] || !strchr("abc", text[0]) || *rest != ' ')
		return -EINVAL;
	for (int64_t *n = &out->major;; n = &out->minor) {
		rest++;
		*n = -1;
		end = (char *)rest + 1;
		if (*rest != '*' && !isdigit((unsigned char)*rest))
			return -EINVAL;
		if (*rest != '*')
			*n = (int64_t)strtoul(rest, &end, 10);
		if (*n > UINT32_MAX || *end != (n == &out->major ? ':' : ' '))
			return -EINVAL;
		rest = end;
		if (n == &out->minor)
			break;
	}
	out->access = rest + 1;
	return out->access[0] && strlen(out->access) <= 3 && strspn(out->access, "rwm") == strlen(out->access) ? 0 : -EINVAL;
}

static int plan_device_rules(struct plan *p, struct err *e)
{
	size_t n = p->opt->device_rules.n;

	if (n && p->rootless)
		return err_set(e, ERR_UNSUPPORTED, "--device-cgroup-rule: rules for devices are root's to make: run it as root");
	if (n && !plan_has_cgroup(p))
		return err_set(e, ERR_UNSUPPORTED, "--device-cgroup-rule needs a cgroup, which --cgroups=disabled leaves out");
	p->device_rules = arena_array(p->a, n + 1, sizeof(*p->device_rules));
	if (!p->device_rules)
		return err_errno(e, -ENOMEM, "--device-cgroup-rule");
	for (size_t i = 0; i < n; i++)
		if (device_rule(p->opt->device_rules.v[i], &p->device_rules[i]) < 0)
			return err_set(e, ERR_INVALID, "--device-cgroup-rule \"%s\": want such as \"c 42:* rwm\": a, b or c, MAJOR:MINOR, what may be done",
				       p->opt->device_rules.v[i]);
	return 0;
}

int plan_devices(struct plan *p, struct err *e)
{
	int r = p->opt->privileged ? all_devices(p, "/dev", "/dev", "rwm", DEEPEST, e) : 0;

	if (r == 0)
		r = plan_device_rules(p, e);
	for (size_t i = 0; r == 0 && i < p->opt->devices.n; i++)
		if (!cdi_is_name(p->opt->devices.v[i]))
			r = device_option(p, p->opt->devices.v[i], e);
	return r < 0 ? r : plan_named_devices(p, e);
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
		if (plan_as_docker(p)) { /* nodes may be made of any, and opened of none more */
			rule(w, true, 'c', -1, -1, "m");
			rule(w, true, 'b', -1, -1, "m");
		}
		for (size_t i = 0; i < p->n_devices; i++)
			rule(w, true, p->devices[i].type, p->devices[i].major, p->devices[i].minor, p->devices[i].access);
		for (size_t i = 0; i < p->opt->device_rules.n; i++)
			rule(w, true, p->device_rules[i].type, p->device_rules[i].major, p->device_rules[i].minor, p->device_rules[i].access);
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

		if (d->bound)
			continue;
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

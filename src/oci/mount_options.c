/* The one table of mount options; see mount_options.h.
 *
 * Rows are in pairs of what sets and what clears. Access times are one field of three values in the kernel
 * (MOUNT_ATTR__ATIME), so each of their options first clears the whole field. "norelatime" only takes back an earlier
 * "relatime": without one the kernel's own choice holds, as in mount(8). */
#include "oci/mount_options.h"

#include <linux/mount.h>
#include <stdio.h>
#include <string.h>

enum option_kind { ATTR_SET, ATTR_CLEAR, ATIME, ATIME_DEFAULT, SB_SET, SB_CLEAR, PROPAGATION, BIND, REMOUNT, COPY_UP, IDMAP, LINK, SUBPATH, LOWER, USERXATTR, VOLUME, NOTHING };

struct option {
	const char *name;
	enum option_kind kind;
	unsigned long value;
	bool recursive; /* "r" + name exists too */
};

static const struct option options[] = {
	{ "ro", ATTR_SET, MOUNT_ATTR_RDONLY, true },
	{ "rw", ATTR_CLEAR, MOUNT_ATTR_RDONLY, true },
	{ "nosuid", ATTR_SET, MOUNT_ATTR_NOSUID, true },
	{ "suid", ATTR_CLEAR, MOUNT_ATTR_NOSUID, true },
	{ "nodev", ATTR_SET, MOUNT_ATTR_NODEV, true },
	{ "dev", ATTR_CLEAR, MOUNT_ATTR_NODEV, true },
	{ "noexec", ATTR_SET, MOUNT_ATTR_NOEXEC, true },
	{ "exec", ATTR_CLEAR, MOUNT_ATTR_NOEXEC, true },
	{ "nodiratime", ATTR_SET, MOUNT_ATTR_NODIRATIME, true },
	{ "diratime", ATTR_CLEAR, MOUNT_ATTR_NODIRATIME, true },
	{ "nosymfollow", ATTR_SET, MOUNT_ATTR_NOSYMFOLLOW, true },
	{ "symfollow", ATTR_CLEAR, MOUNT_ATTR_NOSYMFOLLOW, true },
	{ "noatime", ATIME, MOUNT_ATTR_NOATIME, true },
	{ "atime", ATIME, MOUNT_ATTR_RELATIME, true },
	{ "strictatime", ATIME, MOUNT_ATTR_STRICTATIME, true },
	{ "nostrictatime", ATIME, MOUNT_ATTR_RELATIME, true },
	{ "relatime", ATIME, MOUNT_ATTR_RELATIME, true },
	{ "norelatime", ATIME_DEFAULT, 0, true },
	{ "sync", SB_SET, MS_SYNCHRONOUS, false },
	{ "async", SB_CLEAR, MS_SYNCHRONOUS, false },
	{ "dirsync", SB_SET, MS_DIRSYNC, false },
	{ "lazytime", SB_SET, MS_LAZYTIME, false },
	{ "nolazytime", SB_CLEAR, MS_LAZYTIME, false },
	{ "mand", SB_SET, MS_MANDLOCK, false },
	{ "nomand", SB_CLEAR, MS_MANDLOCK, false },
	{ "iversion", SB_SET, MS_I_VERSION, false },
	{ "noiversion", SB_CLEAR, MS_I_VERSION, false },
	{ "silent", SB_SET, MS_SILENT, false },
	{ "loud", SB_CLEAR, MS_SILENT, false },
	{ "shared", PROPAGATION, MS_SHARED, true },
	{ "slave", PROPAGATION, MS_SLAVE, true },
	{ "private", PROPAGATION, MS_PRIVATE, true },
	{ "unbindable", PROPAGATION, MS_UNBINDABLE, true },
	{ "bind", BIND, 0, true },
	{ "remount", REMOUNT, 0, false },
	{ "tmpcopyup", COPY_UP, 0, false },
	{ "idmap", IDMAP, 0, true },
	{ "src-nofollow", LINK, OCI_LINK_SOURCE, false },
	{ "dest-nofollow", LINK, OCI_LINK_DESTINATION, false },
	{ "copy-symlink", LINK, OCI_LINK_COPY, false },
	{ "x-tare.subpath", SUBPATH, 0, false },
	{ "x-tare.lower", LOWER, 0, false },
	{ "x-tare.userxattr", USERXATTR, 0, false },
	{ "x-tare.volume", VOLUME, 0, false },
	{ "defaults", NOTHING, 0, false },
};

static bool is_named(const struct option *o, const char *text)
{
	const char *name = o->name;

	for (; *name && *name == *text; name++)
		text++;
	return !*name && (!*text || ((o->kind == IDMAP || o->kind == SUBPATH || o->kind == LOWER || o->kind == VOLUME) && *text == '='));
}

/* "relatime" must not be taken for a recursive "elatime": whole names come first. */
static const struct option *find_option(const char *name, bool *recursive)
{
	*recursive = false;
	for (size_t i = 0; i < ARRAY_LEN(options); i++)
		if (is_named(&options[i], name))
			return &options[i];
	*recursive = true;
	for (size_t i = 0; name[0] == 'r' && i < ARRAY_LEN(options); i++)
		if (options[i].recursive && is_named(&options[i], name + 1))
			return &options[i];
	return NULL;
}

static void apply_attr(struct oci_mount_attr *attr, const struct option *o)
{
	uint64_t bits = o->kind == ATTR_SET || o->kind == ATTR_CLEAR ? o->value : MOUNT_ATTR__ATIME;

	attr->set &= ~bits;
	attr->clear &= ~bits;
	if (o->kind == ATTR_SET)
		attr->set |= bits;
	else if (o->kind != ATIME_DEFAULT)
		attr->clear |= bits;
	if (o->kind == ATIME)
		attr->set |= o->value;
}

/* "idmap=" says no more than "idmap". */
static void apply_idmap(struct oci_mount_options *m, bool recursive, const char *text)
{
	const char *eq = strchr(text, '=');

	m->idmap = recursive ? OCI_IDMAP_RECURSIVE : OCI_IDMAP_MOUNT;
	m->idmap_ranges = eq && eq[1] ? eq + 1 : NULL;
}

static int apply(struct oci_mount_options *m, const struct option *o, bool recursive, const char *text, struct err *e)
{
	switch (o->kind) {
	case ATTR_SET:
	case ATTR_CLEAR:
	case ATIME:
	case ATIME_DEFAULT:
		apply_attr(recursive ? &m->recursive : &m->attr, o);
		break;
	case SB_SET:
		m->sb_set |= o->value;
		m->sb_clear &= ~o->value;
		break;
	case SB_CLEAR:
		m->sb_clear |= o->value;
		m->sb_set &= ~o->value;
		break;
	case PROPAGATION:
		if (m->n_propagation == OCI_PROPAGATION_MAX)
			return err_set(e, ERR_INVALID, "more than %d propagation options", OCI_PROPAGATION_MAX);
		m->propagation[m->n_propagation++] = o->value | (recursive ? MS_REC : 0UL);
		break;
	case BIND:
		m->bind = true;
		m->recursive_bind |= recursive;
		break;
	case REMOUNT:
		m->remount = true;
		break;
	case COPY_UP:
		m->tmpcopyup = true;
		break;
	case IDMAP:
		apply_idmap(m, recursive, text);
		break;
	case SUBPATH:
		m->subpath = strchr(text, '=') ? strchr(text, '=') + 1 : "";
		break;
	case VOLUME:
		m->volume = strchr(text, '=') ? strchr(text, '=') + 1 : "";
		break;
	case USERXATTR:
		m->userxattr = true;
		break;
	case LOWER: /* collected by who has room for them */
		break;
	case LINK:
		m->links |= (unsigned int)o->value;
		break;
	case NOTHING:
		break;
	}
	return 0;
}

int oci_mount_options_parse(struct arena *a, const char *const *list, struct oci_mount_options *out, struct err *e)
{
	const char **data, **lower;
	size_t n = 0;

	*out = (struct oci_mount_options){ 0 };
	while (list && list[n])
		n++;
	data = arena_array(a, n + 1, sizeof(*data));
	lower = arena_array(a, n + 1, sizeof(*lower));
	if (!data || !lower)
		return err_errno(e, -ENOMEM, "mount options");
	for (size_t i = 0; i < n; i++) {
		bool recursive;
		const struct option *o = find_option(list[i], &recursive);
		int r;

		if (!o) {
			if (*list[i])
				data[out->n_data++] = list[i];
			continue;
		}
		if (o->kind == LOWER && strchr(list[i], '='))
			lower[out->n_lower++] = strchr(list[i], '=') + 1;
		r = apply(out, o, recursive, list[i], e);
		if (r < 0)
			return r;
	}
	out->data = data;
	out->lower = lower;
	return 0;
}

const char *oci_mount_sb_option(unsigned long flag, bool set)
{
	if (flag == MS_SILENT || flag == MS_I_VERSION)
		return NULL;
	for (size_t i = 0; i < ARRAY_LEN(options); i++)
		if (options[i].kind == (set ? SB_SET : SB_CLEAR) && options[i].value == flag)
			return options[i].name;
	return NULL;
}

const char *oci_mount_option_name(size_t i, char buf[32])
{
	for (size_t k = 0; k < ARRAY_LEN(options); k++) {
		if (i-- == 0)
			return options[k].name;
		if (options[k].recursive && i-- == 0) {
			snprintf(buf, 32, "r%s", options[k].name);
			return buf;
		}
	}
	return NULL;
}

unsigned long oci_propagation(const char *name)
{
	bool recursive;
	const struct option *o = find_option(name, &recursive);

	if (!o || o->kind != PROPAGATION)
		return 0;
	return o->value | (recursive ? MS_REC : 0UL);
}

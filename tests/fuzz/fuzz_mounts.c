/* Mount options, one a line: of what is accepted no bit is both set and cleared, propagation fits its array, every flag of
 * the superblock that is left has a name or is one of the two that have none; ranges of ids are as the kernel wants them. */
#include <linux/mount.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "oci/mount_idmap.h"
#include "oci/mount_options.h"
#include "sys/kernel.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_attr(const struct oci_mount_attr *a)
{
	if (a->set & a->clear & ~(uint64_t)MOUNT_ATTR__ATIME)
		abort();
	if ((a->set & MOUNT_ATTR__ATIME) && (a->clear & MOUNT_ATTR__ATIME) != MOUNT_ATTR__ATIME)
		abort(); /* the kernel's rule for these */
}

static void check_map(const struct oci_id_map *m, size_t n)
{
	if (!n)
		abort();
	for (size_t i = 0; i < n; i++)
		if (!m[i].size || m[i].container_id > UINT32_MAX - m[i].size || m[i].host_id > UINT32_MAX - m[i].size)
			abort();
}

static void check_idmap(struct arena *a, const char *text)
{
	static const struct oci_id_map ids[] = { { 0, 1000, 1 }, { 1, 4294901760, 65535 } };
	const struct oci_linux l = { .uid_map = ids, .n_uid_map = 2, .gid_map = ids, .n_gid_map = 1 };
	struct oci_mount m = { 0 };
	struct err e = { 0 };

	if (oci_mount_idmap_parse(a, text, &l, &m, &e) < 0) {
		if (!e.msg[0])
			abort();
		return;
	}
	check_map(m.uid_map, m.n_uid_map);
	check_map(m.gid_map, m.n_gid_map);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	CLEANUP_ARENA struct arena a = ARENA_INIT;
	char *text = arena_strndup(&a, (const char *)data, size), *rest = NULL;
	const char *options[66];
	struct oci_mount_options o;
	struct err e = { 0 };
	size_t n = 0;

	for (char *s = text ? strtok_r(text, "\n", &rest) : NULL; s && n < 64; s = strtok_r(NULL, "\n", &rest))
		options[n++] = s;
	options[n] = NULL;
	if (oci_mount_options_parse(&a, options, &o, &e) < 0) {
		if (e.cls != ERR_INVALID || !e.msg[0])
			abort();
		return 0;
	}
	check_attr(&o.attr);
	check_attr(&o.recursive);
	if (o.n_propagation > OCI_PROPAGATION_MAX || (o.recursive_bind && !o.bind) || (o.sb_set & o.sb_clear) || o.n_data > n)
		abort();
	for (size_t i = 0; i < o.n_data; i++)
		if (!strlen(o.data[i]))
			abort();
	if (o.data[o.n_data])
		abort();
	if (o.idmap_ranges)
		check_idmap(&a, o.idmap_ranges);
	return 0;
}

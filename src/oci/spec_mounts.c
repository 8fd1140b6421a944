/* Mounts and id maps. What the option strings mean is mount_options.c's. */
#include "oci/parts.h"

#define TO(member) offsetof(struct oci_mount, member)

const struct oci_field oci_id_map_fields[] = {
	{ "containerID", OCI_U32, offsetof(struct oci_id_map, container_id), OCI_REQUIRED },
	{ "hostID", OCI_U32, offsetof(struct oci_id_map, host_id), OCI_REQUIRED },
	{ "size", OCI_U32, offsetof(struct oci_id_map, size), OCI_REQUIRED },
	{ 0 },
};

/* The last id, 2^32 - 1, means "no id" to the kernel. */
int oci_check_id_map(const struct oci_ctx *c, const struct oci_path *at, const struct json *v, void *target)
{
	const struct oci_id_map *m = target;

	(void)v;
	if (!m->size)
		return oci_bad_member(c, at, "size", "must not be 0");
	if (m->container_id > UINT32_MAX - m->size || m->host_id > UINT32_MAX - m->size)
		return oci_bad(c, at, "the range ends beyond the last id");
	return 0;
}

const struct oci_field oci_mount_fields[] = {
	{ "destination", OCI_STR, TO(destination), OCI_REQUIRED | OCI_NOTEMPTY },
	{ "type", OCI_STR, TO(type) },
	{ "source", OCI_STR, TO(source) },
	{ "options", OCI_STRV, TO(options), 0, TO(n_options) },
	{ "uidMappings", OCI_LIST, TO(uid_map), 0, TO(n_uid_map), oci_check_id_map, oci_id_map_fields,
	  sizeof(struct oci_id_map) },
	{ "gidMappings", OCI_LIST, TO(gid_map), 0, TO(n_gid_map), oci_check_id_map, oci_id_map_fields,
	  sizeof(struct oci_id_map) },
	{ 0 },
};

int oci_check_mount(const struct oci_ctx *c, const struct oci_path *at, const struct json *v, void *target)
{
	const struct oci_mount *m = target;

	(void)v;
	if (!m->n_uid_map != !m->n_gid_map)
		return oci_bad(c, at, "uidMappings and gidMappings belong together");
	return 0;
}

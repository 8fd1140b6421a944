/* config.json from anybody: the JSON reader and everything the specification's parser does with its values. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include "oci/spec.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	CLEANUP_ARENA struct arena a = ARENA_INIT;
	struct err e = { 0 };
	const struct json *doc;
	const struct oci_spec *spec;
	const struct oci_process *process;
	const struct oci_seccomp *seccomp;
	struct cg_resources resources;
	const struct oci_mount *mounts;
	size_t n;

	if (json_parse(&a, (const char *)data, size, NULL, &doc, &e) < 0)
		return 0;
	if (oci_spec_parse(&a, doc, &spec, &e) == 0 && (!spec->root_path || !spec->oci_version))
		abort();
	if (oci_process_parse(&a, doc, &process, &e) == 0 && process->cwd[0] != '/')
		abort();
	if (oci_seccomp_parse(&a, doc, &seccomp, &e) < 0 && e.cls != ERR_INVALID)
		abort();
	if (oci_mounts_parse(&a, doc, &mounts, &n, &e) == 0 && n && !mounts[n - 1].destination)
		abort();
	if (oci_resources_parse(&a, doc, &resources, &e) < 0 && e.code == 0)
		abort();
	return 0;
}

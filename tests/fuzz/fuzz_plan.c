/* config.json from anybody, up to the plan of its mounts (runtime/mount_plan.c) and its process: what the host side decides
 * before it clones. Each mount has one maker, what cannot be done has an error that says why. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/internal.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_plan(const struct rt_mount_plan *p, size_t n_fds)
{
	if (!p->data || (p->by_host && p->on_root) || (p->hierarchies && p->kind != RT_MOUNT_CGROUP) || p->more >= n_fds + 1)
		abort();
	if (p->kind == RT_MOUNT_BIND ? !p->m->source : !p->m->type)
		abort();
	if (!strcmp(p->m->destination, "/"))
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct rt_create_args args = { .id = "id", .bundle = "/b", .rootfs = { .kind = RT_ROOTFS_DIR, .path = "/b/rootfs" } };
	struct rt_ctx c = { .arena = ARENA_INIT, .create = &args, .proc = -1, .sock = -1, .agent = -1 };
	CLEANUP_ARENA struct arena a = ARENA_INIT;
	const struct json *doc;
	struct err e = { 0 };

	if (json_parse(&a, (const char *)data, size, NULL, &doc, &e) < 0 || oci_spec_parse(&a, doc, &c.spec, &e) < 0)
		return 0;
	args.spec = c.spec;
	for (int i = 0; i < OCI_NS_COUNT; i++)
		c.own[i] = i % 2 == 0 || !c.spec->linux_.ns[OCI_NS_USER].wanted;
	if (c.spec->process && rt_process_check(c.spec->process, &e) < 0 && (!e.msg[0] || e.code >= 0))
		abort();
	if (rt_plan_mounts(&c, &e) == 0) {
		for (size_t i = 0; i < c.n_mounts; i++)
			check_plan(&c.mounts[i], c.n_mount_fds);
	} else if (!e.msg[0] || e.code >= 0) {
		abort();
	}
	arena_free(&c.arena);
	return 0;
}

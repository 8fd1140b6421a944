/* Who we are at a registry, and where it is asked: what pull, push and login know before the first question. */
#ifndef TARE_ENGINE_ACCESS_H
#define TARE_ENGINE_ACCESS_H

#include "engine/credentials.h"
#include "engine/engine.h"
#include "engine/registries.h"
#include "image/registry.h"

struct access {
	struct arena secrets; /* all that is below */
	struct registries registries;
	struct registries_places places;
	struct credential_files files;
	const struct registry_endpoint *found;
	struct transfer_endpoint *endpoints; /* the same, as tare-transfer is told */
	size_t n;
};
#define ACCESS_INIT { .secrets = ARENA_INIT }
#define CLEANUP_ACCESS CLEANUP(access_end)

/* Where ref is asked for that use (engine/registries.h), as whom en->auths or else the credentials that are kept say (engine/credentials.h); given, when not NULL, is
 * taken instead of what is kept. */
int access_find(struct access *q, const struct engine *en, const struct image_ref *ref, enum registry_use use,
		const struct credential *given, struct err *e) MUST_CHECK;
void access_end(struct access *q);

#endif

/* What a registry lists: the tags of a repository, and who refers to a manifest. Lists come in pages. */
#ifndef TARE_IMAGE_LISTING_H
#define TARE_IMAGE_LISTING_H

#include "image/registry.h"

#define LISTING_MAX 10000 /* entries; a registry could go on for ever */

/* All tags, as the registry orders them, in a. ERR_INVALID: what it answers is no list, or names what is no tag; ERR_LIMIT; else as the
 * registry has it (distribution specification, "Listing Tags"). */
int listing_tags(struct registry_client *c, struct arena *a, const char *const **out, size_t *n, struct err *e) MUST_CHECK;

struct listing_referrer {
	const char *digest;
	const char *type; /* what it is, as far as the list says; "" */
};

/* The manifests that refer to this one, in a: asked of the referrers API, and of a registry without it by the tag that stands for it
 * (distribution specification, "Listing Referrers", "Referrers Tag Schema"). None is no error. endpoint: that one, or REGISTRY_ANY. */
int listing_referrers(struct registry_client *c, struct arena *a, const char *digest, uint64_t endpoint, struct listing_referrer **out, size_t *n,
		      struct err *e) MUST_CHECK;

#endif

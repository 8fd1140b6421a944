#include "engine/access.h"

#include <unistd.h>

#include "engine/surroundings.h"

void access_end(struct access *q)
{
	arena_wipe(&q->secrets);
}

/* Who the user is on the machine. */
static uid_t who(const struct engine *en)
{
	uint32_t outside;

	return en->user.on && idmap_outside(en->user.uid, en->user.n_uid, 0, &outside) ? outside : geteuid();
}

static int login(struct access *q, const struct engine *en, const char *domain, const struct credential *given, struct transfer_endpoint *out, struct err *e)
{
	struct credential c;
	int r = 0;

	if (given)
		c = *given;
	else if (en->auths)
		r = credential_among(&q->secrets, en->auths, domain, out->repository, &c, e);
	else
		r = credential_get(&q->secrets, &q->files, domain, out->repository, &c, e);
	if (r < 0)
		return r;
	out->user = c.username;
	out->password = c.password;
	out->identity_token = c.identity_token;
	out->registry_token = c.registry_token;
	return 0;
}

int access_find(struct access *q, const struct engine *en, const struct image_ref *ref, enum registry_use use,
		const struct credential *given, struct err *e)
{
	struct registry_endpoint *found;
	int r = registries_places_find(&q->secrets, en->user.on, &q->places, e);

	if (r == 0)
		r = registries_read(&q->secrets, &q->places, &q->registries, e);
	if (r == 0 && en->around)
		r = registries_add(&q->secrets, &q->registries, &en->around->registries, e);
	if (r == 0)
		r = registries_resolve(&q->secrets, &q->registries, ref, use, &found, &q->n, e);
	if (r == 0)
		r = credential_files_find(&q->secrets, who(en), &q->files, e);
	if (r < 0)
		return r;
	q->found = found;
	q->endpoints = arena_array(&q->secrets, q->n + 1, sizeof(*q->endpoints));
	if (!q->endpoints)
		return err_errno(e, -ENOMEM, "endpoints");
	for (size_t i = 0; r == 0 && i < q->n; i++) {
		const struct registry_endpoint *f = &found[i];

		q->endpoints[i] = (struct transfer_endpoint){
			.name = f->domain, .base = f->base, .socket = f->socket, .repository = f->repository, .proxy = f->proxy,
			.insecure = !f->verify, .ca = f->ca_pem, .cert = f->cert_pem, .key = f->key_pem,
		};
		r = login(q, en, f->domain, given, &q->endpoints[i], e);
	}
	return r;
}

#include "engine/pull.h"

#include <string.h>
#include <sys/stat.h>

#include "engine/credentials.h"
#include "engine/images.h"
#include "engine/registries.h"
#include "image/ref.h"

struct asked {
	struct arena secrets;
	struct transfer_endpoint *endpoints;
	size_t n;
};

static void asked_end(struct asked *q)
{
	arena_wipe(&q->secrets);
}
#define CLEANUP_ASKED CLEANUP(asked_end)

/* Who the user is on the machine. */
static uid_t who(const struct engine *en)
{
	uint32_t outside;

	return en->user.on && idmap_outside(en->user.uid, en->user.n_uid, 0, &outside) ? outside : geteuid();
}

static int login(struct asked *q, const struct credential_files *files, const char *domain, struct transfer_endpoint *out, struct err *e)
{
	struct credential c;
	int r = credential_get(&q->secrets, files, domain, out->repository, &c, e);

	if (r < 0)
		return r;
	out->user = c.username;
	out->password = c.password;
	out->identity_token = c.identity_token;
	out->registry_token = c.registry_token;
	return 0;
}

/* All that there is to know before the first question. */
static int prepare(struct asked *q, const struct engine *en, const struct image_ref *ref, enum registry_use use, struct err *e)
{
	struct registries_places places;
	struct credential_files files;
	struct registries regs;
	struct registry_endpoint *found;
	int r = registries_places_find(&q->secrets, en->user.on, &places, e);

	if (r == 0)
		r = registries_read(&q->secrets, &places, &regs, e);
	if (r == 0)
		r = registries_resolve(&q->secrets, &regs, ref, use, &found, &q->n, e);
	if (r == 0)
		r = credential_files_find(&q->secrets, who(en), &files, e);
	if (r < 0)
		return r;
	q->endpoints = arena_array(&q->secrets, q->n + 1, sizeof(*q->endpoints));
	if (!q->endpoints)
		return err_errno(e, -ENOMEM, "endpoints");
	for (size_t i = 0; r == 0 && i < q->n; i++) {
		const struct registry_endpoint *f = &found[i];

		q->endpoints[i] = (struct transfer_endpoint){
			.name = f->domain, .base = f->base, .socket = f->socket, .repository = f->repository, .proxy = f->proxy,
			.insecure = !f->verify, .ca = f->ca_pem, .cert = f->cert_pem, .key = f->key_pem,
		};
		r = login(q, &files, f->domain, &q->endpoints[i], e);
	}
	return r;
}

static bool is_here(const struct engine *en, struct arena *a, const char *canonical, const char *id)
{
	struct image img;
	struct err ignored;

	return image_find(en->catalog, a, canonical, &img, &ignored) == 0 && strcmp(img.id, id) == 0;
}

static int run(const struct engine *en, const struct image_pull_args *args, struct arena *a, struct pulled *out, struct err *e)
{
	CLEANUP_STORE struct store store = STORE_INIT;
	CLEANUP_IMAGE_LOAD struct image_load load = IMAGE_LOAD_INIT;
	struct image_resolved resolved;
	int r = store_open(en->root_fd, &store, e);

	if (r == 0)
		r = image_pull(&store, args, a, &load, &resolved, e);
	if (r < 0)
		return r;
	out->digest = resolved.digest;
	out->id = resolved.config;
	out->was_here = is_here(en, a, resolved.name, resolved.config);
	return image_record(en, load.images, load.n_images, e);
}

int engine_pull(const struct engine *en, const struct pull_args *args, struct arena *a, struct pulled *out, struct err *e)
{
	CLEANUP_ASKED struct asked q = { .secrets = ARENA_INIT };
	char transfer[PATH_MAX], worker[PATH_MAX];
	struct image_pull_args pull = { .transfer = transfer };
	struct image_ref ref;
	int r = image_ref_parse(a, args->what, &ref, e);

	if (r == 0)
		r = prepare(&q, en, &ref, REGISTRY_PULL, e);
	if (r == 0)
		r = engine_program("tare-transfer", transfer, e);
	if (r == 0)
		r = engine_program("tare-worker", worker, e);
	if (r < 0)
		return r;
	out->name = image_ref_familiar(a, &ref);
	pull.endpoints = q.endpoints;
	pull.n_endpoints = q.n;
	pull.ref = &ref;
	pull.load = (struct image_load_args){
		.worker = worker, .input = -1, .name = out->name, .platform = args->platform, .limits = args->limits,
		.progress = args->progress, .progress_data = args->progress_data,
	};
	return run(en, &pull, a, out, e);
}

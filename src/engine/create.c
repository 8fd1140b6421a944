/* The order makes a crash at any instant understandable later: the folder with its lock first (a folder without a row
 * is garbage to gc as soon as its lock is free), then the row, then what lies in the folder; config.json last. A row
 * without config.json was never finished, and settle.c removes it. */
#include <fcntl.h>
#include <linux/capability.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/io.h"
#include "base/log.h"
#include "base/text.h"
#include "engine/capacity.h"
#include "engine/config.h"
#include "engine/container.h"
#include "engine/endpoint.h"
#include "engine/events.h"
#include "engine/folder.h"
#include "engine/images.h"
#include "engine/imageuse.h"
#include "engine/join.h"
#include "engine/links.h"
#include "engine/names.h"
#include "engine/prepare.h"
#include "engine/rootfile.h"
#include "engine/settle.h"
#include "engine/spec.h"
#include "engine/volume_use.h"
#include "sys/caps.h"

#define MOST_LAYERS 500
#define NAME_ATTEMPTS 20

/* What container_create() works on. */
struct making {
	const struct engine *en;
	struct plan plan;
	const struct image_config *image;
	const char **lowers;  /* absolute */
	int *lower_fds;       /* topmost first; with --rootfs the folder itself */
	size_t n_lowers;
	int dir;
	const char *container_dir;
};

static void making_end(struct making *m)
{
	for (size_t i = 0; m->lower_fds && i < m->n_lowers; i++)
		close_fd(m->lower_fds[i]);
	m->dir = close_fd(m->dir);
}

void container_new_end(struct container_new *n)
{
	sb_free(&n->description);
	n->lock = close_fd(n->lock);
}

/* ---- what it is made of ---- */

static int open_lowers(struct making *m, const char *const *chains, size_t n, struct err *e)
{
	struct arena *a = m->plan.a;

	if (n > MOST_LAYERS)
		return err_set(e, ERR_LIMIT, "the image has %zu layers; an overlay takes %d", n, MOST_LAYERS);
	m->lowers = arena_array(a, n + 1, sizeof(*m->lowers));
	m->lower_fds = arena_array(a, n + 1, sizeof(*m->lower_fds));
	for (size_t i = 0; i < n && arena_error(a) == 0; i++) {
		char path[STORE_LAYER_PATH_LEN];

		store_layer_path(chains[i], path);
		m->lowers[i] = arena_printf(a, "%s/%s", m->en->root, path);
		m->lower_fds[i] = openat(m->en->root_fd, path, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		if (m->lower_fds[i] < 0)
			return err_errno(e, -errno, "open layer %s (remove the image and load it again)", m->lowers[i]);
		m->n_lowers++;
	}
	return arena_error(a) < 0 ? err_errno(e, -ENOMEM, "list the image's layers") : 0;
}

static int from_image(struct making *m, uint32_t *max_id, struct err *e)
{
	const char *const *chains;
	struct image img;
	size_t n;
	int r = image_find(m->en->catalog, m->plan.a, m->plan.opt->image, &img, e);

	if (r == 0)
		r = image_config_read(m->en, m->plan.a, img.id, &m->image, e);
	if (r == 0)
		r = image_layers(m->en->catalog, m->plan.a, img.id, &chains, &n, e);
	if (r < 0)
		return r;
	m->plan.image_id = img.id;
	*max_id = img.max_id;
	return open_lowers(m, chains, n, e);
}

/* The layers of a step, or the empty folder that stands for none. */
static int from_step(struct making *m, uint32_t *max_id, struct err *e)
{
	const struct ct_step *step = m->plan.opt->step;

	m->image = step->config;
	*max_id = step->max_id;
	if (step->n_chains)
		return open_lowers(m, step->chains, step->n_chains, e);
	m->lowers = arena_array(m->plan.a, 2, sizeof(*m->lowers));
	m->lower_fds = arena_array(m->plan.a, 2, sizeof(*m->lower_fds));
	if (!m->lowers || !m->lower_fds)
		return err_errno(e, -ENOMEM, "step");
	m->lowers[0] = arena_printf(m->plan.a, "%s/empty", step->base);
	m->lower_fds[0] = open(m->lowers[0], O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (m->lower_fds[0] < 0)
		return err_errno(e, -errno, "open %s", m->lowers[0]);
	m->n_lowers = 1;
	return 0;
}

static int from_folder(struct making *m, struct err *e)
{
	const char *path = m->plan.opt->rootfs;

	if (path[0] != '/')
		return err_set(e, ERR_INVALID, "--rootfs %s: must be an absolute path", path);
	m->lower_fds = arena_array(m->plan.a, 1, sizeof(*m->lower_fds));
	if (!m->lower_fds)
		return err_errno(e, -ENOMEM, "--rootfs");
	m->lower_fds[0] = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (m->lower_fds[0] < 0)
		return err_errno(e, -errno, "--rootfs %s", path);
	m->n_lowers = 1;
	return 0;
}

static int look_up_user(struct making *m, struct err *e)
{
	CLEANUP_FREE char *passwd = NULL, *group = NULL;
	int r = rootfile_read(m->lower_fds, m->n_lowers, "etc/passwd", &passwd, e);

	if (r == 0)
		r = rootfile_read(m->lower_fds, m->n_lowers, "etc/group", &group, e);
	return r < 0 ? r : spec_user(&m->plan, passwd, group, e);
}

/* It is no error: a network may be connected later. */
static int warn_of_ports(struct making *m, struct err *e)
{
	const struct plan *p = &m->plan;
	const char **v = arena_array(p->a, p->n_networks + 1, sizeof(*v));
	struct network first;
	int r;

	if (!v)
		return err_errno(e, -ENOMEM, "--network");
	for (size_t i = 0; i < p->n_networks; i++)
		v[i] = p->networks[i].name;
	r = p->publish.n ? network_without_ports(m->en, p->a, (struct strv){ v, p->n_networks }, &first, e) : 0;
	if (r > 0 && first.internal)
		log_warning("network %s is internal: -p %s leads nowhere", first.name, p->publish.v[0]);
	return r < 0 ? r : 0;
}

/* Of the first thing that a container needs the kernel would only say that it is not permitted, or that there is no such call. */
static int check_rights(struct err *e)
{
	return cap_effective(CAP_SYS_ADMIN) ?
		       0 :
		       err_set(e, ERR_DENIED,
			       "a container needs mounts and namespaces, which root may not make here (CAP_SYS_ADMIN): tare in a container needs that --privileged");
}

/* Everything that can be refused without having made anything. */
static int judge(struct making *m, struct err *e)
{
	const struct ct_options *opt = m->plan.opt;
	uint32_t max_id = 0;
	int r = opt->name ? name_check(opt->name, "container", e) : 0;

	if (r == 0)
		r = check_rights(e);
	if (r == 0)
		r = opt->step ? from_step(m, &max_id, e) : opt->rootfs ? from_folder(m, e) : from_image(m, &max_id, e);
	if (r == 0)
		r = join_plan(m->en, &m->plan, e);
	if (r == 0)
		r = volumes_from(m->en, &m->plan, e);
	if (r == 0)
		r = spec_plan(&m->plan, m->image, max_id, e);
	if (r == 0)
		r = links_plan(m->en, &m->plan, e);
	if (r == 0)
		r = capacity_check(m->en, "--storage-opt", &m->plan.storage, &m->plan.storage_kind, e);
	if (r == 0)
		r = look_up_user(m, e);
	return r < 0 ? r : warn_of_ports(m, e);
}

/* ---- the row ---- */

/* In one line, as docker shows it: what has a blank stands in quotes. */
static const char *shown_command(struct arena *a, struct strv args)
{
	CLEANUP_STRBUF struct strbuf b = STRBUF_INIT;

	for (size_t i = 0; i < args.n; i++) {
		const char *quote = i && strchr(args.v[i], ' ') ? "'" : "";

		sb_printf(&b, "%s%s%s%s", i ? " " : "", quote, args.v[i], quote);
	}
	return arena_strdup(a, sb_str(&b));
}

static int insert(struct making *m, struct record *rec, struct err *e)
{
	struct catalog *c = m->en->catalog;
	int r = -EEXIST;

	if (m->plan.opt->name)
		return record_insert(c, rec, e);
	for (unsigned int i = 0; i < NAME_ATTEMPTS && r < 0; i++) {
		char name[64];

		r = name_generate(i, name, e);
		if (r < 0)
			return r;
		rec->name = arena_strdup(m->plan.a, name);
		r = record_insert(c, rec, e);
		if (r < 0 && e->cls != ERR_CONFLICT)
			return r;
	}
	return r;
}

static int take_networks(struct making *m, const struct strbuf *config, struct err *e)
{
	const struct json *doc;
	bool any = m->plan.n_networks || m->plan.usernet;
	int r = any ? json_parse(m->plan.a, config->s, config->len, NULL, &doc, e) : 0;

	return r < 0 || !any ? r : endpoint_take(m->en, m->plan.a, m->plan.id, doc, NULL, e);
}

/* What is to be there after the machine starts again is on the disk. */
static bool is_durable(const struct making *m, bool running)
{
	return !running || m->plan.restart.kind != POLICY_NO;
}

static int write_row(struct making *m, bool running, const char **name, struct err *e)
{
	CLEANUP_CATALOG_TXN struct catalog *c = m->en->catalog;
	CLEANUP_STRBUF struct strbuf config = STRBUF_INIT;
	struct plan *p = &m->plan;
	struct record rec;
	int r = config_write(p, m->image, m->container_dir, &config, e);

	if (r < 0)
		return r;
	rec = (struct record){
		.id = p->id,
		.name = p->opt->name,
		.image = p->image_id,
		.image_ref = p->opt->image ? p->opt->image : p->opt->rootfs,
		.command = shown_command(p->a, p->args),
		.config = config.s,
		.created = clock_now_ns(),
		.status = running ? RECORD_RUNNING : RECORD_CREATED,
		.boot_id = running ? m->en->boot_id : NULL,
		.auto_remove = p->opt->rm,
	};
	rec.started = running ? rec.created : 0;
	r = catalog_begin(c, is_durable(m, running) ? CATALOG_DURABLE : CATALOG_LAZY, e);
	if (r == 0)
		r = insert(m, &rec, e);
	if (r == 0 && p->userns && p->map_base == 0 && !p->rootless)
		r = id_range_take(c, p->id, p->map_size, &p->map_base, e);
	else if (r == 0 && p->userns)
		r = id_range_name(c, p->id, p->map_base, p->map_size, e);
	if (r == 0)
		r = join_insert(m->en, p, e);
	if (r == 0)
		r = volumes_take(c, p, e);
	if (r == 0)
		r = images_take(c, p, e);
	if (r == 0 && running)
		r = take_networks(m, &config, e);
	*name = rec.name;
	return r < 0 ? r : catalog_commit(c, e);
}

/* The name may be held by a container whose making was cut short. */
static int claim(struct making *m, bool running, const char **name, struct err *e)
{
	struct err why = { 0 };
	struct record rec;
	int r = write_row(m, running, name, e);

	if (r == 0 || e->cls != ERR_CONFLICT || !m->plan.opt->name)
		return r;
	if (record_find(m->en->catalog, m->plan.a, m->plan.opt->name, &rec, &why) == 0) {
		CLEANUP_LIVE struct live live = LIVE_INIT;

		if (settle(m->en, m->plan.a, &rec, &live, SETTLE_LOOK, &why) == 0 || why.cls != ERR_NOTFOUND)
			return r;
	}
	return write_row(m, running, name, e);
}

/* ---- the folder ---- */

static int describe(struct making *m, const char *name, unsigned int attach, struct strbuf *out, struct err *e)
{
	char self[PATH_MAX], init[PATH_MAX];
	const char *exited[] = { self, "--root", m->en->root, "--state", m->en->state, "internal", "exited", m->plan.id, NULL };
	struct spec_place place = {
		.name = name,
		.container_dir = m->container_dir,
		.state_dir = folder_state(m->en, m->plan.a, m->plan.id),
		.lowers = m->lowers,
		.n_lowers = m->n_lowers,
		.exited = exited,
	};
	int r = engine_self(self, e);

	if (r == 0 && m->plan.opt->init) {
		r = engine_program("tare-init", init, e);
		place.init_program = init;
	}
	return r < 0 ? r : spec_describe(&m->plan, &place, attach, out, e);
}

/* A row without config.json would be no container to the next start. */
static int fill_folder(struct making *m, struct container_new *n, bool running, unsigned int attach, struct err *e)
{
	int r = prepare_container(&m->plan, m->dir, m->lower_fds, m->n_lowers, e);

	if (r == 0)
		r = volumes_fill(m->en, &m->plan, m->lower_fds, m->n_lowers, e);
	if (r == 0)
		r = describe(m, n->name, attach, &n->description, e);
	if (r < 0)
		return r;
	r = io_replace_file(m->dir, "config.json", n->description.s, n->description.len, 0600, is_durable(m, running));
	return r < 0 ? err_errno(e, r, "write the container's config.json") : 0;
}

static int make_all(struct making *m, bool running, unsigned int attach, struct container_new *n, struct err *e)
{
	struct err ignored;
	int r;

	m->dir = folder_make(m->en, n->id, &n->lock, e);
	r = m->dir < 0 ? m->dir : claim(m, running, &n->name, e);
	if (r < 0) {
		(void)folder_remove(m->en, n->id, &ignored);
		return r;
	}
	if (running) /* before config.json: one that has that, and no state folder, has lost it */
		r = folder_state_make(m->en, n->id, e);
	if (r == 0)
		r = fill_folder(m, n, running, attach, e);
	if (r < 0)
		(void)settle_remove(m->en, n->id, true, &ignored);
	return r;
}

static void tell(const struct making *m)
{
	struct err ignored;
	struct record rec;

	for (size_t i = 0; i < m->plan.n_binds; i++)
		if (m->plan.binds[i].volume && m->plan.binds[i].anonymous)
			events_volume(m->en, "create", m->plan.binds[i].volume);
	if (record_get(m->en->catalog, m->plan.a, m->plan.id, &rec, &ignored) == 0)
		events_container(m->en, &rec, "create", NULL);
}

int container_create(const struct engine *en, struct arena *a, const struct ct_options *opt, bool running,
		     unsigned int attach, struct container_new *out, struct err *e)
{
	CLEANUP(making_end) struct making m = { .en = en, .dir = -1 };
	int r;

	/* its start is the host name, and one of decimal digits alone is no name but a number to whoever looks it up */
	do
		r = text_random_hex(ID_LEN / 2, out->id);
	while (r == 0 && strspn(out->id, "0123456789") >= ID_SHORT);
	if (r < 0)
		return err_errno(e, r, "make up an id");
	m.plan = (struct plan){ .a = a, .opt = opt, .id = out->id, .rootless = en->user.on ? &en->user : NULL };
	m.container_dir = folder_path(en, a, out->id);
	r = judge(&m, e);
	if (r == 0)
		r = volumes_plan(en, &m.plan, e);
	if (r == 0)
		r = images_plan(en, &m.plan, e);
	if (r < 0)
		return r;
	r = make_all(&m, running, attach, out, e);
	if (r < 0)
		return r;
	out->attached = attach & FRAME_WANT_STREAMS;
	tell(&m);
	return 0;
}

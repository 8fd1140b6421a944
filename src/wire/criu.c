/* One row per option, in the order of their numbers. What is not set is not sent: a field that an old CRIU does not know
 * is passed over without a word, so who needs one asks for the version first. */
#include "wire/criu.h"

#include <limits.h>

#include "wire/protobuf.h"

enum kind { FLAG, NUMBER, TEXT, DESCRIPTOR, PAIRS };

static const struct option {
	uint32_t field;
	enum kind kind;
	size_t offset;
} options[] = {
#define O(m) offsetof(struct criu_options, m)
	{ 1, DESCRIPTOR, O(images_dir) },
	{ 2, NUMBER, O(pid) },
	{ 3, FLAG, O(leave_running) },
	{ 4, FLAG, O(ext_unix_sk) },
	{ 5, FLAG, O(tcp_established) },
	{ 6, FLAG, O(evasive_devices) },
	{ 7, FLAG, O(shell_job) },
	{ 8, FLAG, O(file_locks) },
	{ 9, NUMBER, O(log_level) },
	{ 10, TEXT, O(log_file) },
	{ 12, FLAG, O(notify_scripts) },
	{ 13, TEXT, O(root) },
	{ 14, TEXT, O(parent_img) },
	{ 15, FLAG, O(track_mem) },
	{ 16, FLAG, O(auto_dedup) },
	{ 17, DESCRIPTOR, O(work_dir) },
	{ 18, FLAG, O(link_remap) },
	{ 23, PAIRS, O(ext_mnt) },
	{ 25, PAIRS, O(cg_root) },
	{ 26, FLAG, O(rst_sibling) },
	{ 38, NUMBER, O(empty_ns) },
	{ 39, PAIRS, O(join_ns) },
	{ 44, TEXT, O(freeze_cgroup) },
	{ 46, FLAG, O(tcp_skip_in_flight) },
	{ 48, FLAG, O(lazy_pages) },
	{ 50, FLAG, O(orphan_pts_master) },
	{ 51, TEXT, O(config_file) },
	{ 52, FLAG, O(tcp_close) },
	{ 53, TEXT, O(lsm_profile) },
	{ 60, TEXT, O(cgroup_yard) },
	{ 63, TEXT, O(lsm_mount_context) },
	{ 64, NUMBER, O(network_lock) },
#undef O
};

static void put_pairs(struct strbuf *out, uint32_t field, const struct criu_pairs *pairs)
{
	CLEANUP_STRBUF struct strbuf one = STRBUF_INIT;

	for (size_t i = 0; i < pairs->n; i++) {
		sb_reset(&one);
		pb_put_str(&one, 1, pairs->v[i].key);
		pb_put_str(&one, 2, pairs->v[i].value);
		pb_put_bytes(out, field, one.s, one.len);
	}
	if (sb_error(&one) < 0)
		out->failed = true;
}

static void put_option(struct strbuf *out, const struct option *o, const struct criu_options *opts)
{
	const void *at = (const char *)opts + o->offset;

	switch (o->kind) {
	case FLAG:
		if (*(const bool *)at)
			pb_put_u64(out, o->field, 1);
		break;
	case NUMBER:
		if (*(const uint32_t *)at)
			pb_put_u64(out, o->field, *(const uint32_t *)at);
		break;
	case TEXT:
		if (*(const char *const *)at)
			pb_put_str(out, o->field, *(const char *const *)at);
		break;
	case DESCRIPTOR:
		if (*(const int *)at >= 0)
			pb_put_i32(out, o->field, *(const int *)at);
		break;
	case PAIRS:
		put_pairs(out, o->field, at);
		break;
	}
}

static void put_inherited(struct strbuf *out, struct strbuf *one, const struct criu_options *opts)
{
	for (size_t i = 0; i < opts->n_inherit; i++) {
		sb_reset(one);
		pb_put_str(one, 1, opts->inherit[i].key);
		pb_put_i32(one, 2, opts->inherit[i].fd);
		pb_put_bytes(out, 27, one->s, one->len);
	}
}

static void put_options(struct strbuf *out, const struct criu_options *opts)
{
	CLEANUP_STRBUF struct strbuf one = STRBUF_INIT;

	for (size_t i = 0; i < ARRAY_LEN(options); i++)
		put_option(out, &options[i], opts);
	put_inherited(out, &one, opts);
	pb_put_u64(out, 34, opts->cgroups);
	for (const char *const *x = opts->external; x && *x; x++)
		pb_put_str(out, 37, *x);
	if (opts->page_server_address) {
		sb_reset(&one);
		pb_put_str(&one, 1, opts->page_server_address);
		pb_put_i32(&one, 2, opts->page_server_port);
		pb_put_bytes(out, 11, one.s, one.len);
	}
	if (sb_error(&one) < 0)
		out->failed = true;
}

void criu_write(struct strbuf *out, const struct criu_request *r)
{
	CLEANUP_STRBUF struct strbuf part = STRBUF_INIT;

	pb_put_u64(out, 1, r->type);
	if (r->opts) {
		put_options(&part, r->opts);
		pb_put_bytes(out, 2, part.s, part.len);
	}
	if (r->type == CRIU_NOTIFY)
		pb_put_u64(out, 3, r->notify_success);
	if (r->keep_open)
		pb_put_u64(out, 4, 1);
	if (r->type == CRIU_FEATURE_CHECK) {
		sb_reset(&part);
		pb_put_u64(&part, 1, r->mem_track);
		pb_put_u64(&part, 2, r->lazy_pages);
		pb_put_bytes(out, 5, part.s, part.len);
	}
	if (sb_error(&part) < 0)
		out->failed = true;
}

/* ---- reading ---- */

static struct pb_reader inside(const struct pb_field *f)
{
	return (struct pb_reader){ f->data, f->data + f->len };
}

static int as_int(const struct pb_field *f)
{
	return (int)(int32_t)(uint32_t)f->value;
}

static int parse_restore(const struct pb_field *f, struct criu_response *out)
{
	struct pb_reader r = inside(f);
	struct pb_field x;
	int more;

	while ((more = pb_next(&r, &x)) > 0)
		if (x.number == 1)
			out->pid = as_int(&x);
	return more;
}

static int parse_notify(const struct pb_field *f, struct criu_response *out)
{
	struct pb_reader r = inside(f);
	struct pb_field x;
	int more;

	while ((more = pb_next(&r, &x)) > 0) {
		if (x.number == 1 && x.type == PB_BYTES)
			pb_copy_str(&x, out->script, sizeof(out->script));
		else if (x.number == 2)
			out->pid = as_int(&x);
	}
	return more;
}

static int parse_features(const struct pb_field *f, struct criu_response *out)
{
	struct pb_reader r = inside(f);
	struct pb_field x;
	int more;

	while ((more = pb_next(&r, &x)) > 0) {
		if (x.number == 1)
			out->mem_track = x.value != 0;
		else if (x.number == 2)
			out->lazy_pages = x.value != 0;
	}
	return more;
}

static int parse_version(const struct pb_field *f, struct criu_response *out)
{
	struct pb_reader r = inside(f);
	struct pb_field x;
	int more;

	while ((more = pb_next(&r, &x)) > 0) {
		if (x.number == 1)
			out->major = (unsigned int)x.value;
		else if (x.number == 2)
			out->minor = (unsigned int)x.value;
		else if (x.number == 4)
			out->sublevel = (unsigned int)x.value;
	}
	return more;
}

static int parse_field(const struct pb_field *f, struct criu_response *out)
{
	bool message = f->type == PB_BYTES;

	switch (f->number) {
	case 1:
		out->type = (uint32_t)f->value;
		return 0;
	case 2:
		out->success = f->value != 0;
		return 0;
	case 4:
		return message ? parse_restore(f, out) : -EBADMSG;
	case 5:
		return message ? parse_notify(f, out) : -EBADMSG;
	case 7:
		out->cr_errno = as_int(f);
		return 0;
	case 8:
		return message ? parse_features(f, out) : -EBADMSG;
	case 9:
		if (message)
			pb_copy_str(f, out->message, sizeof(out->message));
		return message ? 0 : -EBADMSG;
	case 10:
		return message ? parse_version(f, out) : -EBADMSG;
	default:
		return 0;
	}
}

int criu_parse(const void *data, size_t len, struct criu_response *out)
{
	struct pb_reader r = { data, (const unsigned char *)data + len };
	bool has_type = false, has_success = false;
	struct pb_field f;
	int more;

	*out = (struct criu_response){ 0 };
	while ((more = pb_next(&r, &f)) > 0) {
		if (parse_field(&f, out) < 0)
			return -EBADMSG;
		has_type |= f.number == 1;
		has_success |= f.number == 2;
	}
	return more < 0 || !has_type || !has_success ? -EBADMSG : 0;
}

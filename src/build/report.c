#include "build/report.h"

#include <string.h>

#include "base/io.h"

#define MOST_TEXT (1U << 20)

struct head {
	enum report_kind kind;
	uint32_t len; /* of what follows */
	enum build_event_kind event;
	bool error;
	size_t step, steps;
};

struct told_layer {
	bool layer;
	char key[DIGEST_LEN + 1]; /* of REPORT_MADE */
	char chain[DIGEST_LEN + 1], diff[DIGEST_LEN + 1], blob[DIGEST_LEN + 1];
	uint64_t blob_size, size;
	uint32_t max_id;
};

static void tell(int fd, const struct head *head, const void *body)
{
	if (io_write_full(fd, head, sizeof(*head)) == 0)
		(void)!io_write_full(fd, body, head->len);
}

void report_event(int fd, const struct build_event *ev)
{
	struct head head = { .kind = REPORT_EVENT, .event = ev->kind, .error = ev->error, .step = ev->step, .steps = ev->steps };

	for (size_t done = 0; done == 0 || done < ev->len; done += head.len) {
		head.len = ev->len - done < MOST_TEXT ? (uint32_t)(ev->len - done) : MOST_TEXT;
		tell(fd, &head, ev->text + done);
		if (!ev->len)
			return;
	}
}

static void tell_layer(int fd, enum report_kind kind, const char *key, const struct image_layer *l)
{
	const struct head head = { .kind = kind, .len = sizeof(struct told_layer) };
	struct told_layer told = { .layer = l != NULL };

	memcpy(told.key, key, strnlen(key, sizeof(told.key) - 1));
	if (l) {
		memcpy(told.chain, l->chain_id, sizeof(told.chain));
		memcpy(told.diff, l->diff_id, sizeof(told.diff));
		memcpy(told.blob, l->blob, sizeof(told.blob));
		told.blob_size = l->blob_size;
		told.size = l->size;
		told.max_id = l->max_id;
	}
	tell(fd, &head, &told);
}

void report_step(int fd, const struct image_layer *l)
{
	tell_layer(fd, REPORT_STEP, "", l);
}

void report_made(int fd, const char *key, const struct image_layer *l)
{
	tell_layer(fd, REPORT_MADE, key, l);
}

void report_container(int fd, const char *id)
{
	const struct head head = { .kind = REPORT_CONTAINER, .len = (uint32_t)strlen(id) };

	tell(fd, &head, id);
}

void report_failed(int fd, const struct err *why)
{
	const struct head head = { .kind = REPORT_FAILED, .len = sizeof(*why) };

	tell(fd, &head, why);
}

/* ---- the other end ---- */

static int take_layer(struct arena *a, const struct strbuf *body, const char **key, struct given *out)
{
	struct told_layer told;

	if (body->len != sizeof(told))
		return -EBADMSG;
	memcpy(&told, body->s, sizeof(told));
	told.key[DIGEST_LEN] = '\0';
	*key = arena_strdup(a, told.key);
	*out = (struct given){ .layer = told.layer };
	if (told.layer)
		out->l = (struct image_layer){ .chain_id = arena_strdup(a, told.chain), .diff_id = arena_strdup(a, told.diff),
					       .blob = arena_strdup(a, told.blob), .blob_size = told.blob_size,
					       .size = told.size, .max_id = told.max_id, .existed = true };
	return arena_error(a);
}

static int take(struct arena *a, const struct head *head, const struct strbuf *body, struct report *out)
{
	*out = (struct report){ .kind = head->kind };
	switch (head->kind) {
	case REPORT_EVENT:
		out->event = (struct build_event){ .kind = head->event, .error = head->error, .step = head->step, .steps = head->steps, .text = sb_str(body),
						   .len = body->len };
		return 1;
	case REPORT_STEP:
	case REPORT_MADE:
		return take_layer(a, body, &out->key, &out->given) < 0 ? -EBADMSG : 1;
	case REPORT_CONTAINER:
		if (body->len >= sizeof(out->container))
			return -EBADMSG;
		memcpy(out->container, sb_str(body), body->len);
		return 1;
	case REPORT_FAILED:
		if (body->len != sizeof(out->err))
			return -EBADMSG;
		memcpy(&out->err, body->s, sizeof(out->err));
		return 1;
	default:
		return -EBADMSG;
	}
}

int report_read(int fd, struct arena *a, struct strbuf *text, struct report *out)
{
	char chunk[4096];
	struct head head;
	ssize_t n = io_read_full(fd, &head, sizeof(head));

	if (n <= 0)
		return (int)n;
	if (n != sizeof(head) || head.len > MOST_TEXT)
		return -EBADMSG;
	sb_reset(text);
	for (size_t left = head.len; left > 0; left -= (size_t)n) {
		n = io_read_full(fd, chunk, left < sizeof(chunk) ? left : sizeof(chunk));
		if (n <= 0)
			return n < 0 ? (int)n : -EBADMSG;
		sb_add(text, chunk, (size_t)n);
	}
	return sb_error(text) < 0 ? -ENOMEM : take(a, &head, text, out);
}

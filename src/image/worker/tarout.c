#include "image/worker/tarout.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#define BLOCK 512U
#define MAX_OCTAL_7 07777777U
#define MAX_OCTAL_11 077777777777U

struct header {
	char name[100], mode[8], uid[8], gid[8], size[12], mtime[12], sum[8], type, link[100], magic[8], uname[32], gname[32],
		major[8], minor[8], prefix[155], rest[12];
};
_Static_assert(sizeof(struct header) == BLOCK, "a tar header is a block");

static void octal(char *field, size_t width, uint64_t v)
{
	char text[24];

	(void)snprintf(text, sizeof(text), "%0*llo", (int)width - 1, (unsigned long long)v);
	memcpy(field, text + strlen(text) - (width - 1), width - 1);
}

/* "LEN KEY=VALUE\n", LEN counting itself. */
static void record(struct strbuf *pax, const char *key, const char *prefix, const void *value, size_t len)
{
	size_t rest = strlen(prefix) + strlen(key) + len + 3, total = rest + 1;
	char digits[24];

	do {
		(void)snprintf(digits, sizeof(digits), "%zu", total);
		if (strlen(digits) + rest == total)
			break;
		total = strlen(digits) + rest;
	} while (true);
	sb_printf(pax, "%zu %s%s=", total, prefix, key);
	sb_add(pax, value, len);
	sb_putc(pax, '\n');
}

static void record_text(struct strbuf *pax, const char *key, const char *value)
{
	record(pax, key, "", value, strlen(value));
}

static void record_number(struct strbuf *pax, const char *key, int64_t v)
{
	char text[24];

	(void)snprintf(text, sizeof(text), "%lld", (long long)v);
	record_text(pax, key, text);
}

static void finish(struct strbuf *out, struct header *h)
{
	const unsigned char *bytes = (const unsigned char *)h;
	unsigned int sum = 0;

	memcpy(h->magic, "ustar\0" "00", 8);
	memset(h->sum, ' ', sizeof(h->sum));
	for (size_t i = 0; i < BLOCK; i++)
		sum += bytes[i];
	octal(h->sum, 7, sum);
	h->sum[6] = '\0';
	h->sum[7] = ' ';
	sb_add(out, h, BLOCK);
}

static char type_of(const struct tarout_entry *en)
{
	if (en->hard_link)
		return '1';
	switch (en->mode & S_IFMT) {
	case S_IFDIR:
		return '5';
	case S_IFLNK:
		return '2';
	case S_IFCHR:
		return '3';
	case S_IFBLK:
		return '4';
	case S_IFIFO:
		return '6';
	default:
		return '0';
	}
}

/* The name as it is, or cut between its prefix and the rest; false: it takes an extended header. */
static bool put_name(struct header *h, const char *path)
{
	size_t len = strlen(path);
	const char *cut;

	if (len <= sizeof(h->name)) {
		memcpy(h->name, path, len);
		return true;
	}
	cut = len > sizeof(h->name) ? strchr(path + (len - sizeof(h->name) - 1), '/') : NULL;
	if (!cut || cut[1] == '\0' || (size_t)(cut - path) > sizeof(h->prefix) || cut == path) {
		memcpy(h->name, path, sizeof(h->name));
		return false;
	}
	memcpy(h->prefix, path, (size_t)(cut - path));
	memcpy(h->name, cut + 1, strlen(cut + 1));
	return true;
}

static void put_link(struct header *h, const char *link, struct strbuf *pax)
{
	size_t len = strlen(link);

	if (len > sizeof(h->link))
		record_text(pax, "linkpath", link);
	memcpy(h->link, link, len > sizeof(h->link) ? sizeof(h->link) : len);
}

static void put_numbers(struct header *h, const struct tarout_entry *en, uint64_t size, struct strbuf *pax)
{
	octal(h->mode, sizeof(h->mode), en->mode & 07777);
	octal(h->uid, sizeof(h->uid), en->uid > MAX_OCTAL_7 ? 0 : en->uid);
	octal(h->gid, sizeof(h->gid), en->gid > MAX_OCTAL_7 ? 0 : en->gid);
	octal(h->size, sizeof(h->size), size > MAX_OCTAL_11 ? 0 : size);
	octal(h->mtime, sizeof(h->mtime), en->mtime < 0 || en->mtime > (int64_t)MAX_OCTAL_11 ? 0 : (uint64_t)en->mtime);
	octal(h->major, sizeof(h->major), en->major);
	octal(h->minor, sizeof(h->minor), en->minor);
	if (en->gid > MAX_OCTAL_7)
		record_number(pax, "gid", en->gid);
	if (en->mtime < 0 || en->mtime > (int64_t)MAX_OCTAL_11)
		record_number(pax, "mtime", en->mtime);
	if (size > MAX_OCTAL_11)
		record_number(pax, "size", (int64_t)size);
	if (en->uid > MAX_OCTAL_7)
		record_number(pax, "uid", en->uid);
}

static void extended(struct strbuf *out, const struct strbuf *pax)
{
	struct header h = { .type = 'x' };

	memcpy(h.name, "PaxHeaders/entry", strlen("PaxHeaders/entry"));
	octal(h.mode, sizeof(h.mode), 0644);
	octal(h.uid, sizeof(h.uid), 0);
	octal(h.gid, sizeof(h.gid), 0);
	octal(h.size, sizeof(h.size), pax->len);
	octal(h.mtime, sizeof(h.mtime), 0);
	octal(h.major, sizeof(h.major), 0);
	octal(h.minor, sizeof(h.minor), 0);
	finish(out, &h);
	sb_add(out, pax->s, pax->len);
	sb_fill(out, '\0', tarout_padding(pax->len));
}

void tarout_header(struct strbuf *out, const struct tarout_entry *en)
{
	CLEANUP_STRBUF struct strbuf pax = STRBUF_INIT, name = STRBUF_INIT;
	struct header h = { .type = type_of(en) };
	bool file = h.type == '0';

	sb_puts(&name, en->path);
	if (h.type == '5')
		sb_putc(&name, '/');
	if (!put_name(&h, sb_str(&name)))
		record_text(&pax, "path", sb_str(&name));
	if (en->link)
		put_link(&h, en->link, &pax);
	put_numbers(&h, en, file ? en->size : 0, &pax);
	for (size_t i = 0; i < en->n_xattrs; i++)
		record(&pax, en->xattrs[i].name, "SCHILY.xattr.", en->xattrs[i].value, en->xattrs[i].len);
	out->failed |= pax.failed || name.failed;
	if (pax.len)
		extended(out, &pax);
	finish(out, &h);
}

size_t tarout_padding(uint64_t size)
{
	return (BLOCK - size % BLOCK) % BLOCK;
}

void tarout_end(struct strbuf *out)
{
	sb_fill(out, '\0', (size_t)2 * BLOCK);
}

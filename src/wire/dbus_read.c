/* Reading of messages. The sender is hostile: every length is checked against what is there, nesting is bounded, and a
 * message is walked to its last byte by its signature before a caller sees it. Strings then end inside the buffer and
 * hold no NUL. */
#include "wire/dbus.h"

#include <string.h>

#include "wire/dbus_types.h"

#define FIXED_HEADER 16U /* up to and with the length of the fields */
#define AUTH_LINE_MAX 512U

/* ---- types ---- */

size_t dbus_type_alignment(char type)
{
	switch (type) {
	case 'y': case 'g': case 'v':
		return 1;
	case 'n': case 'q':
		return 2;
	case 'b': case 'i': case 'u': case 'h': case 's': case 'o': case 'a':
		return 4;
	case 'x': case 't': case 'd': case '(': case '{':
		return 8;
	default:
		return 0;
	}
}

static size_t type_length(const char *sig, size_t len, unsigned int depth, bool in_array);

/* "(…)", or "{…}" of exactly two types of which the first is a basic one. */
static size_t group_length(const char *sig, size_t len, unsigned int depth)
{
	char close = sig[0] == '(' ? ')' : '}';
	size_t at = 1, members = 0;

	while (at < len && sig[at] != close) {
		size_t n = type_length(sig + at, len - at, depth + 1, false);

		if (n == 0 || (close == '}' && members == 0 && strchr("av(", sig[at])))
			return 0;
		at += n;
		members++;
	}
	return at < len && members && (close == ')' || members == 2) ? at + 1 : 0;
}

static size_t type_length(const char *sig, size_t len, unsigned int depth, bool in_array)
{
	size_t n;

	if (len == 0 || depth >= DBUS_MAX_DEPTH || dbus_type_alignment(sig[0]) == 0 || (sig[0] == '{' && !in_array))
		return 0;
	if (sig[0] == '(' || sig[0] == '{')
		return group_length(sig, len, depth);
	if (sig[0] != 'a')
		return 1;
	n = type_length(sig + 1, len - 1, depth + 1, true);
	return n ? n + 1 : 0;
}

size_t dbus_type_length(const char *sig, size_t len)
{
	return type_length(sig, len, 0, true);
}

bool dbus_signature_valid(const char *sig, size_t len)
{
	for (size_t at = 0, n; at < len; at += n) {
		n = type_length(sig + at, len - at, 0, false);
		if (n == 0)
			return false;
	}
	return true;
}

/* ---- bytes ---- */

static int align(struct dbus_reader *r, size_t to)
{
	while (r->pos % to) {
		if (r->pos >= r->len || r->data[r->pos])
			return -EBADMSG;
		r->pos++;
	}
	return 0;
}

static int get_le(struct dbus_reader *r, size_t bytes, uint64_t *out)
{
	int rc = align(r, bytes);

	if (rc < 0 || r->len - r->pos < bytes)
		return -EBADMSG;
	*out = 0;
	for (size_t i = 0; i < bytes; i++)
		*out |= (uint64_t)r->data[r->pos + i] << 8 * i;
	r->pos += bytes;
	return 0;
}

/* A string behind a length of so many bytes. */
static int get_string(struct dbus_reader *r, size_t length_bytes, const char **out)
{
	uint64_t len;

	if (get_le(r, length_bytes, &len) < 0 || len >= r->len - r->pos)
		return -EBADMSG;
	*out = (const char *)r->data + r->pos;
	if (r->data[r->pos + len] || memchr(*out, '\0', (size_t)len))
		return -EBADMSG;
	r->pos += (size_t)len + 1;
	return 0;
}

/* ---- values ---- */

static int skip(struct dbus_reader *r, const char *sig, size_t len, unsigned int depth);

static int skip_array(struct dbus_reader *r, const char *element, size_t len, unsigned int depth)
{
	uint64_t bytes;
	size_t end;

	if (get_le(r, 4, &bytes) < 0 || align(r, dbus_type_alignment(*element)) < 0 || bytes > r->len - r->pos)
		return -EBADMSG;
	end = r->pos + (size_t)bytes;
	while (r->pos < end) {
		if (skip(r, element, len, depth) < 0)
			return -EBADMSG;
	}
	return r->pos == end ? 0 : -EBADMSG;
}

static int skip_group(struct dbus_reader *r, const char *sig, size_t len, unsigned int depth)
{
	int rc = align(r, 8);

	for (size_t at = 0, n; rc == 0 && at < len; at += n) {
		n = dbus_type_length(sig + at, len - at);
		rc = n ? skip(r, sig + at, n, depth) : -EBADMSG;
	}
	return rc;
}

static int skip_variant(struct dbus_reader *r, unsigned int depth)
{
	const char *sig;
	size_t len;

	if (get_string(r, 1, &sig) < 0)
		return -EBADMSG;
	len = strlen(sig);
	if (len == 0 || type_length(sig, len, 0, false) != len)
		return -EBADMSG;
	return skip(r, sig, len, depth);
}

/* One value of the complete type sig[0..len). */
static int skip(struct dbus_reader *r, const char *sig, size_t len, unsigned int depth)
{
	const char *s;
	uint64_t v;

	if (depth >= DBUS_MAX_DEPTH)
		return -EBADMSG;
	switch (sig[0]) {
	case 's': case 'o':
		return get_string(r, 4, &s);
	case 'g':
		return get_string(r, 1, &s) < 0 || !dbus_signature_valid(s, strlen(s)) ? -EBADMSG : 0;
	case 'v':
		return skip_variant(r, depth + 1);
	case 'a':
		return skip_array(r, sig + 1, len - 1, depth + 1);
	case '(': case '{':
		return skip_group(r, sig + 1, len - 2, depth + 1);
	case 'b':
		return get_le(r, 4, &v) < 0 || v > 1 ? -EBADMSG : 0;
	default:
		return get_le(r, dbus_type_alignment(sig[0]), &v);
	}
}

/* ---- what callers read ---- */

void dbus_read_begin(struct dbus_reader *r, const struct dbus_message *m)
{
	*r = (struct dbus_reader){ .data = m->body, .len = m->len, .at = m->signature, .end = m->signature + strlen(m->signature) };
}

int dbus_read_u32(struct dbus_reader *r, uint32_t *out)
{
	uint64_t v;

	if (r->at == r->end || *r->at != 'u' || get_le(r, 4, &v) < 0)
		return -EBADMSG;
	r->at++;
	*out = (uint32_t)v;
	return 0;
}

int dbus_read_string(struct dbus_reader *r, char type, const char **out)
{
	if (r->at == r->end || *r->at != type || get_string(r, type == 'g' ? 1 : 4, out) < 0)
		return -EBADMSG;
	r->at++;
	return 0;
}

int dbus_read_variant(struct dbus_reader *r, struct dbus_reader *inside)
{
	size_t before = r->pos;
	const char *sig;

	if (r->at == r->end || *r->at != 'v' || get_string(r, 1, &sig) < 0)
		return -EBADMSG;
	*inside = *r;
	inside->at = sig;
	inside->end = sig + strlen(sig);
	r->pos = before;
	return dbus_read_skip(r);
}

int dbus_read_skip(struct dbus_reader *r)
{
	size_t n = dbus_type_length(r->at, (size_t)(r->end - r->at));

	if (n == 0 || skip(r, r->at, n, 0) < 0)
		return -EBADMSG;
	r->at += n;
	return 0;
}

/* ---- the message ---- */

static const char field_types[] = {
	[DBUS_FIELD_PATH] = 'o',	 [DBUS_FIELD_INTERFACE] = 's',	 [DBUS_FIELD_MEMBER] = 's',
	[DBUS_FIELD_ERROR_NAME] = 's',	 [DBUS_FIELD_REPLY_SERIAL] = 'u', [DBUS_FIELD_DESTINATION] = 's',
	[DBUS_FIELD_SENDER] = 's',	 [DBUS_FIELD_SIGNATURE] = 'g',	 [DBUS_FIELD_UNIX_FDS] = 'u',
};

static const char **text_field(struct dbus_message *m, uint64_t code)
{
	switch (code) {
	case DBUS_FIELD_PATH:
		return &m->path;
	case DBUS_FIELD_INTERFACE:
		return &m->interface;
	case DBUS_FIELD_MEMBER:
		return &m->member;
	case DBUS_FIELD_ERROR_NAME:
		return &m->error_name;
	case DBUS_FIELD_DESTINATION:
		return &m->destination;
	case DBUS_FIELD_SENDER:
		return &m->sender;
	default:
		return &m->signature;
	}
}

static int number_field(struct dbus_reader *v, uint64_t code, struct dbus_message *m)
{
	uint32_t n;

	if (dbus_read_u32(v, &n) < 0 || (code == DBUS_FIELD_UNIX_FDS && n))
		return -EBADMSG;
	if (code == DBUS_FIELD_REPLY_SERIAL) {
		if (n == 0 || m->reply_serial)
			return -EBADMSG;
		m->reply_serial = n;
	}
	return 0;
}

/* One (yv) of the header. */
static int parse_field(struct dbus_reader *r, struct dbus_message *m)
{
	struct dbus_reader v = { 0 };
	const char **text;
	uint64_t code;

	if (align(r, 8) < 0 || get_le(r, 1, &code) < 0 || code == 0)
		return -EBADMSG;
	r->at = "v";
	r->end = r->at + 1;
	if (dbus_read_variant(r, &v) < 0)
		return -EBADMSG;
	if (code >= sizeof(field_types))
		return 0;
	if (v.end - v.at != 1 || *v.at != field_types[code])
		return -EBADMSG;
	if (*v.at == 'u')
		return number_field(&v, code, m);
	text = text_field(m, code);
	return *text ? -EBADMSG : dbus_read_string(&v, field_types[code], text);
}

static bool complete(const struct dbus_message *m)
{
	switch (m->type) {
	case DBUS_CALL:
		return m->path && m->member;
	case DBUS_RETURN:
		return m->reply_serial;
	case DBUS_ERROR:
		return m->reply_serial && m->error_name;
	case DBUS_SIGNAL:
		return m->path && m->interface && m->member;
	default:
		return m->type != 0;
	}
}

static int parse_fields(struct dbus_reader *r, struct dbus_message *m)
{
	while (r->pos < r->len) {
		if (parse_field(r, m) < 0)
			return -EBADMSG;
	}
	if (!m->signature)
		m->signature = "";
	return complete(m) ? 0 : -EBADMSG;
}

static int check_body(const struct dbus_message *m)
{
	struct dbus_reader r;

	dbus_read_begin(&r, m);
	while (r.at < r.end) {
		if (dbus_read_skip(&r) < 0)
			return -EBADMSG;
	}
	return r.pos == r.len ? 0 : -EBADMSG;
}

int dbus_parse(const void *data, size_t len, struct dbus_message *out)
{
	struct dbus_reader r = { .data = data, .len = FIXED_HEADER };
	const unsigned char *p = data;
	uint64_t body, serial, fields;
	size_t at;

	if (len && p[0] != 'l')
		return -EBADMSG;
	if (len < FIXED_HEADER)
		return 0;
	*out = (struct dbus_message){ .type = p[1] };
	r.pos = 4;
	if (p[3] != 1 || get_le(&r, 4, &body) < 0 || get_le(&r, 4, &serial) < 0 || get_le(&r, 4, &fields) < 0 || !serial)
		return -EBADMSG;
	at = (FIXED_HEADER + (size_t)fields + 7) & ~(size_t)7;
	if (fields > DBUS_MAX_MESSAGE || body > DBUS_MAX_MESSAGE || at + body > DBUS_MAX_MESSAGE)
		return -EMSGSIZE;
	if (len < at + body)
		return 0;
	r.len = FIXED_HEADER + (size_t)fields;
	out->serial = (uint32_t)serial;
	if (parse_fields(&r, out) < 0)
		return -EBADMSG;
	r.len = at;
	if (align(&r, 8) < 0)
		return -EBADMSG;
	out->body = p + at;
	out->len = (size_t)body;
	return check_body(out) < 0 ? -EBADMSG : (int)(at + body);
}

/* ---- handshake ---- */

int dbus_auth_parse(const void *data, size_t len)
{
	const char *line = data, *end = memmem(data, len < AUTH_LINE_MAX ? len : AUTH_LINE_MAX, "\r\n", 2);

	if (!end)
		return len < AUTH_LINE_MAX ? 0 : -EBADMSG;
	if (end - line >= 3 && memcmp(line, "OK ", 3) == 0)
		return (int)(end - line) + 2;
	if ((end - line >= 8 && memcmp(line, "REJECTED", 8) == 0) || (end - line >= 5 && memcmp(line, "ERROR", 5) == 0))
		return -EACCES;
	return -EBADMSG;
}

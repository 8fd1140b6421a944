/* A full disk must not stop the container: a batch of records that cannot be written whole is cut off again, so that
 * the file holds only whole lines, its records are counted, and the count is written as a record of its own once
 * there is room. Rotation happens between records only, when the file has reached its size before the next one, as
 * Docker does it; a file may therefore be one record larger than its limit. */
#include "monitor/jsonlog.h"

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/io.h"
#include "base/text.h"

/* Written to the file when this much is gathered. */
#define BATCH 8192U

static const char *const stream_names[] = { "stdout", "stderr" };

int jsonlog_open(struct jsonlog *l, const char *path, uint64_t max_size, uint32_t max_file)
{
	struct stat st;

	l->path = path;
	l->max_size = max_size;
	l->max_file = max_file ? max_file : 1;
	l->fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_NOFOLLOW | O_CLOEXEC, 0640);
	if (l->fd < 0)
		return -errno;
	if (fstat(l->fd, &st) < 0) {
		int r = -errno;

		l->fd = close_fd(l->fd);
		return r;
	}
	l->size = (uint64_t)st.st_size;
	return 0;
}

void jsonlog_close(struct jsonlog *l)
{
	l->fd = close_fd(l->fd);
	sb_free(&l->out);
}

int jsonlog_rewind(struct jsonlog *l, uint64_t size)
{
	if (l->fd < 0 || l->size <= size)
		return 0;
	if (ftruncate(l->fd, (off_t)size) < 0)
		return -errno;
	l->size = size;
	return 0;
}

/* ---- rotation ---- */

static int numbered(char out[PATH_MAX], const char *path, uint32_t n)
{
	int r = n ? snprintf(out, PATH_MAX, "%s.%u", path, n) : snprintf(out, PATH_MAX, "%s", path);

	return r < 0 || r >= PATH_MAX ? -ENAMETOOLONG : 0;
}

/* path.1 becomes path.2 and so on; the last one is overwritten. */
static int shift_files(const char *path, uint32_t max_file)
{
	char from[PATH_MAX], to[PATH_MAX];

	for (uint32_t n = max_file - 1; n > 0; n--) {
		if (numbered(from, path, n - 1) < 0 || numbered(to, path, n) < 0)
			return -ENAMETOOLONG;
		if (rename(from, to) < 0 && errno != ENOENT)
			return -errno;
	}
	return 0;
}

static int rotate(struct jsonlog *l)
{
	int r;

	if (l->max_file == 1) {
		if (ftruncate(l->fd, 0) < 0)
			return -errno;
		l->size = 0;
		return 0;
	}
	r = shift_files(l->path, l->max_file);
	if (r < 0)
		return r;
	l->fd = close_fd(l->fd);
	return jsonlog_open(l, l->path, l->max_size, l->max_file);
}

static bool is_full(const struct jsonlog *l, uint64_t size)
{
	return l->max_size && size >= l->max_size;
}

/* ---- records ---- */

/* The length of the first record at data, 0 when there is no whole one. */
static size_t cut_record(const char *data, size_t len, bool final, bool *part)
{
	size_t look = len < JSONLOG_RECORD ? len : JSONLOG_RECORD;
	const char *end = look ? memchr(data, '\n', look) : NULL;

	*part = !end;
	if (end)
		return (size_t)(end - data) + 1;
	return len >= JSONLOG_RECORD || final ? look : 0;
}

/* The bytes of the UTF-8 sequence at s, 0 when it is none (RFC 3629: shortest form, no surrogates, <= U+10FFFF). */
static size_t utf8_length(const unsigned char *s, size_t len)
{
	size_t n = s[0] >= 0xf0 ? 4 : s[0] >= 0xe0 ? 3 : 2;

	if (s[0] < 0xc2 || s[0] > 0xf4 || n > len)
		return 0;
	for (size_t i = 1; i < n; i++)
		if ((s[i] & 0xc0) != 0x80)
			return 0;
	if ((s[0] == 0xe0 && s[1] < 0xa0) || (s[0] == 0xed && s[1] > 0x9f) || (s[0] == 0xf0 && s[1] < 0x90) ||
	    (s[0] == 0xf4 && s[1] > 0x8f))
		return 0;
	return n;
}

static void add_ascii(struct strbuf *out, unsigned char c)
{
	static const char hex[] = "0123456789abcdef";
	const char code[] = { '\\', 'u', '0', '0', hex[c >> 4], hex[c & 15] };

	switch (c) {
	case '"':
	case '\\':
		sb_putc(out, '\\');
		sb_putc(out, (char)c);
		break;
	case '\n':
		sb_puts(out, "\\n");
		break;
	case '\r':
		sb_puts(out, "\\r");
		break;
	default:
		sb_add(out, code, sizeof(code));
		break;
	}
}

static bool is_plain(unsigned char c)
{
	return c >= 0x20 && c < 0x80 && c != '"' && c != '\\' && c != '<' && c != '>' && c != '&';
}

/* As Docker's encoder: <, >, & and U+2028, U+2029 escaped for browsers, a bad byte as U+FFFD. */
static void add_text(struct strbuf *out, const char *data, size_t len)
{
	const unsigned char *s = (const unsigned char *)data;
	size_t i = 0;

	while (i < len) {
		size_t start = i, n;

		while (i < len && is_plain(s[i]))
			i++;
		sb_add(out, s + start, i - start);
		if (i == len)
			break;
		if (s[i] < 0x80) {
			add_ascii(out, s[i++]);
			continue;
		}
		n = utf8_length(s + i, len - i);
		if (n == 3 && s[i] == 0xe2 && s[i + 1] == 0x80 && (s[i + 2] & 0xfe) == 0xa8)
			sb_puts(out, s[i + 2] == 0xa8 ? "\\u2028" : "\\u2029");
		else if (n)
			sb_add(out, s + i, n);
		else
			sb_puts(out, "\\ufffd");
		i += n ? n : 1;
	}
}

/* Go's RFC3339Nano: no zeros at the end of the fraction. */
static void add_time(struct strbuf *out, const struct timespec *ts)
{
	char text[TEXT_TIME_LEN];
	size_t len;

	text_time(ts, text);
	len = strlen(text) - 1; /* without the Z */
	while (text[len - 1] == '0' && strchr(text, '.'))
		len--;
	if (text[len - 1] == '.')
		len--;
	sb_add(out, text, len);
	sb_putc(out, 'Z');
}

static void add_record(struct jsonlog *l, enum jsonlog_stream stream, const char *data, size_t len, bool part)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	if (l->split[stream])
		now = l->split_time[stream];
	l->split[stream] = part;
	l->split_time[stream] = now;
	sb_puts(&l->out, "{\"log\":\"");
	add_text(&l->out, data, len);
	sb_printf(&l->out, "\",\"stream\":\"%s\",\"time\":\"", stream_names[stream]);
	add_time(&l->out, &now);
	sb_puts(&l->out, "\"}\n");
}

/* ---- writing ---- */

/* Writes what is gathered behind `*end`, the file's size so far. */
static int flush(struct jsonlog *l, uint64_t *end)
{
	int r = sb_error(&l->out);

	if (r == 0 && l->fd < 0)
		r = l->lost_error; /* why it could not be opened */
	if (r == 0)
		r = io_write_full(l->fd, l->out.s, l->out.len);
	if (r == 0)
		*end += l->out.len;
	sb_reset(&l->out);
	return r;
}

/* Everything up to end is in the file, whole records; what follows there is not, when r says so: n records are lost. */
static void settle(struct jsonlog *l, int r, uint64_t end, uint64_t n)
{
	l->size = end;
	if (r == 0)
		return;
	l->lost += n;
	l->lost_error = r;
	if (l->fd >= 0 && ftruncate(l->fd, (off_t)l->size) < 0)
		l->fd = close_fd(l->fd); /* opened again, and measured, by the next prepare */
}

static void report_lost(struct jsonlog *l)
{
	uint64_t end = l->size, lost = l->lost;
	bool split = l->split[JSONLOG_STDERR];
	char text[160];
	int r;

	r = snprintf(text, sizeof(text), "tare: %llu lines of output could not be written to this log: %s\n",
		     (unsigned long long)lost, strerror(-l->lost_error));
	if (r < 0 || l->fd < 0)
		return;
	l->split[JSONLOG_STDERR] = false;
	add_record(l, JSONLOG_STDERR, text, strlen(text), false);
	l->split[JSONLOG_STDERR] = split;
	r = flush(l, &end);
	settle(l, r, end, 0);
	if (r == 0)
		l->lost = 0;
}

void jsonlog_prepare(struct jsonlog *l)
{
	int r = 0;

	if (l->fd < 0)
		r = jsonlog_open(l, l->path, l->max_size, l->max_file);
	if (r == 0 && is_full(l, l->size))
		r = rotate(l);
	if (r < 0)
		l->lost_error = r;
	if (l->lost)
		report_lost(l);
}

size_t jsonlog_append(struct jsonlog *l, enum jsonlog_stream stream, const char *data, size_t len, bool final)
{
	uint64_t end = l->size, n = 0, written = 0;
	size_t done = 0, record;
	bool part;
	int r = 0;

	while ((record = cut_record(data + done, len - done, final, &part)) && (!n || !is_full(l, end + l->out.len))) {
		add_record(l, stream, data + done, record, part);
		done += record;
		n++;
		if (l->out.len >= BATCH && r == 0) {
			r = flush(l, &end);
			written = r == 0 ? n : written;
		} else if (r < 0) {
			sb_reset(&l->out);
		}
	}
	if (n && r == 0)
		r = flush(l, &end);
	sb_reset(&l->out);
	if (n)
		settle(l, r, end, n - written);
	return done;
}

size_t jsonlog_append_part(struct jsonlog *l, enum jsonlog_stream stream, const char *data, size_t len)
{
	uint64_t end = l->size;

	add_record(l, stream, data, len, true);
	settle(l, flush(l, &end), end, 1);
	return len;
}
